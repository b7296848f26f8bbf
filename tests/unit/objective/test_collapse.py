"""The anti-collapse statistics against closed forms and against their formulas written out in NumPy."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import Tensor

from anlage.objective import covariance_term, sigreg, variance_term


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def epps_pulley(z: np.ndarray) -> float:
    """``N * integral |mean(exp(i t z)) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) dt`` over the whole line, in closed form.

    The square opens into three Gaussian integrals, each ``integral exp(-a t^2) cos(b t) dt = sqrt(pi / a) exp(-b^2 / 4a)``
    with ``a = 1/2, 1, 3/2``.
    """
    n = len(z)
    pairs = np.exp(-((z[:, None] - z[None, :]) ** 2) / 2).sum() / n**2
    singles = 2 / n / np.sqrt(2) * np.exp(-(z**2) / 4).sum()
    return float(n * np.sqrt(2 * np.pi) * (pairs - singles + 1 / np.sqrt(3)))


def test_the_closed_form_is_the_integral() -> None:
    z = normal(9).numpy()

    def integrand(t: float) -> float:
        return float(abs(np.exp(1j * t * z).mean() - np.exp(-(t**2) / 2)) ** 2 * np.exp(-(t**2) / 2))

    assert epps_pulley(z) == pytest.approx(9 * quad(integrand, -12, 12)[0], rel=1e-8)


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_sigreg_of_one_latent_axis_equals_the_closed_form_of_epps_and_pulley(scale: float) -> None:
    """With one latent axis every direction is +1 or -1, and the statistic is even, so nothing is left to chance."""
    sample = scale * normal(50, 1) + 0.3
    value = sigreg(sample, n_knots=2001, reach=10.0)
    assert value.item() == pytest.approx(epps_pulley(sample[:, 0].numpy()), rel=1e-6)


def test_the_default_quadrature_is_within_two_percent_of_the_closed_form() -> None:
    sample = 2 * normal(200, 1)
    assert sigreg(sample).item() == pytest.approx(epps_pulley(sample[:, 0].numpy()), rel=0.02)


def test_sigreg_of_many_axes_is_the_mean_closed_form_over_unit_directions() -> None:
    """Over many directions the mean no longer depends on which ones were drawn."""
    sample = normal(40, 3) * torch.tensor([0.2, 1.0, 2.0])
    value = sigreg(sample, n_directions=4000, n_knots=201, reach=8.0).item()
    directions = np.random.default_rng(5).normal(size=(3, 4000))
    projected = sample.numpy() @ (directions / np.linalg.norm(directions, axis=0))
    assert value == pytest.approx(np.mean([epps_pulley(z) for z in projected.T]), rel=0.03)


@pytest.mark.parametrize("n", [50, 200, 800])
def test_sigreg_of_a_normal_sample_has_the_same_expectation_at_every_sample_size(n: int) -> None:
    """``integral (1 - exp(-t^2)) exp(-t^2 / 2) dt = sqrt(2 pi) (1 - 1 / sqrt(3))``, whatever ``n`` is."""
    expected = np.sqrt(2 * np.pi) * (1 - 1 / np.sqrt(3))
    values = [sigreg(normal(n, 8, seed=seed)).item() for seed in range(40)]
    assert np.mean(values) == pytest.approx(expected, rel=0.1)


def test_sigreg_is_small_for_normal_samples_and_large_for_every_kind_of_failure() -> None:
    sample = normal(500, 4)
    heavy = sample / torch.rand(500, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    flat = sample * torch.tensor([1.0, 1.0, 1.0, 0.0])
    twice = torch.cat([sample, sample + 4])
    usual = sigreg(sample).item()
    for failed in (torch.zeros_like(sample), 0.1 * sample, 3 * sample, heavy, flat, twice, sample + 1):
        assert sigreg(failed).item() > 5 * usual


def test_descending_on_sigreg_undoes_a_collapse() -> None:
    sample = (0.05 * normal(200, 3)).requires_grad_()
    optimiser = torch.optim.Adam([sample], lr=0.05)
    for _ in range(100):
        optimiser.zero_grad()
        sigreg(sample).backward()
        optimiser.step()
    torch.testing.assert_close(torch.cov(sample.detach().T), torch.eye(3, dtype=torch.float64), atol=0.25, rtol=0)


def test_sigreg_is_the_same_at_every_call_and_leaves_the_global_generator_alone() -> None:
    sample, state = normal(30, 4), torch.random.get_rng_state()
    assert torch.equal(sigreg(sample), sigreg(sample))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_variance_term_is_the_mean_hinge_below_one_standard_deviation() -> None:
    sample = torch.tensor([[0.0, 0.0, 7.0], [2.0, 0.5, 7.0], [4.0, 1.0, 7.0]], dtype=torch.float64)
    # Unbiased variances 4, 0.25, 0; only the last two are below 1.
    expected = (0 + (1 - np.sqrt(0.25 + 1e-4)) + (1 - np.sqrt(1e-4))) / 3
    assert variance_term(sample).item() == pytest.approx(expected)


def test_the_covariance_term_is_the_sum_of_squared_covariances_over_the_width() -> None:
    sample = normal(20, 4)
    covariance = np.cov(sample.numpy().T)
    expected = (covariance**2).sum() - (np.diag(covariance) ** 2).sum()
    assert covariance_term(sample).item() == pytest.approx(expected / 4)


def test_the_covariance_term_of_two_equal_axes_is_their_squared_variance() -> None:
    axis = torch.tensor([[1.0], [3.0], [5.0]])
    assert covariance_term(axis.repeat(1, 2)).item() == pytest.approx(2 * 4.0**2 / 2)

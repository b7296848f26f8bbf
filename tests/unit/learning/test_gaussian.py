"""Actions by chance, against SciPy and the change of variables worked out by numbers."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from anlage.errors import RecipeError
from anlage.learning.gaussian import Gaussian

MEAN, LOG_SD = torch.tensor([[0.4, -0.9]], dtype=torch.float64), torch.tensor([-0.5, 0.3], dtype=torch.float64)


def laws() -> list[norm]:
    return [norm(float(m), float(s)) for m, s in zip(MEAN[0], LOG_SD.exp(), strict=True)]


def test_the_density_of_an_intent_is_that_of_scipy() -> None:
    intent = torch.tensor([[1.7, -2.0], [0.0, 0.1]], dtype=torch.float64)
    found = Gaussian("clipped").log_density(MEAN.expand(2, 2), LOG_SD, intent)
    wanted = [sum(law.logpdf(float(x)) for law, x in zip(laws(), row, strict=True)) for row in intent]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_the_density_of_a_squashed_action_is_the_slope_of_its_distribution_function() -> None:
    """P(tanh(x) <= a) = P(x <= artanh(a)), differentiated by central differences, without any formula for a slope."""
    for intent in ([0.3, -1.2], [2.0, 0.0], [-1.5, 2.5]):
        action, step = np.tanh(intent), 1e-6
        slope = [
            (law.cdf(np.arctanh(a + step)) - law.cdf(np.arctanh(a - step))) / (2 * step)
            for law, a in zip(laws(), action, strict=True)
        ]
        found = Gaussian("squashed").log_density(MEAN, LOG_SD, torch.tensor([intent], dtype=torch.float64))
        np.testing.assert_allclose(found, np.log(slope).sum(), rtol=1e-6)


def test_the_density_of_a_squashed_action_keeps_its_digits_far_out() -> None:
    found = Gaussian("squashed").log_density(torch.zeros(1, 1), torch.zeros(1), torch.tensor([[40.0]]))
    # log(1 - tanh(40)^2) = log 4 - 80 to 35 digits
    np.testing.assert_allclose(float(found), norm.logpdf(40) - (np.log(4) - 80), rtol=1e-6)


def test_entropies_are_integrals_of_the_density() -> None:
    mean, log_sd = MEAN[:, :1], LOG_SD[:1]
    law = laws()[0]
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(200_000, 1, generator=generator, dtype=torch.float64)
    for bound in ("clipped", "squashed"):
        gaussian = Gaussian(bound)

        def surprise(x: float, gaussian: Gaussian = gaussian) -> float:
            return -float(gaussian.log_density(mean, log_sd, torch.tensor([[x]], dtype=torch.float64)))

        wanted = quad(lambda x: law.pdf(x) * surprise(x), -6, 6)[0]
        found = gaussian.entropy(mean.expand(200_000, 1), log_sd, mean + log_sd.exp() * noise)
        assert float(found.mean()) == pytest.approx(wanted, abs=0.005 if bound == "squashed" else 1e-6)


def test_the_gradient_of_a_squashed_entropy_is_that_of_the_integral() -> None:
    def integral(mean: float, log_sd: float) -> float:
        law = norm(mean, np.exp(log_sd))
        return float(quad(lambda x: law.pdf(x) * (-law.logpdf(x) + np.log(1 - np.tanh(x) ** 2)), -8, 8)[0])

    mean, log_sd = torch.tensor([[0.7]], requires_grad=True), torch.tensor([-0.4], requires_grad=True)
    noise = torch.randn(400_000, 1, generator=torch.Generator().manual_seed(1))
    intent = (mean + log_sd.exp() * noise).detach()
    Gaussian("squashed").entropy(mean.expand(400_000, 1), log_sd, intent).mean().backward()
    for found, (a, b) in ((mean.grad, (1e-3, 0)), (log_sd.grad, (0, 1e-3))):
        wanted = (integral(0.7 + a, -0.4 + b) - integral(0.7 - a, -0.4 - b)) / 2e-3
        assert float(found) == pytest.approx(wanted, abs=0.01)


def test_motors_get_what_they_can_take() -> None:
    intent = torch.tensor([[-3.0, 0.5]])
    assert Gaussian("clipped").action(intent).tolist() == [[-1.0, 0.5]]
    np.testing.assert_allclose(Gaussian("squashed").action(intent), np.tanh([[-3.0, 0.5]]), rtol=1e-6)


def test_another_bound_is_refused() -> None:
    law = Gaussian()
    object.__setattr__(law, "bound", "wrapped")  # past the type that is checked in tests only
    with pytest.raises(RecipeError, match="bound is 'wrapped', but must be 'clipped' or 'squashed'"):
        law.__post_init__()

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.objective import effective_rank, persistence, unexplained
from anlage.trace import Episode, Trace


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def trace_of(embedding: Tensor, prediction: Tensor) -> Trace:
    return Trace(embedding, prediction, torch.zeros(*embedding.shape[:2], 1, dtype=embedding.dtype), Episode({}))


def ahead(embedding: Tensor) -> Tensor:
    return torch.cat([embedding[:, 1:], embedding[:, :1]], dim=1)


def spectrum(values: list[float]) -> Tensor:
    """A centred sample with exactly these singular values."""
    columns = normal(50, len(values))
    left = torch.linalg.qr(columns - columns.mean(0)).Q
    right = torch.linalg.qr(normal(len(values), len(values), seed=1)).Q
    return left @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ right


@pytest.mark.parametrize(
    ("values", "rank"),
    [([1.0] * 5, 5.0), ([3.0, 0.0, 0.0], 1.0), ([2.0, 2.0, 0.0, 0.0], 2.0), ([0.5, 0.25, 0.25], 2 * 2**0.5)],
)
def test_the_effective_rank_of_a_known_spectrum(values: list[float], rank: float) -> None:
    """The last: entropy of (1/2, 1/4, 1/4) is 1.5 bits, and 2 ** 1.5 directions."""
    assert effective_rank(spectrum(values) + 7.0) == pytest.approx(rank, rel=1e-6)


@pytest.mark.parametrize("constant", [0.0, 1e-6, 1.0, 1e6])
def test_a_constant_sample_has_effective_rank_zero(constant: float) -> None:
    assert effective_rank(torch.full((20, 4), constant)) == 0.0


def test_the_effective_rank_does_not_depend_on_scale_rotation_or_offset() -> None:
    sample = spectrum([3.0, 2.0, 0.5])
    turn = torch.linalg.qr(normal(3, 3, seed=2)).Q
    assert effective_rank(1e-3 * sample @ turn + 1) == pytest.approx(effective_rank(sample), rel=1e-6)


def test_perfect_predictions_leave_nothing_unexplained_and_constant_ones_everything() -> None:
    embedding = normal(8, 5, 3)
    assert unexplained(trace_of(embedding, ahead(embedding))) == pytest.approx(0.0, abs=1e-12)
    assert unexplained(trace_of(embedding, torch.full_like(embedding, 3.0))) == 1.0
    assert unexplained(trace_of(embedding, -ahead(embedding))) == 1.0


def test_unexplained_is_one_minus_the_squared_correlation_of_numpy() -> None:
    embedding, prediction = normal(40, 6, 1), normal(40, 6, 1, seed=1) + 0.7 * ahead(normal(40, 6, 1))
    r = np.corrcoef(prediction[:, :-1].flatten(), embedding[:, 1:].flatten())[0, 1]
    assert unexplained(trace_of(embedding, prediction)) == pytest.approx(1 - r**2)


def test_unexplained_by_a_signal_with_noise_is_the_share_of_noise() -> None:
    """Prediction = target + noise of variance 3: correlation 1 / sqrt(1 + 3), so three quarters are unexplained."""
    embedding = normal(400, 20, 4)
    noisy = ahead(embedding) + 3**0.5 * normal(400, 20, 4, seed=1)
    assert unexplained(trace_of(embedding, noisy)) == pytest.approx(0.75, abs=0.01)


def test_unexplained_ignores_offset_and_gain_of_the_prediction_and_scale_and_rotation_of_the_embedding() -> None:
    embedding = normal(30, 5, 3)
    prediction = ahead(embedding) + normal(30, 5, 3, seed=1)
    expected = unexplained(trace_of(embedding, prediction))
    turn = torch.linalg.qr(normal(3, 3, seed=2)).Q
    assert 0.2 < expected < 0.8
    for e, p in [
        (embedding, 5 * prediction + torch.tensor([1.0, -2.0, 3.0])),
        (1e-3 * embedding, prediction),
        (1e-3 * embedding, 1e-3 * prediction),
        (embedding @ turn + 1, prediction @ turn),
    ]:
        assert unexplained(trace_of(e, p)) == pytest.approx(expected, rel=1e-9)


def test_the_last_prediction_and_the_first_embedding_are_not_compared_with_anything() -> None:
    embedding, prediction = normal(9, 4, 2), normal(9, 4, 2, seed=1)
    expected = unexplained(trace_of(embedding, prediction))
    embedding[:, 0] += 5
    prediction[:, -1] += 5
    assert unexplained(trace_of(embedding, prediction)) == expected


def test_persistence_is_what_predicting_no_change_leaves_unexplained() -> None:
    """An autoregressive signal with correlation 0.9 from one moment to the next: 1 - 0.81 is left."""
    shocks, steps = normal(2000, 12, 2), [normal(2000, 2, seed=1)]
    for t in range(12):
        steps.append(0.9 * steps[-1] + (1 - 0.81) ** 0.5 * shocks[:, t])
    embedding = torch.stack(steps, dim=1)
    assert persistence(trace_of(embedding, torch.zeros_like(embedding))) == pytest.approx(0.19, abs=0.01)
    still = normal(30, 1, 2).expand(-1, 5, -1)
    assert persistence(trace_of(still, torch.zeros_like(still))) == pytest.approx(0.0, abs=1e-12)

"""Two samples of networks that share no graph: the connectome's seeds, and the seeds of a network without a wiring."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import mannwhitneyu
from scipy.stats import t as student


@dataclass(frozen=True, slots=True)
class Numbers:
    """What describes a difference beside its p value."""

    interval: tuple[float, float]
    effect_size: float
    effect_interval: tuple[float, float]
    p_rank: float
    detectable: float


def welch_p(here: Float[ndarray, " sample"], there: Float[ndarray, " sample2"]) -> float:
    """Two-sided p that two samples have one mean, their variances being their own (Welch 1947, Biometrika 34:28)."""
    error, freedom = _error(here, there)
    gap = abs(float(here.mean() - there.mean()))
    if error == 0:
        return 1.0 if gap == 0 else 0.0
    return float(2 * student.sf(gap / error, freedom))


def welch_equivalence_p(here: Float[ndarray, " sample"], there: Float[ndarray, " sample2"], margin: float) -> float:
    """One-sided p, the larger of two, that the means differ by ``margin`` or more (Schuirmann 1987, with Welch's error)."""
    error, freedom = _error(here, there)
    inside = margin - abs(float(here.mean() - there.mean()))
    if error == 0:
        return 0.0 if inside > 0 else 1.0
    return float(student.sf(inside / error, freedom))


def two_samples(
    here: Float[ndarray, " sample"], there: Float[ndarray, " sample2"], rng: np.random.Generator, alpha: float
) -> Numbers:
    """Bootstrap interval of the difference of means, Cohen's d with its interval (Hedges & Olkin 1985, p. 86), rank p.

    The rank p is that of Mann & Whitney (1947); ``detectable`` the smallest difference that Welch's test calls at ``alpha``.
    """
    n, m, draws = len(here), len(there), 10_000
    means = [sample[rng.integers(len(sample), size=(draws, len(sample)))].mean(1) for sample in (here, there)]
    low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
    pooled = float(np.sqrt(((n - 1) * here.var(ddof=1) + (m - 1) * there.var(ddof=1)) / (n + m - 2)))
    effect = float(here.mean() - there.mean()) / pooled if pooled else 0.0
    half = 1.96 * float(np.sqrt((n + m) / (n * m) + effect**2 / (2 * (n + m)))) if pooled else 0.0
    error, freedom = _error(here, there)
    return Numbers(
        (float(low), float(high)),
        effect,
        (effect - half, effect + half),
        float(mannwhitneyu(here, there).pvalue),
        float(student.isf(alpha / 2, freedom)) * error,
    )


def _error(here: ndarray, there: ndarray) -> tuple[float, float]:
    """Standard error of the difference of means, and Welch's degrees of freedom."""
    parts = [float(sample.var(ddof=1)) / len(sample) for sample in (here, there)]
    total = sum(parts)
    if total == 0:
        return 0.0, float(len(here) + len(there) - 2)
    below = sum(part**2 / (len(sample) - 1) for part, sample in zip(parts, (here, there), strict=True))
    return float(np.sqrt(total)), total**2 / below

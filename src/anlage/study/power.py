"""What a study of so many control graphs can see, known before it is run."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import nctdtr
from scipy.stats import t as student

ALPHA = 0.05
"""Share of studies without any effect that may be called one."""
LIKELY = 0.8
"""Probability with which a study should find what it is about (Cohen 1988, section 2.4)."""


def power(effect: float, n_graphs: int, n_controls: int = 1) -> float:
    """Probability that the single-case test calls a connectome ``effect`` control standard deviations from the mean.

    The mean of ``n`` differences over ``s / sqrt(n)`` is noncentral t with ``effect sqrt(n)`` and ``n - 1`` degrees of freedom;
    the test calls it beyond ``sqrt(n + 1)`` times the central quantile. The bar is that of Holm's first step among the controls,
    so the number holds whatever the other contrasts show. Seed noise is part of the standard deviation.
    """
    bar = float(student.isf(ALPHA / n_controls / 2, n_graphs - 1)) * np.sqrt(n_graphs + 1)
    shift = abs(effect) * np.sqrt(n_graphs)
    above, below = 1 - nctdtr(n_graphs - 1, shift, bar), nctdtr(n_graphs - 1, shift, -bar)
    # SciPy gives NaN where a tail is too thin to be computed.
    return float(np.nan_to_num(above, nan=float(shift > bar)) + np.nan_to_num(below, nan=0.0))


def visible_effect(n_graphs: int, n_controls: int = 1, probability: float = LIKELY) -> float:
    """The effect, in control standard deviations, that is called with this probability."""
    far = 1.0
    while power(far, n_graphs, n_controls) < probability:
        far *= 2
    return float(brentq(lambda effect: power(effect, n_graphs, n_controls) - probability, 0, far, xtol=1e-6))


def power_sentence(n_graphs: int, n_controls: int, needed: int, n_levels: int = 1) -> str:
    """What can be expected of a study, in a sentence; ``needed``: graphs without which there is no verdict."""
    if n_graphs < needed:
        return f"With {n_graphs} graphs per control there will be no verdict: {needed} are needed."
    shown = ", ".join(f"{size} with {power(float(size), n_graphs, n_controls * n_levels):.0%}" for size in (2, 3, 4))
    several = f" and {n_controls} controls" if n_controls > 1 else ""
    several += f" at {n_levels} levels" if n_levels > 1 else ""
    likely = visible_effect(n_graphs, n_controls * n_levels)
    return (
        f"With {n_graphs} graphs{several}, a difference of {likely:.1f} control standard deviations is "
        f"found with a probability of {LIKELY:.0%} (a difference of {shown})."
    )

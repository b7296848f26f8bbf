"""What the trials say: paired differences, intervals, and how unusual one graph is among others.

The connectome is a single graph. Averaging over seeds makes its mean precise but does not make it two graphs, so a test on
the mean difference alone would call any fixed graph special. The tests here therefore ask whether the connectome differs from
the control graphs by more than these differ from one another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import t as student

from anlage.errors import AnlageError

MIN_GRAPHS = 20
"""Different control graphs that a verdict needs: the connectome as the most extreme of 21 is then rarer than 5 %, one-sided."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """The connectome against one control, for one outcome; differences are connectome minus control, paired by seed.

    ``interval``: 95 % bootstrap interval of the mean difference. ``effect_size``: its mean over its standard deviation.
    ``percentile``: where the connectome falls among the control graphs, 0 to 100, ties counted half. What a seed adds to both is
    taken out first, so it is the share of graphs that score lower than the connectome from the same seed. ``n_graphs`` counts
    different graphs.
    ``p``: two-sided single-case test; ``p_holm``: the same, corrected over the family of contrasts on this outcome.
    ``detectable``: smallest absolute difference that this test would have called at 5 %, uncorrected.
    """

    control: str
    outcome: str
    n_graphs: int
    connectome_mean: float
    control_mean: float
    difference: float
    interval: tuple[float, float]
    effect_size: float
    percentile: float
    p: float
    p_holm: float
    detectable: float
    verdict: str
    sentence: str


def bootstrap_interval(
    sample: Float[ndarray, " sample"], rng: np.random.Generator, *, n_resamples: int = 10_000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean (Efron & Tibshirani 1993, chapter 13)."""
    means = sample[rng.integers(len(sample), size=(n_resamples, len(sample)))].mean(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def single_case_p(difference: Float[ndarray, " sample"]) -> float:
    """Two-sided p that one case comes from the population its controls were drawn from.

    ``t = mean(d) / (sd(d) sqrt(1 + 1/n))`` with ``n - 1`` degrees of freedom, ``d`` the case minus each control (Crawford &
    Howell 1998, Clin Neuropsychol 12:482). Seed noise left in ``d`` makes it conservative.
    """
    n, spread = len(difference), difference.std(ddof=1)
    if spread == 0:
        return 1.0 if difference.mean() == 0 else 0.0
    return float(2 * student.sf(abs(difference.mean()) / (spread * np.sqrt(1 + 1 / n)), n - 1))


def percentile(value: float, ensemble: Float[ndarray, " sample"]) -> float:
    """Percentage of the ensemble below ``value``, ties counted half."""
    return float(100 * ((ensemble < value).mean() + (ensemble == value).mean() / 2))


def holm(p: Float[ndarray, " sample"]) -> Float[ndarray, " sample"]:
    """Holm's step-down correction for a family of tests (Holm 1979, Scand J Stat 6:65)."""
    order = np.argsort(p)
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


@dataclass(frozen=True, slots=True)
class Outcome:
    """A measure that a study compares arms by, where its scale ends, and which way is better."""

    name: str
    higher_is_better: bool
    floor: float
    ceiling: float


OUTCOMES = {
    "prediction_error": Outcome("prediction_error", higher_is_better=False, floor=0.98, ceiling=0.02),
    "probe_accuracy": Outcome("probe_accuracy", higher_is_better=True, floor=0.02, ceiling=0.99),
}
"""At the floor nothing was learned, at the ceiling nothing is left to learn; neither tells arms apart. The probe's floor lies
this much above chance, which depends on the recording: see ``above``."""


def above(outcome: Outcome, chance: float) -> Outcome:
    """The outcome with its floor at chance, where it has a chance level: the probe's does."""
    return replace(outcome, floor=outcome.floor + chance) if outcome.name == "probe_accuracy" else outcome


def contrasts(
    outcome: Outcome,
    connectome: Float[ndarray, " sample"],
    controls: dict[str, Float[ndarray, " _"]],
    margin: float,
    rng: np.random.Generator,
    graphs: Mapping[str, int] | None = None,
) -> list[Contrast]:
    """Every control against the connectome for one outcome; entry ``i`` of each array was grown from the same seed ``i``.

    ``margin``: differences smaller than this are declared equivalent to none; 0 for no such declaration. ``graphs``: different
    graphs per control, where that is fewer than its trials: a control that always makes the same graph is no ensemble.
    Raises ``AnlageError`` when arms have different numbers of trials, or fewer than 2.
    """
    for name, values in controls.items():
        if len(values) != len(connectome) or len(values) < 2:
            raise AnlageError(
                f"The control {name!r} has {len(values)} trials and the connectome {len(connectome)}; statistics need the same "
                "number, at least 2 each: finish the missing trials with --resume."
            )
    raw = np.array([single_case_p(connectome - values) for values in controls.values()])
    n_graphs = {name: len(values) for name, values in controls.items()} | dict(graphs or {})
    return [
        _contrast(outcome, name, (connectome, controls[name]), n_graphs[name], (float(p), float(p_holm)), margin, rng)
        for name, p, p_holm in zip(controls, raw, holm(raw), strict=True)
    ]


def _contrast(
    outcome: Outcome,
    name: str,
    scores: tuple[Float[ndarray, " sample"], Float[ndarray, " sample"]],
    n_graphs: int,
    p: tuple[float, float],
    margin: float,
    rng: np.random.Generator,
) -> Contrast:
    connectome, control = scores
    d = connectome - control
    n, spread = len(d), float(d.std(ddof=1))
    interval = bootstrap_interval(d, rng)
    detectable = float(student.isf(0.025, n - 1) * spread * np.sqrt(1 + 1 / n))
    verdict, why = _verdict(outcome, float(connectome.mean()), float(control.mean()), n_graphs, interval, p[1], margin)
    sentence = (
        f"On {outcome.name.replace('_', ' ')} the connectome ({connectome.mean():.3f}) against {name} ({control.mean():.3f}): "
        f"{verdict}{why}; difference {d.mean():+.4f}, 95 % interval {interval[0]:+.4f} to {interval[1]:+.4f}, "
        f"p = {p[1]:.3f} after Holm."
    )
    return Contrast(
        control=name,
        outcome=outcome.name,
        n_graphs=n_graphs,
        connectome_mean=float(connectome.mean()),
        control_mean=float(control.mean()),
        difference=float(d.mean()),
        interval=interval,
        effect_size=float(d.mean() / spread) if spread else 0.0,
        percentile=percentile(0.0, -d),
        p=p[0],
        p_holm=p[1],
        detectable=detectable,
        verdict=verdict,
        sentence=sentence,
    )


def _verdict(
    outcome: Outcome,
    connectome: float,
    control: float,
    n: int,
    interval: tuple[float, float],
    p_holm: float,
    margin: float,
) -> tuple[str, str]:
    """One of undecided, better, worse, equivalent, no difference found; and why."""
    sign = 1 if outcome.higher_is_better else -1
    if n < MIN_GRAPHS:
        return "undecided", f" (only {n} different control graph{'s' * (n != 1)}, {MIN_GRAPHS} are needed)"
    if all(sign * value <= sign * outcome.floor for value in (connectome, control)):
        return "undecided", " (both at the floor: nothing was learned)"
    if all(sign * value >= sign * outcome.ceiling for value in (connectome, control)):
        return "undecided", " (both at the ceiling: nothing is left to tell them apart)"
    if p_holm < 0.05 and (interval[0] > 0 or interval[1] < 0):
        return ("better" if sign * (connectome - control) > 0 else "worse"), ""
    if margin and -margin < interval[0] and interval[1] < margin:
        return "equivalent", f" (within the declared margin of {margin})"
    return "no difference found", ""

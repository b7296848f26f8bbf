"""What the trials say: paired differences, intervals, and how unusual one graph is among others.

The connectome is a single graph. Averaging over seeds makes its mean precise but does not make it two graphs, so a test on
the mean difference alone would call any fixed graph special. The tests here therefore ask whether the connectome differs from
the control graphs by more than these differ from one another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.optimize import brentq
from scipy.special import nctdtr
from scipy.stats import chi2
from scipy.stats import t as student

from anlage.errors import AnlageError
from anlage.study.outcome import Outcome
from anlage.study.power import ALPHA
from anlage.study.two_sample import Numbers, two_samples, welch_equivalence_p, welch_p

MIN_GRAPHS = 20
"""Different control graphs that a verdict needs: the connectome as the most extreme of 21 is then rarer than 5 %, one-sided."""

SINGLE_CASE, WELCH = "single case", "Welch"


@dataclass(frozen=True, slots=True)
class Contrast:
    """The connectome against one control, for one outcome; differences are connectome minus control, paired by seed.

    ``interval``: 95 % bootstrap interval of the mean difference. ``effect_size``: mean over standard deviation of the
    differences, the ``z_CC`` of Crawford, Garthwaite & Porter (2010), and ``effect_interval`` its 95 % interval.
    ``percentile``: where the connectome falls among the control graphs, 0 to 100, ties counted half. What a seed adds to both is
    taken out first, so it is the share of graphs that score lower than the connectome from the same seed. ``n_graphs`` counts
    different graphs, ``lost`` the pairs left out because a trial diverged.
    ``p``: two-sided single-case test; ``p_holm``: the same, corrected over the family of contrasts on this outcome; ``p_rank``:
    the same question asked of ranks alone; ``p_equivalent``: the test that the difference reaches ``margin``, corrected alike, 1
    without a margin; ``p_sign_flip``: only for a control with a single graph, whether its seeds and the connectome's differ.
    ``detectable``: smallest absolute difference that this test would have called at 5 %, uncorrected.
    ``reason`` is a word for why nothing is decided, ``why`` says it in full; both are empty elsewhere. With fewer than two pairs
    there are no numbers: they are NaN. ``level``: at which levels of the factors, if there are any. ``test``: which test ``p``
    comes from; with ``Welch``, ``control`` is an engineered network, ``n_graphs`` its seeds, and no graph was drawn.
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
    effect_interval: tuple[float, float]
    p_rank: float
    p_equivalent: float
    p_sign_flip: float | None
    margin: float
    lost: int
    reason: str
    why: str
    level: str = ""
    test: str = SINGLE_CASE

    @property
    def claim(self) -> str:
        """What becomes of the claim that this wiring did better: supported, not supported, equivalent or undecided."""
        return CLAIMS[self.verdict]

    @property
    def counted(self) -> bool:
        """Whether there are numbers."""
        return bool(np.isfinite(self.difference))

    def to_json(self) -> dict[str, object]:
        """Every field by name; a number that is not there is null."""
        known = {name: None if value != value else value for name, value in asdict(self).items()}
        # As before there were levels and other tests, where there are none.
        known = {name: value for name, value in known.items() if (name, value) not in USUAL}
        missing = {} if self.counted else {"interval": None, "effect_interval": None}
        return {**known, **missing, "claim": self.claim}


USUAL = (("level", ""), ("test", SINGLE_CASE))
"""Fields of a contrast that are written only where they say something."""
CLAIMS = {
    "better": "supported",
    "worse": "not supported",
    "no difference found": "not supported",
    "equivalent": "equivalent",
    "undecided": "undecided",
}
"""Verdict -> what becomes of the claim that the connectome did better than a control."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the numbers of a contrast do not decide it, known from elsewhere.

    ``about_all``: nothing is decided; otherwise only equivalence is withheld, because the task was too easy to show a difference.
    """

    reason: str
    why: str
    about_all: bool


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


def rank_p(difference: Float[ndarray, " sample"]) -> float:
    """Two-sided Monte-Carlo p that the connectome is one of its control graphs: ``(1 + # as extreme) / (1 + n)``.

    Extreme is what lies far from the mean of all ``n + 1`` graphs. Exact whatever the distribution, where graphs are exchangeable
    (Davison & Hinkley 1997, section 4.2); with 20 graphs it cannot fall below 1/21.
    """
    case, everyone = 0.0, np.append(-difference, 0.0)
    away = np.abs(everyone - everyone.mean())
    return float((1 + (away[:-1] >= abs(case - everyone.mean()) * (1 - 1e-12)).sum()) / len(everyone))


def equivalence_p(difference: Float[ndarray, " sample"], margin: float) -> float:
    """One-sided p, the larger of two, that the connectome differs from its control graphs by ``margin`` or more.

    Two one-sided tests (Schuirmann 1987, J Pharmacokinet Biopharm 15:657) with the single-case standard error: below 5 % exactly
    when the 90 % interval in which one more control graph would lie is within the margin.
    """
    n, spread = len(difference), float(difference.std(ddof=1) * np.sqrt(1 + 1 / len(difference)))
    inside = margin - abs(float(difference.mean()))
    if spread == 0:
        return 0.0 if inside > 0 else 1.0
    return float(student.sf(inside / spread, n - 1))


def sign_flip_p(difference: Float[ndarray, " sample"], rng: np.random.Generator, *, n_draws: int = 100_000) -> float:
    """Two-sided sign-flip p that paired differences are symmetric about 0: exact up to 20 of them, by drawing beyond.

    It compares two graphs by their seeds, and says nothing about populations of graphs (Fisher 1935, section 21).
    """
    d = np.abs(difference)
    if len(d) <= 20:
        sums = d[:1]  # the other sign of the first one gives the same sums, negated
        for one in d[1:]:
            sums = np.concatenate([sums + one, sums - one])
        return float((np.abs(sums) >= abs(difference.sum()) * (1 - 1e-12)).mean())
    sums = (rng.integers(0, 2, size=(n_draws, len(d)), dtype=np.int8) * 2 - 1) @ d
    return float((1 + (np.abs(sums) >= abs(difference.sum()) * (1 - 1e-12)).sum()) / (1 + n_draws))


def effect_interval(effect: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of the effect size of one case against ``n`` controls.

    Crawford, Garthwaite & Porter (2010, Cogn Neuropsychol 27:245): ``effect sqrt(n)`` is noncentral t, and the ends
    are the noncentralities that put it at either tail.
    """
    seen, tail = abs(effect) * np.sqrt(n), (1 - level) / 2

    def beyond(shift: float, share: float) -> float:
        known = float(nctdtr(n - 1, shift, seen))
        return (known if known == known else float(shift < seen)) - share  # NaN: too far out to be computed

    def end(share: float) -> float:
        if seen > 100:  # what is left is the uncertainty of the standard deviation
            return float(seen * np.sqrt(chi2.isf(share, n - 1) / (n - 1)))
        return float(brentq(beyond, -10.0, 10 + 10 * seen, args=(share,)))

    low, high = end(1 - tail) / float(np.sqrt(n)), end(tail) / float(np.sqrt(n))
    return (low, high) if effect >= 0 else (-high, -low)


def holm(p: Float[ndarray, " sample"]) -> Float[ndarray, " sample"]:
    """Holm's step-down correction for a family of tests (Holm 1979, Scand J Stat 6:65)."""
    order = np.argsort(p)
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One control beside the connectome: what ``_contrast`` needs to know. Scores are NaN where a trial diverged.

    ``engineered``: the scores are those of a network without a wiring. Its seeds are draws from all networks of its design, as
    the connectome's are from all interfaces to it: two samples, and no graph among graphs, so Welch's test is the one.
    """

    outcome: Outcome
    control: str
    connectome: Float[ndarray, " sample"]
    scores: Float[ndarray, " sample"]
    n_graphs: int
    margin: float
    doubt: Doubt | None
    level: str = ""
    engineered: bool = False

    @property
    def use(self) -> Bool[ndarray, " sample"]:
        """Which seeds have a number on both sides."""
        return np.asarray(np.isfinite(self.connectome - self.scores))

    @property
    def difference(self) -> Float[ndarray, " pair"]:
        """Connectome minus control."""
        return np.asarray((self.connectome - self.scores)[self.use])

    @property
    def lost(self) -> int:
        """Pairs of which a trial diverged."""
        return int((~self.use).sum())

    def p(self) -> tuple[float, float]:
        """Of a difference, and of equivalence; 1 where there is nothing to test."""
        if len(self.difference) < 2:
            return 1.0, 1.0
        if self.engineered:
            both = self.connectome[self.use], self.scores[self.use]
            return welch_p(*both), welch_equivalence_p(*both, self.margin) if self.margin else 1.0
        return single_case_p(self.difference), equivalence_p(self.difference, self.margin) if self.margin else 1.0


def contrasts(
    outcome: Outcome,
    connectome: Float[ndarray, " sample"],
    controls: dict[str, Float[ndarray, " _"]],
    margin: float,
    rng: np.random.Generator,
    graphs: Mapping[str, int] | None = None,
    doubts: Mapping[str, Doubt] | None = None,
) -> list[Contrast]:
    """Every control against the connectome for one outcome; entry ``i`` of each array was grown from the same seed ``i``.

    A trial that diverged is NaN, and its pair is left out. ``margin``: differences smaller than this are declared equivalent to
    none; 0 for no such declaration. ``graphs``: different graphs per control, where that is fewer than its pairs: a control that
    always makes the same graph is no ensemble. ``doubts``: controls against which the numbers do not decide.
    Raises ``AnlageError`` when arms have different numbers of trials, or fewer than 2.
    """
    pairs = []
    for name, values in controls.items():
        if len(values) != len(connectome) or len(values) < 2:
            raise AnlageError(
                f"The control {name!r} has {len(values)} trials and the connectome {len(connectome)}; statistics need the same "
                "number, at least 2 each: finish the missing trials with --resume."
            )
        n_graphs = (graphs or {}).get(name, int(np.isfinite(connectome - values).sum()))
        pairs.append(Pair(outcome, name, connectome, values, n_graphs, margin, (doubts or {}).get(name)))
    return family(pairs, rng)


def family(pairs: Sequence[Pair], rng: np.random.Generator) -> list[Contrast]:
    """The contrasts of pairs of arms that are judged together: Holm's correction goes over all of them."""
    raw = np.array([pair.p() for pair in pairs]).reshape(-1, 2)
    corrected = np.stack([holm(raw[:, 0]), holm(raw[:, 1])], axis=1)
    return [
        _contrast(pair, Tested(float(p), float(p_holm), float(p_equivalent)), rng)
        for pair, p, (p_holm, p_equivalent) in zip(pairs, raw[:, 0], corrected, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Tested:
    """The p values of a contrast: of the difference, the same after Holm, and of equivalence after Holm."""

    p: float
    p_holm: float
    p_equivalent: float


def _contrast(pair: Pair, tested: Tested, rng: np.random.Generator) -> Contrast:
    d, use, outcome = pair.difference, pair.use, pair.outcome
    at = f" at {pair.level}" if pair.level else ""
    where = f"On {outcome.name.replace('_', ' ')}{at} the connectome"
    if len(d) < 2:
        return _without_numbers(pair, where)
    here, there = float(pair.connectome[use].mean()), float(pair.scores[use].mean())
    numbers = _numbers(pair, rng)
    low, high = numbers.interval
    verdict, reason, why = _verdict(pair, (here, there), numbers.interval, tested)
    said = f" ({why})" if why else f" (within the declared margin of {pair.margin})" if verdict == "equivalent" else ""
    left_out = f" {pair.lost} of {len(use)} pairs are left out because a trial diverged." if pair.lost else ""
    return Contrast(
        control=pair.control,
        outcome=outcome.name,
        n_graphs=pair.n_graphs,
        connectome_mean=here,
        control_mean=there,
        difference=float(d.mean()),
        interval=numbers.interval,
        effect_size=numbers.effect_size,
        percentile=percentile(0.0, -d),
        p=tested.p,
        p_holm=tested.p_holm,
        detectable=numbers.detectable,
        verdict=verdict,
        sentence=f"{where} ({here:.3f}) against {pair.control} ({there:.3f}): {verdict}{said}; difference {d.mean():+.4f}, "
        f"95 % interval {low:+.4f} to {high:+.4f}, p = {tested.p_holm:.3f} after Holm.{left_out}",
        effect_interval=numbers.effect_interval,
        p_rank=numbers.p_rank,
        p_equivalent=tested.p_equivalent,
        p_sign_flip=sign_flip_p(d, rng) if pair.n_graphs == 1 and not pair.engineered else None,
        margin=pair.margin,
        lost=pair.lost,
        reason=reason,
        why=why,
        level=pair.level,
        test=WELCH if pair.engineered else SINGLE_CASE,
    )


def _numbers(pair: Pair, rng: np.random.Generator) -> Numbers:
    if pair.engineered:
        return two_samples(pair.connectome[pair.use], pair.scores[pair.use], rng, ALPHA)
    d = pair.difference
    n, spread, interval = len(d), float(d.std(ddof=1)), bootstrap_interval(d, rng)
    effect = float(d.mean() / spread) if spread else 0.0
    detectable = float(student.isf(ALPHA / 2, n - 1) * spread * np.sqrt(1 + 1 / n))
    return Numbers(interval, effect, effect_interval(effect, n) if spread else (0.0, 0.0), rank_p(d), detectable)


def _without_numbers(pair: Pair, where: str) -> Contrast:
    """The contrast of which fewer than two pairs are left."""
    why = f"{pair.lost} of {len(pair.use)} pairs were lost because a trial diverged"
    numbers = "connectome_mean control_mean difference effect_size percentile p p_holm detectable p_rank p_equivalent"
    nothing = dict.fromkeys(numbers.split(), np.nan)
    return Contrast(
        **nothing,
        control=pair.control,
        outcome=pair.outcome.name,
        n_graphs=pair.n_graphs,
        interval=(np.nan, np.nan),
        verdict="undecided",
        sentence=f"{where} against {pair.control}: undecided ({why}).",
        effect_interval=(np.nan, np.nan),
        p_sign_flip=None,
        margin=pair.margin,
        lost=pair.lost,
        reason="a trial diverged",
        why=why,
        level=pair.level,
        test=WELCH if pair.engineered else SINGLE_CASE,
    )


def _verdict(
    pair: Pair, means: tuple[float, float], interval: tuple[float, float], tested: Tested
) -> tuple[str, str, str]:
    """One of undecided, better, worse, equivalent, no difference found; and for undecided a reason, in a word and in full."""
    outcome, n = pair.outcome, pair.n_graphs
    sign = 1 if outcome.higher_is_better else -1
    if n < MIN_GRAPHS:
        what = "network" if pair.engineered else "different control graph"
        why = f"only {n} {what}{'s' * (n != 1)}, {MIN_GRAPHS} are needed"
        return (
            "undecided",
            *(("a trial diverged", f"{why}; {pair.lost} lost") if pair.lost else ("too few graphs", why)),
        )
    if pair.doubt and pair.doubt.about_all:
        return "undecided", pair.doubt.reason, pair.doubt.why
    if all(sign * value <= sign * outcome.floor for value in means):
        return "undecided", "floor", "both at the floor: nothing was learned"
    if all(sign * value >= sign * outcome.ceiling for value in means):
        return "undecided", "ceiling", "both at the ceiling: nothing is left to tell them apart"
    if tested.p_holm < ALPHA and (interval[0] > 0 or interval[1] < 0):
        return ("better" if sign * (means[0] - means[1]) > 0 else "worse"), "", ""
    if tested.p_equivalent < ALPHA:
        return ("undecided", pair.doubt.reason, pair.doubt.why) if pair.doubt else ("equivalent", "", "")
    return "no difference found", "", ""

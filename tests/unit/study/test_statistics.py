from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from anlage.errors import AnlageError
from anlage.study.outcome import OUTCOMES, Outcome, above
from anlage.study.statistics import (
    MIN_GRAPHS,
    Contrast,
    Doubt,
    bootstrap_interval,
    contrasts,
    effect_interval,
    equivalence_p,
    holm,
    percentile,
    rank_p,
    sign_flip_p,
    single_case_p,
)

ERROR, PROBE = OUTCOMES["prediction_error"], above(OUTCOMES["probe_accuracy"], 0.1)
WIDE = Outcome("wide", higher_is_better=True, floor=-1e9, ceiling=1e9)


def test_holm_agrees_with_an_example_worked_by_hand() -> None:
    # Sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04; never below its predecessor: .02 .03 .06 .06.
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_a_single_test_alone_and_never_exceeds_one() -> None:
    assert holm(np.array([0.04])).tolist() == [0.04]
    assert holm(np.array([0.6, 0.9, 0.7])).tolist() == [1.0, 1.0, 1.0]


def test_holm_gives_equal_tests_equal_corrections() -> None:
    assert holm(np.array([0.01, 0.01, 0.01])).tolist() == pytest.approx([0.03] * 3)


def test_the_single_case_test_agrees_with_a_published_example() -> None:
    # Documentation of the R package psycho: one IQ of 61, controls 86 100 112 95 121 102; t(5) = -3.11, 97.36 %.
    controls = np.array([86.0, 100, 112, 95, 121, 102])
    assert single_case_p(61 - controls) == pytest.approx(1 - 0.9736, abs=5e-5)


def test_the_single_case_test_is_a_t_test_with_a_group_of_one() -> None:
    rng = np.random.default_rng(0)
    for n in (2, 5, 20, 200):
        controls, case = rng.normal(3, 2, size=n), float(rng.normal(5, 2))
        pooled = stats.ttest_ind_from_stats(case, 0.0, 1, controls.mean(), controls.std(ddof=1), n)
        assert single_case_p(case - controls) == pytest.approx(pooled.pvalue)


def test_the_single_case_test_has_no_direction() -> None:
    difference = np.array([1.0, 2.5, 2.0, 0.5])
    assert single_case_p(difference) == single_case_p(-difference)


def test_the_single_case_test_is_exact_for_a_case_from_the_population() -> None:
    rng = np.random.default_rng(1)
    p = np.array([single_case_p(rng.normal() - rng.normal(size=20)) for _ in range(2000)])
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_differences_that_are_all_alike_are_certain_or_nothing() -> None:
    assert single_case_p(np.zeros(20)) == 1.0
    assert single_case_p(np.full(20, 0.5)) == 0.0


def test_the_percentile_counts_ties_half() -> None:
    ensemble = np.array([1.0, 2, 2, 3])
    assert [percentile(v, ensemble) for v in (0.0, 1.0, 2.0, 2.5, 3.0, 4.0)] == [0, 12.5, 50, 75, 87.5, 100]


def test_the_percentile_agrees_with_scipy() -> None:
    rng = np.random.default_rng(2)
    ensemble = rng.integers(0, 9, size=50).astype(float)
    for value in np.arange(-1.0, 10):
        assert percentile(float(value), ensemble) == pytest.approx(stats.percentileofscore(ensemble, value, "mean"))


def test_the_bootstrap_interval_agrees_with_scipy() -> None:
    sample = np.random.default_rng(3).gamma(2.0, size=40)
    theirs = stats.bootstrap(
        (sample,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(4)
    ).confidence_interval
    ours = bootstrap_interval(sample, np.random.default_rng(5), n_resamples=20_000)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_bootstrap_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(6), 0
    for _ in range(500):
        low, high = bootstrap_interval(rng.normal(1.0, 2.0, size=40), rng, n_resamples=500)
        covered += low <= 1.0 <= high
    # The percentile interval of 40 numbers is a little narrow (about 93.5 %); three binomial standard errors are 3.3 %.
    assert 0.90 < covered / 500 < 0.98


def test_the_same_generator_gives_the_same_interval() -> None:
    sample = np.random.default_rng(7).normal(size=20)
    assert bootstrap_interval(sample, np.random.default_rng(8)) == bootstrap_interval(sample, np.random.default_rng(8))


Arms = tuple[np.ndarray, dict[str, np.ndarray]]


def null_study(rng: np.random.Generator, *, n: int = 20, seed_noise: float, effect: float = 0.0) -> Arms:
    """A study as ``compare`` runs it, in units of the spread among graphs, the connectome ``effect`` of them away.

    The connectome is one graph grown from ``n`` seeds; a control is ``n`` graphs, graph ``i`` from the connectome's seed ``i``.
    What a seed does to every arm alike (its interface) is shared; what it does to one trial is not.
    """
    shared = rng.normal(0, seed_noise, size=n)

    def noise() -> np.ndarray:
        return rng.normal(0, seed_noise, size=n)

    connectome = effect + rng.normal() * (effect == 0) + shared + noise()
    controls = {name: rng.normal(size=n) + shared + noise() for name in ("rewired", "permuted")}
    return connectome, controls


def special(found: list[Contrast]) -> bool:
    return any(c.verdict in ("better", "worse") for c in found)


def alarms(seed: int, seed_noise: float) -> tuple[int, int]:
    """Of 500 studies in which the connectome is a graph like any other: how many call it special, by us and naively."""
    rng, ours, naive = np.random.default_rng(seed), 0, 0
    for _ in range(500):
        connectome, controls = null_study(rng, seed_noise=seed_noise)
        ours += special(contrasts(WIDE, connectome, controls, 0.0, rng))
        paired = np.array([stats.ttest_rel(connectome, values).pvalue for values in controls.values()])
        naive += bool((holm(paired) < 0.05).any())
    return ours, naive


@pytest.mark.parametrize("seed_noise", [0.1, 0.5])
def test_an_ordinary_graph_is_called_special_in_at_most_five_studies_of_a_hundred(seed_noise: float) -> None:
    ours, naive = alarms(9, seed_noise)
    limit = stats.binom.ppf(0.999, 500, 0.05)  # 41: a true rate of 5 % exceeds it once in a thousand times
    assert ours <= limit
    # The paired test asks about the mean of this one graph; that is not zero, so more seeds always find it. It fails the check
    # above by far, which shows that the check can fail.
    assert naive > 5 * limit


def test_the_alarm_rate_is_not_bought_with_blindness() -> None:
    rng = np.random.default_rng(10)
    found = 0
    for _ in range(100):
        connectome, controls = null_study(rng, seed_noise=0.3, effect=4.0)
        verdicts = [c.verdict for c in contrasts(WIDE, connectome, controls, 0.0, rng)]
        assert "worse" not in verdicts
        found += verdicts == ["better", "better"]
    assert found >= 80


def test_the_detectable_difference_is_the_one_that_reaches_five_percent() -> None:
    rng = np.random.default_rng(11)
    control = rng.normal(size=25)
    one = contrasts(WIDE, np.full(25, 0.7), {"c": control}, 0.0, rng)[0]
    shifted = np.full(25, control.mean() + one.detectable)
    assert single_case_p(shifted - control) == pytest.approx(0.05)


def study(
    outcome: Outcome, connectome: float, control: float, *, n: int = 20, margin: float = 0.0, spread: float = 0.01
) -> Contrast:
    """One contrast with given means, the control graphs spread evenly around theirs."""
    wiggle = spread * np.linspace(-1, 1, n)
    return contrasts(outcome, np.full(n, connectome), {"c": control + wiggle}, margin, np.random.default_rng(0))[0]


def test_the_direction_of_better_is_that_of_the_outcome() -> None:
    assert study(PROBE, 0.9, 0.5).verdict == "better"
    assert study(PROBE, 0.5, 0.9).verdict == "worse"
    assert study(ERROR, 0.5, 0.9).verdict == "better"
    assert study(ERROR, 0.9, 0.5).verdict == "worse"


@pytest.mark.parametrize(
    ("contrast", "verdict", "why"),
    [
        (study(PROBE, 0.9, 0.5, n=MIN_GRAPHS - 1), "undecided", "only 19 different control graphs, 20 are needed"),
        (study(PROBE, 0.115, 0.10, spread=0.001), "undecided", "both at the floor"),
        (study(ERROR, 0.985, 0.99, spread=0.0001), "undecided", "both at the floor"),
        (study(PROBE, 0.999, 0.995, spread=0.0001), "undecided", "both at the ceiling"),
        (study(ERROR, 0.001, 0.01, spread=0.0001), "undecided", "both at the ceiling"),
        (study(PROBE, 0.999, 0.5), "better", "; difference"),
        (study(ERROR, 0.99, 0.5), "worse", "; difference"),
        (study(PROBE, 0.5, 0.502), "no difference found", "; difference"),
        (study(PROBE, 0.5, 0.502, margin=0.05), "equivalent", "within the declared margin of 0.05"),
        (study(PROBE, 0.5, 0.502, margin=0.001), "no difference found", "; difference"),
        # The mean is well known, but single graphs scatter by more than the margin.
        (study(PROBE, 0.5, 0.502, margin=0.01), "no difference found", "; difference"),
        (study(PROBE, 0.9, 0.5, margin=0.05), "better", "; difference"),
    ],
)
def test_every_verdict_is_reached_and_says_why(contrast: Contrast, verdict: str, why: str) -> None:
    assert contrast.verdict == verdict
    assert verdict in contrast.sentence
    assert why in contrast.sentence
    assert "\n" not in contrast.sentence


def test_a_contrast_reports_the_paired_difference_of_its_arms() -> None:
    rng = np.random.default_rng(12)
    connectome, control = rng.normal(5, 1, size=30), rng.normal(3, 1, size=30)
    one = contrasts(WIDE, connectome, {"c": control}, 0.0, rng)[0]
    assert (one.connectome_mean, one.control_mean) == pytest.approx((connectome.mean(), control.mean()))
    assert one.difference == pytest.approx((connectome - control).mean())
    assert one.effect_size == pytest.approx(np.mean(connectome - control) / np.std(connectome - control, ddof=1))
    assert one.interval[0] < one.difference < one.interval[1]
    assert one.n_graphs == 30
    assert one.percentile == pytest.approx(100 * np.mean(control < connectome))


def test_a_control_that_always_makes_the_same_graph_is_no_ensemble() -> None:
    """Thirty seeds on one graph are thirty looks at one graph; however different it is, there is nothing to be unusual among."""
    rng = np.random.default_rng(13)
    connectome, control = rng.normal(0.9, 0.01, size=30), rng.normal(0.5, 0.01, size=30)
    assert contrasts(PROBE, connectome, {"c": control}, 0.0, rng)[0].verdict == "better"
    one = contrasts(PROBE, connectome, {"c": control}, 0.0, rng, {"c": 1})[0]
    assert one.verdict == "undecided" and "only 1 different control graph, 20 are needed" in one.sentence


def test_the_correction_is_over_the_controls_of_one_outcome() -> None:
    rng = np.random.default_rng(13)
    connectome = rng.normal(size=20)
    controls = {name: rng.normal(shift, 1, size=20) for name, shift in (("a", 1.0), ("b", 2.0), ("c", 0.0))}
    found = contrasts(WIDE, connectome, controls, 0.0, rng)
    raw = np.array([single_case_p(connectome - values) for values in controls.values()])
    assert [c.p for c in found] == pytest.approx(raw.tolist())
    assert [c.p_holm for c in found] == pytest.approx(holm(raw).tolist())
    assert [c.control for c in found] == list(controls)


@pytest.mark.parametrize(("n_connectome", "n_control"), [(20, 19), (19, 20), (1, 1)])
def test_arms_of_unequal_or_too_small_size_are_refused_in_one_sentence(n_connectome: int, n_control: int) -> None:
    said = rf"control 'c' has {n_control} trials and the connectome {n_connectome}; .* --resume"
    with pytest.raises(AnlageError, match=said) as caught:
        contrasts(WIDE, np.zeros(n_connectome), {"c": np.zeros(n_control)}, 0.0, np.random.default_rng(0))
    assert "\n" not in str(caught.value)


def test_one_trial_that_is_no_number_never_makes_a_verdict() -> None:
    connectome = np.full(20, 0.9)
    connectome[3] = np.nan
    control = 0.5 + 0.01 * np.linspace(-1, 1, 20)
    one = contrasts(PROBE, connectome, {"c": control}, 0.0, np.random.default_rng(0))[0]
    assert one.verdict not in ("better", "worse", "equivalent")


def test_every_outcome_is_named_as_it_is_looked_up() -> None:
    assert all(outcome.name == name for name, outcome in OUTCOMES.items())
    assert replace(PROBE, name="x").higher_is_better


def test_equivalence_is_a_prediction_interval_within_the_margin() -> None:
    d = np.random.default_rng(14).normal(0.1, 1.0, size=25)
    half = stats.t.isf(0.05, 24) * d.std(ddof=1) * np.sqrt(1 + 1 / 25)
    edge = float(max(abs(d.mean() - half), abs(d.mean() + half)))
    assert equivalence_p(d, edge) == pytest.approx(0.05)
    assert equivalence_p(d, edge * 1.01) < 0.05 < equivalence_p(d, edge * 0.99)
    assert equivalence_p(-d, edge) == pytest.approx(equivalence_p(d, edge))
    assert (equivalence_p(np.zeros(5), 0.1), equivalence_p(np.ones(5), 0.1)) == (0.0, 1.0)


def test_wiring_as_far_as_the_margin_is_called_equivalent_in_at_most_five_studies_of_a_hundred() -> None:
    """The connectome is drawn from a population whose mean is off by just the margin: the worst case that must not pass."""
    rng, margin = np.random.default_rng(15), 4.0
    p = [equivalence_p(margin + rng.normal() - rng.normal(size=20), margin) for _ in range(2000)]
    assert 0.035 < np.mean(np.array(p) < 0.05) < 0.065  # three binomial standard errors are 0.015


def test_the_rank_p_counts_graphs_that_are_as_extreme() -> None:
    # Controls 1 2 3 4 and a case of 9: of the five, none is as far from their mean 3.8; a case of 2.5 is the nearest of all.
    controls = np.array([1.0, 2, 3, 4])
    assert rank_p(9 - controls) == pytest.approx(1 / 5)
    assert rank_p(2.5 - controls) == 1.0
    assert rank_p(-3 - controls) == pytest.approx(1 / 5)


def test_the_rank_p_is_exact_for_any_distribution() -> None:
    rng = np.random.default_rng(16)
    draws = rng.lognormal(0, 2, size=(4000, 20))
    p = np.array([rank_p(one[0] - one[1:]) for one in draws])
    for level in (0.05, 0.25, 0.5):
        assert abs((p <= level + 1e-9).mean() - level) < 3 * np.sqrt(level * (1 - level) / 4000)


def test_the_sign_flip_agrees_with_scipy() -> None:
    rng = np.random.default_rng(17)
    for n in (2, 5, 12):
        d = rng.normal(0.4, 1, size=n)
        theirs = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=2**n).pvalue
        assert sign_flip_p(d, rng) == pytest.approx(theirs)
    d = rng.normal(0.4, 1, size=20)
    many = np.append(d, [0.0])  # a pair without a difference changes nothing, but 21 are drawn
    assert sign_flip_p(many, rng) == pytest.approx(sign_flip_p(d, rng), abs=0.005)


def test_the_interval_of_an_effect_size_covers_it_as_often_as_it_says() -> None:
    # Crawford & Garthwaite 2002: the case is 1.5 standard deviations from the mean of the population.
    rng, covered = np.random.default_rng(18), 0
    for _ in range(1000):
        d = 1.5 - rng.normal(size=10)
        low, high = effect_interval(float(d.mean() / d.std(ddof=1)), 10)
        covered += low <= 1.5 <= high
    assert 0.93 < covered / 1000 < 0.97


@pytest.mark.parametrize(("effect", "n"), [(0.0, 20), (-2.0, 16), (3.0, 5), (20.0, 20), (30.0, 20), (1e6, 20)])
def test_the_ends_of_the_interval_put_the_effect_at_either_tail(effect: float, n: int) -> None:
    low, high = effect_interval(effect, n)
    assert low < effect < high
    rng = np.random.default_rng(19)
    for end, tail in ((low, 0.025), (high, 0.975)):
        noncentral = (end * np.sqrt(n) + rng.normal(size=100_000)) / np.sqrt(rng.chisquare(n - 1, 100_000) / (n - 1))
        assert (noncentral > effect * np.sqrt(n)).mean() == pytest.approx(tail, abs=0.003)


def test_a_lost_pair_is_left_out_and_said() -> None:
    rng = np.random.default_rng(20)
    connectome, control = rng.normal(0.9, 0.01, 25), rng.normal(0.5, 0.01, 25)
    whole = contrasts(PROBE, connectome[:22], {"c": control[:22]}, 0.0, np.random.default_rng(0))[0]
    connectome[22], control[23:] = np.nan, np.nan
    one = contrasts(PROBE, connectome, {"c": control}, 0.0, np.random.default_rng(0))[0]
    assert (one.lost, one.n_graphs, one.verdict, one.claim) == (3, 22, "better", "supported")
    assert (one.difference, one.p, one.percentile) == (whole.difference, whole.p, whole.percentile)
    assert one.sentence.endswith("3 of 25 pairs are left out because a trial diverged.")
    control[20:] = np.nan
    assert contrasts(PROBE, connectome, {"c": control}, 0.0, rng)[0].verdict == "better"
    control[19:] = np.nan
    few = contrasts(PROBE, connectome, {"c": control}, 0.0, rng)[0]
    assert (few.verdict, few.reason) == ("undecided", "a trial diverged")
    assert few.why == "only 19 different control graphs, 20 are needed; 6 lost"


def test_an_arm_that_diverged_throughout_has_no_numbers_and_hides_no_other() -> None:
    rng = np.random.default_rng(21)
    connectome, control = rng.normal(0.9, 0.01, 20), rng.normal(0.5, 0.01, 20)
    gone, there = contrasts(PROBE, connectome, {"gone": np.full(20, np.nan), "there": control}, 0.1, rng)
    assert (gone.verdict, gone.counted, gone.lost) == ("undecided", False, 20)
    assert gone.to_json()["difference"] is None and gone.to_json()["interval"] is None
    assert there.verdict == "better"


def test_a_single_graph_is_compared_by_its_seeds_and_nothing_is_decided() -> None:
    rng = np.random.default_rng(22)
    connectome, control = rng.normal(0.9, 0.01, 20), rng.normal(0.5, 0.01, 20)
    alone, many = (contrasts(PROBE, connectome, {"c": control}, 0.0, rng, {"c": n})[0] for n in (1, 20))
    assert (alone.verdict, alone.reason) == ("undecided", "too few graphs")
    assert alone.p_sign_flip == 2 / 2**20
    assert many.p_sign_flip is None


@pytest.mark.parametrize(("score", "verdict"), [(0.5, "undecided"), (0.7, "better")])
def test_an_easy_task_withholds_equivalence_and_nothing_else(score: float, verdict: str) -> None:
    easy = {"c": Doubt("floor", "the untrained networks reach as much", about_all=False)}
    control = 0.5 + 0.01 * np.linspace(-1, 1, 20)
    one = contrasts(PROBE, np.full(20, score), {"c": control}, 0.05, np.random.default_rng(0), None, easy)[0]
    assert one.verdict == verdict
    assert one.why == ("the untrained networks reach as much" if verdict == "undecided" else "")


def test_a_failed_audit_leaves_everything_undecided() -> None:
    barred = {"c": Doubt("failed audit", "nothing observed can reach the readout in c", about_all=True)}
    control = 0.5 + 0.01 * np.linspace(-1, 1, 20)
    one = contrasts(PROBE, np.full(20, 0.9), {"c": control}, 0.0, np.random.default_rng(0), None, barred)[0]
    assert (one.verdict, one.claim, one.reason) == ("undecided", "undecided", "failed audit")


def test_every_verdict_says_what_becomes_of_the_claim() -> None:
    claims = {study(PROBE, *means, margin=0.05).claim for means in ((0.9, 0.5), (0.5, 0.9), (0.5, 0.5))}
    assert claims == {"supported", "not supported", "equivalent"}
    assert study(PROBE, 0.5, 0.502).claim == "not supported"

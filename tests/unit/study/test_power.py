"""What a study can see, against simulation and SciPy's noncentral t."""

import numpy as np
import pytest
from scipy import stats

from anlage.study.power import power, power_sentence, visible_effect


def found(effect: float, n: int, alpha: float) -> float:
    """Share of 20,000 simulated studies that find a connectome this far from the mean of its controls."""
    controls = np.random.default_rng(n).normal(size=(20_000, n))
    t = (effect - controls.mean(axis=1)) / (controls.std(axis=1, ddof=1) * np.sqrt(1 + 1 / n))
    return float((np.abs(t) > stats.t.isf(alpha / 2, n - 1)).mean())


@pytest.mark.parametrize("n", [5, 10, 20, 40])
@pytest.mark.parametrize("effect", [0.0, 1.0, 2.0, 3.0, 5.0])
def test_power_is_the_share_of_simulated_studies_that_find_the_effect(effect: float, n: int) -> None:
    assert power(effect, n) == pytest.approx(found(effect, n, 0.05), abs=0.012)
    assert power(effect, n, 3) == pytest.approx(found(effect, n, 0.05 / 3), abs=0.012)


def test_power_agrees_with_the_noncentral_t_of_scipy() -> None:
    bar = stats.t.isf(0.025, 19) * np.sqrt(21)
    theirs = stats.nct.sf(bar, 19, 2.5 * np.sqrt(20))  # the other tail is too thin to be computed
    assert power(2.5, 20) == power(-2.5, 20) == pytest.approx(float(theirs))


@pytest.mark.parametrize("n", [5, 20, 40])
def test_the_visible_effect_is_found_as_often_as_asked(n: int) -> None:
    assert power(visible_effect(n, 2, 0.9), n, 2) == pytest.approx(0.9, abs=1e-5)
    assert visible_effect(n, 2) > visible_effect(n) > visible_effect(2 * n)


def test_the_sentence_says_what_to_expect_or_that_there_is_no_verdict() -> None:
    said = power_sentence(20, 2, 20)
    assert (
        f"a difference of {visible_effect(20, 2):.1f} control standard deviations is found with a probability of 80%"
        in said
    )
    assert f"3 with {power(3.0, 20, 2):.0%}" in said
    assert power_sentence(19, 2, 20) == "With 19 graphs per control there will be no verdict: 20 are needed."

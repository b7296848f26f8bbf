"""Agreement against scikit-learn, its nulls against labellings made to have an effect or none, symmetry against counting."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from anlage.connectome.connectome import Categorical
from anlage.errors import AnlageError
from anlage.study.agreement import agreement, degree_strata, labelled, symmetry
from anlage.topology import Topology


@pytest.mark.parametrize("seed", range(3))
def test_agreement_is_the_adjusted_mutual_information_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = rng.integers(6, size=200)
    other = np.where(rng.random(200) < 0.5, one, rng.integers(4, size=200)) * 7  # numbers with gaps
    found = agreement(one, other, rng, permutations=3)
    assert found.value == pytest.approx(adjusted_mutual_info_score(one, other))
    assert agreement(one, one, rng, permutations=3).value == pytest.approx(1)


def test_without_an_effect_p_is_as_often_below_any_level_as_that_level_says() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 15)
    p = [agreement(labels, rng.permutation(labels), rng, permutations=19).p for _ in range(200)]
    for level in (0.1, 0.25, 0.5):
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=0.1)
    assert min(p) >= 1 / 20


def test_permuted_labels_agree_with_nothing_on_average() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 40)
    found = agreement(labels, labels, rng, permutations=200)
    assert found.null_mean == pytest.approx(0, abs=0.01)
    assert found.p == 1 / 201


def test_agreement_that_strata_explain_is_no_finding_within_them() -> None:
    rng = np.random.default_rng(0)
    stratum = np.repeat(np.arange(4), 50)
    noisy = [np.where(rng.random(200) < 0.8, stratum, rng.integers(4, size=200)) for _ in range(2)]
    assert agreement(*noisy, rng, permutations=99).p == 0.01
    within = agreement(*noisy, rng, strata=stratum, permutations=99)
    assert within.p > 0.05
    assert within.null_mean > 0.3


def test_labels_permuted_within_strata_stay_in_them() -> None:
    # A stratum of one label each leaves nothing to permute: the null is the value itself.
    labels = np.repeat(np.arange(4), 10)
    found = agreement(labels, labels, np.random.default_rng(0), strata=labels, permutations=9)
    assert (found.null_mean, found.p) == (pytest.approx(found.value), 1.0)


@pytest.mark.parametrize(
    ("one", "other", "permutations"), [([0, 0], [0, 1], 9), ([0, 1], [1, 1], 9), ([0], [0], 9), ([0, 1], [0, 1], 0)]
)
def test_what_cannot_agree_is_refused(one: list[int], other: list[int], permutations: int) -> None:
    with pytest.raises(AnlageError):
        agreement(np.array(one), np.array(other), np.random.default_rng(0), permutations=permutations)


def test_neurons_of_equal_degrees_share_a_stratum_and_others_are_ordered() -> None:
    pre = np.array([0, 0, 0, 1, 1, 2, 3])
    post = np.array([1, 2, 3, 2, 3, 3, 0])
    strata = degree_strata(Topology.of(5, pre, post, np.ones(7)), bins=5)
    into, out = strata // 5, strata % 5
    assert into.tolist() == [1, 1, 3, 4, 0]  # in-degrees 1 1 2 3 0: ranks 1 1 3 4 0 of 5
    assert out.tolist() == [4, 3, 1, 1, 0]  # out-degrees 3 2 1 1 0


def test_neurons_without_a_label_are_left_out() -> None:
    assert labelled(Categorical.of(["a", "", "b", "unknown"])).tolist() == [0, 2]


def test_symmetry_counts_every_pair_once_however_it_is_named() -> None:
    #                    0-1 together, 2-3 apart (named by one side only), 4 alone
    pairs = symmetry(np.array([0, 0, 0, 1, 1]), np.array([1, 0, 3, -1, -1]))
    assert pairs is not None
    assert (pairs.n_pairs, pairs.together) == (2, 0.5)
    assert pairs.by_chance == pytest.approx((3 / 4) ** 2 + (1 / 4) ** 2)
    assert symmetry(np.array([0, 1]), np.array([-1, -1])) is None

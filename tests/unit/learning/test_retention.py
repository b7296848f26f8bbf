"""The measures of an accuracy matrix, worked out by hand."""

import numpy as np
import pytest

from anlage.errors import AnlageError
from anlage.learning.retention import (
    anytime_accuracy,
    backward_transfer,
    final_accuracy,
    forgetting,
    forward_transfer,
    share_kept,
)

# Row: after which lesson. Column: on which lesson. The first was known best after the second.
MATRIX = np.array(
    [
        [0.80, 0.10, 0.30, 0.05],
        [0.90, 0.70, 0.20, 0.15],
        [0.50, 0.60, 0.95, 0.45],
        [0.40, 0.65, 0.35, 0.85],
    ]
)
UNTRAINED = np.array([0.20, 0.25, 0.10, 0.05])


def test_the_measures_are_what_they_are_by_hand() -> None:
    assert final_accuracy(MATRIX) == pytest.approx((0.40 + 0.65 + 0.35 + 0.85) / 4)  # 0.5625
    assert backward_transfer(MATRIX) == pytest.approx((-0.40 - 0.05 - 0.60) / 3)  # from 0.80, 0.70, 0.95
    assert forgetting(MATRIX) == pytest.approx((0.50 + 0.05 + 0.60) / 3)  # from 0.90, 0.70, 0.95
    # After each lesson, the mean over those so far: 0.80, 1.60 / 2, 2.05 / 3, 2.25 / 4.
    assert anytime_accuracy(MATRIX) == pytest.approx((0.80 + 0.80 + 2.05 / 3 + 0.5625) / 4)
    # Just before each was learned: 0.10, 0.20, 0.45, less 0.25, 0.10, 0.05.
    assert forward_transfer(MATRIX, UNTRAINED) == pytest.approx((-0.15 + 0.10 + 0.40) / 3)


def test_what_is_learned_last_cannot_have_been_forgotten() -> None:
    other = MATRIX.copy()
    other[-1, -1] = 0.0
    assert (forgetting(other), backward_transfer(other)) == (forgetting(MATRIX), backward_transfer(MATRIX))


def test_forgetting_can_be_negative_and_is_never_below_minus_backward_transfer() -> None:
    better = np.array([[0.5, 0.0], [0.7, 0.9]])
    assert forgetting(better) == pytest.approx(-0.2) and backward_transfer(better) == pytest.approx(0.2)
    for seed in range(20):
        matrix = np.random.default_rng(seed).random((5, 5))
        assert forgetting(matrix) >= -backward_transfer(matrix) - 1e-12


def test_a_single_lesson_has_an_accuracy_and_nothing_to_compare() -> None:
    one = np.array([[0.7]])
    assert final_accuracy(one) == anytime_accuracy(one) == 0.7
    for measure in (forgetting, backward_transfer):
        with pytest.raises(AnlageError, match="needs 2 of them or more; there are 1"):
            measure(one)
    with pytest.raises(AnlageError, match="needs 2"):
        forward_transfer(one, np.array([0.1]))


def test_what_is_kept_is_counted_from_chance() -> None:
    assert [share_kept(score, 0.9, 0.1) for score in (0.9, 0.1, 0.5)] == pytest.approx([1.0, 0.0, 0.5])
    assert share_kept(0.02, 0.9, 0.1) == pytest.approx(-0.1)
    with pytest.raises(AnlageError, match="cannot be kept"):
        share_kept(0.1, 0.1, 0.1)

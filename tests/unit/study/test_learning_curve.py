"""The area under a learning curve in closed form."""

import numpy as np
import pytest

from anlage.errors import AnlageError
from anlage.study.learning_curve import examples_to, log_area


def test_a_constant_accuracy_is_its_own_area_whatever_the_numbers() -> None:
    assert log_area([3, 7, 500], [0.4, 0.4, 0.4]) == pytest.approx(0.4)


def test_an_accuracy_that_rises_with_the_logarithm_has_the_area_of_its_middle() -> None:
    n = np.array([10, 20, 100, 1000])
    rising = 0.1 + 0.3 * np.log10(n / 10)
    assert log_area(n.tolist(), rising.tolist()) == pytest.approx((0.1 + 0.7) / 2)


def test_every_tenfold_weighs_the_same() -> None:
    # 10 to 100: mean 0.5; 100 to 1,000: mean 0.9.
    assert log_area([10, 100, 1000], [0.2, 0.8, 1.0]) == pytest.approx((0.5 + 0.9) / 2)
    # A step near the start is worth a whole tenfold, one near the end nearly nothing of it.
    assert log_area([10, 11, 1000], [0.0, 1.0, 1.0]) == pytest.approx(1 - np.log10(1.1) / 4)


def test_the_number_that_is_needed_lies_on_the_line_over_the_logarithm() -> None:
    assert examples_to(0.5, [10, 1000], [0.0, 1.0]) == pytest.approx(100)
    assert examples_to(0.25, [10, 1000, 10_000], [0.0, 1.0, 0.2]) == pytest.approx(10**1.5)
    assert examples_to(0.1, [10, 1000], [0.2, 1.0]) == 10
    assert examples_to(0.9, [10, 1000], [0.2, 0.8]) is None


@pytest.mark.parametrize("examples", [[10], [10, 10], [20, 10], [0, 10], [1, 2, 3]])
def test_numbers_that_do_not_rise_are_refused(examples: list[int]) -> None:
    with pytest.raises(AnlageError, match="two or more rising numbers"):
        log_area(examples, [0.1, 0.2])

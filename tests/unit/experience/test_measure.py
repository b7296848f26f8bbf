import numpy as np
import pytest
import torch
from sklearn import metrics

from anlage.errors import RecipeError
from anlage.experience import Problem
from anlage.experience.measure import GUESS, MEASURES
from anlage.experience.problem import pose

RNG = np.random.default_rng(0)


def score(name: str, answer: np.ndarray, asked: np.ndarray) -> float:
    return MEASURES[name].of(answer, asked)  # type: ignore[index]


def test_regression_scores_are_those_of_scikit_learn() -> None:
    asked, answer = RNG.normal(size=(2, 5, 30, 3)) * [1, 5, 0.2] + [0, 7, -3]
    flat = asked.reshape(-1, 3), answer.reshape(-1, 3)
    explained = metrics.r2_score(*flat, multioutput="variance_weighted")
    assert score("r2", answer, asked) == pytest.approx(explained)
    assert score("nrmse", answer, asked) == pytest.approx(np.sqrt(1 - explained))
    one = flat[0][:, :1], flat[1][:, :1]
    rmse = metrics.root_mean_squared_error(*one) / one[0].std()
    assert score("nrmse", answer[..., :1], asked[..., :1]) == pytest.approx(rmse)


def test_accuracy_is_that_of_scikit_learn() -> None:
    asked, answer = RNG.normal(size=(2, 40, 3, 4))
    expected = metrics.accuracy_score(asked.argmax(-1).ravel(), answer.argmax(-1).ravel())
    assert score("accuracy", answer, asked) == pytest.approx(expected)


def test_both_parts_of_a_mixture_are_counted_and_one_part_is_plain_accuracy() -> None:
    asked = np.array([[[0.5, 0.5, 0, 0]], [[0, 0, 0.5, 0.5]], [[0.5, 0, 0, 0.5]]])
    answer = np.array([[[3.0, 9, 1, 0]], [[8, 0, 9, 1]], [[0, 5, 5, 0]]])
    assert score("parts_named", answer, asked) == pytest.approx((2 + 1 + 0) / 6)
    one = np.eye(5)[RNG.integers(5, size=(50, 1))]
    guess = RNG.normal(size=one.shape)
    assert score("parts_named", guess, one) == pytest.approx(score("accuracy", guess, one))


def test_memory_capacity_adds_up_squared_correlations_of_every_delay() -> None:
    asked = RNG.normal(size=(3, 4000, 6))
    answer = asked + np.array([0, 0.5, 1, 2, 1, 0]) * RNG.normal(size=asked.shape)
    pairs = [np.corrcoef(answer[..., k].ravel(), asked[..., k].ravel())[0, 1] ** 2 for k in range(6)]
    assert score("memory_capacity", answer, asked) == pytest.approx(sum(pairs), abs=1e-3)
    assert score("memory_capacity", -3 * asked + 8, asked) == pytest.approx(6)
    assert score("memory_capacity", np.ones(asked.shape) / 3, asked) == 0


def test_answers_that_know_nothing_have_no_memory_capacity_on_average_however_short_the_test() -> None:
    asked, answer = RNG.normal(size=(2, 1, 20, 20_000))
    # One correlation of 20 independent moments has r ** 2 of mean 1 / 19: without the correction this would be 0.0526.
    assert score("memory_capacity", answer, asked) / 20_000 == pytest.approx(0, abs=0.003)


@pytest.mark.parametrize(("given", "asked", "error"), [(350, 10, 20), (10, 350, 20), (90, 90, 0), (-90, 90, 180)])
def test_an_angle_error_takes_the_short_way_round(given: float, asked: float, error: float) -> None:
    one, other = (np.array([[[np.cos(a), np.sin(a)]]]) for a in np.deg2rad([given, asked]))
    assert score("angle_error_deg", 7 * one, other) == pytest.approx(error)


def test_bits_per_byte_is_the_length_of_a_code() -> None:
    asked = np.eye(4)[[[0, 1, 2]]]
    half = np.array([[[0.5, 0.5, 0, 0]] * 3])
    likely, unlikely = (-np.log2((1 - GUESS) * p + GUESS / 4) for p in (0.5, 0.0))
    assert score("bits_per_byte", half, asked) == pytest.approx((2 * likely + unlikely) / 3)
    assert score("bits_per_byte", 40 * half - 1e-3, asked) == pytest.approx((2 * likely + unlikely) / 3, rel=1e-3)
    assert score("bits_per_byte", np.full((1, 3, 4), -1.0), asked) == pytest.approx(2), "nothing left is a fair guess"


def problem() -> Problem:
    rows, answers = RNG.normal(size=(4, 5, 2)), np.eye(3)[[[0], [1], [1], [2]]]
    return pose("noise", (rows, answers), (rows + 1, answers), ("accuracy", "bits_per_byte"), 1.0)


def test_scores_come_in_the_order_declared_and_chance_names_the_commonest_class() -> None:
    made = problem()
    assert list(made.score(made.test_answer)) == ["accuracy", "bits_per_byte"]
    assert made.primary == "accuracy"
    assert made.chance == 0.5
    assert made.kind == "classification"


@pytest.mark.parametrize(("kind", "primary"), [("classification", "accuracy"), ("regression", "nrmse")])
def test_a_problem_without_measures_has_that_of_its_kind(kind: str, primary: str) -> None:
    made = problem()
    parts = made.train, made.train_answer, made.test, made.test_answer
    plain = Problem("noise", *parts, washout=0, kind=kind, oracle=1.0, chance=0.5)  # type: ignore[arg-type]
    assert list(plain.score(made.test_answer)) == [primary] == [plain.primary]


def test_answers_of_another_shape_are_refused_in_one_sentence() -> None:
    with pytest.raises(RecipeError, match=r"shape \(4, 2, 3\) were given, but \(4, 1, 3\) are asked for"):
        problem().score(torch.zeros(4, 2, 3))

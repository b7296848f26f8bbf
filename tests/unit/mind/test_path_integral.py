"""Weighed plans against posteriors in closed form, sums by hand, and the best that any controller could do."""

import math

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are

from anlage.errors import RecipeError
from anlage.mind.path_integral import Foretells, PathIntegral, PlanningExpert


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_weights_are_exponentials_of_what_is_promised_over_the_heat() -> None:
    earned = [3.0, -1.0, 2.5, 0.0, 3.0]
    mean = sum(earned) / 5
    heat = 0.7 * math.sqrt(sum((r - mean) ** 2 for r in earned) / 5)
    total = sum(math.exp(r / heat) for r in earned)
    found = PathIntegral(warmth=0.7).weights(np.array(earned))
    np.testing.assert_allclose(found, [math.exp(r / heat) / total for r in earned])


def test_weights_do_not_depend_on_the_unit_or_the_zero_of_reward() -> None:
    planner, earned = PathIntegral(), rng().normal(size=30)
    np.testing.assert_allclose(planner.weights(1000 * earned - 1e5), planner.weights(earned), rtol=1e-8)
    np.testing.assert_allclose(planner.weights(1e-9 * earned), planner.weights(earned))
    assert planner.weights(np.full(4, 7.0)).tolist() == [0.25] * 4


def test_courses_are_the_last_plan_and_chance_around_it_that_is_held() -> None:
    planner = PathIntegral(horizon=7, candidates=4001, spread=0.1, held=3)
    before = np.linspace(-0.4, 0.4, 14).reshape(7, 2)
    courses = planner.courses(before, rng())
    assert courses.shape == (4001, 7, 2) and np.array_equal(courses[0], before)
    chance = courses[1:] - before
    for first, last in ((0, 2), (3, 5), (6, 6)):
        np.testing.assert_allclose(chance[:, first], chance[:, last], atol=1e-12)
    assert np.abs(np.corrcoef(chance[:, [0, 3, 6]].reshape(4000, 6).T) - np.eye(6)).max() < 0.06
    np.testing.assert_allclose(chance.std(0), 0.1, rtol=0.05)
    wide = PathIntegral(spread=5.0).courses(np.zeros((18, 1)), rng())
    assert wide.min() == -1 and wide.max() == 1


def test_one_step_of_a_quadratic_world_gives_the_posterior_mean() -> None:
    """Chance N(m, s^2) weighed by exp(-(a - g)^2 / 2h) has mean (m / s^2 + g / h) / (1 / s^2 + 1 / h)."""
    spread, before, goal, warmth = 0.1, 0.2, 0.45, 0.5
    planner = PathIntegral(horizon=1, candidates=200_000, spread=spread, held=1, warmth=warmth)
    found = planner.plan(lambda a: -np.square(a[:, 0, 0] - goal) / 2, np.array([[before]]), rng())
    away = goal - before
    heat = warmth * math.sqrt((2 * spread**4 + 4 * spread**2 * away**2) / 4)  # of a square of a normal number, halved
    expected = (before / spread**2 + goal / heat) / (1 / spread**2 + 1 / heat)
    assert 0.3 < expected < 0.42
    assert float(found[0, 0]) == pytest.approx(expected, abs=2e-3)


def test_plans_that_go_on_from_one_another_reach_the_best_course() -> None:
    best = np.repeat([[0.6, -0.3], [-0.9, 0.1]], 2, axis=0)
    planner, plan, chance = PathIntegral(horizon=4, candidates=64, spread=0.2, held=2), np.zeros((4, 2)), rng()
    for _ in range(60):
        plan = planner.plan(lambda a: -np.square(a - best).sum((1, 2)), plan, chance)
    np.testing.assert_allclose(plan, best, atol=0.06)


class Cart:
    """A cart on rails, ``x' = x + v dt``, ``v' = v + u dt``, that pays ``-(x^2 + u^2 / 10)``."""

    n_action = 1
    drift, push = np.array([[1.0, 0.1], [0.0, 1.0]]), np.array([[0.0], [0.1]])

    def __init__(self) -> None:
        self.state, self.asked = np.array([0.3, 0.0]), 0

    def promise(self, courses: np.ndarray) -> np.ndarray:
        self.asked += 1
        state, total = np.tile(self.state, (len(courses), 1)), np.zeros(len(courses))
        for action in courses.transpose(1, 0, 2):
            total -= state[:, 0] ** 2 + 0.1 * action[:, 0] ** 2
            state = state @ self.drift.T + action @ self.push.T
        return total

    def step(self, action: np.ndarray) -> float:
        paid = self.state[0] ** 2 + 0.1 * action[0] ** 2
        self.state = self.drift @ self.state + self.push @ action
        return float(paid)


def test_a_cart_is_brought_home_nearly_as_cheaply_as_can_be() -> None:
    """The least that anybody can pay is ``x' P x``, P of the Riccati equation, by SciPy; no bound is reached here."""
    cart, still = Cart(), Cart()
    riccati = solve_discrete_are(cart.drift, cart.push, np.diag([1.0, 0.0]), np.array([[0.1]]))
    least = float(cart.state @ riccati @ cart.state)
    planner = PathIntegral(horizon=30, candidates=200, spread=0.15, held=5, warmth=0.1)
    act = PlanningExpert(planner, [cart], rng(1))
    paid = sum(cart.step(act(np.zeros((1, 2)))[0]) for _ in range(60))
    idle = sum(still.step(np.zeros(1)) for _ in range(60))
    assert isinstance(cart, Foretells) and cart.asked == 60
    assert least < paid < 1.25 * least < idle / 5


def test_a_plan_moves_on_by_one_moment_and_ends_in_rest() -> None:
    given: list[np.ndarray] = []

    class Told:
        n_action = 2

        def promise(self, courses: np.ndarray) -> np.ndarray:
            given.append(courses[0])
            return np.asarray(courses[:, :, 0].sum(1))

    act = PlanningExpert(PathIntegral(horizon=5, candidates=20), [Told(), Told()], rng())
    first = act(np.zeros((2, 3)))
    second = act(np.zeros((2, 3)))
    assert first.shape == second.shape == (2, 2) and np.array_equal(given[0], np.zeros((5, 2)))
    assert not np.array_equal(given[2], given[3])  # each world has a plan of its own
    assert np.array_equal(given[2][-1], [0.0, 0.0]) and given[2][:-1].any()


@pytest.mark.parametrize(
    "wrong", [{"horizon": 0}, {"candidates": 0}, {"held": -1}, {"spread": 0.0}, {"warmth": float("nan")}]
)
def test_a_planner_that_cannot_plan_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match="must be"):
        PathIntegral(**wrong)  # type: ignore[arg-type]

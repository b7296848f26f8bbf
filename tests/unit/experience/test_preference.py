"""What a body is to be like, and the equations of the pendulum against Gymnasium's own."""

import numpy as np
import pytest
import torch

from anlage.errors import BodyError
from anlage.experience.bodies import GymWorld
from anlage.experience.pendulum import KnownPendulum
from anlage.experience.preference import PREFERENCES, Held, InUnits, Preference


def pendulum() -> InUnits:
    pytest.importorskip("gymnasium", reason="gymnasium is not installed (extra: body)")
    return InUnits(GymWorld("pendulum"), PREFERENCES["pendulum"].unit)


def test_the_known_pendulum_moves_as_gymnasiums_does() -> None:
    world, rng = pendulum(), np.random.default_rng(0)
    fastest = 0.0
    for seed in range(3):
        action = np.repeat(rng.uniform(-1.2, 1.2, (12, 1)), 10, axis=0)
        began = torch.tensor(world.begin(seed))
        seen = np.array([world.step(each)[0] for each in action])
        imagined = KnownPendulum().imagine(began, torch.tensor(np.stack([action, -action])))
        assert imagined.shape == (1, 2, 120, 3)
        np.testing.assert_allclose(imagined[0, 0], seen, atol=2e-5)
        fastest = max(fastest, np.abs(seen[:, 2]).max())
    assert fastest > 0.6


def test_units_divide_what_is_observed_and_nothing_else() -> None:
    plain, told = GymWorld("pendulum"), pendulum()
    assert (told.name, told.n_observed, told.n_action, told.limit) == ("pendulum", 3, 1, 200)
    np.testing.assert_allclose(told.begin(5) * [1, 1, 8], plain.begin(5))
    ours, theirs = told.step(np.array([0.7])), plain.step(np.array([0.7]))
    np.testing.assert_allclose(ours[0] * [1, 1, 8], theirs[0])
    assert ours[1:] == theirs[1:]


def test_the_pendulum_prefers_what_earns_most() -> None:
    world, best = GymWorld("pendulum"), PREFERENCES["pendulum"]
    world._made.reset(seed=0)
    world._made.state = np.array([np.arctan2(best.observation[1], best.observation[0]), best.observation[2]])
    observed, reward, _ = world.step(np.zeros(1))
    np.testing.assert_allclose(observed / np.array(best.unit), best.goal, atol=1e-6)
    assert reward == 0.0


def test_a_preference_that_does_not_fit_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        BodyError, match=r"2 numbers was given with the units \(1.0,\) and .* give one positive unit for each"
    ):
        Preference((1.0, 2.0), (1.0,), 0.0)
    with pytest.raises(BodyError, match="positive unit"):
        Preference((1.0,), (0.0,), 0.0)
    with pytest.raises(BodyError, match="2 units were given for the 3 numbers of 'pendulum'"):
        InUnits(GymWorld("pendulum"), (1.0, 1.0))
    with pytest.raises(BodyError, match="positive standard deviation"):
        Preference((1.0,), (1.0,), 0.0, sd=0.0)
    with pytest.raises(BodyError, match="may be anything; prefer at least one"):
        Preference((None, None), (1.0, 1.0), 0.0)
    with pytest.raises(BodyError, match="Actions that last 0 steps, kept 10 times"):
        Preference((1.0,), (1.0,), 0.0, held=0)
    with pytest.raises(BodyError, match="cannot last 0 steps"):
        Held(Counting(), 0)


class Counting:
    """Shows how many steps were done, and earns as much; its life ends at the tenth at the latest."""

    name, n_observed, n_action, limit = "counting", 1, 1, 10

    def __init__(self, ends: int = 99) -> None:
        self.ends = ends

    def begin(self, seed: int) -> np.ndarray:
        self.n = 0
        return np.array([0.0])

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        self.n += 1
        return np.array([self.n * action[0]]), float(self.n), self.n >= self.ends


def test_an_action_that_lasts_is_done_so_often_and_earns_what_its_steps_earn() -> None:
    world = Held(Counting(), 4)
    assert (world.limit, world.begin(0).tolist()) == (3, [0.0])
    told = [world.step(np.array([2.0])) for _ in range(world.limit)]
    assert [(float(seen[0]), earned, over) for seen, earned, over in told] == [
        (8.0, 1 + 2 + 3 + 4, False),
        (16.0, 5 + 6 + 7 + 8, False),
        (20.0, 9 + 10, False),
    ]


def test_an_action_ends_with_the_life_it_is_done_in() -> None:
    world = Held(Counting(ends=6), 4)
    world.begin(0)
    world.step(np.ones(1))
    seen, earned, over = world.step(np.ones(1))
    assert (float(seen[0]), earned, over) == (6.0, 5 + 6, True)


def test_what_may_be_anything_is_no_number_of_the_goal() -> None:
    for name, wanted in PREFERENCES.items():
        given = [number is not None for number in wanted.observation]
        assert np.isfinite(wanted.goal).tolist() == given, name
    assert PREFERENCES["swimmer"].goal[11] == pytest.approx(0.1 / 0.05)

"""What a body is to be like, and the equations of the pendulum against Gymnasium's own."""

import numpy as np
import pytest
import torch

from anlage.errors import BodyError
from anlage.experience.bodies import GymWorld
from anlage.experience.pendulum import KnownPendulum
from anlage.experience.preference import PREFERENCES, InUnits, Preference


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
        BodyError, match=r"2 numbers was given with the units \(1.0,\); give one positive unit for each"
    ):
        Preference((1.0, 2.0), (1.0,), 0.0)
    with pytest.raises(BodyError, match="positive unit"):
        Preference((1.0,), (0.0,), 0.0)
    with pytest.raises(BodyError, match="2 units were given for the 3 numbers of 'pendulum'"):
        InUnits(GymWorld("pendulum"), (1.0, 1.0))

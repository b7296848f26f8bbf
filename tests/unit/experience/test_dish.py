"""A larva in a dish: what it observes against the arena's own senses, what it earns against the published index."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from anlage.experience.arena import Arena, assay
from anlage.experience.arena_body import Larva
from anlage.experience.arena_score import Track, approach
from anlage.experience.bodies import open_world
from anlage.experience.dish import FAINTEST, PAST, STRONGEST, DishWorld

TABLE = Path(os.environ.get("ANLAGE_DATA", ".")) / "odor" / "dweck2018_larva_chem2or.csv"
pytestmark = pytest.mark.skipif(not TABLE.is_file(), reason="the data folder has no odor/dweck2018_larva_chem2or.csv")


def lived(action: np.ndarray, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    world = DishWorld()
    first = world.begin(seed)
    told = [world.step(each) for each in action]
    return np.stack([first, *(seen for seen, _, _ in told)]), np.array([earned for _, earned, _ in told])


def in_the_arena(action: np.ndarray, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Summed response, bend and place at every moment, from the arena itself."""
    arena = Arena(assay("larva"), Larva(step_s=0.5))
    sense, found = arena.start([np.random.default_rng(seed)]), []
    for each in [None, *action]:
        if each is not None:
            sense, _ = arena.step(torch.tensor([[[(each[0] + 1) / 2, each[1]]]], dtype=torch.float32))
        pose = arena.now.pose
        found.append((float(sense[0, 0, : len(arena.nose.names)].sum()), float(pose.bend), *pose.place[0, 0].tolist()))
    smell, bend, x, y = np.array(found).T
    return smell, bend, np.stack([x, y], 1)


def test_it_observes_smell_its_changes_and_its_bend_as_they_are_in_the_arena() -> None:
    action = np.random.default_rng(0).uniform(-1, 1, (12, 2))
    seen, _ = lived(action)
    smell, bend, _ = in_the_arena(action)
    smell, bend = np.log(smell + FAINTEST), bend / np.deg2rad(120)
    np.testing.assert_allclose(seen[:, 0], smell, rtol=1e-6)
    for moment in range(PAST, len(seen)):
        back = [smell[moment - k] - smell[moment - k - 1] for k in range(PAST - 1)]
        np.testing.assert_allclose(seen[moment, 1:PAST], back, atol=1e-6)
        np.testing.assert_allclose(seen[moment, PAST : 2 * PAST], [bend[moment - k] for k in range(PAST)], atol=1e-6)
    assert seen[0].tolist() == [smell[0], *[0.0] * (PAST - 1), *[bend[0]] * PAST, 0.0]


def test_what_it_earns_is_the_published_index_of_approach() -> None:
    action = np.random.default_rng(1).uniform(-1, 1, (40, 2))
    _, earned = lived(action)
    place = in_the_arena(action)[2]
    track = Track(0.5, place[:, None, None], np.zeros((41, 1, 1, 1)), np.zeros((41, 1, 1)))
    index = approach(track, (30.0, 0.0), np.random.default_rng(0)).value
    assert earned.sum() / 41 == pytest.approx(index, abs=1e-6)  # the beginning itself counts 0


def test_on_the_drop_it_smells_as_strongly_as_is_preferred_and_tastes_food() -> None:
    world = DishWorld()
    world.begin(0)
    pose = world._arena.now.pose
    pose.place[:] = torch.tensor([30.0 - 2.0, 0.0])
    pose.heading[:] = 0.0
    seen, earned, over = world.step(np.array([-1.0, 0.0]))
    assert seen[0] == pytest.approx(STRONGEST, abs=0.01) and seen[-1] > 0.5 and not over
    assert earned > 0.9


def test_the_dish_is_a_body_by_name() -> None:
    world = open_world("dish")
    assert (world.name, world.n_observed, world.n_action, world.limit) == ("dish", 9, 2, 600)

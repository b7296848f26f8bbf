"""The arena as others' learners see it: their own checkers pass, and all views agree with the arena itself."""

import warnings

import numpy as np
import pytest
import torch

from anlage.experience.arena import Arena
from anlage.experience.arena_field import Dish, Drop, Scene
from anlage.experience.arena_sense import LarvaNose

gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed (extra: arena)")
pytest.importorskip("pettingzoo", reason="pettingzoo is not installed (extra: arena)")

SCENE = Scene(drops=(Drop(3.0, 0.0, "a", food_s=5.0),), walls=Dish(12.0))
NOSE = LarvaNose(("a",), {"a": np.array([0.5, 0.2])})


def test_one_animal_passes_the_check_of_gymnasium() -> None:
    from gymnasium.utils.env_checker import check_env

    from anlage.experience.arena_gym import ForageEnv

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not have a `spec`.*|.*spec.*")
        check_env(ForageEnv(SCENE, seconds=2.0, nose=NOSE), skip_render_check=True)


def test_many_animals_pass_the_check_of_pettingzoo() -> None:
    from pettingzoo.test import parallel_api_test, parallel_seed_test

    from anlage.experience.arena_gym import ForageParallelEnv

    parallel_api_test(ForageParallelEnv(3, SCENE, seconds=2.0, nose=NOSE), num_cycles=60)
    parallel_seed_test(lambda: ForageParallelEnv(2, SCENE, seconds=2.0, nose=NOSE), num_cycles=30)


def test_many_worlds_live_as_single_ones_in_gymnasiums_own_vector() -> None:
    from anlage.experience.arena_gym import ForageEnv, ForageVectorEnv

    ours = ForageVectorEnv(4, SCENE, seconds=1.5, nose=NOSE)
    theirs = gymnasium.vector.SyncVectorEnv([lambda: ForageEnv(SCENE, seconds=1.5, nose=NOSE)] * 4)
    (one, _), (other, _) = ours.reset(seed=3), theirs.reset(seed=3)
    assert np.allclose(one, other, atol=1e-6)
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"]
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(40):
        action = rng.uniform(-1, 1, (4, 2)).astype(np.float32)
        mine, given = ours.step(action), theirs.step(action)
        for part, expected in zip(mine[:4], given[:4], strict=True):
            assert np.allclose(part, expected, atol=1e-6)
        ended += int(mine[3].sum())
        assert ours.observation_space.contains(mine[0])
    assert ended == 2 * 4  # every world was over twice, after 15 steps and one to begin anew


def test_what_all_views_show_is_what_the_arena_says() -> None:
    from anlage.experience.arena_gym import ForageParallelEnv

    world = ForageParallelEnv(2, SCENE, seconds=5.0, nose=NOSE)
    world.reset(seed=1)
    arena = Arena(SCENE, n_agents=2, nose=NOSE)
    arena.start([np.random.default_rng(1)])
    for _ in range(50):
        sense, reward, terminated, truncated, _ = world.step({agent: np.array([1.0, 0.1]) for agent in world.agents})
        expected, eaten = arena.step(torch.tensor([[[1.0, 0.1]] * 2]))
        assert np.allclose(np.stack(list(sense.values())), expected[0].numpy())
        assert list(reward.values()) == pytest.approx(eaten[0].tolist())
        assert not any(terminated.values())
    assert all(truncated.values()) and world.agents == []

"""Lives that follow one another: what a world promises, who counts, and the way back to where it stood."""

import sys

import numpy as np
import pytest

from anlage.errors import BodyError, DependencyMissing, UnknownName
from anlage.experience.bodies import GYMNASIUM, WORLDS, GymWorld, SwimmerWorld, open_world
from anlage.experience.world import Lives, World
from anlage.seed import Seed


class Walk:
    """A point on a line that is pushed about; beyond 1 it falls off."""

    name, n_observed, n_action, limit = "walk", 1, 1, 5

    def begin(self, seed: int) -> np.ndarray:
        self.x = np.random.default_rng(seed).uniform(-0.1, 0.1)
        return np.array([self.x])

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        self.x += float(action[0])
        return np.array([self.x]), self.x, bool(self.x > 1)


def test_a_life_that_falls_is_terminated_one_that_lasts_is_truncated_and_another_follows() -> None:
    lives = Lives([Walk(), Walk()], Seed(0))
    assert isinstance(Walk(), World)
    first = lives.observation.copy()
    for step in range(1, 6):
        moment = lives.step(np.array([[0.45], [-0.1]]))
        fell = step == 3
        assert moment.terminated.tolist() == [fell, False]
        assert moment.truncated.tolist() == [False, step == 5]
        if fell:
            np.testing.assert_allclose(moment.last[0], first[0] + 3 * 0.45, atol=1e-7)
            assert abs(moment.observation[0, 0]) <= 0.1 and moment.observation[0] != first[0]
            np.testing.assert_allclose(moment.total[0], 3 * first[0, 0] + 6 * 0.45, atol=1e-6)
    assert moment.last[1, 0] == pytest.approx(first[1, 0] - 0.5) and abs(moment.observation[1, 0]) <= 0.1


def test_a_fall_at_the_time_limit_is_a_fall() -> None:
    lives = Lives([Walk()], Seed(0))
    for _ in range(5):
        moment = lives.step(np.array([[0.24]]))
    assert moment.terminated[0] and not moment.truncated[0]


def test_no_two_lives_begin_alike_and_each_begins_as_its_seed_says() -> None:
    def begun(seed: int) -> list[float]:
        lives = Lives([Walk(), Walk()], Seed(seed))
        found = [*lives.observation[:, 0]]
        for _ in range(10):
            found += [x[0] for x, over in zip(*_after(lives), strict=True) if over]
        return found

    assert begun(0) == begun(0) and len(set(begun(0) + begun(1))) == 12


def _after(lives: Lives) -> tuple[np.ndarray, np.ndarray]:
    moment = lives.step(np.zeros((2, 1)))
    return moment.observation, moment.ended


@pytest.mark.parametrize("name", ["swimmer", "half-cheetah", "half-cheetah-flip", "humanoid", "pendulum"])
def test_a_world_that_is_relived_stands_where_it_stood_to_the_last_bit(name: str) -> None:
    for package in ("mujoco", "gymnasium"):
        pytest.importorskip(package, reason=f"{package} is not installed (extra: body)")
    lives, rng = Lives([open_world(name), open_world(name)], Seed(3)), np.random.default_rng(0)
    actions = rng.uniform(-1.5, 1.5, (60, 2, lives.n_action))
    for action in actions[:30]:
        lives.step(action)
    again = Lives([open_world(name), open_world(name)], Seed(3))
    again.relive(lives.kept())
    assert np.array_equal(lives.observation, again.observation)
    for action in actions[30:]:
        one, other = lives.step(action), again.step(action)
        assert np.array_equal(one.observation, other.observation) and np.array_equal(one.total, other.total)


def test_a_body_of_gymnasium_does_what_gymnasium_says() -> None:
    gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed (extra: body)")
    made, world = gymnasium.make("Pendulum-v1"), GymWorld("pendulum")
    assert (world.n_observed, world.n_action, world.limit) == (3, 1, 200) and isinstance(world, World)
    np.testing.assert_array_equal(world.begin(5), made.reset(seed=5)[0])
    for push in (0.3, -0.7, 2.0):  # its motors are twice as strong as ours, and 2 is more than ours can
        wanted, reward, *_ = made.step(np.float32([2 * min(push, 1.0)]))
        observation, found, terminated = world.step(np.array([push]))
        np.testing.assert_array_equal(observation, wanted)
        assert found == reward and not terminated


@pytest.mark.parametrize("name", [name for name in GYMNASIUM if name != "pendulum"])
def test_every_body_of_the_list_is_there_and_moves(name: str) -> None:
    for package in ("mujoco", "gymnasium"):
        pytest.importorskip(package, reason=f"{package} is not installed (extra: body)")
    world = open_world(name)
    first = world.begin(0)
    after, reward, _ = world.step(np.ones(world.n_action))
    assert first.shape == after.shape == (world.n_observed,) and not np.array_equal(first, after)
    assert np.isfinite(reward)


def test_the_swimmer_observes_how_it_moves() -> None:
    pytest.importorskip("mujoco", reason="mujoco is not installed (extra: body)")
    world = SwimmerWorld(4)
    before, rng = world.begin(0), np.random.default_rng(0)
    assert before.shape == (2 * 3 + 3,) and not before[3:].any()  # it begins at rest
    for _ in range(20):
        before = world.body.posture()
        observation, reward, terminated = world.step(rng.uniform(-1, 1, 3))
    after = world.body.posture()
    forward = observation[7]
    assert not terminated and reward == pytest.approx(np.clip(forward / 0.1, 0, 1))
    # Rates of the end of a step against the mean over it: of one sign, and near for what changes slowly.
    np.testing.assert_allclose(observation[8], (after.heading - before.heading)[0] / 0.03, rtol=0.5, atol=0.3)
    sideways = np.array([np.cos(after.heading[0]), np.sin(after.heading[0])])
    moved = (after.front_m - before.front_m)[0] / 0.03
    assert np.hypot(*moved) < 0.5 and abs(moved @ sideways - observation[6]) < 0.15


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (np.zeros((2, 3)), "An action of shape (2, 3) was given to 2 bodies with 1 motors each; give (2, 1)."),
        (np.array([[np.nan], [0.0]]), "1 of 2 actions are not finite numbers; no motor can follow them"),
        (np.array([[1e300], [0.0]]), "1 of 2 actions are not finite numbers; no motor can follow them"),
    ],
)
def test_an_impossible_action_gets_one_sentence(action: np.ndarray, said: str) -> None:
    with np.errstate(over="ignore"), pytest.raises(BodyError) as error:
        Lives([Walk(), Walk()], Seed(0)).step(action)
    assert said in str(error.value)


def test_worlds_of_two_kinds_or_none_are_refused() -> None:
    other = Walk()
    other.limit = 6  # type: ignore[misc]
    for worlds in ([], [Walk(), other]):
        with pytest.raises(BodyError, match="give one or more of one kind"):
            Lives(worlds, Seed(0))


def test_an_unknown_body_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'humanoid'"):
        open_world("humanoidd")
    assert "swimmer" in WORLDS and "ant" in WORLDS


def test_without_gymnasium_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(DependencyMissing, match=r"needs the package gymnasium.*pip install 'anlage\[body\]'"):
        open_world("ant")


class NoGl:
    """MuJoCo where MUJOCO_GL names a library that is not installed: loading it raises what PyOpenGL happens to raise."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "mujoco":
            raise AttributeError("'NoneType' object has no attribute 'glGetError'")


@pytest.mark.parametrize("name", ["ant", "swimmer"])
def test_a_gl_library_that_is_missing_gets_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gymnasium", reason="gymnasium is not installed (extra: body)")
    monkeypatch.delitem(sys.modules, "mujoco", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoGl(), *sys.meta_path])
    with pytest.raises(BodyError) as error:
        open_world(name)
    assert str(error.value) == (
        "MuJoCo cannot load its GL library ('NoneType' object has no attribute 'glGetError'); nothing is rendered here, so set "
        "MUJOCO_GL=disable and run again."
    )

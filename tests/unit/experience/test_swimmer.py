"""The body: laws of mechanics, an independent measurement of the same body, and what it refuses."""

import sys

import numpy as np
import pytest

from anlage.errors import BodyError, DependencyMissing
from anlage.experience.body import Body, Posture
from anlage.experience.swimmer import Fluid, Swimmer, joint_limit, model_file

pytest.importorskip("mujoco", reason="mujoco is not installed (extra: body)")


def rngs(*seeds: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


def test_a_swimmer_is_a_body() -> None:
    assert isinstance(Swimmer(), Body)


def test_the_engineered_circuit_of_bhattasali_2022_earns_what_it_does_on_the_control_suites_own_body() -> None:
    """NCAP with its innate weights, from the equations of the paper: 797 to 801 +- 6 on dm_control's swimmer6."""
    body = Swimmer(6, 2)
    bend, total = body.start(rngs(0, 1)), np.zeros(2)
    for t in range(1000):
        front = np.zeros_like(bend)
        front[:, 0], front[:, 1:] = (1.0 if t % 60 < 30 else -1.0), bend[:, :-1]
        dorsal, ventral = np.clip(front, 0, 1), np.clip(-front, 0, 1)
        bend, reward = body.step(np.clip(dorsal - ventral, 0, 1) - np.clip(ventral - dorsal, 0, 1))
        total += reward
    assert (np.abs(total - 799) < 12).all(), total


def test_without_a_fluid_no_movement_of_the_joints_moves_the_centre_of_mass() -> None:
    drift = []
    for density in (0.0, 3000.0):
        body = Swimmer(5, 1, Fluid(density))
        body.start(rngs(3))

        def centre(body: Swimmer = body) -> np.ndarray:
            points = body.posture().points()[0]
            return np.asarray((points[1:] + points[:-1]).mean(axis=0) / 2)

        before, rng = centre(), np.random.default_rng(0)
        bends = [body.step(rng.uniform(-1, 1, (1, 4)))[0] for _ in range(40)]
        assert np.ptp(bends, axis=0).min() > 0.1  # it did move
        drift.append(float(np.linalg.norm(centre() - before)))
    assert drift[0] < 1e-3 and 4 * drift[0] < drift[1]  # what is left is the error of integration


def test_a_fluid_lets_it_move_and_a_denser_one_slows_the_same_strokes() -> None:
    speeds = []
    for density in (900.0, 3000.0, 9000.0):
        body = Swimmer(6, 1, Fluid(density))
        body.start(rngs(0))
        wave = -2 * np.pi * (np.arange(5) + 0.5) / 5
        speeds.append(sum(body.step(np.sin(2 * np.pi * t / 60 + wave)[None])[1][0] for t in range(300)))
    assert speeds[0] > speeds[1] > speeds[2] > 20


def test_positive_action_bends_towards_the_dorsal_side_and_a_mirrored_body_mirrors_it() -> None:
    body = Swimmer(4, 2)
    body.start(rngs(0, 0))
    for sign, world in zip((1, -1), body._worlds, strict=True):
        world.qpos[:] = [0, 0, 0, sign * 0.3, sign * -0.2, sign * 0.1]
        world.qvel[:] = 0
    for _ in range(20):
        bend, reward = body.step(np.array([[0.5, 0.2, -0.1], [-0.5, -0.2, 0.1]]))
    np.testing.assert_allclose(bend[0], -bend[1], atol=1e-9)
    np.testing.assert_allclose(reward[0], reward[1], atol=1e-9)
    points = body.posture().points()
    np.testing.assert_allclose(points[0] * [-1, 1], points[1], atol=1e-9)
    assert bend[0, 0] > 0


def test_bodies_do_not_feel_each_other_and_the_same_seed_gives_the_same_life() -> None:
    together, alone = Swimmer(6, 3), Swimmer(6, 1)
    first, second = together.start(rngs(1, 2, 1)), alone.start(rngs(2))
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_array_equal(first[1], second[0])
    rng = np.random.default_rng(0)
    for _ in range(30):
        action = rng.uniform(-1, 1, (3, 5))
        first, _ = together.step(action)
        second, _ = alone.step(action[1:2])
    np.testing.assert_array_equal(first[1], second[0])
    assert not np.array_equal(first[0], first[1])


def test_the_links_of_a_posture_have_the_right_length_and_angles() -> None:
    points = Posture(np.zeros((1, 2)), np.zeros(1), np.array([[np.pi / 2, 0.0]]), 0.1).points()[0]
    np.testing.assert_allclose(points, [[0, 0], [0, 0.1], [-0.1, 0.1], [-0.2, 0.1]], atol=1e-12)


def test_joints_stay_near_their_limits_whatever_pushes_them() -> None:
    body = Swimmer(6, 1)
    body.start(rngs(0))
    for _ in range(100):
        body.step(np.ones((1, 5)))
    assert np.abs(body.posture().bend).max() < 1.15 * joint_limit(6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Swimmer(2), "A swimmer of 2 links cannot undulate; give it at least 3."),
        (lambda: Swimmer(6, 0), "There cannot be 0 swimmers; ask for at least 1."),
        (lambda: Fluid(density=-1.0), "A fluid has density -1.0; give a finite number of at least 0."),
        (lambda: Fluid(viscosity=float("nan")), "A fluid has viscosity nan; give a finite number of at least 0."),
        (lambda: Swimmer(6, model="<mujoco"), r"MuJoCo cannot read the model of this body \(.*\); repair it\."),
        (
            lambda: Swimmer(6, model=model_file(5)),
            r"The model has 7 coordinates, 4 motors and 3 sensor values, but .* 6 links",
        ),
        (lambda: Swimmer(6).start(rngs(0, 1)), "2 streams of random numbers were given to 1 bodies; give one each."),
        (lambda: Swimmer(6).step(np.zeros((1, 4))), r"An action of shape \(1, 4\) was given to 1 bodies of 5 joints"),
        (
            lambda: Swimmer(6).step(np.full((1, 5), np.nan)),
            "5 of 5 actions are not finite numbers; no joint can follow",
        ),
    ],
)
def test_what_is_impossible_is_refused_in_one_sentence(make: object, message: str) -> None:
    with pytest.raises(BodyError, match=message) as refused:
        make()  # type: ignore[operator]
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")


def test_without_mujoco_the_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(DependencyMissing, match=r"pip install 'anlage\[body\]'\.$"):
        Swimmer()

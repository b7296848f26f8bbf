"""Turning over: the physics against Gymnasium's own, rewards and turns by hand, promises against what comes of them."""

import importlib.util

import numpy as np
import pytest

from anlage.errors import DependencyMissing
from anlage.experience import flip
from anlage.experience.bodies import GymWorld, open_world
from anlage.experience.flip import Flip, earned

QUARTER = np.array([0.0, 0.0, -np.pi / 2, 0, 0, 0, 0, 0, 0])
"""A quarter of a turn backwards."""


@pytest.fixture(scope="module")
def cheetah() -> Flip:
    for package in ("mujoco", "gymnasium"):
        pytest.importorskip(package, reason=f"{package} is not installed (extra: body)")
    world = open_world(flip.FLIP)
    assert isinstance(world, Flip)
    return world


def test_it_moves_as_gymnasiums_half_cheetah_does_to_the_last_bit(cheetah: Flip) -> None:
    cheetah.begin(4)
    theirs = GymWorld("half-cheetah")
    theirs.begin(0)
    theirs._made.set_state(cheetah._data.qpos, cheetah._data.qvel)
    for action in np.random.default_rng(0).uniform(-1.3, 1.3, (40, 6)).astype(np.float32).astype(float):
        cheetah.step(action)
        theirs.step(action)
        assert np.array_equal(cheetah.posture(), theirs._made.data.qpos)


def test_a_step_earns_how_fast_it_turns_backwards_less_a_tenth_of_the_squared_actions() -> None:
    assert earned(-3.0, np.array([1.0, -1, 0, 0, 0.5, 0])) == pytest.approx(3 - 0.225)
    assert earned(2.0, np.zeros(6)) == -2.0
    several = earned(np.array([[0.0, -1.0]]), np.array([[np.ones(6), np.zeros(6)]]))
    np.testing.assert_allclose(several, [[-0.6, 1.0]])


def test_a_motor_is_paid_for_the_force_that_it_has_not_for_what_was_asked_of_it(cheetah: Flip) -> None:
    pay = []
    for action in (np.ones(6), np.full(6, 7.0)):
        cheetah.begin(0)
        pay.append(cheetah.step(action)[1])
    assert pay[0] == pay[1]


def test_turns_are_counted_from_where_a_life_began_and_forwards_against_them(cheetah: Flip) -> None:
    cheetah.begin(7)
    assert cheetah.turns == 0
    for turned, expected in ((-2 * np.pi, 1.0), (-3 * np.pi, 2.5), (7 * np.pi, -1.0)):
        cheetah._data.qpos[flip.PITCH] += turned
        assert cheetah.turns == pytest.approx(expected)
    cheetah.begin(7)
    assert cheetah.turns == 0


def test_in_the_air_turns_are_what_was_earned_over_the_time_it_took(cheetah: Flip) -> None:
    cheetah.begin(1)
    cheetah._data.qpos[flip.HEIGHT], cheetah._data.qvel[flip.PITCH] = 60.0, -9.0
    earnings = [cheetah.step(np.zeros(6))[1] for _ in range(60)]
    assert cheetah.turns == pytest.approx(sum(earnings) * flip.STEP_S / (2 * np.pi), rel=0.03)
    assert 2 < cheetah.turns < 6


def test_backwards_is_nose_up(cheetah: Flip) -> None:
    limbs = cheetah.limbs(QUARTER)
    trunk, head, *legs = limbs
    assert head[:, 1].min() > trunk[:, 1].mean() and np.ptp(trunk[:, 1]) == pytest.approx(1.0)
    assert max(leg[:, 1].max() for leg in legs[:3]) < trunk[:, 1].mean()  # the hind leg is below


def test_limbs_are_as_long_as_in_gymnasiums_file_and_hang_together(cheetah: Flip) -> None:
    rest = np.zeros(9)
    bent = np.array([3.0, 0.4, 1.0, 0.5, -0.5, 0.3, -0.6, -0.9, 0.4])
    for posture in (rest, bent):
        limbs = cheetah.limbs(posture)
        length = np.linalg.norm(limbs[:, 1] - limbs[:, 0], axis=1)
        np.testing.assert_allclose(length, 2 * np.array([0.5, 0.15, 0.145, 0.15, 0.094, 0.133, 0.106, 0.07]), atol=1e-9)
    moved = cheetah.limbs(rest + np.eye(9)[0] * 2) - cheetah.limbs(rest)
    np.testing.assert_allclose(moved, np.broadcast_to([2.0, 0.0], moved.shape), atol=1e-9)


def test_what_is_observed_is_height_pitch_joints_and_speeds(cheetah: Flip) -> None:
    cheetah.begin(3)
    seen = cheetah.step(np.full(6, 0.5))[0]
    place, speed = cheetah.posture(), cheetah._data.qvel
    assert seen.shape == (18,) == (cheetah.n_observed,)
    assert seen[:3].tolist() == [place[1], np.sin(place[2]), np.cos(place[2])]
    assert np.array_equal(seen[3:9], place[3:]) and np.array_equal(seen[9:], speed / 10)


def test_what_courses_promise_is_what_they_earn_and_promising_changes_nothing(cheetah: Flip) -> None:
    courses = np.random.default_rng(2).uniform(-1.2, 1.2, (3, 12, 6))

    def come() -> None:
        cheetah.begin(5)
        for action in courses[0, ::-1]:
            cheetah.step(action)

    come()
    promised = cheetah.promise(courses)
    for course, promise in zip(courses, promised, strict=True):
        come()
        cheetah.promise(courses)
        cheetah.limbs(QUARTER)
        assert sum(cheetah.step(action)[1] for action in course) == pytest.approx(promise, abs=1e-12)
    assert len(set(promised)) == 3


def test_without_gymnasium_the_sentence_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mujoco", reason="mujoco is not installed (extra: body)")
    found = importlib.util.find_spec
    monkeypatch.setattr(flip, "find_spec", lambda name: None if name == "gymnasium" else found(name))
    with pytest.raises(
        DependencyMissing, match=r"gymnasium, which is not installed; type: pip install 'anlage\[body\]'"
    ):
        Flip()

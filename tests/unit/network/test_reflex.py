"""Reflexes: against loops over neurons, and against scores measured by another implementation of the same circuit."""

import numpy as np
import pytest

from anlage.connectome.library import load
from anlage.errors import TopologyError
from anlage.experience.life import live, watch
from anlage.experience.swimmer import Swimmer
from anlage.network.reflex import GRID, Assumption, Reflex, Wave, joint_rows, pools
from anlage.topology.motor import MUSCLES, MotorCircuit, motor
from anlage.topology.project import PermuteProjections


@pytest.fixture(scope="module")
def circuit() -> MotorCircuit:
    return motor(load("worm"))


def by_hand(circuit: MotorCircuit, assumed: Assumption, bend: np.ndarray, time: int) -> np.ndarray:
    """One step of one body, neuron by neuron."""
    weight, groups, n_joints = circuit.topology.dense(), circuit.topology.groups, len(bend)
    at = [0.5 + 24 * (j + 0.5) / n_joints for j in range(n_joints)]
    rate = dict.fromkeys(range(97), 0.0)
    for group, sign in (("DB", 1), ("VB", -1)):
        for n in groups[group].tolist():
            felt = float(np.interp(circuit.sense_row[n] - assumed.reach_rows, at, sign * bend))
            rate[n] = min(1.0, assumed.stretch * min(1.0, max(0.0, felt)))
    dorsal_on = time % assumed.period < assumed.period / 2
    rate |= dict.fromkeys(groups["head dorsal"].tolist(), assumed.oscillator * dorsal_on)
    rate |= dict.fromkeys(groups["head ventral"].tolist(), assumed.oscillator * (not dorsal_on))

    def driven(post: int) -> float:
        total = 0.0
        for sign, gain in ((1, 1.0), (-1, -assumed.inhibition)):
            into = {pre: abs(w) for pre, w in enumerate(weight[post]) if w * sign > 0}
            if into:
                total += gain * sum(w * rate[pre] for pre, w in into.items()) / sum(into.values())
        return min(1.0, max(0.0, total))

    for group in ("DD", "VD"):
        rate |= {n: driven(n) for n in groups[group].tolist()}
    muscle = {side: [driven(n) for n in groups[f"{side} muscle"].tolist()] for side in ("dorsal", "ventral")}
    action = []
    for place in at:
        rows = [r for r in range(1, 25) if abs(r - place) <= 12 / n_joints + 1e-6]
        action.append(np.mean([muscle["dorsal"][r - 1] - muscle["ventral"][r - 1] for r in rows]))
    return np.array(action)


@pytest.mark.parametrize("n_joints", [5, 11])
def test_a_step_is_what_one_would_work_out_neuron_by_neuron(circuit: MotorCircuit, n_joints: int) -> None:
    settings = [Assumption(1.0, 2.4), Assumption(4.0, 7.2, 40, 0.7, 0.5)]
    reflex, rng = Reflex([circuit] * 2, settings, n_joints), np.random.default_rng(0)
    for time in range(45):
        bend = rng.uniform(-1, 1, (2, n_joints))
        action = reflex.step(bend)
        if time % 9 == 0 or time in (20, 30, 31):
            for one, setting, felt in zip(action, settings, bend, strict=True):
                np.testing.assert_allclose(one, by_hand(circuit, setting, felt, time), atol=1e-12)


def test_rows_are_shared_out_among_joints_as_on_the_worm() -> None:
    np.testing.assert_allclose(joint_rows(5), [2.9, 7.7, 12.5, 17.3, 22.1])
    rows = [(np.flatnonzero(pool) + 1).tolist() for pool in pools(11)]
    assert [(r[0], r[-1]) for r in rows] == [
        *((1, 2), (3, 4), (5, 7), (8, 9), (10, 11), (12, 13), (14, 15), (16, 17), (18, 20), (21, 22), (23, 24))
    ]
    np.testing.assert_allclose(pools(5).sum(axis=1), 1)


def test_the_worm_swims_as_far_as_another_implementation_found(circuit: MotorCircuit) -> None:
    """On dm_control's body from one start state, gain 1 and reach 2.4: 243; gain 4 and reach 7.2: 780."""
    pytest.importorskip("mujoco", reason="mujoco is not installed (extra: body)")
    settings = [GRID[0], GRID[5]]
    scores = live(Swimmer(6, 2), Reflex([circuit] * 2, settings, 5), [np.random.default_rng(0) for _ in settings])
    np.testing.assert_allclose(scores, [243, 780], atol=1)


def test_a_film_shows_the_life_that_was_scored(circuit: MotorCircuit) -> None:
    pytest.importorskip("mujoco", reason="mujoco is not installed (extra: body)")
    reflex = Reflex([circuit], GRID[-1:], 5)
    score = live(Swimmer(6), reflex, [np.random.default_rng(3)], steps=80)
    film = watch(Swimmer(6), reflex, np.random.default_rng(3), steps=80)
    assert film.reward.sum() == pytest.approx(score[0], abs=1e-9)
    assert film.points_m.shape == (80, 7, 2) and film.activity.shape == (80, 97)
    np.testing.assert_allclose(np.linalg.norm(np.diff(film.points_m, axis=1), axis=2), 0.1, atol=1e-9)


def test_bodies_of_one_batch_have_circuits_of_their_own(circuit: MotorCircuit) -> None:
    silent = circuit.with_topology(
        circuit.topology.rewired(circuit.topology.history[0], *([np.zeros(0, int)] * 2), np.zeros(0))
    )
    action = Reflex([circuit, silent], [GRID[5]] * 2, 5).step(np.full((2, 5), 0.4))
    assert action[0].any() and not action[1].any()


def test_where_feeling_follows_the_muscles_and_nothing_inhibits_permuted_projections_are_new_names_only(
    circuit: MotorCircuit,
) -> None:
    """Why the arm of resensed projections speaks about the crossed inhibition and about nothing else."""
    rng, quiet = np.random.default_rng(0), Assumption(4.0, 4.8, inhibition=0.0)
    permute = PermuteProjections(("DB", "VB", "DD", "VD"), MUSCLES)
    renamed = circuit.with_topology(permute(circuit.topology, rng)).sensing_own_muscles()
    stays = circuit.with_topology(renamed.topology)
    reflex = Reflex([circuit, renamed, stays], [quiet] * 3, 5)
    apart = 0.0
    for _ in range(70):
        actions = reflex.step(np.tile(rng.uniform(-1, 1, (1, 5)), (3, 1)))
        np.testing.assert_allclose(actions[1], actions[0], atol=1e-12)
        apart = max(apart, float(np.abs(actions[2] - actions[0]).max()))
    assert apart > 0.5


def test_the_wave_runs_from_head_to_tail() -> None:
    wave = Wave([(1.0, 60.0)], 5)
    actions = np.stack([wave.step(np.zeros((1, 5)))[0] for _ in range(60)])
    peaks = actions.argmax(axis=0)
    np.testing.assert_array_equal(np.diff(peaks) % 60, 12)


def test_circuits_and_assumptions_come_in_pairs(circuit: MotorCircuit) -> None:
    with pytest.raises(TopologyError, match=r"1 circuits of \[97\] neurons came with 6 sets of assumptions"):
        Reflex([circuit], GRID, 5)

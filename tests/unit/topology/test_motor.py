"""The worm's motor circuit against sums published with its data, and the controls of who projects where against brute force."""

import numpy as np
import pytest

from anlage.connectome.connectome import Connectome
from anlage.connectome.library import load
from anlage.errors import ControlError, TopologyError
from anlage.testing import check_control
from anlage.topology import BinaryWeights, BlockPreserving, InterfaceOnly, PermuteWeights, Topology
from anlage.topology.control import Control
from anlage.topology.motor import MOTOR, MUSCLES, ROWS, EvenMap, MotorCircuit, motor, own_rows
from anlage.topology.project import Lesion, PermuteProjections, PermuteTargets, RelabelTargets, ShiftTargets

BEHIND = ("DB", "VB", "DD", "VD")
TINY = ("a", "b"), ("x", "y")


@pytest.fixture(scope="module")
def circuit() -> MotorCircuit:
    return motor(load("worm"))


def onto(circuit: MotorCircuit, name: str) -> dict[int, float]:
    """Row -> signed synapses of one neuron onto the muscles of its side."""
    topology, neuron = circuit.topology, circuit.neuron.index(name)
    mine = (topology.pre == neuron) & (topology.post >= 49)
    rows = (topology.post[mine] - 49) % ROWS + 1
    return dict(zip(rows.tolist(), topology.weight[mine].tolist(), strict=True))


def test_synapses_of_every_class_add_up_as_in_the_tables_of_cook_2019(circuit: MotorCircuit) -> None:
    """Sums over body-wall muscles of the class's own side, left and right; head neurons on rows 1 to 8."""
    weight, groups = circuit.topology.dense(), circuit.topology.groups
    total = {c: int(weight[np.ix_(groups["output"], groups[c])].sum()) for c in MOTOR}
    assert total == {"head dorsal": 318, "head ventral": 456, "DB": 170, "VB": 338, "DD": -243, "VD": -362}
    assert weight[np.ix_(groups["VD"], groups["DB"])].sum() == 235
    assert weight[np.ix_(groups["DD"], groups["VB"])].sum() == 290
    assert circuit.topology.n_edges == np.count_nonzero(weight[49:]) + np.count_nonzero(weight[:49])


def test_single_neurons_reach_the_rows_that_the_source_gives(circuit: MotorCircuit) -> None:
    assert onto(circuit, "DB2") == {9: 3, 10: 10, 11: 13, 12: 1}
    assert onto(circuit, "VB11") == {21: 37, 22: 8, 23: 8}
    assert onto(circuit, "DD6") == {22: -8, 23: -18, 24: -10}
    assert onto(circuit, "RMDVR") == {1: 21, 2: 15, 3: 10, 4: 19, 5: 8, 6: 7, 7: 4}


def test_b_neurons_feel_ahead_of_the_mean_of_their_muscle_rows(circuit: MotorCircuit) -> None:
    rows = circuit.sense_row[circuit.topology.groups["DB"]]
    np.testing.assert_allclose(rows, [8.10, 10.44, 11.93, 14.44, 16.50, 18.50, 21.48], atol=0.01)
    assert np.isnan(circuit.sense_row[circuit.topology.groups["VD"]]).all()


def test_the_male_has_a_circuit_and_its_front_half_is_not_a_second_sample(circuit: MotorCircuit) -> None:
    male = motor(load("worm-male"))
    assert male.neuron == circuit.neuron
    same = [name for name in circuit.neuron[:49] if onto(male, name) == onto(circuit, name)]
    assert {"DB2", "DB3", "DB4", "DB5", "VB1", "VB3", "VB4", "VD1", "VD7", "DD1", "RMDDL"} <= set(same)
    assert "VB11" not in same


@pytest.mark.parametrize("name", ["worm-witvliet-8", "mushroom-body-left"])
def test_a_brain_without_a_body_is_refused(name: str) -> None:
    with pytest.raises(TopologyError, match=r"cannot move a body; use worm or worm-male\.$"):
        motor(load(name))


def test_a_circuit_without_ports_is_refused(circuit: MotorCircuit) -> None:
    bare = Topology.of(97, np.array([0]), np.array([60]), np.array([1.0]))
    with pytest.raises(TopologyError, match="has no group 'head dorsal', but a body is moved by"):
        circuit.with_topology(bare)
    with pytest.raises(TopologyError, match="97 neurons and muscle rows, but 3 names"):
        MotorCircuit("mine", circuit.topology, ("a", "b", "c"), circuit.sense_row)


def test_motor_reads_a_plain_connectome(circuit: MotorCircuit) -> None:
    connectome = load("worm")
    assert isinstance(connectome, Connectome) and connectome.effectors is not None
    # What goes in comes out: every counted synapse of DB5 onto dorsal muscles, both sides together.
    names, effectors = connectome.neurons.name, connectome.effectors
    counted: dict[int, int] = {}
    for pre, target, n in zip(effectors.pre, effectors.target, effectors.synapse_count, strict=True):
        if names[pre] == "DB5" and effectors.name[target].startswith("MD"):
            row = int(effectors.name[target][3:])
            counted[row] = counted.get(row, 0) + int(n)
    assert onto(circuit, "DB5") == counted


CONTROLS = [
    PermuteProjections(BEHIND, MUSCLES),
    PermuteProjections(("DB", "VB"), ("DD", "VD"), "crossing-permuted"),
    PermuteTargets(BEHIND, MUSCLES),
    ShiftTargets(1, BEHIND, MUSCLES),
    ShiftTargets(3, BEHIND, MUSCLES),
    RelabelTargets(MOTOR, MUSCLES),
    Lesion(("DD", "VD")),
    EvenMap(),
    BlockPreserving((*MOTOR, *MUSCLES)),
    InterfaceOnly(),
    PermuteWeights(),
    BinaryWeights(),
]


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_every_rung_keeps_its_promises_on_the_motor_circuit(control: Control, circuit: MotorCircuit) -> None:
    for seed in range(3):
        check_control(control, circuit.topology, np.random.default_rng(seed))


def tiny() -> Topology:
    """Two classes of two and three senders, two lines of four places, and one edge among senders."""
    groups = {"a": np.array([0, 1]), "b": np.array([2, 3, 4]), "x": np.arange(5, 9), "y": np.arange(9, 13)}
    pre, post = np.array([0, 0, 1, 2, 3, 3, 4, 0]), np.array([5, 6, 8, 9, 10, 11, 12, 2])
    return Topology.of(13, pre, post, np.arange(1.0, 9.0), groups=groups)


def profiles(topology: Topology, group: str) -> list[tuple[tuple[int, float], ...]]:
    """What each member of a group sends to the places, one sorted tuple per member."""
    places = topology.post >= 5
    return [
        tuple(sorted(zip(topology.post[m].tolist(), topology.weight[m].tolist(), strict=True)))
        for m in ((topology.pre == n) & places for n in topology.groups[group])
    ]


def test_permuted_projections_are_the_same_profiles_in_another_order_and_all_orders_come_up() -> None:
    before, seen = tiny(), set()
    for seed in range(60):
        after = PermuteProjections(*TINY)(before, np.random.default_rng(seed))
        for group in TINY[0]:
            assert sorted(profiles(after, group)) == sorted(profiles(before, group))
        assert before.dense()[2, 0] == after.dense()[2, 0] == 8.0
        seen.add((tuple(profiles(after, "a")), tuple(profiles(after, "b"))))
    assert len(seen) == 2 * 6


def test_permuted_targets_keep_each_neurons_counts_and_its_line() -> None:
    before = tiny()
    after = PermuteTargets(*TINY)(before, np.random.default_rng(1))
    for n in range(5):
        for line in ("x", "y"):
            rows = before.groups[line]
            assert sorted(after.dense()[rows, n]) == sorted(before.dense()[rows, n])
    assert after.dense()[2, 0] == 8.0


def test_a_shift_moves_whole_profiles_by_the_rows_asked_for_and_turns_round_at_the_ends() -> None:
    before, first = tiny(), set()
    for seed in range(20):
        after = ShiftTargets(1, *TINY)(before, np.random.default_rng(seed))
        moved = np.array([[n for n, _ in p] for p in (profiles(after, "a")[0],)]) - [5, 6]
        assert moved.tolist() == [[1, 1]]  # at the front end there is room one way only
        assert [n for n, _ in profiles(after, "b")[0]] == [10] and [n for n, _ in profiles(after, "b")[2]] == [11]
        first.add(tuple(n for n, _ in profiles(after, "b")[1]))
    assert first == {(9, 10), (11, 12)}


def test_a_shift_that_has_no_room_is_refused() -> None:
    with pytest.raises(ControlError, match=r"places 1 to 2 of 4 cannot be moved by 3 either way; shift by fewer\."):
        ShiftTargets(3, *TINY)(tiny(), np.random.default_rng(0))


def test_relabelled_places_are_one_permutation_for_all() -> None:
    before = tiny()
    after = RelabelTargets(*TINY)(before, np.random.default_rng(2)).dense()
    place = np.random.default_rng(2).permutation(4)
    for line in ("x", "y"):
        rows = before.groups[line]
        np.testing.assert_array_equal(after[rows[place]], before.dense()[rows])


def test_controls_of_projections_refuse_what_they_cannot_act_on(circuit: MotorCircuit) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ControlError, match="acts on edges from x to a, and there is none here"):
        PermuteProjections(("x",), ("a",))(tiny(), rng)
    with pytest.raises(ControlError, match="in groups of one size, but a, b have"):
        RelabelTargets(("x",), ("a", "b"))(tiny(), rng)
    silent = Topology.of(3, np.array([0]), np.array([1]), np.array([1.0]), groups={"c": np.array([2])})
    with pytest.raises(ControlError, match="have no edges, so there is nothing to cut"):
        Lesion(("c",))(silent, rng)


def test_a_lesion_leaves_no_edge_at_the_neurons_it_cuts_and_all_others(circuit: MotorCircuit) -> None:
    before = circuit.topology
    after = Lesion(("DD", "VD"))(before, np.random.default_rng(0)).dense()
    cut = before.group(("DD", "VD"))
    rest = np.setdiff1d(np.arange(97), cut)
    assert not after[cut].any() and not after[:, cut].any()
    np.testing.assert_array_equal(after[np.ix_(rest, rest)], before.dense()[np.ix_(rest, rest)])


def test_the_even_map_is_in_order_and_leaves_no_muscle_behind_the_head_without_drive(circuit: MotorCircuit) -> None:
    even = EvenMap()(circuit.topology, np.random.default_rng(0))
    for group, n in (("DB", 7), ("VB", 11)):
        rows = own_rows(even)[even.groups[group]]
        assert len(rows) == n and (np.diff(rows) > 0).all()
        np.testing.assert_allclose(np.diff(rows)[1:-1], np.diff(rows)[1:-1].mean(), atol=0.6)
    excited = np.clip(even.dense(), 0, None).sum(axis=1)[even.groups["output"]]
    assert (excited > 0).all()

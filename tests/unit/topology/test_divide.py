"""Divisions against lists of edges on six neurons, flow against lists of walks, and the larva against what is known of it."""

from itertools import pairwise, product

import numpy as np
import pytest

from anlage.connectome.library import load
from anlage.errors import DataMissing, TopologyError, UnknownName
from anlage.study.agreement import symmetry
from anlage.topology import Step, Topology, audit, build
from anlage.topology.between import Between
from anlage.topology.divide import Annotation, Assignment, Division, divide
from anlage.topology.function import LARVA, Function, modalities, sensory_flow

N = 6
LABEL = np.array([2, 0, 2, 0, 3, 2])


def small(seed: int) -> Topology:
    rng = np.random.default_rng(seed)
    pairs = rng.choice(N * N, size=13, replace=False)
    groups = {"input": np.array([0]), "output": np.array([3, 4]), "side:left": np.array([0, 1, 2])}
    return Topology.of(
        N, pairs // N, pairs % N, rng.integers(1, 9, size=13) * rng.choice([-1.0, 1.0], 13), groups=groups
    )


def given(topology: Topology) -> Assignment:
    return Assignment(("a", "nobody", "b", "c"), LABEL, Step("by hand"))


def edge_list(topology: Topology) -> list[tuple[int, int, float]]:
    return list(zip(topology.pre.tolist(), topology.post.tolist(), topology.weight.tolist(), strict=True))


def in_whole(division: Division) -> list[tuple[int, int, float]]:
    """All edges of all parts, with the neurons' numbers in the whole."""
    return [
        (int(part.members[pre]), int(part.members[post]), weight)
        for part in division.parts
        for pre, post, weight in edge_list(part.topology)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_every_neuron_is_in_one_part_and_every_edge_inside_one_or_between_two(seed: int) -> None:
    topology = small(seed)
    division = divide(topology, given)
    assert division.names == ("a", "b", "c")
    assert [part.members.tolist() for part in division.parts] == [[1, 3], [0, 2, 5], [4]]
    edges = edge_list(topology)
    assert sorted(in_whole(division)) == sorted(edge for edge in edges if LABEL[edge[0]] == LABEL[edge[1]])
    for post, one in enumerate((0, 2, 3)):
        for pre, other in enumerate((0, 2, 3)):
            found = [w for a, b, w in edges if LABEL[b] == one and LABEL[a] == other]
            assert division.edges()[post, pre] == len(found)
            assert division.strength()[post, pre] == pytest.approx(sum(map(abs, found)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("crossing", [0.0, 0.5, 1.0])
def test_ports_are_the_neurons_with_enough_edges_from_or_to_outside_and_those_of_the_animal(
    seed: int, crossing: float
) -> None:
    topology = small(seed)
    edges = edge_list(topology)
    for part in divide(topology, given, crossing=crossing).parts:
        for port, end, animal in (("entry", 1, {0}), ("exit", 0, {3, 4})):
            expected = set()
            for row, neuron in enumerate(part.members.tolist()):
                mine = [edge for edge in edges if edge[end] == neuron]
                outside = sum(abs(w) for a, b, w in mine if LABEL[a] != LABEL[b])
                if neuron in animal or (outside > 0 and outside >= crossing * sum(abs(w) for *_, w in mine) - 1e-12):
                    expected.add(row)
            assert set(getattr(part, port).tolist()) == expected


def test_a_part_keeps_groups_and_history_and_can_be_divided_again() -> None:
    topology = small(0)
    part = divide(topology, given).part("b")
    assert part.topology.groups["side:left"].tolist() == [0, 1]
    assert "output" not in part.topology.groups  # none of its neurons is one
    assert part.topology.history[-1].arguments["part"] == "b"
    halves = divide(part.topology, Annotation("side"))
    assert halves.names == ("left", "others")
    # What came into the part from outside comes into its halves from outside too.
    for half in halves.parts:
        assert set(half.members[half.entry].tolist()) >= set(part.entry.tolist()) & set(half.members.tolist())


def test_annotations_give_every_neuron_its_label_and_the_rest_to_the_others() -> None:
    worm = load("worm")
    topology = build(worm)
    roles, senses = divide(topology, Annotation("role")), divide(topology, Annotation("modality"))
    assert {part.name: len(part.members) for part in roles.parts} == worm.neurons.role.counts()
    counted = worm.neurons.modality.counts()
    unnamed = counted.pop("")
    assert {part.name: len(part.members) for part in senses.parts} == counted | {"others": unnamed}
    with pytest.raises(UnknownName, match="did you mean 'class'"):
        divide(topology, Annotation("clas"))


@pytest.mark.parametrize("label", [LABEL[:5], LABEL + 1, LABEL - 1])
def test_a_rule_that_leaves_out_a_neuron_is_refused(label: np.ndarray) -> None:
    with pytest.raises(TopologyError, match="a rule gives every neuron one of its parts"):
        divide(small(0), lambda _: Assignment(("a", "b", "c", "d"), label, Step("by hand")))


def test_a_crossing_that_is_no_share_and_an_unknown_part_are_refused() -> None:
    with pytest.raises(TopologyError, match=r"crossing is 1\.5"):
        divide(small(0), given, crossing=1.5)
    with pytest.raises(UnknownName, match="no part called 'd'"):
        divide(small(0), given).part("d")


def walked(topology: Topology, neuron: int, senses: tuple[set[int], ...], hops: int) -> list[float]:
    """Chance to meet each sense within ``hops`` steps against the edges, by trying all walks."""
    strength = {(post, pre): abs(w) for pre, post, w in edge_list(topology)}
    total = [sum(s for (post, _), s in strength.items() if post == i) for i in range(N)]
    met = [0.0] * len(senses)
    for length in range(hops + 1):
        for walk in product(range(N), repeat=length):
            path = (neuron, *walk)
            if any(i in set().union(*senses) for i in path[:-1]):
                continue
            chance = np.prod([strength.get(step, 0) / max(total[step[0]], 1) for step in pairwise(path)])
            for number, sense in enumerate(senses):
                met[number] += chance * (path[-1] in sense)
    return met


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("hops", [1, 2, 4])
def test_sensory_flow_is_the_chance_that_a_walk_against_the_edges_meets_a_sense(seed: int, hops: int) -> None:
    topology, senses = small(seed), ({0}, {1, 4})
    flow = sensory_flow(topology, [np.array(sorted(sense)) for sense in senses], hops)
    for neuron in range(N):
        assert flow[neuron] == pytest.approx(walked(topology, neuron, senses, hops), abs=1e-12)


def chain() -> Topology:
    """Two senses, 0 and 1. Neuron 2 hears both alike, 3 mostly 0, 4 only 3; 5 is heard by nobody's sense; 6 is a centre."""
    pre, post = np.array([0, 1, 0, 1, 3, 5, 0]), np.array([2, 2, 3, 3, 4, 5, 6])
    weight = np.array([2.0, -2.0, 5.0, 1.0, 1.0, 1.0, 1.0])
    groups = {"modality:smell": np.array([0]), "modality:taste": np.array([1]), "class:KC": np.array([6])}
    return Topology.of(7, pre, post, weight, groups=groups)


def parts_of(division: Division) -> dict[str, list[int]]:
    return {part.name: part.members.tolist() for part in division.parts}


SENSES = {"smell": ("modality:smell",), "taste": ("modality:taste",)}


def test_a_neuron_belongs_to_the_sense_that_most_of_its_flow_comes_from() -> None:
    rule = Function(SENSES, {"memory": ("class:KC",)}, majority=0.6)
    assert parts_of(divide(chain(), rule)) == {
        "smell": [0, 3, 4],
        "taste": [1],
        "association": [2],
        "memory": [6],
        "unreached": [5],
    }


def test_within_one_hop_only_neurons_next_to_a_sense_are_reached() -> None:
    assert parts_of(divide(chain(), Function(SENSES, hops=1, majority=0.6)))["unreached"] == [4, 5]


def test_exactly_the_majority_is_enough_and_the_first_sense_named_gets_a_tie() -> None:
    assert 2 in parts_of(divide(chain(), Function(SENSES, majority=0.5)))["smell"]
    swapped = dict(reversed(SENSES.items()))
    assert 2 in parts_of(divide(chain(), Function(swapped, majority=0.5)))["taste"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Function(SENSES, hops=0), "hops is 0"),
        (lambda: Function(SENSES, majority=0.0), "majority is 0"),
        (lambda: Function({}), "No sense is named"),
        (lambda: modalities(build(load("mushroom-body-left"))), "No neuron of this connectome has a modality"),
        (lambda: divide(chain(), LARVA), "no group of neurons called"),
    ],
)
def test_a_function_that_cannot_be_is_refused_in_one_sentence(make: object, said: str) -> None:
    with pytest.raises((TopologyError, UnknownName), match=said):
        make()  # type: ignore[operator]


def test_the_parts_of_the_larva_are_its_systems_and_left_and_right_agree() -> None:
    try:
        larva = load("larva")
    except DataMissing as missing:
        pytest.skip(str(missing))
    topology = build(larva)
    division = divide(topology, LARVA)
    parts = {part.name: part for part in division.parts}
    assert sum(len(part.members) for part in division.parts) == larva.n_neurons
    # Receptor neurons as published, each in its own system.
    for name, receptors in {"olfactory": 42, "gustatory": 238, "visual": 29, "enteric": 85, "respiratory": 26}.items():
        groups = parts[name].topology.groups
        assert sum(len(groups.get(group, ())) for group in LARVA.senses[name]) == receptors
        assert len(parts[name].members) > receptors
    assert {name: len(parts[name].members) for name in LARVA.centres} == {"memory": 382, "motor": 346, "endocrine": 54}
    # Uniglomerular projection neurons carry smell and nothing else (Berck et al. 2016).
    relays = topology.groups["cell_type:uPN"]
    assert np.mean([division.names[i] == "olfactory" for i in division.label[relays]]) > 0.9
    pairs = symmetry(division.label, larva.neurons.pair_id)
    assert pairs is not None
    assert pairs.together > 0.85
    assert pairs.by_chance < 0.2
    assert all(audit(part.topology, ("entry",), ("exit",), steps=1).hops >= 0 for part in division.parts[:-1])


def on_walks(topology: Topology, into: set[int], out: set[int], hops: int) -> set[int]:
    """Neurons on a walk of at most ``hops`` edges from one of ``into`` to one of ``out``, by trying all walks."""
    edges = {(pre, post) for pre, post, _ in edge_list(topology)}
    found: set[int] = set()
    for length in range(hops + 1):
        for walk in product(range(N), repeat=length + 1):
            if walk[0] in into and walk[-1] in out and all(step in edges for step in pairwise(walk)):
                found |= set(walk)
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_between_two_ports_is_what_lies_on_a_short_walk_from_one_to_the_other(seed: int, hops: int) -> None:
    topology, rule = small(seed), Between(hops=hops)
    inside = on_walks(topology, {0}, {3, 4}, hops)
    if not inside:
        with pytest.raises(TopologyError, match="allow more hops"):
            divide(topology, rule)
        return
    division = divide(topology, rule)
    assert set(division.part("between").members.tolist()) == inside
    assert division.names == (("between", "others") if len(inside) < N else ("between",))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda: Between(hops=0), "hops is 0"),
        (lambda: Between(output=("nobody",)), "no group of neurons called 'nobody'"),
        (lambda: Between(("output",), ("none",)), "no neurons here|no group"),
    ],
)
def test_ports_between_which_nothing_can_lie_are_refused_in_one_sentence(rule: object, said: str) -> None:
    with pytest.raises((TopologyError, UnknownName), match=said):
        divide(small(0), rule())  # type: ignore[operator]

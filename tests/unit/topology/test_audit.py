"""The audit against a list of all walks on six neurons, and against published counts on a whole brain."""

from itertools import pairwise, product

import numpy as np
import pytest

from anlage.connectome.library import load
from anlage.errors import DataMissing, TopologyError, UnknownName
from anlage.topology import Topology, audit, build

N = 6
INPUT, OUTPUT = (0, 1), (4, 5)


def small(seed: int) -> Topology:
    rng = np.random.default_rng(seed)
    pairs = rng.choice(N * N, size=11, replace=False)
    groups = {"input": np.array(INPUT), "output": np.array(OUTPUT)}
    return Topology.of(N, pairs // N, pairs % N, np.ones(11), groups=groups)


def walks(topology: Topology, length: int) -> list[tuple[int, ...]]:
    """Every walk of exactly ``length`` edges from an input to an output neuron, by trying all sequences of neurons."""
    edges = set(zip(topology.pre.tolist(), topology.post.tolist(), strict=True))
    return [
        walk
        for walk in product(range(N), repeat=length + 1)
        if walk[0] in INPUT and walk[-1] in OUTPUT and all(step in edges for step in pairwise(walk))
    ]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("drive", ["pulse", "sustained"])
def test_the_audit_marks_exactly_the_edges_and_neurons_of_all_walks_on_six_neurons(seed: int, drive: str) -> None:
    topology = small(seed)
    order = list(zip(topology.pre.tolist(), topology.post.tolist(), strict=True))
    for steps in range(1, 7):
        lengths = range(steps) if drive == "sustained" else [steps - 1]
        found = [walk for length in lengths for walk in walks(topology, length)]
        used = {step for walk in found for step in pairwise(walk)}
        result = audit(topology, steps=steps, drive=drive)
        assert result.edge.tolist() == [edge in used for edge in order]
        assert result.neuron.tolist() == [any(n in walk for walk in found) for n in range(N)]
        assert result.n_edges == len(used)


@pytest.mark.parametrize("seed", range(6))
def test_the_number_of_hops_is_the_length_of_the_shortest_walk(seed: int) -> None:
    topology = small(seed)
    lengths = [length for length in range(N) if walks(topology, length)]
    assert audit(topology, steps=1).hops == (lengths[0] if lengths else -1)


def test_ports_that_share_a_neuron_are_no_hop_apart_and_a_port_out_of_reach_is_minus_one() -> None:
    topology = Topology.of(3, np.array([0]), np.array([1]), np.ones(1), groups={"x": np.array([2])})
    assert audit(topology, ("all",), ("x",), steps=1).hops == 0
    assert audit(topology, ("x",), ("all",), steps=1).n_neurons == 1
    assert Topology.of(3, np.array([0]), np.array([1]), np.ones(1), groups={"a": np.array([0]), "b": np.array([2])})
    apart = Topology.of(3, np.array([0]), np.array([1]), np.ones(1), groups={"a": np.array([0]), "b": np.array([2])})
    assert audit(apart, ("a",), ("b",), steps=9).hops == -1


def test_the_audit_says_in_one_line_what_can_influence_the_readout() -> None:
    chain = Topology.of(
        4,
        np.array([0, 1, 3]),
        np.array([1, 2, 1]),
        np.ones(3),
        groups={"input": np.array([0]), "output": np.array([2])},
    )
    assert str(audit(chain, steps=3)) == (
        "2 of 3 edges (66.7%) and 3 of 4 neurons can influence the readout at T = 3 "
        "(pulse input, walks of exactly 2 edges, 1 in, 1 out, shortest path 2 hops)"
    )


def test_impossible_audits_are_refused() -> None:
    with pytest.raises(TopologyError, match="at least 1 step, not 0"):
        audit(small(0), steps=0)
    with pytest.raises(UnknownName, match="did you mean 'input'"):
        audit(small(0), ("inputs",), steps=2)


def test_the_larva_has_as_many_edges_between_sense_and_action_as_counted_outside_this_library() -> None:
    """Yu et al. 2025 ran T = 2 to 5 on this matrix; at T = 2 only 1.3 % of it could matter."""
    try:
        topology = build(load("larva"), compartments=("axo-dendritic",))
    except DataMissing as missing:
        pytest.skip(str(missing))
    assert topology.n_edges == 63_545
    counted = {2: (853, 378), 3: (2_735, 642), 4: (10_550, 1_457), 5: (33_291, 2_415), 10: (60_574, 2_747)}
    for steps, (edges, neurons) in counted.items():
        result = audit(topology, ("class:sensory",), ("class:DN-SEZ", "class:RGN"), steps=steps)
        assert (result.n_input, result.n_output) == (430, 218)
        assert (result.n_edges, result.n_neurons, result.hops) == (edges, neurons, 1)

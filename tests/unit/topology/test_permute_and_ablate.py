"""Controls that keep every edge in place, and controls that take the wiring away, on graphs small enough to see through."""

from collections import Counter
from itertools import permutations

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare

from anlage.connectome.library import load
from anlage.errors import ControlError, UnknownName
from anlage.topology import (
    InterfaceOnly,
    NoRecurrence,
    PermuteEdgeSigns,
    PermuteNeuronSigns,
    PermuteWeights,
    Topology,
    build,
)


def from_edges(edges: list[tuple[int, int]], weight: list[float], n: int = 5, **groups: list[int]) -> Topology:
    ends = np.array(edges)
    named = {name: np.array(rows) for name, rows in groups.items()}
    return Topology.of(n, ends[:, 0], ends[:, 1], np.array(weight), groups=named)


# Stored post-major: 3 -> 0, 0 -> 1, 1 -> 2, 0 -> 3, 2 -> 4.
EDGES = [(0, 1), (1, 2), (0, 3), (2, 4), (3, 0)]


def test_weights_are_permuted_uniformly_within_each_sign() -> None:
    topology, rng = from_edges(EDGES, [1.0, -7.0, 2.0, -7.0, 3.0]), np.random.default_rng(0)
    drawn = []
    while len(drawn) < 300:
        try:
            drawn.append(tuple(PermuteWeights()(topology, rng).weight.tolist()))
        except ControlError:  # the permutation that changes nothing is no control
            continue
    original = tuple(topology.weight.tolist())
    possible = [(a, b, -7.0, c, -7.0) for a, b, c in permutations([1.0, 2.0, 3.0])]
    assert set(drawn) == set(possible) - {original}
    assert chisquare(list(Counter(drawn).values())).pvalue > 0.01


def test_edge_signs_are_dealt_over_all_edges_and_magnitudes_stay() -> None:
    topology, rng = from_edges(EDGES, [1.0, -2.0, 3.0, 4.0, 5.0]), np.random.default_rng(0)
    made = [PermuteEdgeSigns()(topology, rng) for _ in range(200)]
    assert all(np.array_equal(np.abs(t.weight), np.abs(topology.weight)) for t in made)
    place = Counter(int(np.flatnonzero(t.weight < 0)[0]) for t in made)
    assert len(place) == 5 and chisquare(list(place.values())).pvalue > 0.01


def test_neuron_signs_are_dealt_among_senders_and_every_neuron_keeps_one_sign() -> None:
    topology, rng = from_edges(EDGES, [1.0, -2.0, 3.0, 4.0, 5.0]), np.random.default_rng(0)
    negative = Counter()
    for _ in range(200):
        made = PermuteNeuronSigns()(topology, rng)
        senders = {int(v) for v in made.pre[made.weight < 0]}
        assert len(senders) == 1 and (made.weight[made.pre == next(iter(senders))] < 0).all()
        negative.update(senders)
    assert set(negative) == {0, 1, 2, 3}  # neuron 4 sends nothing
    assert chisquare(list(negative.values())).pvalue > 0.01


def test_permutations_with_nothing_to_permute_are_refused_with_what_to_do_instead() -> None:
    rng = np.random.default_rng(0)
    positive = from_edges(EDGES, [1.0] * 5)
    with pytest.raises(ControlError, match="same weight, so permuting weights changes nothing"):
        PermuteWeights()(positive, rng)
    for control in (PermuteEdgeSigns(), PermuteNeuronSigns()):
        with pytest.raises(ControlError, match=f"{control.name!r} needs positive and negative edges"):
            control(positive, rng)
    with pytest.raises(ControlError, match="1 of 5 neurons send edges of both signs"):
        PermuteNeuronSigns()(from_edges(EDGES, [1.0, -2.0, -3.0, 4.0, 5.0]), rng)


def test_what_is_left_without_recurrence_is_acyclic_and_only_edges_on_cycles_are_gone() -> None:
    topology = build(load("worm-witvliet-1"))
    made = NoRecurrence()(topology, np.random.default_rng(0))
    graph, left = (nx.DiGraph(zip(t.pre.tolist(), t.post.tolist(), strict=True)) for t in (topology, made))
    assert nx.is_directed_acyclic_graph(left) and left.number_of_edges() > 0
    gone = set(graph.edges) - set(left.edges)
    assert made.history[-1].arguments["edges_removed"] == len(gone) == topology.n_edges - made.n_edges
    assert all(nx.has_path(graph, b, a) for a, b in gone)
    with pytest.raises(ControlError, match="no directed cycle"):
        NoRecurrence()(made, np.random.default_rng(0))


def test_removing_recurrence_is_refused_where_every_edge_is_on_a_cycle() -> None:
    """In the worm it is so: a network without any edge would crash later, or predict a constant and be called a floor."""
    topology = build(load("worm"))
    graph = nx.DiGraph(zip(topology.pre.tolist(), topology.post.tolist(), strict=True))
    assert nx.is_strongly_connected(graph)
    with pytest.raises(ControlError, match="nothing would be left without recurrence"):
        NoRecurrence()(topology, np.random.default_rng(0))


def test_the_bare_interface_wires_every_neuron_of_both_ports_and_nothing_else() -> None:
    topology = from_edges(EDGES, [1.0, -2.0, 3.0, 4.0, -5.0], input=[0, 1], output=[2, 3, 4])
    partners = Counter()
    for seed in range(120):
        made = InterfaceOnly()(topology, np.random.default_rng(seed))
        assert set(made.pre.tolist()) == {0, 1} and sorted(made.post.tolist()) == [2, 3, 4]
        assert made.weight.tolist() == [3.0] * 3
        partners.update(zip(made.pre.tolist(), made.post.tolist(), strict=True))
    assert len(partners) == 6 and chisquare(list(partners.values())).pvalue > 0.01


def test_the_bare_interface_needs_its_ports_by_name() -> None:
    with pytest.raises(UnknownName, match="did you mean 'input'"):
        InterfaceOnly(("inputs",))(from_edges(EDGES, [1.0] * 5, input=[0], output=[1]), np.random.default_rng(0))

"""The swap chain against the list of all graphs with the same degrees, and what each rewiring leaves behind."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import chisquare

from anlage.connectome.library import load
from anlage.errors import ControlError
from anlage.topology import BlockPreserving, DegreePreserving, ErdosRenyi, Topology, build

Edges = frozenset[tuple[int, int]]

TRIANGLE = [(0, 1), (1, 2), (2, 0)]
TINY = {
    "a directed triangle, which no swap of two edges can reverse": (3, TRIANGLE, 2),
    "two triangles in one": (4, [*TRIANGLE, (3, 0), (0, 3)], 6),
    "two separate edges, where every swap would just alternate": (4, [(0, 1), (2, 3)], 2),
    "graphs with unequal numbers of possible swaps": (4, [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)], 7),
    "a graph with pairs both ways": (4, [(0, 1), (1, 0), (2, 3), (3, 2), (0, 2), (1, 3)], 8),
    "four separate edges, where swaps without rest would reach even permutations only": (
        8,
        [(0, 4), (1, 5), (2, 6), (3, 7)],
        24,
    ),
    "a ring of five": (5, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)], 44),
}


def from_edges(n: int, edges: list[tuple[int, int]], **groups: list[int]) -> Topology:
    ends = np.array(edges)
    named = {name: np.array(rows) for name, rows in groups.items()}
    return Topology.of(n, ends[:, 0], ends[:, 1], np.arange(1.0, len(edges) + 1), groups=named)


def edge_set(topology: Topology) -> Edges:
    return frozenset(zip(topology.pre.tolist(), topology.post.tolist(), strict=True))


def all_graphs(n: int, edges: list[tuple[int, int]]) -> list[Edges]:
    """Every simple graph without self-loops that has the in- and out-degrees of this one, by trying all sets of pairs."""

    def degrees(chosen: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
        return [sum(a == v for a, _ in chosen) for v in range(n)], [sum(b == v for _, b in chosen) for v in range(n)]

    pairs = [(a, b) for a in {a for a, _ in edges} for b in {b for _, b in edges} if a != b]
    wanted = degrees(edges)
    return [frozenset(chosen) for chosen in combinations(pairs, len(edges)) if degrees(list(chosen)) == wanted]


@pytest.mark.parametrize("case", TINY)
def test_the_swap_chain_visits_every_other_graph_with_these_degrees_equally_often(case: str) -> None:
    """Counting successful swaps only, never staying put, or never turning three edges, each fails here by a wide margin."""
    n, edges, n_graphs = TINY[case]
    topology, rng = from_edges(n, edges), np.random.default_rng(20)
    graphs = all_graphs(n, edges)
    assert len(graphs) == n_graphs
    others = [graph for graph in graphs if graph != frozenset(edges)]
    control = DegreePreserving(swaps_per_edge=5.0)
    draws = 10 * len(others) if len(others) > 1 else 10
    seen = Counter(edge_set(control(topology, rng)) for _ in range(max(draws, 120 if len(others) > 1 else 10)))
    assert set(seen) <= set(others)
    if len(others) > 1:
        assert chisquare([seen[graph] for graph in others]).pvalue > 0.01


def test_edges_that_leave_one_neuron_are_dealt_to_targets_with_every_weight_alike() -> None:
    """Not only the graph must be random: which of a neuron's weights goes to which of its targets must be, too."""
    topology, rng = from_edges(5, [(0, 1), (0, 2), (3, 4)]), np.random.default_rng(0)
    made = [DegreePreserving(5.0)(topology, rng).dense() for _ in range(200)]
    # The heavy edge of neuron 0 (weight 2) goes to one of 1, 2, 4; graphs other than the original: {1, 4} and {2, 4}.
    heavy = Counter(int(np.flatnonzero(matrix[:, 0] == 2.0)[0]) for matrix in made)
    assert chisquare([heavy[1] + heavy[2], heavy[4]]).pvalue > 0.01 and set(heavy) == {1, 2, 4}


@pytest.mark.parametrize("control", [DegreePreserving(), BlockPreserving()])
@pytest.mark.parametrize("name", ["worm", "optic-lobe-1"])
def test_as_many_swaps_are_done_as_asked_for_and_the_overlap_is_recorded(
    control: DegreePreserving | BlockPreserving, name: str
) -> None:
    topology = build(load(name))
    made = control(topology, np.random.default_rng(0))
    done = made.history[-1].arguments
    assert done["swaps_per_edge"] == pytest.approx(10.0, abs=1.0)
    loops = {pair for pair in edge_set(topology) if pair[0] == pair[1]}
    shared = (edge_set(topology) & edge_set(made)) - loops
    assert done["overlap_at_end"] == pytest.approx(len(shared) / (topology.n_edges - len(loops)), abs=1e-4)
    # Half-way and end agree: what is left in common is what the degrees force, not what was not yet swapped.
    assert abs(done["overlap_half_way"] - done["overlap_at_end"]) < 0.02 < 0.3


def test_the_overlap_left_is_that_of_two_independent_members_of_the_ensemble() -> None:
    topology = build(load("worm"))
    one, two, three = (DegreePreserving()(topology, np.random.default_rng(seed)) for seed in (1, 2, 3))
    original, independent = (len(edge_set(one) & edge_set(other)) / topology.n_edges for other in (topology, two))
    assert original == pytest.approx(independent, abs=0.02)
    assert len(edge_set(two) & edge_set(three)) / topology.n_edges == pytest.approx(independent, abs=0.02)


def test_block_preserving_keeps_the_edges_between_blocks_that_degree_preserving_does_not() -> None:
    topology = build(load("worm"))
    role = np.zeros(topology.n_neurons, dtype=int)
    for i, name in enumerate(("input", "inter", "output"), start=1):
        role[topology.groups[name]] = i

    def between(graph: Topology) -> np.ndarray:
        counts = np.zeros((4, 4), dtype=int)
        np.add.at(counts, (role[graph.post], role[graph.pre]), 1)
        return counts

    kept = BlockPreserving()(topology, np.random.default_rng(0))
    np.testing.assert_array_equal(between(kept), between(topology))
    assert (between(DegreePreserving()(topology, np.random.default_rng(0))) != between(topology)).any()


def test_block_preserving_draws_every_stratum_by_itself() -> None:
    """Neurons 0 and 1 reach 2 and 3 (four edges possible, two taken); the other stratum is a triangle within 4, 5, 6."""
    edges = [(0, 2), (1, 3), (4, 5), (5, 6), (6, 4)]
    topology, rng = from_edges(7, edges, left=[0, 1], right=[2, 3]), np.random.default_rng(1)
    seen = Counter(edge_set(BlockPreserving(("left", "right"), 5.0)(topology, rng)) for _ in range(90))
    crossed, reversed_ = {(0, 3), (1, 2)}, {(5, 4), (6, 5), (4, 6)}
    first, second = set(edges[:2]), set(edges[2:])
    expected = [frozenset(a | b) for a in (first, crossed) for b in (second, reversed_)][1:]
    assert set(seen) == set(expected)
    assert chisquare([seen[graph] for graph in expected]).pvalue > 0.01


def test_rewiring_a_graph_that_its_degrees_fix_is_refused() -> None:
    star = from_edges(5, [(0, v) for v in range(1, 5)])
    loops = from_edges(3, [(0, 0), (1, 1), (2, 2)])
    for topology in (star, loops):
        with pytest.raises(ControlError, match="degrees allow no other graph"):
            DegreePreserving()(topology, np.random.default_rng(0))


@pytest.mark.parametrize("swaps", [0.0, -1.0, float("inf"), float("nan")])
def test_a_number_of_swaps_that_means_nothing_is_refused(swaps: float) -> None:
    with pytest.raises(ControlError, match="positive number of swaps"):
        DegreePreserving(swaps)(from_edges(4, [(0, 1), (2, 3)]), np.random.default_rng(0))


def test_erdos_renyi_places_edges_uniformly_and_leaves_self_loops_where_they_are() -> None:
    topology, rng = from_edges(3, [(0, 1), (1, 2), (2, 2)]), np.random.default_rng(3)
    seen = Counter(edge_set(ErdosRenyi()(topology, rng)) for _ in range(600))
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    possible = [frozenset({*two, (2, 2)}) for two in combinations(pairs, 2)]
    assert set(seen) == set(possible) and chisquare([seen[graph] for graph in possible]).pvalue > 0.01


def test_erdos_renyi_refuses_a_graph_with_no_free_place_and_one_with_no_edge_to_move() -> None:
    full = from_edges(3, [(a, b) for a in range(3) for b in range(3) if a != b])
    with pytest.raises(ControlError, match="no other place for an edge"):
        ErdosRenyi()(full, np.random.default_rng(0))
    with pytest.raises(ControlError, match="no edge between two neurons"):
        ErdosRenyi()(from_edges(3, [(1, 1)]), np.random.default_rng(0))

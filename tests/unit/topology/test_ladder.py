"""The finer rungs of the ladder against lists of graphs, closed forms and NetworkX; each one broken is caught by its audit."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare

from anlage.connectome.library import load
from anlage.errors import ControlError
from anlage.topology import (
    DegreePreserving,
    LengthPreserving,
    ModularityPreserving,
    PermuteEnds,
    RandomProjection,
    RankMatched,
    ReciprocityPreserving,
    SpectrumMatched,
    Step,
    StrengthPreserving,
    Topology,
    build,
    certify,
)
from anlage.topology import quantity as q
from anlage.topology.community import communities, modularity
from anlage.topology.space import length_histogram

WORM = build(load("worm"), kinds=["chemical"], signs="transmitter")
Edges = frozenset[tuple[int, int]]


def from_edges(n: int, edges: list[tuple[int, int]]) -> Topology:
    ends = np.array(edges)
    return Topology.of(n, ends[:, 0], ends[:, 1], np.arange(1.0, len(edges) + 1))


def edge_set(topology: Topology) -> Edges:
    return frozenset(zip(topology.pre.tolist(), topology.post.tolist(), strict=True))


def profile(edges: Edges, n: int) -> list[tuple[int, int, int]]:
    """Mutual partners, one-way targets and one-way sources of every neuron."""
    both = {(a, b) for a, b in edges if (b, a) in edges}
    alone = edges - both
    return [tuple(sum(e[i] == v for e in part) for part, i in ((both, 0), (alone, 0), (alone, 1))) for v in range(n)]


@pytest.mark.parametrize(
    ("n", "edges"),
    [
        (4, [(0, 1), (1, 0), (2, 3), (3, 2)]),
        (3, [(0, 1), (1, 2), (2, 0)]),
        (5, [(0, 1), (1, 0), (2, 3), (3, 2), (4, 0)]),
    ],
)
def test_reciprocity_preserving_visits_every_other_graph_with_these_pairs_equally_often(
    n: int, edges: list[tuple[int, int]]
) -> None:
    wanted = profile(frozenset(edges), n)
    pairs = [(a, b) for a in range(n) for b in range(n) if a != b]
    graphs = [
        frozenset(chosen) for chosen in combinations(pairs, len(edges)) if profile(frozenset(chosen), n) == wanted
    ]
    others, rng = [graph for graph in graphs if graph != frozenset(edges)], np.random.default_rng(3)
    control, topology = ReciprocityPreserving(5.0), from_edges(n, edges)
    seen = Counter(edge_set(control(topology, rng)) for _ in range(30 * len(others) if len(others) > 1 else 3))
    assert set(seen) == set(others)
    if len(others) > 1:
        assert chisquare([seen[graph] for graph in others]).pvalue > 0.01


def test_reciprocity_preserving_keeps_mutual_pairs_that_degree_preserving_loses() -> None:
    made, plain = (control(WORM, np.random.default_rng(0)) for control in (ReciprocityPreserving(), DegreePreserving()))
    graphs = [nx.DiGraph(list(edge_set(t))) for t in (WORM, made, plain)]
    for graph in graphs:
        graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    before, kept, lost = (nx.overall_reciprocity(graph) for graph in graphs)
    assert kept == pytest.approx(before) and lost < 0.8 * before
    assert {f.quantity for f in certify(ReciprocityPreserving(), WORM, plain).broken} == {
        "mutual pairs of each neuron",
        "reciprocity",
    }


def test_strength_preserving_keeps_excitation_and_inhibition_received_where_degree_preserving_does_not() -> None:
    def received(topology: Topology) -> np.ndarray:
        matrix = topology.dense()
        return np.concatenate([np.maximum(matrix, 0).sum(axis=1), np.maximum(-matrix, 0).sum(axis=1)])

    made, plain = (control(WORM, np.random.default_rng(0)) for control in (StrengthPreserving(), DegreePreserving()))
    total = received(WORM).sum()
    assert np.abs(received(made) - received(WORM)).sum() < 0.02 * total
    assert np.abs(received(plain) - received(WORM)).sum() > 0.2 * total
    np.testing.assert_allclose(np.abs(made.dense()).sum(axis=0), np.abs(WORM.dense()).sum(axis=0))
    assert any("in-strength" in f.quantity for f in certify(StrengthPreserving(), WORM, plain).broken)


def test_strength_preserving_refuses_what_it_cannot_fit() -> None:
    with pytest.raises(ControlError, match="of all strength at other neurons"):
        StrengthPreserving(tolerance=1e-6)(WORM, np.random.default_rng(0))
    with pytest.raises(ControlError, match="tolerance between 0 and 1"):
        StrengthPreserving(tolerance=0.0)(WORM, np.random.default_rng(0))


def test_length_preserving_keeps_the_histogram_of_lengths_that_degree_preserving_does_not() -> None:
    made, plain = (control(WORM, np.random.default_rng(0)) for control in (LengthPreserving(4.0), DegreePreserving()))
    edges = np.concatenate([[-np.inf], 2.0 ** (np.arange(30) / 2)])

    def histogram(topology: Topology) -> np.ndarray:
        assert WORM.xyz_um is not None
        apart = WORM.xyz_um[topology.pre] - WORM.xyz_um[topology.post]
        # A bin has its upper end, not its lower one.
        return np.histogram(-np.sqrt((apart**2).sum(axis=1)), -edges[::-1])[0]

    assert histogram(made).tolist() == histogram(WORM).tolist() != histogram(plain).tolist()
    assert any("wire length" in f.quantity for f in certify(LengthPreserving(), WORM, plain).broken)
    assert length_histogram(replace(WORM, xyz_um=None))[0] == WORM.n_edges
    with pytest.raises(ControlError, match="this connectome has none"):
        LengthPreserving()(replace(WORM, xyz_um=None), np.random.default_rng(0))


def test_communities_are_the_cliques_of_a_ring_of_cliques_and_modularity_is_that_of_networkx() -> None:
    graph = nx.ring_of_cliques(5, 6).to_directed()
    topology = from_edges(30, sorted(graph.edges))
    member = communities(topology)
    assert [len(set(member[i : i + 6])) for i in range(0, 30, 6)] == [1] * 5 and len(set(member)) == 5
    found = [set(np.flatnonzero(communities(WORM) == c).tolist()) for c in set(communities(WORM))]
    worm = nx.DiGraph()
    worm.add_nodes_from(range(WORM.n_neurons))
    worm.add_edges_from(edge_set(WORM))
    assert modularity(WORM) == pytest.approx(nx.community.modularity(worm, found))
    assert modularity(WORM) > 0.9 * nx.community.modularity(worm, nx.community.louvain_communities(worm, seed=0))


def test_modularity_preserving_keeps_edges_between_communities_that_degree_preserving_does_not() -> None:
    member = communities(WORM)

    def between(topology: Topology) -> list[tuple[tuple[int, int], int]]:
        return sorted(Counter(zip(member[topology.pre].tolist(), member[topology.post].tolist(), strict=True)).items())

    made, plain = (control(WORM, np.random.default_rng(0)) for control in (ModularityPreserving(), DegreePreserving()))
    assert between(made) == between(WORM) != between(plain)
    assert any("modularity" in f.quantity for f in certify(ModularityPreserving(), WORM, plain).broken)


def test_matched_spectrum_and_rank_and_permuted_ends_have_the_promised_singular_values() -> None:
    rng = np.random.default_rng(0)
    values = np.linalg.svd(WORM.dense(), compute_uv=False)
    for control in (SpectrumMatched(), PermuteEnds()):
        np.testing.assert_allclose(np.linalg.svd(control(WORM, rng).dense(), compute_uv=False), values, atol=1e-8)
    square = np.linalg.svd(RankMatched()(WORM, rng).dense(), compute_uv=False) ** 2
    assert square.sum() == pytest.approx((values**2).sum())
    assert square.sum() ** 2 / (square**2).sum() == pytest.approx((values**2).sum() ** 2 / (values**4).sum())
    plain = DegreePreserving()(WORM, rng)
    for control in (SpectrumMatched(), PermuteEnds(), RankMatched()):
        assert any(f.declared == "keeps" for f in certify(control, WORM, plain).broken)


def test_random_singular_vectors_are_uniform_on_the_sphere() -> None:
    """One edge of weight 1 becomes u v': each entry of u has mean 0 and mean square 1/3."""
    one = from_edges(3, [(0, 1)])
    made = np.array([SpectrumMatched()(one, np.random.default_rng(i)).dense() for i in range(800)])
    assert np.abs(made.mean(axis=0)).max() < 0.05
    assert np.abs((made**2).mean(axis=0) - 1 / 9).max() < 0.025


def test_a_full_matrix_of_many_neurons_and_a_projection_between_shared_ports_are_refused() -> None:
    for control in (SpectrumMatched(), RankMatched()):
        with pytest.raises(ControlError, match="4,000"):
            control(from_edges(4001, [(0, 1)]), np.random.default_rng(0))
    with pytest.raises(ControlError, match="would be recurrent"):
        RandomProjection(("input",), ("all",))(WORM, np.random.default_rng(0))


@pytest.mark.parametrize("control", [DegreePreserving, ReciprocityPreserving, ModularityPreserving, LengthPreserving])
def test_a_chain_that_has_not_forgotten_its_start_is_stopped(control: type) -> None:
    short = control(swaps_per_edge=0.5)
    made = short(WORM, np.random.default_rng(0))
    with pytest.raises(ControlError, match="memory of where its chain of swaps began"):
        certify(short, WORM, made).demand()


def test_a_chain_that_hides_its_overlap_or_lies_about_it_is_stopped() -> None:
    control = DegreePreserving()
    made = control(WORM, np.random.default_rng(0))
    assert not certify(control, WORM, made).broken
    for told in ({}, {"overlap_half_way": 0.1, "overlap_at_end": 0.9}):
        liar = replace(made, history=(*WORM.history, Step(control.name, told)))
        assert [f.declared for f in certify(control, WORM, liar).broken] == ["loses"]


def test_whole_quantities_say_how_far_off_they_are_and_change_beyond_their_tolerance_only() -> None:
    before, after = np.array([1.0, 0.0, 3.0]), np.array([1.02, 0.0, 2.98])
    assert q.SIGNED_IN_STRENGTH.off(before, after) == pytest.approx(0.01)
    assert replace(q.SIGNED_IN_STRENGTH, tolerance=0.011).changed(before, after) == 0
    assert replace(q.SIGNED_IN_STRENGTH, tolerance=0.009).changed(before, after) == pytest.approx(0.01)

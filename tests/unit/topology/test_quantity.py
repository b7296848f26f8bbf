"""Every quantity against NetworkX or a dense decomposition, and proof that every quantity can change."""

import networkx as nx
import numpy as np
import pytest

from anlage.connectome.library import load
from anlage.topology import Topology, build
from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity


def random_graph(n: int, n_edges: int, seed: int, loops: bool = True) -> Topology:
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n * n, size=n_edges, replace=False)
    pre, post = pairs // n, pairs % n
    keep = np.full(n_edges, True) if loops else pre != post
    groups = {"input": np.arange(n // 3), "output": np.arange(n // 2, n)}
    return Topology.of(n, pre[keep], post[keep], rng.normal(size=int(keep.sum())), groups=groups)


def networkx_graph(topology: Topology, loops: bool = True) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(topology.n_neurons))
    graph.add_edges_from((a, b) for a, b in zip(topology.pre, topology.post, strict=True) if loops or a != b)
    return graph


def from_edges(n: int, edges: list[tuple[int, int]], weight: list[float] | None = None) -> Topology:
    ends = np.array(edges)
    groups = {"input": np.array([0]), "output": np.array([n - 1])}
    return Topology.of(n, ends[:, 0], ends[:, 1], np.array(weight or [1.0] * len(edges)), groups=groups)


@pytest.mark.parametrize("seed", range(6))
def test_motif_counts_equal_the_triadic_census_of_networkx(seed: int) -> None:
    topology = random_graph(22, [30, 60, 120, 200, 300, 440][seed], seed)
    census = nx.triadic_census(networkx_graph(topology, loops=False))
    assert dict(zip(q.TRIADS, q.motif_counts(topology).tolist(), strict=True)) == {t: census[t] for t in q.TRIADS}


def test_motif_counts_of_the_worm_equal_the_triadic_census_of_networkx() -> None:
    topology = build(load("worm-witvliet-8"))
    census = nx.triadic_census(networkx_graph(topology, loops=False))
    assert q.motif_counts(topology).tolist() == [census[t] for t in q.TRIADS]


@pytest.mark.parametrize("seed", range(3))
def test_degrees_and_reciprocity_equal_those_of_networkx(seed: int) -> None:
    topology = random_graph(25, 140, seed)
    graph, loopless = networkx_graph(topology), networkx_graph(topology, loops=False)
    assert q.IN_DEGREE(topology).tolist() == [graph.in_degree(v) for v in range(25)]
    assert q.OUT_DEGREE(topology).tolist() == [graph.out_degree(v) for v in range(25)]
    assert q.RECIPROCITY(topology) == pytest.approx(nx.overall_reciprocity(loopless))


def test_strengths_are_row_and_column_sums_of_magnitudes() -> None:
    topology = random_graph(12, 60, 0)
    np.testing.assert_allclose(q.IN_STRENGTH(topology), np.abs(topology.dense()).sum(axis=1))
    np.testing.assert_allclose(q.OUT_STRENGTH(topology), np.abs(topology.dense()).sum(axis=0))


def test_density_counts_ordered_pairs_with_self_pairs() -> None:
    assert q.density(from_edges(3, [(0, 1), (1, 1), (2, 0)])) == pytest.approx(3 / 9)


def test_edges_on_cycles_are_those_inside_strong_components_of_networkx() -> None:
    topology = random_graph(40, 55, 3)
    part = {v: i for i, vs in enumerate(nx.strongly_connected_components(networkx_graph(topology))) for v in vs}
    expected = [part[a] == part[b] for a, b in zip(topology.pre, topology.post, strict=True)]
    assert q.cyclic_edges(topology).tolist() == expected and 0 < sum(expected) < len(expected)


@pytest.mark.parametrize(("n", "n_edges", "seed"), [(8, 20, 0), (30, 90, 1), (30, 300, 2), (60, 70, 3), (450, 4000, 4)])
def test_the_spectral_radius_equals_that_of_the_dense_matrix(n: int, n_edges: int, seed: int) -> None:
    topology = random_graph(n, n_edges, seed)
    assert q.spectral_radius(topology) == pytest.approx(np.abs(np.linalg.eigvals(topology.dense())).max(), rel=1e-9)


def test_the_iterative_solver_is_the_one_tested_above_400_neurons(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    eigs = q.eigs
    monkeypatch.setattr(q, "eigs", lambda *a, **k: calls.append(a) or eigs(*a, **k))
    q.spectral_radius(random_graph(450, 4000, 4))
    assert len(calls) == 1


def test_the_spectral_radius_of_a_graph_without_cycles_is_exactly_zero() -> None:
    """A dense solver gives about 1e-5 here: eigenvalues of a nilpotent matrix are the worst conditioned there are."""
    n = 40
    edges = [(a, b) for a in range(n) for b in range(a + 1, n)]
    assert q.spectral_radius(from_edges(n, edges)) == 0.0


def test_the_spectral_radius_of_blocks_in_a_row_is_that_of_the_largest_block() -> None:
    """Heavy edges between components do not count: 3-ring of weights 8, 1, 1 has radius 2, 2-ring of 9 and 4 has 6."""
    ring3, ring2 = [(0, 1), (1, 2), (2, 0)], [(3, 4), (4, 3)]
    between = [(0, 3), (1, 4), (4, 5)]
    topology = from_edges(6, ring3 + ring2 + between, [8.0, 1.0, 1.0, 9.0, -4.0, 1e6, 1e6, 1e6])
    assert q.spectral_radius(topology) == pytest.approx(6.0)


def test_a_self_loop_is_an_eigenvalue_only_of_a_neuron_on_no_other_cycle() -> None:
    """[[1, 1], [-1, -1]] squares to zero: its radius is 0 although its self-loops weigh 1."""
    nilpotent = from_edges(2, [(0, 0), (1, 0), (0, 1), (1, 1)], [1.0, 1.0, -1.0, -1.0])
    assert q.spectral_radius(nilpotent) == pytest.approx(0.0, abs=1e-7)
    assert q.spectral_radius(from_edges(3, [(0, 0), (0, 1), (1, 2)], [-3.0, 9.0, 9.0])) == 3.0


def test_a_ring_whose_eigenvalues_are_all_equally_large_still_has_a_radius(monkeypatch: pytest.MonkeyPatch) -> None:
    """ARPACK gives up on it, after three seconds; here it gives up at once."""

    def give_up(*arguments: object, **options: object) -> None:
        raise q.ArpackNoConvergence("no convergence", np.zeros(0), np.zeros(0))

    monkeypatch.setattr(q, "eigs", give_up)
    assert q.spectral_radius(from_edges(400, [(i, (i + 1) % 400) for i in range(400)])) == pytest.approx(1.0)


@pytest.mark.parametrize(("n", "k", "n_edges"), [(2, 32, 3), (20, 5, 90), (20, 32, 90), (610, 3, 3000)])
def test_leading_singular_values_equal_those_of_the_dense_matrix(n: int, k: int, n_edges: int) -> None:
    topology = random_graph(n, n_edges, 0)
    expected = np.linalg.svd(topology.dense(), compute_uv=False)[:k]
    np.testing.assert_allclose(q.singular_values(topology, k), expected, rtol=1e-8)


def test_the_block_matrix_counts_edges_between_groups_and_the_rest() -> None:
    topology = from_edges(4, [(0, 1), (0, 3), (1, 0), (3, 3), (2, 1)])
    # Blocks: input = {0}, output = {3}, rest = {1, 2}; rows receive.
    assert q.block_matrix(topology, ("input", "output")).tolist() == [[0, 0, 1], [1, 1, 0], [1, 0, 1]]
    degrees = q.block_degrees(topology, ("input", "output"))
    assert degrees[0].tolist() == [0, 1, 1, 0, 0, 1]  # sends to output and rest, receives from rest
    assert degrees.sum() == 2 * topology.n_edges


def test_the_sign_of_a_neuron_is_that_of_all_its_outgoing_edges() -> None:
    topology = from_edges(4, [(0, 1), (0, 2), (1, 2), (2, 0), (2, 1)], [1.0, 2.0, -1.0, 1.0, -1.0])
    assert q.NEURON_SIGN(topology).tolist() == [1, -1, 0, 2]
    assert q.NEURON_SIGN_COUNTS(topology).tolist() == [1, 1, 1, 1]


BASE = from_edges(4, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 3)], [1.0, 2.0, -3.0, -4.0, 5.0])
ALTERED = {
    "moved": from_edges(4, [(0, 2), (1, 0), (2, 0), (3, 1), (3, 3), (2, 2)], [1.0, 2.0, -3.0, 4.0, 5.0, 6.0]),
    "signs": from_edges(4, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 3)], [1.0, 2.0, -3.0, 4.0, 5.0]),
    "mutual": from_edges(4, [(0, 1), (1, 0), (2, 0), (2, 3), (3, 3)], [1.0, 2.0, -3.0, -4.0, 5.0]),
    "larger": from_edges(5, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 3)], [1.0, 2.0, -3.0, -4.0, 5.0]),
    "heavier": from_edges(4, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 3)], [1.0, 2.0, -3.0, -4.0, 7.0]),
}
QUANTITIES = [
    *(value for value in vars(q).values() if isinstance(value, Quantity)),
    q.block_quantity(("input", "output")),
    q.block_degree_quantity(("input", "output")),
]


@pytest.mark.parametrize("quantity", QUANTITIES, ids=str)
def test_every_quantity_is_the_same_on_the_same_graph_and_differs_on_some_other(quantity: Quantity) -> None:
    """A quantity that cannot change would certify any control."""
    copy = from_edges(4, [(3, 3), (2, 3), (2, 0), (1, 2), (0, 1)], [5.0, -4.0, -3.0, 2.0, 1.0])
    assert quantity.changed(quantity(BASE), quantity(copy)) == 0.0
    assert any(quantity.changed(quantity(BASE), quantity(other)) > 0 for other in ALTERED.values())


def test_quantities_of_other_shape_have_changed_altogether_and_of_no_size_not_at_all() -> None:
    assert q.IN_DEGREE.changed(np.arange(3), np.arange(4)) == 1.0
    assert q.IN_DEGREE.changed(np.zeros(0), np.zeros(0)) == 0.0
    assert q.IN_DEGREE.changed(np.arange(4), np.array([0, 1, 2, 9])) == 0.25


def test_the_changed_share_of_a_set_counts_elements_and_not_places() -> None:
    """Compared place by place, one edge more at the front would look as if every edge had changed."""
    assert q.EDGE_SET.changed(np.array([1, 2, 3, 4]), np.array([0, 1, 2, 3])) == 0.25
    assert q.EDGE_SET.changed(np.arange(3), np.arange(4)) == 0.25
    assert q.EDGE_SET.changed(np.zeros(0), np.zeros(0)) == 0.0
    rows, others = np.array([[1, 0.5], [2, -0.5]]), np.array([[2, -0.5], [1, 0.25]])
    assert q.WEIGHT_PLACEMENT.changed(rows, others) == 0.5


def test_quantities_have_different_names() -> None:
    assert len({quantity.name for quantity in QUANTITIES}) == len(QUANTITIES) >= 22

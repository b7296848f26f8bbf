"""Parts of a wiring against NetworkX's induced subgraphs and many draws."""

import networkx as nx
import numpy as np
import pytest

from anlage.connectome.library import load
from anlage.errors import TopologyError
from anlage.topology import Resized, Topology, build, certify_shrinkage, shrink


@pytest.fixture(scope="module")
def worm() -> Topology:
    return build(load("worm"))


def graph(topology: Topology) -> nx.DiGraph:
    made = nx.DiGraph()
    made.add_nodes_from(range(topology.n_neurons))
    made.add_weighted_edges_from(
        zip(topology.pre.tolist(), topology.post.tolist(), topology.weight.tolist(), strict=True)
    )
    return made


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_part_is_the_induced_subgraph_of_neurons_in_their_order(worm: Topology, share: float) -> None:
    resized = shrink(worm, share, np.random.default_rng(0))
    kept = resized.parent.tolist()
    assert kept == sorted(set(kept)) and len(kept) == round(share * 302)
    induced = nx.relabel_nodes(graph(worm).subgraph(kept), {old: new for new, old in enumerate(kept)})
    assert dict(graph(resized.topology).adj) == dict(induced.adj)
    for name, rows in worm.groups.items():
        assert [kept[i] for i in resized.topology.groups[name]] == sorted(set(kept) & set(rows.tolist()))
    assert [step.function for step in resized.topology.history] == ["build", "shrink"]
    certify_shrinkage(resized).demand()


def test_every_block_keeps_its_share_and_every_neuron_of_it_its_chance(worm: Topology) -> None:
    label, times = np.arange(302) // 100, np.zeros(302)
    for seed in range(100):
        kept = shrink(worm, 0.25, np.random.default_rng(seed), blocks=label).parent
        assert np.bincount(label[kept]).tolist()[:3] == [25, 25, 25]
        times[kept] += 1
    # 100 draws at one in four: a standard deviation of 4.3.
    assert np.abs(times[:300] - 25).max() < 4.5 * 4.3 and times[:300].std() == pytest.approx(4.3, rel=0.2)


def test_the_whole_is_a_part_of_itself(worm: Topology) -> None:
    assert shrink(worm, 1.0, np.random.default_rng(0)).topology.fingerprint == worm.fingerprint


def test_the_certificate_says_that_density_stays_and_degrees_fall(worm: Topology) -> None:
    rows = {row.quantity: row for row in certify_shrinkage(shrink(worm, 0.5, np.random.default_rng(4))).rows}
    edges = rows["edges without self-loops"]
    assert edges.interval and edges.interval[1] < 0.35 * edges.original  # a half of the neurons, a quarter of the edges
    assert rows["mean degree"].found < 0.6 * rows["mean degree"].original and rows["mean degree"].interval is None
    assert rows["density"].found == pytest.approx(rows["density"].original, rel=0.2)


def test_intervals_are_missed_no_more_often_than_they_say() -> None:
    topology, shares = build(load("mushroom-body-left")), []
    for seed in range(30):
        certificate = certify_shrinkage(shrink(topology, 0.4, np.random.default_rng(seed), blocks=("input", "output")))
        drawn = [row for row in certificate.rows if row.interval and row.interval[1] > row.expected > 0]
        shares.append([(r.found - r.expected) / (r.interval[1] - r.expected) for r in drawn])  # type: ignore[index]
    assert len(shares[0]) == 3  # edges, reciprocity, magnitudes; these synapses have no signs
    spread = np.std(shares, axis=0) * 3.2905
    assert (spread > 0.6).all() and (spread < 1.5).all() and np.abs(np.mean(shares, axis=0)).max() < 0.25


def test_two_neurons_of_one_block_are_kept_together_less_often_than_two_of_different_blocks() -> None:
    """Half of six neurons that all meet: three remain, with six edges among them, whichever they are."""
    post, pre = np.nonzero(~np.eye(6, dtype=bool))
    complete = Topology.of(6, pre, post, np.ones(30))
    rows = (
        certify_shrinkage(shrink(complete, 0.5, np.random.default_rng(0), blocks=np.zeros(6, dtype=int))).demand().rows
    )
    (edges,) = [row for row in rows if row.quantity == "edges without self-loops"]
    assert edges.expected == pytest.approx(6.0) and edges.interval == pytest.approx((6.0, 6.0)) and edges.found == 6.0


def test_a_part_with_an_edge_less_is_found(worm: Topology) -> None:
    good = shrink(worm, 0.5, np.random.default_rng(0))
    t = good.topology
    spoiled = t.rewired(t.history[-1], t.pre[1:], t.post[1:], t.weight[1:])
    with pytest.raises(
        TopologyError, match=r"What shrink made .* edges among the kept that differ: expected 0 .exact., found 1"
    ):
        certify_shrinkage(Resized(worm, spoiled, good.parent, good.block)).demand()


@pytest.mark.parametrize("share", [0.0, 1.01, -0.5, float("nan")])
def test_a_share_that_is_none_or_more_than_all_is_refused(worm: Topology, share: float) -> None:
    with pytest.raises(TopologyError, match="must be above 0 and at most 1; use expand for more"):
        shrink(worm, share, np.random.default_rng(0))


def test_a_part_without_inputs_is_refused(worm: Topology) -> None:
    with pytest.raises(TopologyError, match=r"leaves none of the group '(in|out)put'"):
        shrink(worm, 0.004, np.random.default_rng(0), blocks=("output",))

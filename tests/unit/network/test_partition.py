"""Partitions and what they cost, against counting by hand and by brute force."""

import builtins
import importlib.util

import numpy as np
import pytest

from anlage.connectome.library import load
from anlage.errors import TopologyError
from anlage.network import Partition, blocks, cut, partition
from anlage.network.partition import expected_halo
from anlage.topology import Topology, build

METIS = importlib.util.find_spec("pymetis") is not None
needs_metis = pytest.mark.skipif(not METIS, reason="pymetis is not installed")


def random_graph(n: int, n_edges: int, seed: int = 0) -> Topology:
    keys = np.random.default_rng(seed).choice(n * n, n_edges, replace=False)
    return Topology.of(n, keys % n, keys // n, np.ones(n_edges))


def two_cliques(size: int) -> Topology:
    """Even and odd neurons form a clique each; one edge leads from one to the other."""
    post, pre = np.nonzero((np.arange(2 * size)[:, None] - np.arange(2 * size)) % 2 == 0)
    return Topology.of(2 * size, np.append(pre, 0), np.append(post, 1), np.ones(len(pre) + 1))


@needs_metis
def test_metis_finds_the_two_cliques() -> None:
    found = partition(two_cliques(12), 2)
    assert len(set(found.owner[::2])) == len(set(found.owner[1::2])) == 1 and found.how.startswith("METIS")
    assert cut(two_cliques(12), found).far.sum() == 1


@needs_metis
@pytest.mark.parametrize("ranks", [2, 4, 7])
def test_metis_cuts_the_worm_better_than_blocks_evenly_and_twice_alike(ranks: int) -> None:
    worm = build(load("worm"))
    found, again = partition(worm, ranks), partition(worm, ranks)
    np.testing.assert_array_equal(found.owner, again.owner)
    assert cut(worm, found).share < 0.8 * cut(worm, blocks(worm, ranks)).share
    assert cut(worm, found).balance < 1.1


@needs_metis
def test_where_metis_leaves_a_rank_without_neurons_blocks_are_used_and_say_so() -> None:
    star = Topology.of(20, np.arange(20), np.zeros(20, np.int64), np.ones(20))
    found = partition(star, 19)
    assert set(found.owner) == set(range(19)) and "METIS left a rank without neurons" in found.how


def test_without_metis_blocks_are_used_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == "pymetis":
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    found = partition(random_graph(20, 60), 3)
    np.testing.assert_array_equal(found.owner, blocks(random_graph(20, 60), 3).owner)
    assert "contiguous blocks" in found.how and "pip install 'anlage[distributed]'" in found.how


@pytest.mark.parametrize("ranks", [1, 2, 3, 19, 20])
@pytest.mark.parametrize("hub", [0, 10, 19])
def test_blocks_are_contiguous_and_leave_no_rank_without_neurons_beside_a_hub(ranks: int, hub: int) -> None:
    star = Topology.of(20, np.arange(20), np.full(20, hub), np.ones(20))
    owner = blocks(star, ranks).owner
    assert (np.diff(owner) >= 0).all() and set(owner) == set(range(ranks))


def test_blocks_are_balanced_by_edges_not_by_neurons() -> None:
    """The first ten neurons receive nine edges each, the other ninety none: half of 190 is in the first nine and a half."""
    uneven = Topology.of(100, np.tile(np.arange(9), 10), np.repeat(np.arange(10), 9), np.ones(90))
    assert (blocks(uneven, 2).owner == 0).sum() == 9


def test_the_costs_of_a_cut_counted_by_hand() -> None:
    """Neurons 0 1 | 2 3 | 4. Neuron 0 goes twice to rank 1 and is sent once; 4 goes to both others; 2 -> 3 and 1 -> 1 stay."""
    pre, post = np.array([0, 0, 4, 4, 2, 1]), np.array([2, 3, 0, 3, 3, 1])
    counted = cut(Topology.of(5, pre, post, np.ones(6)), Partition(np.array([0, 0, 1, 1, 2]), 3, "hand"))
    assert counted.neurons.tolist() == [2, 2, 1] and counted.near.tolist() == [1, 1, 0]
    assert counted.far.tolist() == [1, 3, 0] and counted.share == 4 / 6 and counted.balance == 2.0
    assert counted.halo.tolist() == [[0, 0, 1], [1, 0, 1], [0, 0, 0]]
    assert counted.sent_bytes(batch=8).tolist() == [32, 0, 64]
    assert str(counted) == (
        "3 ranks by hand: 66.7% of 6 edges cross; a rank owns 1 to 2 neurons, hears 0 to 2 of others, and has at most 2.00 times "
        "the mean number of edges"
    )


@pytest.mark.parametrize("ranks", [2, 5])
def test_the_halo_equals_brute_force_over_pairs_of_a_neuron_and_a_rank(ranks: int) -> None:
    topology, owner = random_graph(30, 120), np.random.default_rng(1).integers(ranks, size=30)
    owner[:ranks] = np.arange(ranks)
    counted = cut(topology, Partition(owner, ranks, "random"))
    for to in range(ranks):
        for by in range(ranks):
            heard = {p for p, q in zip(topology.pre, topology.post, strict=True) if (owner[q], owner[p]) == (to, by)}
            assert counted.halo[to, by] == (len(heard) if to != by else 0)


def test_a_wiring_without_edges_has_nothing_to_cut() -> None:
    nothing = random_graph(6, 0)
    counted = cut(nothing, blocks(nothing, 2))
    assert (counted.share, counted.balance, counted.halo.sum()) == (0.0, 1.0, 0)


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_the_expected_halo_is_that_of_equal_neurons_shared_out_at_random(ranks: int) -> None:
    """Every neuron sends 20 edges to random others; owners are drawn at random, so 1 - 1 / ranks of the edges cross."""
    n, k, rng = 4000, 20, np.random.default_rng(0)
    post = np.concatenate([rng.choice(n, k, replace=False) for _ in range(n)])
    topology = Topology.of(n, np.repeat(np.arange(n), k), post, np.ones(n * k))
    counted = cut(topology, Partition(rng.integers(ranks, size=n), ranks, "random"))
    assert counted.halo.sum() == pytest.approx(expected_halo(n, n * k, ranks, 1 - 1 / ranks), rel=0.01)


def test_the_expected_halo_has_its_limits() -> None:
    assert expected_halo(100, 1000, 1, 0.0) == expected_halo(100, 1000, 4, 0.0) == 0
    assert expected_halo(100, 10**6, 4, 0.9) == pytest.approx(300)  # all neurons to all other ranks
    assert expected_halo(10**6, 10**7, 5, 1e-6) == pytest.approx(
        10, rel=1e-4
    )  # so few that each edge is a neuron of its own


@pytest.mark.parametrize("make", [blocks, partition])
@pytest.mark.parametrize("ranks", [0, -1, 7])
def test_more_ranks_than_neurons_or_none_are_refused(make: object, ranks: int) -> None:
    with pytest.raises(TopologyError, match="use 1 to 6 ranks"):
        make(random_graph(6, 9), ranks)  # type: ignore[operator]


def test_a_rank_without_neurons_and_a_partition_of_another_graph_are_refused() -> None:
    with pytest.raises(TopologyError, match="must own a neuron, but the owners are"):
        Partition(np.array([0, 0, 2]), 3, "hand")
    with pytest.raises(TopologyError, match="must own a neuron"):
        Partition(np.array([0, 1, 2]), 2, "hand")
    with pytest.raises(TopologyError, match="one of 5 neurons, but the topology has 6"):
        cut(random_graph(6, 9), blocks(random_graph(5, 9), 2))

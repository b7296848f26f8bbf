"""Which rank of a distributed run owns which neuron, and what that costs in edges, balance and traffic."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from scipy.sparse import csr_array

from anlage.errors import TopologyError
from anlage.topology.topology import Topology


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """One owner per neuron: a rank owns its neurons and every edge onto them. ``how`` says how it was found.

    Raises ``TopologyError`` when a rank owns no neuron, or an owner is not among ``0 .. ranks - 1``.
    """

    owner: Int[ndarray, " neuron"]
    ranks: int
    how: str

    def __post_init__(self) -> None:
        if not 1 <= self.ranks <= len(self.owner):
            raise TopologyError(
                f"{len(self.owner)} neurons were to be shared out over {self.ranks} ranks; use 1 to {len(self.owner)} ranks."
            )
        owners = np.unique(self.owner)
        if not np.array_equal(owners, np.arange(self.ranks)):
            raise TopologyError(
                f"Each of the ranks 0 to {self.ranks - 1} must own a neuron, but the owners are {owners.tolist()[:10]}; "
                f"use fewer ranks or another partition."
            )

    def own(self, rank: int) -> Int[ndarray, " own"]:
        """The neurons of one rank, ascending."""
        return np.flatnonzero(self.owner == rank)


def partition(topology: Topology, ranks: int) -> Partition:
    """Little to send, and as many edges onto each rank: by METIS where pymetis is installed, else contiguous blocks.

    METIS (Karypis & Kumar 1998, J Parallel Distrib Comput 48:96) minimises the volume of communication of the undirected graph,
    with a neuron weighing one more than it has edges onto it. It has a random stream of its own, always started alike.
    """
    if not 1 < ranks < topology.n_neurons:
        return blocks(topology, ranks)
    try:
        import pymetis
    except ImportError:
        return _instead(topology, ranks, "pip install 'anlage[distributed]' brings METIS, which leaves less to send")
    ones = csr_array((np.ones(topology.n_edges, np.int32), *_ends(topology)), shape=(topology.n_neurons,) * 2)
    both = (ones + ones.T).tocoo()
    between = both.row != both.col
    graph = csr_array((both.data[between], (both.row[between], both.col[between])), shape=both.shape)
    _, owner = pymetis.part_graph(
        ranks,
        adjacency=pymetis.CSRAdjacency(graph.indptr, graph.indices),
        eweights=graph.data,
        vweights=_work(topology),
        recursive=False,
        options=pymetis.Options(objtype=pymetis.ObjType.VOL, seed=0),
    )
    if len(set(owner)) < ranks:
        return _instead(topology, ranks, "METIS left a rank without neurons; fewer ranks would have less to send")
    return Partition(np.array(owner, np.int64), ranks, "METIS, least to send")


def _instead(topology: Topology, ranks: int, why: str) -> Partition:
    found = blocks(topology, ranks)
    return Partition(found.owner, ranks, f"{found.how} ({why})")


def blocks(topology: Topology, ranks: int) -> Partition:
    """Contiguous blocks in the topology's own order, with about as many edges onto each."""
    n = topology.n_neurons
    if not 1 <= ranks <= n:
        return Partition(np.zeros(n, np.int64), ranks, "")  # refuses
    done = np.cumsum(_work(topology))
    first = np.searchsorted(done, done[-1] * np.arange(1, ranks) / ranks, side="right")
    # A neuron with very many edges must not leave its neighbours' ranks without any neuron.
    step = np.arange(1, ranks)
    first = np.minimum(np.maximum.accumulate(np.maximum(first, 1) - step) + step, n - ranks + step)
    return Partition(np.searchsorted(first, np.arange(n), side="right"), ranks, "contiguous blocks, balanced by edges")


def _work(topology: Topology) -> Int[ndarray, " neuron"]:
    """What owning a neuron costs per tick, in edges."""
    return 1 + np.bincount(topology.post, minlength=topology.n_neurons)


def _ends(topology: Topology) -> tuple[Int[ndarray, " edge"], Int[ndarray, " neuron1"]]:
    return topology.pre, np.searchsorted(topology.post, np.arange(topology.n_neurons + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """What a partition costs, counted on a topology.

    ``near``, ``far``: edges onto each rank's neurons from its own and from others'. ``halo[i, j]``: how many neurons of rank
    ``j`` have an edge onto rank ``i``, whose activity ``j`` therefore sends to ``i`` at every tick.
    """

    neurons: Int[ndarray, " rank"]
    near: Int[ndarray, " rank"]
    far: Int[ndarray, " rank"]
    halo: Int[ndarray, "rank rank"]
    how: str

    @property
    def share(self) -> float:
        """Share of the edges that lead from one rank to another."""
        edges = int(self.near.sum() + self.far.sum())
        return int(self.far.sum()) / edges if edges else 0.0

    @property
    def balance(self) -> float:
        """Edges of the busiest rank over the mean, 1 at best: how much longer a tick takes than with equal shares."""
        edges = self.near + self.far
        return float(edges.max() / edges.mean()) if edges.any() else 1.0

    def sent_bytes(self, batch: int, itemsize: int = 4) -> Int[ndarray, " rank"]:
        """Bytes of activity that each rank sends per tick; of gradients it receives as many per tick of a backward pass."""
        sent: ndarray = self.halo.sum(0) * batch * itemsize
        return sent

    def __str__(self) -> str:
        edges, halo = int(self.near.sum() + self.far.sum()), self.halo.sum(1)
        return (
            f"{len(self.neurons)} ranks by {self.how}: {self.share:.1%} of {edges:,} edges cross; a rank owns "
            f"{self.neurons.min():,} to {self.neurons.max():,} neurons, hears {halo.min():,} to {halo.max():,} of others, and "
            f"has at most {self.balance:.2f} times the mean number of edges"
        )


def cut(topology: Topology, partition: Partition) -> Cut:
    """Count what crosses; O(edges log edges)."""
    if len(partition.owner) != topology.n_neurons:
        raise TopologyError(
            f"The partition is one of {len(partition.owner):,} neurons, but the topology has {topology.n_neurons:,}; "
            f"make one for this topology."
        )
    ranks, owner = partition.ranks, partition.owner.astype(np.int64)
    to, by = owner[topology.post], owner[topology.pre]
    crosses = to != by
    # A neuron is sent once to a rank, however many edges it has there.
    heard = np.unique(to[crosses] * topology.n_neurons + topology.pre[crosses])
    pairs = heard // max(topology.n_neurons, 1) * ranks + owner[heard % max(topology.n_neurons, 1)]
    return Cut(
        neurons=np.bincount(owner, minlength=ranks),
        near=np.bincount(to[~crosses], minlength=ranks),
        far=np.bincount(to[crosses], minlength=ranks),
        halo=np.bincount(pairs, minlength=ranks * ranks).reshape(ranks, ranks),
        how=partition.how,
    )


def expected_halo(n_neurons: int, n_edges: int, ranks: int, share: float) -> float:
    """Neurons that cross per tick, all ranks together, if a share of the edges crosses and goes anywhere.

    Each of ``n_edges`` edges leads with probability ``share / (ranks - 1)`` to a given rank other than its sender's. A neuron
    with ``k`` edges is heard there unless all ``k`` miss it; here every neuron has the mean ``k``. By Jensen's inequality
    neurons with unequal ``k`` are heard less, so this is an upper bound for a real wiring cut equally well at random.
    """
    if ranks == 1:
        return 0.0
    miss = np.log1p(-share / (ranks - 1)) * n_edges / n_neurons
    return float(-n_neurons * (ranks - 1) * np.expm1(miss))

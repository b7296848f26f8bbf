"""Controls that move edges."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.errors import ControlError
from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity
from anlage.topology.topology import Step, Topology


@final
@dataclass(frozen=True, slots=True)
class ErdosRenyi:
    """Edges between uniformly random ordered pairs; self-loops stay where they are.

    Weights are dealt out at random, so what is left is the number of neurons, of edges, and the multiset of weights.
    """

    name: ClassVar[str] = "erdos-renyi"
    keeps: ClassVar[frozenset[Quantity]] = frozenset(
        {q.N_NEURONS, q.N_EDGES, q.SELF_LOOPS, q.WEIGHT_MULTISET, q.SIGN_COUNTS}
    )
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph, uniform over all graphs with as many edges; O(edges)."""
        n, loops = topology.n_neurons, topology.self_loops()
        wanted = int((~loops).sum())
        if wanted >= n * (n - 1):
            raise ControlError(
                "Every pair of neurons is connected, so there is no other place for an edge; Erdos-Renyi cannot apply."
            )
        # Ordered pairs without self-pairs are numbered 0 .. n(n-1)-1: skip the diagonal when unpacking.
        number = rng.choice(n * (n - 1), size=wanted, replace=False, shuffle=False)
        post, pre = number // (n - 1), number % (n - 1)
        pre = pre + (pre >= post)
        weight = np.concatenate([topology.weight[loops], rng.permutation(topology.weight[~loops])])
        return topology.rewired(
            Step(self.name, {}, "Erdos & Renyi 1959, Publ Math Debrecen 6:290"),
            np.concatenate([topology.pre[loops], pre]),
            np.concatenate([topology.post[loops], post]),
            weight,
        )


@final
@dataclass(frozen=True, slots=True)
class DegreePreserving:
    """Directed rewiring by edge swaps: who meets whom is random, every neuron's in- and out-degree is kept.

    A weight stays with its presynaptic neuron, so out-strengths and each neuron's sign are kept too. Self-loops stay.
    ``swaps_per_edge`` is how often, on average, each edge is successfully swapped.
    """

    swaps_per_edge: float = 10.0

    name: ClassVar[str] = "degree-preserving"
    keeps: ClassVar[frozenset[Quantity]] = frozenset(
        {q.N_NEURONS, q.N_EDGES, q.SELF_LOOPS, q.IN_DEGREE, q.OUT_DEGREE, q.OUTGOING_WEIGHTS, q.NEURON_SIGN}
    )
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph of the ensemble; the history records the swaps done and the overlap half-way and at the end."""
        return _swapped(topology, np.zeros(topology.n_edges, dtype=np.int64), self.swaps_per_edge, rng, self.name)


@final
@dataclass(frozen=True, slots=True)
class BlockPreserving:
    """Degree-preserving rewiring within blocks: the number of edges between any two of ``blocks`` is kept as well.

    Blocks are named groups; neurons of none of them form one block more.
    """

    blocks: tuple[str, ...] = ("input", "inter", "output")
    swaps_per_edge: float = 10.0

    name: ClassVar[str] = "block-preserving"
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET})

    @property
    def keeps(self) -> frozenset[Quantity]:
        """All that degree-preserving rewiring keeps, and the block matrix."""
        return DegreePreserving.keeps | {q.block_quantity(self.blocks)}

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph of the ensemble."""
        block = q.blocks(topology, self.blocks)
        stratum = block[topology.post] * (len(self.blocks) + 1) + block[topology.pre]
        return _swapped(topology, stratum, self.swaps_per_edge, rng, self.name)


def _swapped(
    topology: Topology, stratum: Int[ndarray, " edge"], swaps_per_edge: float, rng: np.random.Generator, name: str
) -> Topology:
    """Swap targets among edges of one stratum until ``swaps_per_edge`` is reached."""
    movable = ~topology.self_loops()
    pre, post = topology.pre[movable].astype(np.int64), topology.post[movable].astype(np.int64)
    original, stratum, n = topology.key()[movable], stratum[movable], topology.n_neurons
    moved, overlap, rounds = 0, [], 0
    while moved < swaps_per_edge * len(pre):
        # Every fifth round moves three edges at once: pairs alone cannot reverse a directed triangle.
        moved_now = _swap_round(pre, post, stratum, n, 3 if rounds % 5 == 4 else 2, rng)
        moved, rounds = moved + moved_now, rounds + 1
        overlap.append(float(np.isin(post * n + pre, original, assume_unique=True).mean()))
        if rounds == 50 and moved == 0:
            break
    if not overlap or overlap[-1] == 1.0:
        raise ControlError(
            f"The control {name!r} found no edge that can be swapped in a graph of {n} neurons and {topology.n_edges} edges: "
            "its degrees allow no other graph, so it cannot be a null model here."
        )
    step = Step(
        name,
        {
            "swaps_per_edge": round(moved / len(pre), 2),
            "overlap_half_way": round(overlap[len(overlap) // 2], 4),
            "overlap_at_end": round(overlap[-1], 4),
        },
        "Rao, Jana & Bandyopadhyay 1996, Sankhya A 58:225; Maslov & Sneppen 2002, Science 296:910",
    )
    loops = ~movable
    return topology.rewired(
        step,
        np.concatenate([topology.pre[loops], pre]),
        np.concatenate([topology.post[loops], post]),
        np.concatenate([topology.weight[loops], topology.weight[movable]]),
    )


def _swap_round(
    pre: Int[ndarray, " edge"],
    post: Int[ndarray, " edge"],
    stratum: Int[ndarray, " edge"],
    n: int,
    size: int,
    rng: np.random.Generator,
) -> int:
    """Rotate the targets within random groups of ``size`` edges, all groups at once; changes ``post``, returns edges moved.

    The footprint of a group is its current edges and every edge that a rotation could give it. A group moves only when its
    footprint meets no other group's. Footprints are the same before and after a move, so a move and its reverse are equally
    likely, and the chain's stationary distribution is uniform over simple graphs with these degrees.
    """
    order = np.lexsort((rng.random(len(pre)), stratum))
    ranked = stratum[order]
    start = np.searchsorted(ranked, ranked)  # first position of each edge's stratum
    place = np.arange(len(order)) - start
    length = np.searchsorted(ranked, ranked, side="right") - start
    order = order[place < length // size * size]
    group = order.reshape(-1, size)
    a, b = pre[group], post[group]
    rotations = [np.roll(b, r, axis=1) for r in range(1, size)]
    # A rotation that makes a self-loop, or gives an edge back, is not a move; this too is the same before and after.
    possible = ~np.any([(a == t).any(axis=1) for t in rotations], axis=0)
    for i in range(size):
        for j in range(i):
            possible &= (a[:, i] != a[:, j]) & (b[:, i] != b[:, j])
    blocked = _conflicts(post * n + pre, group, [t * n + a for t in rotations], possible)
    go = possible & ~blocked
    chosen = rng.integers(1, size, size=len(group)) if size > 2 else np.ones(len(group), dtype=np.int64)
    for r, target in enumerate(rotations, start=1):
        now = go & (chosen == r)
        post[group[now]] = target[now]
    return int(go.sum()) * size


def _conflicts(
    current: Int[ndarray, " edge"],
    group: Int[ndarray, "group size"],
    wanted: list[Int[ndarray, "group size"]],
    possible: ndarray,
) -> ndarray:
    """Which groups share a footprint entry with another group, or with an edge of no group; boolean per group."""
    n_groups, size = group.shape
    owner = np.full(len(current), n_groups)  # edges of no group belong to nobody, number n_groups
    owner[group.ravel()] = np.repeat(np.arange(n_groups), size)
    rows = np.flatnonzero(possible)
    keys = np.concatenate([current, *[w[rows].ravel() for w in wanted]])
    owners = np.concatenate([owner, *[np.repeat(rows, size) for _ in wanted]])
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    # Neighbours in sorted order are enough: along a run of equal keys every group meets a different owner if there is one,
    # because a group never lists the same key twice.
    twin = keys[1:] == keys[:-1]
    blocked = np.zeros(n_groups + 1, dtype=bool)
    blocked[owners[1:][twin]] = True
    blocked[owners[:-1][twin]] = True
    return blocked[:n_groups]

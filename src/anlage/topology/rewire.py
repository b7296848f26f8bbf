"""Controls that move edges."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Bool, Int
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
        if not wanted:
            raise ControlError("There is no edge between two neurons to move; Erdos-Renyi cannot apply.")
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
    ``swaps_per_edge`` is about how often, on average, each edge is successfully swapped; the history has the exact number.
    """

    swaps_per_edge: float = 10.0

    name: ClassVar[str] = "degree-preserving"
    keeps: ClassVar[frozenset[Quantity]] = frozenset(
        {q.N_NEURONS, q.N_EDGES, q.SELF_LOOPS, q.IN_DEGREE, q.OUT_DEGREE, q.OUTGOING_WEIGHTS, q.NEURON_SIGN}
    )
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph of the ensemble; the history records the swaps done and the overlap half-way and at the end."""
        return swapped(topology, np.zeros(topology.n_edges, dtype=np.int64), self.swaps_per_edge, rng, self.name)


@final
@dataclass(frozen=True, slots=True)
class BlockPreserving:
    """Degree-preserving rewiring within blocks: every neuron keeps its in- and out-degree with each of ``blocks``.

    The number of edges between any two blocks is then kept as well. Blocks are named groups; neurons of none of them form one
    block more.
    """

    blocks: tuple[str, ...] = ("input", "inter", "output")
    swaps_per_edge: float = 10.0

    name: ClassVar[str] = "block-preserving"
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET})

    @property
    def keeps(self) -> frozenset[Quantity]:
        """All that degree-preserving rewiring keeps, the block matrix, and the degrees with each block."""
        return DegreePreserving.keeps | {q.block_quantity(self.blocks), q.block_degree_quantity(self.blocks)}

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph of the ensemble."""
        block = q.blocks(topology, self.blocks)
        stratum = block[topology.post] * (len(self.blocks) + 1) + block[topology.pre]
        return swapped(topology, stratum, self.swaps_per_edge, rng, self.name)


Allow = Callable[
    [Int[ndarray, "group size"], Int[ndarray, "group size"], Int[ndarray, "group size"]], Bool[ndarray, " group"]
]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a chain of swaps asks beyond degrees and strata: ``allow`` says by sources, old and new targets which groups may turn.

    It must allow a turn exactly where it allows the turn back, or the chain is not uniform.
    """

    allow: Allow | None = None
    reference: str = "Rao, Jana & Bandyopadhyay 1996, Sankhya A 58:225; Maslov & Sneppen 2002, Science 296:910"


PATIENCE = 1000
"""Rounds per wanted swap after which a graph counts as fixed by its degrees; real connectomes need 2 to 100."""


def swapped(
    topology: Topology,
    stratum: Int[ndarray, " edge"],
    swaps_per_edge: float,
    rng: np.random.Generator,
    name: str,
    rule: Rule | None = None,
) -> Topology:
    """Swap targets among edges of one stratum, where the rule allows it, until ``swaps_per_edge`` is reached."""
    rule = rule or Rule()
    movable = ~topology.self_loops()
    pre, post = topology.pre[movable].astype(np.int64), topology.post[movable].astype(np.int64)
    stratum, n = stratum[movable], topology.n_neurons
    told = walk(
        topology,
        swaps_per_edge,
        name,
        lambda number: _swap_round(pre, post, stratum, n, number, rng, rule.allow),
        lambda: post * n + pre,
    )
    loops = ~movable
    return topology.rewired(
        Step(name, told, rule.reference),
        np.concatenate([topology.pre[loops], pre]),
        np.concatenate([topology.post[loops], post]),
        np.concatenate([topology.weight[loops], topology.weight[movable]]),
    )


def walk(
    topology: Topology,
    swaps_per_edge: float,
    name: str,
    turn: Callable[[int], int],
    key: Callable[[], Int[ndarray, " edge"]],
) -> dict[str, object]:
    """Call ``turn`` with the number of the round until ``swaps_per_edge`` is reached; it answers how many edges it moved.

    Stopping at a count of successful swaps would favour graphs from which many swaps are possible (Artzy-Randrup & Stone 2005,
    Phys Rev E 72:056708). So only the first half is counted; the second half takes as many rounds again, whatever they bring.
    Gives what the history should tell; ``key`` gives the edges as they are now, self-loops left out.
    """
    if not 0 < swaps_per_edge < np.inf:
        raise ControlError(f"The control {name!r} needs a positive number of swaps per edge, not {swaps_per_edge}.")
    original = topology.key()[~topology.self_loops()]
    n_edges = len(original)

    def overlap() -> float:
        return float(np.isin(key(), original, assume_unique=True).mean())

    moved = rounds = 0
    while not n_edges or 2 * moved < swaps_per_edge * n_edges:
        if not n_edges or rounds >= PATIENCE * swaps_per_edge or (rounds >= PATIENCE and not moved):
            raise ControlError(
                f"The control {name!r} found {moved} edges to swap in {rounds} rounds on a graph of {topology.n_neurons} neurons "
                f"and {topology.n_edges} edges: its degrees allow no other graph, or hardly any, so it cannot be a null model "
                "here."
            )
        moved, rounds = moved + turn(rounds), rounds + 1
    half, half_way = rounds, overlap()
    # A member of the ensemble that is the original itself would not be a control; the chain then runs on.
    while rounds == half or overlap() == 1.0:
        for _ in range(half):
            moved, rounds = moved + turn(rounds), rounds + 1
    return {
        "swaps_per_edge": round(moved / n_edges, 2),
        "overlap_half_way": round(half_way, 4),
        "overlap_at_end": round(overlap(), 4),
    }


def _swap_round(
    pre: Int[ndarray, " edge"],
    post: Int[ndarray, " edge"],
    stratum: Int[ndarray, " edge"],
    n: int,
    number: int,
    rng: np.random.Generator,
    allow: Allow | None,
) -> int:
    """Turn the targets within random groups of edges, all groups at once; changes ``post``, returns edges moved.

    Groups are pairs; in every fifth round triples, because pairs alone cannot reverse a directed triangle. The turn of a group
    is drawn first, staying included, which keeps the chain from alternating. The footprint of a group is its current edges and
    those it would get; it moves only when its footprint meets no other group's. The turn back is as likely, and has the same
    footprint, so a move and its reverse are equally likely, and the chain is uniform over simple graphs with these degrees.
    """
    size = 3 if number % 5 == 4 else 2
    order = np.lexsort((rng.random(len(pre)), stratum))
    ranked = stratum[order]
    start = np.searchsorted(ranked, ranked)  # first position of each edge's stratum
    place = np.arange(len(order)) - start
    length = np.searchsorted(ranked, ranked, side="right") - start
    group = order[place < length // size * size].reshape(-1, size)
    turn = rng.integers(size, size=(len(group), 1))
    source, target = pre[group], np.take_along_axis(post[group], (np.arange(size) + turn) % size, axis=1)
    possible = (turn[:, 0] > 0) & (source != target).all(axis=1)
    for i in range(size):
        for j in range(i):
            possible &= (source[:, i] != source[:, j]) & (target[:, i] != target[:, j])
    if allow:
        possible &= allow(source, post[group], target)
    go = possible & ~_conflicts(post * n + pre, group, target * n + source, possible)
    post[group[go]] = target[go]
    return int(go.sum()) * size


def _conflicts(
    current: Int[ndarray, " edge"],
    group: Int[ndarray, "group size"],
    wanted: Int[ndarray, "group size"],
    possible: Bool[ndarray, " group"],
) -> Bool[ndarray, " group"]:
    """Which groups share a footprint entry with another group, or with an edge of no group."""
    n_groups, size = group.shape
    owner = np.full(len(current), n_groups)  # edges of no group belong to nobody, number n_groups
    owner[group.ravel()] = np.repeat(np.arange(n_groups), size)
    keys = np.concatenate([current, wanted[possible].ravel()])
    owners = np.concatenate([owner, np.repeat(np.flatnonzero(possible), size)])
    return shared(keys, owners, n_groups)


def shared(keys: Int[ndarray, " entry"], owners: Int[ndarray, " entry"], n_groups: int) -> Bool[ndarray, " {n_groups}"]:
    """Which groups have a key that another owner has too; a group lists no key twice. Owner ``n_groups`` is nobody."""
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    # Neighbours in sorted order are enough: along a run of equal keys every group meets a different owner if there is one,
    # because no group lists a key twice.
    twin = keys[1:] == keys[:-1]
    blocked = np.zeros(n_groups + 1, dtype=bool)
    blocked[owners[1:][twin]] = True
    blocked[owners[:-1][twin]] = True
    return blocked[:n_groups]

"""What joins two neurons, and how copies of such joints are joined anew."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from anlage.topology.resized import deal, gathered, rank, shuffled
from anlage.topology.topology import Topology

PATIENCE = 100
"""Rounds of exchanges after which ties that still fall on each other are given up."""


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """What joins two neurons of the original: one edge, or one each way. Self-loops are no ties.

    ``weight`` is that of the edge ``pre -> post``, ``back`` that of ``post -> pre`` where the tie is ``mutual``. Ties of one
    ``stratum`` join the same two blocks in the same way, and only they exchange ends; they lie one after the other. Ties of one
    ``pair`` join the same two blocks in any way, and only they can fall on each other.
    """

    pre: Int[ndarray, " tie"]
    post: Int[ndarray, " tie"]
    weight: Float[ndarray, " tie"]
    back: Float[ndarray, " tie"]
    mutual: Bool[ndarray, " tie"]
    stratum: Int[ndarray, " tie"]
    pair: Int[ndarray, " tie"]


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """One end each of ties to be: the newcomer that has it, and the tie of the original that it was copied from."""

    neuron: Int[ndarray, " end"]
    tie: Int[ndarray, " end"]


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """New ties, stratum after stratum, each with a newcomer at one end at least.

    ``out`` and ``into`` number the ties of the original that the ends at ``pre`` and ``post`` were copied from.
    """

    pre: Int[ndarray, " new"]
    post: Int[ndarray, " new"]
    out: Int[ndarray, " new"]
    into: Int[ndarray, " new"]

    def taken(self, rows: ndarray) -> "Joined":
        """Some of these ties, in another order."""
        return Joined(self.pre[rows], self.post[rows], self.out[rows], self.into[rows])


def ties_of(topology: Topology, block: Int[ndarray, " neuron"], rng: np.random.Generator) -> Ties:
    """The ties of a topology. ``rng`` decides which end of a mutual tie within one block counts as its beginning."""
    pre, post, key = topology.pre.astype(np.int64), topology.post.astype(np.int64), topology.key()
    mirror = np.searchsorted(key, pre * topology.n_neurons + post) % max(1, len(key))
    loop = topology.self_loops()
    mutual = (pre[mirror] == post) & (post[mirror] == pre) & ~loop
    # A tie of two edges is listed once: from the lower block, and within a block from a random end.
    coin = rng.random(len(pre))
    first = np.where(block[pre] == block[post], coin > coin[mirror], block[pre] < block[post])
    use = ~loop & (~mutual | first)
    sender, receiver = block[pre[use]], block[post[use]]
    n_blocks = int(block.max(initial=0)) + 1
    pair = np.minimum(sender, receiver) * n_blocks + np.maximum(sender, receiver)
    stratum = np.unique((pair * 2 + mutual[use]) * 2 + (sender < receiver), return_inverse=True)[1]
    order = gathered(stratum)
    rows = np.flatnonzero(use)[order]
    weight = topology.weight
    return Ties(pre[rows], post[rows], weight[rows], weight[mirror[rows]], mutual[rows], stratum[order], pair[order])


def free_ends(end: Int[ndarray, " tie"], newcomer: Int[ndarray, " new"], n: int) -> Ends:
    """A copy for every newcomer of each end that its parent has; ``end`` is the neuron at one end of every tie."""
    order, n_children = np.argsort(newcomer, kind="stable"), np.bincount(newcomer, minlength=n)
    first = np.cumsum(n_children) - n_children
    tie = np.repeat(np.arange(len(end)), n_children[end])
    return Ends(n + order[first[end[tie]] + rank(n_children[end])], tie)


def join(ties: Ties, out: Ends, into: Ends, rng: np.random.Generator) -> Joined:
    """Join the free ends of newcomers to one another and to the original, at random within each stratum.

    Newcomers meet one another as often as they would if the ends of originals were free too and all were joined blindly.
    """
    n_strata = int(ties.stratum.max(initial=-1)) + 1

    def count(tie: ndarray) -> ndarray:
        return np.bincount(ties.stratum[tie], minlength=n_strata)

    n_out, n_into, n_core = count(out.tie), count(into.tie), np.bincount(ties.stratum, minlength=n_strata)
    expected = n_out * n_into / (n_core + (n_out + n_into) / 2)
    n_among = np.minimum(np.floor(expected + rng.random(n_strata)).astype(np.int64), np.minimum(n_out, n_into))
    sides = []
    for ends, total in ((out, n_out), (into, n_into)):
        order = shuffled(ties.stratum[ends.tie], rng)
        among = rank(total) < np.repeat(n_among, total)
        sides += [Ends(ends.neuron[rows], ends.tie[rows]) for rows in (order[~among], order[among])]
    out_rest, out_among, into_rest, into_among = sides
    core_into, core_out = deal(ties.stratum, n_out - n_among, rng), deal(ties.stratum, n_into - n_among, rng)
    tie = np.concatenate([out_rest.tie, out_among.tie, core_out])
    return Joined(
        np.concatenate([out_rest.neuron, out_among.neuron, ties.pre[core_out]]),
        np.concatenate([ties.post[core_into], into_among.neuron, into_rest.neuron]),
        tie,
        np.concatenate([core_into, into_among.tie, into_rest.tie]),
    ).taken(gathered(ties.stratum[tie]))


def part(joined: Joined, ties: Ties, n: int, n_all: int, rng: np.random.Generator) -> tuple[Joined, int]:
    """The same with no two ties between the same two neurons and none from a neuron to itself, and how many had to go for it.

    Every newcomer keeps its ends. An original in a clash gives way to another, drawn by its share of the stratum's ends; two
    newcomers exchange ends with other ties of their stratum. Where newcomers are so few that this does not help, both meet
    an original instead.
    """
    rows, stratum = np.arange(len(joined.pre)), ties.stratum[joined.out]
    for number in range(PATIENCE):
        clash = rows[_clashes(joined.pre[rows], joined.post[rows], n_all, number % 4 < 2)]
        if not len(clash):
            return joined, 0
        if number == PATIENCE // 2:
            joined, clash = _split(joined, clash, ties, n)
            rows, stratum = np.arange(len(joined.pre)), ties.stratum[joined.out]
        # Where all is well it stays so: ties of other pairs of blocks need not be looked at again.
        rows = rows[np.isin(ties.pair[joined.out[rows]], ties.pair[joined.out[clash]])]
        for neuron, tie, ends in ((joined.pre, joined.out, ties.pre), (joined.post, joined.into, ties.post)):
            old = clash[neuron[clash] < n]
            tie[old] = _any_of(ties.stratum, stratum[old], rng)
            neuron[old] = ends[tie[old]]
        among = clash[(joined.pre[clash] >= n) & (joined.post[clash] >= n)]
        _exchange(joined, among, stratum, number % 2 == 0, n, rng)
    lost = _clashes(joined.pre, joined.post, n_all, True)
    return joined.taken(np.flatnonzero(~lost)), int(lost.sum())


def _any_of(
    sorted_: Int[ndarray, " item"], wanted: Int[ndarray, " row"], rng: np.random.Generator
) -> Int[ndarray, " row"]:
    """For each wanted value, the place of a random one of its like in a sorted array."""
    first, end = np.searchsorted(sorted_, wanted), np.searchsorted(sorted_, wanted, side="right")
    return rng.integers(first, end)


def _exchange(
    joined: Joined,
    rows: Int[ndarray, " row"],
    stratum: Int[ndarray, " new"],
    at_post: bool,
    n: int,
    rng: np.random.Generator,
) -> None:
    """Let these ties and as many others of their strata exchange targets, or sources; changes ``joined``.

    Only ties whose other end is a newcomer take part, so that no tie between two originals can come of it.
    """
    fixed, ends = (joined.pre, (joined.post, joined.into)) if at_post else (joined.post, (joined.pre, joined.out))
    rows = np.union1d(rows, _any_of(stratum, stratum[rows], rng))
    rows = rows[fixed[rows] >= n]
    order = rows[np.lexsort((rng.random(len(rows)), stratum[rows]))]
    for end in ends:
        end[rows] = end[order]


def _split(joined: Joined, clash: Int[ndarray, " clash"], ties: Ties, n: int) -> tuple[Joined, Int[ndarray, " clash2"]]:
    """Each tie between newcomers in ``clash`` as two ties with originals; the new places of all that clash."""
    halved = (joined.pre[clash] >= n) & (joined.post[clash] >= n)
    twin = clash[halved]
    order = np.sort(np.concatenate([np.arange(len(joined.pre)), twin]))
    more = joined.taken(order)
    twins = np.flatnonzero(np.diff(order) == 0)  # and the place after each
    more.into[twins] = more.out[twins]
    more.post[twins] = ties.post[more.into[twins]]
    more.out[twins + 1] = more.into[twins + 1]
    more.pre[twins + 1] = ties.pre[more.out[twins + 1]]
    return more, np.flatnonzero(np.isin(order, clash))


def _clashes(
    pre: Int[ndarray, " new"], post: Int[ndarray, " new"], n_all: int, first_stays: bool
) -> Bool[ndarray, " new"]:
    """Ties that join a neuron with itself, or two neurons that a tie before (or else: after) them joins."""
    key = np.minimum(pre, post) * n_all + np.maximum(pre, post)
    order = np.argsort(key, kind="stable")
    twin = key[order[1:]] == key[order[:-1]]
    clash = pre == post
    clash[order[1:] if first_stays else order[:-1]] |= twin
    return np.asarray(clash)


def new_edges(
    ties: Ties, joined: Joined, kept: bool, rng: np.random.Generator
) -> tuple[Int[ndarray, " edge"], Int[ndarray, " edge"], Float[ndarray, " edge"]]:
    """Pre, post and weight of the edges of all ties.

    Weights are ``kept`` with the neuron that sends them, or else dealt out evenly within each stratum.
    """
    if kept:
        forward, backward = ties.weight[joined.out], ties.back[joined.into]
    else:
        dealt = deal(ties.stratum, np.bincount(ties.stratum[joined.out]), rng)
        forward, backward = ties.weight[dealt], ties.back[dealt]
    both = ties.mutual[joined.out]
    return (
        np.concatenate([joined.pre, joined.post[both]]),
        np.concatenate([joined.post, joined.pre[both]]),
        np.concatenate([forward, backward[both]]),
    )

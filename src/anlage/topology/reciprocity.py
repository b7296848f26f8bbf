"""A control that keeps who answers whom in number, and moves who that is."""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity
from anlage.topology.rewire import DegreePreserving, shared, walk
from anlage.topology.topology import Step, Topology


@final
@dataclass(frozen=True, slots=True)
class ReciprocityPreserving:
    """Degree-preserving rewiring that keeps every neuron's number of mutual pairs.

    One-way edges swap targets among themselves and never close a pair; mutual pairs swap partners among themselves and stay
    mutual. A weight stays with its presynaptic neuron, and with the kind of edge it was on. Self-loops stay.
    """

    swaps_per_edge: float = 10.0

    name: ClassVar[str] = "reciprocity-preserving"
    keeps: ClassVar[frozenset[Quantity]] = DegreePreserving.keeps | {q.MUTUAL_DEGREE, q.RECIPROCITY}
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph; raises ``ControlError`` where degrees and mutual pairs allow no other, or hardly any."""
        ties, n, loops = _Ties.of(topology), topology.n_neurons, topology.self_loops()

        def turn(number: int) -> int:
            nonlocal ties
            ties, moved = _round(ties, n, number, rng)
            return moved

        told = walk(topology, self.swaps_per_edge, self.name, turn, lambda: ties.key(n))
        reference = "Milo et al. 2004, Science 303:1538; Squartini & Garlaschelli 2011, New J Phys 13:083001"
        pre, post, weight = ties.edges()
        return topology.rewired(
            Step(self.name, told, reference),
            np.concatenate([topology.pre[loops], pre]),
            np.concatenate([topology.post[loops], post]),
            np.concatenate([topology.weight[loops], weight]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Ties:
    """One-way edges ``pre`` -> ``post``, and mutual pairs of ``left`` and ``right`` with the weight that each of them sends."""

    pre: Int[ndarray, " edge"]
    post: Int[ndarray, " edge"]
    weight: Float[ndarray, " edge"]
    left: Int[ndarray, " pair"]
    right: Int[ndarray, " pair"]
    left_weight: Float[ndarray, " pair"]
    right_weight: Float[ndarray, " pair"]

    @classmethod
    def of(cls, topology: Topology) -> "_Ties":
        pre, post = topology.pre.astype(np.int64), topology.post.astype(np.int64)
        both, loops = q.mutual(topology), topology.self_loops()
        alone, first = ~both & ~loops, both & (pre < post)
        back = np.searchsorted(topology.key(), pre[first] * topology.n_neurons + post[first])
        weight = topology.weight
        return cls(pre[alone], post[alone], weight[alone], pre[first], post[first], weight[first], weight[back])

    def edges(self) -> tuple[Int[ndarray, " all"], Int[ndarray, " all"], Float[ndarray, " all"]]:
        return (
            np.concatenate([self.pre, self.left, self.right]),
            np.concatenate([self.post, self.right, self.left]),
            np.concatenate([self.weight, self.left_weight, self.right_weight]),
        )

    def key(self, n: int) -> Int[ndarray, " all"]:
        pre, post, _ = self.edges()
        key: ndarray = post * n + pre
        return key


def _round(ties: _Ties, n: int, number: int, rng: np.random.Generator) -> tuple[_Ties, int]:
    """Targets of one-way edges turn, then right sides of mutual pairs; gives the new ties and how many edges moved."""
    size = 3 if number % 5 == 4 else 2  # a directed triangle can only be reversed by three
    pairs = _dyad(ties.left, ties.right, n)
    group, turned = _turns(ties.pre, ties.post, pairs, size, n, rng)
    post = ties.post.copy()
    post[group] = ties.post[turned]
    # Which neuron of a pair is on the left must not matter, so it is drawn anew.
    flip = rng.random(len(ties.left)) < 0.5
    left, right = np.where(flip, ties.right, ties.left), np.where(flip, ties.left, ties.right)
    left_weight = np.where(flip, ties.right_weight, ties.left_weight)
    right_weight = np.where(flip, ties.left_weight, ties.right_weight)
    pair, swapped = _turns(left, right, _dyad(ties.pre, post, n), 2, n, rng)
    right[pair], right_weight[pair] = right[swapped], right_weight[swapped]
    made = replace(ties, post=post, left=left, right=right, left_weight=left_weight, right_weight=right_weight)
    return made, group.size + 2 * pair.size


def _dyad(one: Int[ndarray, "*any"], other: Int[ndarray, "*any"], n: int) -> Int[ndarray, "*any"]:
    """One number per unordered pair of neurons."""
    dyad: ndarray = np.minimum(one, other) * n + np.maximum(one, other)
    return dyad


def _turns(
    source: Int[ndarray, " tie"],
    target: Int[ndarray, " tie"],
    others: Int[ndarray, " other"],
    size: int,
    n: int,
    rng: np.random.Generator,
) -> tuple[Int[ndarray, "group size"], Int[ndarray, "group size"]]:
    """Random groups of ties that may turn their targets, and the ties whose targets they get.

    As in ``rewire``, all groups move at once, and only those whose footprint meets nobody else's. The footprint is made of
    unordered pairs here, so that no move can open or close a mutual pair; ``others`` are the pairs of the ties of the other kind.
    """
    group = rng.permutation(len(source))[: len(source) // size * size].reshape(-1, size)
    turn = rng.integers(size, size=(len(group), 1))
    turned = np.take_along_axis(group, (np.arange(size) + turn) % size, axis=1)
    a, b = source[group], target[turned]
    possible: Bool[ndarray, " group"] = (turn[:, 0] > 0) & (a != b).all(axis=1)
    wanted = _dyad(a, b, n)
    for i in range(size):
        for j in range(i):
            possible &= (a[:, i] != a[:, j]) & (b[:, i] != b[:, j]) & (wanted[:, i] != wanted[:, j])
    owner = np.full(len(source), len(group))
    owner[group.ravel()] = np.repeat(np.arange(len(group)), size)
    keys = np.concatenate([_dyad(source, target, n), others, wanted[possible].ravel()])
    owners = np.concatenate([owner, np.full(len(others), len(group)), np.repeat(np.flatnonzero(possible), size)])
    # Reversing a triangle wants the very pairs that it has: each counts once.
    entries = np.unique(np.stack([keys, owners]), axis=1)
    go = possible & ~shared(entries[0], entries[1], len(group))
    return group[go], turned[go]

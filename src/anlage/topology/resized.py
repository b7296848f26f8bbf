"""A topology made larger or smaller, and where each of its neurons comes from."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.errors import TopologyError
from anlage.topology import quantity as q
from anlage.topology.topology import Topology

Blocks = tuple[str, ...] | Int[ndarray, " neuron"] | None
"""How neurons are divided: names of groups, one number per neuron, or None for cell class and side."""


@dataclass(frozen=True, slots=True, eq=False)
class Resized:
    """``topology``, made from ``original``: neuron ``i`` takes after neuron ``parent[i]`` of the original.

    ``block`` is the number of the block of each neuron of the original. A neuron has its parent's block and groups.
    """

    original: Topology
    topology: Topology
    parent: Int[ndarray, " neuron"]
    block: Int[ndarray, " _"]

    def __repr__(self) -> str:
        return f"<Resized from {self.original.n_neurons:,} neurons and {self.original.n_edges:,} edges to {self.topology!r}>"


def block_numbers(topology: Topology, blocks: Blocks) -> Int[ndarray, " neuron"]:
    """The block of each neuron, numbered from 0 without gaps.

    By names of groups, the first that a neuron belongs to counts, and neurons of none form one block more. With None a block is
    one cell class on one side of the body, or one role on one side where no classes are known.

    Raises ``UnknownName`` for an unknown group and ``TopologyError`` when numbers do not fit the neurons.
    """
    if isinstance(blocks, ndarray):
        if len(blocks) != topology.n_neurons:
            raise TopologyError(
                f"Blocks were given for {len(blocks)} neurons, but the topology has {topology.n_neurons}; give each neuron one "
                "number."
            )
        label = blocks
    elif blocks is not None:
        label = q.blocks(topology, blocks)
    else:
        sides = tuple(name for name in topology.groups if name.startswith("side:"))
        classes = tuple(name for name in topology.groups if name.startswith("class:"))
        roles = tuple(name for name in topology.groups if name in ("input", "inter", "output"))
        label = q.blocks(topology, classes or roles) * (len(sides) + 1) + q.blocks(topology, sides)
    return np.asarray(np.unique(label, return_inverse=True)[1])


def inherited(topology: Topology, parent: Int[ndarray, " row"]) -> dict[str, Int[ndarray, " _"]]:
    """The groups of ``topology`` for rows that each take after one of its neurons."""

    def heirs(members: ndarray) -> ndarray:
        member = np.zeros(topology.n_neurons, dtype=bool)
        member[members] = True
        return np.flatnonzero(member[parent])

    return {name: heirs(members) for name, members in topology.groups.items()}


def apportion(size: Int[ndarray, " block"], factor: float, rng: np.random.Generator) -> Int[ndarray, " block"]:
    """Whole sizes nearest to ``factor * size`` whose sum is ``factor`` times the sum, rounded: largest remainders first.

    ``rng`` decides between equal remainders, which would else favour one side of a symmetric body.
    """
    exact = np.round(factor * size, 9)
    whole = np.floor(exact).astype(np.int64)
    left = round(factor * int(size.sum())) - int(whole.sum())
    whole[np.lexsort((rng.random(len(size)), whole - exact))[:left]] += 1
    return whole


def shuffled(group: Int[ndarray, " item"], rng: np.random.Generator) -> Int[ndarray, " item"]:
    """Item numbers, group after group, in random order within each."""
    order = rng.permutation(len(group))
    return np.asarray(order[gathered(group[order])])


def gathered(group: Int[ndarray, " item"]) -> Int[ndarray, " item"]:
    """Item numbers, group after group, otherwise in the order given."""
    # NumPy sorts 16-bit integers stably in linear time.
    small = group.astype(np.uint16) if group.max(initial=0) < 2**16 else group
    return np.asarray(np.argsort(small, kind="stable"))


def deal(
    group: Int[ndarray, " item"], count: Int[ndarray, " group"], rng: np.random.Generator
) -> Int[ndarray, " dealt"]:
    """``count[g]`` items of each group ``g``, every one as often as any other of its group, give or take one.

    The result lists group after group. A group without items must have a count of 0.
    """
    order, size = shuffled(group, rng), np.bincount(group, minlength=len(count))
    number = np.repeat(np.arange(len(count)), count)
    return np.asarray(order[(np.cumsum(size) - size)[number] + rank(count) % size[number]])


def rank(count: Int[ndarray, " group"]) -> Int[ndarray, " item"]:
    """0, 1, 2, ... within each of several groups laid out one after the other, ``count`` of each."""
    return np.asarray(np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count))

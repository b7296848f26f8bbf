"""Grow a wiring larger: newcomers that connect as the neurons of their block do, around the original as it is."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.errors import TopologyError, UnknownName
from anlage.topology.resized import Blocks, Resized, apportion, block_numbers, deal, inherited, rank
from anlage.topology.tie import free_ends, join, new_edges, part, ties_of
from anlage.topology.topology import Step, Topology

SignUnit = Literal["neuron", "edge"]
REFERENCE = "Yu et al. 2025, arXiv 2507.10951; Karrer & Newman 2011, Phys Rev E 83:016107"


def expand(
    topology: Topology,
    factor: float,
    rng: np.random.Generator,
    *,
    blocks: Blocks = None,
    signs: SignUnit = "neuron",
) -> Resized:
    """``factor`` times as many neurons, about ``factor`` times as many edges; the original comes first and stays as it is.

    Each newcomer takes after one neuron of its block, its parent, and all neurons of a block are parents equally often, give
    or take one. With every block a newcomer has exactly as many edges out, in, and both ways as its parent, and its parent's
    self-loop and groups. Whom it meets is random among originals and newcomers alike, in proportion to their own edges with
    that block. As the original keeps its edges too, its neurons end up with ``2 - 1 / factor`` times the edges they had.

    ``blocks``: see ``block_numbers``.
    ``signs``: per ``neuron``, a newcomer sends the weights that its parent sends to that block, so that Dale's law holds where
    it held; per ``edge``, weights, and signs with them, are dealt out among the new edges from one block to another.

    For a whole factor neuron ``i`` takes after neuron ``i % n`` of the ``n`` originals. Time and memory are proportional to the
    edges made. Raises ``TopologyError`` for a factor below 1 and ``UnknownName`` for unknown groups or signs.

    After Yu et al. 2025 (arXiv 2507.10951), with numbers of edges in place of expected synapses: the microcanonical
    (Peixoto 2017, Phys Rev E 95:012317) form of the degree-corrected block model (Karrer & Newman 2011, Phys Rev E 83:016107).
    """
    if not 1 <= factor < np.inf:
        raise TopologyError(
            f"The factor of an expansion is {factor}, but must be a finite number of at least 1; use shrink for less."
        )
    if signs not in get_args(SignUnit):
        raise UnknownName("unit of signs", signs, get_args(SignUnit))
    n, block = topology.n_neurons, block_numbers(topology, blocks)
    size = np.bincount(block)
    newcomer = _one_of_each_first(deal(block, apportion(size, factor, rng) - size, rng))
    ties = ties_of(topology, block, rng)
    joined = join(ties, free_ends(ties.pre, newcomer, n), free_ends(ties.post, newcomer, n), rng)
    n_all = n + len(newcomer)
    joined, given_up = part(joined, ties, n, n_all, rng)
    pre, post, weight = new_edges(ties, joined, signs == "neuron", rng)
    own, strength = _self_loops(topology, newcomer)
    parent = np.concatenate([np.arange(n), newcomer])
    named = blocks if isinstance(blocks, tuple) else len(size)
    decided = {"factor": float(factor), "neurons": n, "blocks": named, "signs": signs, "ties_given_up": given_up}
    larger = Topology.of(
        n_all,
        np.concatenate([topology.pre, pre, own], dtype=np.int32),
        np.concatenate([topology.post, post, own], dtype=np.int32),
        np.concatenate([topology.weight, weight, strength]),
        groups=inherited(topology, parent),
        history=(*topology.history, Step("expand", decided, REFERENCE)),
    )
    return Resized(topology, larger, parent, block)


def _self_loops(
    topology: Topology, newcomer: Int[ndarray, " new"]
) -> tuple[Int[ndarray, " loop"], Float[ndarray, " loop"]]:
    """Newcomers whose parents have a self-loop, and its weight."""
    loop = topology.self_loops()
    place = np.full(topology.n_neurons, -1)
    place[topology.pre[loop]] = np.flatnonzero(loop)
    looping = np.flatnonzero(place[newcomer] >= 0)
    return topology.n_neurons + looping, topology.weight[place[newcomer[looping]]]


def _one_of_each_first(parent: Int[ndarray, " new"]) -> Int[ndarray, " new"]:
    """The same parents, each of them once in order, then again those that have another newcomer, and so on."""
    parent = np.sort(parent)
    turn = rank(np.bincount(parent))
    return parent[np.lexsort((parent, turn))]

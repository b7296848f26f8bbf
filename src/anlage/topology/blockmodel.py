"""The shortest description of a wiring as groups of neurons that meet every other group alike.

A directed, signed, degree-corrected stochastic block model. Where modularity looks for neurons that meet one another, this looks
for neurons that meet the *same others*: a layer that only sends forward, or sisters that never touch, is a part too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import svds
from scipy.special import gammaln

from anlage.errors import TopologyError
from anlage.seed import Seed
from anlage.topology.divide import Assignment
from anlage.topology.structure import numbered, part_names, stability
from anlage.topology.topology import Step, Topology

REFERENCE = (
    "Karrer & Newman 2011, Phys Rev E 83:016107; Peixoto 2017, Phys Rev E 95:012317; signs as layers: Peixoto 2015, "
    "Phys Rev E 92:042807"
)
MERGE = 0.1
"""Share of the parts that disappear in one round of merging."""
UNSEEN = 0.1
"""Edges added to every count when rates are estimated, so that a pair of parts that has none may still get one."""


@final
@dataclass(frozen=True, slots=True)
class BlockModel:
    """Divide so that the wiring takes the fewest nats to write down: see ``description_length``.

    The number of parts follows from that, or is ``n_parts``. Every edge counts once, whatever its weight, so that the synapses of
    one edge are not taken for independent observations; choose what counts as an edge when building the topology. Positive and
    negative edges are two layers with one division; where signs are unknown there is one layer.

    The search is repeated from ``runs`` starts and the shortest description is taken. It starts from about ``2 sqrt(neurons)``
    parts, moves neurons and merges parts in turn, and ends where no move of one neuron and no merging of two parts helps: a local
    optimum, with no guarantee of the shortest of all. The step says how well the runs agree.
    """

    n_parts: int | None = None
    runs: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.runs < 1:
            raise TopologyError(f"runs is {self.runs}, but at least 1 is needed.")
        if self.n_parts is not None and self.n_parts < 1:
            raise TopologyError(f"n_parts is {self.n_parts}, but must be at least 1; leave it out to have it chosen.")

    def __call__(self, topology: Topology) -> Assignment:
        """The part of every neuron, the largest first; raises ``TopologyError`` without edges or for too many parts."""
        if not topology.n_edges:
            raise TopologyError("There is no edge, so there is no structure to divide by.")
        if self.n_parts is not None and self.n_parts > topology.n_neurons:
            raise TopologyError(f"{topology.n_neurons} neurons cannot be divided into {self.n_parts} parts.")
        layers = sign_layers(topology)
        streams = [Seed(self.seed).child("block model").child(run).rng() for run in range(self.runs)]
        found = [_search(layers, self.n_parts, rng) for rng in streams]
        lengths = [description_length(layers, label) for label in found]
        label = found[int(np.argmin(lengths))]
        arguments = {
            "n_parts": self.n_parts,
            "runs": self.runs,
            "nats": round(min(lengths), 1),
            "nats_undivided": round(description_length(layers, np.zeros_like(label)), 1),
            "agreement_of_runs": round(float(stability(found).mean()), 3) if self.runs > 1 else None,
        }
        return Assignment(part_names(label), label, Step("by block model", arguments, REFERENCE))


def sign_layers(topology: Topology) -> tuple[csr_array, ...]:
    """Positive, then negative edges, as ones in matrices of shape ``(post, pre)``; a sign without edges is left out."""
    n = topology.n_neurons
    kept = [mask for mask in (topology.weight > 0, topology.weight < 0) if mask.any()]
    return tuple(csr_array((np.ones(m.sum()), (topology.post[m], topology.pre[m])), shape=(n, n)) for m in kept)


def description_length(layers: Sequence[csr_array], label: Int[ndarray, " neuron"]) -> float:
    """Nats to write down a division and, given it, the layers of edges: minus the logarithm of their joint probability.

    ``layers`` hold the number of edges, shape ``(post, pre)``; ``label`` numbers the parts from 0 without gaps. A part is drawn
    for every neuron with all numbers and sizes of parts equally likely; then, layer by layer, the edges between any two parts,
    the degrees of the neurons of each part, and the graph with these degrees, each uniformly among all that are possible (Peixoto
    2017, written for directed graphs).
    """
    sizes = np.bincount(label).astype(np.float64)
    length = _length([_between(layer, label) for layer in layers], sizes)
    for layer in layers:
        # The degrees themselves and multiple edges: the same for every division.
        length += _lf(layer.data).sum() - _lf(layer.sum(axis=0)).sum() - _lf(layer.sum(axis=1)).sum()
    return float(length)


def _lf(count: ndarray | float) -> ndarray:
    """Logarithm of the factorial."""
    return np.asarray(gammaln(count + 1))


def _choices(boxes: ndarray | float, balls: ndarray | float) -> ndarray:
    """Logarithm of the number of ways to put equal balls into boxes."""
    return np.asarray(gammaln(boxes + balls) - gammaln(balls + 1) - gammaln(boxes))


def _between(layer: csr_array, label: Int[ndarray, " neuron"]) -> Float[ndarray, "part part"]:
    """Edges between parts, ``(post, pre)``."""
    edges, n = layer.tocoo(), int(label.max()) + 1
    cell = label[edges.row] * n + label[edges.col]
    counts = np.bincount(cell, edges.data, minlength=n * n).astype(np.float64)
    return np.asarray(counts.reshape(n, n))


def _length(between: list[Float[ndarray, "part part"]], sizes: Float[ndarray, " part"]) -> float:
    """The part of the description length that depends on the division."""
    n_neurons, n = sizes.sum(), float(len(sizes))
    length = _lf(n_neurons) - _lf(sizes).sum() + np.log(n_neurons) + _choices(n, n_neurons - n)
    for counts in between:
        length += _choices(n * n, counts.sum()) - _lf(counts).sum()
        for ends in (counts.sum(axis=0), counts.sum(axis=1)):
            length += _lf(ends).sum() + _choices(sizes, ends).sum()
    return float(length)


def _merge_cost(
    between: list[Float[ndarray, "part part"]], sizes: Float[ndarray, " part"]
) -> Float[ndarray, "part part"]:
    """What the description gains in length when two parts become one, but for what is the same for all pairs."""

    def pair(one: ndarray, other: ndarray) -> ndarray:
        return np.asarray(_lf(one + other) - _lf(one) - _lf(other))

    cost = -pair(sizes[:, None], sizes)
    for m in between:
        d, row = np.diag(m), np.diag(m)[:, None]
        # Counts with every third part add up; the four counts among the two become one.
        thirds = pair(m[:, None], m).sum(axis=2) + pair(m.T[:, None], m.T).sum(axis=2)
        thirds -= pair(row, m.T) + pair(m, d) + pair(row, m) + pair(m.T, d)
        cost -= thirds + _lf(row + d + m + m.T) - _lf(row) - _lf(d) - _lf(m) - _lf(m.T)
        for ends in (m.sum(axis=0), m.sum(axis=1)):
            degrees = _choices(sizes, ends)
            cost += pair(ends[:, None], ends)
            cost += _choices(sizes[:, None] + sizes, ends[:, None] + ends) - degrees[:, None] - degrees
    return np.asarray(cost)


def _search(layers: Sequence[csr_array], n_parts: int | None, rng: np.random.Generator) -> Int[ndarray, " neuron"]:
    """From many parts to few by moves and merges; the shortest description on the way, or that of ``n_parts``, then settled."""
    n_neurons = layers[0].shape[0]
    n = min(n_neurons, max(int(2 * np.sqrt(n_neurons)), n_parts or 0))
    label = _refine(layers, _start(layers, n, rng), rng)
    best, shortest = label, np.inf
    while (n := int(label.max()) + 1) > (n_parts or 1):
        if n_parts is None and (length := description_length(layers, label)) < shortest:
            best, shortest = label, length
        merges = min(max(1, int(MERGE * n)), n - (n_parts or 1))
        label = _refine(layers, _merge(layers, label, merges), rng)
    if n_parts is not None:
        return _settle(layers, label, rng)
    best = _settle(layers, min(best, label, key=lambda each: description_length(layers, each)), rng)
    while best.max() > 0:
        fewer = _settle(layers, _merge(layers, best, 1), rng)
        if description_length(layers, fewer) >= description_length(layers, best):
            break
        best = fewer
    return best


def _start(layers: Sequence[csr_array], n: int, rng: np.random.Generator) -> Int[ndarray, " neuron"]:
    """Neurons that send and receive alike: in the leading singular vectors of the normalised matrices, nearest to one of ``n``.

    Normalised by degrees as in Rohe, Qin & Yu 2016, PNAS 113:12679; the ``n`` neurons are drawn at random.
    """
    views = []
    for layer in layers:
        k = min(n, 30, layer.shape[0] - 2)
        if k < 1:
            continue
        into, out = layer.sum(axis=1), layer.sum(axis=0)
        scaled = diags_array((into + into.mean()) ** -0.5) @ layer @ diags_array((out + out.mean()) ** -0.5)
        left, value, right = svds(scaled, k=k, v0=np.ones(layer.shape[0]))
        views += [left * value, right.T * value]
    if not views:
        return np.arange(layers[0].shape[0])
    place = np.concatenate(views, axis=1)
    place /= np.maximum(np.linalg.norm(place, axis=1, keepdims=True), 1e-12)
    nearest = (place @ place[rng.choice(len(place), size=n, replace=False)].T).argmax(axis=1)
    return numbered(nearest)


def _merge(layers: Sequence[csr_array], label: Int[ndarray, " neuron"], merges: int) -> Int[ndarray, " neuron"]:
    """Merge pairs of parts, the cheapest first, no part twice."""
    sizes = np.bincount(label).astype(np.float64)
    cost = _merge_cost([_between(layer, label) for layer in layers], sizes)
    one, other = np.triu_indices(len(sizes), 1)
    into, merged = np.arange(len(sizes)), set[int]()
    for pair in np.argsort(cost[one, other], kind="stable"):
        a, b = int(one[pair]), int(other[pair])
        if len(merged) == 2 * merges:
            break
        if not {a, b} & merged:
            into[b] = a
            merged |= {a, b}
    return numbered(into[label])


def _refine(
    layers: Sequence[csr_array], label: Int[ndarray, " neuron"], rng: np.random.Generator
) -> Int[ndarray, " neuron"]:
    """Move neurons to where they fit better, many at once, as long as that shortens the description."""
    shortest, share = description_length(layers, label), 0.5
    while share > 0.01 and label.max() > 0:
        wanted = _fit(layers, label).argmax(axis=1)
        movers = np.flatnonzero((wanted != label) & (rng.random(len(label)) < share))
        trial = label.copy()
        trial[movers] = wanted[movers]
        trial = numbered(trial)
        length = description_length(layers, trial)
        if length < shortest:
            label, shortest, share = trial, length, min(1.0, 1.2 * share)
        else:
            # Neighbours that move at once can make one another wrong; fewer at a time do so less.
            share /= 2
    return label


def _settle(
    layers: Sequence[csr_array], label: Int[ndarray, " neuron"], rng: np.random.Generator
) -> Int[ndarray, " neuron"]:
    """Move one neuron after the other to where the description is shortest, exactly, until none wants to move.

    A part is never left empty, so the number of parts stays.
    """
    label = label.copy()
    sizes = np.bincount(label).astype(np.float64)
    n, n_neurons = len(sizes), len(label)
    between = [_between(layer, label).astype(np.int64) for layer in layers]
    lf = _lf(np.arange(max(int(m.sum()) for m in between) + 1))
    # Sender and receiver of every neuron's edges, and its edges onto itself, layer by layer.
    ends = [(layer.tocsr(), layer.T.tocsr(), layer.diagonal()) for layer in layers]
    still = 0
    while still < n_neurons:
        for neuron in rng.permutation(n_neurons):
            still += 1
            home = int(label[neuron])
            if sizes[home] == 1:
                continue
            sizes[home] -= 1
            cost, edges = -np.log(sizes + 1), []
            for m, (into, out, loops) in zip(between, ends, strict=True):
                a, b = (
                    np.bincount(label[e.indices[e.indptr[neuron] : e.indptr[neuron + 1]]], minlength=n)
                    for e in (into, out)
                )
                loop = int(loops[neuron])
                a[home] -= loop
                b[home] -= loop
                edges.append((a, b, loop))
                _shift(m, home, edges[-1], -1)
                cost += _arrival_cost(m, sizes, edges[-1], lf)
            goal = int(cost.argmin())
            goal = goal if cost[goal] < cost[home] - 1e-9 else home
            for m, each in zip(between, edges, strict=True):
                _shift(m, goal, each, 1)
            sizes[goal] += 1
            if goal != home:
                label[neuron], still = goal, 0
            if still >= n_neurons:
                break
    return numbered(label)


Edges = tuple[Int[ndarray, " part"], Int[ndarray, " part"], int]
"""Edges of one neuron: from every part, to every part, and onto itself."""


def _shift(m: Int[ndarray, "part part"], part: int, edges: Edges, by: int) -> None:
    """Add a neuron's edges to the counts of its part, or take them away; changes ``m``."""
    a, b, loop = edges
    m[part] += by * a
    m[:, part] += by * b
    m[part, part] += by * loop


def _arrival_cost(
    m: Int[ndarray, "part part"], sizes: Float[ndarray, " part"], edges: Edges, lf: Float[ndarray, " _"]
) -> Float[ndarray, " part"]:
    """What the description gains in length when a neuron that is in no part joins each; ``lf`` are logarithms of factorials."""
    a, b, loop = edges
    d = np.diag(m)
    # The two counts of a part with itself are one.
    cost = lf[d + a] + lf[d + b] - lf[d] - lf[d + a + b + loop]
    for counts, more in ((m, a), (m.T, b)):
        with_edges = np.flatnonzero(more)
        few = counts[:, with_edges]
        cost -= (lf[few + more[with_edges]] - lf[few]).sum(axis=1)
    # The far ends of its edges lie in their parts wherever the neuron itself goes.
    for total, more in ((m.sum(axis=1) + b, a.sum() + loop), (m.sum(axis=0) + a, b.sum() + loop)):
        cost += lf[total + more] - lf[total] + _choices(sizes + 1, total + more) - _choices(sizes, total)
    return np.asarray(cost)


def _fit(layers: Sequence[csr_array], label: Int[ndarray, " neuron"]) -> Float[ndarray, "neuron part"]:
    """Log-likelihood of every neuron's edges in every part, all other neurons staying where they are, up to a constant."""
    n = int(label.max()) + 1
    member = csr_array((np.ones(len(label)), (np.arange(len(label)), label)), shape=(len(label), n))
    fit = np.zeros((len(label), n))
    for layer in layers:
        counts = _between(layer, label) + UNSEEN
        rate = np.log(counts / (counts.sum(axis=1, keepdims=True) * counts.sum(axis=0)))
        fit += (layer @ member).toarray() @ rate.T + (layer.T @ member).toarray() @ rate
    return fit

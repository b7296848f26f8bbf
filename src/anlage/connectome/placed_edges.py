"""Edges whose ends are rows of a neuron table: given a direction where they had none, and each listed once."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int, Real
from numpy import ndarray

from anlage.connectome.finding import Ledger
from anlage.connectome.given_edges import GAP_JUNCTION
from anlage.errors import ConnectomeError


@dataclass(frozen=True, slots=True, eq=False)
class PlacedEdges:
    """Edges between rows of a neuron table; ``transmitter`` and ``region`` are codes."""

    pre: Int[ndarray, " edge"]
    post: Int[ndarray, " edge"]
    count: Real[ndarray, " edge"]
    sign: Int[ndarray, " edge"]
    kind: Int[ndarray, " edge"]
    transmitter: Int[ndarray, " edge"]
    region: Int[ndarray, " edge"]
    shown: tuple[str, ...]
    """What to call each neuron in a sentence."""

    def __len__(self) -> int:
        return len(self.pre)

    def only(self, keep: Bool[ndarray, " edge"] | Int[ndarray, " some"]) -> "PlacedEdges":
        """These edges, by mask or by number."""
        columns = ("pre", "post", "count", "sign", "kind", "transmitter", "region")
        return replace(self, **{name: getattr(self, name)[keep] for name in columns})

    def example(self, edge: int) -> str:
        """One edge, as ``12 -> 7``."""
        return f"{self.shown[int(self.pre[edge])]} -> {self.shown[int(self.post[edge])]}"


def directed(edges: PlacedEdges, *, listed_twice: bool, ledger: Ledger) -> PlacedEdges:
    """The edges of an undirected graph as gap junctions, or as one chemical edge each way."""
    listed = "lists every pair from both ends" if listed_twice else "is undirected"
    if ledger.settle("undirected", f"The graph {listed}, and synapses have a direction") == "gap_junction":
        once = edges.only(edges.pre <= edges.post) if listed_twice else edges
        return replace(once, kind=np.full_like(once.kind, GAP_JUNCTION))
    if listed_twice:
        return edges
    there = np.arange(len(edges))
    back = there[edges.pre != edges.post]
    both = edges.only(np.concatenate([there, back]))
    turned = np.arange(len(both)) >= len(edges)
    return replace(both, pre=np.where(turned, both.post, both.pre), post=np.where(turned, both.pre, both.post))


def without_loops(edges: PlacedEdges, ledger: Ledger) -> PlacedEdges:
    """The edges, with those from a neuron to itself kept or dropped."""
    loop = edges.pre == edges.post
    if not loop.any():
        return edges
    first = edges.shown[int(edges.pre[np.argmax(loop)])]
    sentence = f"Rows from a neuron to itself: {loop.sum():,} of {len(edges):,}, the first is of {first}"
    return edges.only(~loop) if ledger.settle("self_loops", sentence) == "drop" else edges


def merged(edges: PlacedEdges, *, each_is_a_synapse: bool, has_regions: bool, ledger: Ledger) -> PlacedEdges:
    """Each edge once, in the order of kind, post and pre; what is listed more than once is added up, as far as that is agreed.

    Rows that differ in their region are parts of one edge, and rows that are one synapse each are its synapses.
    A gap junction is an unordered pair, whichever end came first.
    """
    turned = (edges.kind == GAP_JUNCTION) & (edges.pre > edges.post)
    edges = replace(edges, pre=np.where(turned, edges.post, edges.pre), post=np.where(turned, edges.pre, edges.post))
    edges, turned = _without_mirrored(edges, turned, ledger)
    order = np.argsort(_key(edges))
    edges = edges.only(order)
    key = _key(edges)
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    if len(starts) == len(edges):
        return edges
    sizes = np.diff(np.append(starts, len(edges)))
    several = np.repeat(sizes > 1, sizes)
    edge = np.repeat(np.arange(len(starts)), sizes)
    if each_is_a_synapse:
        ledger.note(f"Each row is one synapse: {len(edges):,} rows are {len(starts):,} edges")
    else:
        _demand_no_doubles(edges, several, edge, turned[order], ledger)
        if has_regions:
            ledger.note(f"Rows are split by region and were added up: {len(edges):,} rows are {len(starts):,} edges")
    sign, transmitter = _agreed(edges, starts, edge, ledger)
    return replace(edges.only(starts), count=np.add.reduceat(edges.count, starts), sign=sign, transmitter=transmitter)


def _key(edges: PlacedEdges) -> Int[ndarray, " edge"]:
    n = len(edges.shown)
    return np.asarray((edges.kind.astype(np.int64) * n + edges.post) * n + edges.pre)


def _without_mirrored(
    edges: PlacedEdges, turned: Bool[ndarray, " edge"], ledger: Ledger
) -> tuple[PlacedEdges, Bool[ndarray, " left"]]:
    """Gap junctions that were listed once from each end are one, where somebody says so."""
    gap = edges.kind == GAP_JUNCTION
    if not turned.any() or turned[gap & (edges.pre != edges.post)].all():
        return edges, turned
    pairs, inverse = np.unique(_key(edges)[gap], return_inverse=True)
    there, back = (
        np.bincount(inverse, weights=np.where(turned[gap] == way, edges.count[gap], 0), minlength=len(pairs))
        for way in (False, True)
    )
    mirrored = (there > 0) & (back > 0)
    if not mirrored.any():
        return edges, turned
    first = edges.example(int(np.flatnonzero(gap)[np.argmax(mirrored[inverse])]))
    sentence = f"Gap junctions that are listed from both ends: {mirrored.sum():,}, the first is {first}"
    if ledger.settle("mirrored", sentence) == "sum":
        return edges, turned
    if (unequal := mirrored & (there != back)).any():
        first = edges.example(int(np.flatnonzero(gap)[np.argmax(unequal[inverse])]))
        raise ConnectomeError(
            f"Gap junctions with another count from one end than from the other: {unequal.sum():,}, the first is {first}; they "
            "are not the same listed twice, so say --mirrored sum, or correct the file."
        )
    keep = np.ones(len(edges), dtype=bool)
    keep[np.flatnonzero(gap)[mirrored[inverse] & turned[gap]]] = False
    return edges.only(keep), turned[keep]


def _demand_no_doubles(
    edges: PlacedEdges,
    several: Bool[ndarray, " row"],
    edge: Int[ndarray, " row"],
    turned: Bool[ndarray, " row"],
    ledger: Ledger,
) -> None:
    """Say how many rows repeat another of the same edge, region and, for a gap junction, end."""
    rows = np.flatnonzero(several)
    regions = int(edges.region.max()) + 1
    part = (edge[rows] * regions + edges.region[rows]) * 2 + turned[rows]
    _, first, sizes = np.unique(part, return_index=True, return_counts=True)
    if doubles := int((sizes - 1).sum()):
        shown = edges.example(int(rows[first[np.argmax(sizes > 1)]]))
        ledger.settle("duplicates", f"Rows that list an edge once more: {doubles:,}, the first is {shown}")


def _agreed(
    edges: PlacedEdges,
    starts: Int[ndarray, " edge"],
    edge: Int[ndarray, " row"],
    ledger: Ledger,
) -> tuple[Int[ndarray, " edge"], Int[ndarray, " edge"]]:
    """Sign and transmitter of each edge, out of its rows; rows that do not say do not disagree."""
    low, high = np.minimum.reduceat(edges.sign, starts), np.maximum.reduceat(edges.sign, starts)
    sign = np.where(high > 0, high, low)
    if (mixed := (low < 0) & (high > 0)).any():
        first = edges.example(int(starts[np.argmax(mixed)]))
        ledger.settle("mixed_signs", f"Edges with rows of either sign: {mixed.sum():,}, the first is {first}")
        sign = np.where(mixed, 0, sign).astype(np.int8)
    # Code 0 is the empty label.
    known = edges.transmitter
    high = np.maximum.reduceat(known, starts)
    low = np.minimum.reduceat(np.where(known == 0, np.iinfo(known.dtype).max, known), starts)
    transmitter = high
    if (mixed := (low < high) & (high > 0)).any():
        first = edges.example(int(starts[np.argmax(mixed)]))
        sentence = f"Edges with rows of several transmitters: {mixed.sum():,}, the first is {first}"
        if ledger.settle("mixed_transmitters", sentence) == "largest":
            rows = np.flatnonzero(mixed[edge] & (known > 0))
            transmitter = transmitter.copy()
            transmitter[mixed] = _largest(edge[rows], known[rows], edges.count[rows])
        else:
            transmitter = np.where(mixed, 0, transmitter)
    return sign, transmitter


def _largest(
    edge: Int[ndarray, " row"], code: Int[ndarray, " row"], count: Real[ndarray, " row"]
) -> Int[ndarray, " edge"]:
    """The code of each edge with the largest total; of equal ones the first in order."""
    pairs, inverse = np.unique(np.stack([edge, code]), axis=1, return_inverse=True)
    total = np.bincount(inverse.ravel(), weights=count)
    order = np.lexsort((pairs[1], -total, pairs[0]))
    _, first = np.unique(pairs[0][order], return_index=True)
    return np.asarray(pairs[1][order][first])

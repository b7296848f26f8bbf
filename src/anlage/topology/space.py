"""A control that keeps how long the wires are, and moves where they lead."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from anlage.errors import ControlError
from anlage.topology.quantity import Quantity
from anlage.topology.rewire import DegreePreserving, Rule, swapped
from anlage.topology.topology import Topology

BINS_PER_DOUBLING = 2
"""A bin holds lengths up to 41 % apart, and no bin depends on the graph at hand."""


def _bins(topology: Topology, one: Int[ndarray, "*any"], other: Int[ndarray, "*any"]) -> Int[ndarray, "*any"]:
    """Number of the length bin of the wire between two neurons; 0 up to 1 um, -1 where a position is unknown."""
    if topology.xyz_um is None:
        return np.full(one.shape, -1)
    length = np.linalg.norm(topology.xyz_um[one] - topology.xyz_um[other], axis=-1)
    bins = np.ceil(BINS_PER_DOUBLING * np.log2(np.fmax(length, 1.0)))
    return np.where(np.isnan(length), -1, bins).astype(np.int64)


def length_histogram(topology: Topology) -> Int[ndarray, " bin"]:
    """Number of edges per bin of wire length, from soma to soma in a straight line; the first bin has unknown lengths."""
    return np.bincount(_bins(topology, topology.pre, topology.post) + 1, minlength=2)


def total_length_um(topology: Topology) -> Float[ndarray, ""]:
    """Sum of the lengths of all edges between neurons of known position, in micrometres."""
    if topology.xyz_um is None:
        return np.array(0.0)
    return np.array(np.nansum(np.linalg.norm(topology.xyz_um[topology.pre] - topology.xyz_um[topology.post], axis=1)))


WIRE_LENGTHS = Quantity("edges in each bin of wire length", length_histogram)
TOTAL_LENGTH = Quantity("length of all wire", total_length_um, 0.05, as_whole=True)


@final
@dataclass(frozen=True, slots=True)
class LengthPreserving:
    """Degree-preserving rewiring in space: as many edges of each length as before.

    Edges swap targets only where that leaves the number of edges in each bin of wire length as it was; a bin spans half a
    doubling. The length of all wire then stays within 5 %. Length is the distance between somata, the only positions there are:
    neurites run further. Needs positions: the worm, FlyWire and the hemibrain have them, the larva has not.
    """

    swaps_per_edge: float = 10.0

    name: ClassVar[str] = "length-preserving"
    keeps: ClassVar[frozenset[Quantity]] = DegreePreserving.keeps | {WIRE_LENGTHS, TOTAL_LENGTH}
    destroys: ClassVar[frozenset[Quantity]] = DegreePreserving.destroys

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph; raises ``ControlError`` without positions, or where degrees and lengths allow no other graph."""
        if topology.xyz_um is None or (_bins(topology, topology.pre, topology.post) < 0).all():
            raise ControlError(
                f"The control {self.name!r} needs positions of somata, and this connectome has none; use a connectome with "
                "positions (worm, flywire, hemibrain), or degree-preserving."
            )

        def as_long(
            source: Int[ndarray, "group size"], old: Int[ndarray, "group size"], new: Int[ndarray, "group size"]
        ) -> Bool[ndarray, " group"]:
            before, after = (np.sort(_bins(topology, source, target), axis=1) for target in (old, new))
            return np.asarray((before == after).all(axis=1))

        stratum = np.zeros(topology.n_edges, dtype=np.int64)
        reference = "Betzel & Bassett 2018, PNAS 115:E4880"
        return swapped(topology, stratum, self.swaps_per_edge, rng, self.name, Rule(as_long, reference))

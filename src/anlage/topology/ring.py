"""A wiring that is made, not measured: a ring of heading neurons turned by two shifted rings, as in the fly's central complex."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import TopologyError
from anlage.topology.topology import Step, Topology

REFERENCE = (
    "Turner-Evans et al. 2017, eLife 6:e23496; Green et al. 2017, Nature 546:101; "
    "Noorman et al. 2024, Nat Neurosci 27:2207"
)


@final
@dataclass(frozen=True, slots=True)
class Ring:
    """A ring attractor whose fixed points and speed are known in closed form, for threshold-linear neurons.

    ``columns`` places around the circle, each with three neurons: EPG, whose bump of activity stands at the heading; PEN-left and
    PEN-right, which hear the EPG of their column and reach back to EPGs ``shift_deg`` further to the left (counter-clockwise)
    and right (PENs of the fly: one glomerulus of eight, 45 degrees; Turner-Evans et al. 2017; Green et al. 2017). Turning left
    drives all PEN-left and holds PEN-right back, so that the bump is pulled to the left.

    PENs reach EPGs with ``2 (cos(distance) / cos(shift) - inhibition / 2) / columns``: cosines less an even inhibition, which in
    the fly takes the way through further neurons and is folded into the edges here, as in Noorman et al. 2024. So an edge may
    have either sign, and a neuron both. With the drive ``tonic`` and rectified neurons the fixed points are

        EPG = max(1 + a cos(place - heading), 0),  PEN = max(a cos(place - heading), 0),  a within 4 / columns**2 of 1

    at every heading, exactly for an even number of columns: half of the PENs of a ring are active, and opposite ones never both,
    so that sums over them are half of sums over the circle. Two rings that pull at one another: Xie, Hahnloser & Seung 2002, Phys
    Rev E 66:041902.

    Raises ``TopologyError`` for an odd number of columns or fewer than 6, a shift outside [0, 90), or no inhibition.
    """

    columns: int = 16
    shift_deg: float = 45.0
    inhibition: float = 1.0

    groups: ClassVar[tuple[str, ...]] = ("EPG", "PEN-left", "PEN-right")

    def __post_init__(self) -> None:
        if self.columns < 6 or self.columns % 2:
            raise TopologyError(f"A ring has {self.columns} columns, but needs an even number of 6 or more.")
        if not 0 <= self.shift_deg < 90:
            raise TopologyError(f"shift_deg is {self.shift_deg}, but must be at least 0 and below 90 degrees.")
        if not 0 < self.inhibition < np.inf:
            raise TopologyError(
                f"inhibition is {self.inhibition}, but must be positive, or nothing holds the bump down."
            )

    @property
    def place(self) -> Float[ndarray, " column"]:
        """Where on the circle each column stands, in radians."""
        return 2 * np.pi * np.arange(self.columns) / self.columns

    def topology(self) -> Topology:
        """The wiring, EPGs first. All neurons are the ``input``: turning comes to PENs, what is seen to EPGs; EPGs are read."""
        n, shift = self.columns, np.deg2rad(self.shift_deg)
        distance = self.place[:, None] - self.place
        matrix = np.zeros((3 * n, 3 * n))
        for ring, way in ((1, shift), (2, -shift)):
            rows = slice(ring * n, (ring + 1) * n)
            matrix[rows, :n] = np.eye(n)
            matrix[:n, rows] = (2 * np.cos(distance - way) / np.cos(shift) - self.inhibition) / n
        post, pre = np.nonzero(matrix)
        groups = {name: np.arange(i * n, (i + 1) * n) for i, name in enumerate(self.groups)}
        ports = {"input": np.arange(3 * n), "output": np.arange(n)}
        arguments = {"columns": n, "shift_deg": self.shift_deg, "inhibition": self.inhibition}
        history = (Step("ring", arguments, REFERENCE),)
        return Topology.of(3 * n, pre, post, matrix[post, pre], groups=groups | ports, history=history)

    def tonic(self) -> Float[ndarray, " neuron"]:
        """The constant drive that every neuron needs: EPGs are kept at 1 on average, and PENs have that as their threshold."""
        return np.repeat([1 + 2 * self.inhibition / np.pi, -1.0, -1.0], self.columns)

    def interface(self, turn: float, leak: float, cue: float = 0.5) -> Float[ndarray, "neuron 3"]:
        """Drive of every neuron by three inputs: a turn to the left, and cosine and sine of a heading to be taken.

        ``turn``: radians per tick that one unit of the first input stands for, in a network of this ``leak``. The bump moves by
        ``2 leak tan(shift) / pi`` per tick and unit of drive, if slowly; with a shift of 45 degrees and inhibition 1 a turn of
        ``leak / 16`` radians per tick comes out 1 % too small, one of ``leak / 6`` 7 %. ``cue``: strength of the other two.
        Raises ``TopologyError`` for a ring without shift, which nothing can turn, and for a leak outside (0, 1].
        """
        if not 0 < leak <= 1:
            raise TopologyError(f"leak is {leak}, but must lie above 0 and at most at 1.")
        if self.shift_deg == 0:
            raise TopologyError(
                "A ring with shift_deg = 0 cannot be turned; take the interface of one that has a shift."
            )
        gain = turn * np.pi / (2 * leak * np.tan(np.deg2rad(self.shift_deg)))
        none = np.zeros(self.columns)
        left = np.repeat([0.0, gain, -gain], self.columns)
        seen = (np.concatenate([cue * part(self.place), none, none]) for part in (np.cos, np.sin))
        return np.stack([left, *seen], axis=1)

"""Where a network starts: weights from synapse counts, brought to a stated operating point."""

from dataclasses import dataclass

import numpy as np

from anlage.errors import TopologyError
from anlage.topology.quantity import singular_values, spectral_radius
from anlage.topology.topology import Step, Topology


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What was measured before scaling, and the factor that all weights were multiplied with.

    ``by`` is ``spectral radius``, or ``largest singular value`` for a wiring without cycles, whose spectral radius is 0 whatever
    its weights are.
    """

    by: str
    before: float
    after: float
    factor: float


def scale(topology: Topology, radius: float) -> tuple[Topology, OperatingPoint]:
    """Multiply all weights by one factor so that the spectral radius of the directed signed matrix is ``radius``.

    Raises ``TopologyError`` when ``radius`` is not positive or the topology has no edge with a weight.
    """
    if not radius > 0 or not np.isfinite(radius):
        raise TopologyError(f"The spectral radius must be a positive number, not {radius}.")
    if not topology.weight.any():
        raise TopologyError("A topology without edges has no operating point; nothing recurs and nothing is passed on.")
    by, before = "spectral radius", spectral_radius(topology)
    if before < 1e-6 * np.abs(topology.weight).max():  # relative, so that the unit of the weights does not decide
        by, before = "largest singular value", float(singular_values(topology, 1)[0])
    point = OperatingPoint(by, before, radius, radius / before)
    step = Step("scale", {"by": by, "before": round(before, 6), "after": radius})
    return topology.reweighted(step, topology.weight * point.factor), point

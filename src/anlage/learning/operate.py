"""Bringing a network to the activity, rather than the spectral radius, that it is to be compared at."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from anlage.errors import TopologyError
from anlage.network import OperatingPoint, scale
from anlage.topology import Step, Topology
from anlage.topology.quantity import spectral_radius

REACH = (1e-3, 1e3)
"""Factors to search in, relative to a spectral radius of 1."""


def gained(topology: Topology, gain: float) -> tuple[Topology, OperatingPoint]:
    """Multiply all weights by ``gain``; the point tells the spectral radius before and after."""
    before = spectral_radius(topology)
    step = Step("scale", {"by": "gain", "factor": gain})
    return topology.reweighted(step, topology.weight * gain), OperatingPoint("gain", before, before * gain, gain)


def activated(
    topology: Topology, activity: float, measure: Callable[[Topology], float]
) -> tuple[Topology, OperatingPoint]:
    """Multiply all weights by one factor, so that ``measure`` of the topology is ``activity``.

    ``measure``: the root mean square activity of the bulk under the input of the task.
    Raises ``TopologyError`` where it does not come to ``activity`` within ``REACH`` of a spectral radius of 1.
    """
    one, to_one = scale(topology, 1.0)

    def scaled(log_factor: float) -> Topology:
        return one.reweighted(Step("trial"), one.weight * np.exp(log_factor))

    def excess(log_factor: float) -> float:
        return measure(scaled(log_factor)) - activity

    low, high = (float(np.log(end)) for end in REACH)
    least, most = excess(low), excess(high)
    if not least < 0 < most:
        raise TopologyError(
            f"No factor of the weights gives the bulk an activity of {activity:g}: it lies between {least + activity:.3g} and "
            f"{most + activity:.3g}; choose a value between them, or set the operating point by spectral_radius."
        )
    factor = float(np.exp(brentq(excess, low, high, xtol=1e-5)))
    before = measure(topology)
    step = Step("scale", {"by": "activity of the bulk", "before": round(before, 6), "after": activity})
    point = OperatingPoint("activity of the bulk", before, activity, to_one.factor * factor)
    return topology.reweighted(step, topology.weight * point.factor), point

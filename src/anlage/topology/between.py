"""What lies between two ports: the neurons on short walks from one to the other."""

from dataclasses import dataclass
from typing import final

import numpy as np

from anlage.errors import TopologyError
from anlage.topology.audit import audit
from anlage.topology.divide import OTHERS, Assignment
from anlage.topology.topology import Step, Topology

BETWEEN = "between"
"""The part that lies between the ports."""


@final
@dataclass(frozen=True, slots=True)
class Between:
    """Divide into the neurons on a walk of at most ``hops`` edges from ``input`` to ``output``, called ``between``, and the rest.

    Ports belong to it as far as such a walk begins or ends at them. Neither weight nor sign matters. A network needs
    ``hops + 1`` ticks until what an input neuron is told has crossed the longest of these walks.
    """

    input: tuple[str, ...] = ("input",)
    output: tuple[str, ...] = ("output",)
    hops: int = 3

    def __post_init__(self) -> None:
        if self.hops < 1:
            raise TopologyError(f"hops is {self.hops}, but from one port to another it takes at least 1 edge.")

    def __call__(self, topology: Topology) -> Assignment:
        """Whether every neuron lies between; raises ``UnknownName`` for an unknown group, ``TopologyError`` where none does."""
        inside = audit(topology, self.input, self.output, steps=self.hops + 1, drive="sustained").neuron
        if not inside.any():
            raise TopologyError(
                f"No walk of at most {self.hops} edges leads from {' + '.join(self.input)} to {' + '.join(self.output)}; allow "
                "more hops, or name other ports."
            )
        told = {"input": self.input, "output": self.output, "hops": self.hops}
        return Assignment((BETWEEN, OTHERS), np.where(inside, 0, 1), Step("between ports", told))

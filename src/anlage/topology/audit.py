"""Which neurons and edges can influence what is read, counted exactly."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from anlage.errors import TopologyError
from anlage.topology.topology import Topology

Drive = Literal["pulse", "sustained"]


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """The part of a wiring that lies between its ports in a given number of steps.

    ``edge`` and ``neuron`` mark what lies on some walk from an input to an output neuron. ``hops`` is the length of the shortest
    such walk, or -1 when there is none at any length.
    """

    steps: int
    drive: Drive
    n_input: int
    n_output: int
    hops: int
    edge: Bool[ndarray, " edge"]
    neuron: Bool[ndarray, " neuron"]

    @property
    def n_edges(self) -> int:
        """Edges that can influence the readout."""
        return int(self.edge.sum())

    @property
    def n_neurons(self) -> int:
        """Neurons that can influence the readout, or be influenced on the way to it."""
        return int(self.neuron.sum())

    def __str__(self) -> str:
        total = len(self.edge)
        return (
            f"{self.n_edges:,} of {total:,} edges ({self.n_edges / max(1, total):.1%}) and {self.n_neurons:,} of "
            f"{len(self.neuron):,} neurons can influence the readout at T = {self.steps} ({self.drive} input, "
            f"{self.n_input:,} in, {self.n_output:,} out, shortest path {self.hops} hops)"
        )


def audit(
    topology: Topology,
    input: Iterable[str] = ("input",),
    output: Iterable[str] = ("output",),
    *,
    steps: int,
    drive: Drive = "pulse",
) -> Audit:
    """Follow every walk from the input to the output port.

    At step 1 the input reaches its port; each further step crosses one edge; the output port is read after step ``steps``.
    With a ``pulse`` at step 1 only walks of exactly ``steps - 1`` edges count (the setting of Yu et al. 2025, arXiv
    2507.10951); with ``sustained`` input, or neurons that remember, every shorter walk counts as well.

    Raises ``TopologyError`` when ``steps`` is below 1 or a port is empty, ``UnknownName`` for an unknown group.
    """
    if steps < 1:
        raise TopologyError(f"An audit needs at least 1 step, not {steps}.")
    ports = {"input": topology.group(input), "output": topology.group(output)}
    length = steps - 1
    ahead = _reach(topology, ports["input"], length, forward=True)
    behind = _reach(topology, ports["output"], length, forward=False)
    edge = np.zeros(topology.n_edges, dtype=bool)
    neuron = np.zeros(topology.n_neurons, dtype=bool)
    for total in range(length + 1) if drive == "sustained" else (length,):
        for k in range(total + 1):
            neuron |= ahead[k] & behind[total - k]
            if k < total:
                edge |= ahead[k][topology.pre] & behind[total - k - 1][topology.post]
    return Audit(steps, drive, len(ports["input"]), len(ports["output"]), _hops(topology, **ports), edge, neuron)


def _reach(topology: Topology, start: ndarray, length: int, *, forward: bool) -> Bool[ndarray, "hop neuron"]:
    """Row ``k`` marks the neurons at the end of some walk of exactly ``k`` edges (against the edges when not ``forward``)."""
    tail, head = (topology.pre, topology.post) if forward else (topology.post, topology.pre)
    reached = np.zeros((length + 1, topology.n_neurons), dtype=bool)
    reached[0, start] = True
    for k in range(length):
        reached[k + 1, head[reached[k][tail]]] = True
    return reached


def _hops(topology: Topology, input: ndarray, output: ndarray) -> int:
    """Edges on the shortest path between the ports; -1 when the output cannot be reached."""
    seen = np.zeros(topology.n_neurons, dtype=bool)
    seen[input] = True
    front = seen.copy()
    for hop in range(topology.n_neurons):
        if front[output].any():
            return hop
        step = np.zeros_like(seen)
        step[topology.post[front[topology.pre]]] = True
        front = step & ~seen
        if not front.any():
            return -1
        seen |= front
    return -1

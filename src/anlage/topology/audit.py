"""Which neurons and edges can influence what is read, counted exactly."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from anlage.errors import TopologyError
from anlage.topology.topology import Topology

Drive = Literal["pulse", "sustained"]


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """The part of a wiring that lies between its ports in a given number of steps.

    ``edge`` and ``neuron`` mark what lies on some walk from an input to an output neuron. ``hops`` is the length of the shortest
    such walk, or -1 when there is none at any length. Of a network without a wiring there is nothing to mark.
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

    @classmethod
    def unwired(cls, steps: int, n_input: int, n_state: int) -> "Audit":
        """The audit of a network without a wiring, from ``n_input`` numbers per observation to the ``n_state`` of its state."""
        nothing = np.zeros(0, dtype=bool)
        return cls(steps, "sustained", n_input, n_state, 0, nothing, nothing)

    def __str__(self) -> str:
        if not len(self.neuron):
            return (
                f"There are no neurons and no wiring to audit: {self.n_input:,} numbers enter per observation, and the whole "
                f"state of {self.n_output:,} numbers is read"
            )
        total, longest = len(self.edge), self.steps - 1
        walks = f"{'exactly' if self.drive == 'pulse' else 'up to'} {longest} edge{'s' * (longest != 1)}"
        path = f"shortest path {self.hops} hop{'s' * (self.hops != 1)}" if self.hops >= 0 else "no path at all"
        return (
            f"{self.n_edges:,} of {total:,} edges ({self.n_edges / max(1, total):.1%}) and {self.n_neurons:,} of "
            f"{len(self.neuron):,} neurons can influence the readout at T = {self.steps} ({self.drive} input, "
            f"walks of {walks}, {self.n_input:,} in, {self.n_output:,} out, {path})"
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
    hops_in = hops(topology, ports["input"])
    if drive == "sustained":
        hops_out = hops(topology, ports["output"], forward=False)
        neuron = _within(hops_in, hops_out, length)
        edge = _within(hops_in[topology.pre], hops_out[topology.post], length - 1)
    else:
        neuron, edge = _on_walks(topology, ports["input"], ports["output"], length)
    reached = hops_in[ports["output"]]
    shortest = int(reached[reached >= 0].min(initial=topology.n_neurons))
    shortest = -1 if shortest == topology.n_neurons else shortest
    return Audit(steps, drive, len(ports["input"]), len(ports["output"]), shortest, edge, neuron)


def hops(topology: Topology, start: Int[ndarray, " member"], *, forward: bool = True) -> Int[ndarray, " neuron"]:
    """Edges on the shortest path from ``start`` to every neuron (against the edges when not ``forward``); -1 for none."""
    tail, head = (topology.pre, topology.post) if forward else (topology.post, topology.pre)
    distance = np.full(topology.n_neurons, -1)
    distance[start] = 0
    for hop in range(1, topology.n_neurons):
        reached = head[distance[tail] == hop - 1]
        fresh = reached[distance[reached] < 0]
        if not len(fresh):
            break
        distance[fresh] = hop
    return distance


def _within(one: Int[ndarray, " row"], other: Int[ndarray, " row"], length: int) -> Bool[ndarray, " row"]:
    """Where both can be reached, and together in at most ``length`` edges."""
    return np.asarray((one >= 0) & (other >= 0) & (one + other <= length))


def _on_walks(
    topology: Topology, input: Int[ndarray, " member"], output: Int[ndarray, " member2"], length: int
) -> tuple[Bool[ndarray, " neuron"], Bool[ndarray, " edge"]]:
    """Neurons and edges on some walk of exactly ``length`` edges between the ports."""
    ahead = _reach(topology, input, length, forward=True)
    behind = _reach(topology, output, length, forward=False)
    edge = np.zeros(topology.n_edges, dtype=bool)
    for k in range(length):
        edge |= ahead[k][topology.pre] & behind[length - k - 1][topology.post]
    return np.asarray((ahead & behind[::-1]).any(axis=0)), edge


def _reach(topology: Topology, start: ndarray, length: int, *, forward: bool) -> Bool[ndarray, "hop neuron"]:
    """Row ``k`` marks the neurons at the end of some walk of exactly ``k`` edges (against the edges when not ``forward``)."""
    tail, head = (topology.pre, topology.post) if forward else (topology.post, topology.pre)
    reached = np.zeros((length + 1, topology.n_neurons), dtype=bool)
    reached[0, start] = True
    for k in range(length):
        reached[k + 1, head[reached[k][tail]]] = True
    return reached

"""Controls that take the wiring away."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from anlage.errors import ControlError
from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity
from anlage.topology.topology import Step, Topology


@final
@dataclass(frozen=True, slots=True)
class NoRecurrence:
    """Every edge that lies on a directed cycle is removed, self-loops too; what feeds forward stays.

    In strongly recurrent brains little is left: this is a floor, and says what cycles were worth. Where nothing is left (the
    worm with its gap junctions), it refuses.
    """

    name: ClassVar[str] = "no-recurrence"
    keeps: ClassVar[frozenset[Quantity]] = frozenset({q.N_NEURONS})
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.N_EDGES, q.EDGE_SET})
    removes: ClassVar[frozenset[Quantity]] = frozenset({q.CYCLIC_EDGES})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """The feed-forward part; ``rng`` is not used, the result is always the same."""
        del rng
        cyclic = q.cyclic_edges(topology)
        if not cyclic.any():
            raise ControlError(
                "This topology has no directed cycle, so there is no recurrence to remove; use another control."
            )
        if cyclic.all():
            raise ControlError(
                f"Each of the {topology.n_edges} edges lies on a directed cycle, so nothing would be left without recurrence; "
                "use interface-only for a floor."
            )
        stay = ~cyclic
        return topology.rewired(
            Step(self.name, {"edges_removed": int(cyclic.sum())}),
            topology.pre[stay],
            topology.post[stay],
            topology.weight[stay],
        )


@final
@dataclass(frozen=True, slots=True)
class InterfaceOnly:
    """No brain between the ports: each output neuron is wired straight to one input neuron, at random, and nothing else.

    Encoder, readout and the width of both ports stay as they are, so what an arm with this control reaches is what the trained
    interface reaches by itself. Every wire has the mean magnitude of the original weights.
    """

    input: tuple[str, ...] = ("input",)
    output: tuple[str, ...] = ("output",)

    name: ClassVar[str] = "interface-only"
    keeps: ClassVar[frozenset[Quantity]] = frozenset({q.N_NEURONS})
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET, q.N_EDGES, q.IN_DEGREE, q.OUT_DEGREE})

    @property
    def removes(self) -> frozenset[Quantity]:
        """Every edge that does not run from the input to the output."""
        return frozenset({q.indirect_quantity(self.input, self.output)})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One random matching of the two ports; the longer port repeats the shorter one."""
        into, out = topology.group(self.input), topology.group(self.output)
        n_wires = max(len(into), len(out))
        pre, post = np.resize(rng.permutation(into), n_wires), np.resize(rng.permutation(out), n_wires)
        weight = np.full(n_wires, np.abs(topology.weight).mean())
        return topology.rewired(Step(self.name, {"wires": n_wires}), pre, post, weight)


@final
@dataclass(frozen=True, slots=True)
class RandomProjection:
    """No brain between the ports: every input neuron reaches every output neuron with a normal random weight, and nothing else.

    What an arm with this control reaches is what a random linear map between the ports, and the trained interface, reach. All
    weights together have the norm of the original ones.
    """

    input: tuple[str, ...] = ("input",)
    output: tuple[str, ...] = ("output",)

    name: ClassVar[str] = "random-projection"
    keeps: ClassVar[frozenset[Quantity]] = frozenset({q.N_NEURONS, q.FROBENIUS})
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE})

    @property
    def removes(self) -> frozenset[Quantity]:
        """Every edge that does not run from the input to the output."""
        return frozenset({q.indirect_quantity(self.input, self.output)})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One random matrix; raises ``ControlError`` where the ports share neurons, which would be recurrence."""
        into, out = topology.group(self.input), topology.group(self.output)
        if both := len(np.intersect1d(into, out)):
            raise ControlError(
                f"{both} neurons are input and output at once, so a projection between the ports would be recurrent; name ports "
                "that share no neuron."
            )
        weight = rng.standard_normal(len(into) * len(out))
        weight *= np.linalg.norm(topology.weight) / np.linalg.norm(weight)
        step = Step(self.name, {"edges": len(weight)}, "Johnson & Lindenstrauss 1984, Contemp Math 26:189")
        return topology.rewired(step, np.repeat(into, len(out)), np.tile(out, len(into)), weight)

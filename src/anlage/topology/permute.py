"""Controls that leave every edge where it is and move what sits on it."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from anlage.errors import ControlError
from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity
from anlage.topology.topology import Step, Topology


@final
@dataclass(frozen=True, slots=True)
class PermuteWeights:
    """Strengths dealt out again among edges of the same sign; edges and signs, and so Dale's law, stay.

    A difference against this control speaks about the placement of strengths, never about signs or topology.
    """

    name: ClassVar[str] = "weight-permuted"
    keeps: ClassVar[frozenset[Quantity]] = frozenset(
        {q.N_NEURONS, q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE, q.WEIGHT_MULTISET, q.SIGN_PLACEMENT, q.NEURON_SIGN}
    )
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.WEIGHT_PLACEMENT})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One permutation within the positive and within the negative edges."""
        weight = topology.weight.copy()
        for rows in (np.flatnonzero(weight > 0), np.flatnonzero(weight < 0)):
            weight[rows] = weight[rng.permutation(rows)]
        if np.array_equal(weight, topology.weight):
            raise ControlError(
                "All edges of one sign have the same weight, so permuting weights changes nothing; use another control."
            )
        return topology.reweighted(Step(self.name), weight)


@final
@dataclass(frozen=True, slots=True)
class PermuteSignedWeights:
    """Weights dealt out again among all edges, each with its sign; edges stay, Dale's law does not.

    A difference against this control may be one of strengths or of signs; ``weight-permuted`` keeps the signs.
    """

    name: ClassVar[str] = "signed-weight-permuted"
    keeps: ClassVar[frozenset[Quantity]] = frozenset(
        {q.N_NEURONS, q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE, q.WEIGHT_MULTISET, q.SIGN_COUNTS}
    )
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.WEIGHT_PLACEMENT})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One permutation of the weights over the edges."""
        weight = rng.permutation(topology.weight)
        if np.array_equal(weight, topology.weight):
            raise ControlError(
                "All edges have the same weight, so permuting weights changes nothing; use another control."
            )
        return topology.reweighted(Step(self.name), weight)


@final
@dataclass(frozen=True, slots=True)
class BinaryWeights:
    """Every edge as strong as the mean edge of its sign: who reaches whom, and how, stays, and synapse counts are forgotten."""

    name: ClassVar[str] = "binary-weights"
    keeps: ClassVar[frozenset[Quantity]] = frozenset(
        {q.N_NEURONS, q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE, q.SIGN_PLACEMENT, q.NEURON_SIGN, q.SIGNED_TOTALS}
    )
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.WEIGHT_PLACEMENT, q.WEIGHT_MULTISET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """The levelled graph; ``rng`` is not used, the result is always the same."""
        del rng
        weight = topology.weight.copy()
        for rows in (weight > 0, weight < 0):
            if rows.any() and np.ptp(weight[rows]):
                weight[rows] = weight[rows].mean()
        if np.array_equal(weight, topology.weight):
            raise ControlError(
                "All edges of one sign have the same weight, so there are no counts to forget; use another control."
            )
        return topology.reweighted(Step(self.name), weight)


@final
@dataclass(frozen=True, slots=True)
class PermuteEdgeSigns:
    """Signs dealt out again among all edges; edges and magnitudes stay, Dale's law does not."""

    name: ClassVar[str] = "edge-sign-permuted"
    keeps: ClassVar[frozenset[Quantity]] = frozenset(
        {q.N_NEURONS, q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE, q.MAGNITUDE_PLACEMENT, q.SIGN_COUNTS}
    )
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.SIGN_PLACEMENT})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One permutation of the signs over the edges."""
        _demand_both_signs(topology, self.name)
        weight = np.abs(topology.weight) * rng.permutation(np.sign(topology.weight))
        return topology.reweighted(Step(self.name), weight)


@final
@dataclass(frozen=True, slots=True)
class PermuteNeuronSigns:
    """Signs dealt out again among the neurons that send edges; edges, magnitudes and Dale's law stay.

    Needs every neuron to have one sign. The number of excitatory and inhibitory neurons is kept, that of edges is not.
    """

    name: ClassVar[str] = "neuron-sign-permuted"
    keeps: ClassVar[frozenset[Quantity]] = frozenset(
        {q.N_NEURONS, q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE, q.MAGNITUDE_PLACEMENT, q.NEURON_SIGN_COUNTS}
    )
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.NEURON_SIGN})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One permutation of the signs over the sending neurons."""
        _demand_both_signs(topology, self.name)
        sign = q.NEURON_SIGN(topology)
        if mixed := int((sign == 0).sum()):
            raise ControlError(
                f"{mixed} of {topology.n_neurons} neurons send edges of both signs, so there is no sign per neuron to permute; "
                "use edge-sign-permuted, or build with signs='transmitter'."
            )
        senders = np.flatnonzero(np.abs(sign) == 1)
        dealt = sign.copy()
        dealt[senders] = sign[rng.permutation(senders)]
        return topology.reweighted(Step(self.name), np.abs(topology.weight) * dealt[topology.pre])


def _demand_both_signs(topology: Topology, name: str) -> None:
    if not ((topology.weight > 0).any() and (topology.weight < 0).any()):
        raise ControlError(
            f"The control {name!r} needs positive and negative edges, and all {topology.n_edges} edges here have one sign; "
            "build the topology with a sign rule, or use another control."
        )

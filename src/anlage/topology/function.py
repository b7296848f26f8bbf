"""Dividing a wiring by function: systems that start at a sense organ, named centres, and what several senses share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import final

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import diags_array

from anlage.errors import TopologyError
from anlage.topology.divide import Assignment, divide
from anlage.topology.topology import Step, Topology

ASSOCIATION, UNREACHED = "association", "unreached"
"""Neurons that no one sense dominates, and neurons that no sense reaches."""
MOST = 0.5
"""Share of a neuron's strength that must cross the border of a part that is grown alone, to make the neuron one of its ports."""


@final
@dataclass(frozen=True, slots=True)
class Function:
    """Divide by what drives a neuron.

    ``senses``: system -> groups of its sensory neurons. ``centres``: centre -> groups of its neurons. Both belong to their
    system whatever drives them; a neuron named twice belongs to the first.
    ``hops``, ``majority``: every other neuron belongs to the sense from which at least ``majority`` of its sensory flow comes
    within ``hops`` edges. Where none has that much the neuron is ``association``; where nothing arrives, ``unreached``.

    See ``sensory_flow`` for what flows. Signs do not matter: inhibition carries a sense as excitation does.
    """

    senses: Mapping[str, tuple[str, ...]]
    centres: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    hops: int = 3
    majority: float = 0.5

    def __post_init__(self) -> None:
        if self.hops < 1:
            raise TopologyError(f"hops is {self.hops}, but a sense needs at least 1 to reach another neuron.")
        if not 0 < self.majority <= 1:
            raise TopologyError(f"majority is {self.majority}, but must be a share above 0 and at most 1.")
        if not self.senses:
            raise TopologyError("No sense is named, so nothing can flow; name at least one, with its sensory neurons.")

    def __call__(self, topology: Topology) -> Assignment:
        """The system of every neuron; raises ``UnknownName`` for a group that the topology does not have."""
        names = (*self.senses, ASSOCIATION, *self.centres, UNREACHED)
        flow = sensory_flow(topology, [topology.group(groups) for groups in self.senses.values()], self.hops)
        arrived = flow.sum(axis=1)
        leader = flow.argmax(axis=1)
        # The least of errors in a sum must not turn a half into less than a half.
        dominated = flow.max(axis=1) >= self.majority * arrived * (1 - 1e-12)
        label = np.where(dominated, leader, names.index(ASSOCIATION))
        label[arrived == 0] = names.index(UNREACHED)
        for name, groups in reversed([*self.senses.items(), *self.centres.items()]):
            label[topology.group(groups)] = names.index(name)
        step = Step("by function", {"hops": self.hops, "majority": self.majority})
        return Assignment(names, label, step)


def sensory_flow(topology: Topology, senses: list[Int[ndarray, " _"]], hops: int) -> Float[ndarray, "neuron sense"]:
    """The share of every neuron's input that leads back to each sense within ``hops`` edges.

    From a neuron one walks against the edges, each with a chance in proportion to its strength, until a sensory neuron is met.
    Entry ``(i, s)`` is the chance to meet sense ``s`` in at most ``hops`` steps: a probability of absorption (Kemeny & Snell
    1960, Finite Markov Chains, chapter 3), cut off because a recurrent network mixes all senses in the long run. Sensory neurons
    belong to their own sense entirely; a neuron named by two senses belongs to the first.
    """
    flow = np.zeros((topology.n_neurons, len(senses)))
    for number, rows in reversed(list(enumerate(senses))):
        flow[rows] = np.eye(len(senses))[number]
    sensory, source = flow.any(axis=1), flow.copy()
    strength = abs(topology.csr())
    total = strength.sum(axis=1)
    back = diags_array(1 / np.where(total > 0, total, 1.0)) @ strength
    for _ in range(hops):
        flow = back @ flow
        flow[sensory] = source[sensory]
    return flow


def modalities(topology: Topology) -> Function:
    """The division by function of a topology whose senses are its modalities, with its outputs as the one centre, ``motor``.

    Raises ``TopologyError`` when no neuron has a modality.
    """
    senses = {name.split(":", 1)[1]: (name,) for name in topology.groups if name.startswith("modality:")}
    if not senses:
        raise TopologyError(
            "No neuron of this connectome has a modality, so its senses are unknown; divide by class or by structure."
        )
    return Function(senses, {"motor": ("output",)} if "output" in topology.groups else {})


LARVA = Function(
    senses={
        "olfactory": ("modality:olfactory",),
        "gustatory": ("modality:gustatory-external", "modality:gustatory-pharyngeal"),
        "visual": ("modality:visual",),
        "thermosensory": ("modality:thermo-cold", "modality:thermo-warm"),
        "somatosensory": ("modality:mechano-Ch", "modality:mechano-II/III", "modality:noci", "modality:proprio"),
        "enteric": ("modality:gut",),
        "respiratory": ("modality:respiratory",),
    },
    centres={
        "memory": ("class:KC", "class:MBON", "class:MBIN", "class:MB-FBN", "class:MB-FFN"),
        "motor": ("class:DN-VNC", "class:DN-SEZ"),
        "endocrine": ("class:RGN",),
    },
)
"""The larval brain by function. Senses gather the modalities of Winding et al. 2023 by organ: taste outside and inside the mouth;
touch, pain and the position of the body. ``memory`` is the mushroom body (Kenyon cells, output and modulatory input neurons) with
the neurons classified by their edges with it (feedback and feed-forward); ``motor`` are the descending neurons, ``endocrine``
those of the ring gland."""


def usual(topology: Topology) -> Function:
    """The division by function of a topology: ``LARVA`` where it has these senses, else by its own modalities."""
    known = all(group in topology.groups for groups in LARVA.senses.values() for group in groups)
    return LARVA if known else modalities(topology)


def function_part(topology: Topology, counted: Topology, name: str) -> Topology:
    """One part of a topology, by the usual division of ``counted``: the same neurons with all their synapses.

    So a part has the same neurons whichever edges and weights are wanted. Its groups ``entry`` and ``exit`` are those with at
    least half of their strength, as wanted, across its border, and the inputs and outputs of the animal that it holds.
    Raises ``UnknownName`` for a part that there is not, ``TopologyError`` when no neuron has a modality.
    """
    given = usual(counted)(counted)
    return divide(topology, lambda _: given, crossing=MOST).part(name).topology

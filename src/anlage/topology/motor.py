"""The motor circuit of the worm: which neuron bends which part of the body.

Forward swimming is driven by the B motor neurons (excitatory) and D motor neurons (inhibitory), one set for the dorsal and one
for the ventral muscles (Chalfie et al. 1985, J Neurosci 5:956; Haspel & O'Donovan 2011, J Neurosci 31:14611), and in the head by
SMD, RMD and SMB. Left out: A and AS motor neurons (backward swimming), every interneuron, other head motor neurons, gap
junctions, and synapses among motor neurons other than those from B onto the D neurons of the other side.
"""

import re
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.connectome.connectome import Connectome
from anlage.errors import TopologyError
from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity
from anlage.topology.topology import Step, Topology

ROWS = 24
"""Rows of body-wall muscles from head to tail: four quadrants of 24, without MVL24, make 95 muscles (Cook et al. 2019)."""

HEAD_ROWS = 8
"""Last muscle row that head motor neurons are taken to reach. What the source holds for SMD and SMB behind it, uniform on rows
9 to 16, was filled in by rule and not counted."""

SIDES = ("dorsal", "ventral")

CLASSES = {
    "head dorsal": (r"(SMD|RMD|SMB)D[LR]", "dorsal", 1),
    "head ventral": (r"(SMD|RMD|SMB)V[LR]", "ventral", 1),
    "DB": (r"DB\d+", "dorsal", 1),
    "VB": (r"VB\d+", "ventral", 1),
    "DD": (r"DD\d+", "dorsal", -1),
    "VD": (r"VD\d+", "ventral", -1),
}
"""Class -> the names of its neurons, the muscles that it reaches, and its sign: DD and VD release GABA (Schuske et al. 2004,
Trends Neurosci 27:407), the others acetylcholine."""

MOTOR = tuple(CLASSES)
MUSCLES = tuple(f"{side} muscle" for side in SIDES)
CROSSED = (("DB", "VD"), ("VB", "DD"))
"""The D neurons of one side are driven by the B neurons of the other (White et al. 1986)."""


@dataclass(frozen=True, slots=True, eq=False)
class MotorCircuit:
    """Motor neurons and muscle rows as one topology, with what a body must know about it.

    Weights are signed synapse counts, left and right muscle of a row together. Groups: the classes in ``CLASSES`` and the muscle
    rows ``dorsal muscle`` and ``ventral muscle``, in order from head to tail; ``input`` is all B and head neurons, ``output`` all
    muscle rows. ``sense_row`` is the muscle row, 1 to 24, ahead of which a B neuron feels the body, NaN for the others. That a B
    neuron feels the body at all is an assumption, and where it does is another (Wen et al. 2012, Neuron 76:750).
    """

    name: str
    topology: Topology
    neuron: tuple[str, ...]
    sense_row: Float[ndarray, " neuron"]

    def __post_init__(self) -> None:
        if missing := [group for group in (*MOTOR, *MUSCLES) if group not in self.topology.groups]:
            raise TopologyError(
                f"{self.name} has no group {missing[0]!r}, but a body is moved by {', '.join(MOTOR)} and muscles; "
                "make it with motor()."
            )
        if wrong := [m for m in MUSCLES if len(self.topology.groups[m]) != ROWS]:
            raise TopologyError(
                f"{self.name} has {len(self.topology.groups[wrong[0]])} rows of {wrong[0]}; give it {ROWS}."
            )
        if not len(self.neuron) == len(self.sense_row) == self.topology.n_neurons:
            raise TopologyError(
                f"{self.name} has {self.topology.n_neurons} neurons and muscle rows, but {len(self.neuron)} names and "
                f"{len(self.sense_row)} sense rows; give one each."
            )

    def with_topology(self, topology: Topology) -> "MotorCircuit":
        """The same neurons, feeling the body where they did, with other edges."""
        return replace(self, topology=topology)

    def sensing_own_muscles(self) -> "MotorCircuit":
        """Every B neuron feels the body around the muscles that it reaches here, whatever the measured wiring was."""
        return replace(self, sense_row=own_rows(self.topology))


def motor(connectome: Connectome) -> MotorCircuit:
    """The motor circuit of a worm whose edges onto muscles were measured: 49 motor neurons and 48 muscle rows.

    Raises ``TopologyError`` when the connectome has no edges from these neurons onto body-wall muscles, as the brains of Witvliet
    et al. 2021 and every animal but the worm.
    """
    names = connectome.neurons.name
    of_class = {
        c: [i for i, n in enumerate(names) if re.fullmatch(pattern, n)] for c, (pattern, _, _) in CLASSES.items()
    }
    for rows in of_class.values():
        rows.sort(key=lambda i: (re.sub(r"\d", "", names[i]), int(re.sub(r"\D", "", names[i]) or 0)))
    if connectome.effectors is None or not all(of_class.values()):
        raise TopologyError(
            f"{connectome.name} has no edges from DB, VB, DD, VD and head motor neurons onto muscles, so it cannot move a body; "
            "use worm or worm-male."
        )
    chosen = [i for rows in of_class.values() for i in rows]
    place = {i: n for n, i in enumerate(chosen)}
    groups = {c: np.array([place[i] for i in rows]) for c, rows in of_class.items()}
    for number, muscle in enumerate(MUSCLES):
        groups[muscle] = len(chosen) + number * ROWS + np.arange(ROWS)
    groups["input"] = np.concatenate([groups[c] for c in ("head dorsal", "head ventral", "DB", "VB")])
    groups["output"] = np.concatenate([groups[muscle] for muscle in MUSCLES])
    count = np.zeros((len(chosen) + 2 * ROWS, len(chosen) + 2 * ROWS))
    _onto_muscles(connectome, place, groups, count)
    _across(connectome, place, groups, count)
    post, pre = np.nonzero(count)
    step = Step("motor", {"connectome": connectome.name, "head_rows": HEAD_ROWS}, connectome.source.key)
    topology = Topology.of(len(count), pre, post, count[post, pre], groups=groups, history=(step,))
    muscle_names = [f"{side} {row}" for side in SIDES for row in range(1, ROWS + 1)]
    return MotorCircuit(connectome.name, topology, (*(names[i] for i in chosen), *muscle_names), own_rows(topology))


def own_rows(topology: Topology) -> Float[ndarray, " neuron"]:
    """Mean muscle row, 1 to 24, that each B neuron reaches, weighted by synapses; NaN for other neurons."""
    row = np.full(topology.n_neurons, np.nan)
    for group, muscle in (("DB", MUSCLES[0]), ("VB", MUSCLES[1])):
        onto = topology.dense()[np.ix_(topology.groups[muscle], topology.groups[group])]
        total = onto.sum(axis=0)
        reached = total > 0
        row[topology.groups[group][reached]] = (np.arange(1, ROWS + 1) @ onto)[reached] / total[reached]
    return row


@final
@dataclass(frozen=True, slots=True)
class EvenMap:
    """What a textbook would draw: as many neurons of each class, evenly spaced, each reaching its neighbourhood.

    No synapse of it was measured. B neurons share the rows behind the head, D neurons all rows, neighbours overlapping by half;
    each B neuron drives the D neurons of the other side whose muscles are those it reaches itself.
    """

    name: ClassVar[str] = "even-map"
    keeps: ClassVar[frozenset[Quantity]] = frozenset({q.N_NEURONS})
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.N_EDGES, q.EDGE_SET, q.WEIGHT_MULTISET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """The map; ``rng`` is not used, the result is always the same."""
        del rng
        weight, groups = np.zeros((topology.n_neurons, topology.n_neurons)), topology.groups
        row, centre, width = np.arange(1, ROWS + 1), {}, {}
        for name, (_, side, sign) in CLASSES.items():
            n, first = len(groups[name]), HEAD_ROWS - 1 if sign > 0 else 1
            width[name] = (ROWS + 1 - first) / n
            centre[name] = first - 0.5 + width[name] * (np.arange(n) + 0.5)
            near = np.abs(row[:, None] - centre[name]) <= width[name]
            if name.startswith("head"):
                near = np.repeat(row[:, None] <= HEAD_ROWS, n, axis=1)
            weight[np.ix_(groups[f"{side} muscle"], groups[name])] = sign * near
        for b, d in CROSSED:
            near = np.abs(centre[d][:, None] - centre[b]) <= width[d]
            weight[np.ix_(groups[d], groups[b])] = near
        post, pre = np.nonzero(weight)
        return topology.rewired(Step(self.name), pre, post, weight[post, pre])


def _onto_muscles(
    connectome: Connectome, place: dict[int, int], groups: dict[str, Int[ndarray, " _"]], count: ndarray
) -> None:
    """Fill in the edges onto the muscle rows of each class's own side."""
    effectors = connectome.effectors
    if effectors is None:
        return
    muscle = [re.fullmatch(r"M([DV])[LR](\d\d)", name) for name in effectors.name]
    side_of = {neuron: CLASSES[c][1:] for c in CLASSES for neuron in groups[c].tolist()}
    heads = {*groups["head dorsal"].tolist(), *groups["head ventral"].tolist()}
    for pre, target, synapses in zip(effectors.pre, effectors.target, effectors.synapse_count, strict=True):
        neuron, found = place.get(int(pre)), muscle[target]
        if neuron is None or found is None:
            continue
        side, sign = side_of[neuron]
        row = int(found[2])
        if found[1].lower() == side[0] and not (neuron in heads and row > HEAD_ROWS):
            count[groups[f"{side} muscle"][row - 1], neuron] += sign * int(synapses)


def _across(
    connectome: Connectome, place: dict[int, int], groups: dict[str, Int[ndarray, " _"]], count: ndarray
) -> None:
    """Fill in the edges from B neurons onto the D neurons of the other side."""
    chemical = connectome.kind.is_("chemical")
    crossed = {(b, d) for pre, post in CROSSED for b in groups[pre].tolist() for d in groups[post].tolist()}
    edges = zip(connectome.pre[chemical], connectome.post[chemical], connectome.synapse_count[chemical], strict=True)
    for pre, post, synapses in edges:
        ends = place.get(int(pre)), place.get(int(post))
        if ends in crossed:
            count[ends[1], ends[0]] += float(synapses)

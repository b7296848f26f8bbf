"""A wiring divided into parts, each a wiring of its own with its ports: what to grow apart, and what lies between."""

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.errors import TopologyError, UnknownName
from anlage.topology.quantity import strengths
from anlage.topology.topology import Step, Topology

ENTRY, EXIT = "entry", "exit"
"""The groups that every part has: its ports to the outside."""
ARRIVALS, DEPARTURES = ("input", ENTRY), ("output", EXIT)
"""Groups of the whole that are ports already: those of the animal, and, where the whole is itself a part, those of that part."""
OTHERS = "others"
"""The part of the neurons without a label."""


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Which part every neuron belongs to: ``names[label[i]]`` is the part of neuron ``i``; ``step`` says who decided, and how."""

    names: tuple[str, ...]
    label: Int[ndarray, " neuron"]
    step: Step


@runtime_checkable
class Rule(Protocol):
    """A way to divide: it gives every neuron of a topology exactly one part."""

    def __call__(self, topology: Topology) -> Assignment:
        """The part of every neuron. Parts without neurons may be named; they are left out of the division."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some neurons of a wiring and the edges among them.

    ``members`` are the neurons' rows in the whole; row ``i`` of ``topology`` is neuron ``members[i]``. The topology keeps the
    groups of the whole, as far as they reach into the part, and gains two: ``entry``, the neurons that receive from outside or
    are inputs of the animal, and ``exit``, those that send outside or are outputs of the animal.
    """

    name: str
    members: Int[ndarray, " member"]
    topology: Topology

    @property
    def entry(self) -> Int[ndarray, " _"]:
        """Rows of the part where signals can come in; empty when none can."""
        return self.topology.groups.get(ENTRY, np.zeros(0, dtype=np.int64))

    @property
    def exit(self) -> Int[ndarray, " _"]:
        """Rows of the part where signals can go out; empty when none can."""
        return self.topology.groups.get(EXIT, np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """A wiring and its parts: every neuron is in exactly one, every edge inside one part or between two.

    ``label[i]`` is the number in ``parts`` of neuron ``i``. Matrices between parts have shape ``(part, part)``, ``(post, pre)``;
    their diagonal is what lies inside.
    """

    topology: Topology
    parts: tuple[Part, ...]
    label: Int[ndarray, " neuron"]
    step: Step

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part.name} {len(part.members):,}" for part in self.parts)
        return f"<Division of {self.topology.n_neurons:,} neurons {self.step.function}: {sizes}>"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts, in order."""
        return tuple(part.name for part in self.parts)

    def part(self, name: str) -> Part:
        """The part called ``name``; raises ``UnknownName``."""
        if name not in self.names:
            raise UnknownName("part", name, self.names)
        return self.parts[self.names.index(name)]

    def edges(self) -> Int[ndarray, "part part"]:
        """Number of edges between parts."""
        return np.bincount(self._cells(), minlength=len(self.parts) ** 2).reshape(len(self.parts), -1)

    def strength(self) -> Float[ndarray, "part part"]:
        """Sum of the magnitudes of the weights between parts: synapses, where the topology's weights are counts."""
        total = np.bincount(self._cells(), np.abs(self.topology.weight), minlength=len(self.parts) ** 2)
        return total.reshape(len(self.parts), -1)

    def _cells(self) -> Int[ndarray, " edge"]:
        return np.asarray(self.label[self.topology.post] * len(self.parts) + self.label[self.topology.pre])


def divide(topology: Topology, by: Rule, *, crossing: float = 0.0) -> Division:
    """Divide a topology by a rule: an annotation, a function, or the structure of the wiring itself.

    Parts keep the order of the rule's names; those without neurons are left out. A part is a topology like any other and can be
    divided again.
    ``crossing``: least share of a neuron's input (output) by strength that must come from (go to) other parts to make it an entry
    (exit). At 0 one edge is enough, which in a brain makes ports of nearly all neurons. Ports of the animal always count.

    Raises ``TopologyError`` when the rule leaves out a neuron or ``crossing`` is no share, and what the rule raises.
    """
    if not 0 <= crossing <= 1:
        raise TopologyError(f"crossing is {crossing}, but must be a share from 0 to 1.")
    given = by(topology)
    if len(given.label) != topology.n_neurons or not np.isin(given.label, np.arange(len(given.names))).all():
        raise TopologyError(
            f"{given.step.function} gave {len(given.label):,} labels below {len(given.names)} parts to {topology.n_neurons:,} "
            "neurons; a rule gives every neuron one of its parts."
        )
    used, label = np.unique(given.label, return_inverse=True)
    names = [given.names[i] for i in used]
    outside = np.where(label[topology.pre] != label[topology.post], np.abs(topology.weight), 0.0)
    entry = _port(topology, ARRIVALS, _share(topology, "post", outside), crossing)
    exit = _port(topology, DEPARTURES, _share(topology, "pre", outside), crossing)
    parts = []
    for number, name in enumerate(names):
        members = np.flatnonzero(label == number)
        step = Step("divide", {"by": str(given.step), "part": name}, given.step.reference)
        parts.append(Part(name, members, _restrict(topology, members, {ENTRY: entry, EXIT: exit}, step)))
    return Division(topology, tuple(parts), label, given.step)


def _share(topology: Topology, end: str, outside: Float[ndarray, " edge"]) -> Float[ndarray, " neuron"]:
    """Share of the strength at every neuron's ``pre`` or ``post`` end that crosses to another part."""
    crosses = np.bincount(getattr(topology, end), outside, minlength=topology.n_neurons)
    return np.asarray(crosses / np.maximum(strengths(topology, end), np.finfo(float).tiny))


def _port(
    topology: Topology, known: tuple[str, ...], share: Float[ndarray, " neuron"], crossing: float
) -> Int[ndarray, " _"]:
    """Neurons with enough edges to other parts, and those of the ports that the whole has already."""
    already = [topology.groups[name] for name in known if name in topology.groups]
    return np.unique(np.concatenate([np.flatnonzero((share > 0) & (share >= crossing - 1e-12)), *already]))


def _restrict(
    topology: Topology, members: Int[ndarray, " member"], ports: dict[str, Int[ndarray, " _"]], step: Step
) -> Topology:
    """The edges among ``members``, with the groups and ports as far as they have members."""
    row = np.full(topology.n_neurons, -1)
    row[members] = np.arange(len(members))
    inside = (row[topology.pre] >= 0) & (row[topology.post] >= 0)
    groups = {name: row[rows][row[rows] >= 0] for name, rows in {**topology.groups, **ports}.items()}
    return Topology.of(
        len(members),
        row[topology.pre[inside]],
        row[topology.post[inside]],
        topology.weight[inside],
        groups={name: rows for name, rows in groups.items() if len(rows)},
        history=(*topology.history, step),
    )


@final
@dataclass(frozen=True, slots=True)
class Annotation:
    """Divide by what the source says of every neuron: the groups called ``column:label``, or the roles for ``role``.

    Neurons without a label form the part ``others``; a neuron with two labels counts for the first.
    """

    column: str

    def __call__(self, topology: Topology) -> Assignment:
        """The label of every neuron; raises ``UnknownName`` when no neuron has this annotation."""
        groups = annotations(topology)
        if self.column not in groups:
            raise UnknownName("annotation", self.column, sorted(groups))
        names = groups[self.column]
        label = np.full(topology.n_neurons, len(names))
        for number, name in reversed(list(enumerate(names))):
            label[topology.groups[name]] = number
        short = tuple(name.split(":", 1)[-1] for name in names)
        return Assignment((*short, OTHERS), label, Step("by annotation", {"column": self.column}))


def annotations(topology: Topology) -> dict[str, tuple[str, ...]]:
    """Columns by which a topology can be divided, each with the names of its groups."""
    columns: dict[str, list[str]] = {}
    for name in topology.groups:
        if name in ("input", "inter", "output", "unknown"):
            columns.setdefault("role", []).append(name)
        elif ":" in name:
            columns.setdefault(name.split(":", 1)[0], []).append(name)
    return {column: tuple(names) for column, names in columns.items()}

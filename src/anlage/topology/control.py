"""Null models: what a control promises, and the check that it kept its promise.

A comparison between a connectome and a control speaks only about what the control destroyed, and only if it kept the rest.
Both are therefore declared by every control and measured on every graph that it makes.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from anlage.errors import ControlError
from anlage.topology.quantity import Quantity
from anlage.topology.topology import Topology


@runtime_checkable
class Control(Protocol):
    """A null model: the same wiring with some quantities kept and others destroyed.

    Calling it never changes its input. It raises ``ControlError`` when the topology has nothing of the kind it destroys.
    """

    @property
    def name(self) -> str:
        """Short name, unique among the controls of a study."""
        ...

    @property
    def keeps(self) -> frozenset[Quantity]:
        """Quantities that are the same before and after."""
        ...

    @property
    def destroys(self) -> frozenset[Quantity]:
        """Quantities that differ before and after."""
        ...

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One random member of the ensemble."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One declaration of a control, held against one graph that it made."""

    quantity: str
    declared: str
    changed: float

    @property
    def true(self) -> bool:
        """Whether the declaration holds."""
        return (self.changed == 0) == (self.declared == "keeps")

    def __str__(self) -> str:
        seen = "unchanged" if self.changed == 0 else f"{self.changed:.1%} of its entries changed"
        return f"it {self.declared} the {self.quantity}, {'and' if self.true else 'but'} found {seen}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a control kept and destroyed on the graph at hand, measured after the fact."""

    control: str
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The declarations that do not hold."""
        return tuple(finding for finding in self.findings if not finding.true)

    def demand(self) -> "Certificate":
        """This certificate, or ``ControlError`` with one sentence when a declaration does not hold."""
        if self.broken:
            raise ControlError(
                f"The control {self.control!r} is mislabelled: it declares that "
                f"{'; and that '.join(map(str, self.broken))}; correct its declaration or its code before using it."
            )
        return self


def certify(control: Control, before: Topology, after: Topology) -> Certificate:
    """Measure every declaration of ``control`` on a graph it made from ``before``."""
    findings = []
    for declared, quantities in (("keeps", control.keeps), ("destroys", control.destroys)):
        for quantity in sorted(quantities, key=str):
            findings.append(Finding(quantity.name, declared, quantity.changed(quantity(before), quantity(after))))
    return Certificate(control.name, tuple(findings))


def control_graph(control: Control, topology: Topology, rng: np.random.Generator) -> tuple[Topology, Certificate]:
    """One certified member of a control's ensemble; raises ``ControlError`` when a declaration does not hold."""
    made = control(topology, rng)
    return made, certify(control, topology, made).demand()

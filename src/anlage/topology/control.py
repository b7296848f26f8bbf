"""Null models: what a control promises, and the check that it kept its promise.

A comparison between a connectome and a control speaks only about what the control destroyed, and only if it kept the rest.
Both are therefore declared by every control and measured on every graph that it makes.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy import ndarray

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


@runtime_checkable
class Chain(Control, Protocol):
    """A control that walks away from the original by many small moves, and must walk far enough to forget it.

    Its step of the history tells ``overlap_half_way`` and ``overlap_at_end``: which share of the original edges, self-loops left
    out, was in place then. The certificate measures the second again and fails a chain that has not mixed.
    """

    @property
    def swaps_per_edge(self) -> float:
        """About how often each edge is moved."""
        ...


@runtime_checkable
class Remover(Control, Protocol):
    """A control that leaves nothing of a kind. That the quantity changed would not show that it is gone."""

    @property
    def removes(self) -> frozenset[Quantity]:
        """Counts that are 0 afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One declaration of a control, held against one graph that it made.

    ``changed`` is 0 where the quantity is the same within ``tolerance``; ``off`` is then how far it is off all the same. Of a
    quantity that is removed, ``changed`` is what is left of it.
    """

    quantity: str
    declared: str
    changed: float
    off: float = 0.0
    tolerance: float = 0.0

    @property
    def true(self) -> bool:
        """Whether the declaration holds."""
        return (self.changed == 0) == (self.declared != "destroys")

    def __str__(self) -> str:
        if self.declared == "removes":
            seen = f"{self.changed:,.0f} left" if self.changed else "none left"
        elif self.tolerance:
            seen = f"{self.off:.2%} off, of {self.tolerance:.2%} allowed"
        else:
            seen = "unchanged" if self.changed == 0 else f"{self.changed:.1%} of its entries changed"
        return f"it {self.declared} the {self.quantity}, {'and' if self.true else 'but'} found {seen}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a control kept and destroyed on the graph at hand, measured after the fact."""

    control: str
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        return "\n".join([self.control, *(f"  {finding}" for finding in self.findings)])

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
            findings.append(_finding(declared, quantity, quantity(before), quantity(after)))
    if isinstance(control, Remover):
        for quantity in sorted(control.removes, key=str):
            findings.append(Finding(quantity.name, "removes", float(quantity(after))))
    if isinstance(control, Chain):
        findings.append(_mixing(before, after))
    return Certificate(control.name, tuple(findings))


def _finding(declared: str, quantity: Quantity, before: ndarray, after: ndarray) -> Finding:
    changed = quantity.changed(before, after)
    if not quantity.as_whole or before.shape != after.shape:
        return Finding(quantity.name, declared, changed)
    return Finding(quantity.name, declared, changed, quantity.off(before, after), quantity.tolerance)


MEMORY = 0.05
"""Share of its first overlap with the original, beyond what chance leaves, that a chain may still have at its end."""


def _mixing(before: Topology, after: Topology) -> Finding:
    """Whether the chain has forgotten where it came from: the autocorrelation of its edges at its end.

    The overlap with the original starts at 1 and falls to what chance leaves. From its values half-way, ``a``, and at the end,
    ``b``, a geometric fall has kept (a - b) / (1 - a) of the excess in the second half, and the square of that in both. Counting
    noise, three standard errors of a - b, is given to the chain, so on a few dozen edges this can accuse nobody.
    """
    told, rows = after.history[-1].arguments, ~before.self_loops()
    what, n_edges = "memory of where its chain of swaps began", max(1, int(rows.sum()))
    here = float(np.isin(before.key()[rows], after.key()).sum() / n_edges)
    try:
        half, end = (float(str(told[f"overlap_{when}"])) for when in ("half_way", "at_end"))
    except (KeyError, ValueError):
        return Finding(what, "loses", 1.0, 1.0, MEMORY)
    if not abs(end - here) <= 1e-4:
        return Finding(what, "loses", 1.0, 1.0, MEMORY)
    noise = 3 * float(np.sqrt(2 * (half * (1 - half) + 1 / n_edges) / n_edges))
    left = (max(0.0, half - end - noise) / max(1 - half, 1 / n_edges)) ** 2
    return Finding(what, "loses", left if left > MEMORY else 0.0, left, MEMORY)


def control_graph(control: Control, topology: Topology, rng: np.random.Generator) -> tuple[Topology, Certificate]:
    """One certified member of a control's ensemble; raises ``ControlError`` when a declaration does not hold."""
    made = control(topology, rng)
    return made, certify(control, topology, made).demand()

"""The protocol of everything that can be minimised."""

from typing import Protocol, runtime_checkable

from anlage.trace import Loss, Trace


@runtime_checkable
class Objective(Protocol):
    """A pure function from what happened to how good it was. It sees no label and keeps no state."""

    def __call__(self, trace: Trace) -> Loss:
        """The loss of one trace."""
        ...


@runtime_checkable
class FarSighted(Objective, Protocol):
    """An objective that also judges what is predicted beyond the next embedding."""

    @property
    def steps(self) -> int:
        """How many observations ahead; the trace must have been foreseen as far (``anlage.network.foresee``)."""
        ...


def steps_ahead(objective: Objective) -> int:
    """How far ahead a trace must be foreseen for this objective; 1 for one that asks for the next embedding only."""
    return objective.steps if isinstance(objective, FarSighted) else 1

"""The protocol of everything that can be minimised."""

from typing import Protocol, runtime_checkable

from anlage.trace import Loss, Trace


@runtime_checkable
class Objective(Protocol):
    """A pure function from what happened to how good it was. It sees no label and keeps no state."""

    def __call__(self, trace: Trace) -> Loss:
        """The loss of one trace."""
        ...

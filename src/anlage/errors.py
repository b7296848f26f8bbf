"""Every error anlage raises on purpose.

    AnlageError
    ├── UnknownName          a name that is not known; answers with the nearest known ones
    ├── ConnectomeError      a connectome, or a file that should hold one, is not what it claims
    │   └── IntegrityError   a file is truncated, foreign, or fails its checksum
    ├── TopologyError        a wiring cannot be built, run or rewired as asked
    │   └── ControlError     a control cannot do, or did not do, what it declares
    ├── BodyError            a body cannot be built, or cannot do what it is asked
    ├── RecipeError          a recipe is malformed or asks for the impossible
    ├── CheckpointError      a checkpoint is corrupt or belongs to another recipe
    ├── DataMissing          data that are not here and are never downloaded without being asked for
    ├── DependencyMissing    an optional package that is not installed
    ├── RankLost             a process of a distributed run is alone, or heard nothing from another one
    └── Diverged             learning produced a number that is not finite, or the representation collapsed

A message is one sentence: what was given, what was expected, what to do next.
"""

from collections.abc import Iterable
from difflib import get_close_matches

MOST_NAMES = 20
"""Known names that a message lists when none of them is near."""


class AnlageError(Exception):
    """Base of every error raised on purpose; the command line prints it as one sentence."""


class UnknownName(AnlageError, KeyError):
    """A name that is not in the table it was looked up in."""

    def __init__(self, what: str, given: str, known: Iterable[str]) -> None:
        # All three are kept, not the sentence alone, so that the error survives the way back from another process.
        super().__init__(what, given, tuple(known))

    def __str__(self) -> str:
        what, given, names = self.args
        near = get_close_matches(given, names, n=3, cutoff=0.5)
        rest = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        known = f"known are: {', '.join(names[:MOST_NAMES])}{rest}."
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else known
        return f"There is no {what} called {given!r}; {hint}"


class ConnectomeError(AnlageError, ValueError):
    """A connectome, or a file that should hold one, is not what it claims to be."""


class IntegrityError(ConnectomeError):
    """A file is truncated, foreign, or does not have the checksum it was published with."""


class TopologyError(AnlageError, ValueError):
    """A wiring cannot be built, run or rewired as asked."""


class ControlError(TopologyError):
    """A control cannot do, or did not do, what it declares."""


class BodyError(AnlageError, ValueError):
    """A body cannot be built, or cannot do what it is asked."""


class RecipeError(AnlageError, ValueError):
    """A recipe is malformed or asks for the impossible."""


class CheckpointError(AnlageError, ValueError):
    """A checkpoint is corrupt or belongs to another recipe."""


class DataMissing(AnlageError, FileNotFoundError):
    """Data that are not on this machine; nothing is downloaded without being asked for."""

    def __str__(self) -> str:
        return str(self.args[0])


class DependencyMissing(AnlageError, ImportError):
    """An optional package that is not installed; the message says what to type."""


class RankLost(AnlageError, RuntimeError):
    """A process of a distributed run is alone, or heard nothing from another one."""


class Diverged(AnlageError, ArithmeticError):
    """Learning produced a number that is not finite, or the representation collapsed."""

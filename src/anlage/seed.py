"""Named random streams: one integer per run, one independent stream per purpose.

``Seed(7).child("weights")`` and ``Seed(7).child("stream").child(3)`` never share numbers, and adding a new purpose does
not disturb the others. A stream is a pure function of its path, so a run resumed at step 3 draws what it would have drawn.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np


@dataclass(frozen=True, slots=True)
class Seed:
    """A root integer and the path of names below it."""

    root: int
    path: tuple[str, ...] = ()

    def child(self, name: str | int) -> "Seed":
        """The stream called ``name`` below this one."""
        return Seed(self.root, (*self.path, str(name)))

    @property
    def integer(self) -> int:
        """A 63-bit integer that depends on the root and on the whole path."""
        text = "\x1f".join((str(self.root), *self.path))
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") >> 1

    def rng(self) -> np.random.Generator:
        """A fresh NumPy generator at the start of this stream."""
        return np.random.default_rng(self.integer)

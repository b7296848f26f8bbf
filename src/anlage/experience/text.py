"""English text as a sequence of characters."""

from dataclasses import dataclass
from pydoc_data.topics import topics
from typing import final

import numpy as np

from anlage.connectome.source import Source
from anlage.errors import RecipeError
from anlage.experience.experience import Recording

ALPHABET = " abcdefghijklmnopqrstuvwxyz."
"""Every letter is lowered; line breaks are spaces; all other characters are one mark, shown as a full stop."""


@final
@dataclass(frozen=True, slots=True)
class Text:
    """The language reference that every Python carries (``pydoc_data.topics``), cut into windows of ``length`` characters.

    An observation is one character, one-hot over 28 symbols. The label for probes is the character after the window. The last
    tenth of the text is held out. The text differs a little between Python versions.
    """

    length: int = 32

    source = Source(
        key="python_topics",
        title="The Python Language Reference (pydoc_data.topics)",
        version="that of the running Python",
        licence="PSF-2.0",
        origin="Python standard library",
        bibtex="@manual{python_topics, author={{Python Software Foundation}}, title={The Python Language Reference}}",
        lossy="Case, digits and punctuation are merged into 28 symbols.",
    )

    def __post_init__(self) -> None:
        if not 2 <= self.length <= 1024:
            raise RecipeError(f"length is {self.length}, but a window of text needs 2 to 1024 characters.")

    def open(self) -> Recording:
        """The recording."""
        symbols = symbols_of(" ".join(topics[name] for name in sorted(topics)))
        n_windows = (len(symbols) - 1) // self.length
        one_hot = np.eye(len(ALPHABET), dtype=np.uint8)[symbols[: n_windows * self.length]]
        windows = one_hot.reshape(n_windows, self.length, len(ALPHABET))
        following = symbols[self.length :: self.length][:n_windows]
        cut = n_windows * 9 // 10
        return Recording.of("text", windows[:cut], following[:cut], windows[cut:], following[cut:])


def symbols_of(text: str) -> np.ndarray:
    """The number in ``ALPHABET`` of every character, runs of white space taken as one space; shape ``(time,)``."""
    number = {letter: i for i, letter in enumerate(ALPHABET)}
    other = number["."]
    return np.array([number.get(letter, other) for letter in " ".join(text.lower().split())], dtype=np.int64)

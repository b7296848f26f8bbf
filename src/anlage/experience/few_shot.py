"""Characters never seen before, to be told apart from a few labelled drawings."""

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.errors import IntegrityError
from anlage.experience.experience import read_data
from anlage.experience.picture_set import decode, demand_pillow
from anlage.experience.problem import Part, Problem, demand, one_hot, pose
from anlage.experience.reference import by_nearest_mean

SIDE, SHRINK = 105, 7  # pixels of a drawing; pixels of it per pixel that is shown
N_DRAWINGS = 20  # of every character, by as many people
DRAWING = re.compile(r"[^/]+/([^/]+)/(character\d+)/[^/]+\.png")


@final
@dataclass(frozen=True, slots=True)
class FewShot:
    """Name a drawing by one of ``n_ways`` characters of which ``n_shots`` labelled drawings were just shown (Omniglot).

    An episode: each moment one drawing of 15 x 15 grey values and, one-hot, its label in this episode, in mixed order; at the
    last moment a new drawing without a label, and only this is answered. Characters and labels are drawn anew each time, so
    that only what stands in the episode helps. Episodes to learn from use the 136 characters of ``background_small1``, those
    for testing 106 of the 156 of ``background_small2``: its Greek and Latin ones are left out, as the first set has them too.
    The reference takes the class whose drawings have the nearest mean, by pixels.
    Needs the data folder and the extra ``images``.
    """

    n_ways: int = 5
    n_shots: int = 1
    n_train: int = 400
    n_test: int = 200

    source = Source(
        key="lake2015human",
        title="Omniglot, the two small background sets",
        version="057f034",
        licence="MIT",
        origin="https://github.com/brendenlake/omniglot",
        bibtex=(
            "@article{lake2015human, author={Lake, Brenden M. and Salakhutdinov, Ruslan and Tenenbaum, Joshua B.}, title={"
            "Human-level concept learning through probabilistic program induction}, journal={Science}, volume={350}, "
            "pages={1332--1338}, year={2015}, doi={10.1126/science.aab3050}}"
        ),
        lossy="Strokes are left out; drawings are shrunk to 15 x 15.",
    )

    def __post_init__(self) -> None:
        demand("n_ways", self.n_ways, 2, 100)
        demand("n_shots", self.n_shots, 1, N_DRAWINGS - 1)
        for name in ("n_train", "n_test"):
            demand(name, getattr(self, name), 1, 100_000)

    def open(self, rng: np.random.Generator) -> Problem:
        """New episodes."""
        demand_pillow()
        known, new = (drawings(f"images_background_small{number}") for number in (1, 2))
        alphabets = {alphabet for alphabet, _ in known}
        new = {character: rows for character, rows in new.items() if character[0] not in alphabets}
        train = self._part(np.stack(list(known.values())), self.n_train, rng)
        test = self._part(np.stack(list(new.values())), self.n_test, rng)
        size = (SIDE // SHRINK) ** 2
        shown, label = test[0][:, :-1, :size], test[0][:, :-1, size:].argmax(-1)
        named = by_nearest_mean(shown, label, test[0][:, -1, :size])
        return pose("drawing", train, test, ("accuracy",), one_hot(named, self.n_ways))

    def _part(self, known: Float[ndarray, "character drawing pixel"], n: int, rng: np.random.Generator) -> Part:
        n_shown, size = self.n_ways * self.n_shots, known.shape[-1]
        seen = np.zeros((n, n_shown + 1, size + self.n_ways), np.float32)
        asked = rng.integers(self.n_ways, size=n)
        for episode in range(n):
            characters = rng.choice(len(known), self.n_ways, replace=False)
            label = rng.permutation(np.repeat(np.arange(self.n_ways), self.n_shots))
            # One more drawing of every character than is shown, the last for the question.
            drawing = np.stack([rng.permutation(N_DRAWINGS)[: self.n_shots + 1] for _ in characters])
            turn = np.array([(label[:i] == label[i]).sum() for i in range(n_shown)])
            seen[episode, :-1, :size] = known[characters[label], drawing[label, turn]]
            seen[episode, :-1, size:] = np.eye(self.n_ways)[label]
            seen[episode, -1, :size] = known[characters[asked[episode]], drawing[asked[episode], -1]]
        return seen, one_hot(asked, self.n_ways)


def drawings(name: str) -> Mapping[tuple[str, ...], Float[ndarray, "drawing input"]]:
    """Alphabet and character -> its 20 drawings as grey values, 1 for ink, each the mean of 7 x 7 pixels.

    Raises ``DataMissing``, and ``IntegrityError`` for a file that is not the published one.
    """
    relative = f"omniglot_small/{name}.zip"
    found: dict[tuple[str, ...], list[ndarray]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(read_data(relative, "Omniglot"))) as archive:
            for member in sorted(archive.namelist()):
                if match := DRAWING.fullmatch(member):
                    found.setdefault(match.groups(), []).append(_shrink(decode(archive.read(member), relative)))
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise IntegrityError(f"{relative} is damaged or no zip archive ({error}); get it again.") from error
    if not found or any(len(rows) != N_DRAWINGS for rows in found.values()):
        raise IntegrityError(f"{relative} does not hold {N_DRAWINGS} drawings of each character; get it again.")
    return {character: np.stack(rows) for character, rows in found.items()}


def _shrink(pixels: ndarray) -> ndarray:
    if pixels.shape != (SIDE, SIDE, 1):
        raise IntegrityError(f"A drawing has {pixels.shape} pixels instead of {SIDE} x {SIDE}; get the file again.")
    n = SIDE // SHRINK
    ink: ndarray = 1 - pixels.reshape(n, SHRINK, n, SHRINK).mean((1, 3)).ravel() / 255
    return ink.astype(np.float32)

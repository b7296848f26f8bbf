"""A world of films: each is seen by one sense and heard by another, as it was recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch
from jaxtyping import Int, UInt8
from numpy import ndarray
from torch import Tensor

from anlage.connectome.source import Source
from anlage.errors import UnknownName
from anlage.experience.experience import Recording
from anlage.experience.video import MOVING_DIGITS, Video
from anlage.trace import Episode


@final
@dataclass(frozen=True, slots=True)
class Watched:
    """Films that a mind sees, as ``video``, and hears, as ``sound``: nothing is paired that was not recorded together.

    ``video``: which films, and how they are cut; with ``sound = false`` they are silent, and there is one sense.
    """

    video: Video = field(default_factory=lambda: Video(sound=True))

    @property
    def moments(self) -> int:
        """Moments of a life."""
        return self.video.moments

    @property
    def modalities(self) -> tuple[str, ...]:
        """What there is to sense."""
        return ("video", "sound") if self.video.sound else ("video",)

    @property
    def events(self) -> Mapping[str, int]:
        """Everything is there from the beginning."""
        return dict.fromkeys(self.modalities, 0)

    @property
    def source(self) -> Source:
        """Where the films come from."""
        return self.video.source

    @property
    def story(self) -> str:
        """What is lived, in a few sentences."""
        each = f"{self.video.pixels} x {self.video.pixels} pixels every {self.video.moment_ms:g} ms"
        said = f"Films are seen, {each}, {self.moments} moments in all; the last fifth of each film is held out."
        if self.video.sound:
            said += (
                f" What was heard since the frame before, in {self.video.bands} bands of pitch, is a sense of its own."
            )
        if self.video.clips == MOVING_DIGITS:
            said += (
                " The films are made up: a handwritten digit moves evenly over a field and is turned back by its walls, and each "
                "wall has a tone of its own, so that who sees where the digit goes could know what will be heard."
            )
        return said

    def open(self) -> "WatchedWorld":
        """The world itself; raises what ``Video.films`` raises."""
        films = self.video.films()
        part = {"video": [film.frame for film in films], "sound": [film.sound for film in films]}
        labels = [film.label for film in films]
        senses = {name: self.video.cut(name, list(zip(labels, part[name], strict=True))) for name in self.modalities}
        return WatchedWorld(self, senses)


@final
@dataclass(frozen=True, slots=True, eq=False)
class WatchedWorld:
    """The world of a ``Watched`` recipe, in memory: one recording per sense, row by row of the same film and time."""

    watched: Watched
    senses: Mapping[str, Recording]

    @property
    def n_input(self) -> Mapping[str, int]:
        """Numbers in one observation of each sense."""
        return {name: sense.n_input for name, sense in self.senses.items()}

    @property
    def n_held_out(self) -> int:
        """Lives that are never learned from."""
        return len(self.senses["video"].test)

    def draw(self, batch: int, rng: np.random.Generator) -> tuple[Episode, Int[ndarray, " batch"]]:
        """``batch`` sequences of the training part, with replacement, and their labels (for probes only)."""
        video = self.senses["video"]
        row = rng.integers(len(video.train), size=batch)
        lived = {name: sense.train[torch.from_numpy(row)] for name, sense in self.senses.items()}
        return self._episode(lived), video.train_label[row]

    def held_out(self, rng: np.random.Generator, *, without: Sequence[str] = ()) -> Episode:
        """The whole held-out part, whatever ``rng`` is; senses named in ``without`` have nothing to sense, as in ``silent``."""
        return self.silent(self._episode({name: sense.test for name, sense in self.senses.items()}), without, rng)

    def silent(self, episode: Episode, without: Sequence[str], rng: np.random.Generator) -> Episode:  # noqa: ARG002
        """The same lives with nothing to sense for some senses: darkness, silence. Raises ``UnknownName`` for another sense."""
        observation = dict(episode.observation)
        for name in without:
            if name not in self.senses:
                raise UnknownName("sense", name, self.senses)
            sense = self.senses[name]
            observation[name] = torch.full_like(observation[name], -sense.offset / sense.spread)
        return Episode(observation)

    def _episode(self, rows: Mapping[str, UInt8[Tensor, "batch time _"]]) -> Episode:
        kind = torch.get_default_dtype()
        return Episode({n: (part.to(kind) - self.senses[n].offset) / self.senses[n].spread for n, part in rows.items()})

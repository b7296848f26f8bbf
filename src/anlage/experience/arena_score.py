"""Lives in an arena, and how they are judged: intake and the indices of the literature."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import BodyError
from anlage.experience.arena import Arena
from anlage.experience.arena_behaviour import Forager

NEUTRAL_MM = 5.0
"""Half the width of the strip in the middle of a dish that counts for neither side."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What happened: where everybody was (mm), what each sensed on its way, and ate of its fill, moment by moment."""

    step_s: float
    place: Float[ndarray, "time world agent 2"]
    sense: Float[ndarray, "time world agent input"]
    eaten: Float[ndarray, "time world agent"]

    @property
    def intake_s(self) -> Float[ndarray, "world agent"]:
        """How long each ate, in seconds at its full rate."""
        found: ndarray = self.eaten.sum(0) * self.step_s
        return found


def forage(
    arena: Arena,
    forager: Forager,
    rngs: Sequence[np.random.Generator],
    seconds: float = 300.0,
    progress: Callable[[int, int], None] | None = None,
) -> Track:
    """Live for so long; the first of ``rngs``, one per world, also seeds the forager. Raises ``BodyError`` for no time."""
    if not 0 < seconds < 1e6:
        raise BodyError(f"A life of {seconds} s cannot be lived; give a number of seconds above 0.")
    steps = max(1, round(seconds / arena.body.step_s))
    sense = arena.start(rngs)
    forager.restart(arena, torch.Generator().manual_seed(int(rngs[0].integers(2**62))))
    place, senses, meals = [], [], []
    for step in range(steps):
        place.append(arena.now.pose.place.numpy().copy())
        sense, eaten = arena.step(forager.step(sense))
        senses.append(sense.numpy().astype(np.float32))
        meals.append(eaten.numpy())
        if progress:
            progress(step + 1, steps)
    return Track(arena.body.step_s, *(np.stack(part) for part in (place, senses, meals)))


@final
@dataclass(frozen=True, slots=True)
class Index:
    """An index with its 95 % interval over animals."""

    name: str
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.name} {self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def preference(track: Track, rng: np.random.Generator) -> Index:
    """(animals on the side of the odour - animals on the other) / all, at the end; the odour lies towards positive x.

    The index of larval assays (ethyl acetate 0.76 +- 0.08, Sci Rep 2019 9:4055, fig. 8; ethanol 0.62, PMC8192949, fig. 1)
    and, with its two zones, of chemotaxis assays with worms (Bargmann, Hartwieg & Horvitz 1993, Cell 74:515). A strip of 10 mm
    in the middle counts for neither side.
    """
    x = track.place[-1, ..., 0].ravel()
    return _index("preference", np.sign(x) * (np.abs(x) > NEUTRAL_MM), rng)


def approach(track: Track, target_mm: tuple[float, float], rng: np.random.Generator) -> Index:
    """Mean over time of ``1 - distance / distance at the start``: the index of Izquierdo & Lockery 2010 (J Neurosci 30:12908).

    1 for somebody who is at the target at once, 0 for one who stays at the start, below 0 for one who goes away.
    """
    distance = np.linalg.norm(track.place - np.array(target_mm), axis=-1)
    share = 1 - distance / np.maximum(distance[0], 1e-9)
    return _index("approach", share.mean(0).ravel(), rng)


def intake(track: Track, rng: np.random.Generator) -> Index:
    """Share of its life that an animal spent eating at its full rate."""
    return _index("intake", track.eaten.mean(0).ravel(), rng)


def scores(track: Track, target_mm: tuple[float, float], rng: np.random.Generator) -> tuple[Index, ...]:
    """Preference, approach and intake."""
    return preference(track, rng), approach(track, target_mm, rng), intake(track, rng)


def _index(name: str, each: Float[ndarray, " animal"], rng: np.random.Generator) -> Index:
    """The mean over animals, with a bootstrap interval (1,000 resamples of animals)."""
    again = each[rng.integers(len(each), size=(1000, len(each)))].mean(1)
    low, high = np.quantile(again, [0.025, 0.975])
    return Index(name, float(each.mean()), float(low), float(high))

"""What a worm feels and does while its wiring lets it swim: a stream of its own making, recorded once."""

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.connectome.worm import worm
from anlage.errors import RecipeError
from anlage.experience.experience import Recording
from anlage.experience.life import STEPS
from anlage.experience.swimmer import Swimmer
from anlage.network.reflex import Assumption, Reflex
from anlage.seed import Seed
from anlage.topology.motor import motor

INNATE = Assumption(stretch=4.0, reach_rows=7.2)
"""Of the six settings that the wiring leaves open, the one that swims best on six links (evidence/innate-swimming)."""
PHASES = 4
"""Quarters of the head's period: the labels of a recording, for probes only."""


@final
@dataclass(frozen=True, slots=True)
class Swimming:
    """The worm's motor wiring swims in a body of ``links`` links, as it was born, and writes down what it feels and does.

    An observation comes every ``every`` steps of control (30 ms each): how far every joint is bent, and the torque that every
    joint is given until the next observation, both -1 to 1. What is done is thus known when the next bend is predicted.
    ``babble``: standard deviation of a torque that is drawn anew for every joint at every observation and added to what the
    wiring does; it is assumed. Without it what is done follows from what was felt and from the clock of the head.

    ``lives`` lives of 30 s begin in random postures that ``seed`` decides; the last quarter is held out. Sequences are stretches
    of ``moments`` observations, half of each shared with the next. The label is the quarter of the head's period in which a
    sequence ends. Needs the extra ``body``; the same at every call, on one machine.
    """

    moments: int = 24
    every: int = 4
    lives: int = 16
    babble: float = 0.3
    links: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.every <= 50 or not 2 <= self.moments <= STEPS // self.every:
            raise RecipeError(
                f"every is {self.every} and moments {self.moments}, but every must be 1 to 50 and moments 2 to {STEPS} steps of "
                "control over it."
            )
        if not 4 <= self.lives <= 1000 or not 0 <= self.babble <= 1 or not 3 <= self.links <= 25:
            raise RecipeError(
                f"lives is {self.lives}, babble {self.babble} and links {self.links}, but they must be 4 to 1,000, 0 to 1 and 3 "
                "to 25."
            )

    @property
    def source(self) -> Source:
        """That of the wiring; the rest is computed."""
        wiring = worm().source
        return Source(
            key="swimming",
            title=f"A swimming body moved by the motor wiring of: {wiring.title}",
            version=wiring.version,
            licence=wiring.licence,
            origin=wiring.origin,
            bibtex=wiring.bibtex,
            lossy=f"{wiring.lossy} Body, fluid and what the wiring does not say are assumed; numbers are kept with 8 bits.",
        )

    def open(self) -> Recording:
        """The recording, made once in a process."""
        return _recording(self)


@lru_cache(maxsize=4)
def _recording(swimming: Swimming) -> Recording:
    stream = swim(swimming)
    coded = np.rint((stream + 1) / 2 * 255).astype(np.uint8)
    starts = np.arange(0, coded.shape[1] - swimming.moments + 1, max(1, swimming.moments // 2))
    windows = np.stack([coded[:, start : start + swimming.moments] for start in starts], 1)
    ends = (starts + swimming.moments - 1) * swimming.every % INNATE.period * PHASES // INNATE.period
    cut = swimming.lives * 3 // 4
    parts = []
    for part in (windows[:cut], windows[cut:]):
        parts += [part.reshape(-1, *part.shape[2:]), np.tile(ends, len(part))]
    return Recording.of("body", *parts)


def swim(swimming: Swimming) -> Float[ndarray, "life time input"]:
    """All lives from their beginnings: bends of all joints, then torques, between -1 and 1."""
    n_joints, lives = swimming.links - 1, range(swimming.lives)
    body = Swimmer(swimming.links, swimming.lives)
    reflex = Reflex([motor(worm())] * swimming.lives, [INNATE] * swimming.lives, n_joints)
    rngs = [Seed(swimming.seed).child("swimming").child(life).rng() for life in lives]
    bend, kept = body.start(rngs), []
    for _ in range(STEPS // swimming.every):
        felt, done = bend, np.zeros_like(bend)
        babble = swimming.babble * np.stack([rng.standard_normal(n_joints) for rng in rngs])
        for _ in range(swimming.every):
            action = np.clip(reflex.step(bend) + babble, -1, 1)
            done += action / swimming.every
            bend, _ = body.step(action)
        kept.append(np.concatenate([felt, done], 1))
    return np.stack(kept, 1)

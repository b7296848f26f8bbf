"""What a body is to whoever moves it: something that takes actions and tells how it is bent, and what that was worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Posture:
    """Where bodies are: the front end of each head in metres, its heading and the bend of each joint in radians."""

    front_m: Float[ndarray, "body 2"]
    heading: Float[ndarray, " body"]
    bend: Float[ndarray, "body joint"]
    link_m: float

    def points(self) -> Float[ndarray, "body point 2"]:
        """The ends of all links in the plane, head first, in metres."""
        angle = self.heading[:, None] + np.cumsum(np.pad(self.bend, ((0, 0), (1, 0))), axis=1)
        # A link points along its own +y axis, away from the head.
        along = self.link_m * np.stack([-np.sin(angle), np.cos(angle)], axis=2)
        first = self.front_m[:, None]
        return np.concatenate([first, first + np.cumsum(along, axis=1)], axis=1)


@runtime_checkable
class Body(Protocol):
    """Bodies side by side, each with ``n_joints`` joints, that are moved in steps of ``step_s`` seconds."""

    name: str
    step_s: float
    n_bodies: int
    n_joints: int

    def start(self, rngs: Sequence[np.random.Generator]) -> Float[ndarray, "body joint"]:
        """Each body in a random posture; what each senses: the bend of every joint, -1 to 1."""
        ...

    def step(
        self, action: Float[ndarray, "body joint"]
    ) -> tuple[Float[ndarray, "body joint"], Float[ndarray, " body"]]:
        """What every body senses after one step, and its reward, 0 to 1. Raises ``BodyError`` for an impossible action."""
        ...

    def posture(self) -> Posture:
        """Where every body is now."""
        ...

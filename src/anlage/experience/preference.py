"""What a body is to be like: the one observation that is preferred, in place of a reward."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import BodyError
from anlage.experience.world import World


@final
@dataclass(frozen=True, slots=True, eq=False)
class Preference:
    """A preferred observation.

    ``unit``: what counts as much of each number observed; observations are told in these units. ``enough``: a life that earns
    more than this has succeeded. Only those who look on count, in the world's own rewards.

    Raises ``BodyError`` for numbers that do not belong together, or units that are not positive.
    """

    observation: tuple[float, ...]
    unit: tuple[float, ...]
    enough: float

    def __post_init__(self) -> None:
        if len(self.unit) != len(self.observation) or min(self.unit, default=0) <= 0:
            raise BodyError(
                f"A preferred observation of {len(self.observation)} numbers was given with the units {self.unit}; give one "
                "positive unit for each."
            )

    @property
    def goal(self) -> Float[ndarray, " input"]:
        """The preferred observation in its units."""
        return np.asarray(np.array(self.observation) / np.array(self.unit))


PREFERENCES = {"pendulum": Preference((1.0, 0.0, 0.0), (1.0, 1.0, 8.0), enough=-450.0)}
"""Body -> what it is to be like. The pendulum shows cosine and sine of its angle, and its speed in rad/s: upright and still."""


@final
class InUnits:
    """A world whose observations are told in units. Raises ``BodyError`` for another number of units than are observed."""

    def __init__(self, world: World, unit: tuple[float, ...]) -> None:
        if len(unit) != world.n_observed:
            raise BodyError(f"{len(unit)} units were given for the {world.n_observed} numbers of {world.name!r}.")
        self.name, self.n_observed, self.n_action, self.limit = (
            world.name,
            world.n_observed,
            world.n_action,
            world.limit,
        )
        self._world, self._unit = world, np.array(unit)

    def begin(self, seed: int) -> Float[ndarray, " input"]:
        """A new life; what is observed first."""
        return np.asarray(self._world.begin(seed) / self._unit)

    def step(self, action: Float[ndarray, " action"]) -> tuple[Float[ndarray, " input"], float, bool]:
        """One step of the world."""
        observed, reward, over = self._world.step(action)
        return observed / self._unit, reward, over

"""What a body is to be like: the one observation that is preferred, in place of a reward."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import BodyError
from anlage.experience.dish import PAST, STRONGEST
from anlage.experience.swimmer import FULL_SPEED
from anlage.experience.world import World


@final
@dataclass(frozen=True, slots=True, eq=False)
class Preference:
    """A preferred observation, and the pace at which a body is moved towards it.

    ``observation``: None for a number that may be anything. ``unit``: what counts as much of each number observed; observations
    are told in these units. ``sd``: how far from it is still much preferred, in units. ``held``: steps of the world that an
    action lasts for whoever plans; ``kept``: how many of these an action drawn by chance is repeated. ``enough``: a life that
    earns more than this has succeeded. Only those who look on count, in the world's own rewards.

    Raises ``BodyError`` for numbers that do not belong together, units or an ``sd`` that are not positive, actions that do not
    last, and where nothing is preferred.
    """

    observation: tuple[float | None, ...]
    unit: tuple[float, ...]
    enough: float
    sd: float = 1.0
    held: int = 1
    kept: int = 10

    def __post_init__(self) -> None:
        if len(self.unit) != len(self.observation) or min((*self.unit, self.sd), default=0) <= 0:
            raise BodyError(
                f"A preferred observation of {len(self.observation)} numbers was given with the units {self.unit} and the "
                f"standard deviation {self.sd}; give one positive unit for each, and a positive standard deviation."
            )
        if all(number is None for number in self.observation):
            raise BodyError("Of a preferred observation every number may be anything; prefer at least one.")
        if min(self.held, self.kept) < 1:
            raise BodyError(f"Actions that last {self.held} steps, kept {self.kept} times, do nothing; give 1 or more.")

    @property
    def goal(self) -> Float[ndarray, " input"]:
        """The preferred observation in its units; not a number where it may be anything."""
        wanted = [np.nan if number is None else number for number in self.observation]
        return np.asarray(np.array(wanted) / np.array(self.unit))


PREFERENCES = {
    "pendulum": Preference((1.0, 0.0, 0.0), (1.0, 1.0, 8.0), enough=-450.0),
    "swimmer": Preference(
        (*[None] * 11, FULL_SPEED, None), (*[1.0] * 5, *[10.0] * 5, 0.1, 0.05, 5.0), 500.0, sd=0.2, held=3, kept=3
    ),
    "dish": Preference((STRONGEST, *[None] * 8), (0.5, *[0.1] * (PAST - 1), *[0.3] * PAST, 0.5), 300.0, sd=0.5, kept=3),
}
"""Body -> what it is to be like. Pendulum (cosine and sine of its angle, its speed in rad/s): upright and still. Swimmer (bends,
their rates, the head's motion): its head forward at full speed, give or take 0.01 m/s. Larva in a dish (smell now and how it
changed, the bend of its head): as strong a smell as there is, give or take a quarter in its logarithm."""


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


@final
class Held:
    """A world in which every action lasts ``steps`` steps, and earns what these earn together. Raises ``BodyError`` for none."""

    def __init__(self, world: World, steps: int) -> None:
        if steps < 1:
            raise BodyError(f"An action in {world.name!r} cannot last {steps} steps; give 1 or more.")
        self.name, self.n_observed, self.n_action = world.name, world.n_observed, world.n_action
        self.limit = -(-world.limit // steps)
        self._world, self._steps, self._left = world, steps, 0

    def begin(self, seed: int) -> Float[ndarray, " input"]:
        """A new life; what is observed first."""
        self._left = self._world.limit
        return self._world.begin(seed)

    def step(self, action: Float[ndarray, " action"]) -> tuple[Float[ndarray, " input"], float, bool]:
        """Some steps of the world under one action, as many as its life still has."""
        earned = 0.0
        for _ in range(max(1, min(self._steps, self._left))):
            observed, reward, over = self._world.step(action)
            earned, self._left = earned + reward, self._left - 1
            if over:
                break
        return observed, earned, over

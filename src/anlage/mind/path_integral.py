"""Plans by trying courses of action out and weighing them by what they would earn: model predictive path integral control."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import RecipeError

Promise = Callable[[Float[ndarray, "candidate moment action"]], Float[ndarray, " candidate"]]
"""What each course of actions would earn."""


@runtime_checkable
class Foretells(Protocol):
    """A world that says what courses of action would earn from where it is, and stays there."""

    n_action: int

    def promise(self, courses: Float[ndarray, "candidate moment action"]) -> Float[ndarray, " candidate"]:
        """What each course would earn."""
        ...


@final
@dataclass(frozen=True, slots=True)
class PathIntegral:
    """Courses of ``horizon`` actions, each number of them -1 to 1, weighed by the exponential of what they promise.

    ``candidates`` courses are drawn around the last plan: normal chance of standard deviation ``spread``, the same for ``held``
    moments on end; the first of them is the last plan itself. The new plan is their mean, a course that promises ``R`` weighed by
    ``exp(R / heat)`` (Williams, Aldrich & Theodorou 2017, J Guid Control Dyn 40:344, without the pay for staying near the last
    plan). ``heat`` is ``warmth`` standard deviations of the promises, so that the unit of reward does not matter.

    Raises ``RecipeError`` for numbers below one, or a spread or warmth that is not positive.
    """

    horizon: int = 18
    candidates: int = 40
    spread: float = 0.8
    held: int = 4
    warmth: float = 0.3

    def __post_init__(self) -> None:
        if min(self.horizon, self.candidates, self.held) < 1:
            raise RecipeError(
                f"A planner of {self.horizon} moments, {self.candidates} candidates and chance held for {self.held} moments was "
                "asked for; all must be 1 or more."
            )
        for name in ("spread", "warmth"):
            if not 0 < (value := getattr(self, name)) < float("inf"):
                raise RecipeError(f"{name} of a planner is {value}, but must be a positive number.")

    def plan(
        self, promise: Promise, before: Float[ndarray, "moment action"], rng: np.random.Generator
    ) -> Float[ndarray, "moment action"]:
        """A better course than ``before``, as far as what was tried out tells."""
        courses = self.courses(before, rng)
        return np.asarray(np.einsum("i,ita->ta", self.weights(promise(courses)), courses))

    def courses(
        self, before: Float[ndarray, "moment action"], rng: np.random.Generator
    ) -> Float[ndarray, "candidate moment action"]:
        """What is tried out."""
        knots = -(-self.horizon // self.held)
        chance = self.spread * rng.standard_normal((self.candidates, knots, before.shape[1]))
        chance = np.repeat(chance, self.held, axis=1)[:, : self.horizon]
        chance[0] = 0.0
        return np.clip(before + chance, -1, 1)

    def weights(self, earned: Float[ndarray, " candidate"]) -> Float[ndarray, " candidate"]:
        """How much each course counts; they sum to 1. Where all promise the same, all count the same."""
        heat = self.warmth * earned.std()
        weight = np.exp((earned - earned.max()) / heat) if heat > 0 else np.ones_like(earned)
        return np.asarray(weight / weight.sum())


@final
class PlanningExpert:
    """Acts in worlds side by side by plans that were tried out in them: for ``demonstrate``, an expert.

    In each world the plan of one moment goes on from that of the moment before. One is good for one life in every world.
    """

    def __init__(self, planner: PathIntegral, worlds: Sequence[Foretells], rng: np.random.Generator) -> None:
        self._planner, self._worlds, self._rng = planner, list(worlds), rng
        self._plans = [np.zeros((planner.horizon, world.n_action)) for world in worlds]

    def __call__(self, observation: Float[ndarray, "body input"]) -> Float[ndarray, "body action"]:  # noqa: ARG002
        """What is done next in every world; it needs no observation, it has the worlds."""
        actions = []
        for number, (world, plan) in enumerate(zip(self._worlds, self._plans, strict=True)):
            better = self._planner.plan(world.promise, plan, self._rng)
            actions.append(better[0])
            self._plans[number] = np.concatenate([better[1:], np.zeros_like(better[:1])])
        return np.stack(actions)

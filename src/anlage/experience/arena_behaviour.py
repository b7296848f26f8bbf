"""Ways to move in an arena that need no wiring: bounds and yardsticks for those that have one."""

from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from anlage.experience.arena import Arena
from anlage.experience.arena_body import Habit

PERCEIVED_S = 1.0
"""Time constant of the running mean that a change of smell is taken against, s; about the kernels of Davies et al. 2015."""


@runtime_checkable
class Forager(Protocol):
    """Something that moves every animal of an arena."""

    name: str

    def restart(self, arena: Arena, generator: torch.Generator) -> None:
        """Begin new lives; all chance comes from ``generator``."""
        ...

    def step(self, sense: Float[Tensor, "world agent input"]) -> Float[Tensor, "world agent 2"]:
        """The actions that follow from what is sensed."""
        ...


@final
class Still:
    """Does not move."""

    name = "still"

    def restart(self, arena: Arena, generator: torch.Generator) -> None:
        """Nothing to begin."""
        del arena, generator

    def step(self, sense: Float[Tensor, "world agent input"]) -> Float[Tensor, "world agent 2"]:
        """Zeros."""
        return sense.new_zeros(*sense.shape[:2], 2)


@final
class Walk:
    """Runs that end by chance in turns to either side that end by chance: the habit of a body, and what changes its rates.

    A larva that reaches the limit of its cast casts to the other side. ``step`` takes factors on the rates at which runs and
    turns end, and how much likelier than right a turn goes left (in logits), all 1, 1 and 0 for an animal that senses nothing.
    """

    def __init__(self, arena: Arena, generator: torch.Generator) -> None:
        shape = (arena.n_worlds, arena.n_agents)
        self._arena, self._generator = arena, generator
        self._turning = torch.zeros(shape, dtype=torch.bool)
        self._side = torch.ones(shape)
        self._limit = float(np.deg2rad(getattr(arena.body, "limit_deg", np.inf))) - 1e-3

    def step(
        self,
        run_ends: Float[Tensor, "world agent"] | float = 1.0,
        turn_ends: Float[Tensor, "world agent"] | float = 1.0,
        left: Float[Tensor, "world agent"] | float = 0.0,
    ) -> Float[Tensor, "world agent 2"]:
        """The actions of the habit under these influences."""
        habit: Habit = self._arena.body.habit
        dt = self._arena.body.step_s
        chance = torch.rand(*self._turning.shape, 2, generator=self._generator)
        rate = torch.where(
            self._turning,
            torch.as_tensor(turn_ends) * habit.turn_ends_hz,
            torch.as_tensor(run_ends) * habit.run_ends_hz,
        )
        # An event of a Poisson process within dt.
        switch: Bool[Tensor, "world agent"] = chance[..., 0] < -torch.expm1(-rate * dt)
        begins = switch & ~self._turning
        to_left = chance[..., 1] < torch.sigmoid(torch.as_tensor(left).expand(self._turning.shape))
        self._side = torch.where(begins, torch.where(to_left, 1.0, -1.0), self._side)
        bend = self._arena.now.pose.bend
        self._side = torch.where(self._turning & (bend.abs() > self._limit), -bend.sign(), self._side)
        self._turning = self._turning ^ switch
        forward = torch.where(self._turning, habit.speed_in_turn, 1.0)
        return torch.stack([forward, torch.where(self._turning, self._side, 0.0)], -1)


@final
class RandomWalk:
    """Runs and turns as it would without any sense: what an index is without a preference."""

    name = "random walk"

    def restart(self, arena: Arena, generator: torch.Generator) -> None:
        """Begin new walks."""
        self._walk = Walk(arena, generator)

    def step(self, sense: Float[Tensor, "world agent input"]) -> Float[Tensor, "world agent 2"]:
        """The habit of the body alone."""
        del sense
        return self._walk.step()


@final
class RunAndTurn:
    """Ends runs sooner where smell fades and turns sooner where it grows: klinokinesis, from its own receptors alone.

    The two rules of Davies, Louis & Webb 2015 (PLoS Comput Biol 11:e1004606) and of Pierce-Shimomura et al. 1999 (J Neurosci
    19:9557) in their shortest form: rates are multiplied by ``exp(-gain x)`` and ``exp(gain x)``, where ``x`` is the change of
    the summed response, as a share of itself, since about a second ago. In a worm, whose neurons respond to changes themselves,
    ``x`` is rise less fall. The gain is assumed, and that it stays where it tastes food.
    """

    name = "run and turn"

    def __init__(self, gain: float = 20.0) -> None:
        self.gain = gain

    def restart(self, arena: Arena, generator: torch.Generator) -> None:
        """Begin new lives that remember nothing."""
        self._walk, self._mean = Walk(arena, generator), None
        self._n, self._food = len(arena.nose.names), arena.senses.index("food left")
        self._worm = arena.body.name == "worm"
        self._keep = float(np.exp(-arena.body.step_s / PERCEIVED_S))

    _mean: Tensor | None

    def step(self, sense: Float[Tensor, "world agent input"]) -> Float[Tensor, "world agent 2"]:
        """The habit, hastened and delayed by what changes."""
        smell = sense[..., : self._n]
        if self._worm:
            change = (smell[..., 0] - smell[..., 2] + smell[..., 4] - smell[..., 5]) / 2
        else:
            total = smell.sum(-1)
            self._mean = total if self._mean is None else self._keep * self._mean + (1 - self._keep) * total
            change = (total - self._mean) / (self._mean + 1e-6)
        influence = (self.gain * change).clamp(-3, 3)
        action = self._walk.step(torch.exp(-influence), torch.exp(influence))
        action[..., 0] *= 1 - sense[..., self._food]
        return action


@final
class TrueGradient:
    """Knows the slope of the odour and steers up it without delay, then stays: more than an animal can know, an upper bound."""

    name = "true gradient"

    def restart(self, arena: Arena, generator: torch.Generator) -> None:
        """Look at the arena."""
        del generator
        self._arena = arena

    def step(self, sense: Float[Tensor, "world agent input"]) -> Float[Tensor, "world agent 2"]:
        """Turn the head towards the slope; stop where there is none, as on a drop."""
        slope, pose = self._arena.gradient(), self._arena.now.pose
        # A worm's body goes where it heads, a larva's where its head points.
        head = pose.heading + (0.0 if self._arena.body.name == "worm" else pose.bend)
        off = torch.atan2(slope[..., 1], slope[..., 0]) - head
        off = torch.atan2(torch.sin(off), torch.cos(off))
        go = (torch.linalg.vector_norm(slope, dim=-1) > 1e-7).to(sense.dtype)
        return torch.stack([go, go * off.clamp(-1, 1)], -1)


REFERENCES = (Still, RandomWalk, RunAndTurn, TrueGradient)
"""Reference behaviours, from none to the best that can be."""

"""An arena in which animals forage: a plane with odours, light, warmth, food and walls, for many animals in many worlds at once.

Nothing in a step is random: whatever chance there is comes from where animals start, from the wind's own ways, and from whoever
moves the animals. The same starts and actions give the same lives on any number of threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from anlage.errors import BodyError
from anlage.experience.arena_body import Crawler, Larva, Pose
from anlage.experience.arena_field import Drop, Scene, StillAir, check_inside
from anlage.experience.arena_sense import GENERAL, Nose, general, nose_of


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """All that changes in an arena."""

    pose: Pose
    memory: Tensor
    food_s: Float[Tensor, "world drop"]
    time_s: Float[Tensor, " world"]


@final
class Arena:
    """``n_worlds`` worlds of one scene, each with ``n_agents`` animals that eat the same food and touch one another.

    ``senses`` names the channels of what is sensed: of the olfactory neurons, then ``GENERAL``. An action is (forward, turn),
    each -1 to 1, of the body's fastest. Reward is what an animal ate, as a share of what it could have eaten in that step;
    animals that eat more of a drop than is left share it alike. The walls hold the middle of a body; its nose can reach 2 mm
    beyond.

    Raises ``BodyError`` for a drop beyond the walls and for no worlds or animals, ``DataMissing`` without the table of receptors.
    """

    def __init__(
        self, scene: Scene, body: Crawler | None = None, n_worlds: int = 1, n_agents: int = 1, nose: Nose | None = None
    ) -> None:
        if n_worlds < 1 or n_agents < 1:
            raise BodyError(
                f"An arena of {n_worlds} worlds with {n_agents} animals each has nobody in it; give at least 1 and 1."
            )
        check_inside(scene.walls, scene.drops)
        self.scene, self.body = scene, body if body is not None else Larva()
        self.n_worlds, self.n_agents = n_worlds, n_agents
        self.nose = nose if nose is not None else nose_of(self.body.name, scene.odours)
        self.senses = (*self.nose.names, *GENERAL)
        # Edibles by number, with what they hold at first; in double precision, so that what is eaten adds up.
        self._full = torch.tensor([drop.food_s for drop in scene.drops], dtype=torch.float64)
        self._edible = [(i, drop) for i, drop in enumerate(scene.drops) if drop.food_s > 0]
        self._now: Moment | None = None

    @property
    def now(self) -> Moment:
        """Everything at this moment. Raises ``BodyError`` before ``start``."""
        if self._now is None:
            raise BodyError("Nobody is in the arena yet; call start first.")
        return self._now

    def start(
        self, rngs: Sequence[np.random.Generator], worlds: Sequence[int] | None = None
    ) -> Float[Tensor, "world agent input"]:
        """Begin some worlds anew (all, where ``worlds`` is None), each with random numbers of its own; what everybody senses."""
        numbers = list(range(self.n_worlds)) if worlds is None else list(worlds)
        if len(rngs) != len(numbers):
            raise BodyError(
                f"{len(rngs)} streams of random numbers were given to {len(numbers)} worlds; give one each."
            )
        drawn = [self._drawn(rng) for rng in rngs]
        pose = Pose(*(torch.stack(column) for column in zip(*drawn, strict=True)))
        n = len(numbers)
        fresh = Moment(pose, torch.empty(0), self._full.repeat(n, 1), torch.zeros(n))
        if worlds is None:
            self._now = fresh
        else:
            self._now = _placed(self.now, fresh, torch.tensor(numbers, dtype=torch.long))
        smelled = self._smelled(self.now)
        first = self.nose.start(smelled)
        if worlds is not None and first.numel():
            kept = self.now.memory.clone()
            kept[numbers] = first[numbers]
            first = kept
        self._now = Moment(self.now.pose, first, self.now.food_s, self.now.time_s)
        return self._sensed(smelled, step_s=0.0)

    def put(self, moment: Moment) -> Float[Tensor, "world agent input"]:
        """Go on from any moment; what everybody senses."""
        self._now = moment
        return self._sensed(self._smelled(moment), step_s=0.0)

    def step(
        self, action: Float[Tensor, "world agent 2"]
    ) -> tuple[Float[Tensor, "world agent input"], Float[Tensor, "world agent"]]:
        """One step of ``body.step_s``: what everybody senses then, and what each ate of its fill.

        Raises ``BodyError`` for actions of another shape and for those that are not numbers.
        """
        if tuple(action.shape) != (self.n_worlds, self.n_agents, 2):
            raise BodyError(
                f"Actions of shape {tuple(action.shape)} were given to {self.n_worlds} worlds of {self.n_agents} animals; give "
                f"{(self.n_worlds, self.n_agents, 2)}: forward and turn of each."
            )
        if not bool(torch.isfinite(action).all()):
            raise BodyError(
                "Some actions are not finite numbers; no animal can follow them, so repair what computes them."
            )
        before = self.now
        moved = self.body.move(before.pose, action)
        place, heading = self.scene.walls.reflect(moved.place, moved.heading)
        pose = Pose(place, heading, moved.bend, moved.phase)
        eaten, left = self._eat(pose, before.food_s)
        self._now = Moment(pose, before.memory, left, before.time_s + self.body.step_s)
        return self._sensed(self._smelled(self._now), self.body.step_s), eaten

    def gradient(self, step_mm: float = 0.05) -> Float[Tensor, "world agent 2"]:
        """The slope of all odours together between the two organs of smell, per mm: what no animal can sense in one place."""
        nose = self.body.noses(self.now.pose).mean(-2)
        parts = []
        for axis in torch.eye(2):
            ends = torch.stack([nose + step_mm * axis, nose - step_mm * axis], -2)
            high, low = self._concentration(ends, self.now).sum(-1).unbind(-1)
            parts.append((high - low) / (2 * step_mm))
        return torch.stack(parts, -1)

    def _drawn(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        radius = self.scene.start_mm * np.sqrt(rng.uniform(size=self.n_agents))
        around, heading, phase = rng.uniform(-np.pi, np.pi, (3, self.n_agents))
        place = radius[:, None] * np.stack([np.cos(around), np.sin(around)], 1)

        def single(values: ndarray) -> Tensor:
            return torch.from_numpy(values.astype(np.float32))

        return single(place), single(heading), single(np.zeros_like(heading)), single(phase)

    def _concentration(
        self, place: Float[Tensor, "world *shape 2"], moment: Moment
    ) -> Float[Tensor, "world *shape odour"]:
        left = torch.where(self._full > 0, moment.food_s / self._full.clamp(min=1e-9), 1.0).to(torch.float32)
        return self.scene.concentration(place, moment.time_s, left)

    def _smelled(self, moment: Moment) -> Float[Tensor, "world agent 2 odour"]:
        return self._concentration(self.body.noses(moment.pose), moment)

    def _sensed(
        self, smelled: Float[Tensor, "world agent 2 odour"], step_s: float
    ) -> Float[Tensor, "world agent input"]:
        now = self.now
        receptors, memory = self.nose(smelled, now.memory, step_s)
        self._now = Moment(now.pose, memory, now.food_s, now.time_s)
        organs = self.body.noses(now.pose)
        company, touch = self._others(organs)
        food = organs.new_zeros(self.n_worlds, self.n_agents)
        for i, drop in self._edible:
            here = _within(organs.mean(-2), drop) & (now.food_s[:, i] > 0)[:, None]
            food = torch.where(here, 1.0, food)
        beside = general(
            self.scene.light.at(organs), self.scene.warmth.at(organs), touch, food[..., None].expand(-1, -1, 2), company
        )
        return torch.cat([receptors, beside], -1)

    def _others(
        self, organs: Float[Tensor, "world agent 2 2"]
    ) -> tuple[Float[Tensor, "world agent 2"], Float[Tensor, "world agent 2"]]:
        """The odour of others, and touch: of the wall by the nose, of others by the whole length of a body."""
        pose, nothing = self.now.pose, organs.new_zeros(self.n_worlds, self.n_agents, 2)
        wall = self.scene.walls
        reflected = wall.reflect(organs.flatten(1, 2), organs.new_zeros(self.n_worlds, 2 * self.n_agents))[0]
        touch = (reflected.reshape(organs.shape) != organs).any(-1).to(organs.dtype)
        if self.n_agents == 1:
            return nothing, touch
        apart = torch.cdist(organs.mean(-2), pose.place, compute_mode="donot_use_mm_for_euclid_dist")
        apart = apart + torch.diag(apart.new_full((self.n_agents,), torch.inf))
        met = (apart < (self.body.length_mm + self.body.width_mm) / 2).any(-1, keepdim=True)
        touch = torch.maximum(touch, met.to(touch.dtype))
        if self.scene.company_mm == 0:
            return nothing, touch
        # The diagonal is infinitely far, so that nobody smells itself; each sum runs along one row, in one order.
        smell = torch.exp(-apart.square() / (2 * self.scene.company_mm**2)).sum(-1, keepdim=True)
        return smell.expand(-1, -1, 2), touch

    def _eat(
        self, pose: Pose, food_s: Float[Tensor, "world drop"]
    ) -> tuple[Float[Tensor, "world agent"], Float[Tensor, "world drop"]]:
        eaten, left = pose.place.new_zeros(self.n_worlds, self.n_agents), food_s.clone()
        busy = torch.zeros(self.n_worlds, self.n_agents, dtype=torch.bool)
        mouth = self.body.noses(pose).mean(-2)
        for i, drop in self._edible:
            at_it = _within(mouth, drop) & ~busy
            busy |= at_it
            # How many eat is a whole number, so that sharing does not depend on an order of summation.
            eaters = at_it.sum(-1)
            each = torch.minimum(left[:, i] / eaters.clamp(min=1), torch.tensor(self.body.step_s, dtype=torch.float64))
            left[:, i] = (left[:, i] - each * eaters).clamp(min=0)
            eaten = eaten + at_it * (each / self.body.step_s)[:, None].to(eaten.dtype)
        return eaten, left


def assay(animal: str, odour: str | None = None) -> Scene:
    """A choice between a drop of odour and nothing, from the centre of a Petri dish: what larvae and worms are tested in.

    The odour is ethyl acetate for a larva, diacetyl for a worm, unless said otherwise; its drop is food for as long as anybody
    eats.
    """
    chosen = odour or {"larva": "Ethyl acetate", "worm": "diacetyl"}.get(animal, "")
    return Scene(drops=(Drop(30.0, 0.0, chosen, food_s=1e6),), air=StillAir())


def _within(place: Float[Tensor, "world agent 2"], drop: Drop) -> Tensor:
    return torch.hypot(place[..., 0] - drop.x_mm, place[..., 1] - drop.y_mm) <= drop.radius_mm


def _placed(old: Moment, new: Moment, worlds: Tensor) -> Moment:
    def put(before: Tensor, after: Tensor) -> Tensor:
        copy = before.clone()
        copy[worlds] = after
        return copy

    pose = Pose(
        *(put(getattr(old.pose, name), getattr(new.pose, name)) for name in ("place", "heading", "bend", "phase"))
    )
    return Moment(pose, old.memory, put(old.food_s, new.food_s), put(old.time_s, new.time_s))

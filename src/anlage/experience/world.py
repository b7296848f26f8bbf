"""What something that learns to move lives in: a body in its surroundings, and lives that follow one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from anlage.errors import BodyError
from anlage.seed import Seed

SEED_BITS = 31
"""Bits of the seed of one life, few enough for every simulator."""


@runtime_checkable
class World(Protocol):
    """One body in its surroundings.

    All that happens after ``begin`` is decided by its seed and by what is then done, whatever was lived before. A life is over
    when it is ``terminated``; one that reaches ``limit`` steps is truncated by whoever keeps count.
    """

    name: str
    n_observed: int
    n_action: int
    limit: int

    def begin(self, seed: int) -> Float[ndarray, " input"]:
        """A new life; what is observed first."""
        ...

    def step(self, action: Float[ndarray, " action"]) -> tuple[Float[ndarray, " input"], float, bool]:
        """One step under an action, every number of it -1 to 1: what is observed then, its reward, whether it ended the life."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One step of worlds side by side.

    ``observation`` is what each observes now: where a life ended, the first of the next one. ``last`` is what each observed at
    the end of the step itself. ``total`` is the reward of the whole life so far.
    """

    observation: Float[ndarray, "body input"]
    last: Float[ndarray, "body input"]
    reward: Float[ndarray, " body"]
    total: Float[ndarray, " body"]
    terminated: Bool[ndarray, " body"]
    truncated: Bool[ndarray, " body"]

    @property
    def ended(self) -> Bool[ndarray, " body"]:
        """Whose life ended with this step."""
        return np.asarray(self.terminated | self.truncated)


@final
class Lives:
    """Worlds side by side, in each of which one life follows another.

    Life ``k`` of world ``b`` begins from its own named seed. So where all of them are now is told by the number of each life
    and by what was done in it so far: ``kept`` gives these, ``relive`` goes through them again and stands where it stood, to
    the last bit, in any world that keeps its promise. Actions are kept, and acted out, in single precision.

    Raises ``BodyError`` for no world or for worlds of different kinds.
    """

    def __init__(self, worlds: Sequence[World], seed: Seed) -> None:
        kinds = {(w.name, w.n_observed, w.n_action, w.limit) for w in worlds}
        if len(kinds) != 1:
            raise BodyError(f"{len(worlds)} worlds of {len(kinds)} kinds were given; give one or more of one kind.")
        self.name, self.n_observed, self.n_action, self.limit = kinds.pop()
        self._worlds, self._seed = list(worlds), seed
        n = self.n_bodies = len(worlds)
        self._life, self._age, self._total = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n)
        self._done = np.zeros((n, self.limit, self.n_action), np.float32)
        self.observation = np.zeros((n, self.n_observed))
        for body in range(n):
            self._begin(body)

    def step(self, action: Float[ndarray, "body action"]) -> Moment:
        """One step of every body. Raises ``BodyError`` for an action of another shape, or that is not a number."""
        given = np.asarray(action, np.float32)
        if given.shape != (self.n_bodies, self.n_action):
            raise BodyError(
                f"An action of shape {given.shape} was given to {self.n_bodies} bodies with {self.n_action} motors each; give "
                f"{(self.n_bodies, self.n_action)}."
            )
        if not np.isfinite(given).all():
            raise BodyError(
                f"{int((~np.isfinite(given)).sum())} of {given.size} actions are not finite numbers; no motor can follow them, "
                "so repair what computes them."
            )
        last, reward = np.empty_like(self.observation), np.empty(self.n_bodies)
        terminated = np.zeros(self.n_bodies, bool)
        for body in range(self.n_bodies):
            last[body], reward[body], terminated[body] = self._act(body, given[body])
        truncated, total = ~terminated & (self._age >= self.limit), self._total.copy()
        self.observation = last.copy()
        for body in np.flatnonzero(terminated | truncated).tolist():
            self._life[body] += 1
            self._begin(body)
        return Moment(self.observation, last, reward, total, terminated, truncated)

    def kept(self) -> dict[str, ndarray]:
        """Which life each body is in, and what it did in it so far: all that tells where it is."""
        done = [self._done[body, : self._age[body]] for body in range(self.n_bodies)]
        return {"life": self._life.copy(), "age": self._age.copy(), "done": np.concatenate(done)}

    def relive(self, kept: Mapping[str, ndarray]) -> None:
        """Stand where ``kept`` was taken."""
        self._life[:] = kept["life"]
        done = np.split(np.asarray(kept["done"]), np.cumsum(kept["age"])[:-1])
        for body, deeds in enumerate(done):
            self._begin(body)
            for deed in deeds:
                self.observation[body] = self._act(body, deed)[0]

    def _begin(self, body: int) -> None:
        seed = self._seed.child(body).child(int(self._life[body])).integer % (1 << SEED_BITS)
        self._age[body], self._total[body] = 0, 0.0
        self.observation[body] = self._worlds[body].begin(seed)

    def _act(self, body: int, action: Float[ndarray, " action"]) -> tuple[Float[ndarray, " input"], float, bool]:
        self._done[body, self._age[body]] = action
        self._age[body] += 1
        observation, reward, terminated = self._worlds[body].step(action.astype(np.float64))
        self._total[body] += reward
        return observation, reward, terminated

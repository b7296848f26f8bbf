"""What was lived while practising, cut into pieces that a network can be taken through again from a known state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from anlage.experience.world import Lives
from anlage.learning.advantage import advantages
from anlage.learning.policy import Layers, Mover, Policy, joined, parts, picked
from anlage.learning.running import FAR, LEAST, Running
from anlage.network import State
from anlage.seed import Seed


@dataclass(frozen=True, slots=True)
class Ended:
    """One life that is over: the steps that all bodies had taken together by then, what it earned, and how long it was."""

    step: int
    total: float
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Pieces of lives, none across the end of one; where one is shorter than the others, ``real`` is false after its end.

    ``state`` is that of the network before the first observation of each piece. ``goal`` is the value that was found.
    """

    observation: Float[Tensor, "segment time input"]
    intent: Float[Tensor, "segment time action"]
    log_density: Float[Tensor, "segment time"]
    advantage: Float[Tensor, "segment time"]
    goal: Float[Tensor, "segment time"]
    real: Bool[Tensor, "segment time"]
    state: State

    def __len__(self) -> int:
        return len(self.real)

    def pick(self, rows: Tensor) -> "Segments":
        """Some of the pieces."""
        return Segments(
            self.observation[rows],
            self.intent[rows],
            self.log_density[rows],
            self.advantage[rows],
            self.goal[rows],
            self.real[rows],
            picked(self.state, rows),
        )

    def mean(self, value: Float[Tensor, "segment time"]) -> Float[Tensor, ""]:
        """Mean over all that was lived."""
        return (value * self.real).sum() / self.real.sum()


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """What was lived step by step, before it is cut."""

    observation: Float[ndarray, "time1 body input"]
    last: Float[ndarray, "time body input"]
    intent: Float[Tensor, "time body action"]
    mean: Float[Tensor, "time body action"]
    reward: Float[ndarray, "time body"]
    terminated: Bool[ndarray, "time body"]
    truncated: Bool[ndarray, "time body"]

    @classmethod
    def empty(cls, time: int, lives: Lives) -> "Log":
        """Room for so many steps; the observation after the last one has a place too."""
        width, n, action = lives.n_observed, lives.n_bodies, lives.n_action
        return cls(
            np.zeros((time + 1, n, width), np.float32),
            np.zeros((time, n, width), np.float32),
            torch.empty(time, n, action),
            torch.empty(time, n, action),
            np.zeros((time, n)),
            np.zeros((time, n), bool),
            np.zeros((time, n), bool),
        )


@final
class Gatherer:
    """Lets a policy act in lives that follow one another, and knows how large observations and rewards usually are.

    Observations are shown in standard deviations from their mean, rewards divided by the standard deviation of their discounted
    sum (Andrychowicz et al. 2021, ICLR, app. B.9); both over all that was lived so far. ``seen``: what is known of observations
    already; a settled one stays as it is.
    """

    def __init__(self, lives: Lives, length: int, discount: float, seen: Running | None = None) -> None:
        self.lives, self._length, self._discount = lives, length, discount
        self.seen, self.worth = seen or Running(lives.n_observed), Running(1)
        self.seen.see(lives.observation)
        self.steps = 0
        self.state: State | None = None
        self._sum, self._age = np.zeros(lives.n_bodies), np.zeros(lives.n_bodies, np.int64)

    def gather(
        self, policy: Policy, time: int, noise: Float[Tensor, "time body action"]
    ) -> tuple[Log, "Cuts", list[Ended]]:
        """So many steps of every body; ``noise`` is standard normal."""
        lives, law = self.lives, policy.law
        log, cuts, ended = Log.empty(time, lives), Cuts(lives.n_bodies, self._length), []
        mover = Mover(policy.network, lives.n_bodies, self.state)
        spread = torch.exp(policy.log_sd.detach())
        log.observation[0] = self.seen.normal(lives.observation)
        for t in range(time):
            cuts.before(t, mover)
            log.mean[t] = mover.step(torch.from_numpy(log.observation[t]))
            torch.addcmul(log.mean[t], spread, noise[t], out=log.intent[t])
            moment = lives.step(law.action(log.intent[t]).numpy())
            self.steps += lives.n_bodies
            self._age += 1
            self.seen.see(moment.observation)
            log.observation[t + 1] = self.seen.normal(moment.observation)
            log.reward[t] = self._scaled(moment.reward)
            if (over := moment.ended).any():
                log.terminated[t], log.truncated[t] = moment.terminated, moment.truncated
                log.last[t, over] = self.seen.normal(moment.last[over])
                ended += [Ended(self.steps, float(moment.total[b]), int(self._age[b])) for b in np.flatnonzero(over)]
                self._sum[over], self._age[over] = 0, 0
                mover.begin_again(torch.from_numpy(over))
            cuts.after(over)
        self.state = mover.state
        return log, cuts, ended

    def _scaled(self, reward: Float[ndarray, " body"]) -> Float[ndarray, " body"]:
        self._sum = self._discount * self._sum + reward
        self.worth.see(self._sum[:, None])
        return np.asarray(np.clip(reward / np.sqrt(self.worth.variance[0] + LEAST), -FAR, FAR))

    def kept(self) -> dict[str, Tensor]:
        """All that is needed to go on from here."""
        arrays = {"sum": self._sum, "age": self._age, "steps": np.array([self.steps])}
        for name, part in (("lives", self.lives.kept()), ("seen", self.seen.kept()), ("worth", self.worth.kept())):
            arrays |= {f"{name}.{key}": value for key, value in part.items()}
        state = {f"state.{name}": part for name, part in parts(self.state).items()} if self.state else {}
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()} | state

    def restore(self, kept: Mapping[str, Tensor], fresh: State) -> None:
        """Stand where ``kept`` was taken; ``fresh`` is a state of the kind to fill."""
        within: dict[str, dict[str, Tensor]] = {"": {}, "lives": {}, "seen": {}, "worth": {}, "state": {}}
        for name, tensor in kept.items():
            room, _, key = name.rpartition(".")
            within[room][key] = tensor
        arrays = {room: {key: tensor.numpy().copy() for key, tensor in part.items()} for room, part in within.items()}
        self._sum, self._age, self.steps = arrays[""]["sum"], arrays[""]["age"], int(arrays[""]["steps"][0])
        self.lives.relive(arrays["lives"])
        self.seen.restore(arrays["seen"])
        self.worth.restore(arrays["worth"])
        self.state = type(fresh)(**within["state"])


@final
class Cuts:
    """Where pieces begin: at the first step, where a life does, and where a piece has its full length."""

    def __init__(self, n_bodies: int, length: int) -> None:
        self._length, self._n_bodies = length, n_bodies
        self._begins, self._age = np.ones(n_bodies, bool), np.zeros(n_bodies, np.int64)
        self._time: list[ndarray] = []
        self._body: list[ndarray] = []
        self._states: list[State] = []

    def before(self, time: int, mover: Mover) -> None:
        """Before a step: keep the state of every network that begins a piece."""
        if not self._begins.any():
            return
        body = np.flatnonzero(self._begins)
        self._time.append(np.full(len(body), time))
        self._body.append(body)
        self._states.append(picked(mover.state, torch.from_numpy(body)))
        self._age[body] = 0

    def after(self, ended: Bool[ndarray, " body"]) -> None:
        """After a step: whose life or piece is over."""
        self._age += 1
        self._begins = ended | (self._age >= self._length)

    def cut(self, log: Log, log_density: Tensor, advantage: ndarray, goal: ndarray) -> Segments:
        """The pieces."""
        time, body, n_steps = np.concatenate(self._time), np.concatenate(self._body), len(log.reward)
        order = np.lexsort((time, body))
        following = np.append(time[order][1:], n_steps)
        following[np.append(body[order][1:] != body[order][:-1], True)] = n_steps
        length = np.empty_like(time)
        length[order] = following - time[order]
        place = np.arange(min(self._length, n_steps))
        when = np.minimum(time[:, None] + place, n_steps - 1)
        at = torch.from_numpy(when * self._n_bodies + body[:, None])

        def taken(value: Tensor) -> Tensor:
            return value.flatten(0, 1)[at]

        return Segments(
            taken(torch.from_numpy(log.observation[:-1])),
            taken(log.intent),
            taken(log_density),
            taken(torch.from_numpy(advantage).float()),
            taken(torch.from_numpy(goal).float()),
            torch.from_numpy(place < length[:, None]),
            joined(self._states),
        )


@torch.no_grad()
def judged(
    log: Log, cuts: Cuts, policy: Policy, critic: Layers, discount: float, trace: float
) -> tuple[Segments, float]:
    """The pieces with what each step was worth, and the share of the values' variance that the critic had expected."""
    value = critic.unroll(torch.from_numpy(log.observation))[1][..., 0].double().numpy()
    following = np.where(log.terminated, 0.0, value[1:])
    if log.truncated.any():
        last = critic.unroll(torch.from_numpy(log.last[log.truncated]).unsqueeze(1))[1]
        following[log.truncated] = last.flatten().double().numpy()
    better = advantages(log.reward, value[:-1], following, log.terminated | log.truncated, discount, trace)
    goal = better + value[:-1]
    expected = 1 - float(better.var() / max(goal.var(), LEAST))
    log_density = policy.law.log_density(log.mean, policy.log_sd, log.intent)
    return cuts.cut(log, log_density, better, goal), expected


def noise_of(seed: Seed, iteration: int, shape: tuple[int, int, int]) -> Tensor:
    """Standard normal numbers of one iteration, the same whenever it is run."""
    generator = torch.Generator().manual_seed(seed.child("noise").child(iteration).integer)
    return torch.randn(shape, generator=generator)

"""Bodies that live: a controller and a body, each waiting for the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.experience.body import Body

if TYPE_CHECKING:
    from anlage.network.reflex import Controller, Reflex

STEPS = 1000
"""Steps of a life: 30 s of the swimmer, as in Bhattasali et al. 2022."""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """What the first body did, moment by moment."""

    step_s: float
    points_m: Float[ndarray, "time point 2"]
    activity: Float[ndarray, "time neuron"]
    reward: Float[ndarray, " time"]


def live(
    body: Body, controller: "Controller", rngs: Sequence[np.random.Generator], steps: int = STEPS
) -> Float[ndarray, " body"]:
    """Total reward of each body over a life of so many steps, from a random posture of its own."""
    controller.restart()
    bend, total = body.start(rngs), np.zeros(body.n_bodies)
    for _ in range(steps):
        bend, reward = body.step(controller.step(bend))
        total += reward
    return total


def watch(body: Body, reflex: "Reflex", rng: np.random.Generator, steps: int = STEPS) -> Film:
    """The same, of one body, with everything that is to be seen."""
    reflex.restart()
    bend = body.start([rng])
    points, activity, rewards = [], [], []
    for _ in range(steps):
        points.append(body.posture().points()[0])
        bend, reward = body.step(reflex.step(bend))
        activity.append(reflex.activity[0].copy())
        rewards.append(reward[0])
    return Film(body.step_s, np.stack(points), np.stack(activity), np.array(rewards))

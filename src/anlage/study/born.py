"""What is born able to swim, and what is not, before either practises: reflexes that can learn, and a perceptron.

Every circuit chooses among the settings of ``reflex.py`` as in the study of innate swimming, with the same lives. The perceptron
is that of the literature, two layers of 64, larger than any circuit here, and begins at rest.
"""

from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.library import load
from anlage.experience.bodies import SWIMMER, open_world
from anlage.experience.swimmer import FULL_SPEED
from anlage.learning.policy import CALM, Layers
from anlage.network import LearningNetwork
from anlage.network.innate import Innate
from anlage.seed import Seed
from anlage.study.swim import Tank, trials
from anlage.study.swim_run import RUNGS
from anlage.study.trial import CONNECTOME
from anlage.topology.motor import motor

REWIRED, EVEN, PERCEPTRON = "projections-permuted", "even-map", "mlp"
INNATE_ARMS = (CONNECTOME, REWIRED, EVEN, PERCEPTRON)
BENDING = 3.0
"""Rate of bending that is told as 1, rad/s; about the fastest that a joint bends in a swim."""
INNATE_SPREAD, SPREAD = 0.3, 0.5
"""Standard deviation of actions at the start: of what can swim already, and of what cannot."""
INNATE_RATE, RATE = 3e-4, 1e-3
"""Learning rates of the circuits and of the perceptron, each the better of 3e-4 and 1e-3 on one seed that no trial has."""
LAYERS = (64, 64)


@final
class Told:
    """The swimmer, every number it observes in a unit of its own, so that none has to be brought to a common scale.

    Bends as shares of their limit, as a reflex feels them; rates in ``BENDING``; the head's speed as a share of the full one.
    """

    def __init__(self, n_links: int) -> None:
        self._world = world = open_world(SWIMMER, n_links)
        self.name, self.limit = world.name, world.limit
        self.n_observed, self.n_action = world.n_observed, world.n_action
        self._unit = np.repeat([1.0, BENDING, FULL_SPEED, BENDING], [world.n_action, world.n_action, 2, 1])

    def begin(self, seed: int) -> Float[ndarray, " input"]:
        """A new life."""
        return np.asarray(self._world.begin(seed) / self._unit)

    def step(self, action: Float[ndarray, " action"]) -> tuple[Float[ndarray, " input"], float, bool]:
        """One step of it."""
        observation, reward, terminated = self._world.step(action)
        return observation / self._unit, reward, terminated


def born(connectome: str, arm: str, index: int, seed: int, n_links: int) -> LearningNetwork:
    """The network of an arm as trial ``index`` begins with it.

    Raises ``TopologyError`` for a connectome whose neurons do not reach muscles.
    """
    world, tank = Told(n_links), Tank(n_links)
    if arm == PERCEPTRON:
        generator = torch.Generator().manual_seed(Seed(seed).child(index).child("interface").integer)
        return Layers(world.n_observed, world.n_action, LAYERS, generator, CALM)
    measured, rung = motor(load(connectome)), RUNGS[arm]
    chosen = trials(rung, measured, tank, [index], seed)[0].chosen
    circuit = rung.circuit(measured, Seed(seed).child(rung.name).child(index).rng())
    return Innate(circuit, rung.grid()[chosen], world.n_action, world.n_observed)

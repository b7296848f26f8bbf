"""What is born able to swim, and what is not, before either practises: reflexes that can learn, and a perceptron.

Every circuit chooses among the settings of ``reflex.py`` as in the study of innate swimming, with the same lives. The perceptron
is that of the literature, two layers of 64, larger than any circuit here, and begins at rest.
"""

import torch

from anlage.connectome.library import load
from anlage.experience.bodies import SWIMMER, open_world
from anlage.experience.preference import InUnits
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


def told(n_links: int) -> InUnits:
    """The swimmer, each number it observes in a unit of its own, so that none has to be brought to a common scale.

    Bends as shares of their limit, as a reflex feels them; rates in ``BENDING``; the head's speed as a share of the full one.
    """
    world = open_world(SWIMMER, n_links)
    joints = world.n_action
    return InUnits(world, (*[1.0] * joints, *[BENDING] * joints, FULL_SPEED, FULL_SPEED, BENDING))


def born(connectome: str, arm: str, index: int, seed: int, n_links: int) -> LearningNetwork:
    """The network of an arm as trial ``index`` begins with it.

    Raises ``TopologyError`` for a connectome whose neurons do not reach muscles.
    """
    world, tank = told(n_links), Tank(n_links)
    if arm == PERCEPTRON:
        generator = torch.Generator().manual_seed(Seed(seed).child(index).child("interface").integer)
        return Layers(world.n_observed, world.n_action, LAYERS, generator, CALM)
    measured, rung = motor(load(connectome)), RUNGS[arm]
    chosen = trials(rung, measured, tank, [index], seed)[0].chosen
    circuit = rung.circuit(measured, Seed(seed).child(rung.name).child(index).rng())
    return Innate(circuit, rung.grid()[chosen], world.n_action, world.n_observed)

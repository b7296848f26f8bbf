"""A larva in a Petri dish with a drop of odour, as a world to learn in: it smells, feels the bend of its head, and crawls."""

from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from anlage.experience.arena import Arena, assay
from anlage.experience.arena_body import Larva

DISH = "dish"
PAST = 4
"""Moments that are observed at once, the present one among them: about one head cast and the step after it."""
STRONGEST = 0.64
"""Logarithm of the summed response on the drop (ethyl acetate at its measured dose, 42 neurons)."""
FAINTEST = 1e-6
"""Added to a summed response before its logarithm is taken."""


@final
class DishWorld:
    """One larva for five minutes, half a second a step, in the dish of ``anlage.experience.arena.assay``.

    Observed are the logarithm of the summed response of its olfactory neurons (a larva follows relative changes; the sum stands
    for a brain that pools them), how it changed over each of the last ``PAST - 1`` steps, the bend of its head now and then as a
    share of its limit, and the taste of food. Neither place nor heading is. An action is (forward, turn); forward of -1 stands
    still, 1 runs. The reward of a step, for whoever looks on, is ``1 - distance / distance at the start``, which summed up and
    divided by the steps is the index of Izquierdo & Lockery 2010 (J Neurosci 30:12908).

    Raises ``DataMissing`` without the table of receptors.
    """

    name, limit, n_action, n_observed = DISH, 600, 2, 2 * PAST + 1

    def __init__(self) -> None:
        body = Larva(step_s=0.5)
        self._arena = Arena(assay(body.name), body)
        self._smells, self._food = len(self._arena.nose.names), self._arena.senses.index("food left")
        (drop,) = self._arena.scene.drops
        self._drop, self._limit = np.array([drop.x_mm, drop.y_mm]), np.deg2rad(body.limit_deg)
        self._moments: list[tuple[float, float]] = []
        self._began = 1.0

    def begin(self, seed: int) -> Float[ndarray, " input"]:
        """Near the middle, heading anywhere; it has smelled for long what it smells."""
        sense = self._arena.start([np.random.default_rng(seed)])[0, 0]
        self._began, self._moments = self._distance(), []
        return self._observed(sense)

    def step(self, action: Float[ndarray, " action"]) -> tuple[Float[ndarray, " input"], float, bool]:
        """Half a second; nothing that it does can end its life."""
        forward, turn = np.clip(action, -1, 1)
        given = torch.tensor([[[(forward + 1) / 2, turn]]], dtype=torch.float32)
        sense, _ = self._arena.step(given)
        return self._observed(sense[0, 0]), 1 - self._distance() / self._began, False

    def _distance(self) -> float:
        return float(np.hypot(*(self._arena.now.pose.place[0, 0].numpy() - self._drop)))

    def _observed(self, sense: Float[torch.Tensor, " channel"]) -> Float[ndarray, " input"]:
        smell = float(np.log(float(sense[: self._smells].sum()) + FAINTEST))
        now = (smell, float(self._arena.now.pose.bend[0, 0]) / self._limit)
        self._moments = [now, *self._moments][:PAST]
        past = np.array(self._moments + [self._moments[-1]] * (PAST - len(self._moments)))
        changes = past[:-1, 0] - past[1:, 0]
        return np.concatenate([past[:1, 0], changes, past[:, 1], [float(sense[self._food])]])

"""Leaky integrate-and-fire neurons: their constants, and what follows from them in one time step."""

import math
from dataclasses import dataclass, fields
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from anlage.errors import RecipeError

POISSON_HZ = 150.0  # Hz; rate of the Poisson input of Shiu et al. 2024, Nature 634:210


@final
@dataclass(frozen=True, slots=True)
class IntegrateAndFire:
    """Neurons that integrate, fire at a threshold, and are silent for a while; as in Shiu et al. 2024, Nature 634:210.

    The potential ``v`` and the synaptic drive ``g``, both in mV, follow ``membrane_tau v' = rest - v + g + current`` and
    ``synapse_tau g' = -g``; in each step these are solved exactly. Order within a step, that of Brian2 in their ``model.py``:

    1. ``v`` and ``g`` move on;
    2. neurons above the threshold fire, unless they fired less than ``refractory_ms`` ago;
    3. spikes fired ``delay_ms`` ago arrive, each adding ``synapse_mv`` times its weight to ``g``; input spikes add ``input_mv``
       to ``v``;
    4. neurons that fired, and those still refractory, are at ``v = reset`` and ``g = 0``.

    So what reaches a refractory neuron, or arrives in the very step in which it fires, is lost. (Brian2 does not let synapses
    change a variable that its equation holds "unless refractory".) Weights are signed synapse counts.

    The gradient takes the slope of a spike at potential ``v`` for ``1 / (1 + surrogate_per_mv |v - threshold|)^2`` per mV
    (SuperSpike: Zenke & Ganguli 2018, Neural Comput 30:1514), and does not flow through the reset or the refractory period
    (Zenke & Vogels 2021, Neural Comput 33:899). It changes nothing forward.

    Raises ``RecipeError`` for constants that are impossible or for times that are not whole steps.
    """

    rest_mv: float = -52.0  # mV; Kakaria & de Bivort 2017, Front Behav Neurosci 11:8
    reset_mv: float = -52.0  # mV; Kakaria & de Bivort 2017
    threshold_mv: float = -45.0  # mV; Kakaria & de Bivort 2017
    membrane_tau_ms: float = 20.0  # ms, 2 nF x 10 MOhm; Kakaria & de Bivort 2017
    synapse_tau_ms: float = (
        5.0  # ms, of excitation, used for both; Jürgensen et al. 2021, Neuromorph Comput Eng 1:024008
    )
    refractory_ms: float = 2.2  # ms; Lazar et al. 2021, eLife 10:e62362
    delay_ms: float = 1.8  # ms from a spike to its effect; Paul et al. 2015, Front Cell Neurosci 9:29
    synapse_mv: float = 0.275  # mV per synapse, the one free parameter of Shiu et al. 2024
    input_synapses: float = 250.0  # synapses that an input spike is worth, enough to fire; Shiu et al. 2024
    step_ms: float = 0.1  # ms; the time step of Shiu et al. 2024, which is Brian2's own
    surrogate_per_mv: float = 1.0  # per mV; Zenke & Ganguli 2018

    def __post_init__(self) -> None:
        for field in fields(self):
            if not math.isfinite(getattr(self, field.name)):
                raise RecipeError(f"{field.name} is {getattr(self, field.name)}, but must be a finite number.")
        for name in ("membrane_tau_ms", "synapse_tau_ms", "step_ms", "surrogate_per_mv"):
            if getattr(self, name) <= 0:
                raise RecipeError(f"{name} is {getattr(self, name)}, but must be above 0.")
        if not max(self.rest_mv, self.reset_mv) < self.threshold_mv:
            raise RecipeError(
                f"threshold_mv is {self.threshold_mv}, but must lie above rest_mv ({self.rest_mv}) and reset_mv "
                f"({self.reset_mv}), or neurons fire at every step without any input."
            )
        for name in ("refractory_ms", "delay_ms"):
            self.steps(getattr(self, name), name)

    def steps(self, ms: float, name: str = "a duration") -> int:
        """How many time steps a duration has; raises ``RecipeError`` where it is negative or not a whole number of them."""
        count = round(ms / self.step_ms)
        if count < 0 or not math.isclose(count * self.step_ms, ms, rel_tol=1e-6, abs_tol=1e-9):
            raise RecipeError(
                f"{name} is {ms} ms, but must be a whole number of time steps of {self.step_ms} ms, for example "
                f"{max(count, 0) * self.step_ms:g} ms."
            )
        return count

    @property
    def refractory_steps(self) -> int:
        """From one spike to the first step in which the neuron moves again."""
        return self.steps(self.refractory_ms)

    @property
    def delay_steps(self) -> int:
        """From a spike to the step in which it arrives."""
        return self.steps(self.delay_ms)

    @property
    def input_mv(self) -> float:
        """What one input spike adds to the potential, mV."""
        return self.input_synapses * self.synapse_mv

    @property
    def keep(self) -> float:
        """Share of the potential above rest that is left after one step, ``exp(-step / membrane_tau)``."""
        return math.exp(-self.step_ms / self.membrane_tau_ms)

    @property
    def synapse_keep(self) -> float:
        """Share of the synaptic drive that is left after one step, ``exp(-step / synapse_tau)``."""
        return math.exp(-self.step_ms / self.synapse_tau_ms)

    @property
    def pull(self) -> float:
        """Potential after one step, in mV per mV of synaptic drive before it: the exact solution of both equations."""
        slow, fast = self.membrane_tau_ms, self.synapse_tau_ms
        if math.isclose(slow, fast, rel_tol=1e-6):
            return self.step_ms / slow * self.keep  # the limit of the line below, which would divide rounding errors
        return fast / (slow - fast) * (self.keep - self.synapse_keep)

    def slope(self, over: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The surrogate slope of a spike, per mV, at ``over`` mV above the threshold."""
        return (1 + self.surrogate_per_mv * over.abs()).square().reciprocal()

    def poisson(
        self, rate_hz: float, shape: tuple[int, int, int], generator: torch.Generator
    ) -> Bool[Tensor, "time member batch"]:
        """Independent Poisson input of this ``shape``: a spike in each step with probability ``rate_hz`` times the step.

        Raises ``RecipeError`` where that is not a probability.
        """
        chance = 1e-3 * rate_hz * self.step_ms
        if not 0 <= chance <= 1:
            raise RecipeError(
                f"A rate of {rate_hz} Hz means {chance:g} spikes per step of {self.step_ms} ms, but a step has at most one; "
                "choose a rate from 0 to one per step."
            )
        return torch.rand(shape, generator=generator) < chance

"""A network of spiking neurons that learns: the same protocol as the recurrent network of rates."""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.errors import RecipeError
from anlage.network.integrate_and_fire import IntegrateAndFire
from anlage.network.port import Ports
from anlage.network.recurrent import Plasticity
from anlage.network.spiking import Circuit, SpikingState, fire
from anlage.network.wiring import Wiring
from anlage.topology.topology import Topology


@final
@dataclass(frozen=True, slots=True)
class SpikingPhysiology:
    """How the neurons of a spiking network behave.

    ``observation_ms``: how long an embedding flows in as a current. ``drive_mv``: the current that a drive of 1 is, times the
    membrane resistance; 35 mV makes the neurons of Shiu et al. 2024 fire at 150 Hz, the rate of their input.
    ``plasticity``: as in ``Physiology``, for the weights.
    """

    neuron: IntegrateAndFire = field(default_factory=IntegrateAndFire)
    observation_ms: float = 20.0
    drive_mv: float = 35.0
    plasticity: Plasticity = "signed"

    def __post_init__(self) -> None:
        if self.neuron.steps(self.observation_ms, "observation_ms") < 1:
            raise RecipeError(
                f"observation_ms is {self.observation_ms}, but an observation needs at least one time step."
            )
        if not 0 < self.drive_mv < float("inf"):
            raise RecipeError(f"drive_mv is {self.drive_mv}, but must be a positive number.")
        if self.plasticity not in ("frozen", "signed", "free"):
            raise RecipeError(f"plasticity is {self.plasticity!r}, but must be 'frozen', 'signed' or 'free'.")


class SpikingNetwork(nn.Module):
    """Spiking neurons on a fixed wiring with an input and an output port.

    One step: the embedding flows into the input neurons for ``observation_ms``, and the spikes that the output neurons fire
    meanwhile are counted and read. The activity shown is that count for every neuron. Weights are signed synapse counts, one
    flat vector in the topology's edge order.
    """

    sign: Tensor
    weight: Tensor

    def __init__(
        self,
        topology: Topology,
        input: tuple[str, ...],
        output: tuple[str, ...],
        n_latent: int,
        physiology: SpikingPhysiology,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.physiology = physiology
        self.n_latent = n_latent
        self.wiring = Wiring(topology)
        into, out = (torch.from_numpy(topology.group(names)) for names in (input, output))
        self.ports = Ports(into, out, n_latent, generator)
        weight = torch.from_numpy(topology.weight).to(torch.get_default_dtype())
        self.register_buffer("sign", torch.sign(weight), persistent=False)
        if physiology.plasticity == "frozen":
            self.register_buffer("weight", weight)
        else:
            self.weight = nn.Parameter(weight)

    @property
    def circuit(self) -> Circuit:
        """The neurons without their ports."""
        return Circuit(self.wiring, self.physiology.neuron, self.ports.input)

    def effective_weight(self) -> Float[Tensor, " edge"]:
        """The weight of every edge as used, in the topology's edge order."""
        return self.sign * self.weight.abs() if self.physiology.plasticity == "signed" else self.weight

    def start(self, batch: int) -> SpikingState:
        """All neurons at rest."""
        return SpikingState.rest(self.circuit, batch, self.weight)

    def step(
        self, state: SpikingState, embedding: Float[Tensor, "batch latent"]
    ) -> tuple[SpikingState, Float[Tensor, "batch latent"]]:
        """Take in one embedding; return the new state and the prediction of the next embedding."""
        _, after = fire(self.circuit, self.effective_weight(), state, current_mv=self._current(embedding.unsqueeze(1)))
        return after, self.ports.out(after.activity[:, self.ports.output])

    def unroll(
        self, embedding: Float[Tensor, "batch time latent"]
    ) -> tuple[Float[Tensor, "batch time neuron"], Float[Tensor, "batch time latent"]]:
        """Spike counts and predictions along a sequence: equal to repeated steps, with one gradient for them all."""
        batch, time, _ = embedding.shape
        start = self.start(batch)
        fired, _ = fire(self.circuit, self.effective_weight(), start, current_mv=self._current(embedding))
        count = torch.unflatten(fired, 0, (time, -1)).sum(1).permute(2, 0, 1)
        return count, self.ports.out(count[..., self.ports.output])

    def _current(self, embedding: Float[Tensor, "batch time latent"]) -> Float[Tensor, "step member batch"]:
        """The current into each input neuron, mV, held for each observation."""
        physiology = self.physiology
        current: Tensor = physiology.drive_mv * self.ports.into(embedding).permute(1, 2, 0)
        return current.repeat_interleave(physiology.neuron.steps(physiology.observation_ms), 0)

"""A sparse recurrent network on a topology."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.errors import AnlageError, RecipeError
from anlage.network.dynamics import Leaky
from anlage.network.network import State
from anlage.network.port import ContextPort, Ports
from anlage.network.unroll import Course, unroll
from anlage.network.wiring import Wiring
from anlage.topology.topology import Topology

Plasticity = Literal["frozen", "signed", "free"]


@dataclass(frozen=True, slots=True)
class Physiology:
    """How the neurons of a recurrent network behave.

    ``ticks``: how often every edge is crossed per observation; the embedding is held meanwhile.
    ``plasticity``: ``frozen`` weights stay at their start, ``signed`` ones learn but keep their sign (Dale's law, where the
    start obeys it), ``free`` ones learn without limit. Biases are learned except when frozen.
    """

    dynamics: Leaky = field(default_factory=Leaky)
    ticks: int = 2
    plasticity: Plasticity = "signed"

    def __post_init__(self) -> None:
        if self.ticks < 1:
            raise RecipeError(f"ticks is {self.ticks}, but an observation needs at least 1.")
        if self.plasticity not in ("frozen", "signed", "free"):
            raise RecipeError(f"plasticity is {self.plasticity!r}, but must be 'frozen', 'signed' or 'free'.")


@dataclass(frozen=True, slots=True)
class Backpropagation:
    """How gradients are followed through time.

    ``horizon``: over at most this many observations of a sequence, cut into stretches of that length; None: over all.
    ``memory``: bytes for what is kept of the ticks meanwhile; None: all of them. With less, some are computed again, at the price
    of at most one more forward pass, and gradients change by rounding only.
    """

    horizon: int | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        for name in ("horizon", "memory"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise RecipeError(f"backpropagation.{name} is {value}, but must be at least 1, or None for no limit.")


class RecurrentNetwork(nn.Module):
    """Neurons on a fixed wiring with an input and an output port.

    One step: the embedding drives the input neurons, ``ticks`` times all activity crosses all edges, the output neurons are
    read. Weights are one flat vector in the topology's edge order. State is kept ``(neuron, batch)`` inside and shown
    ``(batch, neuron)``. ``backpropagation`` may be replaced at any time. ``context``: a second port, for what is not predicted.
    """

    sign: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        topology: Topology,
        input: tuple[str, ...],
        output: tuple[str, ...],
        n_latent: int,
        physiology: Physiology,
        generator: torch.Generator,
        context: ContextPort | None = None,
    ) -> None:
        super().__init__()
        self.context = context
        self.physiology, self.backpropagation = physiology, Backpropagation()
        self.n_latent = n_latent
        self.wiring = Wiring(topology)
        into, out = (torch.from_numpy(topology.group(names)) for names in (input, output))
        self.ports = Ports(into, out, n_latent, generator)
        weight = torch.from_numpy(topology.weight).to(torch.get_default_dtype())
        bias = torch.zeros(topology.n_neurons, 1)
        self.register_buffer("sign", torch.sign(weight), persistent=False)
        if physiology.plasticity == "frozen":
            self.register_buffer("weight", weight)
            self.register_buffer("bias", bias)
        else:
            self.weight = nn.Parameter(weight)
            self.bias = nn.Parameter(bias)

    def effective_weight(self) -> Float[Tensor, " edge"]:
        """The weight of every edge as used, in the topology's edge order."""
        return self.sign * self.weight.abs() if self.physiology.plasticity == "signed" else self.weight

    @property
    def multiply_adds(self) -> int:
        """Of one observation of one sequence: every edge ``ticks`` times, and every port."""
        ports = self.ports.into.weight.numel() + self.ports.out.weight.numel()
        ports += 0 if self.context is None else self.context.weight.numel()
        return self.physiology.ticks * self.wiring.n_edges + ports

    def start(self, batch: int) -> State:
        """Silence."""
        return State(self.weight.new_zeros(batch, self.wiring.n_neurons))

    def step(
        self,
        state: State,
        embedding: Float[Tensor, "batch latent"],
        context: Float[Tensor, "batch context"] | None = None,
    ) -> tuple[State, Float[Tensor, "batch output"]]:
        """Take in one embedding, and a context; return the new state and the prediction of the next embedding."""
        beside = None if context is None else context.unsqueeze(1)
        states, predictions = self._live(embedding.unsqueeze(1), state, beside)
        return State(states[:, 0]), predictions[:, 0]

    def unroll(
        self,
        embedding: Float[Tensor, "batch time latent"],
        state: State | None = None,
        context: Float[Tensor, "batch time context"] | None = None,
    ) -> tuple[Float[Tensor, "batch time neuron"], Float[Tensor, "batch time output"]]:
        """All states and predictions along a sequence, from ``state`` or silence: repeated steps, with one gradient for all.

        Raises ``AnlageError`` for a context without a port to take it in.
        """
        return self._live(embedding, state, context)

    def _live(self, embedding: Tensor, state: State | None, context: Tensor | None) -> tuple[Tensor, Tensor]:
        drive, driven = self.ports.into(embedding).permute(1, 2, 0), self.ports.input
        if context is not None:
            if self.context is None:
                raise AnlageError("This network was given a context but has no port for one; give it a ContextPort.")
            drive = torch.cat([drive, self.context(context).permute(1, 2, 0)], 1)
            driven = torch.cat([driven, self.context.neurons])
        course = Course(
            *(self.wiring, self.physiology.dynamics, self.physiology.ticks, driven),
            *(self.backpropagation.horizon, self.backpropagation.memory),
        )
        start = None if state is None else state.activity.T
        states = unroll(course, self.effective_weight(), self.bias, drive, start)
        return states.permute(2, 0, 1), self.ports.out(states.index_select(1, self.ports.output).permute(2, 0, 1))

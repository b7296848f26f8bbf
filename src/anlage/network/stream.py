"""A network that lives on, one observation at a time: for bodies, where every step waits for the world."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.network.network import State
from anlage.network.recurrent import RecurrentNetwork
from anlage.network.synapse import crossing


@final
class Stream:
    """A network's steps without gradients, in memory that is laid out once; equal to ``network.step``.

    The weights are those that the network has when the stream is made. ``batch`` bodies live side by side.
    """

    def __init__(self, network: RecurrentNetwork, batch: int = 1) -> None:
        ports, physiology = network.ports, network.physiology
        with torch.no_grad():
            self._crossing = crossing(network.wiring, network.effective_weight())
            self._into, self._out = ports.into.weight.clone(), ports.out.weight.clone()
            # What the input port adds whatever it is shown belongs to the bias.
            self._rest = network.bias.repeat(1, batch)
            self._rest[ports.input] += ports.into.bias.unsqueeze(1)
            self._shift = ports.out.bias.clone()
        self._input, self._output = ports.input, ports.output
        self._outside = torch.empty_like(self._rest)
        self._now, self._next = torch.zeros_like(self._rest), torch.empty_like(self._rest)
        self._rate = torch.empty_like(self._rest)
        turns = (self._now, self._next), (self._next, self._now)
        self._ticks = [
            self._crossing.ready(physiology.dynamics, before, self._outside, self._rate, after)
            for before, after in (turns[tick % 2] for tick in range(physiology.ticks))
        ]

    @property
    def state(self) -> State:
        """The activity of every neuron, now."""
        return State(self._now.T.clone())

    @state.setter
    def state(self, state: State) -> None:
        self._now.copy_(state.activity.T)

    @torch.no_grad()
    def step(self, embedding: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch output"]:
        """Take in one embedding of every body; the prediction of the next, or an answer."""
        torch.index_add(self._rest, 0, self._input, self._into @ embedding.T, out=self._outside)
        for tick in self._ticks:
            tick()
        if len(self._ticks) % 2:
            self._now.copy_(self._next)
        return torch.addmm(self._shift, self._now[self._output].T, self._out.T)

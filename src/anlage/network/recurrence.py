"""What networks with a dense recurrent matrix have in common: one vector that is renewed at every observation."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.network.network import State
from anlage.network.port import linear


class Recurrence(nn.Module, ABC):
    """A hidden vector, a linear map into it, a recurrent matrix ``(driven, neuron)``, and a linear map out of it."""

    def __init__(
        self,
        n_latent_in: int,
        n_latent_out: int,
        recurrent: Float[Tensor, "driven neuron"],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.into = linear(n_latent_in, len(recurrent), generator)
        self.recurrent = nn.Parameter(recurrent)
        self.out = linear(recurrent.shape[1], n_latent_out, generator)

    @abstractmethod
    def renewed(
        self, now: Float[Tensor, "batch neuron"], drive: Float[Tensor, "batch driven"]
    ) -> Float[Tensor, "batch neuron"]:
        """The hidden vector after an observation that drives it like this."""

    def start(self, batch: int) -> State:
        """Silence."""
        return State(self.recurrent.new_zeros(batch, self.recurrent.shape[1]))

    def step(
        self, state: State, embedding: Float[Tensor, "batch latent"]
    ) -> tuple[State, Float[Tensor, "batch output"]]:
        """Take in one embedding; return the new state and the prediction."""
        after = self.renewed(state.activity, self.into(embedding))
        return State(after), self.out(after)

    def unroll(
        self, embedding: Float[Tensor, "batch time latent"]
    ) -> tuple[Float[Tensor, "batch time neuron"], Float[Tensor, "batch time output"]]:
        """All states and predictions along a sequence, equal to repeated steps from ``start``."""
        states, now = [], self.start(len(embedding)).activity
        for drive in self.into(embedding).unbind(1):
            now = self.renewed(now, drive)
            states.append(now)
        along = torch.stack(states, 1)
        return along, self.out(along)

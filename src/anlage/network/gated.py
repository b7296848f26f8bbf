"""A gated recurrent network: memory that is engineered, and nothing of a wiring."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.network.budget import Budget
from anlage.network.design import Cost, Match, demand_near, demand_sound, nearest
from anlage.network.recurrence import Recurrence


class Gated(Recurrence):
    """Gated recurrent units (Cho et al. 2014, EMNLP), the reset gate applied after the product as in cuDNN and ``torch.nn.GRU``.

    ``h' = (1 - z) n + z h`` with ``n = tanh(W x + b + r (U h))`` and gates ``r, z = sigmoid(W x + b + U h)``, one bias each. Rows
    of all maps are in the order reset, update, candidate. Each recurrent matrix starts orthogonal (Saxe et al. 2014, ICLR).
    """

    def __init__(self, n_latent_in: int, n_latent_out: int, width: int, generator: torch.Generator) -> None:
        recurrent = torch.empty(3, width, width)
        for matrix in recurrent:
            nn.init.orthogonal_(matrix, generator=generator)
        super().__init__(n_latent_in, n_latent_out, recurrent.flatten(0, 1), generator)

    @property
    def multiply_adds(self) -> int:
        """Of one observation of one sequence: every weight once."""
        return self.into.weight.numel() + self.recurrent.numel() + self.out.weight.numel()

    def renewed(
        self, now: Float[Tensor, "batch neuron"], drive: Float[Tensor, "batch driven"]
    ) -> Float[Tensor, "batch neuron"]:
        """The hidden vector after an observation that drives its gates and its candidate like this."""
        reset_in, update_in, candidate_in = drive.chunk(3, -1)
        reset_own, update_own, candidate_own = (now @ self.recurrent.T).chunk(3, -1)
        reset, update = torch.sigmoid(reset_in + reset_own), torch.sigmoid(update_in + update_own)
        return torch.lerp(torch.tanh(candidate_in + reset * candidate_own), now, update)


@final
@dataclass(frozen=True, slots=True)
class GatedDesign:
    """One layer of gated recurrent units; their number is found."""

    name: ClassVar[str] = "gru"

    match: Match = "parameters"

    def __post_init__(self) -> None:
        demand_sound(self)

    def build(self, n_latent_in: int, n_latent_out: int, budget: Budget, generator: torch.Generator) -> Gated:
        """A gated network near ``budget``; see ``Design``."""

        def cost(width: int) -> Cost:
            weights = width * (3 * n_latent_in + 3 * width + n_latent_out)
            return Cost(weights + 3 * width + n_latent_out, weights)

        width = nearest(cost, budget, self.match)
        demand_near(self.name, cost(width), budget, self.match)
        return Gated(n_latent_in, n_latent_out, width, generator)

"""What planning would do, learned so that it need not be planned: the fast, parallel counterpart of a slow, serial planner."""

from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.network.port import linear


@final
class AmortisedPolicy(nn.Module):
    """From an embedding straight to an action, each number of it -1 to 1."""

    def __init__(self, n_latent: int, n_action: int, generator: torch.Generator, *, n_hidden: int = 64) -> None:
        super().__init__()
        widths = (n_latent, n_hidden, n_hidden, n_action)
        layers = [linear(a, b, generator) for a, b in pairwise(widths)]
        self.layers = nn.Sequential(layers[0], nn.SiLU(), layers[1], nn.SiLU(), layers[2], nn.Tanh())

    def forward(self, latent: Float[Tensor, "*moment latent"]) -> Float[Tensor, "*moment action"]:
        """What is done without planning."""
        done: Tensor = self.layers(latent)
        return done

    def imitate(
        self,
        latent: Float[Tensor, "moment latent"],
        action: Float[Tensor, "moment action"],
        generator: torch.Generator,
        *,
        updates: int = 400,
        batch: int = 128,
    ) -> float:
        """Do what was done, by mean squared error; what is left of it at the end, over everything, is returned."""
        optimiser = torch.optim.Adam(self.parameters(), lr=1e-3)
        for _ in range(updates):
            chosen = torch.randint(len(latent), (batch,), generator=generator)
            loss = (self(latent[chosen]) - action[chosen]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            return float((self(latent) - action).square().mean())

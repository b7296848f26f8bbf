"""A multilayer perceptron: what can be predicted from the last observations alone, without any memory."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.network.budget import Budget
from anlage.network.design import Cost, Match, demand_near, demand_sound, nearest
from anlage.network.network import State
from anlage.network.port import linear


@final
@dataclass(frozen=True, slots=True, eq=False)
class Window(State):
    """The last hidden layer, and the embeddings before the present one that the next step still sees."""

    seen: Float[Tensor, "batch before latent"]


class Perceptron(nn.Module):
    """Hidden layers of rectified sums over the last ``window`` embeddings; before the first there were zeros.

    With a window of 1 it has no memory at all. The state shown is its last hidden layer. Weights start with the variance that
    keeps the mean square of every layer: 1 / n after embeddings, 2 / n after a rectifier (He et al. 2015, ICCV, eq. 10).
    """

    def __init__(
        self, n_latent_in: int, n_latent_out: int, widths: tuple[int, ...], window: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.n_latent, self.window = n_latent_in, window
        sizes = (window * n_latent_in, *widths, n_latent_out)
        pairs = enumerate(pairwise(sizes))
        self.layers = nn.ModuleList(linear(*pair, generator, math.sqrt(2) if i else 1.0) for i, pair in pairs)

    @property
    def multiply_adds(self) -> int:
        """Of one observation of one sequence: every weight once."""
        return sum(layer.weight.numel() for layer in self._linear())

    def start(self, batch: int) -> Window:
        """Nothing seen, nothing active."""
        weight = self._linear()[-1].weight
        return Window(weight.new_zeros(batch, weight.shape[1]), weight.new_zeros(batch, self.window - 1, self.n_latent))

    def step(
        self, state: Window, embedding: Float[Tensor, "batch latent"]
    ) -> tuple[Window, Float[Tensor, "batch output"]]:
        """Take in one embedding; return the new state and the prediction."""
        seen = torch.cat([state.seen, embedding.unsqueeze(1)], dim=1)
        hidden, prediction = self._read(seen.flatten(1))
        return Window(hidden, seen[:, 1:]), prediction

    def unroll(
        self, embedding: Float[Tensor, "batch time latent"]
    ) -> tuple[Float[Tensor, "batch time neuron"], Float[Tensor, "batch time output"]]:
        """All hidden layers and predictions along a sequence, equal to repeated steps from ``start``."""
        before = embedding.new_zeros(len(embedding), self.window - 1, self.n_latent)
        seen = torch.cat([before, embedding], dim=1).unfold(1, self.window, 1)
        return self._read(seen.transpose(2, 3).flatten(2))

    def _linear(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def _read(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        *hidden, last = self.layers
        for layer in hidden:
            seen = torch.relu(layer(seen))
        return seen, last(seen)


@final
@dataclass(frozen=True, slots=True)
class PerceptronDesign:
    """A perceptron of ``layers`` equally wide hidden layers on the last ``window`` embeddings; its width is found."""

    name: ClassVar[str] = "mlp"

    match: Match = "parameters"
    layers: int = 2
    window: int = 1

    def __post_init__(self) -> None:
        demand_sound(self, "layers", "window")

    def build(self, n_latent_in: int, n_latent_out: int, budget: Budget, generator: torch.Generator) -> Perceptron:
        """A perceptron near ``budget``; see ``Design``."""

        def cost(width: int) -> Cost:
            weights = width * (self.window * n_latent_in + (self.layers - 1) * width + n_latent_out)
            return Cost(weights + self.layers * width + n_latent_out, weights)

        width = nearest(cost, budget, self.match)
        demand_near(self.name, cost(width), budget, self.match)
        return Perceptron(n_latent_in, n_latent_out, (width,) * self.layers, self.window, generator)

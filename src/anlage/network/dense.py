"""A recurrent network in which everybody hears everybody."""

from dataclasses import dataclass
from typing import ClassVar, Literal, final, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.errors import RecipeError, UnknownName
from anlage.network.budget import Budget
from anlage.network.design import Cost, Match, demand_near, demand_sound, nearest
from anlage.network.dynamics import Leaky
from anlage.network.recurrence import Recurrence

Matrix = Literal["orthogonal", "glorot"]


def square_matrix(
    width: int, kind: Matrix, spectral_radius: float, generator: torch.Generator
) -> Float[Tensor, "neuron neuron"]:
    """A recurrent matrix with the given spectral radius.

    ``orthogonal``: every eigenvalue has that size (Saxe et al. 2014, ICLR). ``glorot``: uniform and independent (Glorot & Bengio
    2010, AISTATS), its eigenvalues spread over the disc (Ginibre 1965, J Math Phys 6:440), scaled by the largest found.
    """
    matrix = torch.empty(width, width)
    if kind == "orthogonal":
        nn.init.orthogonal_(matrix, generator=generator)
        return spectral_radius * matrix
    nn.init.xavier_uniform_(matrix, generator=generator)
    largest = float(torch.linalg.eigvals(matrix.double()).abs().max())
    return matrix * (spectral_radius / largest)


class DenseRecurrent(Recurrence):
    """Leaky neurons of which each hears the embedding and every neuron, ``ticks`` times per observation.

    What ``RecurrentNetwork`` would be with all edges, every weight free and every neuron in both ports, but with a dense product.
    """

    def __init__(
        self,
        n_latent_in: int,
        n_latent_out: int,
        matrix: Float[Tensor, "neuron neuron"],
        dynamics: Leaky,
        ticks: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__(n_latent_in, n_latent_out, matrix, generator)
        self.dynamics, self.ticks = dynamics, ticks

    @property
    def multiply_adds(self) -> int:
        """Of one observation of one sequence: the recurrent weights ``ticks`` times, all others once."""
        return self.into.weight.numel() + self.ticks * self.recurrent.numel() + self.out.weight.numel()

    def renewed(
        self, now: Float[Tensor, "batch neuron"], drive: Float[Tensor, "batch driven"]
    ) -> Float[Tensor, "batch neuron"]:
        """The activity after an observation that drives every neuron like this."""
        for _ in range(self.ticks):
            now = torch.lerp(now, self.dynamics.rate(now @ self.recurrent.T + drive), self.dynamics.leak)
        return now


@final
@dataclass(frozen=True, slots=True)
class DenseDesign:
    """A dense recurrent network; its width is found. With the ticks of a wired network it can match both costs."""

    name: ClassVar[str] = "dense"

    match: Match = "parameters"
    matrix: Matrix = "orthogonal"
    spectral_radius: float = 0.9
    leak: float = 0.5
    ticks: int = 1

    def __post_init__(self) -> None:
        demand_sound(self, "ticks")
        if self.matrix not in get_args(Matrix):
            raise UnknownName("matrix of dense", self.matrix, get_args(Matrix))
        if not 0 < self.spectral_radius < float("inf"):
            raise RecipeError(
                f"spectral_radius of {self.name} is {self.spectral_radius}, but must be a positive number."
            )
        Leaky(self.leak)

    def build(self, n_latent_in: int, n_latent_out: int, budget: Budget, generator: torch.Generator) -> DenseRecurrent:
        """A dense network near ``budget``; see ``Design``."""

        def cost(width: int) -> Cost:
            ends = width * (n_latent_in + n_latent_out)
            return Cost(ends + width**2 + width + n_latent_out, ends + self.ticks * width**2)

        width = nearest(cost, budget, self.match)
        demand_near(self.name, cost(width), budget, self.match)
        matrix = square_matrix(width, self.matrix, self.spectral_radius, generator)
        return DenseRecurrent(n_latent_in, n_latent_out, matrix, Leaky(self.leak), self.ticks, generator)

"""How a neuron's activity follows its input: pure step functions."""

from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import RecipeError

Activation = Literal["tanh", "relu"]


@final
@dataclass(frozen=True, slots=True)
class When:
    """Where some ticks lie in a sequence with ``ticks`` per observation, the first of them being number ``first``."""

    first: int
    ticks: int

    def observation(self, i: int) -> int:
        """Number of tick ``i``'s observation, that of the first of these ticks being 0."""
        return (self.first + i) // self.ticks - self.first // self.ticks

    def begins(self, i: int) -> bool:
        """Whether an observation begins with tick ``i``."""
        return (self.first + i) % self.ticks == 0


@final
@dataclass(frozen=True, slots=True)
class Leaky:
    """Leaky rate neurons, ``x' = (1 - leak) x + leak f(current)``; no units.

    ``leak`` is the share of the state renewed per tick, 1 for neurons without memory. It is dt / tau of a first-order rate
    equation (Wilson & Cowan 1972, Biophys J 12:1; Jaeger et al. 2007, Neural Netw 20:335).
    """

    leak: float = 0.5
    activation: Activation = "tanh"

    def __post_init__(self) -> None:
        if not 0 < self.leak <= 1:
            raise RecipeError(f"leak is {self.leak}, but must lie above 0 and at most at 1.")
        if self.activation not in ("tanh", "relu"):
            raise RecipeError(f"activation is {self.activation!r}, but must be 'tanh' or 'relu'.")

    def __call__(
        self, state: Float[Tensor, "neuron batch"], current: Float[Tensor, "neuron batch"]
    ) -> Float[Tensor, "neuron batch"]:
        """The next state."""
        return torch.lerp(state, self.rate(current), self.leak)

    def rate(self, current: Float[Tensor, "*shape"], out: Tensor | None = None) -> Float[Tensor, "*shape"]:
        """``f(current)``, written to ``out`` when given."""
        if self.activation == "tanh":
            return torch.tanh(current, out=out)
        return torch.relu(current) if out is None else torch.clamp_min(current, 0, out=out)

    def slope(self, rate: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """``f'(current)``, found from ``f(current)``."""
        return 1 - rate.square() if self.activation == "tanh" else (rate > 0).to(rate.dtype)

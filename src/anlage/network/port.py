"""The trained interfaces of a network: into its input neurons, and out of its output neurons.

Ports are never hidden inside a wiring. Which neurons they touch is part of every experiment and printed in every report.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def linear(n_in: int, n_out: int, generator: torch.Generator, gain: float = 1.0) -> nn.Linear:
    """A linear map whose start is drawn from ``generator``: weights uniform with variance ``gain**2 / n_in``, bias zero."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, n_in, n_out)  # type: ignore[no-untyped-call]
    bound = gain * math.sqrt(3 / n_in)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.zero_()
    return layer


class Encoder(nn.Module):
    """One linear layer from a raw observation to its embedding; the same for every arm of a study."""

    def __init__(self, n_input: int, n_latent: int, generator: torch.Generator) -> None:
        super().__init__()
        self.map = linear(n_input, n_latent, generator)

    def forward(self, observation: Float[Tensor, "batch time input"]) -> Float[Tensor, "batch time latent"]:
        """The embedding of every observation."""
        embedding: Tensor = self.map(observation)
        return embedding


class Ports(nn.Module):
    """Linear maps from an embedding onto the input neurons and from the output neurons to a prediction."""

    input: Int[Tensor, " member"]
    output: Int[Tensor, " member"]

    def __init__(
        self,
        input: Int[Tensor, " member"],
        output: Int[Tensor, " member2"],
        n_latent: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.register_buffer("input", input, persistent=False)
        self.register_buffer("output", output, persistent=False)
        self.into = linear(n_latent, len(input), generator)
        self.out = linear(len(output), n_latent, generator)


class ContextPort(nn.Module):
    """Sparse wires from a context onto some neurons: what is said to a network beside what it has to predict.

    Each number of the context reaches each of ``neurons`` with probability ``share``, at least one of them; what is not wired
    stays so. Every wire starts at zero: a network begins deaf to its context and learns to listen.
    """

    neurons: Int[Tensor, " member"]
    wired: Tensor

    def __init__(
        self, neurons: Int[Tensor, " member"], n_context: int, share: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        wired = torch.rand(len(neurons), n_context, generator=generator) < share
        sure = torch.randint(len(neurons), (n_context,), generator=generator)
        wired[sure, torch.arange(n_context)] = True
        self.register_buffer("neurons", neurons, persistent=False)
        self.register_buffer("wired", wired, persistent=False)
        self.weight = nn.Parameter(torch.zeros(int(wired.sum())))

    def forward(self, context: Float[Tensor, "batch time context"]) -> Float[Tensor, "batch time member"]:
        """What the context adds to the drive of every one of ``neurons``."""
        dense = self.weight.new_zeros(self.wired.shape).masked_scatter(self.wired, self.weight)
        return nn.functional.linear(context, dense)

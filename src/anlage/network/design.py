"""Networks without a wiring to compare with: how one is ordered."""

from typing import ClassVar, Literal, Protocol, runtime_checkable

import torch

from anlage.network.budget import Budget
from anlage.network.network import Network

Match = Literal["parameters", "multiply_adds", "both"]


@runtime_checkable
class Design(Protocol):
    """A kind of network that can be built to a budget. Each generator draws other weights, and no graph is involved."""

    name: ClassVar[str]
    match: Match

    def build(self, n_input: int, n_output: int, budget: Budget, generator: torch.Generator) -> Network:
        """A ``torch.nn.Module`` from ``n_input`` to ``n_output`` numbers whose cost comes nearest to ``budget``."""
        ...

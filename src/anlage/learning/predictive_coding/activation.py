"""What a neuron tells those that it reaches, as a function of its value."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from anlage.errors import UnknownName

Activation = Literal["linear", "tanh", "relu"]

_PAIRS: Mapping[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "linear": (lambda value: value, torch.ones_like),
    "tanh": (torch.tanh, lambda value: 1 - torch.tanh(value).square()),
    "relu": (torch.relu, lambda value: (value > 0).to(value.dtype)),
}


def rate_and_slope(activation: str) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """``f`` and ``f'`` by name; raises ``UnknownName`` for another."""
    if activation not in _PAIRS:
        raise UnknownName("activation", activation, _PAIRS)
    return _PAIRS[activation]

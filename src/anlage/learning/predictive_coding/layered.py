"""Predictive coding on dense layers, as deep as wanted."""

import math
from itertools import pairwise
from typing import Literal, final, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import RecipeError, UnknownName
from anlage.learning.predictive_coding.activation import Activation, rate_and_slope
from anlage.learning.predictive_coding.graph import Value

Scaling = Literal["standard", "depth"]


@final
class Layered:
    """``prediction of layer l = gain_l W_l f(value of layer l - 1) + skip_l value of layer l - 1``; the input goes in as it is.

    ``sizes``: neurons per layer, input first. ``residual``: between hidden layers of one size there is a skip of 1.
    ``scaling``: ``standard`` draws weights of variance ``1 / n_in`` and has gains of 1. ``depth`` is muPC: weights of variance 1,
    gains ``n_in^(-1/2)``, ``(n_in L)^(-1/2)`` and ``1 / n_in`` for the first, hidden and last of ``L`` layers of weights
    (Innocenti et al. 2025, arXiv 2505.13124, after Depth-muP), so that what arrives at a layer does not grow with depth.

    Raises ``RecipeError`` for fewer than two layers or an empty one.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        generator: torch.Generator,
        *,
        activation: Activation = "tanh",
        residual: bool = False,
        scaling: Scaling = "standard",
    ) -> None:
        if len(sizes) < 2 or min(sizes) < 1:
            raise RecipeError(f"The layers have {sizes} neurons, but at least two layers of at least 1 are needed.")
        if scaling not in get_args(Scaling):
            raise UnknownName("scaling", scaling, get_args(Scaling))
        self.sizes, (self._rate, self._slope) = sizes, rate_and_slope(activation)
        depth = len(sizes) - 1
        hidden = range(1, depth - 1)
        self.skip = tuple(residual and i in hidden and sizes[i] == sizes[i + 1] for i in range(depth))
        self.gain = (1.0,) * depth
        if scaling == "depth":
            self.gain = (sizes[0] ** -0.5, *((n * depth) ** -0.5 for n in sizes[1:-2]), 1 / sizes[-2])[:depth]
        spread = [1 / math.sqrt(n) if scaling == "standard" else 1.0 for n in sizes[:-1]]
        self._weights = tuple(
            torch.randn(n_out, n_in, generator=generator) * s
            for n_in, n_out, s in zip(sizes[:-1], sizes[1:], spread, strict=True)
        )
        start = [0, *torch.tensor(sizes).cumsum(0).tolist()]
        self.rows = tuple(slice(a, b) for a, b in pairwise(start))
        self.input, self.output = torch.arange(start[1]), torch.arange(start[-2], start[-1])
        self.predicted = (torch.arange(start[-1]) >= sizes[0]).unsqueeze(1)

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """One matrix per layer but the first, shape ``(post, pre)``."""
        return self._weights

    def forward(self, given: Float[Tensor, "member batch"], error: Value | None = None) -> Value:
        """Every layer as the one before predicts it; with an ``error``, every hidden layer off by that much."""
        layers = [given]
        for i in range(len(self._weights)):
            prediction = self._through(i, layers[-1])
            hidden = i + 1 < len(self._weights)
            layers.append(prediction if error is None or not hidden else prediction + error[self.rows[i + 1]])
        return torch.cat(layers)

    def predict(self, value: Value) -> Value:
        """The prediction of every layer from the values of the one before; 0 for the input."""
        layers = [self._through(i, value[self.rows[i]]) for i in range(len(self._weights))]
        return torch.cat([torch.zeros_like(value[self.rows[0]]), *layers])

    def answer(self, value: Value, error: Value) -> Value:
        """``f'(value) * gain W^T error + skip error`` of the next layer; 0 for the last."""
        layers = [self.back(i, value[self.rows[i]], error[self.rows[i + 1]]) for i in range(len(self._weights))]
        return torch.cat([*layers, torch.zeros_like(value[self.rows[-1]])])

    def local(self, value: Value, error: Value) -> tuple[Tensor, ...]:
        """``gain error f(value before)^T`` of every layer, summed over the batch."""
        return tuple(
            self.gain[i] * error[self.rows[i + 1]] @ self._sent(i, value[self.rows[i]]).T
            for i in range(len(self._weights))
        )

    def back(
        self, i: int, value: Float[Tensor, "pre batch"], error: Float[Tensor, "post batch"]
    ) -> Float[Tensor, "pre batch"]:
        """The errors of layer ``l + 1`` as layer ``l`` hears of them."""
        heard = self._weights[i].T @ error * self.gain[i]
        heard = heard * self._slope(value) if i else heard
        return heard + error if self.skip[i] else heard

    def _through(self, i: int, value: Tensor) -> Tensor:
        sent = self._weights[i] @ self._sent(i, value) * self.gain[i]
        return sent + value if self.skip[i] else sent

    def _sent(self, i: int, value: Tensor) -> Tensor:
        return self._rate(value) if i else value


def backpropagated(graph: Layered, value: Value, error: Float[Tensor, "member batch"]) -> Value:
    """The error of the last layer carried back to all others at once, predictions held where they are.

    Backpropagation; and where errors settle when predictions are fixed (Whittington & Bogacz 2017, Neural Comput 29:1229).
    """
    layers = [error]
    for i in reversed(range(1, len(graph.weights))):
        layers.append(graph.back(i, value[graph.rows[i]], layers[-1]))
    return torch.cat([torch.zeros_like(value[graph.rows[0]]), *reversed(layers)])

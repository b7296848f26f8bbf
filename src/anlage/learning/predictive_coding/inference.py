"""Finding the values that explain a target, and learning from what is left unexplained."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import Diverged, RecipeError, UnknownName
from anlage.learning.predictive_coding.graph import PredictiveGraph, Value, errors
from anlage.learning.predictive_coding.layered import Layered, backpropagated

Method = Literal["pc", "ipc", "epc", "backpropagation"]


@dataclass(frozen=True, slots=True)
class Inference:
    """How values and errors are found before, or while, weights learn from them.

    ``pc``: the energy falls by gradient descent on the free values, ``steps`` times with ``rate``; then the weights learn once.
    ``ipc``: the weights learn after every step of the values (incremental; Salvatori et al. 2024, arXiv 2212.00720).
    ``epc``: descent on the errors, from which the values follow layer by layer, so that a target reaches all depths in one step
    (Goemaere et al. 2025, arXiv 2505.20137). The same minimum as ``pc``; not local; layers only.
    ``backpropagation``: predictions stay where the input put them; what errors then settle to is the gradient. Layers only.
    """

    method: Method = "pc"
    steps: int = 20
    rate: float = 0.1

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise UnknownName("method of predictive coding", self.method, get_args(Method))
        if self.steps < 1 or not 0 < self.rate < float("inf"):
            raise RecipeError(
                f"Inference of {self.steps} steps with rate {self.rate} was asked for; at least 1 step and a finite rate above 0 "
                "are needed."
            )


def infer(
    graph: PredictiveGraph,
    inference: Inference,
    given: Float[Tensor, "member batch"],
    target: Float[Tensor, "member2 batch"],
) -> tuple[Value, Value]:
    """Values and errors of all neurons once input and output are given, weights as they are.

    Raises ``RecipeError`` where ``epc`` or ``backpropagation`` is asked of anything but layers.
    """
    value = graph.forward(given)
    if inference.method == "backpropagation":
        return value, backpropagated(_layers(graph, inference), value, target - value[graph.output])
    if inference.method == "epc":
        return _descend_errors(_layers(graph, inference), inference, value, target)
    free = _free(graph, value)
    value[graph.output] = target
    for _ in range(inference.steps):
        value = value + inference.rate * free * _descent(graph, value)
    return value, errors(graph, value)


def learn(
    graph: PredictiveGraph,
    inference: Inference,
    optimiser: torch.optim.Optimizer,
    given: Float[Tensor, "member batch"],
    target: Float[Tensor, "member2 batch"],
) -> float:
    """Infer once and let the weights of ``optimiser`` learn: with every step of ``ipc``, else once. The squared error before it.

    Each weight's gradient is minus its ``local`` product, mean over the batch. Raises ``Diverged`` when errors are not finite.
    """
    before = graph.forward(given)
    if inference.method == "ipc":
        value, free = before.clone(), _free(graph, before)
        value[graph.output] = target
        for _ in range(inference.steps):
            value = value + inference.rate * free * _descent(graph, value)
            _update(graph, optimiser, value, errors(graph, value))
    else:
        _update(graph, optimiser, *infer(graph, inference, given, target))
    return float((target - before[graph.output]).square().sum(0).mean())


def _update(graph: PredictiveGraph, optimiser: torch.optim.Optimizer, value: Value, error: Value) -> None:
    if not bool(error.isfinite().all()):
        raise Diverged("The errors of predictive coding are not finite; lower the rate of inference or of learning.")
    for weight, product in zip(graph.weights, graph.local(value, error), strict=True):
        weight.grad = -product / value.shape[1]
    optimiser.step()


def _descent(graph: PredictiveGraph, value: Value) -> Value:
    """Minus the gradient of the energy, batch members apart: what a neuron causes, minus what it is off itself."""
    error = errors(graph, value)
    return graph.answer(value, error) - error


def _free(graph: PredictiveGraph, value: Value) -> Float[Tensor, "neuron 1"]:
    """1 for neurons whose value is to be found, 0 for those whose value is given."""
    free = value.new_ones(len(value), 1)
    free[graph.input] = 0
    free[graph.output] = 0
    return free


def _layers(graph: PredictiveGraph, inference: Inference) -> Layered:
    if not isinstance(graph, Layered):
        raise RecipeError(f"{inference.method!r} needs layers in order; on any other wiring use 'pc' or 'ipc'.")
    return graph


def _descend_errors(
    graph: Layered, inference: Inference, value: Value, target: Float[Tensor, "member2 batch"]
) -> tuple[Value, Value]:
    """Descent on the hidden errors; the values are what input and errors make them."""
    error = torch.zeros_like(value)
    for _ in range(inference.steps):
        error[graph.output] = target - value[graph.output]
        error = error + inference.rate * _free(graph, value) * (
            backpropagated(graph, value, error[graph.output]) - error
        )
        value = graph.forward(value[graph.input], error)
    error[graph.output] = target - value[graph.output]
    value[graph.output] = target
    return value, error

"""What predictive coding needs of a graph: predictions forth, errors back, and one product per edge to learn from."""

from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor

Value = Float[Tensor, "neuron batch"]


@runtime_checkable
class PredictiveGraph(Protocol):
    """Neurons that predict one another. Values and errors of all of them are one tensor, shape ``(neuron, batch)``.

    ``input`` and ``output``: rows whose values are given while learning. ``predicted``: rows that somebody reaches; only these
    have an error. ``weights``: what is learned.
    """

    input: Int[Tensor, " member"]
    output: Int[Tensor, " member2"]
    predicted: Bool[Tensor, "neuron 1"]

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """The tensors that are learned."""
        ...

    def forward(self, given: Float[Tensor, "member batch"]) -> Value:
        """Values when nothing but the input is given: every neuron as it is predicted."""
        ...

    def predict(self, value: Value) -> Value:
        """What the presynaptic partners of every neuron make of its value."""
        ...

    def answer(self, value: Value, error: Value) -> Value:
        """For every neuron, the errors that it causes, each times how much: the transposed Jacobian on the errors."""
        ...

    def local(self, value: Value, error: Value) -> tuple[Tensor, ...]:
        """For every weight, error of the receiving times activity of the sending neuron, summed over the batch."""
        ...


def errors(graph: PredictiveGraph, value: Value) -> Value:
    """Value minus prediction; 0 where nobody predicts."""
    return (value - graph.predict(value)) * graph.predicted


def energy(graph: PredictiveGraph, value: Value) -> float:
    """Half the sum of squared errors of all neurons, mean over the batch."""
    return float(errors(graph, value).square().sum() / (2 * value.shape[1]))

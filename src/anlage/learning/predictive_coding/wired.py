"""Predictive coding on any wiring, cycles and all."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import RecipeError
from anlage.learning.predictive_coding.activation import Activation, rate_and_slope
from anlage.learning.predictive_coding.graph import Value
from anlage.network import Wiring
from anlage.network.crossing import Crossing
from anlage.network.synapse import crossing
from anlage.topology import Topology


@final
class Wired:
    """``prediction = W f(value)`` along the edges of a topology; input neurons send their value as it is.

    Every neuron that some edge reaches is predicted and has an error; input neurons too, where feedback reaches them: what it
    makes of the input is then an error like any other. ``sweeps``: how often all edges are crossed when nothing but the input is
    given; on a wiring without cycles as many as its longest path give what a layered network would.

    Raises ``RecipeError`` for fewer sweeps than 1 and where a neuron is both input and output.
    """

    def __init__(
        self,
        topology: Topology,
        input: tuple[str, ...] = ("input",),
        output: tuple[str, ...] = ("output",),
        *,
        activation: Activation = "tanh",
        sweeps: int = 8,
    ) -> None:
        if sweeps < 1:
            raise RecipeError(f"sweeps is {sweeps}, but must be at least 1.")
        self._rate, self._slope = rate_and_slope(activation)
        self.sweeps, self.wiring = sweeps, Wiring(topology)
        self.input, self.output = (torch.from_numpy(topology.group(names)) for names in (input, output))
        if both := sorted(set(self.input.tolist()) & set(self.output.tolist())):
            raise RecipeError(f"{len(both)} neurons are both input and output; what is given cannot also be asked for.")
        self.weight = torch.from_numpy(topology.weight).to(torch.get_default_dtype())
        reached = torch.zeros(topology.n_neurons, 1, dtype=torch.bool)
        reached[torch.from_numpy(topology.post).long()] = True
        self.predicted = reached
        self._given = torch.zeros_like(reached)
        self._given[self.input] = True
        self._laid_out: tuple[int, Crossing] | None = None

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """One weight per edge, in the topology's edge order."""
        return (self.weight,)

    def forward(self, given: Float[Tensor, "member batch"]) -> Value:
        """``sweeps`` times all neurons as they are predicted, from silence, the input held."""
        value = given.new_zeros(self.wiring.n_neurons, given.shape[1])
        value[self.input] = given
        for _ in range(self.sweeps):
            value = self.predict(value)
            value[self.input] = given
        return value

    def predict(self, value: Value) -> Value:
        """``W f(value)``."""
        return self._crossing().forward(self._sent(value))

    def answer(self, value: Value, error: Value) -> Value:
        """``f'(value) * W^T error``."""
        slope = torch.where(self._given, 1.0, self._slope(value))
        return self._crossing().backward(error.contiguous()) * slope

    def local(self, value: Value, error: Value) -> tuple[Tensor, ...]:
        """``error[post] * f(value)[pre]`` of every edge, summed over the batch."""
        return (self._crossing().edges(error.contiguous(), self._sent(value)),)

    def _sent(self, value: Tensor) -> Tensor:
        return torch.where(self._given, value, self._rate(value)).contiguous()

    def _crossing(self) -> Crossing:
        """The edges as laid out for the weights that they have now."""
        if self._laid_out is None or self._laid_out[0] != self.weight._version:
            self._laid_out = self.weight._version, crossing(self.wiring, self.weight)
        return self._laid_out[1]

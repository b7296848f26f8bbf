"""The one operation everything repeats: ``y = W x`` on a fixed sparse directed graph, and its gradients.

Nothing outside this file knows how the product is computed. Three ways are equal: plain torch, which is the readable oracle and
the fallback, the compiled kernels, and those of a GPU. None makes a dense matrix, nor rebuilds the transpose, which is what makes
the built-in backward pass of torch's sparse product slow (pytorch issues 61059 and 71156): its order is found once per topology.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.network import gpu, kernel
from anlage.network.crossing import Crossing, KernelCrossing, TorchCrossing
from anlage.network.dynamics import Activation
from anlage.network.wiring import Wiring


def crossing(wiring: Wiring, weight: Float[Tensor, " edge"]) -> Crossing:
    """The fastest crossing that these weights allow."""
    if gpu.usable(weight):
        return gpu.TritonCrossing(wiring, weight)
    return KernelCrossing(wiring, weight) if kernel.usable(weight) else TorchCrossing(wiring, weight)


# Forward, backward and edge gradient are linear in each argument, and the gradient of each is made of the other two: so all
# derivatives exist, of any order, at the cost of products.


class _Forward(torch.autograd.Function):
    """``W @ state``."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, state: Tensor, wiring: Wiring, laid_out: Crossing) -> Tensor:
        ctx.wiring, ctx.crossing = wiring, laid_out
        ctx.save_for_backward(weight, state)
        return laid_out.forward(state)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        weight, state = ctx.saved_tensors
        return *_across(ctx, weight, state, gradient), None, None


class _Fired(torch.autograd.Function):
    """``f(W @ state)``: the gradient of the current, found from what it led to, goes the way of that of ``W @ state``."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, state: Tensor, wiring: Wiring, laid_out: Crossing, activation: Activation
    ) -> Tensor:
        ctx.wiring, ctx.crossing, ctx.activation = wiring, laid_out, activation
        rate = laid_out.fired(activation, state)
        ctx.save_for_backward(weight, state, rate)
        return rate

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        weight, state, rate = ctx.saved_tensors
        current = _SLOPED[ctx.activation](gradient, rate)
        return *_across(ctx, weight, state, current), None, None, None


_SLOPED: dict[Activation, Callable[[Tensor, Tensor], Tensor]] = {
    "tanh": torch.ops.aten.tanh_backward,
    "relu": lambda gradient, rate: torch.ops.aten.threshold_backward(gradient, rate, 0),
}
"""The gradient times ``f'(current)``, in one pass and itself differentiable."""


def _across(ctx: Any, weight: Tensor, state: Tensor, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """The gradients that ``W @ state`` hands on, to the weights and the state, where they are asked for."""
    to_weight = to_state = None
    further = torch.is_grad_enabled()  # else no derivative is taken of this one, and a node would be made for nothing
    if ctx.needs_input_grad[0]:
        across = (gradient, state, ctx.wiring, ctx.crossing)
        to_weight = _Edges.apply(*across) if further else ctx.crossing.edges(gradient, state)  # type: ignore[no-untyped-call]
    if ctx.needs_input_grad[1]:
        back = (weight, gradient, ctx.wiring, ctx.crossing)
        to_state = _Backward.apply(*back) if further else ctx.crossing.backward(gradient)  # type: ignore[no-untyped-call]
    return to_weight, to_state


class _Backward(torch.autograd.Function):
    """``W.T @ state``."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, state: Tensor, wiring: Wiring, laid_out: Crossing) -> Tensor:
        ctx.wiring, ctx.crossing = wiring, laid_out
        ctx.save_for_backward(weight, state)
        return laid_out.backward(state)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        weight, state = ctx.saved_tensors
        to_weight = to_state = None
        if ctx.needs_input_grad[0]:
            to_weight = _Edges.apply(state, gradient, ctx.wiring, ctx.crossing)  # type: ignore[no-untyped-call]
        if ctx.needs_input_grad[1]:
            to_state = _Forward.apply(weight, gradient, ctx.wiring, ctx.crossing)  # type: ignore[no-untyped-call]
        return to_weight, to_state, None, None


class _Edges(torch.autograd.Function):
    """For every edge, the sum over the batch of ``received[post] * sent[pre]``."""

    @staticmethod
    def forward(ctx: Any, received: Tensor, sent: Tensor, wiring: Wiring, laid_out: Crossing) -> Tensor:
        ctx.wiring = wiring
        ctx.save_for_backward(received, sent)
        return laid_out.edges(received, sent)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        received, sent = ctx.saved_tensors
        laid_out = crossing(ctx.wiring, gradient)
        to_received = to_sent = None
        if ctx.needs_input_grad[0]:
            to_received = _Forward.apply(gradient, sent, ctx.wiring, laid_out)  # type: ignore[no-untyped-call]
        if ctx.needs_input_grad[1]:
            to_sent = _Backward.apply(gradient, received, ctx.wiring, laid_out)  # type: ignore[no-untyped-call]
        return to_received, to_sent, None, None


class Synapses:
    """A wiring with its weights set: call it on a state to cross every edge once.

    Edges are laid out at most once per set of weights and direction, however many steps are then taken; weights that were
    changed in place since are laid out again. ``weight``: shape ``(edge,)``, in the topology's edge order. The state has shape
    ``(neuron, batch)`` and the weights' type; single precision and bfloat16 (stored; added in single precision) are fastest.
    """

    def __init__(self, wiring: Wiring, weight: Float[Tensor, " edge"]) -> None:
        self._wiring, self._weight = wiring, weight
        self._lay_out()

    def _lay_out(self) -> None:
        self._crossing, self._version = crossing(self._wiring, self._weight), self._weight._version

    def __call__(
        self, state: Float[Tensor, "neuron batch"], activation: Activation | None = None
    ) -> Float[Tensor, "neuron batch"]:
        """``W @ state``, or ``f(W @ state)`` in the same pass; differentiable in the weights and the state, to any order."""
        if self._version != self._weight._version:
            self._lay_out()
        laid_out = self._crossing
        if not (torch.is_grad_enabled() and (state.requires_grad or self._weight.requires_grad)):
            return laid_out.forward(state) if activation is None else laid_out.fired(activation, state)
        given = (self._weight, state, self._wiring, laid_out)
        made = _Forward.apply(*given) if activation is None else _Fired.apply(*given, activation)  # type: ignore[no-untyped-call]
        return cast(Tensor, made)


def synapse(
    wiring: Wiring,
    weight: Float[Tensor, " edge"],
    state: Float[Tensor, "neuron batch"],
    activation: Activation | None = None,
) -> Float[Tensor, "neuron batch"]:
    """``W @ state``, or ``f(W @ state)``, for one step; for several steps with the same weights make one ``Synapses``."""
    return Synapses(wiring, weight)(state, activation)

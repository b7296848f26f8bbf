"""The one operation everything repeats: ``y = W x`` on a fixed sparse directed graph, and its gradients.

Nothing outside this file knows how the product is computed. Two ways are equal: the compiled kernels, and plain torch, which is
the readable oracle and the fallback. Neither makes a dense matrix, nor rebuilds the transpose, which is what makes the built-in
backward pass of torch's sparse product slow (pytorch issues 61059 and 71156): its order is found once per topology.
"""

import warnings
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from anlage.network import kernel
from anlage.topology.topology import Topology


class Wiring(nn.Module):
    """Index arrays of a topology, prepared once, in both orders.

    Edges are post-major, so the weight vector is the value array of the ``(post, pre)`` matrix in CSR form;
    ``weight[by_pre]`` is the value array of its transpose.
    """

    post_start: Int[Tensor, " neuron1"]
    pre: Int[Tensor, " edge"]
    pre_start: Int[Tensor, " neuron1"]
    post_by_pre: Int[Tensor, " edge"]
    by_pre: Int[Tensor, " edge"]

    def __init__(self, topology: Topology) -> None:
        super().__init__()
        self.n_neurons = topology.n_neurons
        self.n_edges = topology.n_edges
        pre, post = (torch.from_numpy(end.astype(np.int32)) for end in (topology.pre, topology.post))
        by_pre = torch.argsort(pre, stable=True)
        bounds = torch.arange(self.n_neurons + 1, dtype=torch.int32)
        index = {
            "post_start": torch.searchsorted(post, bounds, out_int32=True),
            "pre": pre,
            "pre_start": torch.searchsorted(pre[by_pre].contiguous(), bounds, out_int32=True),
            "post_by_pre": post[by_pre],
            "by_pre": by_pre,
        }
        for name, tensor in index.items():
            self.register_buffer(name, tensor, persistent=False)

    def transposed(self, weight: Float[Tensor, " edge"]) -> Float[Tensor, " edge"]:
        """The weights in pre-major order."""
        return weight[self.by_pre]


@runtime_checkable
class Crossing(Protocol):
    """A wiring with fixed weights, laid out once: products in both directions, and the gradient of every edge.

    States have shape ``(neuron, batch)``. ``plus`` is added to the result.
    """

    def forward(self, state: Tensor, plus: Tensor | None = None) -> Float[Tensor, "neuron batch"]:
        """``plus + W @ state``."""
        ...

    def backward(self, gradient: Tensor, plus: Tensor | None = None) -> Float[Tensor, "neuron batch"]:
        """``plus + W.T @ gradient``."""
        ...

    def edges(self, gradient: Tensor, state: Tensor) -> Float[Tensor, " edge"]:
        """For every edge, the sum over the batch of ``gradient[post] * state[pre]``."""
        ...


@final
class KernelCrossing:
    """The compiled kernels: single precision, main memory."""

    def __init__(self, wiring: Wiring, weight: Float[Tensor, " edge"]) -> None:
        self._wiring, self._weight = wiring, weight.detach().contiguous()
        self._by_pre: Tensor | None = None

    def forward(self, state: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W @ state``."""
        return kernel.product(self._wiring.post_start, self._wiring.pre, self._weight, state, plus)

    def backward(self, gradient: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W.T @ gradient``."""
        if self._by_pre is None:
            self._by_pre = self._wiring.transposed(self._weight)
        return kernel.product(self._wiring.pre_start, self._wiring.post_by_pre, self._by_pre, gradient, plus)

    def edges(self, gradient: Tensor, state: Tensor) -> Tensor:
        """The gradient of every edge."""
        return kernel.edges(self._wiring.post_start, self._wiring.pre, gradient, state)


@final
class TorchCrossing:
    """Plain torch, any precision and device."""

    def __init__(self, wiring: Wiring, weight: Float[Tensor, " edge"]) -> None:
        self._wiring, self._weight = wiring, weight.detach()
        self._matrix = self._csr(wiring.post_start, wiring.pre, self._weight)
        self._transpose: Tensor | None = None

    def forward(self, state: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W @ state``."""
        product: Tensor = torch.sparse.mm(self._matrix, state)
        return product if plus is None else product.add_(plus)

    def backward(self, gradient: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W.T @ gradient``."""
        if self._transpose is None:
            by_pre = self._wiring.transposed(self._weight)
            self._transpose = self._csr(self._wiring.pre_start, self._wiring.post_by_pre, by_pre)
        product: Tensor = torch.sparse.mm(self._transpose, gradient.contiguous())
        return product if plus is None else product.add_(plus)

    def edges(self, gradient: Tensor, state: Tensor) -> Tensor:
        """The gradient of every edge: entries of ``gradient @ state.T`` where there is an edge, and nowhere else."""
        empty = self._csr(self._wiring.post_start, self._wiring.pre, torch.zeros_like(self._weight))
        sampled: Tensor = torch.sparse.sampled_addmm(empty, gradient.contiguous(), state.T, beta=0.0)
        return sampled.values()

    def _csr(self, start: Tensor, column: Tensor, value: Tensor) -> Tensor:
        size = (self._wiring.n_neurons, self._wiring.n_neurons)
        with warnings.catch_warnings():
            # torch announces once per process that its CSR tensors are young; our users need not read that.
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(start, column, value, size=size, check_invariants=False)


def crossing(wiring: Wiring, weight: Float[Tensor, " edge"]) -> Crossing:
    """The fastest crossing that these weights allow."""
    return KernelCrossing(wiring, weight) if kernel.usable(weight) else TorchCrossing(wiring, weight)


class _Synapse(torch.autograd.Function):
    """Sparse product with hand-written gradients for the weights and for the state."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, state: Tensor, laid_out: Crossing) -> Tensor:
        del weight  # laid out already; it is an argument so that it receives a gradient
        ctx.crossing = laid_out
        ctx.save_for_backward(state)
        return laid_out.forward(state)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (state,) = ctx.saved_tensors
        laid_out: Crossing = ctx.crossing
        to_state = laid_out.backward(gradient) if ctx.needs_input_grad[1] else None
        to_weight = laid_out.edges(gradient, state) if ctx.needs_input_grad[0] else None
        return to_weight, to_state, None


class Synapses:
    """A wiring with its weights set: call it on a state to cross every edge once.

    Edges are laid out at most once per set of weights and direction, however many steps are then taken.
    ``weight``: shape ``(edge,)``, in the topology's edge order. The state has shape ``(neuron, batch)``.
    """

    def __init__(self, wiring: Wiring, weight: Float[Tensor, " edge"]) -> None:
        self._weight, self._crossing = weight, crossing(wiring, weight)

    def __call__(self, state: Float[Tensor, "neuron batch"]) -> Float[Tensor, "neuron batch"]:
        """``W @ state``, differentiable once with respect to the weights and the state."""
        result: Tensor = _Synapse.apply(self._weight, state, self._crossing)  # type: ignore[no-untyped-call]
        return result


def synapse(
    wiring: Wiring, weight: Float[Tensor, " edge"], state: Float[Tensor, "neuron batch"]
) -> Float[Tensor, "neuron batch"]:
    """``W @ state`` for one step; for several steps with the same weights make one ``Synapses``."""
    return Synapses(wiring, weight)(state)

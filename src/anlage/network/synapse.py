"""The one operation everything repeats: ``y = W x`` on a fixed sparse directed graph, and its gradients.

This file is the seam for faster kernels: nothing outside it knows how the product is computed. The path here is plain torch.
It never makes a dense matrix and never rebuilds the transpose, which is what makes the built-in backward pass of torch's
sparse product slow (pytorch issues 61059 and 71156): the order of the transpose is found once per topology.
"""

import warnings
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

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
        pre, post = torch.from_numpy(topology.pre.copy()), torch.from_numpy(topology.post.copy())
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
        with warnings.catch_warnings():
            # torch announces once per process that its CSR tensors are young; our users need not read that.
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            self.matrix(torch.zeros(self.n_edges))

    def matrix(self, weight: Float[Tensor, " edge"]) -> Tensor:
        """The sparse matrix ``(post, pre)``."""
        return self._csr(self.post_start, self.pre, weight)

    def transpose(self, weight: Float[Tensor, " edge"]) -> Tensor:
        """The sparse matrix ``(pre, post)``."""
        return self._csr(self.pre_start, self.post_by_pre, weight[self.by_pre])

    def _csr(self, start: Tensor, column: Tensor, value: Tensor) -> Tensor:
        size = (self.n_neurons, self.n_neurons)
        return torch.sparse_csr_tensor(start, column, value, size=size, check_invariants=False)


class _Synapse(torch.autograd.Function):
    """Sparse product with hand-written gradients for the weights and for the state."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, state: Tensor, wiring: Wiring, forward: Tensor | None, backward: Tensor | None
    ) -> Tensor:
        ctx.wiring, ctx.transpose = wiring, backward
        ctx.save_for_backward(weight, state)
        product: Tensor = torch.sparse.mm(wiring.matrix(weight) if forward is None else forward, state)
        return product

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        weight, state = ctx.saved_tensors
        wiring: Wiring = ctx.wiring
        gradient = gradient.contiguous()
        to_weight = to_state = None
        if ctx.needs_input_grad[1]:
            transpose = wiring.transpose(weight) if ctx.transpose is None else ctx.transpose
            to_state = torch.sparse.mm(transpose, gradient)
        if ctx.needs_input_grad[0]:
            # Entry (i, j) of gradient @ state.T, only where there is an edge j -> i.
            empty = wiring.matrix(torch.zeros_like(weight))
            to_weight = torch.sparse.sampled_addmm(empty, gradient, state.T, beta=0.0).values()
        return to_weight, to_state, None, None, None


class Synapses:
    """A wiring with its weights set: call it on a state to cross every edge once.

    Both sparse matrices are laid out at most once per set of weights, however many steps are then taken.
    ``weight``: shape ``(edge,)``, in the topology's edge order. The state has shape ``(neuron, batch)``.
    """

    def __init__(self, wiring: Wiring, weight: Float[Tensor, " edge"]) -> None:
        self.wiring, self.weight = wiring, weight
        fixed = weight.detach()
        self._forward = wiring.matrix(fixed)
        self._backward = wiring.transpose(fixed) if torch.is_grad_enabled() else None

    def __call__(self, state: Float[Tensor, "neuron batch"]) -> Float[Tensor, "neuron batch"]:
        """``W @ state``, differentiable once with respect to the weights and the state."""
        result: Tensor = _Synapse.apply(self.weight, state, self.wiring, self._forward, self._backward)  # type: ignore[no-untyped-call]
        return result


def synapse(
    wiring: Wiring, weight: Float[Tensor, " edge"], state: Float[Tensor, "neuron batch"]
) -> Float[Tensor, "neuron batch"]:
    """``W @ state`` for one step; for several steps with the same weights make one ``Synapses``."""
    return Synapses(wiring, weight)(state)

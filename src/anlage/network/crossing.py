"""Crossing every edge of a wiring once, with the weights laid out for it: in plain torch, or by the compiled kernels."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import reduce
from typing import cast, final

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.network import kernel
from anlage.network.dynamics import Activation, Leaky, When
from anlage.network.wiring import Wiring

CHUNK = 1 << 22
"""Numbers of a state held side by side for the edge gradient; more saves nothing, less costs calls."""


class Crossing(ABC):
    """A wiring with fixed weights, laid out once: products in both directions, and the gradient of every edge.

    States have shape ``(neuron, batch)`` and the weights' type. ``plus`` is added to the result.
    """

    @abstractmethod
    def forward(self, state: Tensor, plus: Tensor | None = None) -> Float[Tensor, "neuron batch"]:
        """``plus + W @ state``."""

    @abstractmethod
    def backward(self, gradient: Tensor, plus: Tensor | None = None) -> Float[Tensor, "neuron batch"]:
        """``plus + W.T @ gradient``."""

    @abstractmethod
    def edges(self, gradient: Tensor, state: Tensor) -> Float[Tensor, " edge"]:
        """For every edge, the sum over the batch of ``gradient[post] * state[pre]``."""

    def fired(self, activation: Activation, state: Tensor) -> Float[Tensor, "neuron batch"]:
        """``f(W @ state)``."""
        current = self.forward(state)
        return Leaky(1.0, activation).rate(current, out=current)

    def edges_of_steps(self, gradient: Tensor, state: Tensor) -> Float[Tensor, " edge"]:
        """``edges`` summed over steps, several side by side like a wider batch; ``ValueError`` when there are none.

        Both have shape ``(step, neuron, batch)``.
        """
        if not len(state):
            raise ValueError("The edge gradient is a sum over steps, of which there are none; give one at least.")
        at_once = max(1, CHUNK // max(1, state[0].numel()))
        some = zip(torch.split(gradient, at_once), torch.split(state, at_once), strict=True)
        return reduce(Tensor.add_, (self.edges(*(each.transpose(0, 1).flatten(1) for each in pair)) for pair in some))

    def advance(self, dynamics: Leaky, before: Tensor, outside: Tensor, rate: Tensor) -> Tensor:
        """The state one tick later, ``lerp(before, f(W before + outside), leak)``; ``rate`` receives ``f(...)``."""
        dynamics.rate(self.forward(before, outside), out=rate)
        return torch.lerp(before, rate, dynamics.leak)

    def walk(self, dynamics: Leaky, states: Tensor, rates: Tensor, outside: Tensor, when: When) -> None:
        """Tick after tick: ``states[i + 1]`` and ``rates[i]`` from ``states[i]`` and what is outside at that observation.

        Shapes ``(tick + 1, neuron, batch)``, ``(tick, neuron, batch)`` and ``(observation, neuron, batch)``, all contiguous.
        """
        for i, rate in enumerate(rates):
            states[i + 1] = self.advance(dynamics, states[i], outside[when.observation(i)], rate)

    def walk_back(self, dynamics: Leaky, after: Tensor, rates: Tensor, gradient: Tensor, when: When) -> Tensor:
        """From the gradient of the state after the last of some ticks to that of the state after the first of them.

        ``rates``: ``f`` of each tick, but of the last one the gradient of its current; each becomes that. ``after`` may be
        overwritten. ``gradient``: what the state after each of the ticks' observations, but the last, receives besides.
        """
        for i in range(len(rates) - 1, 0, -1):
            extra = gradient[when.observation(i) - 1] if when.begins(i) else None
            after = self.retreat(dynamics, rates[i], after, extra, rates[i - 1])
        return after

    def ready(
        self, dynamics: Leaky, before: Tensor, outside: Tensor, rate: Tensor, after: Tensor
    ) -> Callable[[], None]:
        """``advance`` from ``before`` to ``after``, as often as it is called: for steps that are taken one at a time."""

        def tick() -> None:
            after.copy_(self.advance(dynamics, before, outside, rate))

        return tick

    def retreat(self, dynamics: Leaky, current: Tensor, after: Tensor, extra: Tensor | None, rate: Tensor) -> Tensor:
        """The gradient of the state one tick earlier, ``(1 - leak) after + W.T current + extra``.

        ``rate`` holds ``f`` at the tick before, and receives the gradient of the current at that tick.
        """
        before = self.backward(current, after * (1 - dynamics.leak))
        if extra is not None:
            before += extra
        rate.copy_(dynamics.slope(rate).mul_(dynamics.leak).mul_(before))
        return before


@final
class KernelCrossing(Crossing):
    """The compiled kernels: single precision or bfloat16, main memory."""

    def __init__(self, wiring: Wiring, weight: Float[Tensor, " edge"]) -> None:
        if weight.shape != (wiring.n_edges,):
            raise ValueError(f"{wiring.n_edges} edges need as many weights, not {tuple(weight.shape)}.")
        self._wiring, self._weight = wiring, weight.detach().contiguous()
        self._by_post: Tensor | None = None
        self._by_pre: Tensor | None = None
        self._columns = 0

    def forward(self, state: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W @ state``."""
        return self._forward(state, plus, None)

    def backward(self, gradient: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W.T @ gradient``."""
        return kernel.cross(self._wiring.backward_layout, self._by_presynaptic(), gradient, plus)

    def fired(self, activation: Activation, state: Tensor) -> Tensor:
        """``f(W @ state)``, in one pass."""
        return self._forward(state, None, kernel.Fire(activation))

    def edges(self, gradient: Tensor, state: Tensor) -> Tensor:
        """The gradient of every edge."""
        found = kernel.edges(self._wiring.forward_layout, self._wiring.rows, gradient, state)
        return found.to(self._weight.dtype)

    def edges_of_steps(self, gradient: Tensor, state: Tensor) -> Tensor:
        """``edges`` summed over steps, in single precision; steps as wide as a tile are read where they are."""
        if not len(state) or state.shape[2] < kernel.TILE // 2:
            return super().edges_of_steps(gradient, state)
        total: Tensor | None = None
        for pair in zip(gradient, state, strict=True):
            total = kernel.edges(self._wiring.forward_layout, self._wiring.rows, *pair, onto=total)
        return cast(Tensor, total).to(self._weight.dtype)

    def advance(self, dynamics: Leaky, before: Tensor, outside: Tensor, rate: Tensor) -> Tensor:
        """The state one tick later, in one pass; ``rate`` is filled."""
        return self._forward(before, outside, kernel.Advance(dynamics.activation, dynamics.leak, before, rate))

    def walk(self, dynamics: Leaky, states: Tensor, rates: Tensor, outside: Tensor, when: When) -> None:
        """All ticks, each in one pass, their tensors checked once."""
        weight, laid_out = (
            (self._weight, False) if rates.shape[2] == 1 else self._for_columns(len(rates) * rates.shape[2])
        )
        edges = kernel.Edges(self._wiring.forward_layout, weight, laid_out, self._wiring.rows)
        kernel.walk(edges, dynamics, states, rates, outside, when)

    def walk_back(self, dynamics: Leaky, after: Tensor, rates: Tensor, gradient: Tensor, when: When) -> Tensor:
        """All ticks, each in one pass, their tensors checked once; ``after`` becomes the result."""
        edges = kernel.Edges(self._wiring.backward_layout, self._by_presynaptic())
        kernel.walk_back(edges, dynamics, after, rates, gradient, when)
        return after

    def ready(
        self, dynamics: Leaky, before: Tensor, outside: Tensor, rate: Tensor, after: Tensor
    ) -> Callable[[], None]:
        """A call in which nothing is made or checked any more; it holds addresses, so keep this object and the tensors."""
        if before.dtype != torch.float32:
            return super().ready(dynamics, before, outside, rate, after)
        finish = kernel.Advance(dynamics.activation, dynamics.leak, before, rate)
        return kernel.ready(self._wiring.forward_layout, self._wiring.rows, self._weight, outside, after, finish)

    def _forward(self, state: Tensor, plus: Tensor | None, finish: kernel.Fire | kernel.Advance | None) -> Tensor:
        if state.shape[1] == 1:
            return kernel.stream(self._wiring.rows, self._weight, state, plus, finish)
        weight, laid_out = self._for_columns(state.shape[1])
        return kernel.cross(self._wiring.forward_layout, weight, state, plus, finish=finish, laid_out=laid_out)

    def _for_columns(self, columns: int) -> tuple[Tensor, bool]:
        """The weights to read for so many columns more, and whether they are laid out: one tile reads them as they lie."""
        self._columns += columns
        if self._by_post is None and self._columns > kernel.TILE // 2:
            self._by_post = kernel.lay_out(self._wiring.forward_layout, self._weight)
        return (self._weight, False) if self._by_post is None else (self._by_post, True)

    def _by_presynaptic(self) -> Tensor:
        if self._by_pre is None:
            self._by_pre = kernel.lay_out(self._wiring.backward_layout, self._weight)
        return self._by_pre


@final
class TorchCrossing(Crossing):
    """Plain torch, any precision and device."""

    def __init__(self, wiring: Wiring, weight: Float[Tensor, " edge"]) -> None:
        self._wiring, self._dtype = wiring, weight.dtype
        # torch has no sparse product of half precision in main memory, and would add in half precision elsewhere.
        self._weight = weight.detach().float() if weight.dtype.itemsize < 4 else weight.detach()
        self._matrix = self._csr(wiring.post_start, wiring.pre, self._weight)
        self._transpose: Tensor | None = None

    def forward(self, state: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W @ state``."""
        return self._product(self._matrix, state, plus)

    def backward(self, gradient: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W.T @ gradient``."""
        if self._transpose is None:
            by_pre = self._wiring.transposed(self._weight)
            self._transpose = self._csr(self._wiring.pre_start, self._wiring.post_by_pre, by_pre)
        return self._product(self._transpose, gradient, plus)

    def edges(self, gradient: Tensor, state: Tensor) -> Tensor:
        """The gradient of every edge: entries of ``gradient @ state.T`` where there is an edge, and nowhere else."""
        empty = self._csr(self._wiring.post_start, self._wiring.pre, torch.zeros_like(self._weight))
        wide = self._weight.dtype
        sampled: Tensor = torch.sparse.sampled_addmm(empty, gradient.to(wide).contiguous(), state.to(wide).T, beta=0.0)
        return sampled.values().to(self._dtype)

    def _product(self, matrix: Tensor, state: Tensor, plus: Tensor | None) -> Tensor:
        product: Tensor = torch.sparse.mm(matrix, state.to(self._weight.dtype).contiguous())
        return (product if plus is None else product.add_(plus)).to(self._dtype)

    def _csr(self, start: Tensor, column: Tensor, value: Tensor) -> Tensor:
        size = (self._wiring.n_neurons, self._wiring.n_neurons)
        with warnings.catch_warnings():
            # torch announces once per process that its CSR tensors are young; our users need not read that.
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(start, column, value, size=size, check_invariants=False)

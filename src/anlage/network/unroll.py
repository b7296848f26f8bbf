"""Many steps of a recurrent network as one operation, with its gradient written by hand.

Automatic differentiation would keep a graph node for every operation of every tick, and ask for the gradient of every edge at
every tick. Here the backward pass walks the ticks once, and the edges receive their gradient for many ticks in one product.
"""

import functools
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from anlage.network.dynamics import Leaky
from anlage.network.synapse import Crossing, Wiring, crossing

CHUNK = 1 << 22
"""Numbers held at once for the edge gradient; more saves nothing, less costs calls."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The fixed parts of an unroll: wiring, dynamics, ticks per observation, and the neurons that the drive reaches."""

    wiring: Wiring
    dynamics: Leaky
    ticks: int
    input: Int[Tensor, " member"]


def unroll(
    course: Course,
    weight: Float[Tensor, " edge"],
    bias: Float[Tensor, "neuron 1"],
    drive: Float[Tensor, "time member batch"],
) -> Float[Tensor, "time neuron batch"]:
    """The state of every neuron after each observation, from silence; differentiable once in weight, bias and drive."""
    if not torch.is_grad_enabled():
        return _run(course, crossing(course.wiring, weight), bias, drive, keep=False)[0]
    states: Tensor = _Unroll.apply(course, weight, bias, drive)  # type: ignore[no-untyped-call]
    return states


def _run(
    course: Course, laid_out: Crossing, bias: Tensor, drive: Tensor, *, keep: bool
) -> tuple[Float[Tensor, "time neuron batch"], Float[Tensor, "tick1 neuron batch"], Float[Tensor, "tick neuron batch"]]:
    """The states seen after each observation; and the states and rates of every tick, or of the last one unless ``keep``."""
    leak = course.dynamics.leak
    time, _, batch = drive.shape
    depth = time * course.ticks if keep else 1
    state = drive.new_zeros(depth + 1, course.wiring.n_neurons, batch)
    rate = torch.empty_like(state[1:])
    seen = state.new_empty(time, course.wiring.n_neurons, batch)
    for t in range(time):
        outside = bias.expand(-1, batch).index_add(0, course.input, drive[t])
        for i in range(t * course.ticks, (t + 1) * course.ticks):
            # Without ``keep`` the two rows of ``state`` take turns.
            before, after = state[i % (depth + 1)], state[(i + 1) % (depth + 1)]
            course.dynamics.rate(laid_out.forward(before, outside), out=rate[i % depth])
            torch.lerp(before, rate[i % depth], leak, out=after)
        seen[t] = after
    return seen, state, rate


class _Unroll(torch.autograd.Function):
    """``x' = lerp(x, f(W x + b + drive), leak)``, ``ticks`` times per observation."""

    @staticmethod
    def forward(ctx: Any, course: Course, weight: Tensor, bias: Tensor, drive: Tensor) -> Tensor:
        laid_out = crossing(course.wiring, weight)
        seen, state, rate = _run(course, laid_out, bias, drive, keep=True)
        ctx.course, ctx.crossing = course, laid_out
        ctx.save_for_backward(state, rate)
        return seen

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor | None, Tensor | None, Tensor | None]:
        course: Course = ctx.course
        laid_out: Crossing = ctx.crossing
        state, rate = ctx.saved_tensors
        leak, ticks = course.dynamics.leak, course.ticks
        current = course.dynamics.slope(rate).mul_(leak)  # times the gradient of the state: that of the current
        to_state = torch.zeros_like(state[0])
        for i in reversed(range(len(rate))):
            if (i + 1) % ticks == 0:
                to_state += gradient[i // ticks]
            current[i] *= to_state
            to_state = laid_out.backward(current[i], to_state.mul_(1 - leak))
        to_weight = _edge_gradient(laid_out, current, state[:-1]) if ctx.needs_input_grad[1] else None
        to_bias = current.sum((0, 2)).unsqueeze(1) if ctx.needs_input_grad[2] else None
        to_drive = None
        if ctx.needs_input_grad[3]:
            to_drive = torch.unflatten(current[:, course.input], 0, (-1, ticks)).sum(1)
        return None, to_weight, to_bias, to_drive


def _edge_gradient(
    laid_out: Crossing, current: Float[Tensor, "tick neuron batch"], state: Float[Tensor, "tick neuron batch"]
) -> Float[Tensor, " edge"]:
    """Sum over ticks and batch of ``current[post] * state[pre]``, for every edge."""
    chunk = max(1, CHUNK // current[0].numel())
    pairs = zip(torch.split(current, chunk), torch.split(state, chunk), strict=True)
    # Ticks side by side, like a wider batch: one row per neuron.
    parts = (laid_out.edges(*(part.transpose(0, 1).flatten(1) for part in pair)) for pair in pairs)
    return functools.reduce(torch.add, parts)

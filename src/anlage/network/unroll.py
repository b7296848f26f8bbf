"""Many steps of a recurrent network as one operation, with its gradient written by hand.

Automatic differentiation would keep a graph node for every operation of every tick, and ask for the gradient of every edge at
every tick. Here the backward pass walks the ticks once, and the edges receive their gradient for many ticks in one product.
Where the states of all ticks need more memory than is allowed, some are kept and the rest computed again (Chen et al. 2016,
arXiv 1604.06174).
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from anlage.errors import AnlageError
from anlage.network.dynamics import Leaky
from anlage.network.synapse import crossing
from anlage.network.wiring import Wiring


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The fixed parts of an unroll: wiring, dynamics, ticks per observation, and the neurons that the drive reaches.

    ``horizon``: gradients are followed over at most this many observations, those of one stretch of the sequence (truncated
    backpropagation through time; Williams & Peng 1990, Neural Comput 2:490); None: over all.
    ``memory``: bytes allowed for what the backward pass needs of the ticks; None: as many as are needed to compute nothing twice.
    For ``n`` ticks it cannot fall below about ``sqrt(8 n)`` states. Gradients change by rounding only.
    """

    wiring: Wiring
    dynamics: Leaky
    ticks: int
    input: Int[Tensor, " member"]
    horizon: int | None = None
    memory: int | None = None


def unroll(
    course: Course,
    weight: Float[Tensor, " edge"],
    bias: Float[Tensor, "neuron 1"],
    drive: Float[Tensor, "time member batch"],
    start: Float[Tensor, "neuron batch"] | None = None,
) -> Float[Tensor, "time neuron batch"]:
    """The state of every neuron after each observation, from ``start`` or from silence.

    Differentiable once in weight, bias, drive and start; raises ``AnlageError`` when asked for more.
    """
    if start is None:
        start = drive.new_zeros(course.wiring.n_neurons, drive.shape[2])
    states: Tensor = _Unroll.apply(course, weight, bias, drive, start)  # type: ignore[no-untyped-call]
    return states


def stretch(course: Course, total: int, state_bytes: int) -> int:
    """Ticks whose states and rates are held at once: all, or as many as leave room for one kept state per stretch."""
    if course.memory is None or 2 * total * state_bytes <= course.memory:
        return max(total, 1)
    least = max(1, math.isqrt(total // 2))
    fitting = (n for n in range(total, least, -1) if (2 * n + math.ceil(total / n)) * state_bytes <= course.memory)
    return next(fitting, least)


class _Walk:
    """Going through the ticks: forwards, and forwards again where something was not kept."""

    def __init__(self, course: Course, weight: Tensor, bias: Tensor, drive: Tensor) -> None:
        self.course, self.bias, self.drive = course, bias, drive
        self.crossing = crossing(course.wiring, weight)

    def through(self, first: int, last: int, state: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """``state`` and the states after each of the ticks; and their rates."""
        states, rates, outside = [state], [], None
        for i in range(first, last):
            if outside is None or i % self.course.ticks == 0:
                driven = self.drive[i // self.course.ticks]
                outside = self.bias.expand(-1, state.shape[1]).index_add(0, self.course.input, driven)
            rates.append(torch.empty_like(state))
            states.append(self.crossing.advance(self.course.dynamics, states[-1], outside, rates[-1]))
        return states, rates


class _Unroll(torch.autograd.Function):
    """``x' = lerp(x, f(W x + b + drive), leak)``, ``ticks`` times per observation."""

    @staticmethod
    def forward(ctx: Any, course: Course, weight: Tensor, bias: Tensor, drive: Tensor, start: Tensor) -> Tensor:
        walk, start, total = _Walk(course, weight, bias, drive), start.contiguous(), len(drive) * course.ticks
        learning = any(ctx.needs_input_grad)
        length = stretch(course, total, start.numel() * start.element_size()) if learning else course.ticks
        seen = start.new_empty(len(drive), *start.shape)
        kept = [start]
        held: tuple[list[Tensor], list[Tensor]] = [start], []
        for first in range(0, total, length):
            held = states, _ = walk.through(first, min(first + length, total), kept[-1])
            for i in range(first + 1, first + len(states)):
                if i % course.ticks == 0:
                    seen[i // course.ticks - 1] = states[i - first]
            kept = [*kept, states[-1]] if learning else states[-1:]
        ctx.walk, ctx.length, ctx.kept, ctx.held = walk, length, kept[1:-1], held if learning else None
        ctx.save_for_backward(weight, start)
        return seen

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise AnlageError("An unroll can be differentiated once; take its steps one by one for higher derivatives.")
        way = _WayBack(ctx, gradient.contiguous())
        starts = [ctx.saved_tensors[1], *ctx.kept]
        for number in reversed(range(len(starts))):
            way.through(number * ctx.length, starts[number])
        return None, way.to_weight, way.to_bias, way.to_drive, way.to_state if ctx.needs_input_grad[4] else None


class _WayBack:
    """The gradients, gathered stretch by stretch from the end."""

    def __init__(self, ctx: Any, gradient: Tensor) -> None:
        self.ctx, self.gradient, self.course = ctx, gradient, ctx.walk.course
        walk, needs = ctx.walk, ctx.needs_input_grad
        self.last = len(gradient) * self.course.ticks
        self.to_weight = torch.zeros_like(ctx.saved_tensors[0]) if needs[1] else None
        self.to_bias = torch.zeros_like(walk.bias) if needs[2] else None
        self.to_drive = torch.zeros_like(walk.drive) if needs[3] else None
        self.to_state = torch.zeros_like(ctx.saved_tensors[1])
        if self.last:
            self.to_state += gradient[-1]

    def through(self, first: int, start: Tensor) -> None:
        """From the last tick not yet gone through back to ``first``, whose state before was ``start``."""
        walk, (leak, dynamics) = self.ctx.walk, (self.course.dynamics.leak, self.course.dynamics)
        states, current = self.ctx.held or walk.through(first, self.last, start)
        self.ctx.held = None  # rates turn into gradients below
        for i in range(self.last, first, -1):
            # Here to_state is the gradient of the state after tick i - 1, all told.
            if i == self.last or self._cut(i):
                rate = current[i - 1 - first]
                rate.copy_(dynamics.slope(rate).mul_(leak).mul_(self.to_state))
            self._before(i - 1, first, current)
        self._gather(first, states, current)
        self.last = first

    def _before(self, i: int, first: int, current: list[Tensor]) -> None:
        """Make ``to_state`` the gradient of the state before tick ``i``, and ready the current before it."""
        walk, leak = self.ctx.walk, self.course.dynamics.leak
        extra = self.gradient[i // self.course.ticks - 1] if i and i % self.course.ticks == 0 else None
        if self._cut(i):
            self.to_state = torch.zeros_like(self.to_state) if extra is None else extra.clone()
        elif i > first:
            self.to_state = walk.crossing.retreat(
                self.course.dynamics, current[i - first], self.to_state, extra, current[i - 1 - first]
            )
        elif i or self.ctx.needs_input_grad[4]:
            self.to_state = walk.crossing.backward(current[0], self.to_state * (1 - leak))
            if extra is not None:
                self.to_state += extra

    def _cut(self, i: int) -> bool:
        horizon = self.course.horizon
        return horizon is not None and i > 0 and i % (horizon * self.course.ticks) == 0

    def _gather(self, first: int, states: list[Tensor], current: list[Tensor]) -> None:
        if self.to_weight is not None and current:
            self.to_weight += self.ctx.walk.crossing.edges_of_steps(current, states[:-1])
        if self.to_bias is not None and current:
            self.to_bias += torch.stack(current).sum((0, 2)).unsqueeze(1)
        if self.to_drive is not None:
            for i, received in enumerate(current, first):
                self.to_drive[i // self.course.ticks] += received[self.course.input]

"""Many steps of a recurrent network as one operation, with its gradient written by hand.

Automatic differentiation would keep a graph node for every operation of every tick, and ask for the gradient of every edge at
every tick. Here the backward pass walks the ticks once, and the edges receive their gradient for many ticks in one product.
Where the states of all ticks need more memory than is allowed, some are kept and the rest computed again (Chen et al. 2016,
arXiv 1604.06174).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from anlage.errors import AnlageError
from anlage.network.dynamics import Leaky, When
from anlage.network.synapse import crossing
from anlage.network.wiring import Wiring

CHUNK = 1 << 20
"""Numbers of a state held side by side where that saves calls; more saves nothing."""


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


def at_once(state: Tensor) -> int:
    """Observations for which it pays to have such a state for each, side by side, beside what must be held anyway."""
    return max(1, CHUNK // max(1, state.numel()))


class _Walk:
    """Going through the ticks: forwards, and forwards again where something was not kept."""

    def __init__(self, course: Course, weight: Tensor, bias: Tensor, drive: Tensor) -> None:
        self.course, self.bias, self.drive = course, bias, drive
        self.crossing = crossing(course.wiring, weight)

    def through(self, first: int, last: int, state: Tensor) -> tuple[Tensor, Tensor]:
        """``state`` and the states after each of the ticks, ``(tick + 1, neuron, batch)``; and their rates."""
        states = state.new_empty(last - first + 1, *state.shape)
        rates = state.new_empty(last - first, *state.shape)
        states[0] = state
        ticks, dynamics = self.course.ticks, self.course.dynamics
        for begin, end in self.pieces(first, last, state):
            i, j = begin - first, end - first
            outside = self._outside(begin // ticks, -(-end // ticks), state.shape[1])
            self.crossing.walk(dynamics, states[i : j + 1], rates[i:j], outside, When(begin, ticks))
        return states, rates

    def pieces(self, first: int, last: int, state: Tensor) -> Iterator[tuple[int, int]]:
        """Ticks ``first .. last`` in pieces of whole observations, as many as are worth a state of each beside the others."""
        length = self.course.ticks * at_once(state)
        while first < last:
            end = min(last, first - first % self.course.ticks + length)
            yield first, end
            first = end

    def _outside(self, first: int, last: int, batch: int) -> Tensor:
        """What reaches every neuron from outside the network at each of some observations."""
        return self.bias.expand(last - first, -1, batch).index_add(1, self.course.input, self.drive[first:last])


class _Unroll(torch.autograd.Function):
    """``x' = lerp(x, f(W x + b + drive), leak)``, ``ticks`` times per observation."""

    @staticmethod
    def forward(ctx: Any, course: Course, weight: Tensor, bias: Tensor, drive: Tensor, start: Tensor) -> Tensor:
        walk, start, total = _Walk(course, weight, bias, drive), start.contiguous(), len(drive) * course.ticks
        learning = any(ctx.needs_input_grad)
        if learning:
            length = stretch(course, total, start.numel() * start.element_size())
        else:
            length = course.ticks * at_once(start)
        seen = start.new_empty(len(drive), *start.shape)
        kept: list[Tensor] = [start]
        held: tuple[Tensor, ...] = ()
        for first in range(0, total, length):
            held = ()  # let go before the next are made
            held = walk.through(first, min(first + length, total), kept[-1])
            done = held[0][course.ticks - first % course.ticks :: course.ticks]
            seen[first // course.ticks :][: len(done)] = done
            kept = [*(kept if learning else ()), held[0][-1].clone()]  # without the others
        ctx.walk, ctx.length, ctx.kept, ctx.held = walk, length, kept[1:-1], held if learning else ()
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
        walk, course = self.ctx.walk, self.course
        states, current = self.ctx.held or walk.through(first, self.last, start)
        self.ctx.held = ()  # rates turn into gradients below
        end = self.last
        while end > first:
            # Here to_state is the gradient of the state after tick end - 1, all told.
            rate = current[end - 1 - first]
            rate.copy_(course.dynamics.slope(rate).mul_(course.dynamics.leak).mul_(self.to_state))
            begin = max(first, self._cut_before(end))
            these, later = current[begin - first : end - first], self.gradient[begin // course.ticks :]
            self.to_state = walk.crossing.walk_back(
                course.dynamics, self.to_state, these, later, When(begin, course.ticks)
            )
            self._leave(begin, these[0])
            end = begin
        self._gather(first, states, current)
        self.last = first

    def _cut_before(self, end: int) -> int:
        """The last tick before ``end`` from which no gradient goes further back; 0 where there is none."""
        if self.course.horizon is None:
            return 0
        apart: int = self.course.horizon * self.course.ticks
        return (end - 1) // apart * apart

    def _leave(self, i: int, current: Tensor) -> None:
        """From the gradient of the state after tick ``i`` to that of the state before it."""
        if not (i or self.ctx.needs_input_grad[4]):
            return
        if i and self._cut_before(i + 1) == i:
            self.to_state = torch.zeros_like(self.to_state)
        else:
            self.to_state = self.ctx.walk.crossing.backward(current, self.to_state * (1 - self.course.dynamics.leak))
        if i and i % self.course.ticks == 0:
            self.to_state += self.gradient[i // self.course.ticks - 1]

    def _gather(self, first: int, states: Tensor, current: Tensor) -> None:
        if self.to_weight is not None and len(current):
            self.to_weight += self.ctx.walk.crossing.edges_of_steps(current, states[:-1])
        if self.to_bias is not None:
            self.to_bias += current.sum((0, 2)).unsqueeze(1)
        if self.to_drive is not None:
            for begin, end in self.ctx.walk.pieces(first, self.last, self.to_state):
                received = current[begin - first : end - first].index_select(1, self.course.input)
                if self.course.ticks == 1:
                    self.to_drive[begin:end] = received
                else:
                    when = torch.arange(begin, end, device=received.device) // self.course.ticks
                    self.to_drive.index_add_(0, when, received)

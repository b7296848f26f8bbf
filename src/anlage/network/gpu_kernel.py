"""The Triton kernels: what one program of the GPU does. Reached only through ``gpu``, which checks shapes and types.

A program sums one segment (a run of consecutive edges of one neuron) over one tile of the batch, in single precision and in one
fixed order. No two programs write to one place, so nothing is added atomically and results are the same in every run.

A function that Triton compiles must be what its source says, so shapes are not checked in here, not even while testing; and its
arguments are flat, because Triton 3.6 cannot compile the records that 3.7 can.
"""

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def product(
    table,
    other,
    weight,
    state,
    plus,
    result,
    part_sum,
    batch,
    before,
    rate,
    leak,
    ACTIVATION: tl.constexpr,
    EDGES: tl.constexpr,
    BATCH: tl.constexpr,
):
    """``plus + W state`` for one segment and one tile of the batch.

    ``table``: that of ``gpu.Segments``. Without ``other`` edge ``k`` comes from row ``k`` of the state, and without ``weight``
    all edges weigh 1. Sums of parts of a row go to ``part_sum``. With a ``rate`` the product is the current of leaky neurons: the
    rate is written there, and the result is a step from ``before`` towards it.
    """
    row = table + 4 * tl.program_id(0)
    first, end, neuron, part = tl.load(row), tl.load(row + 1), tl.load(row + 2), tl.load(row + 3)
    column = tl.program_id(1) * BATCH + tl.arange(0, BATCH)
    inside = column < batch
    total = tl.zeros((EDGES, BATCH), tl.float32)
    for start in range(first, end, EDGES):
        edge = start + tl.arange(0, EDGES)
        there = edge < end
        source = edge
        if other is not None:
            source = tl.load(other + edge, mask=there, other=0)
        # In 64 bits: neurons times batch may pass 2^31.
        place = source.to(tl.int64)[:, None] * batch + column[None, :]
        sent = tl.load(state + place, mask=there[:, None] & inside[None, :], other=0).to(tl.float32)
        if weight is not None:
            sent *= tl.load(weight + edge, mask=there, other=0).to(tl.float32)[:, None]
        total += sent
    current = tl.sum(total, axis=0)
    if part >= 0:
        tl.store(part_sum + part.to(tl.int64) * batch + column, current, mask=inside)
    else:
        place = neuron.to(tl.int64) * batch + column
        if plus is not None:
            current += tl.load(plus + place, mask=inside, other=0).to(tl.float32)
        if rate is not None:
            renewed = _activate(current, ACTIVATION)
            tl.store(rate + place, renewed.to(rate.dtype.element_ty), mask=inside)
            current = tl.load(before + place, mask=inside, other=0).to(tl.float32)
            current += leak * (renewed - current)
        tl.store(result + place, current.to(result.dtype.element_ty), mask=inside)


@triton.jit
@no_type_check
def edge_sums(table, other, receiving, sending, result, batch, EDGES: tl.constexpr, BATCH: tl.constexpr):
    """For every edge of one segment: the sum over the batch of ``receiving[neuron] * sending[other]``."""
    row = table + 4 * tl.program_id(0)
    first, end, neuron = tl.load(row), tl.load(row + 1), tl.load(row + 2)
    for start in range(first, end, EDGES):
        edge = start + tl.arange(0, EDGES)
        there = edge < end
        source = tl.load(other + edge, mask=there, other=0).to(tl.int64)
        total = tl.zeros((EDGES, BATCH), tl.float32)
        for left in range(0, batch, BATCH):
            column = left + tl.arange(0, BATCH)
            inside = column < batch
            received = tl.load(receiving + neuron.to(tl.int64) * batch + column, mask=inside, other=0).to(tl.float32)
            place = source[:, None] * batch + column[None, :]
            sent = tl.load(sending + place, mask=there[:, None] & inside[None, :], other=0).to(tl.float32)
            total += received[None, :] * sent
        tl.store(result + edge, tl.sum(total, axis=1).to(result.dtype.element_ty), mask=there)


@triton.jit
@no_type_check
def _activate(current, ACTIVATION: tl.constexpr):
    """The activation, with the relative precision of single precision also near zero."""
    if ACTIVATION == "relu":
        return tl.where(current < 0, 0.0, current)  # what is not a number stays so, as in torch
    # Near zero the quotient below cancels; the series of tanh up to x^9 is off by less than 1e-7 of its value there.
    square = current * current
    series = 1 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835))))
    size = tl.abs(current)
    left = tl.exp(-2 * size)
    far = (1 - left) / (1 + left)
    return tl.where(size < 0.25, current * series, tl.where(current < 0, -far, far))

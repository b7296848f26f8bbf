"""The compiled kernels, where this machine has them. Addresses go in; shapes and types are checked here, once per call.

The kernels work on single-precision tensors in main memory. Whole neurons are shared out over threads, so results do not
depend on their number.
"""

import warnings
from functools import cache
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from anlage.network import _kernel
else:
    try:
        from anlage.network import _kernel
    except ImportError:
        _kernel = None

THREAD_WORK = 4_000_000
"""Multiply-adds below which a second thread costs more than it brings (starting one takes about 30 microseconds)."""


def instruction_set() -> str:
    """Name of the kernels in use: ``avx512``, ``avx2``, ``portable``, or ``none`` when they were not compiled."""
    return str(_kernel.instruction_set()) if _kernel is not None else "none"


def instruction_sets() -> list[str]:
    """Names of all kernels that this processor can run, best first."""
    return _kernel.instruction_sets() if _kernel is not None else []


def select(name: str) -> None:
    """Use the kernels of this name from now on; raises ``ValueError`` when this processor cannot. Tests compare them all."""
    _kernel.select(name)


def usable(*tensors: Tensor) -> bool:
    """Whether the kernels can work on these tensors; says once when they are missing altogether."""
    if not all(_plain(t, torch.float32) for t in tensors):
        return False
    return _kernel is not None or _missing()


@cache
def _missing() -> bool:
    warnings.warn(
        "anlage was installed without its compiled kernels (no C++ compiler was found) and runs on the slower torch path.",
        RuntimeWarning,
        stacklevel=3,
    )
    return False


def product(
    start: Int[Tensor, " neuron1"],
    other: Int[Tensor, " edge"],
    weight: Float[Tensor, " edge"],
    state: Float[Tensor, "neuron batch"],
    plus: Float[Tensor, "neuron batch"] | None = None,
) -> Float[Tensor, "neuron batch"]:
    """``plus + W state``, where the edges of neuron ``i`` are ``start[i]`` to ``start[i + 1]`` and lead to ``other``.

    Raises ``ValueError`` for tensors of another type or shape.
    """
    _demand(start, other, state, *(() if plus is None else (plus,)))
    if weight.shape != other.shape or not _plain(weight, torch.float32):
        raise ValueError(
            f"{len(other)} edges need as many float32 weights, not {tuple(weight.shape)} of {weight.dtype}."
        )
    state, weight = state.contiguous(), weight.contiguous()
    plus = None if plus is None else plus.contiguous()
    n, batch = len(start) - 1, state.shape[1]
    result = state.new_empty(n, batch)
    added = (0, 0) if plus is None else (plus.data_ptr(), batch)
    if n and batch:
        _kernel.product(
            *(start.data_ptr(), other.data_ptr(), n, weight.data_ptr()),
            *(state.data_ptr(), batch, *added, result.data_ptr(), batch),
            *(batch, _threads(len(other) * batch)),
        )
    return result


def edges(
    start: Int[Tensor, " neuron1"],
    other: Int[Tensor, " edge"],
    receiving: Float[Tensor, "neuron batch"],
    sending: Float[Tensor, "neuron batch"],
) -> Float[Tensor, " edge"]:
    """For every edge of neuron ``i`` to ``j``: the sum over the batch of ``receiving[i] * sending[j]``.

    Raises ``ValueError`` for tensors of another type or shape.
    """
    _demand(start, other, receiving, sending)
    receiving, sending = receiving.contiguous(), sending.contiguous()
    batch = receiving.shape[1]
    result = receiving.new_zeros(len(other))
    if len(other) and batch:
        _kernel.edges(
            *(start.data_ptr(), other.data_ptr(), len(start) - 1),
            *(receiving.data_ptr(), batch, sending.data_ptr(), batch, result.data_ptr()),
            *(batch, _threads(len(other) * batch)),
        )
    return result


def _plain(tensor: Tensor, dtype: torch.dtype) -> bool:
    return tensor.dtype == dtype and tensor.device.type == "cpu"


def _demand(start: Tensor, other: Tensor, *states: Tensor) -> None:
    """Raise ``ValueError`` for what the kernels would misread: they see addresses only."""
    for index in (start, other):
        if not (_plain(index, torch.int32) and index.is_contiguous()):
            raise ValueError(f"The kernels need contiguous int32 indices in main memory, not {index.dtype}.")
    shape = (len(start) - 1, states[0].shape[1])
    for state in states:
        if state.shape != shape or not _plain(state, torch.float32):
            raise ValueError(f"A float32 state of shape {shape} is needed, not {state.dtype} of {tuple(state.shape)}.")


def _threads(work: int) -> int:
    return torch.get_num_threads() if work >= THREAD_WORK else 1

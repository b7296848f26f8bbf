"""The crossing on a GPU, by Triton kernels (optional: the extra ``gpu``). Shapes and types are checked here, once per call.

Rows of the wiring are cut into segments of at most ``SEGMENT`` edges, so that a neuron with thousands of inputs keeps no one
waiting. The sums of a cut row are added by a second launch of the same kernel, in their order. Every sum has one fixed order:
the same call gives the same bits. States and weights are single precision or bfloat16, in any mixture; sums are single precision.
"""

import importlib.util
import warnings
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import final
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor

from anlage.network.crossing import Crossing
from anlage.network.dynamics import Leaky
from anlage.network.wiring import Wiring

SEGMENT = 512
"""Most edges that one program sums. About five mean neurons of a fly: long enough to hide a launch, short beside its largest."""
LINE = 128
"""Bytes of one memory transaction: a tile of the batch is as wide as that, so that a gathered row is read at once and whole."""
CAPABILITY = (8, 0)
"""The oldest compute capability that the kernels are compiled for in the tests; bfloat16 arithmetic begins there."""
DTYPES = (torch.float32, torch.bfloat16)


def usable(weight: Float[Tensor, " edge"]) -> bool:
    """Whether the kernels can work with these weights; says once per device why not, where one could expect it."""
    if not weight.is_cuda or weight.dtype not in DTYPES:
        return False
    return torch.cuda.get_device_capability(weight.device) >= CAPABILITY and _works(weight.device)


@cache
def _works(device: torch.device) -> bool:
    """Whether Triton is there and can build and run a kernel, found by crossing a single edge."""
    if importlib.util.find_spec("triton") is None:
        reason = "Triton is not installed (pip install 'anlage[gpu]')"
    else:
        try:
            start, one = torch.tensor([0, 1], dtype=torch.int32, device=device), torch.ones(1, 1, device=device)
            product(Segments.of(start), torch.zeros_like(start[:1]), one[0], one)
            return True
        except Exception as error:  # a missing compiler, an unknown chip: Triton raises what its backend raises
            reason = f"Triton cannot run on {device} ({type(error).__name__}: {error})"
    warnings.warn(f"{reason}, so anlage uses torch's slower sparse products.", RuntimeWarning, stacklevel=3)
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """The rows of a wiring, cut.

    ``table`` has one row per segment: its first edge, the edge after its last, its neuron, and -1, or which part of a cut row it
    is, counted over all cut rows. ``join`` has one row per neuron that was cut: its first part, the part after its last, the
    neuron, -1; to a kernel parts are edges.
    """

    table: Int[Tensor, "segment 4"]
    join: Int[Tensor, "cut 4"]
    n_neurons: int
    n_edges: int
    n_parts: int

    @staticmethod
    def of(start: Int[Tensor, " neuron1"], longest: int | None = None) -> "Segments":
        """Cut rows whose edges are ``start[i]`` to ``start[i + 1]`` into equal pieces of at most ``longest`` edges.

        A row without edges is one empty segment: something is written for every neuron.
        """
        longest = SEGMENT if longest is None else longest
        start = start.long()
        degree = start.diff()
        pieces = (degree.add(longest - 1) // longest).clamp(min=1)
        neuron = torch.repeat_interleave(pieces)
        which = torch.arange(len(neuron), device=start.device) - (pieces.cumsum(0) - pieces)[neuron]
        first, end = (start[:-1][neuron] + (which + i) * degree[neuron] // pieces[neuron] for i in (0, 1))
        in_parts = pieces[neuron] > 1
        part = torch.where(in_parts, in_parts.cumsum(0) - 1, -1)
        cut = torch.nonzero(pieces > 1).squeeze(1)
        after = pieces[cut].cumsum(0)
        join = torch.stack([after - pieces[cut], after, cut, torch.full_like(cut, -1)], 1)
        table = torch.stack([first, end, neuron, part], 1)
        n_parts = int(after[-1]) if len(cut) else 0
        return Segments(table.int(), join.int(), len(degree), int(start[-1]), n_parts)


@dataclass(frozen=True, slots=True, eq=False)
class Renewal:
    """Makes a product one tick of leaky neurons: ``rate`` receives ``f(plus + W state)``, the result steps towards it."""

    dynamics: Leaky
    before: Float[Tensor, "neuron batch"]
    rate: Float[Tensor, "neuron batch"]

    def arguments(self) -> tuple[Tensor, Tensor, float, str]:
        """As the kernel takes them."""
        return self.before, self.rate, self.dynamics.leak, self.dynamics.activation


def product(
    segments: Segments,
    other: Int[Tensor, " edge"],
    weight: Float[Tensor, " edge"],
    state: Float[Tensor, "neuron batch"],
    plus: Float[Tensor, "neuron batch"] | None = None,
    renewal: Renewal | None = None,
) -> Float[Tensor, "neuron batch"]:
    """``plus + W state`` in the state's dtype, where edge ``k`` comes from neuron ``other[k]``.

    With a ``renewal`` it is ``lerp(before, f(plus + W state), leak)``. Raises ``ValueError`` for tensors of another type, shape
    or device.
    """
    added = () if plus is None else (plus,)
    written = () if renewal is None else (renewal.before, renewal.rate)
    _demand(segments, other, state, *added, *written)
    if weight.shape != other.shape or weight.dtype not in DTYPES or weight.device != other.device:
        raise ValueError(
            f"{len(other)} edges on {other.device} need as many weights there, float32 or bfloat16, "
            f"not {tuple(weight.shape)} of {weight.dtype} on {weight.device}."
        )
    if not all(t.is_contiguous() for t in written):
        raise ValueError("Tensors that the kernels write to must be contiguous.")
    result = torch.empty_like(state, memory_format=torch.contiguous_format)
    if not state.numel():
        return result
    kernel, batch, tile = _kernels(), state.shape[1], _Tile.of(state)
    part = result.new_empty(segments.n_parts, batch, dtype=torch.float32)
    state, plus = state.contiguous(), None if plus is None else plus.contiguous()
    rest = plus, result, part, batch, *((None, None, 0.0, "none") if renewal is None else renewal.arguments())

    def launch(table: Tensor, *edges: Tensor | None) -> None:
        grid = len(table), -(-batch // tile.batch)
        kernel.product[grid](table, *edges, *rest, tile.edges, tile.batch, num_warps=tile.warps)

    with torch.cuda.device_of(state):  # type: ignore[no-untyped-call]
        launch(segments.table, other, weight.contiguous(), state)
        if segments.n_parts:
            launch(segments.join, None, None, part)
    return result


def edge_sums(
    segments: Segments,
    other: Int[Tensor, " edge"],
    receiving: Float[Tensor, "neuron batch"],
    sending: Float[Tensor, "neuron batch"],
    dtype: torch.dtype,
) -> Float[Tensor, " edge"]:
    """For every edge from ``j`` to neuron ``i``: the sum over the batch of ``receiving[i] * sending[j]``.

    Raises ``ValueError`` for tensors of another type, shape or device.
    """
    _demand(segments, other, receiving, sending)
    result = torch.zeros(len(other), dtype=dtype, device=other.device)
    if result.numel() and receiving.numel():
        kernel, batch, tile = _kernels(), sending.shape[1], _Tile.of(sending)
        arguments = segments.table, other, receiving.contiguous(), sending.contiguous(), result, batch
        with torch.cuda.device_of(sending):  # type: ignore[no-untyped-call]
            kernel.edge_sums[(len(segments.table),)](*arguments, tile.edges, tile.batch, num_warps=tile.warps)
    return result


@final
class TritonCrossing(Crossing):
    """The Triton kernels: single precision or bfloat16, on a GPU."""

    def __init__(self, wiring: Wiring, weight: Float[Tensor, " edge"]) -> None:
        self._wiring, self._weight = wiring, weight.detach()
        self._by_pre: Tensor | None = None

    def forward(self, state: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W @ state``."""
        return product(_segments(self._wiring).by_post, self._wiring.pre, self._weight, state, plus)

    def backward(self, gradient: Tensor, plus: Tensor | None = None) -> Tensor:
        """``plus + W.T @ gradient``."""
        if self._by_pre is None:
            self._by_pre = self._wiring.transposed(self._weight)
        return product(_segments(self._wiring).by_pre, self._wiring.post_by_pre, self._by_pre, gradient, plus)

    def edges(self, gradient: Tensor, state: Tensor) -> Tensor:
        """The gradient of every edge."""
        return edge_sums(_segments(self._wiring).by_post, self._wiring.pre, gradient, state, self._weight.dtype)

    def advance(self, dynamics: Leaky, before: Tensor, outside: Tensor, rate: Tensor) -> Tensor:
        """The state one tick later, in one pass; ``rate`` is filled."""
        renewal = Renewal(dynamics, before, rate)
        return product(_segments(self._wiring).by_post, self._wiring.pre, self._weight, before, outside, renewal)


@dataclass(frozen=True, slots=True, eq=False)
class _Both:
    by_post: Segments
    by_pre: Segments


_known: WeakKeyDictionary[Wiring, dict[torch.device, _Both]] = WeakKeyDictionary()


def _segments(wiring: Wiring) -> _Both:
    """The segments of a wiring in both directions, cut once per wiring and device."""
    known = _known.setdefault(wiring, {})
    device = wiring.pre.device
    if device not in known:
        known[device] = _Both(Segments.of(wiring.post_start), Segments.of(wiring.pre_start))
    return known[device]


@dataclass(frozen=True, slots=True)
class _Tile:
    """How many edges by how many columns of the batch one program takes at a time, and with how many warps."""

    edges: int
    batch: int
    warps: int

    @staticmethod
    def of(state: Tensor) -> "_Tile":
        """One memory transaction wide, some 1,024 numbers in all; never chosen by trial, which would change the order of sums."""
        batch = min(1 << (state.shape[1] - 1).bit_length(), LINE // state.element_size())
        edges = min(max(1024 // batch, 16), 128)
        return _Tile(edges, batch, max(1, edges * batch // 256))


def _kernels() -> ModuleType:
    """The kernels, loaded when first needed: importing anlage does not import Triton."""
    from anlage.network import gpu_kernel

    return gpu_kernel


def _demand(segments: Segments, other: Tensor, *states: Tensor) -> None:
    """Raise ``ValueError`` for what the kernels would misread: they see addresses only."""
    device, shape = segments.table.device, (segments.n_neurons, states[0].shape[1])
    if not (other.dtype == torch.int32 and other.is_contiguous() and other.device == device):
        raise ValueError(f"The kernels need contiguous int32 indices on {device}, not {other.dtype} on {other.device}.")
    if len(other) != segments.n_edges:
        raise ValueError(f"The segments have {segments.n_edges} edges, but {len(other)} indices were given.")
    for state in states:
        if state.shape != shape or state.dtype not in DTYPES or state.device != device:
            raise ValueError(
                f"A float32 or bfloat16 state of shape {shape} on {device} is needed, "
                f"not {state.dtype} of {tuple(state.shape)} on {state.device}."
            )

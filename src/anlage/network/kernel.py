"""The compiled kernels, where this machine has them. Addresses go in; shapes and types are checked here, once per call.

The kernels work on tensors in main memory that are stored in single precision or in bfloat16, and add in single precision.
Whole neurons are shared out over threads, so results do not depend on their number.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int, UInt16
from torch import Tensor

from anlage.network.dynamics import Activation, Leaky, When

if TYPE_CHECKING:
    from anlage.network import _kernel
else:
    try:
        from anlage.network import _kernel
    except ImportError:
        _kernel = None

BLOCK = 1 << 14
"""Neurons whose activity is read at once: 32 columns of them fill 2 MB, about a core's own cache. At most 65,536."""

THREAD_WORK = 4_000_000
"""Multiply-adds below which a second thread costs more than it brings (starting one takes about 30 microseconds)."""

TILE = 64
"""Columns that a kernel takes at once, at most; half as many in single precision where there are several blocks."""

LARGE = 1 << 21
"""Numbers in a result from which it is worth asking for large pages."""

_PLAIN, _FIRE, _ADVANCE, _RETREAT = range(4)
_ACTIVATION: dict[Activation, int] = {"tanh": 0, "relu": 1}
_STORED = (torch.float32, torch.bfloat16)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Edges grouped by the block of neurons that they read, and in it by the neuron that sums them up.

    Those between neuron ``i`` and block ``b`` are ``segment[b * n + i]`` up to ``segment[b * n + i + 1]``; edge ``k`` reads
    neuron ``other[k]`` of its block. ``start`` counts the edges before each neuron, over all blocks. In the topology's order
    they lie one after another from ``place[b * n + i]`` on, or where ``order`` says; the order is the same when there is neither.
    """

    start: Int[Tensor, " neuron1"]
    segment: Int[Tensor, " segment1"]
    other: UInt16[Tensor, " edge"]
    block: int
    place: Int[Tensor, " segment"] | None = None
    order: Int[Tensor, " edge"] | None = None
    n: int = field(init=False)
    n_edges: int = field(init=False)

    def __post_init__(self) -> None:
        # Asked for at every call, and slow to ask of a tensor.
        object.__setattr__(self, "n", len(self.start) - 1)
        object.__setattr__(self, "n_edges", len(self.other))

    def numbers(self, laid_out: bool = True) -> tuple[int, ...]:
        """What the kernels are told: where each neuron's edges begin, and those of each segment, in which order, and so on.

        ``laid_out``: the weights are in this layout's order, not in the topology's.
        """
        segment = self.segment.data_ptr()
        place = segment if laid_out or self.place is None else self.place.data_ptr()
        return self.start.data_ptr(), segment, place, self.other.data_ptr(), self.n, self.block


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Edges grouped by the neuron that sums them up: those of neuron ``i`` are ``start[i]`` to ``start[i + 1]``."""

    start: Int[Tensor, " neuron1"]
    other: Int[Tensor, " edge"]
    n: int = field(init=False)
    n_edges: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", len(self.start) - 1)
        object.__setattr__(self, "n_edges", len(self.other))

    def numbers(self) -> tuple[int, ...]:
        """What the kernels are told."""
        return self.start.data_ptr(), self.other.data_ptr(), self.n


@dataclass(frozen=True, slots=True, eq=False)
class Fire:
    """The sums become ``f(sum)``."""

    activation: Activation


@dataclass(frozen=True, slots=True, eq=False)
class Advance:
    """The sums become a new state, ``lerp(before, f(sum), leak)``; ``rate`` receives ``f(sum)``."""

    activation: Activation
    leak: float
    before: Float[Tensor, "neuron batch"]
    rate: Float[Tensor, "neuron batch"]


def instruction_set() -> str:
    """Name of the kernels in use: ``avx512``, ``avx2``, ``neon``, ``portable``, or ``none`` when they were not compiled."""
    return str(_kernel.instruction_set()) if _kernel is not None else "none"


def instruction_sets() -> list[str]:
    """Names of all kernels that this processor can run, best first."""
    return _kernel.instruction_sets() if _kernel is not None else []


def select(name: str) -> None:
    """Use the kernels of this name from now on; raises ``ValueError`` when this processor cannot. Tests compare them all."""
    _kernel.select(name)


def usable(weight: Tensor) -> bool:
    """Whether the kernels can work with these weights; says once when they are missing altogether."""
    if weight.dtype not in _STORED or weight.device.type != "cpu":
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


def cross(
    layout: Layout,
    weight: Float[Tensor, " edge"],
    state: Float[Tensor, "neuron batch"],
    plus: Float[Tensor, "neuron batch"] | None = None,
    finish: Fire | Advance | None = None,
    laid_out: bool = True,
) -> Float[Tensor, "neuron batch"]:
    """``plus + W state``, or what ``finish`` makes of it; ``weight`` in the layout's order, or in the topology's.

    Raises ``ValueError`` for tensors of another type or shape.
    """
    batch = state.shape[1]
    state = _state(state, layout.n, batch, weight)
    plus = None if plus is None else _state(plus, layout.n, batch, weight)
    result = _touched(torch.empty_like(state))
    if layout.n and batch:
        sums = _sums(layout, result)  # held until the kernel, which has its address only, is done
        step = _step(state, plus, result, sums, finish)
        threads = _threads(layout.n_edges * batch)
        _kernel.cross(_half(weight), threads, *layout.numbers(laid_out), weight.data_ptr(), *step)
    return result


def _sums(layout: Layout, result: Tensor) -> Tensor:
    """Where sums wait between blocks: in the result itself, or side by side where it is wider than a tile or holds no floats."""
    n, batch = result.shape
    in_place = (layout.block >= n and batch > 1) or (result.dtype == torch.float32 and batch <= TILE // 2)
    return result if in_place else _touched(torch.empty(n, min(batch, TILE)))


def stream(
    rows: Rows,
    weight: Float[Tensor, " edge"],
    state: Float[Tensor, "neuron 1"],
    plus: Float[Tensor, "neuron 1"] | None = None,
    finish: Fire | Advance | None = None,
) -> Float[Tensor, "neuron 1"]:
    """``cross`` for a single stream, with edges as they lie."""
    state = _state(state, rows.n, 1, weight)
    plus = None if plus is None else _state(plus, rows.n, 1, weight)
    result = _touched(torch.empty_like(state))
    sums = result if result.dtype == torch.float32 else result.float()
    step = _step(state, plus, result, sums, finish)
    _kernel.stream(_half(weight), _threads(rows.n_edges), *rows.numbers(), weight.data_ptr(), *step)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Edges with their weights, in the layout's order or in the topology's. ``rows``: the same, for one stream at a time."""

    layout: Layout
    weight: Float[Tensor, " edge"]
    laid_out: bool = True
    rows: Rows | None = None

    def crosser(self, batch: int) -> Callable[..., None]:
        """The kernel that crosses them, to be called with the numbers of a step."""
        common = _half(self.weight), _threads(self.layout.n_edges * batch)
        if batch == 1 and self.rows is not None:
            return partial(_kernel.stream, *common, *self.rows.numbers(), self.weight.data_ptr())
        return partial(_kernel.cross, *common, *self.layout.numbers(self.laid_out), self.weight.data_ptr())


def ready(
    layout: Layout,
    rows: Rows,
    weight: Float[Tensor, " edge"],
    plus: Float[Tensor, "neuron batch"],
    after: Float[Tensor, "neuron batch"],
    finish: Advance,
) -> Callable[[], None]:
    """A call, all its checks done, that makes ``after`` out of ``finish.before`` and ``plus``, as often as it is made.

    The tensors are read and written where they lie; the caller keeps them alive. Raises ``ValueError`` as ``cross`` does.
    """
    state = finish.before
    if state.dtype != torch.float32:
        raise ValueError(f"A call can be made ready for float32 states only, not for {state.dtype}.")
    for tensor in (_state(state, layout.n, state.shape[1], weight), plus, after):
        _own(tensor, state)
    step = _step(state, plus, after, after, finish)
    return partial(Edges(layout, weight, laid_out=False, rows=rows).crosser(state.shape[1]), *step)


def walk(edges: Edges, dynamics: Leaky, states: Tensor, rates: Tensor, outside: Tensor, when: When) -> None:
    """``Advance`` from ``states[0]`` on, into ``states[1:]`` and ``rates``.

    Shapes ``(tick + 1, neuron, batch)``, ``(tick, neuron, batch)`` and, what is outside, ``(observation, neuron, batch)``.
    Raises ``ValueError`` for tensors of another type or shape.
    """
    total = len(rates)
    _demand_stacks(edges, (states, total + 1), (rates, total), (outside, when.observation(total - 1) + 1))
    if not rates.numel():
        return
    crosser, sums, size = edges.crosser(rates.shape[2]), _sums(edges.layout, states[1]), _bytes(rates[0])
    apart = sums.data_ptr() if sums.data_ptr() != states[1].data_ptr() else 0
    how = rates.shape[2], _ADVANCE, _ACTIVATION[dynamics.activation], dynamics.leak
    state, rate, given = states.data_ptr(), rates.data_ptr(), outside.data_ptr()
    for i in range(total):
        plus, after = given + when.observation(i) * size, state + size
        crosser(state, plus, 1.0, after, apart or after, *how, state, rate, 0, 0)
        state, rate = after, rate + size


def walk_back(edges: Edges, dynamics: Leaky, after: Tensor, rates: Tensor, gradient: Tensor, when: When) -> None:
    """The kernels' ``retreat``, last tick to second, in place: ``after`` becomes the gradient of the state after the first.

    The last of ``rates``, shape ``(tick, neuron, batch)``, is the gradient of its current already; the others become that.
    ``gradient``: of the state after each observation but the last, shape ``(observation, neuron, batch)``. Raises ``ValueError``
    for tensors of another type or shape.
    """
    total = len(rates)
    _demand_stacks(edges, (after.unsqueeze(0), 1), (rates, total), (gradient, when.observation(total - 1)))
    if not rates.numel():
        return
    crosser, sums, size = edges.crosser(rates.shape[2]), _sums(edges.layout, after), _bytes(after)
    how = rates.shape[2], _RETREAT, _ACTIVATION[dynamics.activation], dynamics.leak, 0
    state, received, given = after.data_ptr(), rates[-1].data_ptr(), gradient.data_ptr()
    for i in range(total - 1, 0, -1):
        rate = received - size
        extra = given + (when.observation(i) - 1) * size if when.begins(i) else 0
        crosser(received, state, 1 - dynamics.leak, state, sums.data_ptr(), *how, rate, rate, extra)
        received = rate


def _bytes(state: Tensor) -> int:
    return state.numel() * state.dtype.itemsize


def _demand_stacks(edges: Edges, *stacks: tuple[Tensor, int]) -> None:
    """The kernels see addresses only: states of the same size one after another, so many at least."""
    size = stacks[0][0].shape[1:]
    for stack, least in stacks:
        if stack.dtype != edges.weight.dtype or stack.device.type != "cpu" or not stack.is_contiguous():
            raise ValueError(f"Contiguous {edges.weight.dtype} states in main memory are needed, not {stack.dtype}.")
        if stack.shape[1:] != size or size[0] != edges.layout.n or len(stack) < least:
            raise ValueError(
                f"At least {least} states of {edges.layout.n} neurons, all of one batch, are needed, not {tuple(stack.shape)}."
            )


def edges(
    layout: Layout,
    rows: Rows,
    receiving: Float[Tensor, "neuron batch"],
    sending: Float[Tensor, "neuron batch"],
    onto: Float[Tensor, " edge"] | None = None,
) -> Float[Tensor, " edge"]:
    """For every edge of neuron ``i`` to ``j``: the sum over the batch of ``receiving[i] * sending[j]``, in single precision.

    ``layout`` and ``rows`` describe the same edges, and the result has the order of ``rows``. ``onto``: what it is
    added to, in place. Raises ``ValueError`` for tensors of another type or shape.
    """
    batch = receiving.shape[1]
    receiving = _state(receiving, layout.n, batch, receiving)
    sending = _state(sending, layout.n, batch, receiving)
    if not (layout.n_edges and batch):
        return torch.zeros(layout.n_edges) if onto is None else onto
    result = _touched(torch.empty(layout.n_edges)) if onto is None or batch == 1 else onto
    threads, ends = _threads(layout.n_edges * batch), (receiving.data_ptr(), sending.data_ptr(), result.data_ptr())
    if batch > 1:
        numbers = layout.numbers(laid_out=False)
        _kernel.edges(_half(receiving), threads, *numbers, *ends, batch, onto is not None)
        return result
    _kernel.stream_edges(_half(receiving), threads, *rows.numbers(), *ends)
    return result if onto is None else onto.add_(result)


def lay_out(layout: Layout, weight: Float[Tensor, " edge"]) -> Float[Tensor, " edge"]:
    """The weights in the layout's order."""
    if layout.order is None and layout.place is None:
        return weight
    result = _touched(torch.empty_like(weight))
    common, ends = (_half(weight), _threads(4 * layout.n_edges)), (weight.data_ptr(), result.data_ptr())
    if layout.order is not None:
        _kernel.reorder(*common, layout.order.data_ptr(), layout.n_edges, *ends)
    elif layout.place is not None:
        _kernel.lay(*common, layout.segment.data_ptr(), layout.place.data_ptr(), len(layout.place), *ends)
    return result


def _touched(tensor: Tensor) -> Tensor:
    """The same tensor, about to be filled."""
    if tensor.numel() >= LARGE:
        _kernel.large_pages(tensor.data_ptr(), tensor.numel() * tensor.dtype.itemsize)
    return tensor


def _step(
    state: Tensor,
    plus: Tensor | None,
    result: Tensor,
    sums: Tensor,
    finish: Fire | Advance | None,
) -> tuple[int | float, ...]:
    """The numbers of the kernels' ``Step``; tensors must be contiguous, and outlive the call."""
    added = 0 if plus is None else plus.data_ptr()
    common = (state.data_ptr(), added, 1.0, result.data_ptr(), sums.data_ptr(), state.shape[1])
    if finish is None:
        return *common, _PLAIN, 0, 0.0, 0, 0, 0, 0
    activation = _ACTIVATION[finish.activation]
    if isinstance(finish, Fire):
        return *common, _FIRE, activation, 0.0, 0, 0, 0, 0
    before, rate = _own(finish.before, state), _own(finish.rate, state)
    return *common, _ADVANCE, activation, finish.leak, before, rate, 0, 0


def _state(state: Tensor, n: int, batch: int, like: Tensor) -> Tensor:
    """The state as the kernels read it: they see addresses only."""
    if state.shape != (n, batch) or state.dtype != like.dtype or state.device.type != "cpu":
        raise ValueError(
            f"A {like.dtype} state of shape {(n, batch)} is needed, not {state.dtype} of {tuple(state.shape)}."
        )
    return state.contiguous()


def _own(tensor: Tensor, like: Tensor) -> int:
    """Address of a tensor that is read or written where it lies."""
    if tensor.shape != like.shape or tensor.dtype != like.dtype or not tensor.is_contiguous():
        raise ValueError(f"A contiguous {like.dtype} tensor of shape {tuple(like.shape)} is needed.")
    return tensor.data_ptr()


def _half(tensor: Tensor) -> int:
    return int(tensor.dtype == torch.bfloat16)


def _threads(work: int) -> int:
    return torch.get_num_threads() if work >= THREAD_WORK else 1

"""One recurrent step on a GPU, against cuSPARSE and PyG, and against the memory bandwidth measured in the same run.

    python benchmarks/gpu.py              # needs a GPU; writes results/gpu-<device>.json
    python benchmarks/gpu.py --dry-run    # every engine once, on a tiny graph, with Triton's interpreter where there is no GPU

Every engine computes ``tanh(W x)`` on the same graph and is compared with double precision first. ``forward``: no gradient.
``state``: and the gradient of the state, weights fixed. ``edge``: and that of every edge, weights new in every step. The floor is
the time in which memory of the measured bandwidth could move every array once (values and indices 8 bytes per edge and pass,
new weights and edge gradient 12, states perfectly reused); small graphs lie in the cache and may beat it. Times are milliseconds
per step in a Python loop, the starting of kernels included. An engine that fails keeps its reason in place of its time.
"""

import importlib.util
import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from statistics import median

import numpy as np
import torch
from torch import Tensor

from anlage.network import Leaky, Wiring
from anlage.network.crossing import Crossing, TorchCrossing
from anlage.network.gpu import TritonCrossing
from anlage.topology import Topology
from engines.graph import heavy_tailed
from machine import keep

SIZES = {"worm": (302, 5_126), "larva": (2_952, 110_677), "fly": (139_000, 15_000_000)}
BATCHES = (1, 32, 128)
MODES = ("forward", "state", "edge")
LARGEST_ERROR, LARGEST_ERROR_BFLOAT16 = 1e-5, 3e-2
"""Of ``tanh(W x)``, relative to double precision, as a norm over all neurons."""

Step = Callable[[str], Tensor]
"""Takes a mode, returns ``tanh(W x)``."""


@dataclass(frozen=True)
class Engine:
    """Something to compare; it is made only when its turn comes."""

    make: Callable[[], Step]
    modes: tuple[str, ...] = MODES
    largest_error: float = LARGEST_ERROR


@dataclass(frozen=True)
class Job:
    """One graph with one batch."""

    wiring: Wiring
    post: Tensor
    weight: Tensor
    state: Tensor
    upstream: Tensor

    @staticmethod
    def of(topology: Topology, batch: int, device: str) -> "Job":
        """Everything on the device, in single precision."""
        generator = torch.Generator().manual_seed(0)
        state, upstream = (torch.randn(topology.n_neurons, batch, generator=generator).to(device) for _ in range(2))
        weight = torch.from_numpy(topology.weight).float().to(device)
        return Job(
            Wiring(topology).to(device), torch.from_numpy(topology.post).long().to(device), weight, state, upstream
        )

    def floor_ms(self, gb_per_s: float) -> dict[str, float]:
        """Compulsory traffic at this bandwidth."""
        n, edges = self.wiring.n_neurons, self.wiring.n_edges
        states = 4 * self.state.numel()
        forward = 8 * edges + 4 * n + 2 * states
        state = forward + 8 * edges + 4 * n + 4 * states
        moved = {"forward": forward, "state": state, "edge": state + 12 * edges + 2 * states}
        return {mode: round(count / gb_per_s / 1e6, 4) for mode, count in moved.items()}


def by_hand(job: Job, make: Callable[[Wiring, Tensor], Crossing], dtype: torch.dtype) -> Step:
    """The step of a crossing, with the chain rule written out."""
    weight, state, upstream = (tensor.to(dtype) for tensor in (job.weight, job.state, job.upstream))
    fixed = make(job.wiring, weight)

    def step(mode: str) -> Tensor:
        crossed = make(job.wiring, weight) if mode == "edge" else fixed
        rate = torch.tanh(crossed.forward(state))
        if mode != "forward":
            current = Leaky().slope(rate).mul_(upstream)
            crossed.backward(current)
        if mode == "edge":
            crossed.edges(current, state)
        return rate

    return step


def fused(job: Job) -> Step:
    """Product, input, activation and leak in one kernel, as an unroll would have it."""
    crossed, plus = TritonCrossing(job.wiring, job.weight), torch.zeros_like(job.state)
    rate = torch.empty_like(plus)

    def step(_: str) -> Tensor:
        return crossed.advance(Leaky(1.0), job.state, plus, rate)

    return step


def by_autograd(job: Job, product: Callable[[Tensor, Tensor], Tensor]) -> Step:
    """The step of an engine that torch differentiates."""
    weight, state = job.weight.clone(), job.state.clone()

    def step(mode: str) -> Tensor:
        learned = [state.requires_grad_(mode != "forward"), weight.requires_grad_(mode == "edge")]
        rate = torch.tanh(product(weight, state))
        if mode != "forward":
            torch.autograd.grad(rate, learned[: MODES.index(mode)], job.upstream)
        return rate.detach()

    return step


def engines(job: Job) -> dict[str, Engine]:
    """What is compared, by name."""
    n = job.wiring.n_neurons

    def cusparse(weight: Tensor, state: Tensor) -> Tensor:
        return (
            torch.sparse_csr_tensor(job.wiring.post_start, job.wiring.pre, weight, (n, n), check_invariants=False)
            @ state
        )

    bf16 = torch.bfloat16
    known = {
        "anlage": Engine(lambda: by_hand(job, TritonCrossing, torch.float32)),
        "anlage, bfloat16": Engine(lambda: by_hand(job, TritonCrossing, bf16), largest_error=LARGEST_ERROR_BFLOAT16),
        "anlage, one kernel per tick": Engine(lambda: fused(job), modes=("forward",)),
        "anlage without Triton": Engine(lambda: by_hand(job, TorchCrossing, torch.float32)),
        "torch sparse CSR": Engine(lambda: by_autograd(job, cusparse)),
    }
    if importlib.util.find_spec("torch_geometric") is not None:
        known["PyG MessagePassing"] = Engine(lambda: by_autograd(job, message_passing(job)))
    return known


def message_passing(job: Job) -> Callable[[Tensor, Tensor], Tensor]:
    """PyG's layer: gather, multiply, scatter."""
    from torch_geometric.nn import MessagePassing

    class Product(MessagePassing):  # type: ignore[misc]
        """Weighted sum over incoming edges."""

        def forward(self, index: Tensor, weight: Tensor, state: Tensor) -> Tensor:
            """One layer."""
            return self.propagate(index, x=state, weight=weight)

        def message(self, x_j: Tensor, weight: Tensor) -> Tensor:
            """What an edge carries."""
            return weight.unsqueeze(1) * x_j

    return partial(Product(aggr="add"), torch.stack([job.wiring.pre.long(), job.post]))


def step_ms(call: Callable[[], object], *, samples: int, sample_ms: float) -> float:
    """Median over samples of the time of one call; in each sample it is called until the clock of the device can tell."""
    call()
    calls = min(1000, max(1, int(sample_ms / elapsed_ms(call, 1))))
    return round(median(elapsed_ms(call, calls) / calls for _ in range(samples)), 4)


def elapsed_ms(call: Callable[[], object], calls: int) -> float:
    """Time of some calls in a row, by the device's own clock where there is a device."""
    if not torch.cuda.is_available():
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return 1e3 * (time.perf_counter() - start)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(calls):
        call()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def copy_gb_per_s(device: str, count: int, samples: int) -> float:
    """Bandwidth of a copy, read and written bytes together."""
    source = torch.ones(count, device=device)
    target = torch.empty_like(source)
    return round(8 * count / 1e6 / step_ms(lambda: target.copy_(source), samples=samples, sample_ms=0.0), 1)


def row(engine: Engine, wanted: Tensor, timer: Callable[..., float]) -> dict[str, object]:
    """The times of one engine by mode, or in place of a time the reason why there is none."""
    cells: dict[str, object] = {}
    for mode in engine.modes:
        try:
            step = engine.make()
            error = float((step(mode).double() - wanted).norm() / wanted.norm())
            right = error <= engine.largest_error  # not so for NaN either
            cells[mode] = timer(partial(step, mode)) if right else f"wrong: its relative error is {error:.1e}"
        except Exception as reason:  # out of memory, or an operation that this build lacks: the others still count
            cells[mode] = f"failed: {type(reason).__name__}: {str(reason)[:200]}"
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return cells


def describe(device: str) -> dict[str, object]:
    """The GPU and what drives it."""
    if device == "cpu":
        return {"device": "none: Triton's interpreter"}
    seen = torch.cuda.get_device_properties(0)
    capability = f"{seen.major}.{seen.minor}"
    memory = round(seen.total_memory / 2**30, 1)
    return {"device": seen.name, "capability": capability, "memory_gib": memory, "cuda": torch.version.cuda}


def main() -> None:
    """Time every engine on every size and batch; keep what there is after each graph."""
    dry = "--dry-run" in sys.argv[1:]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not dry:
        print("There is no CUDA device here, so nothing was measured; --dry-run only tries every engine.")
        return
    if device == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"  # in time: nothing has loaded Triton yet
    sizes, batches = ({"tiny": (12, 24)}, (2,)) if dry else (SIZES, BATCHES)
    timer = partial(elapsed_ms, calls=1) if dry else partial(step_ms, samples=15, sample_ms=5.0)
    bandwidth = copy_gb_per_s(device, 1_000 if dry else 1 << 28, 1 if dry else 30)
    graphs: dict[str, object] = {}
    triton = version("triton") if importlib.util.find_spec("triton") else "none"
    found = {**describe(device), "triton": triton, "copy_gb_per_s": bandwidth, "graphs": graphs}
    for name, (n, n_edges) in sizes.items():
        graph = heavy_tailed(name, n, n_edges)
        post = np.repeat(np.arange(n), np.diff(graph.start))
        topology = Topology.of(n, graph.pre, post, graph.weight)
        largest = int(torch.from_numpy(topology.post).bincount().max())
        rows: dict[str, object] = {}
        graphs[name] = {"neurons": n, "edges": n_edges, "largest_in_degree": largest, "batches": rows}
        for batch in batches:
            job = Job.of(topology, batch, device)
            wanted = TorchCrossing(job.wiring, job.weight.double()).forward(job.state.double())
            times = {engine: row(made, wanted.tanh(), timer) for engine, made in engines(job).items()}
            rows[str(batch)] = {"floor_ms": job.floor_ms(bandwidth), "engines": times}
        if not dry:
            keep("gpu-" + re.sub(r"[^a-z0-9]+", "-", str(found["device"]).lower()).strip("-"), found)
    if dry:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

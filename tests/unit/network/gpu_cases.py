"""The Triton kernels against double precision; ``test_gpu.py`` runs this in a process of its own.

On a machine with a GPU the kernels run on it, elsewhere in Triton's interpreter, which must be chosen before Triton is imported.
"""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.network import Leaky, Wiring, gpu
from anlage.network.crossing import Crossing, TorchCrossing
from anlage.network.unroll import Course, unroll
from anlage.topology import Topology

TRITON_WAS_LOADED = "triton" in sys.modules
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
N = 13
ROUNDING = 2.0**-8 if DEVICE == "cuda" else 2.0**-7
"""Of one number to bfloat16, relative: half a unit in its last place; the interpreter rounds towards zero, up to a whole one."""
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    # Most rows of the small graph then are one segment, some are two, and the full row is three.
    monkeypatch.setattr(gpu, "SEGMENT", 4)


def graph() -> Topology:
    """Neurons that receive nothing, neurons that send nothing, self-loops, and one that hears nearly everyone."""
    rng = np.random.default_rng(0)
    there = rng.random((N, N)) < 0.2
    there[7] = True
    there[np.arange(5, 12), np.arange(5, 12)] = True
    there[:3], there[:, -3:] = False, False
    post, pre = np.nonzero(there)
    return Topology.of(N, pre, post, rng.standard_normal(len(pre)))


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)


def crossed(topology: Topology, dtype: torch.dtype = torch.float32) -> tuple[Crossing, Tensor]:
    """The crossing, and the dense ``(post, pre)`` matrix of the same weights in double precision."""
    weight = torch.from_numpy(topology.weight).to(DEVICE, dtype)
    dense = torch.zeros(topology.n_neurons, topology.n_neurons, dtype=torch.float64, device=DEVICE)
    dense[topology.post, topology.pre] = weight.double()
    return gpu.TritonCrossing(Wiring(topology).to(DEVICE), weight), dense


@pytest.mark.parametrize("batch", [1, 3, 32, 65])
def test_every_batch_size_gives_the_products_and_the_edge_gradient_of_double_precision(batch: int) -> None:
    topology = graph()
    crossing, dense = crossed(topology)
    state, gradient, plus = (normal(N, batch, seed=seed) for seed in range(3))
    oracle = TorchCrossing(Wiring(topology).to(DEVICE), torch.from_numpy(topology.weight).to(DEVICE))
    found = crossing.forward(state, plus), crossing.backward(gradient, plus), crossing.edges(gradient, state)
    full = (gradient.double() @ state.double().T)[topology.post, topology.pre]
    wanted = plus.double() + dense @ state.double(), plus.double() + dense.T @ gradient.double(), full
    peer = (
        *(oracle.forward(state.double(), plus.double()), oracle.backward(gradient.double(), plus.double())),
        oracle.edges(gradient.double(), state.double()),
    )
    for mine, exact, other in zip(found, wanted, peer, strict=True):
        torch.testing.assert_close(mine.double(), exact, **CLOSE)
        torch.testing.assert_close(mine.double(), other, **CLOSE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("batch", [1, 5])
def test_weights_in_bfloat16_are_summed_in_single_precision(batch: int, dtype: torch.dtype) -> None:
    topology = graph()
    crossing, dense = crossed(topology, torch.bfloat16)
    state, gradient, plus = (normal(N, batch, seed=seed, dtype=dtype) for seed in range(3))
    found = crossing.forward(state, plus), crossing.backward(gradient), crossing.edges(gradient, state)
    exact = (
        *(plus.double() + dense @ state.double(), dense.T @ gradient.double()),
        (gradient.double() @ state.double().T)[topology.post, topology.pre],
    )
    for mine, wanted, kind in zip(found, exact, (dtype, dtype, torch.bfloat16), strict=True):
        assert mine.dtype == kind
        rounding = ROUNDING if kind == torch.bfloat16 else 1e-5
        torch.testing.assert_close(mine.double(), wanted, rtol=rounding, atol=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("batch", [1, 33])
def test_a_tick_is_the_product_the_activation_and_the_leak(batch: int, activation: str) -> None:
    crossing, dense = crossed(graph())
    state, plus = normal(N, batch), normal(N, batch, seed=1)
    rate = torch.full_like(state, torch.nan)
    dynamics = Leaky(0.3, activation)
    after = crossing.advance(dynamics, state, plus, rate)
    wanted = dynamics.rate(plus.double() + dense @ state.double())
    torch.testing.assert_close(rate.double(), wanted, **CLOSE)
    torch.testing.assert_close(after.double(), 0.7 * state.double() + 0.3 * wanted, **CLOSE)


def test_the_rate_keeps_its_relative_precision_from_the_smallest_to_the_largest_current() -> None:
    sizes = torch.logspace(-30, 2, 161, device=DEVICE)
    current = torch.cat(
        [-sizes, torch.zeros(1, device=DEVICE), sizes, torch.tensor([torch.inf, torch.nan], device=DEVICE)]
    )
    silent = gpu.TritonCrossing(
        Wiring(Topology.of(1, *(np.zeros(0, dtype=np.int64),) * 2, np.zeros(0))).to(DEVICE), sizes[:0]
    )
    current = current.unsqueeze(0)
    rate = torch.empty_like(current)
    for activation, exact in (("tanh", torch.tanh), ("relu", torch.relu)):
        silent.advance(Leaky(1.0, activation), torch.zeros_like(current), current, rate)
        torch.testing.assert_close(rate.double(), exact(current.double()), rtol=1e-6, atol=0, equal_nan=True)


def test_the_same_call_gives_the_same_bits() -> None:
    crossing, _ = crossed(graph())
    state, gradient = normal(N, 3), normal(N, 3, seed=1)
    first, second = (
        (crossing.forward(state), crossing.backward(gradient), crossing.edges(gradient, state)) for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_number_that_is_not_finite_reaches_only_where_its_edges_lead() -> None:
    topology = graph()
    crossing, dense = crossed(topology)
    for broken in (0, 12):
        state = normal(N, 2)
        state[broken, 1] = torch.nan
        lost = crossing.forward(state).isnan()
        assert torch.equal(lost[:, 1], dense[:, broken] != 0)
        assert not lost[:, 0].any()


def test_a_view_that_is_not_contiguous_is_read_as_it_looks() -> None:
    crossing, _ = crossed(graph())
    state, plus = normal(N, 6), normal(6, N, seed=1).T
    wide = torch.zeros(N, 12, device=DEVICE)
    wide[:, ::2] = state
    assert torch.equal(crossing.forward(wide[:, ::2], plus), crossing.forward(state, plus.contiguous()))
    assert torch.equal(crossing.edges(plus, wide[:, ::2]), crossing.edges(plus.contiguous(), state))


def test_an_empty_wiring_passes_on_nothing_and_an_empty_batch_is_no_error() -> None:
    empty = Topology.of(4, *(np.zeros(0, dtype=np.int64),) * 2, np.zeros(0))
    crossing, _ = crossed(empty)
    plus = normal(4, 3)
    assert torch.equal(crossing.forward(normal(4, 3)), torch.zeros(4, 3, device=DEVICE))
    assert torch.equal(crossing.backward(normal(4, 3), plus), plus)
    assert crossing.edges(plus, plus).shape == (0,)
    topology = graph()
    crossing, _ = crossed(topology)
    none = normal(N, 0)
    assert crossing.forward(none).shape == (N, 0)
    assert torch.equal(crossing.edges(none, none), torch.zeros(topology.n_edges, device=DEVICE))


def test_tensors_that_the_kernels_would_misread_are_refused() -> None:
    topology = graph()
    wiring, weight = Wiring(topology).to(DEVICE), torch.from_numpy(topology.weight).to(DEVICE, torch.float32)
    segments, state = gpu.Segments.of(wiring.post_start), normal(N, 4)
    for wrong in (state.double(), state[1:]):
        with pytest.raises(ValueError, match="float32 or bfloat16 state of shape"):
            gpu.product(segments, wiring.pre, weight, wrong)
    with pytest.raises(ValueError, match="float32 or bfloat16 state of shape"):
        gpu.edge_sums(segments, wiring.pre, state, state.double(), torch.float32)
    with pytest.raises(ValueError, match="float32 or bfloat16 state of shape"):
        gpu.product(segments, wiring.pre, weight, state, state.double())
    with pytest.raises(ValueError, match="as many weights"):
        gpu.product(segments, wiring.pre, weight.double(), state)
    with pytest.raises(ValueError, match="int32 indices"):
        gpu.product(segments, wiring.pre.long(), weight, state)
    with pytest.raises(ValueError, match="indices were given"):
        gpu.product(segments, wiring.pre[1:], weight[1:], state)
    with pytest.raises(ValueError, match="contiguous"):
        crossed(topology)[0].advance(Leaky(), state, state, normal(4, N).T)


def test_training_through_the_kernels_equals_training_in_double_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    topology = graph()
    gradients = []
    for dtype, way in ((torch.float32, gpu.TritonCrossing), (torch.float64, TorchCrossing)):
        monkeypatch.setattr("anlage.network.unroll.crossing", way)
        weight = torch.from_numpy(topology.weight).to(DEVICE, dtype).mul(0.2).requires_grad_()
        bias = torch.zeros(N, 1, dtype=dtype, device=DEVICE).requires_grad_()
        drive = normal(2, 5, 4, dtype=dtype).requires_grad_()
        course = Course(Wiring(topology).to(DEVICE), Leaky(0.6), 2, torch.arange(5, device=DEVICE))
        unroll(course, weight, bias, drive).square().sum().backward()
        gradients.append([weight.grad, bias.grad, drive.grad])
    for single, double in zip(*gradients, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


def test_every_engine_of_the_benchmark_runs_and_is_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(__file__).parents[3] / "benchmarks"
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--dry-run"])
    monkeypatch.syspath_prepend(folder)
    runpy.run_path(str(folder / "gpu.py"), run_name="__main__")
    (batch,) = json.loads(capsys.readouterr().out)["graphs"]["tiny"]["batches"].values()
    assert len(batch["engines"]) >= 5
    for name, modes in batch["engines"].items():
        assert all(isinstance(cell, float) for cell in modes.values()), (name, modes)


def test_nothing_loads_triton_before_a_kernel_is_needed() -> None:
    assert not TRITON_WAS_LOADED


def test_weights_on_a_gpu_are_taken_where_they_are_single_precision_or_bfloat16() -> None:
    usable = {dtype: gpu.usable(torch.ones(3, dtype=dtype, device=DEVICE)) for dtype in (*gpu.DTYPES, torch.float64)}
    here = DEVICE == "cuda" and torch.cuda.get_device_capability() >= gpu.CAPABILITY
    assert usable == {torch.float32: here, torch.bfloat16: here, torch.float64: False}

"""The compiled kernels against double precision, for every instruction set that this processor can run."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from anlage.network import Leaky, Wiring, kernel, synapse
from anlage.network.synapse import KernelCrossing, TorchCrossing, crossing
from anlage.network.unroll import Course, unroll
from anlage.topology import Topology

compiled = pytest.mark.skipif(kernel.instruction_set() == "none", reason="anlage was installed without a C++ compiler")
NAMES = kernel.instruction_sets()


@pytest.fixture(params=NAMES)
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    best = kernel.instruction_set()
    kernel.select(request.param)
    yield request.param
    kernel.select(best)


def graph(n: int = 57, p: float = 0.2, seed: int = 0) -> Topology:
    """A random graph in which the first neurons receive nothing and the last ones send nothing."""
    rng = np.random.default_rng(seed)
    post, pre = np.nonzero(rng.random((n, n)) < p)
    keep = (post > 2) & (pre < n - 3)
    return Topology.of(n, pre[keep], post[keep], rng.standard_normal(keep.sum()))


def values(topology: Topology, batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch)
    weight = torch.from_numpy(topology.weight).float()
    return weight, *(torch.randn(topology.n_neurons, batch, generator=generator) for _ in range(3))


@compiled
@pytest.mark.parametrize("batch", [1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 48, 63, 64, 100, 128, 200])
def test_every_batch_size_gives_the_products_and_the_edge_gradient_of_double_precision(isa: str, batch: int) -> None:
    topology = graph()
    weight, state, gradient, plus = values(topology, batch)
    crossed = KernelCrossing(Wiring(topology), weight)
    dense = torch.from_numpy(topology.dense())
    same = {"rtol": 1e-5, "atol": 1e-5}
    torch.testing.assert_close(crossed.forward(state).double(), dense @ state.double(), **same)
    torch.testing.assert_close(crossed.forward(state, plus).double(), plus.double() + dense @ state.double(), **same)
    torch.testing.assert_close(
        crossed.backward(gradient, plus).double(), plus.double() + dense.T @ gradient.double(), **same
    )
    edges = (gradient.double() @ state.double().T)[topology.post, topology.pre]
    torch.testing.assert_close(crossed.edges(gradient, state).double(), edges, rtol=1e-5, atol=1e-4)


@compiled
def test_results_do_not_depend_on_the_number_of_threads(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    topology = graph(300, 0.1)
    weight, state, gradient, _ = values(topology, 33)
    crossed = KernelCrossing(Wiring(topology), weight)
    found = []
    for threads in (1, 2, 3, 7, 500):
        monkeypatch.setattr(kernel, "_threads", lambda work, threads=threads: threads)
        found.append((crossed.forward(state), crossed.backward(gradient), crossed.edges(gradient, state)))
    for other in found[1:]:
        for first, second in zip(found[0], other, strict=True):
            assert torch.equal(first, second)


@compiled
def test_a_view_that_is_not_contiguous_is_read_as_it_looks(isa: str) -> None:
    topology = graph()
    weight, state, _, plus = values(topology, 20)
    crossed = KernelCrossing(Wiring(topology), weight)
    wide, turned = torch.zeros(topology.n_neurons, 40), plus.T.contiguous().T
    wide[:, ::2] = state
    assert torch.equal(crossed.forward(wide[:, ::2], turned), crossed.forward(state, plus))


@compiled
def test_tensors_that_the_kernels_would_misread_are_refused(isa: str) -> None:
    topology = graph()
    weight, state, gradient, _ = values(topology, 4)
    wiring = Wiring(topology)
    index = wiring.post_start, wiring.pre
    for wrong in (state.double(), state[1:]):
        with pytest.raises(ValueError, match="float32 state of shape"):
            kernel.product(*index, weight, wrong)
    with pytest.raises(ValueError, match="float32 state of shape"):
        kernel.edges(*index, gradient, state.double())
    with pytest.raises(ValueError, match="float32 weights"):
        kernel.product(*index, weight.double(), state)
    with pytest.raises(ValueError, match="int32 indices"):
        kernel.product(wiring.post_start, wiring.pre.long(), weight, state)


@compiled
def test_a_topology_with_wide_indices_is_crossed_like_any_other(isa: str) -> None:
    topology = graph()
    weight, state, _, _ = values(topology, 4)
    wide = replace(topology, pre=topology.pre.astype(np.int64), post=topology.post.astype(np.int64))
    found, wanted = (KernelCrossing(Wiring(t), weight).forward(state) for t in (wide, topology))
    assert torch.equal(found, wanted)


@compiled
def test_an_empty_wiring_passes_on_nothing_and_an_empty_batch_is_no_error(isa: str) -> None:
    empty = Topology.of(4, *(np.zeros(0, dtype=np.int64),) * 2, np.zeros(0))
    crossed = KernelCrossing(Wiring(empty), torch.zeros(0))
    assert torch.equal(crossed.forward(torch.ones(4, 3)), torch.zeros(4, 3))
    assert crossed.edges(torch.ones(4, 3), torch.ones(4, 3)).shape == (0,)
    topology = graph()
    crossed = KernelCrossing(Wiring(topology), torch.from_numpy(topology.weight).float())
    assert crossed.forward(torch.zeros(topology.n_neurons, 0)).shape == (topology.n_neurons, 0)


@compiled
def test_training_through_the_kernels_equals_training_in_double_precision(isa: str) -> None:
    topology = graph()
    gradients = {}
    for dtype in (torch.float32, torch.float64):
        weight = torch.from_numpy(topology.weight).to(dtype).mul(0.2).requires_grad_()
        bias = torch.zeros(topology.n_neurons, 1, dtype=dtype).requires_grad_()
        drive = torch.randn(6, 9, 19, generator=torch.Generator().manual_seed(1)).to(dtype).requires_grad_()
        course = Course(Wiring(topology), Leaky(0.6), 3, torch.arange(9))
        unroll(course, weight, bias, drive).square().sum().backward()
        gradients[dtype] = [weight.grad, bias.grad, drive.grad]
    for single, double in zip(*gradients.values(), strict=True):
        torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


def test_double_precision_takes_the_torch_path() -> None:
    topology = graph()
    assert isinstance(crossing(Wiring(topology), torch.from_numpy(topology.weight)), TorchCrossing)


def test_without_kernels_single_precision_runs_on_torch_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    topology = graph()
    weight, state, _, _ = values(topology, 4)
    wanted = torch.from_numpy(topology.dense()).float() @ state
    monkeypatch.setattr(kernel, "_kernel", None)
    kernel._missing.cache_clear()
    with pytest.warns(RuntimeWarning, match="without its compiled kernels") as said:
        first = synapse(Wiring(topology), weight, state)
        second = synapse(Wiring(topology), weight, state)
    assert len(said) == 1
    torch.testing.assert_close(first, wanted, rtol=1e-5, atol=1e-5)
    assert torch.equal(first, second)
    kernel._missing.cache_clear()


@compiled
def test_an_instruction_set_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="avx1024"):
        kernel.select("avx1024")

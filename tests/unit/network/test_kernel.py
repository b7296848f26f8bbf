"""The compiled kernels against double precision, for every instruction set that this processor can run."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from anlage.network import Leaky, Wiring, kernel, synapse
from anlage.network.crossing import Crossing, KernelCrossing, TorchCrossing
from anlage.network.dynamics import When
from anlage.network.synapse import crossing
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
@pytest.mark.parametrize("batch", [1, 33])
def test_results_do_not_depend_on_the_number_of_threads(isa: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "THREAD_WORK", 1)
    topology = graph(300, 0.1)
    weight, state, gradient, _ = values(topology, batch)
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
    crossed = KernelCrossing(Wiring(topology), weight)
    for wrong in (state.double(), state.bfloat16(), state[1:]):
        with pytest.raises(ValueError, match="float32 state of shape"):
            crossed.forward(wrong)
        with pytest.raises(ValueError, match="float32 state of shape"):
            crossed.backward(wrong)
        with pytest.raises(ValueError, match="float32 state of shape"):
            crossed.edges(gradient, state.half())
        with pytest.raises(ValueError, match="contiguous"):
            crossed.advance(Leaky(), state, state, state.T.contiguous().T)
    with pytest.raises(ValueError, match="edges need as many weights"):
        KernelCrossing(Wiring(topology), weight[1:])


def blocks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("anlage.network.wiring.BLOCK", size)


@compiled
@pytest.mark.parametrize("batch", [1, 2, 5, 17, 32, 40, 133])
def test_a_wiring_read_in_blocks_gives_the_same_bits_and_edges_in_the_same_order(
    isa: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    topology = graph()
    weight, state, gradient, plus = values(topology, batch)
    whole = KernelCrossing(Wiring(topology), weight)
    for size in (1, 8, 56, 57):
        blocks(monkeypatch, size)
        cut = KernelCrossing(Wiring(topology), weight)
        assert torch.equal(cut.forward(state, plus), whole.forward(state, plus))
        back = cut.backward(gradient, plus), whole.backward(gradient, plus)
        if batch == 1:  # one stream's sums are taken block by block
            torch.testing.assert_close(*back, rtol=1e-5, atol=1e-5)
        else:
            assert torch.equal(*back)
        assert torch.equal(cut.edges(gradient, state), whole.edges(gradient, state))


@compiled
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_stream_is_right_for_neurons_with_any_number_of_edges(
    isa: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neuron i receives i edges: every number of edges beyond the last full vector occurs, in both directions."""
    n = 80
    post, pre = np.tril_indices(n, -1)
    topology = Topology.of(n, pre, post, np.random.default_rng(0).standard_normal(len(pre)))
    _, state, gradient, plus = (tensor.to(dtype) for tensor in values(topology, 1))
    weight = torch.from_numpy(topology.weight).to(dtype)
    dense = torch.zeros(n, n, dtype=torch.float64)
    dense[topology.post, topology.pre] = weight.double()
    same = {"rtol": 2**-8 if dtype == torch.bfloat16 else 1e-5, "atol": 1e-5}
    for size in (33, 1 << 14):
        blocks(monkeypatch, size)
        crossed = KernelCrossing(Wiring(topology), weight)
        forward, backward = crossed.forward(state, plus).double(), crossed.backward(gradient, plus).double()
        torch.testing.assert_close(forward, plus.double() + dense @ state.double(), **same)
        torch.testing.assert_close(backward, plus.double() + dense.T @ gradient.double(), **same)


@compiled
@pytest.mark.parametrize("batch", [8, 40, 133])
def test_weights_read_as_they_lie_and_laid_out_by_blocks_give_the_same_bits(
    isa: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks(monkeypatch, 8)
    monkeypatch.setattr(kernel, "LARGE", 1)
    topology = graph()
    weight, state, _, plus = values(topology, batch)
    layout = Wiring(topology).forward_layout
    laid_out = kernel.lay_out(layout, weight)
    assert torch.equal(laid_out, weight[np.argsort(topology.pre // 8, kind="stable")])
    as_it_lies = kernel.cross(layout, weight, state, plus, laid_out=False)
    assert torch.equal(as_it_lies, kernel.cross(layout, laid_out, state, plus))
    crossed = KernelCrossing(Wiring(topology), weight)
    for _ in range(3):
        assert torch.equal(as_it_lies, crossed.forward(state, plus))


@compiled
@pytest.mark.parametrize("of", [KernelCrossing, TorchCrossing])
@pytest.mark.parametrize("batch", [1, 6, 40])
def test_the_edge_gradient_of_steps_is_the_sum_of_theirs(
    isa: str, batch: int, of: type[Crossing], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks(monkeypatch, 8)
    topology = graph()
    weight = torch.from_numpy(topology.weight).float()
    current, state = torch.randn(2, 5, 57, batch, generator=torch.Generator().manual_seed(0))
    crossed = of(Wiring(topology), weight)
    wanted = torch.einsum("tib,tjb->ij", current.double(), state.double())[topology.post, topology.pre]
    for chunk in (1, 2 * 57 * batch, 1 << 22):
        monkeypatch.setattr("anlage.network.crossing.CHUNK", chunk)
        found = crossed.edges_of_steps(current, state)
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-4)
    with pytest.raises(ValueError, match="there are none"):
        crossed.edges_of_steps(current[:0], state[:0])


@compiled
@pytest.mark.parametrize("size", [8, 1 << 14])
@pytest.mark.parametrize("batch", [1, 3, 20, 70])
def test_half_precision_is_only_stored(isa: str, batch: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums are taken in single precision and rounded once: no error beyond half a unit in the last of eight bits."""
    blocks(monkeypatch, size)
    topology = graph()
    weight, state, gradient, plus = (tensor.bfloat16() for tensor in values(topology, batch))
    crossed, dense = KernelCrossing(Wiring(topology), weight), torch.zeros(57, 57, dtype=torch.float64)
    dense[topology.post, topology.pre] = weight.double()
    found = crossed.forward(state, plus), crossed.backward(gradient, plus), crossed.edges(gradient, state)
    exact = (
        plus.double() + dense @ state.double(),
        plus.double() + dense.T @ gradient.double(),
        (gradient.double() @ state.double().T)[topology.post, topology.pre],
    )
    for mine, wanted in zip(found, exact, strict=True):
        assert mine.dtype == torch.bfloat16
        torch.testing.assert_close(mine.double(), wanted, rtol=2**-8, atol=2e-5)
    if batch > 1:  # the sums themselves are those of single precision, term by term
        single, plus = KernelCrossing(Wiring(topology), weight.float()), plus.float()
        assert torch.equal(found[0], single.forward(state.float(), plus).bfloat16())
        assert torch.equal(found[1], single.backward(gradient.float(), plus).bfloat16())


@compiled
@pytest.mark.parametrize("batch", [16, 128])
def test_what_is_not_a_number_stays_so_in_half_precision_and_large_numbers_become_infinite(
    isa: str, batch: int
) -> None:
    one = Topology.of(20, np.arange(20), np.arange(20), np.ones(20))
    for column in range(0, batch, 5):  # which is to say nothing to its neighbours
        state = torch.zeros(20, batch, dtype=torch.bfloat16)
        state[0, column], state[1, column], state[2, column] = float("nan"), float("inf"), 3.3e38
        found = KernelCrossing(Wiring(one), torch.full((20,), 2.0, dtype=torch.bfloat16)).forward(state)
        assert found[0, column].isnan() and found[1, column].isinf() and found[2, column].isinf()
        found[:3, column] = 0
        assert not found.any()


@compiled
@pytest.mark.parametrize("dynamics", [Leaky(0.3, "tanh"), Leaky(1.0, "tanh"), Leaky(0.7, "relu")])
@pytest.mark.parametrize("batch", [1, 6, 37])
def test_a_tick_in_one_pass_equals_its_parts(isa: str, batch: int, dynamics: Leaky) -> None:
    topology = graph()
    weight, state, _, plus = values(topology, batch)
    fused, parts = KernelCrossing(Wiring(topology), weight), TorchCrossing(Wiring(topology), weight)
    rates = torch.empty_like(state), torch.empty_like(state)
    close = {"rtol": 1e-5, "atol": 1e-5}
    advanced = [each.advance(dynamics, state, plus, rate) for each, rate in zip((fused, parts), rates, strict=True)]
    torch.testing.assert_close(*advanced, **close)
    torch.testing.assert_close(*rates, **close)


@compiled
@pytest.mark.parametrize("dynamics", [Leaky(0.3, "tanh"), Leaky(1.0, "tanh"), Leaky(0.7, "relu")])
@pytest.mark.parametrize("batch", [1, 6, 37])
@pytest.mark.parametrize(
    ("when", "block"), [(When(0, 1), 8), (When(0, 3), 1 << 14), (When(5, 3), 8), (When(2, 4), 1 << 14)]
)
def test_many_ticks_at_once_equal_one_after_another(
    isa: str, batch: int, dynamics: Leaky, when: When, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks(monkeypatch, block)
    topology, ticks = graph(), 5
    weight = values(topology, batch)[0] / 4  # no activity explodes
    states, rates, outside, gradient = (
        torch.randn(length, topology.n_neurons, batch, generator=torch.Generator().manual_seed(length))
        for length in (ticks + 1, ticks, 6, 7)
    )
    found = []
    for kind in (KernelCrossing, TorchCrossing):
        crossed, along, rate = kind(Wiring(topology), weight), states.clone(), rates.clone()
        crossed.walk(dynamics, along, rate, outside, when)
        kept = rate.clone()
        after = crossed.walk_back(dynamics, gradient[-1].clone(), rate, gradient, when)
        found.append((along, kept, after, rate))
    for mine, wanted in zip(*found, strict=True):
        torch.testing.assert_close(mine, wanted, rtol=2e-5, atol=2e-5)
    along, kept = found[0][:2]
    now = states[0].double()
    exact = TorchCrossing(Wiring(topology), weight.double())
    for i in range(ticks):
        observation = (when.first + i) // when.ticks - when.first // when.ticks
        rate = torch.tanh if dynamics.activation == "tanh" else torch.relu
        fired = rate(exact.forward(now) + outside[observation])
        now = (1 - dynamics.leak) * now + dynamics.leak * fired
        torch.testing.assert_close(along[i + 1].double(), now, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(kept[i].double(), fired, rtol=1e-4, atol=1e-5)


@compiled
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("batch", [1, 6, 80])
def test_many_ticks_at_once_are_the_single_ticks_to_the_last_bit(
    isa: str, batch: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks(monkeypatch, 8)
    topology = graph()
    weight, state, *_ = (tensor.to(dtype) for tensor in values(topology, batch))
    states, rates = state.expand(5, -1, -1).clone(), torch.empty(4, *state.shape, dtype=dtype)
    crossed, one = KernelCrossing(Wiring(topology), weight), KernelCrossing(Wiring(topology), weight)
    crossed.walk(Leaky(0.3), states, rates, states[:4].clone(), When(0, 1))
    now, rate = state, torch.empty_like(state)
    for i in range(4):
        now = one.advance(Leaky(0.3), now, state, rate)
        assert torch.equal(states[i + 1], now) and torch.equal(rates[i], rate)


@compiled
def test_stacks_that_the_kernels_would_misread_are_refused(isa: str) -> None:
    topology = graph()
    weight, state, *_ = values(topology, 4)
    crossed, states = KernelCrossing(Wiring(topology), weight), state.expand(3, -1, -1).contiguous()
    for wrong in (states.double(), states.transpose(0, 1).contiguous().transpose(0, 1)):
        with pytest.raises(ValueError, match="in main memory are needed"):
            crossed.walk(Leaky(), wrong, states, states, When(0, 1))
        with pytest.raises(ValueError, match="in main memory are needed"):
            crossed.walk_back(Leaky(), state, states, wrong, When(0, 1))
    for arguments in (
        (states, states, states),
        (states, states[:2], states[:1]),
        (states[:, 1:].clone(), states, states),
    ):
        with pytest.raises(ValueError, match="states of"):
            crossed.walk(Leaky(), *arguments, When(0, 1))
    for gradient in (states[:1], states[..., :2].contiguous()):
        with pytest.raises(ValueError, match="states of"):
            crossed.walk_back(Leaky(), state, states, gradient, When(0, 1))


@compiled
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("batch", [1, 6, 37])
@pytest.mark.parametrize("block", [64, 1 << 14])
def test_what_fires_in_one_pass_equals_its_parts(
    isa: str, activation: str, batch: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anlage.network.wiring.BLOCK", block)
    topology = graph()
    weight, state, gradient, _ = values(topology, batch)
    close = {"rtol": 1e-5, "atol": 1e-5}
    exact = TorchCrossing(Wiring(topology), weight.double()).forward(state.double())
    found = []
    for dtype in (torch.float32, torch.float64):
        w, s = weight.to(dtype).requires_grad_(), state.to(dtype).requires_grad_()
        rate = synapse(Wiring(topology), w, s, activation)  # type: ignore[arg-type]
        found.append([rate, *torch.autograd.grad(rate, (w, s), gradient.to(dtype))])
    torch.testing.assert_close(found[1][0], getattr(torch, activation)(exact))
    for single, double in zip(*found, strict=True):
        torch.testing.assert_close(single, double.float(), **close)


@compiled
@pytest.mark.parametrize("batch", [1, 16])
def test_the_tanh_of_the_kernels_is_right_to_three_units_in_the_last_place(isa: str, batch: int) -> None:
    special = torch.tensor([0.0, float("inf"), -float("inf"), 1e-30, -1e-38, 89.0, -1e30])
    x = torch.cat([torch.linspace(-10, 10, 20_000), torch.logspace(-20, 2, 5_000), special]).reshape(-1, 1)
    silent = Topology.of(len(x), *(np.zeros(0, dtype=np.int64),) * 2, np.zeros(0))
    outside, rate = x.expand(-1, batch).contiguous(), torch.empty(len(x), batch)
    KernelCrossing(Wiring(silent), torch.zeros(0)).advance(Leaky(1.0), torch.zeros_like(outside), outside, rate)
    exact = torch.tanh(x.double())
    unit = torch.finfo(torch.float32).eps * exact.abs().clamp_min(1e-37)
    assert bool(((rate.double() - exact).abs() <= 1.5 * unit).all())
    assert torch.equal(torch.signbit(rate), torch.signbit(x).expand(-1, batch))
    outside[0] = float("nan")
    KernelCrossing(Wiring(silent), torch.zeros(0)).advance(Leaky(1.0), torch.zeros_like(outside), outside, rate)
    assert rate[0].isnan().all() and not rate[1:].isnan().any()


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

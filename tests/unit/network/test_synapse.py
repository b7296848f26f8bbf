"""The sparse product and the unroll against dense torch, and against numerical derivatives."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.network import Leaky, Synapses, Wiring, synapse
from anlage.network.synapse import crossing
from anlage.network.unroll import Course, unroll
from anlage.topology import Topology

N, BATCH = 7, 3


def topology(seed: int = 0) -> Topology:
    """Seven neurons, one of which has no edge at all, with a self-loop."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(np.setdiff1d(np.arange((N - 1) ** 2), [0]), size=14, replace=False)
    pre, post = np.append(pairs // (N - 1), 0), np.append(pairs % (N - 1), 0)
    return Topology.of(N, pre, post, rng.normal(size=15))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def dense(graph: Topology, weight: Tensor) -> Tensor:
    """Weights in edge order put into a ``(post, pre)`` matrix, differentiably, by plain indexing."""
    index = (torch.from_numpy(graph.post).long(), torch.from_numpy(graph.pre).long())
    return weight.new_zeros(N, N).index_put(index, weight)


def test_the_sparse_product_and_its_gradients_equal_the_dense_ones() -> None:
    graph = topology()
    weight, state, upstream = torch.from_numpy(graph.weight.copy()), normal(N, BATCH), normal(N, BATCH, seed=1)
    inputs = (
        [x.clone().requires_grad_() for x in (weight, state)],
        [x.clone().requires_grad_() for x in (weight, state)],
    )
    sparse = synapse(Wiring(graph), *inputs[0])
    full = dense(graph, inputs[1][0]) @ inputs[1][1]
    torch.testing.assert_close(sparse, full, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(full.detach(), torch.from_numpy(graph.dense()) @ state, rtol=1e-12, atol=1e-12)
    for mine, other in zip(
        torch.autograd.grad(sparse, inputs[0], upstream), torch.autograd.grad(full, inputs[1], upstream), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


def test_the_transpose_is_the_transpose() -> None:
    graph = topology()
    crossed, each = crossing(Wiring(graph), torch.from_numpy(graph.weight.copy())), torch.eye(N, dtype=torch.float64)
    np.testing.assert_array_equal(crossed.forward(each).numpy(), graph.dense())
    np.testing.assert_array_equal(crossed.backward(each).numpy(), graph.dense().T)


def test_the_derivatives_of_the_product_equal_numerical_ones() -> None:
    graph = topology()
    wiring, weight = Wiring(graph), torch.from_numpy(graph.weight.copy()).requires_grad_()
    state = normal(N, BATCH).requires_grad_()
    assert torch.autograd.gradcheck(lambda w, s: synapse(wiring, w, s), (weight, state))
    assert torch.autograd.gradcheck(lambda w: synapse(wiring, w, state.detach()), (weight,))
    assert torch.autograd.gradcheck(lambda s: synapse(wiring, weight.detach(), s), (state,))


def test_weights_prepared_without_gradients_still_serve_a_later_backward_pass() -> None:
    graph = topology()
    with torch.no_grad():
        synapses = Synapses(Wiring(graph), torch.from_numpy(graph.weight.copy()))
    state = normal(N, BATCH).requires_grad_()
    (gradient,) = torch.autograd.grad(synapses(state).sum(), state)
    expected = torch.from_numpy(graph.dense()).sum(0, keepdim=True).T.expand(-1, BATCH)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)


def reference(graph: Topology, dynamics: Leaky, ticks: int, port: Tensor) -> Callable[..., Tensor]:
    """The unroll in dense torch, one line per formula."""
    f = torch.tanh if dynamics.activation == "tanh" else torch.relu

    def run(weight: Tensor, bias: Tensor, drive: Tensor) -> Tensor:
        matrix, state, states = dense(graph, weight), torch.zeros(N, drive.shape[2], dtype=weight.dtype), []
        for t in range(len(drive)):
            outside = torch.zeros_like(state).index_put((port,), drive[t], accumulate=True) + bias
            for _ in range(ticks):
                state = (1 - dynamics.leak) * state + dynamics.leak * f(matrix @ state + outside)
            states.append(state)
        return torch.stack(states)

    return run


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(("leak", "ticks"), [(0.5, 1), (0.3, 3), (1.0, 2)])
def test_the_unroll_and_its_gradients_equal_dense_back_propagation(activation: str, leak: float, ticks: int) -> None:
    graph, port, dynamics = topology(), torch.tensor([0, 2, 5]), Leaky(leak, activation)
    course = Course(Wiring(graph), dynamics, ticks, port)
    start = (torch.from_numpy(graph.weight.copy()), normal(N, 1) / 3, normal(4, 3, BATCH))
    results = []
    for run in (lambda *x: unroll(course, *x), reference(graph, dynamics, ticks, port)):
        inputs = [x.clone().requires_grad_() for x in start]
        states = run(*inputs)
        results.append((states, *torch.autograd.grad(states, inputs, normal(4, N, BATCH, seed=2))))
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-12)


def test_the_derivatives_of_the_unroll_equal_numerical_ones() -> None:
    graph = topology()
    course = Course(Wiring(graph), Leaky(0.4), 2, torch.tensor([0, 3]))
    inputs = (torch.from_numpy(graph.weight.copy()), normal(N, 1), normal(3, 2, 2))
    assert torch.autograd.gradcheck(lambda *x: unroll(course, *x), [x.requires_grad_() for x in inputs])


def test_the_gradient_of_an_unroll_does_not_depend_on_how_many_ticks_are_summed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = topology()
    course = Course(Wiring(graph), Leaky(), 2, torch.tensor([0, 3]))
    gradients = []
    for chunk in (1, 3 * N * BATCH, 1 << 22):
        monkeypatch.setattr("anlage.network.unroll.CHUNK", chunk)
        weight = torch.from_numpy(graph.weight.copy()).requires_grad_()
        unroll(course, weight, normal(N, 1), normal(4, 2, BATCH)).square().sum().backward()
        gradients.append(weight.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(gradients[0], gradients[2], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("leak", [0.0, -0.1, 1.1, float("nan")])
def test_a_leak_outside_its_range_is_refused(leak: float) -> None:
    with pytest.raises(ValueError, match="must lie above 0 and at most at 1"):
        Leaky(leak)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_slope_found_from_the_rate_is_the_derivative(activation: str) -> None:
    dynamics, current = Leaky(0.5, activation), torch.tensor([-2.0, -0.1, 0.3, 4.0], dtype=torch.float64)
    step = 1e-6
    numerical = (dynamics.rate(current + step) - dynamics.rate(current - step)) / (2 * step)
    torch.testing.assert_close(dynamics.slope(dynamics.rate(current)), numerical, rtol=1e-6, atol=1e-8)

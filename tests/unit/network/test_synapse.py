"""The sparse product and the unroll against dense torch, and against numerical derivatives."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.errors import AnlageError
from anlage.network import Leaky, Synapses, Wiring, synapse
from anlage.network.synapse import crossing
from anlage.network.unroll import Course, stretch, unroll
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


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_derivatives_of_what_fires_equal_numerical_ones_to_the_second_order(activation: str) -> None:
    graph = topology()
    wiring, weight = Wiring(graph), torch.from_numpy(graph.weight.copy()).requires_grad_()
    state = normal(N, BATCH).requires_grad_()
    rate = synapse(wiring, weight, state, activation)  # type: ignore[arg-type]
    assert torch.equal(rate, getattr(torch, activation)(synapse(wiring, weight, state)))
    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(lambda w, s: synapse(wiring, w, s, activation), (weight, state))  # type: ignore[arg-type]
    assert torch.autograd.gradcheck(lambda s: synapse(wiring, weight.detach(), s, activation), (state,))  # type: ignore[arg-type]


def test_the_product_can_be_differentiated_again_and_again() -> None:
    graph = topology()
    wiring, weight = Wiring(graph), torch.from_numpy(graph.weight.copy()).requires_grad_()
    state = normal(N, BATCH).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda w, s: synapse(wiring, w, s), (weight, state))

    def curved(w: Tensor, s: Tensor) -> Tensor:
        return torch.autograd.grad(torch.tanh(synapse(wiring, w, s)).sum(), (w, s), create_graph=True)[0]

    assert torch.autograd.gradgradcheck(curved, (weight, state))


def test_weights_that_were_changed_in_place_are_laid_out_again() -> None:
    graph = topology()
    weight = torch.from_numpy(graph.weight.copy()).float()
    synapses, state = Synapses(Wiring(graph), weight), normal(N, BATCH).float().requires_grad_()
    torch.autograd.grad(synapses(state).sum(), state)
    weight.mul_(2)
    (gradient,) = torch.autograd.grad(synapses(state).sum(), state)
    expected = 2 * torch.from_numpy(graph.dense()).float().sum(0, keepdim=True).T.expand(-1, BATCH)
    torch.testing.assert_close(gradient, expected)


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
        monkeypatch.setattr("anlage.network.crossing.CHUNK", chunk)
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


def gradients(course: Course, start: Tensor | None = None) -> list[Tensor]:
    """States, and the gradients for weight, bias, drive and (when given) start, of a loss that sees every observation."""
    graph = topology()
    weight, bias = torch.from_numpy(graph.weight.copy()).requires_grad_(), normal(N, 1, seed=2).requires_grad_()
    drive = normal(8, 2, BATCH, seed=3).requires_grad_()
    inputs = [weight, bias, drive, *([] if start is None else [start])]
    seen = unroll(course, weight, bias, drive, start)
    loss = (seen * normal(8, N, BATCH, seed=4)).sum() + seen.pow(3).sum()
    return [seen.detach(), *torch.autograd.grad(loss, inputs)]


def course(**changes: int) -> Course:
    return replace(Course(Wiring(topology()), Leaky(0.4), 3, torch.tensor([1, 4])), **changes)


@pytest.mark.parametrize("states", [0, 8, 9, 10, 13, 20, 40, 47, 48, 1000])
def test_a_memory_budget_changes_no_gradient(states: int) -> None:
    start = normal(N, BATCH, seed=5).requires_grad_()
    for mine, wanted in zip(
        gradients(course(memory=max(1, states * N * BATCH * 8)), start), gradients(course(), start), strict=True
    ):
        torch.testing.assert_close(mine, wanted, rtol=1e-12, atol=1e-12)


def test_the_size_of_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    start = normal(N, BATCH, seed=5).requires_grad_()
    wanted = gradients(course(), start)
    monkeypatch.setattr("anlage.network.unroll.CHUNK", 1)
    for memory in (None, 10 * N * BATCH * 8):
        for mine, theirs in zip(gradients(course(memory=memory), start), wanted, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        weight, drive = torch.from_numpy(topology().weight.copy()), normal(8, 2, BATCH, seed=3)
        seen = unroll(course(), weight, normal(N, 1, seed=2), drive, start)
        monkeypatch.undo()
        torch.testing.assert_close(seen, unroll(course(), weight, normal(N, 1, seed=2), drive, start))


@pytest.mark.parametrize("total", [1, 2, 24, 400])
def test_what_is_held_fits_the_budget_wherever_it_can(total: int) -> None:
    least = min(2 * n + -(-total // n) for n in range(1, total + 1))
    for states in range(1, 2 * total + 3):
        length = stretch(course(memory=states), total, 1)
        held = 2 * total if length == total else 2 * length + -(-total // length)
        assert held <= max(states, least + 1)
    assert stretch(course(memory=2 * total), total, 1) == stretch(course(), total, 1) == total


def test_a_horizon_cuts_the_gradient_where_detaching_the_state_would() -> None:
    cut = course(horizon=3)
    found = gradients(cut)
    graph = topology()
    weight, bias = torch.from_numpy(graph.weight.copy()).requires_grad_(), normal(N, 1, seed=2).requires_grad_()
    drive = normal(8, 2, BATCH, seed=3).requires_grad_()
    state, seen = None, []
    for stop in (3, 6, 8):
        first = stop - 3 if stop < 8 else 6
        seen.append(unroll(course(), weight, bias, drive[first:stop], state))
        state = seen[-1][-1].detach()
    whole = torch.cat(seen)
    loss = (whole * normal(8, N, BATCH, seed=4)).sum() + whole.pow(3).sum()
    for mine, wanted in zip(found, [whole.detach(), *torch.autograd.grad(loss, [weight, bias, drive])], strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(found[1], gradients(course())[1])
    tight = gradients(replace(cut, memory=1))
    torch.testing.assert_close(tight[1], found[1], rtol=1e-12, atol=1e-12)


def test_the_gradient_for_the_first_state_equals_the_numerical_one() -> None:
    start, drive = normal(N, BATCH, seed=5).requires_grad_(), normal(2, 2, BATCH)
    weight, bias = torch.from_numpy(topology().weight.copy()), normal(N, 1)
    assert torch.autograd.gradcheck(lambda s: unroll(course(), weight, bias, drive, s), (start,))


def test_an_unroll_can_be_gone_back_through_twice_but_not_differentiated_twice() -> None:
    weight = torch.from_numpy(topology().weight.copy()).requires_grad_()
    seen = unroll(course(), weight, normal(N, 1), normal(4, 2, BATCH)).square().sum()
    first, second = (torch.autograd.grad(seen, weight, retain_graph=True)[0] for _ in range(2))
    torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)
    with pytest.raises(AnlageError, match="can be differentiated once"):
        torch.autograd.grad(seen, weight, create_graph=True)


def test_no_observation_gives_no_state_and_no_gradient() -> None:
    weight = torch.from_numpy(topology().weight.copy()).requires_grad_()
    seen = unroll(course(), weight, normal(N, 1), normal(0, 2, BATCH))
    assert seen.shape == (0, N, BATCH)
    assert not torch.autograd.grad(seen.sum(), weight)[0].any()
    assert unroll(course(), weight, normal(N, 1), normal(3, 2, 0)).shape == (3, N, 0)

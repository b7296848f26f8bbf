"""Predictive coding against backpropagation, closed forms of deep linear networks, finite differences, and one another."""

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.errors import Diverged, RecipeError
from anlage.learning.predictive_coding import (
    Inference,
    Layered,
    PredictiveGraph,
    Wired,
    backpropagated,
    energy,
    errors,
    infer,
    learn,
)
from anlage.topology import Topology

SIZES = (4, 5, 5, 5, 3)
BATCH = 6


@pytest.fixture(autouse=True)
def _double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def task() -> tuple[Tensor, Tensor]:
    return torch.randn(SIZES[0], BATCH, generator=drawn(1)), torch.randn(SIZES[-1], BATCH, generator=drawn(2))


def cyclic(feedback: bool = True) -> Topology:
    """Seven neurons, cycles and a self-loop; 0 and 1 are the input, one of them with feedback; 5 and 6 are the output."""
    edges = np.array([(0, 2), (1, 3), (2, 3), (3, 2), (2, 4), (4, 3), (4, 4), (3, 5), (4, 6), (5, 4), (3, 0)])
    edges = edges if feedback else edges[:-2]
    weight = np.random.default_rng(3).normal(size=len(edges)) * 0.5
    groups = {"input": np.array([0, 1]), "output": np.array([5, 6])}
    return Topology.of(7, edges[:, 0], edges[:, 1], weight, groups=groups)


def as_wiring(graph: Layered) -> Topology:
    """The same neurons and edges without knowing of layers."""
    pre, post, weight = [], [], []
    for matrix, before, after in zip(graph.weights, graph.rows[:-1], graph.rows[1:], strict=True):
        rows, columns = np.meshgrid(np.arange(len(matrix)), np.arange(matrix.shape[1]), indexing="ij")
        pre.append(before.start + columns.ravel())
        post.append(after.start + rows.ravel())
        weight.append(matrix.numpy().ravel())
    groups = {"input": graph.input.numpy(), "output": graph.output.numpy()}
    return Topology.of(sum(graph.sizes), *map(np.concatenate, (pre, post, weight)), groups=groups)


GRAPHS = {
    "tanh": lambda: Layered(SIZES, drawn(0)),
    "relu": lambda: Layered(SIZES, drawn(0), activation="relu"),
    "residual": lambda: Layered(SIZES, drawn(0), residual=True),
    "depth": lambda: Layered(SIZES, drawn(0), residual=True, scaling="depth"),
    "cyclic": lambda: Wired(cyclic()),
}


def some_value(graph: PredictiveGraph) -> Tensor:
    return torch.randn(len(graph.predicted), BATCH, generator=drawn(4))


def energy_of(graph: PredictiveGraph, value: Tensor) -> float:
    return energy(graph, value) * BATCH


@pytest.mark.parametrize("name", GRAPHS)
def test_values_fall_along_the_gradient_of_the_energy_that_finite_differences_find(name: str) -> None:
    graph = GRAPHS[name]()
    value = some_value(graph)
    error = errors(graph, value)
    gradient = error - graph.answer(value, error)
    for neuron in range(len(value)):
        for sign in (1, -1):
            value[neuron, 2] += sign * 1e-6
            high = energy_of(graph, value) if sign == 1 else high
            low = energy_of(graph, value) if sign == -1 else None
            value[neuron, 2] -= sign * 1e-6
        assert gradient[neuron, 2].item() == pytest.approx((high - low) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("name", GRAPHS)
def test_error_times_presynaptic_activity_is_the_fall_of_the_energy_with_each_weight(name: str) -> None:
    graph = GRAPHS[name]()
    value = some_value(graph)
    for weight, product in zip(graph.weights, graph.local(value, errors(graph, value)), strict=True):
        flat = weight.view(-1)
        for i in range(0, len(flat), 3):
            values = []
            for nudge in (1e-6, -2e-6):
                flat[i] += nudge
                values.append(energy_of(graph, value))
            flat[i] += 1e-6
            assert product.reshape(-1)[i].item() == pytest.approx((values[1] - values[0]) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("name", GRAPHS)
def test_small_steps_of_inference_never_raise_the_energy(name: str) -> None:
    graph = GRAPHS[name]()
    given = torch.randn(len(graph.input), BATCH, generator=drawn(1))
    target = torch.randn(len(graph.output), BATCH, generator=drawn(2))
    start = graph.forward(given)
    start[graph.output] = target
    curve = [energy(graph, start)]
    for steps in range(1, 25):
        curve.append(energy(graph, infer(graph, Inference("pc", steps, 0.05), given, target)[0]))
    assert (np.diff(curve) <= 1e-12).all()
    assert curve[-1] < 0.95 * curve[0]


def test_what_is_given_stays_as_given() -> None:
    for graph in (GRAPHS["tanh"](), GRAPHS["cyclic"]()):
        given = torch.randn(len(graph.input), BATCH, generator=drawn(1))
        target = torch.randn(len(graph.output), BATCH, generator=drawn(2))
        value, _ = infer(graph, Inference("pc", 5, 0.1), given, target)
        assert torch.equal(value[graph.input], given) and torch.equal(value[graph.output], target)


def test_a_layered_graph_is_a_wiring_like_any_other() -> None:
    layered = GRAPHS["tanh"]()
    topology = as_wiring(layered)
    wired = Wired(topology, sweeps=len(SIZES) - 1)
    given, target = task()
    assert torch.allclose(layered.forward(given), wired.forward(given))
    how = Inference("pc", 30, 0.1)
    (value, error), (other, other_error) = (infer(graph, how, given, target) for graph in (layered, wired))
    assert torch.allclose(value, other) and torch.allclose(error, other_error)
    products = dict(zip(topology.key().tolist(), wired.local(other, other_error)[0].tolist(), strict=True))
    for matrix, before, after in zip(layered.local(value, error), layered.rows[:-1], layered.rows[1:], strict=True):
        for row in range(len(matrix)):
            for column in range(matrix.shape[1]):
                key = (after.start + row) * topology.n_neurons + before.start + column
                assert matrix[row, column].item() == pytest.approx(products[key], abs=1e-10)


def product(weights: list[Tensor]) -> Tensor:
    result = torch.eye(weights[0].shape[1])
    for weight in weights:
        result = weight @ result
    return result


def equilibrium_energy(weights: list[Tensor], given: Tensor, target: Tensor) -> Tensor:
    """The rescaled mean squared error: ``r^T S^-1 r / 2``, ``r = y - W_L ... W_1 x``, ``S = I + sum_l (W_L ... W_l)(...)^T``.

    Innocenti et al. 2024, arXiv 2408.11979, theorem 1.
    """
    residual = target - product(weights) @ given
    s = torch.eye(len(target))
    for layer in range(1, len(weights)):
        down = product(weights[layer:])
        s = s + down @ down.T
    return (residual * torch.linalg.solve(s, residual)).sum() / (2 * given.shape[1])


def test_a_deep_linear_network_settles_at_the_rescaled_squared_error() -> None:
    graph, (given, target) = Layered(SIZES, drawn(0), activation="linear"), task()
    value, error = infer(graph, Inference("pc", 500, 0.3), given, target)
    weights = [weight.clone().requires_grad_() for weight in graph.weights]
    expected = equilibrium_energy(weights, given, target)
    assert energy(graph, value) == pytest.approx(expected.item(), rel=1e-9)
    for found, wanted in zip(graph.local(value, error), torch.autograd.grad(expected, weights), strict=True):
        assert torch.allclose(-found / BATCH, wanted, atol=1e-9)


@pytest.mark.parametrize("how", [{}, {"residual": True}, {"residual": True, "scaling": "depth"}])
def test_errors_and_values_are_two_ways_to_one_minimum(how: dict) -> None:
    graph = Layered((3, 4, 4, 2), drawn(0), **how)
    given, target = torch.randn(3, 4, generator=drawn(1)), torch.randn(2, 4, generator=drawn(2))
    by_value = infer(graph, Inference("pc", 200, 0.3), given, target)
    by_error = infer(graph, Inference("epc", 150, 0.2), given, target)
    for one, other in zip(by_value, by_error, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert torch.allclose(errors(graph, by_error[0]), by_error[1])


def gradients(graph: Layered, given: Tensor, target: Tensor) -> tuple[Tensor, ...]:
    """Of half the squared error, summed over the batch, by automatic differentiation through the forward pass."""
    weights = [weight.requires_grad_() for weight in graph.weights]
    loss = (graph.forward(given)[graph.output] - target).square().sum() / 2
    found = torch.autograd.grad(loss, weights)
    for weight in graph.weights:
        weight.requires_grad_(False)
    return found


@pytest.mark.parametrize("name", ["tanh", "relu", "residual", "depth"])
def test_with_fixed_predictions_the_local_products_are_the_gradients(name: str) -> None:
    """Whittington & Bogacz 2017."""
    graph, (given, target) = GRAPHS[name](), task()
    value, error = infer(graph, Inference("backpropagation"), given, target)
    for found, wanted in zip(graph.local(value, error), gradients(graph, given, target), strict=True):
        assert torch.allclose(-found, wanted, atol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "relu", "residual", "depth"])
def test_one_full_step_per_layer_reaches_each_with_its_exact_gradient(name: str) -> None:
    """Z-IL (Song et al. 2020, NeurIPS): rate 1 from the forward pass; the layer that the wave has just reached learns then."""
    graph, (given, target) = GRAPHS[name](), task()
    wanted, depth = gradients(graph, given, target), len(graph.weights)
    start = graph.forward(given)
    start[graph.output] = target
    for layer in reversed(range(depth)):
        steps = depth - 1 - layer
        value, error = (
            infer(graph, Inference("pc", steps, 1.0), given, target) if steps else (start, errors(graph, start))
        )
        assert torch.allclose(-graph.local(value, error)[layer], wanted[layer], atol=1e-12)


def test_one_small_step_on_the_errors_points_along_the_gradient() -> None:
    graph, (given, target) = GRAPHS["tanh"](), task()
    value, error = infer(graph, Inference("epc", 1, 1e-6), given, target)
    hidden = zip(graph.local(value, error)[:-1], gradients(graph, given, target)[:-1], strict=True)
    for found, wanted in hidden:
        assert torch.allclose(-found / 1e-6, wanted, rtol=1e-4, atol=1e-6)


def test_errors_carried_back_are_the_derivatives_of_the_last_layer() -> None:
    graph, (given, target) = GRAPHS["residual"](), task()
    value = graph.forward(given)
    error = torch.zeros_like(value).requires_grad_()
    last = graph.forward(given, error)[graph.output]
    (wanted,) = torch.autograd.grad(last, error, grad_outputs=target)
    carried = backpropagated(graph, value, target)
    hidden = slice(SIZES[0], -SIZES[-1])
    assert torch.allclose(carried[hidden], wanted[hidden])


def test_the_scaling_for_depth_holds_hidden_values_where_the_standard_one_lets_them_grow() -> None:
    given = torch.randn(64, 200, generator=drawn(1))

    def last_hidden(depth: int, scaling: str) -> float:
        graph = Layered((64,) * (depth + 1), drawn(0), activation="linear", residual=True, scaling=scaling)
        return graph.forward(given)[graph.rows[-2]].std().item()

    assert last_hidden(64, "depth") < 2.0  # (1 + 1 / L)^(L / 2) -> e^(1/2) = 1.65, whatever the depth
    assert last_hidden(64, "depth") == pytest.approx(np.e**0.5, rel=0.15)
    assert last_hidden(64, "standard") > 1e6


@pytest.mark.parametrize("method", ["pc", "ipc", "epc", "backpropagation"])
def test_every_method_learns_a_small_regression(method: str) -> None:
    graph, teacher = Layered((4, 8, 8, 3), drawn(0)), Layered((4, 8, 3), drawn(9))
    given = torch.randn(4, 64, generator=drawn(1))
    target = teacher.forward(given)[teacher.output]
    optimiser = torch.optim.Adam(graph.weights, lr=0.01)
    rounds = 10 if method == "ipc" else 100
    curve = [learn(graph, Inference(method, 10, 0.2), optimiser, given, target) for _ in range(rounds)]
    assert curve[-1] < 0.2 * curve[0]


@pytest.mark.parametrize("method", ["pc", "ipc"])
def test_a_wiring_with_cycles_learns_what_another_of_its_kind_knows(method: str) -> None:
    graph, teacher = Wired(cyclic(feedback=False)), Wired(cyclic(feedback=False))
    teacher.weight.mul_(-1.0)
    given = torch.randn(2, 16, generator=drawn(1))
    target = teacher.forward(given)[teacher.output]
    optimiser = torch.optim.Adam(graph.weights, lr=0.03)
    rounds = 12 if method == "ipc" else 80
    curve = [learn(graph, Inference(method, 8, 0.2), optimiser, given, target) for _ in range(rounds)]
    assert curve[-1] < 0.4 * curve[0]


def test_a_wiring_has_no_order_to_carry_errors_along() -> None:
    graph = Wired(cyclic())
    for method in ("epc", "backpropagation"):
        with pytest.raises(RecipeError, match="needs layers in order"):
            infer(graph, Inference(method), torch.ones(2, 1), torch.ones(2, 1))


def test_wrong_words_and_numbers_are_refused_in_one_sentence() -> None:
    with pytest.raises(RecipeError, match="at least 1 step"):
        Inference("pc", 0)
    with pytest.raises(RecipeError, match="rate nan"):
        Inference("pc", 3, float("nan"))
    with pytest.raises(RecipeError, match="at least two layers"):
        Layered((4,), drawn(0))
    with pytest.raises(RecipeError, match="both input and output"):
        Wired(cyclic(), ("all",), ("output",))
    with pytest.raises(RecipeError, match="sweeps is 0"):
        Wired(cyclic(), sweeps=0)


def test_inference_that_runs_away_is_told() -> None:
    graph, (given, target) = GRAPHS["tanh"](), task()
    optimiser = torch.optim.SGD(graph.weights, lr=1e-3)
    with pytest.raises(Diverged, match="not finite"):
        learn(graph, Inference("pc", 300, 50.0), optimiser, given, target)

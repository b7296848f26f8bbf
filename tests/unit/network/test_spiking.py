"""Oracles: Brian2's spikes (scripts/brian2_spikes.py), closed forms, a matrix exponential, brute force, automatic derivatives."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from torch import Tensor

from anlage.errors import RecipeError, UnknownName
from anlage.network import Circuit, Firing, IntegrateAndFire, SpikingState, Wiring, fire, simulate
from anlage.network.volley import Volley
from anlage.topology import Topology

SHIU = IntegrateAndFire()
ALWAYS, NEVER = 1.1, 0.0  # shares of the edges below which events are walked


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def wired(
    n: int, *edges: tuple[int, int, float], input: tuple[int, ...] = (0,), neuron: IntegrateAndFire = SHIU
) -> Circuit:
    """A circuit from edges in post-major order; its weights are made by ``weights``."""
    pre, post, weight = (np.array(column) for column in zip(*edges, strict=True))
    return Circuit.of(Topology.of(n, pre, post, weight, groups={"input": np.array(input)}), ("input",), neuron)


def weights(*edges: tuple[int, int, float]) -> Tensor:
    return torch.tensor([weight for *_, weight in edges], dtype=torch.float64)


def rows(firing: Firing, sequence: int) -> np.ndarray:
    mine = firing.sequence == sequence
    return torch.stack([firing.step[mine], firing.neuron[mine]], 1).numpy()


@pytest.fixture(scope="module")
def brian2() -> dict[str, np.ndarray]:
    """1,000 neurons, 20,000 edges of heavy-tailed synapse counts, 30% of neurons inhibitory, 250 ms; what Brian2 2.9 found."""
    with np.load(Path(__file__).with_name("brian2_spikes.npz")) as kept:
        return {name: array.astype(np.int64) for name, array in kept.items()}


def heavy(brian2: dict[str, np.ndarray], event_share: float) -> tuple[Circuit, Tensor]:
    groups = {"input": np.arange(50)}
    count = brian2["count"].astype(float)
    topology = Topology.of(1_000, brian2["pre"], brian2["post"], count, groups=groups)
    return replace(Circuit.of(topology, ("input",)), event_share=event_share), torch.from_numpy(topology.weight)


def drawn(brian2: dict[str, np.ndarray]) -> Tensor:
    spikes = torch.zeros(2_500, 50, 3, dtype=torch.bool)
    for seed in range(3):
        spikes[*brian2[f"input{seed}"].T, seed] = True
    return spikes


@pytest.mark.parametrize("event_share", [ALWAYS, NEVER])
def test_every_spike_is_where_brian2_has_it_for_three_poisson_inputs(
    brian2: dict[str, np.ndarray], event_share: float
) -> None:
    circuit, weight = heavy(brian2, event_share)
    firing = simulate(circuit, weight, spikes=drawn(brian2))
    for seed in range(3):
        assert len(brian2[f"fired{seed}"]) > 10_000 and len(np.unique(brian2[f"fired{seed}"][:, 1])) > 800
        np.testing.assert_array_equal(rows(firing, seed), brian2[f"fired{seed}"])


def test_every_spike_is_where_brian2_has_it_for_a_constant_current(brian2: dict[str, np.ndarray]) -> None:
    circuit, weight = heavy(brian2, 0.05)
    firing = simulate(circuit, weight, current_mv=torch.full((2_500, 50, 1), 12.0))
    assert len(brian2["fired_by_current"]) > 1_000
    np.testing.assert_array_equal(rows(firing, 0), brian2["fired_by_current"])


def test_single_precision_gives_the_same_spikes_both_ways_and_nearly_those_of_brian2(
    brian2: dict[str, np.ndarray],
) -> None:
    """Sums of whole numbers are exact in any order; the potentials are rounded, and a spike may move by one step."""
    found = []
    for event_share in (ALWAYS, NEVER):
        circuit, weight = heavy(brian2, event_share)
        found.append(simulate(circuit, weight.float(), spikes=drawn(brian2)[:1_000]))
    for seed in range(3):
        np.testing.assert_array_equal(*(rows(firing, seed) for firing in found))
        wanted = {(step, neuron) for step, neuron in brian2[f"fired{seed}"] if step < 1_000}
        assert len(wanted) > 3_000 and len(wanted & {*map(tuple, rows(found[0], seed))}) > 0.99 * len(wanted)


@pytest.mark.parametrize("taus", [(20.0, 5.0), (5.0, 20.0), (7.0, 7.0), (7.0, 7.0 * (1 + 1e-5))])
def test_one_step_is_the_matrix_exponential_of_the_two_equations(taus: tuple[float, float]) -> None:
    slow, fast = taus
    neuron = IntegrateAndFire(membrane_tau_ms=slow, synapse_tau_ms=fast, step_ms=0.2, refractory_ms=2.2)
    exact = expm(0.2 * np.array([[-1 / slow, 1 / slow], [0, -1 / fast]]))
    np.testing.assert_allclose([[neuron.keep, neuron.pull], [0, neuron.synapse_keep]], exact, rtol=1e-9)


def test_a_constant_current_makes_the_neuron_fire_at_the_times_of_the_closed_form() -> None:
    """``v(t) = I (1 - exp(-t / tau))`` passes 7 mV, and again 7 mV after each refractory period, which holds 21 steps."""
    edge = (0, 1, 0.0)
    current = torch.full((2_000, 1, 1), 10.0, dtype=torch.float64)
    firing = simulate(wired(2, edge), weights(edge), current_mv=current)
    climb = math.floor(-20.0 * math.log(1 - 7 / 10) / 0.1) + 1  # steps integrated until above the threshold
    assert firing.step.tolist() == list(range(climb - 1, 2_000, 21 + climb)) and not firing.neuron.any()
    assert firing.rate_hz()[:, 0].tolist() == [len(firing.step) / 0.2, 0.0]


def potential(edge: tuple[int, int, float], n_steps: int) -> Tensor:
    """Potential of neuron 1 after each step, where neuron 0 receives one input spike in step 0, and so fires in step 1."""
    circuit, spikes = wired(2, edge), torch.zeros(1, 1, 1, dtype=torch.float64)
    state, seen = SpikingState.rest(circuit, 1, weights(edge)), []
    for n in range(n_steps):
        _, state = fire(circuit, weights(edge), state, spikes=spikes + (n == 0))
        seen.append(state.potential[1, 0])
    return torch.stack(seen)


def bump(ms: np.ndarray) -> np.ndarray:
    """Potential per mV of synaptic drive, ``ms`` after it arrived."""
    return 5 / (20 - 5) * (np.exp(-ms / 20) - np.exp(-ms / 5)) * (ms > 0)


def test_one_spike_lands_after_the_delay_and_raises_the_potential_by_the_closed_form() -> None:
    """Fired in step 1, arrived at the end of step 19: the potential has moved for the first time after step 20."""
    ms = 0.1 * (np.arange(60) - (1 + 18))
    np.testing.assert_allclose(potential((0, 1, -40.0), 60), -40 * 0.275 * bump(ms), rtol=1e-9, atol=1e-12)


def test_what_reaches_a_refractory_neuron_is_lost_and_what_comes_right_after_is_not() -> None:
    """Neuron 1 is made to fire in step 1; the spike of neuron 0 arrives ``delay`` later, in its last silent step or the next."""
    edge = (0, 1, 20.0)
    for delay_ms, arrives in ((2.1, False), (2.2, True)):
        circuit = wired(2, edge, input=(0, 1), neuron=replace(SHIU, delay_ms=delay_ms))
        state = SpikingState.rest(circuit, 1, weights(edge))
        current = torch.zeros(30, 2, 1, dtype=torch.float64)
        current[1] = 1e4
        fired, state = fire(circuit, weights(edge), state, current_mv=current)
        assert fired.nonzero().tolist() == [[1, 0, 0], [1, 1, 0]]
        assert bool(state.synaptic[1, 0] > 0) == arrives


def random_six(seed: int, n_edges: int = 20) -> tuple[Circuit, Tensor]:
    rng = np.random.default_rng(seed)
    key = np.sort(rng.choice(36, n_edges, replace=False))
    topology = Topology.of(
        6, key % 6, key // 6, 60 + 80 * rng.normal(size=n_edges), groups={"input": np.array([0, 1, 3])}
    )
    return Circuit.of(topology, ("input",)), torch.from_numpy(topology.weight)


@pytest.mark.parametrize("batch", [1, 4])
def test_spikes_cross_their_edges_as_in_the_dense_product_by_events_and_all_at_once(batch: int) -> None:
    circuit, weight = random_six(0)
    wiring = circuit.wiring
    dense = np.zeros((6, 6))
    for post in range(6):
        for edge in range(int(wiring.post_start[post]), int(wiring.post_start[post + 1])):
            dense[post, int(wiring.pre[edge])] = weight[edge]
    spikes = torch.rand(6, batch, generator=generator()) < 0.5
    fired = spikes.flatten().nonzero().squeeze(1)
    for event_share in (ALWAYS, NEVER):
        arrived = Volley(wiring, weight, event_share)(fired, batch)
        np.testing.assert_allclose(arrived.numpy(), dense @ spikes.double().numpy(), rtol=1e-12)
    silent = Volley(wiring, weight, ALWAYS)(fired[:0], batch)
    assert silent.shape == (6, batch) and not silent.any()


def test_events_are_walked_while_few_fire_and_never_when_the_share_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six neurons with 20 edges; neuron 0 has some of them."""
    circuit, weight = random_six(0)
    n_out = int(circuit.wiring.pre_start[1])
    assert 0 < n_out < 20
    walked = []
    monkeypatch.setattr(Wiring, "transposed", lambda self, w: (walked.append(1), w[self.by_pre])[1])
    for share, walks in (((n_out + 0.5) / 20, 1), ((n_out - 0.5) / 20, 0), (NEVER, 0)):
        walked.clear()
        Volley(circuit.wiring, weight, share)(torch.tensor([0]), 1)
        assert len(walked) == walks


class Hard(torch.autograd.Function):
    """A spike forward, the SuperSpike slope backward."""

    @staticmethod
    def forward(ctx: object, over: Tensor) -> Tensor:
        ctx.save_for_backward(over)  # type: ignore[attr-defined]
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        (over,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient / (1 + over.abs()) ** 2


def soft(over: Tensor) -> Tensor:
    """The fast sigmoid, whose derivative is that slope."""
    return 0.5 * (1 + over / (1 + over.abs()))


def plainly(
    dense: Tensor, current: Tensor, spikes: Tensor, sends: Callable[[Tensor], Tensor], delay: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Six neurons written out, in absolute potentials and times. With ``soft``, what is sent is smooth and what resets is not."""
    place = torch.zeros(6, 3, dtype=torch.float64)
    place[[0, 1, 3], [0, 1, 2]] = 1
    v, g = torch.full((6, current.shape[2]), -52.0, dtype=torch.float64), torch.zeros(6, current.shape[2]).double()
    last, sent = torch.full(v.shape, -1000), []
    for n in range(len(current)):
        aim = -52 + place @ current[n]
        free = n - last >= 22
        v = aim + (v - aim) * math.exp(-0.1 / 20) + g / 3 * (math.exp(-0.1 / 20) - math.exp(-0.1 / 5))
        g = g * math.exp(-0.1 / 5)
        sent.append(sends(v + 45) * free)
        fired = (v > -45) & free
        if n >= delay:
            g = g + 0.275 * dense @ sent[n - delay]
        v = v + 250 * 0.275 * place @ spikes[n]
        last[fired] = n
        still = n - last < 22
        v, g = torch.where(still, -52.0, v), torch.where(still, 0.0, g)
    return torch.stack(sent), v + 52, g


def probe_loss(sent: Tensor, v: Tensor, g: Tensor) -> Tensor:
    """A loss in which every spike and the last potentials and drives count differently."""
    weight = torch.linspace(-1, 2, sent.numel(), dtype=torch.float64).view_as(sent)
    return (sent * weight.sin()).sum() + (v * weight[0]).sum() + (g * weight[-1].cos()).sum()


def pushed(n_steps: int, batch: int) -> tuple[Tensor, Tensor]:
    current = 80 * torch.rand(n_steps, 3, batch, dtype=torch.float64, generator=generator(1)) - 3
    return current.requires_grad_(), torch.zeros(n_steps, 3, batch, dtype=torch.float64)


def matrix(circuit: Circuit, weight: Tensor) -> Tensor:
    post = torch.repeat_interleave(torch.arange(6), circuit.wiring.post_start.diff())
    return torch.zeros(6, 6, dtype=weight.dtype).index_put((post, circuit.wiring.pre.long()), weight)


def test_the_smoothed_model_written_out_has_the_gradient_of_its_finite_differences() -> None:
    circuit, weight = random_six(0)
    current, spikes = pushed(80, 1)
    held = torch.arange(80) % 40 != 0  # few of the currents vary, or the differences take minutes
    few = current.detach()[~held].requires_grad_()

    def loss(w: Tensor, varied: Tensor) -> Tensor:
        flows = current.detach().index_put((~held,), varied)
        return probe_loss(*plainly(matrix(circuit, w), flows, spikes, soft, 18))

    assert torch.autograd.gradcheck(loss, (weight.requires_grad_(), few), eps=1e-5, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("delay", [0, 18])
def test_the_gradient_is_that_of_automatic_differentiation_with_the_surrogate_in_place_of_the_slope(delay: int) -> None:
    circuit, weight = random_six(0)
    circuit = replace(circuit, neuron=replace(SHIU, delay_ms=0.1 * delay))
    current, _ = pushed(200, 2)
    weight.requires_grad_()
    sent, v, g = plainly(matrix(circuit, weight), current, torch.zeros(200, 3, 2).double(), Hard.apply, delay)
    fired, state = fire(circuit, weight, SpikingState.rest(circuit, 2, weight), current_mv=current)
    assert fired.sum() > 20 and (fired.sum((0, 2)) > 0).sum() == 5
    assert torch.equal(fired, sent.detach())
    torch.testing.assert_close(state.potential, v, rtol=1e-9, atol=1e-9)
    leaves = (weight, current)
    mine = torch.autograd.grad(probe_loss(fired, state.potential, state.synaptic), leaves)
    other = torch.autograd.grad(probe_loss(sent, v, g), leaves)
    for one, two in zip(mine, other, strict=True):
        assert two.abs().max() > 1e-3
        torch.testing.assert_close(one, two, rtol=1e-8, atol=1e-10)


def test_the_gradient_of_two_neurons_is_the_closed_form() -> None:
    """Neuron 0 fires in step 1 because of an input spike in step 0; neuron 1 never fires; the loss is its spike in step 60.

    To the weight: the bump of 60 - 19 steps, times the slope. To the input spike: through the slope of neuron 0 in step 1.
    """
    edge, spikes = (0, 1, 30.0), torch.zeros(61, 1, 1, dtype=torch.float64)
    spikes[0] = 1
    circuit, weight = wired(2, edge), weights(edge).requires_grad_()
    fired, _ = fire(circuit, weight, SpikingState.rest(circuit, 1, weight), spikes=spikes.requires_grad_())
    assert fired.detach().nonzero().tolist() == [[1, 0, 0]]
    to_weight, to_spikes = torch.autograd.grad(fired[60, 1, 0], (weight, spikes))
    per_synapse = 0.275 * float(bump(np.array(4.1)))
    slope = 1 / (1 + (7 - 30 * per_synapse)) ** 2
    assert to_weight.item() == pytest.approx(per_synapse * slope, rel=1e-10)
    keep, jump = math.exp(-0.1 / 20), 250 * 0.275
    by_neuron_0 = jump * keep / (1 + abs(jump * keep - 7)) ** 2
    assert to_spikes[0].item() == pytest.approx(by_neuron_0 * 30 * per_synapse * slope, rel=1e-10)
    # An input spike in step 20 would have arrived when neuron 0 was at rest, and its own spike at the end of step 39.
    by_neuron_0 = jump * keep / (1 + 7) ** 2
    late = sum(  # its potential decays on and on, and each step could have been the one in which it fired
        jump * keep**k / (1 + 7) ** 2 * 30 * 0.275 * float(bump(np.array(0.1 * (60 - 20 - k - 18))))
        for k in range(1, 22)
    )
    assert to_spikes[20].item() == pytest.approx(late * slope, rel=1e-10)


def test_going_on_from_a_state_is_the_same_as_never_having_stopped_in_values_and_gradients() -> None:
    circuit, weight = random_six(0)
    weight.requires_grad_()
    current, _ = pushed(100, 2)
    whole, last = fire(circuit, weight, SpikingState.rest(circuit, 2, weight), current_mv=current)
    state, parts = SpikingState.rest(circuit, 2, weight), []
    for part in torch.split(current, [7, 33, 60]):  # the first is shorter than the delay
        fired, state = fire(circuit, weight, state, current_mv=part)
        parts.append(fired)
    assert torch.equal(torch.cat(parts), whole) and torch.equal(state.waiting, last.waiting)
    assert torch.equal(state.travelling, last.travelling) and whole[-18:].any()
    one, two = (
        torch.autograd.grad(probe_loss(fired, s.potential, s.synaptic), (weight, current))
        for fired, s in ((whole, last), (torch.cat(parts), state))
    )
    for mine, other in zip(one, two, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)


def test_a_simulation_reports_the_spikes_that_the_differentiable_run_has() -> None:
    circuit, weight = random_six(0)
    current, _ = pushed(150, 3)
    fired, state = fire(circuit, weight, SpikingState.rest(circuit, 3, weight), current_mv=current)
    firing = simulate(circuit, weight, current_mv=current.detach())
    assert torch.equal(firing.dense(), fired.bool())
    torch.testing.assert_close(firing.rate_hz(), fired.sum(0) / 0.015)
    assert torch.equal(state.activity, fired.sum(0).T)
    assert repr(firing) == f"<Firing: {int(fired.sum())} spikes of 6 neurons in 15 ms, 3 sequences>"


def test_poisson_input_has_its_rate_and_its_targets_fire_as_often() -> None:
    """A rate of 150 Hz is 0.015 spikes per step; every input spike makes its neuron fire in the next step, refractory or not."""
    edge = (0, 1, 0.0)
    spikes = SHIU.poisson(150.0, (20_000, 1, 20), generator())
    mean, error = 0.015, math.sqrt(0.015 * 0.985 / spikes.numel())
    assert abs(spikes.double().mean().item() - mean) < 4 * error
    assert torch.equal(spikes, SHIU.poisson(150.0, (20_000, 1, 20), generator()))
    assert (spikes[1:] & spikes[:-1]).any()  # otherwise the refractory period would not be put to the test
    part = spikes[:400]
    fired = simulate(wired(2, edge), weights(edge), spikes=part).dense()[:, 0]
    # A spike that arrives in the step in which its neuron fires is lost, here as in Brian2.
    expected = torch.zeros_like(fired)
    for n in range(1, 400):
        expected[n] = part[n - 1, 0] & ~expected[n - 1]
    assert torch.equal(fired, expected)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"membrane_tau_ms": 0.0}, "membrane_tau_ms is 0.0, but must be above 0"),
        ({"step_ms": -0.1}, "step_ms is -0.1, but must be above 0"),
        ({"rest_mv": math.nan}, "rest_mv is nan, but must be a finite number"),
        ({"threshold_mv": -52.0}, "or neurons fire at every step"),
        ({"rest_mv": -40.0}, "or neurons fire at every step"),
        (
            {"delay_ms": 1.85},
            "delay_ms is 1.85 ms, but must be a whole number of time steps of 0.1 ms, for example 1.8 ms",
        ),
        ({"refractory_ms": -1.0}, "refractory_ms is -1.0 ms"),
        (
            {"step_ms": 1.0},
            "refractory_ms is 2.2 ms, but must be a whole number of time steps of 1.0 ms, for example 2 ms",
        ),
    ],
)
def test_impossible_constants_are_refused_in_one_sentence(change: dict[str, float], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        IntegrateAndFire(**change)


def test_impossible_input_is_refused_in_one_sentence() -> None:
    edge = (0, 1, 1.0)
    circuit, weight = wired(2, edge), weights(edge)
    with pytest.raises(RecipeError, match=r"shape none, but needs one number per step, input neuron \(1\)"):
        simulate(circuit, weight)
    with pytest.raises(RecipeError, match=r"\[\(5, 2, 1\)\], but needs one number per step"):
        simulate(circuit, weight, current_mv=torch.zeros(5, 2, 1))
    with pytest.raises(RecipeError, match="A rate of 20000"):
        SHIU.poisson(20_000.0, (1, 1, 1), generator())
    with pytest.raises(UnknownName, match="did you mean 'input'"):
        Circuit.of(
            Topology.of(2, np.array([0]), np.array([1]), np.ones(1), groups={"input": np.array([0])}), ("imput",)
        )

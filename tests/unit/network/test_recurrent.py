import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.connectome.library import load
from anlage.errors import RecipeError, TopologyError, UnknownName
from anlage.network import Encoder, Leaky, Physiology, RecurrentNetwork, Wiring, budget, live, scale
from anlage.network.crossing import KernelCrossing
from anlage.network.network import Network
from anlage.network.port import linear
from anlage.topology import Topology, build
from anlage.trace import Episode

LATENT, BATCH, TIME = 3, 4, 5
PLASTICITIES = ("frozen", "signed", "free")


def topology() -> Topology:
    """Six neurons; ports share neuron 2, and one edge has weight zero."""
    rng = np.random.default_rng(0)
    pairs = rng.choice(36, size=16, replace=False)
    weight = rng.normal(size=16)
    weight[5] = 0.0
    groups = {"input": np.array([0, 1, 2]), "output": np.array([2, 4, 5])}
    return Topology.of(6, pairs // 6, pairs % 6, weight, groups=groups)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(plasticity: str = "signed", activation: str = "tanh", seed: int = 0, ticks: int = 2) -> RecurrentNetwork:
    physiology = Physiology(Leaky(0.5, activation), ticks, plasticity)
    return RecurrentNetwork(topology(), ("input",), ("output",), LATENT, physiology, generator(seed)).double()


def embeddings(batch: int = BATCH, seed: int = 1) -> Tensor:
    return torch.randn(batch, TIME, LATENT, dtype=torch.float64, generator=generator(seed))


def stepped(made: RecurrentNetwork, embedding: Tensor) -> tuple[Tensor, Tensor]:
    state, states, predictions = made.start(len(embedding)), [], []
    for t in range(embedding.shape[1]):
        state, prediction = made.step(state, embedding[:, t])
        states.append(state.activity)
        predictions.append(prediction)
    return torch.stack(states, 1), torch.stack(predictions, 1)


def test_the_recurrent_network_satisfies_the_protocol() -> None:
    assert isinstance(network(), Network)


@pytest.mark.parametrize("plasticity", PLASTICITIES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_unrolling_equals_repeated_steps_in_values_and_in_every_gradient(plasticity: str, activation: str) -> None:
    """From silence most currents of the first tick are exactly 0, where relu has no slope: both must choose the same, 0."""
    made, results = network(plasticity, activation), []
    for run in (lambda x: made.unroll(x), lambda x: stepped(made, x)):
        embedding = embeddings().requires_grad_()
        states, predictions = run(embedding)
        loss = predictions.square().mean() + (states * torch.arange(6)).sin().mean()
        leaves = [embedding, *(p for p in made.parameters() if p.requires_grad)]
        results.append((states, predictions, *torch.autograd.grad(loss, leaves)))
    assert len(results[0]) == (7 if plasticity == "frozen" else 9)
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-13)


def test_one_step_from_silence_equals_the_formula_written_out() -> None:
    made, embedding = network(ticks=1), embeddings()[:, 0]
    drive = torch.zeros(BATCH, 6, dtype=torch.float64)
    drive[:, [0, 1, 2]] = embedding @ made.ports.into.weight.T + made.ports.into.bias
    first = 0.5 * torch.tanh(drive)
    matrix = torch.from_numpy(topology().dense())
    second = 0.5 * first + 0.5 * torch.tanh(first @ matrix.T + drive)
    state, _ = made.step(made.start(BATCH), embedding)
    torch.testing.assert_close(state.activity, first)
    state, prediction = made.step(state, embedding)
    # Weights start in the default format, float32, so they agree with the float64 topology to that precision.
    torch.testing.assert_close(state.activity, second, rtol=1e-6, atol=1e-7)
    read = state.activity[:, [2, 4, 5]] @ made.ports.out.weight.T + made.ports.out.bias
    torch.testing.assert_close(prediction, read)


def test_a_sequence_runs_the_same_alone_as_in_a_batch() -> None:
    made, embedding = network(), embeddings()
    states, predictions = made.unroll(embedding)
    for i in range(BATCH):
        alone = made.unroll(embedding[i : i + 1])
        torch.testing.assert_close(alone[0][0], states[i], rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(alone[1][0], predictions[i], rtol=1e-12, atol=1e-14)


def test_a_frozen_network_trains_its_ports_and_nothing_of_its_wiring() -> None:
    made = network("frozen")
    trained = {name for name, p in made.named_parameters() if p.requires_grad}
    assert trained == {"ports.into.weight", "ports.into.bias", "ports.out.weight", "ports.out.bias"}
    assert {"weight", "bias"} <= set(made.state_dict())


def learn(made: RecurrentNetwork, steps: int = 30) -> None:
    optimiser = torch.optim.SGD(made.parameters(), lr=2.0)
    for _ in range(steps):
        _, predictions = made.unroll(embeddings())
        loss = (predictions[:, :-1] - embeddings()[:, 1:]).square().mean() + made.effective_weight().sum() * 0.05
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def test_signed_weights_keep_their_sign_however_far_they_learn_and_free_ones_need_not() -> None:
    start = np.sign(topology().weight)
    signed, free, frozen = network("signed"), network("free"), network("frozen")
    for made in (signed, free, frozen):
        learn(made)
    signs = np.sign(signed.effective_weight().detach().numpy())
    assert (signs * start >= 0).all() and (np.sign(signed.weight.detach().numpy()) != start).any()
    assert (np.sign(free.effective_weight().detach().numpy()) != start).any()
    np.testing.assert_array_equal(frozen.effective_weight().numpy(), topology().weight.astype(np.float32))


def test_an_edge_of_weight_zero_has_no_sign_to_keep_and_stays_at_zero_unless_free() -> None:
    zero = topology().weight == 0
    assert zero.sum() == 1
    signed, free = network("signed"), network("free")
    learn(signed, 3)
    learn(free, 3)
    assert (signed.effective_weight().detach().numpy()[zero] == 0).all()
    assert (free.effective_weight().detach().numpy()[zero] != 0).all()


def test_the_same_generator_gives_the_same_start_and_another_one_another() -> None:
    one, same, other = network(seed=3), network(seed=3), network(seed=4)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.ports.into.weight, other.ports.into.weight)


def test_a_linear_map_starts_with_the_stated_variance_and_without_bias() -> None:
    layer = linear(50, 4000, generator())
    assert layer.weight.var().item() == pytest.approx(1 / 50, rel=0.02)
    assert layer.weight.abs().max() <= (3 / 50) ** 0.5 and not layer.bias.any()


def test_living_through_an_episode_gives_what_was_seen_predicted_and_active() -> None:
    encoder = Encoder(7, LATENT, generator())
    made = RecurrentNetwork(topology(), ("input",), ("output",), LATENT, Physiology(), generator())
    episode = Episode({"image": torch.randn(2, TIME, 7, generator=generator())})
    trace = live(made, encoder, episode, "image")
    assert trace.embedding.shape == (2, TIME, LATENT) and trace.state.shape == (2, TIME, 6) and trace.episode is episode
    torch.testing.assert_close(trace.embedding, episode.observation["image"] @ encoder.map.weight.T + encoder.map.bias)
    torch.testing.assert_close(trace.prediction, made.unroll(trace.embedding)[1])


def test_the_budget_of_three_neurons_counted_by_hand() -> None:
    """In: 5 -> 2 numbers, onto 1 neuron; 4 edges crossed 3 times per observation; out: from 2 neurons to 2 numbers."""
    pre, post = np.array([0, 1, 2, 1]), np.array([1, 2, 0, 1])
    groups = {"input": np.array([0]), "output": np.array([1, 2])}
    three = Topology.of(3, pre, post, np.ones(4), groups=groups)
    encoder = Encoder(5, 2, generator())
    ports = (5 * 2 + 2) + (2 * 1 + 1) + (2 * 2 + 2)
    for plasticity, trained, frozen in (("frozen", ports, 4 + 3), ("signed", ports + 4 + 3, 0), ("free", ports + 7, 0)):
        made = RecurrentNetwork(three, ("input",), ("output",), 2, Physiology(Leaky(), 3, plasticity), generator())
        cost = budget(encoder, made)
        assert (cost.trained_parameters, cost.frozen_parameters) == (trained, frozen)
        assert cost.multiply_adds == 5 * 2 + 2 * 1 + 2 * 2 + 3 * 4
        assert cost.state_bytes == 3 * 4


def test_scaling_brings_the_dense_spectral_radius_to_the_stated_value() -> None:
    wiring = build(load("worm-witvliet-8"))
    scaled, point = scale(wiring, 0.9)
    assert np.abs(np.linalg.eigvals(scaled.dense())).max() == pytest.approx(0.9, rel=1e-9)
    assert point.by == "spectral radius"
    assert point.before == pytest.approx(np.abs(np.linalg.eigvals(wiring.dense())).max(), rel=1e-9)
    np.testing.assert_allclose(scaled.weight, wiring.weight * point.factor)
    assert scaled.history[-1].function == "scale"


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_a_wiring_without_cycles_is_scaled_by_its_largest_singular_value(unit: float) -> None:
    chain = Topology.of(3, np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([1.0, -2.0, 3.0]) * unit)
    scaled, point = scale(chain, 0.9)
    assert point.by == "largest singular value"
    assert np.linalg.svd(scaled.dense(), compute_uv=False)[0] == pytest.approx(0.9)
    ring = Topology.of(2, np.array([0, 1]), np.array([1, 0]), np.array([1.0, 4.0]) * unit)
    scaled, point = scale(ring, 0.9)
    assert point.by == "spectral radius" and point.before == pytest.approx(2.0 * unit)


def test_two_neurons_with_one_edge_can_be_scaled() -> None:
    scaled, _ = scale(Topology.of(2, np.array([0]), np.array([1]), np.array([-4.0])), 0.5)
    assert scaled.weight.tolist() == [-0.5]


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf")])
def test_a_radius_that_is_not_a_positive_number_is_refused(radius: float) -> None:
    with pytest.raises(TopologyError, match="must be a positive number"):
        scale(topology(), radius)


@pytest.mark.parametrize("n_edges", [0, 2])
def test_a_wiring_without_any_weight_has_no_operating_point(n_edges: int) -> None:
    nothing = Topology.of(3, np.arange(n_edges), np.arange(n_edges) + 1, np.zeros(n_edges))
    with pytest.raises(TopologyError, match="no operating point"):
        scale(nothing, 0.9)


def test_impossible_physiologies_and_unknown_ports_are_refused() -> None:
    with pytest.raises(RecipeError, match="at least 1"):
        Physiology(ticks=0)
    with pytest.raises(UnknownName, match="did you mean 'input'"):
        RecurrentNetwork(topology(), ("imput",), ("output",), LATENT, Physiology(), generator())


def test_a_whole_optic_lobe_learns_without_a_dense_matrix_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix of 45,669 x 45,669 would take 8 GB in float32; whoever makes one here notices."""

    def refuse(self: Tensor, *arguments: object) -> Tensor:
        raise AssertionError("something asked for a dense matrix")

    for method in ("to_dense", "dense"):
        monkeypatch.setattr(Tensor, method, refuse, raising=False)
    monkeypatch.setattr(Topology, "dense", refuse)
    monkeypatch.setattr(Wiring, "transposed", torch_path := Counted(Wiring.transposed))
    monkeypatch.setattr(KernelCrossing, "_by_presynaptic", kernels := Counted(KernelCrossing._by_presynaptic))
    wiring = build(load("optic-lobe"))
    made = RecurrentNetwork(wiring, ("input",), ("output",), LATENT, Physiology(), generator())
    _, predictions = made.unroll(torch.randn(2, 3, LATENT, generator=generator()))
    predictions.square().mean().backward()
    assert wiring.n_neurons == 45_669 and made.weight.grad is not None and bool(made.weight.grad.isfinite().all())
    assert torch_path.calls + kernels.made == 1


class Counted:
    """A method that counts its calls: the transpose must be laid out once per set of weights, not once per step."""

    def __init__(self, method: object) -> None:
        self.method, self.calls, self.results = method, 0, {}

    @property
    def made(self) -> int:
        """Different things that it returned."""
        return len(self.results)

    def __get__(self, instance: object, owner: type) -> object:
        def call(*arguments: object) -> object:
            self.calls += 1
            found = self.method(instance, *arguments)
            self.results[id(found)] = found
            return found

        return call

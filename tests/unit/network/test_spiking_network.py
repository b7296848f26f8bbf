import math

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.connectome.library import load
from anlage.errors import RecipeError
from anlage.network import Encoder, IntegrateAndFire, Network, SpikingNetwork, SpikingPhysiology, fire, live
from anlage.testing import check_network
from anlage.topology import Topology, build
from anlage.trace import Episode

LATENT = 3
COARSE = IntegrateAndFire(step_ms=0.5, refractory_ms=2.0, delay_ms=2.0)


def topology() -> Topology:
    """Six neurons, some edges inhibitory, one of weight zero."""
    rng = np.random.default_rng(0)
    key = np.sort(rng.choice(36, size=16, replace=False))
    weight = 100 + 150 * rng.normal(size=16)
    weight[5] = 0.0
    groups = {"input": np.array([0, 1, 2]), "output": np.array([2, 4, 5])}
    return Topology.of(6, key // 6, key % 6, weight, groups=groups)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(plasticity: str = "signed", observation_ms: float = 20.0) -> SpikingNetwork:
    physiology = SpikingPhysiology(COARSE, observation_ms, plasticity=plasticity)
    return SpikingNetwork(topology(), ("input",), ("output",), LATENT, physiology, generator())


def embeddings(batch: int = 4, time: int = 5) -> Tensor:
    return 2 * torch.randn(batch, time, LATENT, generator=generator(1))


@pytest.mark.parametrize("plasticity", ["frozen", "signed", "free"])
def test_the_spiking_network_keeps_the_contract_of_networks(plasticity: str) -> None:
    made = network(plasticity, observation_ms=30.0)
    assert isinstance(made, Network)
    check_network(made, LATENT)


def test_unrolling_equals_repeated_steps_in_every_gradient() -> None:
    made, results = network().double(), []
    for stepwise in (False, True):
        embedding = embeddings().double().requires_grad_()
        counts, predictions = stepped(made, embedding) if stepwise else made.unroll(embedding)
        loss = predictions.square().mean() + (counts * torch.arange(6)).sin().mean()
        results.append((counts, predictions, *torch.autograd.grad(loss, [embedding, *made.parameters()])))
    assert len(results[0]) == 2 + 1 + 5 and results[0][0].sum() > 20
    for mine, other in zip(*results, strict=True):
        assert mine.any()
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)


def stepped(made: SpikingNetwork, embedding: Tensor) -> tuple[Tensor, Tensor]:
    state, counts, predictions = made.start(len(embedding)), [], []
    for t in range(embedding.shape[1]):
        state, prediction = made.step(state, embedding[:, t])
        counts.append(state.activity)
        predictions.append(prediction)
    return torch.stack(counts, 1), torch.stack(predictions, 1)


def test_an_embedding_flows_in_as_a_current_and_spike_counts_are_read() -> None:
    made, embedding = network(), embeddings()
    current = 35.0 * (embedding[:, 0] @ made.ports.into.weight.T + made.ports.into.bias).T
    fired, _ = fire(made.circuit, made.effective_weight(), made.start(4), current_mv=current.expand(40, 3, 4))
    state, prediction = made.step(made.start(4), embedding[:, 0])
    assert fired.any() and torch.equal(state.activity, fired.sum(0).T)
    torch.testing.assert_close(prediction, state.activity[:, [2, 4, 5]] @ made.ports.out.weight.T + made.ports.out.bias)


def test_a_drive_of_one_makes_a_neuron_fire_at_about_150_hz() -> None:
    """Closed form of the period: 2.2 ms of silence and ``20 ms * ln(35 / 28)`` of climbing, in whole steps."""
    physiology = SpikingPhysiology(observation_ms=100.0)
    made = SpikingNetwork(topology(), ("input",), ("output",), LATENT, physiology, generator())
    with torch.no_grad():
        made.ports.into.weight.zero_()
        made.ports.into.bias.fill_(1.0)
        made.weight.zero_()
        state, _ = made.step(made.start(1), torch.zeros(1, LATENT))
    period = 21 + math.ceil(20 * math.log(35 / 28) / 0.1)
    assert state.activity[0].tolist() == [len(range(period - 22, 1_000, period))] * 3 + [0] * 3
    assert 1e4 / period == pytest.approx(150, rel=0.02)


def learn(made: SpikingNetwork, steps: int) -> tuple[float, float]:
    """The loss before and after learning to predict the next embedding of one batch."""
    optimiser = torch.optim.Adam(made.parameters(), lr=0.2)
    losses = []
    for _ in range(steps):
        _, predictions = made.unroll(embeddings())
        loss = (predictions[:, :-1] - embeddings()[:, 1:]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


def test_weights_and_interface_learn_and_signed_weights_keep_their_sign() -> None:
    before = np.sign(topology().weight)
    made = network("signed")
    with torch.no_grad():
        made.weight.mul_(0.01)  # close to 0, so that free weights would change sign
    first, last = learn(made, 15)
    assert last < 0.9 * first
    after = made.effective_weight().detach().numpy()
    assert (np.sign(after) * before >= 0).all() and (after[before == 0] == 0).all()
    assert (np.sign(made.weight.detach().numpy()) != before).any()
    frozen = network("frozen")
    learn(frozen, 3)
    np.testing.assert_array_equal(frozen.effective_weight().numpy(), topology().weight.astype(np.float32))
    assert {name.split(".")[0] for name, _ in frozen.named_parameters()} == {
        "ports"
    } and "weight" in frozen.state_dict()


def test_the_gradient_alone_teaches_the_wiring_to_fire_an_output_neuron() -> None:
    """Only the weights learn: neuron 1 drives neuron 2, at first too weakly to make it fire."""
    chain = Topology.of(
        3,
        np.array([0, 1]),
        np.array([1, 2]),
        np.array([100.0, 80.0]),
        groups={"input": np.array([0]), "output": np.array([2])},
    )
    physiology = SpikingPhysiology(COARSE, observation_ms=30.0)
    made = SpikingNetwork(chain, ("input",), ("output",), 2, physiology, generator())
    with torch.no_grad():
        made.ports.into.bias.fill_(1.5)
    optimiser = torch.optim.Adam([made.weight], lr=10.0)
    fired = []
    for _ in range(15):
        counts, _ = made.unroll(torch.zeros(1, 1, 2))
        fired.append(int(counts[0, 0, 2]))
        optimiser.zero_grad()
        (counts[0, 0, 2] - 2).square().backward()
        optimiser.step()
    assert fired[0] == 0 and fired[-1] == 2


def test_a_mushroom_body_lives_through_an_episode() -> None:
    wiring = build(load("mushroom-body-left"))
    encoder = Encoder(7, LATENT, generator())
    made = SpikingNetwork(wiring, ("input",), ("output",), LATENT, SpikingPhysiology(), generator())
    trace = live(made, encoder, Episode({"image": torch.randn(2, 3, 7, generator=generator())}), "image")
    (trace.prediction - 1).square().sum().backward()
    assert trace.state.shape == (2, 3, wiring.n_neurons) and trace.state.any()
    assert made.weight.grad is not None and made.weight.grad.any() and bool(made.weight.grad.isfinite().all())


def test_impossible_physiologies_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"observation_ms is 0\.0, but an observation needs at least one"):
        SpikingPhysiology(observation_ms=0.0)
    with pytest.raises(RecipeError, match=r"observation_ms is 0\.25 ms, but must be a whole number"):
        SpikingPhysiology(observation_ms=0.25)
    with pytest.raises(RecipeError, match=r"drive_mv is 0\.0, but must be a positive number"):
        SpikingPhysiology(drive_mv=0.0)

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from torch import Tensor

from anlage.errors import RecipeError
from anlage.learning import read_recipe
from anlage.network import ActionHead, Physiology, RecurrentNetwork, foresee
from anlage.network.dynamics import Leaky
from anlage.network.network import State
from anlage.objective import (
    ContrastivePrediction,
    CosinePrediction,
    MultistepPrediction,
    SigregPrediction,
    sigreg,
    steps_ahead,
)
from anlage.testing import check_objective
from anlage.topology import Topology
from anlage.trace import Episode, Trace


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def trace_of(embedding: Tensor, prediction: Tensor, ahead: Tensor | None = None) -> Trace:
    return Trace(embedding, prediction, torch.zeros(*embedding.shape[:2], 1), Episode({}), ahead)


def test_infonce_is_the_cross_entropy_written_out_over_the_batch() -> None:
    embedding, prediction = normal(5, 4, 3), normal(5, 4, 3, seed=1)
    e, p = ((part / part.norm(dim=-1, keepdim=True)).numpy() for part in (embedding, prediction))
    terms = []
    for b in range(5):
        for t in range(3):
            logits = np.array([p[b, t] @ e[other, t + 1] / 0.2 for other in range(5)])
            terms.append(logsumexp(logits) - logits[b])
    loss = ContrastivePrediction(temperature=0.2)(trace_of(embedding, prediction))
    assert loss.total.item() == pytest.approx(np.mean(terms))
    assert loss.parts["below_chance"] == pytest.approx(math.log(5) - np.mean(terms))


def test_a_collapsed_embedding_is_no_way_out_of_infonce() -> None:
    """Where NEPA without its stop-gradient would score its best."""
    constant = torch.ones(7, 4, 3)
    assert ContrastivePrediction()(trace_of(constant, constant)).total.item() == pytest.approx(math.log(7))
    assert CosinePrediction(stop_gradient=False)(trace_of(constant, constant)).total.item() == pytest.approx(-1)


def test_infonce_teaches_embedding_and_prediction() -> None:
    embedding, prediction = normal(5, 4, 3).requires_grad_(), normal(5, 4, 3, seed=1).requires_grad_()
    gradient = torch.autograd.grad(
        ContrastivePrediction()(trace_of(embedding, prediction)).total, (embedding, prediction)
    )
    assert gradient[0][:, 1:].all() and not gradient[0][:, 0].any()
    assert gradient[1][:, :-1].all() and not gradient[1][:, -1].any()


def test_one_sequence_alone_cannot_be_told_apart() -> None:
    with pytest.raises(RecipeError, match="at least 2"):
        ContrastivePrediction()(trace_of(normal(1, 4, 3), normal(1, 4, 3)))


def test_without_its_stop_gradient_the_same_loss_teaches_the_embedding() -> None:
    embedding, prediction = normal(5, 4, 3).requires_grad_(), normal(5, 4, 3, seed=1)
    ablated, whole = CosinePrediction(stop_gradient=False), CosinePrediction()
    trace = trace_of(embedding, prediction)
    assert torch.equal(ablated(trace).total, whole(trace).total)
    assert torch.autograd.grad(ablated(trace).total, embedding)[0][:, 1:].all()
    assert not whole(trace).total.requires_grad


def test_without_its_shift_the_loss_is_least_for_a_copy() -> None:
    embedding = normal(5, 4, 3)
    copy = trace_of(embedding, 3 * embedding)
    assert CosinePrediction(shift=False)(copy).total.item() == pytest.approx(-1)
    assert CosinePrediction()(copy).total.item() > -0.9


def test_several_steps_ahead_are_held_against_the_embeddings_that_came_then() -> None:
    embedding, ahead = normal(6, 5, 3), normal(6, 5, 2, 3, seed=1)
    e, a = embedding.numpy(), ahead.numpy()
    first = np.mean([(a[b, t, 0] - e[b, t + 1]) ** 2 for b in range(6) for t in range(4)])
    second = np.mean([(a[b, t, 1] - e[b, t + 2]) ** 2 for b in range(6) for t in range(3)])
    loss = MultistepPrediction(steps=2, weight=0.3)(trace_of(embedding, ahead[:, :, 0], ahead))
    spread = sigreg(embedding.flatten(0, 1)).item()
    assert loss.total.item() == pytest.approx((first + second) / 2 + 0.3 * spread)
    assert loss.parts == {
        "squared_error_1": pytest.approx(first),
        "squared_error_2": pytest.approx(second),
        "sigreg": pytest.approx(spread),
    }


def test_one_step_ahead_is_what_sigreg_prediction_is() -> None:
    trace = trace_of(normal(6, 5, 3), normal(6, 5, 3, seed=1))
    assert MultistepPrediction(steps=1, weight=0.2)(trace).total.item() == pytest.approx(
        SigregPrediction(weight=0.2)(trace).total.item()
    )


def test_a_trace_that_does_not_look_as_far_is_refused() -> None:
    with pytest.raises(RecipeError, match="3 steps ahead needs a trace that was foreseen as far"):
        MultistepPrediction(steps=3)(trace_of(normal(6, 5, 3), normal(6, 5, 3)))
    with pytest.raises(RecipeError, match="shorten the steps"):
        MultistepPrediction(steps=2)(trace_of(normal(6, 2, 3), normal(6, 2, 3), normal(6, 2, 2, 3)))


@pytest.mark.parametrize("objective", [ContrastivePrediction(), MultistepPrediction(steps=1)])
def test_new_objectives_pass_the_conformance_kit(objective: ContrastivePrediction | MultistepPrediction) -> None:
    check_objective(objective)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(RecipeError, match="temperature of InfoNCE"):
        ContrastivePrediction(wrong)


def test_only_far_sighted_objectives_ask_for_more_than_the_next() -> None:
    assert steps_ahead(CosinePrediction()) == 1
    assert steps_ahead(MultistepPrediction(steps=4)) == 4


def test_recipes_know_the_new_objectives_and_the_ablations() -> None:
    assert read_recipe('name="x"\nobjective={kind="infonce", temperature=0.5}').objective == ContrastivePrediction(0.5)
    assert read_recipe('name="x"\nobjective={kind="multistep", steps=2}').objective == MultistepPrediction(2)
    ablated = read_recipe('name="x"\nobjective={kind="cosine", shift=false, stop_gradient=false}')
    assert ablated.objective == CosinePrediction(stop_gradient=False, shift=False)


def small_network() -> RecurrentNetwork:
    """Two neurons that each hear the embedding and one another: ``x' = relu(W x + V e + b)``, prediction ``U x + c``."""
    edge = np.array([0, 1]), np.array([1, 0])
    topology = Topology.of(2, *edge, np.array([0.5, 0.25]))
    physiology = Physiology(Leaky(leak=1.0, activation="relu"), ticks=1, plasticity="free")
    return RecurrentNetwork(topology, ("all",), ("all",), 2, physiology, torch.Generator().manual_seed(0))


def test_foreseeing_is_living_on_ones_own_predictions() -> None:
    network, embedding = small_network(), normal(3, 4, 2).float()
    state, prediction = network.unroll(embedding)
    ahead = foresee(network, Trace(embedding, prediction, state, Episode({})), 3).ahead
    assert ahead is not None and ahead.shape == (3, 4, 3, 2)
    into, out = network.ports.into, network.ports.out
    w = torch.tensor([[0.0, 0.25], [0.5, 0.0]])
    for b in range(3):
        for t in range(4):
            x, seen = state[b, t], prediction[b, t]
            for k in range(3):
                assert torch.allclose(ahead[b, t, k], seen, atol=1e-6)
                x = torch.relu(w @ x + into.weight @ seen + into.bias)
                seen = out.weight @ x + out.bias


def test_foreseeing_one_step_is_what_the_trace_has_already() -> None:
    network, embedding = small_network(), normal(3, 4, 2).float()
    state, prediction = network.unroll(embedding)
    trace = Trace(embedding, prediction, state, Episode({}))
    assert foresee(network, trace, 1) is trace
    with pytest.raises(RecipeError, match="at least 1"):
        foresee(network, trace, 0)


def test_gradients_of_the_third_step_reach_the_wiring_as_finite_differences_say() -> None:
    network, embedding = small_network().double(), normal(3, 4, 2)

    def third() -> Tensor:
        state, prediction = network.unroll(embedding)
        ahead = foresee(network, Trace(embedding, prediction, state, Episode({})), 3).ahead
        assert ahead is not None
        return ahead[:, :, 2].square().mean()

    (gradient,) = torch.autograd.grad(third(), network.weight)
    for edge in range(2):
        values = []
        for nudge in (1e-6, -2e-6):
            with torch.no_grad():
                network.weight[edge] += nudge
            values.append(third().item())
        with torch.no_grad():
            network.weight[edge] += 1e-6
        assert gradient[edge].item() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5)


def test_an_action_head_starts_as_the_prediction_of_the_network() -> None:
    head = ActionHead(3, 2, torch.Generator().manual_seed(0))
    prediction = normal(4, 5, 3).float()
    assert torch.equal(head(prediction, normal(4, 5, 2).float()), prediction)


def test_an_action_head_learns_what_only_the_action_tells() -> None:
    """The next embedding is the embedding turned by the action, a product that no sum of the two can express."""
    embedding, action = normal(64, 9, 2).float(), normal(64, 9, 1, seed=1).float()
    following = embedding * action
    head = ActionHead(2, 1, torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    episode = Episode({}, action=torch.cat([action[:, 1:], action[:, :1]], dim=1))
    shown = torch.cat([embedding[:, 1:], embedding[:, :1]], dim=1)
    trace = Trace(following, shown, torch.zeros(64, 9, 1), episode)
    for _ in range(150):
        given = head.given(trace)
        loss = (given.prediction[:, :-1] - trace.embedding[:, 1:]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    inputs = torch.cat([shown[:, :-1], episode.action[:, :-1]], -1).flatten(0, 1).numpy()
    wanted = trace.embedding[:, 1:].flatten(0, 1).numpy()
    best_sum = np.linalg.lstsq(np.c_[inputs, np.ones(len(inputs))], wanted, rcond=None)[1].sum() / wanted.size
    assert loss.item() < 0.25 * best_sum


def test_without_an_action_there_is_nothing_to_predict_from() -> None:
    head = ActionHead(3, 2, torch.Generator().manual_seed(0))
    with pytest.raises(RecipeError, match="no action"):
        head.given(trace_of(normal(4, 5, 3), normal(4, 5, 3)))
    with pytest.raises(RecipeError, match="has 3 numbers"):
        head(normal(4, 5, 3).float(), normal(4, 5, 3).float())


def test_a_stepped_state_is_all_that_foreseeing_needs() -> None:
    network = small_network()
    state, prediction = network.step(State(torch.ones(1, 2)), torch.ones(1, 2))
    trace = Trace(torch.ones(1, 1, 2), prediction.unsqueeze(1), state.activity.unsqueeze(1), Episode({}))
    ahead = foresee(network, trace, 2).ahead
    assert ahead is not None
    assert torch.allclose(ahead[0, 0, 1], network.step(state, prediction)[1][0])

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.errors import RecipeError
from anlage.objective import (
    CosinePrediction,
    Objective,
    SigregPrediction,
    VicregPrediction,
    covariance_term,
    sigreg,
    variance_term,
)
from anlage.trace import Episode, Trace

OBJECTIVES: tuple[Objective, ...] = (CosinePrediction(), SigregPrediction(), VicregPrediction())


def trace_of(embedding: Tensor, prediction: Tensor) -> Trace:
    return Trace(embedding, prediction, torch.zeros(*embedding.shape[:2], 1), Episode({}))


def random_trace(time: int = 4) -> Trace:
    generator = torch.Generator().manual_seed(0)
    parts = (torch.randn(6, time, 3, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(2))
    return trace_of(*parts)


def test_the_cosine_loss_equals_the_angles_read_off_paper() -> None:
    """Predictions at t = 0, 1 against embeddings at t = 1, 2: cosines 1 / sqrt 2 and -1; the last prediction has no target."""
    embedding = torch.tensor([[[9.0, 9.0], [2.0, 0.0], [0.0, 5.0]]])
    prediction = torch.tensor([[[3.0, 3.0], [0.0, -0.1], [7.0, 7.0]]])
    loss = CosinePrediction()(trace_of(embedding, prediction))
    assert loss.total.item() == pytest.approx(-(1 / math.sqrt(2) - 1) / 2)
    assert loss.parts == {"negative_cosine": pytest.approx(loss.total.item())}


def test_the_cosine_loss_of_perfect_predictions_of_any_length_is_minus_one() -> None:
    trace = random_trace()
    ahead = torch.cat([trace.embedding[:, 1:], trace.embedding[:, :1]], dim=1)
    assert CosinePrediction()(trace_of(trace.embedding, 7 * ahead)).total.item() == pytest.approx(-1)


def test_no_gradient_of_the_cosine_loss_reaches_its_target() -> None:
    """Without this the embedding learns to be easy to predict, and collapses."""
    trace = random_trace()
    total = CosinePrediction()(trace).total
    assert torch.autograd.grad(total, trace.prediction, retain_graph=True)[0][:, :-1].all()
    assert torch.autograd.grad(total, trace.embedding, allow_unused=True)[0] is None


def test_with_a_prediction_made_from_the_embedding_the_gradient_flows_through_the_prediction_alone() -> None:
    embedding = random_trace().embedding
    total = CosinePrediction()(trace_of(embedding, embedding * 2.0)).total
    (through_both,) = torch.autograd.grad(total, embedding)
    assert through_both[:, :-1].any() and not through_both[:, -1].any()


@pytest.mark.parametrize("objective", [SigregPrediction(), VicregPrediction()])
def test_the_other_modes_teach_the_embedding_from_both_sides(objective: Objective) -> None:
    trace = random_trace()
    assert torch.autograd.grad(objective(trace).total, trace.embedding)[0][:, -1].all()


def test_the_sigreg_loss_is_the_squared_error_plus_the_weighted_statistic() -> None:
    trace = random_trace()
    prediction, embedding = trace.prediction.detach().numpy(), trace.embedding.detach().numpy()
    error = np.mean((prediction[:, :3] - embedding[:, 1:]) ** 2)
    spread = sigreg(trace.embedding.detach().reshape(24, 3)).item()
    loss = SigregPrediction(weight=0.3)(trace)
    assert loss.total.item() == pytest.approx(error + 0.3 * spread)
    assert loss.parts == {"squared_error": pytest.approx(error), "sigreg": pytest.approx(spread)}


def test_the_vicreg_loss_is_the_squared_error_plus_both_weighted_terms() -> None:
    trace = random_trace()
    sample = trace.embedding.detach().reshape(24, 3)
    error = (trace.prediction[:, :3] - trace.embedding[:, 1:]).detach().square().mean().item()
    spread, overlap = variance_term(sample).item(), covariance_term(sample).item()
    loss = VicregPrediction(variance=2.0, covariance=0.5)(trace)
    assert loss.total.item() == pytest.approx(error + 2 * spread + 0.5 * overlap)
    assert loss.parts == {
        "squared_error": pytest.approx(error),
        "variance": pytest.approx(spread),
        "covariance": pytest.approx(overlap),
    }


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_last_prediction_has_no_target_and_does_not_count(objective: Objective) -> None:
    trace = random_trace()
    changed = trace.prediction.detach().clone()
    changed[:, -1] += 9.0
    assert torch.equal(objective(trace).total, objective(trace_of(trace.embedding, changed)).total)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_single_observation_has_no_next_one(objective: Objective) -> None:
    with pytest.raises(RecipeError, match="at least 2 observations"):
        objective(random_trace(time=1))


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_is_no_weight_is_refused_by_name(weight: float) -> None:
    with pytest.raises(RecipeError, match="weight of SIGReg is"):
        SigregPrediction(weight)
    with pytest.raises(RecipeError, match="variance term is"):
        VicregPrediction(variance=weight)
    with pytest.raises(RecipeError, match="covariance term is"):
        VicregPrediction(covariance=weight)

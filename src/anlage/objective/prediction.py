"""Next-embedding prediction: no labels, no decoder. Three ways to keep it from collapsing."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import RecipeError
from anlage.objective.collapse import covariance_term, sigreg, variance_term
from anlage.trace import Loss, Trace


def shifted(trace: Trace) -> tuple[Float[Tensor, "batch time1 latent"], Float[Tensor, "batch time1 latent"]]:
    """Each prediction beside the embedding that came next.

    Raises ``RecipeError`` when the sequence is too short to have a next embedding.
    """
    if trace.embedding.shape[1] < 2:
        raise RecipeError("Predicting the next embedding needs sequences of at least 2 observations; this one has 1.")
    return trace.prediction[:, :-1], trace.embedding[:, 1:]


def _demand_weight(name: str, weight: float) -> None:
    if not 0 <= weight < float("inf"):
        raise RecipeError(f"{name} is {weight}, but must be a finite number of at least 0.")


@final
@dataclass(frozen=True, slots=True)
class CosinePrediction:
    """The faithful mode: negative cosine to the next embedding, target detached.

    ``-mean(cos(prediction[t], stop_gradient(embedding[t + 1])))`` (NEPA; Xu et al. 2025, arXiv 2512.16922).
    """

    def __call__(self, trace: Trace) -> Loss:
        """The loss of one trace; -1 is perfect."""
        prediction, following = shifted(trace)
        target = following.detach()
        loss = -torch.nn.functional.cosine_similarity(prediction, target, dim=-1).mean()
        return Loss(loss, {"negative_cosine": loss.item()})


@final
@dataclass(frozen=True, slots=True)
class SigregPrediction:
    """The stable default: squared error to the next embedding, and embeddings pushed towards N(0, I).

    ``mean((prediction[t] - embedding[t + 1])^2) + weight * SIGReg(embedding)``. Nothing is detached: the encoder learns to be
    predictable from both sides, and the regulariser alone forbids the constant solution (LeWorldModel; arXiv 2603.19312).
    """

    weight: float = 0.05

    def __post_init__(self) -> None:
        _demand_weight("The weight of SIGReg", self.weight)

    def __call__(self, trace: Trace) -> Loss:
        """The loss of one trace."""
        prediction, following = shifted(trace)
        error = (prediction - following).square().mean()
        spread = sigreg(trace.embedding.flatten(0, 1))
        return Loss(error + self.weight * spread, {"squared_error": error.item(), "sigreg": spread.item()})


@final
@dataclass(frozen=True, slots=True)
class VicregPrediction:
    """Squared error to the next embedding, with VICReg's variance and covariance terms on the embeddings.

    Weights 25 : 25 : 1 of the original, divided by 25 (Bardes, Ponce & LeCun 2022, arXiv 2105.04906, section 4.2).
    """

    variance: float = 1.0
    covariance: float = 0.04

    def __post_init__(self) -> None:
        _demand_weight("The weight of the variance term", self.variance)
        _demand_weight("The weight of the covariance term", self.covariance)

    def __call__(self, trace: Trace) -> Loss:
        """The loss of one trace."""
        prediction, following = shifted(trace)
        sample = trace.embedding.flatten(0, 1)
        error = (prediction - following).square().mean()
        spread, overlap = variance_term(sample), covariance_term(sample)
        total = error + self.variance * spread + self.covariance * overlap
        return Loss(total, {"squared_error": error.item(), "variance": spread.item(), "covariance": overlap.item()})

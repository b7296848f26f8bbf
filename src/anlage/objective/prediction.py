"""Next-embedding prediction: no labels, no decoder. Several ways to keep it from collapsing, and two that do not."""

import math
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

    ``-mean(cos(prediction[t], stop_gradient(embedding[t + 1])))`` (NEPA; Xu et al. 2025, arXiv 2512.16922). Two parts can be
    taken away, to see what they are for: without ``stop_gradient`` the embedding learns to be easy to predict, without ``shift``
    the network is asked for the embedding that it has just been given.
    """

    stop_gradient: bool = True
    shift: bool = True

    def __call__(self, trace: Trace) -> Loss:
        """The loss of one trace; -1 is perfect."""
        prediction, following = shifted(trace) if self.shift else (trace.prediction, trace.embedding)
        target = following.detach() if self.stop_gradient else following
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


@final
@dataclass(frozen=True, slots=True)
class ContrastivePrediction:
    """Tell the next embedding from those of the other sequences of the batch: InfoNCE.

    Cross-entropy of picking ``embedding[b, t + 1]`` for ``prediction[b, t]`` among ``embedding[:, t + 1]``, with cosine
    similarities over ``temperature`` as logits. The others are of the same moment, so that knowing the time is no help. Nothing
    is detached: a constant embedding scores ``ln(batch)``, as guessing does (van den Oord et al. 2018, arXiv 1807.03748, equation
    4).
    """

    temperature: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise RecipeError(f"The temperature of InfoNCE is {self.temperature}, but must be a finite number above 0.")

    def __call__(self, trace: Trace) -> Loss:
        """The loss of one trace; raises ``RecipeError`` for a batch of one sequence, which has nothing to be told from."""
        if len(trace.embedding) < 2:
            raise RecipeError("InfoNCE tells sequences apart and needs a batch of at least 2; this one has 1.")
        prediction, following = (torch.nn.functional.normalize(part, dim=-1) for part in shifted(trace))
        logit = torch.einsum("qtl,ktl->tqk", prediction, following) / self.temperature
        own = torch.arange(len(prediction), device=logit.device).expand(len(logit), -1)
        loss = torch.nn.functional.cross_entropy(logit.flatten(0, 1), own.flatten())
        chance = math.log(len(prediction))
        return Loss(loss, {"infonce": loss.item(), "below_chance": chance - loss.item()})


@final
@dataclass(frozen=True, slots=True)
class MultistepPrediction:
    """Squared error to the next ``steps`` embeddings, all horizons alike, and embeddings pushed towards N(0, I).

    ``mean_k mean_t (prediction of embedding[t + k] made at t - embedding[t + k])^2 + weight * SIGReg(embedding)``; with one step
    it is ``SigregPrediction``. Predictions beyond the next come from ``anlage.network.foresee``: the network rolled forward
    on what it predicts itself, as it will be when it plans (Hafner et al. 2019, arXiv 1811.04551, latent overshooting).
    """

    steps: int = 3
    weight: float = 0.05

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise RecipeError(f"The steps to predict are {self.steps}, but must be at least 1.")
        _demand_weight("The weight of SIGReg", self.weight)

    def __call__(self, trace: Trace) -> Loss:
        """The loss of one trace; raises ``RecipeError`` when it does not look that far ahead or is too short."""
        ahead = trace.prediction.unsqueeze(2) if trace.ahead is None else trace.ahead
        if ahead.shape[2] < self.steps or trace.embedding.shape[1] <= self.steps:
            raise RecipeError(
                f"Predicting {self.steps} steps ahead needs a trace that was foreseen as far and is longer; this one is foreseen "
                f"{ahead.shape[2]} and {trace.embedding.shape[1]} long, so shorten the steps, or call foresee first."
            )
        errors = [
            (ahead[:, :-step, step - 1] - trace.embedding[:, step:]).square().mean()
            for step in range(1, self.steps + 1)
        ]
        spread = sigreg(trace.embedding.flatten(0, 1))
        parts = {f"squared_error_{step}": error.item() for step, error in enumerate(errors, 1)}
        return Loss(torch.stack(errors).mean() + self.weight * spread, {**parts, "sigreg": spread.item()})

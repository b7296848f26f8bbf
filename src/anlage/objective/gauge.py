"""Gauges of collapse and of prediction, read during learning and never trained on."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.objective.prediction import shifted
from anlage.trace import Trace


def effective_rank(sample: Float[Tensor, "sample latent"]) -> float:
    """Exponential of the entropy of the normalised singular values, between 0 (constant sample) and the latent width.

    Roy & Vetterli 2007, EUSIPCO. The sample is centred first, so a constant embedding has rank 0.
    """
    values = torch.linalg.svdvals((sample - sample.mean(0)).double())
    total = values.sum()
    if total <= 1e-9 * max(1.0, float(sample.double().norm())):
        return 0.0
    share = values[values > 0] / total
    return float(torch.exp(-(share * share.log()).sum()))


def unexplained(trace: Trace) -> float:
    """Share of the variance of the next embedding that the prediction leaves unexplained, latent axes pooled.

    One minus the squared correlation between prediction and next embedding, each centred per axis: 0 is perfect, 1 is no better
    than always predicting the mean. Invariant to the offset and gain of the prediction and to the scale and rotation of the
    embedding, so modes trained on direction or on distance share one scale, and a shrinking embedding is not a better one.
    """
    prediction, following = (part.flatten(0, 1).double() for part in shifted(trace))
    prediction, following = prediction - prediction.mean(0), following - following.mean(0)
    power = prediction.square().sum() * following.square().sum()
    return 1.0 - float((prediction * following).sum().clamp_min(0).square() / power.clamp_min(1e-30))


def persistence(trace: Trace) -> float:
    """What ``unexplained`` would be for the prediction that nothing changes: the floor that learning must beat."""
    return unexplained(replace(trace, prediction=trace.embedding))

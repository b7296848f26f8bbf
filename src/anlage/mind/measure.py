"""What a mind is judged by: every area by its own predictions, on held-out lives."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import Diverged
from anlage.experience import SharedWorld
from anlage.mind.mind import Life, Mind
from anlage.objective import effective_rank, persistence, unexplained
from anlage.objective.prediction import shifted
from anlage.seed import Seed
from anlage.trace import Trace


def measure(mind: Mind, world: SharedWorld) -> dict[str, object]:
    """One entry of a mind's curve, JSON-able; leaves the mind unchanged.

    ``areas``: for each, the workspace among them, ``prediction_error`` (share of the variance of the next embedding left
    unexplained, 0 to 1), ``persistence_error`` (the same for predicting no change), ``effective_rank`` and ``embedding_spread``
    of the embedding, ``state_rank`` of the output neurons, and ``error_by_moment``. ``surprise``, ``gate`` and ``holder``: per
    moment and area, means over held-out lives, and the share of lives in which the area had the largest gate.

    Raises ``Diverged`` when an activity is not finite.
    """
    life = mind.live(world.held_out(held_out_noise(mind)))
    for name, trace in life.trace.items():
        if not (trace.state.isfinite().all() and trace.embedding.isfinite().all()):
            raise Diverged(
                f"The activity of the area {name} is not finite; lower its spectral radius, ticks or the learning rate."
            )
    areas = {name: area_measures(trace) for name, trace in life.trace.items()}
    return {"areas": areas, **selection(life)}


def held_out_noise(mind: Mind) -> np.random.Generator:
    """The stream of the receptors' noise on held-out lives: the same at every call."""
    return Seed(mind.recipe.seed).child("held out").rng()


def area_measures(trace: Trace) -> dict[str, object]:
    """The measures of one area."""
    embedding = trace.embedding.flatten(0, 1)
    return {
        "prediction_error": unexplained(trace),
        "persistence_error": persistence(trace),
        "effective_rank": effective_rank(embedding),
        "state_rank": effective_rank(trace.state.flatten(0, 1)[::8]),
        "embedding_spread": float(embedding.double().var(0).mean().sqrt()),
        "error_by_moment": error_by_moment(trace).tolist(),
    }


def error_by_moment(trace: Trace) -> Float[Tensor, " time1"]:
    """Mean squared error of the prediction of each moment but the first, over the variance of the embedding over all moments."""
    prediction, following = (part.double() for part in shifted(trace))
    spread = trace.embedding.flatten(0, 1).double().var(0).sum().clamp_min(1e-30)
    return (prediction - following).square().sum(-1).mean(0) / spread


def selection(life: Life) -> Mapping[str, object]:
    """Who surprised, who entered, who held the workspace, moment by moment."""
    winner = (
        torch.nn.functional.one_hot(life.gate.argmax(-1), life.gate.shape[-1]) if life.gate.shape[-1] else life.gate
    )
    means = {"surprise": life.surprise, "gate": life.gate, "holder": winner.double()}
    return {what: tensor.double().mean(0).tolist() for what, tensor in means.items()}

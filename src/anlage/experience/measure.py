"""How good answers are: a closed set of measures, each with its unit and its better direction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

MeasureName = Literal["accuracy", "parts_named", "nrmse", "r2", "memory_capacity", "angle_error_deg", "bits_per_byte"]
Answers = Float[ndarray, "sample moment output"]

GUESS = 0.01
"""Share of every coded symbol's probability that is spread over all symbols, so that no code is infinitely long."""


@final
@dataclass(frozen=True, slots=True)
class Measure:
    """A number for how good answers are against what was asked; ``better`` says which way.

    ``perfect``: the value of answers without fault, None where it depends on the task.
    """

    of: Callable[[Answers, Answers], float]
    better: Literal["higher", "lower"]
    perfect: float | None
    says: str

    def at_least(self, value: float, other: float) -> bool:
        """Whether ``value`` is as good as ``other`` or better."""
        return value >= other if self.better == "higher" else value <= other


def accuracy(answer: Answers, asked: Answers) -> float:
    """Share of moments whose largest answer is the largest of what was asked."""
    return float((answer.argmax(-1) == asked.argmax(-1)).mean())


def parts_named(answer: Answers, asked: Answers) -> float:
    """Share of the classes present that are among as many largest answers; accuracy where one class is present."""
    present = asked > 0
    rank = np.argsort(np.argsort(-answer, axis=-1, kind="stable"), axis=-1)
    named = present & (rank < present.sum(-1, keepdims=True))
    return float(named.sum() / present.sum())


def nrmse(answer: Answers, asked: Answers) -> float:
    """Root of the squared error over the variance of what was asked, both summed over outputs; 1 for answering its mean."""
    deviation = asked - asked.mean((0, 1))
    return float(np.sqrt(((answer - asked) ** 2).sum() / (deviation**2).sum()))


def r2(answer: Answers, asked: Answers) -> float:
    """Share of the variance of what was asked that the answers explain: ``1 - nrmse ** 2``."""
    return 1 - nrmse(answer, asked) ** 2


def memory_capacity(answer: Answers, asked: Answers) -> float:
    """Sum over outputs (one per delay) of the squared correlation, corrected for what chance gives.

    Jaeger 2002, GMD Report 152. Among ``n`` moments an answer that knows nothing still has ``E[r ** 2] = 1 / (n - 1)``, which
    adds up over delays; ``1 - (1 - r ** 2) (n - 1) / (n - 2)`` is 0 on average for it and 1 for a perfect answer. A constant
    answer counts as 0. Nothing is thresholded, so a sum of many forgotten delays scatters around 0.
    """
    first, second = (part.reshape(-1, part.shape[-1]) for part in (answer, asked))
    n = len(first)
    first, second = first - first.mean(0), second - second.mean(0)
    # A constant column is zero only up to the rounding of its mean.
    varies = (first**2).mean(0) > 1e-20 * np.maximum(1, (answer**2).mean((0, 1)))
    squares = (first**2).sum(0) * (second**2).sum(0)
    correlation2 = np.divide((first * second).sum(0) ** 2, squares, out=np.zeros(len(squares)), where=varies)
    return float((1 - (1 - correlation2) * (n - 1) / (n - 2))[varies].sum())


def angle_error_deg(answer: Answers, asked: Answers) -> float:
    """Mean absolute angle between two directions given as (cosine, sine), in degrees; 90 for directions that know nothing."""
    angle = np.arctan2(answer[..., 1], answer[..., 0]) - np.arctan2(asked[..., 1], asked[..., 0])
    return float(np.rad2deg(np.abs(np.arctan2(np.sin(angle), np.cos(angle)))).mean())


def bits_per_byte(answer: Answers, asked: Answers) -> float:
    """Length of a code for what was asked, in bits per byte, when the answers are taken for probabilities.

    Least squares on one-hot targets estimates probabilities, though not always positive ones: negative answers count as 0, each
    row is scaled to sum to one (uniform where nothing is left), and ``GUESS`` of it is spread evenly.
    """
    size = answer.shape[-1]
    positive = np.clip(answer, 0, None)
    total = positive.sum(-1, keepdims=True)
    share = np.divide(positive, total, out=np.full(answer.shape, 1 / size), where=total > 0)
    given = (((1 - GUESS) * share + GUESS / size) * asked).sum(-1)
    return float(-np.log2(given).mean())


MEASURES: Mapping[MeasureName, Measure] = {
    "accuracy": Measure(accuracy, "higher", 1.0, "share of answers that name the right class"),
    "parts_named": Measure(parts_named, "higher", 1.0, "share of the classes present that are named"),
    "nrmse": Measure(nrmse, "lower", 0.0, "root mean squared error over the standard deviation"),
    "r2": Measure(r2, "higher", 1.0, "share of variance explained"),
    "memory_capacity": Measure(memory_capacity, "higher", None, "delays remembered: sum of squared correlations"),
    "angle_error_deg": Measure(angle_error_deg, "lower", 0.0, "mean absolute angle, degrees"),
    "bits_per_byte": Measure(bits_per_byte, "lower", 0.0, "code length of the next byte"),
}

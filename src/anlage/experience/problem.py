"""What is asked of a network: sequences, the answers that a readout is to give, and how these are scored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from anlage.connectome.source import Source
from anlage.errors import RecipeError


def accuracy(given: Float[Tensor, "sample moment output"], wanted: Float[Tensor, "sample moment output"]) -> float:
    """Share of moments at which the largest number given is that of the right class."""
    return float((given.argmax(-1) == wanted.argmax(-1)).double().mean())


def nrmse(given: Float[Tensor, "sample moment output"], wanted: Float[Tensor, "sample moment output"]) -> float:
    """Root of the mean squared error over the mean variance of the wanted numbers: 1 for always saying their mean."""
    given, wanted = (part.flatten(0, 1).double() for part in (given, wanted))
    return float(((given - wanted).square().mean() / wanted.var(0, correction=0).mean()).sqrt())


def r2(given: Float[Tensor, "sample moment output"], wanted: Float[Tensor, "sample moment output"]) -> float:
    """Share of the variance of the wanted numbers that is explained: 1 minus the square of ``nrmse``."""
    return 1 - nrmse(given, wanted) ** 2


def memory_capacity(
    given: Float[Tensor, "sample moment output"], wanted: Float[Tensor, "sample moment output"]
) -> float:
    """Squared correlations of what is given and wanted, added over the outputs, one per delay (Jaeger 2002, GMD report 152).

    A squared correlation of ``n`` moments is ``1 / (n - 1)`` by chance; each is corrected for it, so that forgotten delays add
    0 on average and perfectly kept ones 1: ``1 - (1 - r^2) (n - 1) / (n - 2)``.
    """
    given, wanted = (part.flatten(0, 1).double() for part in (given, wanted))
    given, wanted = (part - part.mean(0) for part in (given, wanted))
    power = given.square().sum(0) * wanted.square().sum(0)
    squared = ((given * wanted).sum(0).square() / power.clamp_min(1e-300)).where(power > 0, 0.0)
    n = len(given)
    return float((1 - (1 - squared) * (n - 1) / (n - 2)).sum())


@dataclass(frozen=True, slots=True)
class Score:
    """A measure of answers: its name, which way is better, and the function."""

    name: str
    higher_is_better: bool
    function: Callable[[Tensor, Tensor], float]


SCORES: Mapping[str, Score] = {
    score.name: score
    for score in (
        Score("accuracy", True, accuracy),
        Score("nrmse", False, nrmse),
        Score("r2", True, r2),
        Score("memory_capacity", True, memory_capacity),
    )
}
"""The closed set of scores. Every one is an outcome that a study may be judged by."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Sequences to learn from and to be tested on, with the answers to give.

    ``washout``: moments at the start of each sequence that are neither fitted nor scored. Answers cover the moments after them,
    or one moment: then only the end of each sequence is asked about. ``kind``: the answers of a classification are one-hot.
    ``oracle``, ``chance``: the best and the trivial value of the first of the ``scores``, in closed form or by a stated solver.
    Raises ``RecipeError`` where answers fit neither.
    """

    modality: str
    train: Float[Tensor, "sample time input"]
    train_answer: Float[Tensor, "sample moment output"]
    test: Float[Tensor, "sample2 time input"]
    test_answer: Float[Tensor, "sample2 moment output"]
    washout: int
    kind: Literal["regression", "classification"]
    oracle: float
    chance: float
    scores: tuple[str, ...]

    def __post_init__(self) -> None:
        for part, answer in ((self.train, self.train_answer), (self.test, self.test_answer)):
            if len(part) != len(answer) or answer.shape[1] not in (1, part.shape[1] - self.washout):
                raise RecipeError(
                    f"A problem has sequences of shape {tuple(part.shape)} and answers of shape {tuple(answer.shape)}, but with "
                    f"a washout of {self.washout} each sequence needs 1 or {part.shape[1] - self.washout} answers."
                )

    def score(self, answer: Float[Tensor, "sample2 moment output"]) -> Mapping[str, float]:
        """The scores of answers to the test part, the first of them primary."""
        return {name: SCORES[name].function(answer, self.test_answer) for name in self.scores}


@runtime_checkable
class Task(Protocol):
    """A description of a problem: small, comparable, written into recipes; the sequences come with ``open``."""

    @property
    def source(self) -> Source:
        """Where the task comes from."""
        ...

    def open(self, rng: np.random.Generator) -> Problem:
        """The problem; what is random in it depends on ``rng`` alone."""
        ...

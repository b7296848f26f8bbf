"""A problem: sequences with the answers a readout is to give, and how good the best and the most trivial answers are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from anlage.connectome.source import Source
from anlage.errors import RecipeError
from anlage.experience.measure import MEASURES, MeasureName

DEFAULT_MEASURE: Mapping[str, tuple[MeasureName, ...]] = {"classification": ("accuracy",), "regression": ("nrmse",)}


@final
@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Sequences with the answers a readout is to give.

    ``washout`` moments at the start of each sequence are neither fitted nor scored. Answers cover the other ``time - washout``
    moments, or one: then only the end is asked about. Answers of a classification are one-hot, or equal shares of several
    classes. ``oracle`` and ``chance`` are values of the primary score: that of the solution or of a stated reference solver,
    and that of answering the mean of the training answers every time. ``measures`` names the scores, the primary one first.
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
    measures: tuple[MeasureName, ...] = ()

    @property
    def primary(self) -> MeasureName:
        """Name of the first score."""
        return (self.measures or DEFAULT_MEASURE[self.kind])[0]

    def score(self, answer: Float[Tensor, "sample2 moment output"]) -> Mapping[str, float]:
        """Every score of answers to the test sequences, the primary one first.

        Raises ``RecipeError`` for answers of another shape.
        """
        if answer.shape != self.test_answer.shape:
            raise RecipeError(
                f"Answers of shape {tuple(answer.shape)} were given, but {tuple(self.test_answer.shape)} are asked for, as "
                "(sample, moment, output)."
            )
        given, asked = (part.detach().cpu().double().numpy() for part in (answer, self.test_answer))
        return {name: MEASURES[name].of(given, asked) for name in self.measures or DEFAULT_MEASURE[self.kind]}


@runtime_checkable
class Task(Protocol):
    """A description of a problem: small, comparable, written into recipes; the sequences come with ``open``."""

    @property
    def source(self) -> Source:
        """Where the task, or its data, comes from."""
        ...

    def open(self, rng: np.random.Generator) -> Problem:
        """The problem; ``rng`` alone decides what is random about it."""
        ...


Part = tuple[Float[ndarray, "sample time input"], Float[ndarray, "sample moment output"]]
"""Sequences and their answers."""
TestPart = tuple[Float[ndarray, "sample2 time input"], Float[ndarray, "sample2 moment output"]]
"""Those for testing: as wide, but not as many."""


def pose(
    modality: str,
    train: Part,
    test: TestPart,
    measures: tuple[MeasureName, ...],
    oracle: float | Float[ndarray, "sample2 moment output"],
    washout: int = 0,
) -> Problem:
    """A problem whose chance is what answering the mean training answer scores.

    ``oracle`` is the best value of the first measure, or the answers of a reference solver to the test sequences, to be scored.
    """
    asked, measure = test[1].astype(np.float64), MEASURES[measures[0]].of
    trivial = np.broadcast_to(train[1].mean((0, 1), dtype=np.float64), asked.shape)

    def tensor(part: ndarray) -> Tensor:
        return torch.from_numpy(part.copy()).to(torch.get_default_dtype())

    return Problem(
        modality=modality,
        train=tensor(train[0]),
        train_answer=tensor(train[1]),
        test=tensor(test[0]),
        test_answer=tensor(test[1]),
        washout=washout,
        kind="classification" if measures[0] in ("accuracy", "parts_named", "bits_per_byte") else "regression",
        oracle=measure(oracle, asked) if isinstance(oracle, ndarray) else float(oracle),
        chance=measure(trivial, asked),
        measures=measures,
    )


def demand(what: str, value: int | float, low: int | float, high: int | float) -> None:
    """Raise ``RecipeError`` unless the parameter called ``what`` lies between ``low`` and ``high``."""
    if not low <= value <= high:
        raise RecipeError(f"{what} is {value}, but must be {low:,} to {high:,}.")


def demand_sequences(task: object, washout: int, length: int) -> None:
    """Raise ``RecipeError`` unless ``task`` has enough sequences, and each is longer than its washout."""
    for name in ("n_train", "n_test"):
        demand(name, getattr(task, name), 1, 100_000)
    demand("washout", washout, 0, 100_000)
    demand("length", length, washout + 10, 1_000_000)


def one_hot(label: ndarray, n_classes: int) -> Float[ndarray, "sample moment output"]:
    """Answers at the end of sequences that carry one label each; the moment axis has length 1."""
    rows: ndarray = np.eye(n_classes)[label][:, None]
    return rows

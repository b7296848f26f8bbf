"""How the answers of an assay are read from its output neurons: in closed form, or learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, final, get_args, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import RecipeError, UnknownName

PENALTIES = tuple(float(f"1e{power}") for power in range(-10, 4))
"""Ridge penalties to choose from, in units of the mean sum of squares of a column."""


Scenario = Literal["class", "domain"]
Learner = Literal["naive", "replay", "ewc", "joint"]


@runtime_checkable
class Readout(Protocol):
    """What of an assay is fitted, and how; a small record that is written into recipes."""

    @property
    def learns(self) -> bool:
        """Whether gradients reach the network itself."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Ridge:
    """A linear map from the output neurons to the answers, least squares with a penalty; nothing else is fitted.

    ``penalty``: in units of the mean sum of squares of a column, so that no arm gains by a larger activity; 0: chosen among
    ``PENALTIES`` by cross-validation on the training part, in ``folds`` stretches of moments.
    """

    penalty: float = 0.0
    folds: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.penalty < float("inf") or self.folds < 2:
            raise RecipeError(
                f"readout.penalty is {self.penalty} and folds {self.folds}, but the penalty must be a finite number of at least "
                "0 and folds at least 2."
            )

    @property
    def learns(self) -> bool:
        """No."""
        return False


@final
@dataclass(frozen=True, slots=True)
class Gradient:
    """The maps into the input neurons and out of the output neurons, and the core as far as it is plastic, learned by Adam.

    Cross-entropy for classes, mean squared error for numbers; gradient norm clipped at 1. The protocol of Yu et al. 2025 (arXiv
    2507.10951), whose core is frozen.
    """

    epochs: int = 10
    batch: int = 64
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or not 0 < self.learning_rate < 10:
            raise RecipeError(
                f"readout.epochs is {self.epochs}, batch {self.batch} and learning_rate {self.learning_rate}, but the first two "
                "must be at least 1 and the rate a small positive number."
            )

    @property
    def learns(self) -> bool:
        """Yes."""
        return True


@final
@dataclass(frozen=True, slots=True)
class InTurn:
    """As ``Gradient``, but the classes of the task come in ``lessons``, one after another, ``epochs`` each.

    ``scenario``: ``class``, to tell all classes apart, or ``domain``, to tell those of a lesson apart by the same few answers in
    every lesson; see ``anlage.learning.lesson``. ``learner``: ``naive`` only goes on; ``replay`` keeps ``memory`` sequences,
    shared equally by the lessons so far, and mixes as many into each batch as are new; ``ewc`` holds every parameter
    ``strength`` times as firmly as its Fisher information on ``samples`` sequences of each lesson before (Kirkpatrick et al.
    2017); ``joint`` learns all lessons at once, which is what the others are held against.
    """

    scenario: Scenario = "class"
    learner: Learner = "naive"
    lessons: int = 5
    epochs: int = 4
    batch: int = 32
    learning_rate: float = 3e-3
    memory: int = 100
    strength: float = 100.0
    samples: int = 50

    def __post_init__(self) -> None:
        for name, known in (("scenario", Scenario), ("learner", Learner)):
            if getattr(self, name) not in get_args(known):
                raise UnknownName(f"{name} of lessons", getattr(self, name), get_args(known))
        for name, least in (("lessons", 2), ("epochs", 1), ("batch", 1), ("memory", self.lessons), ("samples", 1)):
            if getattr(self, name) < least:
                raise RecipeError(f"readout.{name} is {getattr(self, name)}, but must be at least {least}.")
        if not 0 < self.learning_rate < 10 or not 0 <= self.strength < float("inf"):
            raise RecipeError(
                f"readout.learning_rate is {self.learning_rate} and strength {self.strength}, but the rate must be a small "
                "positive number and the strength a finite number of at least 0."
            )

    @property
    def learns(self) -> bool:
        """Yes."""
        return True


@dataclass(frozen=True, slots=True, eq=False)
class LinearMap:
    """A fitted linear map, the penalty it was fitted with, and the mean squared error of every penalty that was tried."""

    weight: Float[ndarray, "column output"]
    bias: Float[ndarray, " output"]
    penalty: float
    sweep: tuple[tuple[float, float], ...]

    def __call__(self, columns: Float[ndarray, "row column"]) -> Float[ndarray, "row output"]:
        """Answers to rows."""
        return np.asarray(columns @ self.weight + self.bias)


def fit_ridge(columns: Float[ndarray, "row column"], answer: Float[ndarray, "row output"], readout: Ridge) -> LinearMap:
    """Minimise ``|answer - columns w - b|^2 + penalty s |w|^2``, where ``s`` is the mean sum of squares of a centred column.

    (Hoerl & Kennard 1970, Technometrics 12:55.) One penalty for all outputs: the one with the smallest squared error on the folds
    left out, the largest such penalty where several tie. Raises ``RecipeError`` with fewer rows than folds.
    """
    if len(columns) < 2 * readout.folds:
        raise RecipeError(
            f"A readout in {readout.folds} folds needs at least {2 * readout.folds} moments to fit; there are {len(columns)}."
        )
    whole = _Normal(columns, answer)
    size = max(float(whole.gram.trace()) / columns.shape[1], np.finfo(float).tiny)
    penalty, sweep = readout.penalty, tuple[tuple[float, float], ...]()
    if not readout.penalty:
        errors = _errors(columns, answer, [p * size for p in PENALTIES], readout.folds)
        sweep = tuple(zip(PENALTIES, map(float, errors), strict=True))
        penalty = PENALTIES[len(errors) - 1 - int(np.argmin(errors[::-1]))]
    weight = whole.solve([penalty * size])[0]
    return LinearMap(weight, whole.answer_mean - whole.mean @ weight, penalty, sweep)


class _Normal:
    """The normal equations of a regression with an intercept, solved for any number of penalties."""

    def __init__(self, columns: ndarray, answer: ndarray) -> None:
        self.mean, self.answer_mean = columns.mean(0), answer.mean(0)
        centred = columns - self.mean
        self.gram, self.cross = centred.T @ centred, centred.T @ (answer - self.answer_mean)

    def solve(self, penalties: Sequence[float]) -> list[Float[ndarray, "column output"]]:
        """The weights for each penalty, from one decomposition."""
        value, vector = np.linalg.eigh(self.gram)
        turned = vector.T @ self.cross
        return [vector @ (turned / (value.clip(0) + penalty)[:, None]) for penalty in penalties]


def _errors(columns: ndarray, answer: ndarray, penalties: Sequence[float], folds: int) -> Float[ndarray, " penalty"]:
    """Mean squared error on the folds left out, for each penalty; neighbouring moments share a fold."""
    total = np.zeros(len(penalties))
    for left_out in np.array_split(np.arange(len(columns)), folds):
        kept = np.ones(len(columns), dtype=bool)
        kept[left_out] = False
        part = _Normal(columns[kept], answer[kept])
        wanted = answer[left_out] - part.answer_mean
        for number, weight in enumerate(part.solve(penalties)):
            total[number] += ((wanted - (columns[left_out] - part.mean) @ weight) ** 2).sum()
    return total / answer.size

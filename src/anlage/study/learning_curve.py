"""How many examples it takes: accuracy over the logarithm of their number."""

from collections.abc import Sequence

import numpy as np

from anlage.errors import AnlageError


def log_area(examples: Sequence[int], accuracy: Sequence[float]) -> float:
    """Mean of the accuracy over the logarithm of the number of examples, straight lines between the numbers that were tried.

    The area under the curve over ``log N``, divided by the width it is taken over, so that it is an accuracy: a constant one
    gives itself, and a tenfold of few examples weighs as much as a tenfold of many. Comparable at the same numbers only. Raises
    ``AnlageError`` unless the numbers rise.
    """
    log = _logs(examples, accuracy)
    middle = (np.asarray(accuracy)[1:] + np.asarray(accuracy)[:-1]) / 2
    return float((middle * np.diff(log)).sum() / (log[-1] - log[0]))


def examples_to(threshold: float, examples: Sequence[int], accuracy: Sequence[float]) -> float | None:
    """The number of examples at which the accuracy first reaches ``threshold``, between two numbers on a line over ``log N``.

    The first number where it is reached there already; None where it never is. Raises ``AnlageError`` unless the numbers rise.
    """
    log = _logs(examples, accuracy)
    reached = np.flatnonzero(np.asarray(accuracy) >= threshold)
    if not len(reached):
        return None
    at = int(reached[0])
    if at == 0:
        return float(examples[0])
    share = (threshold - accuracy[at - 1]) / (accuracy[at] - accuracy[at - 1])
    return float(np.exp(log[at - 1] + share * (log[at] - log[at - 1])))


def _logs(examples: Sequence[int], accuracy: Sequence[float]) -> np.ndarray:
    if len(examples) != len(accuracy) or len(examples) < 2 or min(examples) < 1 or (np.diff(examples) <= 0).any():
        raise AnlageError(
            f"A learning curve was given at {list(examples)} examples with {len(accuracy)} accuracies; it needs one for each of "
            "two or more rising numbers."
        )
    logs: np.ndarray = np.log(examples)
    return logs

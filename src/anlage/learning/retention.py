"""What is left of the first lesson after the last: measures of an accuracy matrix.

``R[i, j]`` is the accuracy on lesson ``j`` after lesson ``i``, both in the order of learning; lessons to come are in it too.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import AnlageError

Matrix = Float[ndarray, "lesson lesson"]


def final_accuracy(matrix: Matrix) -> float:
    """Mean accuracy on all lessons after the last: ACC of Lopez-Paz & Ranzato 2017 (NeurIPS, eq. 2)."""
    return float(_several(matrix, 1)[-1].mean())


def anytime_accuracy(matrix: Matrix) -> float:
    """Mean over lessons of the mean accuracy on all lessons until then.

    The average incremental accuracy of Rebuffi et al. 2017 (CVPR, section 4), with every lesson weighing the same.
    """
    return float(np.mean([row[: i + 1].mean() for i, row in enumerate(_several(matrix, 1))]))


def backward_transfer(matrix: Matrix) -> float:
    """Mean over all lessons but the last of what changed since they were learned; negative where something was lost.

    BWT of Lopez-Paz & Ranzato 2017 (NeurIPS, eq. 3).
    """
    return float((matrix[-1] - _several(matrix, 2).diagonal())[:-1].mean())


def forgetting(matrix: Matrix) -> float:
    """Mean over all lessons but the last of their best accuracy before the last lesson, less that after it.

    The forgetting measure of Chaudhry et al. 2018 (ECCV). At least minus ``backward_transfer``; more where a lesson was best
    known at another time than just after it was learned.
    """
    return float((_several(matrix, 2)[:-1].max(0) - matrix[-1])[:-1].mean())


def forward_transfer(matrix: Matrix, untrained: Float[ndarray, " lesson"]) -> float:
    """Mean over all lessons but the first of what those before gave it: its accuracy just before, less the ``untrained`` one.

    FWT of Lopez-Paz & Ranzato 2017 (NeurIPS, eq. 4). Meaningless where lessons bring new classes, which nobody can name before.
    """
    return float((_several(matrix, 2).diagonal(1) - untrained[1:]).mean())


def share_kept(score: float, intact: float, chance: float) -> float:
    """What is left of a score above chance under worse conditions, as a share of what was there: 1 for all, 0 for chance.

    Raises ``AnlageError`` where the intact score is no better than chance, so that there is nothing to keep.
    """
    if not intact > chance:
        raise AnlageError(
            f"The intact score is {intact:.3f} and chance {chance:.3f}; what was not learned cannot be kept."
        )
    return (score - chance) / (intact - chance)


def _several(matrix: Matrix, least: int) -> Matrix:
    if len(matrix) < least:
        raise AnlageError(f"This measure compares lessons and needs {least} of them or more; there are {len(matrix)}.")
    return matrix

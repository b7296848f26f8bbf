"""Importing this compiles one function, so that Numba loads its compiler, which takes seconds, before processes are forked."""

import numba
import numpy as np


@numba.njit(fastmath=True)
def _sums(start: np.ndarray, values: np.ndarray, result: np.ndarray) -> None:
    for i in range(len(result)):
        for j in range(start[i], start[i + 1]):
            result[i] += values[j]


_sums(np.array([0, 2], np.int32), np.ones(2, np.float32), np.zeros(1, np.float32))

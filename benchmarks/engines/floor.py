"""The least time that memory allows: every array crosses the bus once per pass, at the rate at which NumPy copies."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from engines.case import Case

COPIED = 1 << 28
"""Bytes of each array copied: larger than any cache. One copy reads and writes, so it moves twice this."""


def bandwidth_gb_s(threads: int, runs: int = 6) -> float:
    """Best rate of several copies, all threads together, in 1e9 bytes per second."""
    pairs = [(np.ones(COPIED // 8), np.ones(COPIED // 8)) for _ in range(threads)]
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(runs):
            begun = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(*pair), pairs))
            best = max(best, 2e-9 * COPIED * threads / (time.perf_counter() - begun))
    return best


def traffic(case: Case, n: int, n_edges: int) -> float:
    """Compulsory bytes of one run. A pass reads index and weight of every edge (8 bytes) and where each neuron's begin (4).

    States are ``4 n batch`` bytes: a forward pass reads one and writes one; the gradient of the state reads the result and two
    gradients and writes one; that of the edges reads two again. It also reads and writes the weights in the other order and
    writes a gradient, 12 bytes per edge, once per set of weights.
    """
    one_pass, state = 8.0 * n_edges + 4.0 * (n + 1), 4.0 * n * case.batch
    if case.mode == "forward":
        return one_pass + 2 * state
    if case.mode == "state":
        return 2 * one_pass + 6 * state
    return case.steps * (2 * one_pass + 8 * state) + 12.0 * n_edges


def floor_ms(case: Case, n: int, n_edges: int, gb_s: float) -> float:
    """The compulsory traffic at ``gb_s``."""
    return traffic(case, n, n_edges) / (1e6 * gb_s)

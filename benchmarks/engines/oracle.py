"""Whether an engine computed what it should: the same in double precision by scipy, before any of its figures counts."""

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from engines.case import Task

RESULTS = {
    "forward": ("state",),
    "state": ("state", "state gradient"),
    "edge": ("state", "state gradient", "edge gradient"),
    "unroll": ("state", "edge gradient"),
}
"""What a run returns, by mode: states of shape ``(neuron, batch)``, the gradient of the edges in post-major order."""
COLUMNS, EDGES = 4, 100_000
"""How much is looked at of one case: these columns of the state, these edges; all of them where there are fewer."""
TOLERANCE = {"forward": 1e-5, "state": 1e-5, "edge": 1e-5, "unroll": 1e-4}
"""Largest difference, as a share of the largest number: single precision, sums of up to some thousand terms, twenty steps."""


def refusal(task: Task, results: tuple[ndarray, ...]) -> str:
    """Why the results are wrong, in a sentence that begins so; empty when they are right."""
    allowed = TOLERANCE[task.case.mode]
    for name, got in zip(RESULTS[task.case.mode], results, strict=True):
        shape = (task.graph.n_edges,) if name == "edge gradient" else task.state.shape
        if got.shape != shape:
            return f"wrong: its {name} has shape {got.shape} where {shape} was expected"
    for name, off in errors(task, results).items():
        if not off <= allowed:
            return f"wrong: its {name} is off by {off:.1g} of the largest value (allowed: {allowed:g})"
    return ""


def errors(task: Task, results: tuple[ndarray, ...]) -> dict[str, float]:
    """Of every result: its largest difference from double precision, as a share of the largest number."""
    edges = np.sort(np.random.default_rng(1).permutation(task.graph.n_edges)[:EDGES])
    columns = np.arange(task.case.batch if task.case.mode == "unroll" else min(COLUMNS, task.case.batch))
    wanted = _unroll(task, edges) if task.case.mode == "unroll" else _step(task, results[0], columns, edges)
    found = {}
    for name, got, want in zip(RESULTS[task.case.mode], results, wanted, strict=True):
        seen = got[edges] if name == "edge gradient" else got[:, columns]
        found[name] = float(np.abs(seen - want).max() / np.abs(want).max())
    return found


def _matrix(task: Task) -> csr_array:
    g = task.graph
    return csr_array((g.weight.astype(np.float64), g.pre, g.start), shape=(g.n, g.n))


def _per_edge(task: Task, edges: ndarray, receiving: ndarray, sending: ndarray) -> ndarray:
    post = np.searchsorted(task.graph.start, edges, side="right") - 1
    return np.einsum("eb,eb->e", receiving[post], sending[task.graph.pre[edges]])


def _step(task: Task, result: ndarray, columns: ndarray, edges: ndarray) -> tuple[ndarray, ...]:
    matrix, mode = _matrix(task), task.case.mode
    state = np.tanh(matrix @ task.state[:, columns].astype(np.float64))
    if mode == "forward":
        return (state,)
    to_state = matrix.T @ ((1 - state**2) * task.gradient[:, columns])
    if mode == "state":
        return state, to_state
    # The edges need every column; the state has just been compared in some, and is taken from the engine for the others.
    current = (1 - result.astype(np.float64) ** 2) * task.gradient
    return state, to_state, _per_edge(task, edges, current, task.state.astype(np.float64))


def _unroll(task: Task, edges: ndarray) -> tuple[ndarray, ...]:
    matrix = _matrix(task)
    states = [np.zeros(task.state.shape)]
    for _ in range(task.case.steps):
        states.append(np.tanh(matrix @ states[-1] + task.state))
    to_state, to_edge = task.gradient.astype(np.float64), 0.0
    for before, after in zip(states[-2::-1], states[:0:-1], strict=True):
        current = (1 - after**2) * to_state
        to_edge = to_edge + _per_edge(task, edges, current, before)
        to_state = matrix.T @ current
    return states[-1], to_edge

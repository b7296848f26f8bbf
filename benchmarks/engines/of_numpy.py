"""Engines made of NumPy arrays."""

from collections.abc import Callable

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from engines.case import CannotRun, Task

CHUNK = 1 << 18
"""Numbers gathered at once for the gradient of the edges: about what a core keeps near."""


def scipy_csr(task: Task) -> Callable[[], tuple[ndarray, ...]]:
    """The product of scipy, and the gradients written by hand: the order of the transpose is found once."""
    graph, mode = task.graph, task.case.mode
    shape = (graph.n, graph.n)
    matrix = csr_array((graph.weight, graph.pre, graph.start), shape=shape)
    if mode == "forward":
        return lambda: (np.tanh(matrix @ task.state),)
    order = csr_array((np.arange(graph.n_edges, dtype=np.int32), graph.pre, graph.start), shape=shape).tocsc()
    by_pre = order.data
    back = csr_array((graph.weight[by_pre], order.indices, order.indptr), shape=shape)
    post = graph.post()

    def edges(receiving: ndarray, sending: ndarray) -> ndarray:
        result, size = np.empty(graph.n_edges, np.float32), max(1, CHUNK // receiving.shape[1])
        for i in range(0, graph.n_edges, size):
            part = slice(i, i + size)
            np.einsum("eb,eb->e", receiving[post[part]], sending[graph.pre[part]], out=result[part])
        return result

    def step() -> tuple[ndarray, ...]:
        state = np.tanh(matrix @ task.state)
        current = (1 - state * state) * task.gradient
        if mode == "state":
            return state, back @ current
        np.take(graph.weight, by_pre, out=back.data)
        return state, back @ current, edges(current, task.state)

    def unroll() -> tuple[ndarray, ...]:
        np.take(graph.weight, by_pre, out=back.data)
        states = [np.zeros_like(task.state)]
        for _ in range(task.case.steps):
            states.append(np.tanh(matrix @ states[-1] + task.state))
        to_state, to_edge = task.gradient, np.zeros(graph.n_edges, np.float32)
        for before, after in zip(states[-2::-1], states[:0:-1], strict=True):
            current = (1 - after * after) * to_state
            to_edge += edges(current, before)
            to_state = back @ current
        return states[-1], to_edge

    return unroll if mode == "unroll" else step


def reservoirpy(task: Task) -> Callable[[], tuple[ndarray, ...]]:
    """The node of reservoirpy on a scipy matrix; it takes one state at a time and has no gradients."""
    if task.case.mode != "forward":
        raise CannotRun("has no gradients")
    from reservoirpy.nodes import Reservoir

    graph = task.graph
    matrix = csr_array((graph.weight, graph.pre, graph.start), shape=(graph.n, graph.n))
    node = Reservoir(W=matrix, Win=np.zeros((graph.n, 1), np.float32), bias=np.float32(0), dtype=np.float32)
    silence = np.zeros(1, np.float32)
    node.initialize(silence)
    vectors = np.ascontiguousarray(task.state.T)

    def results() -> tuple[ndarray, ...]:
        made = []
        for vector in vectors:
            node.state = {"out": vector}
            made.append(node.step(silence))
        return (np.stack(made, axis=1),)

    return results


def flydnet(task: Task) -> Callable[[], tuple[ndarray, ...]]:
    """The ``transmit`` of flydnet on its own automatic differentiation and C kernels; the batch comes first."""
    import os

    import flydnet.ganglion as fly

    os.environ["FLYDNET_THREADS"] = str(task.case.threads)
    graph, mode = task.graph, task.case.mode
    wiring, _ = fly.wiring(graph.post(), graph.pre, graph.n, graph.n)
    values = fly.Signal(graph.weight, plastic=mode in ("edge", "unroll"))
    given, gradient = (np.ascontiguousarray(a.T) for a in (task.state, task.gradient))
    fixed = None if values.plastic else wiring.matrix(graph.weight)

    def forward() -> tuple[ndarray, ...]:
        with fly.quiescent():
            return (fly.transmit(given, values, wiring, matrix=fixed).tanh().data.T,)

    def step() -> tuple[ndarray, ...]:
        values.retro = None
        state = fly.Signal(given, plastic=True)
        result = fly.transmit(state, values, wiring, matrix=fixed).tanh()
        result.retrograde(gradient)
        return (result.data.T, state.retro.T) + ((values.retro,) if mode == "edge" else ())

    def unroll() -> tuple[ndarray, ...]:
        values.retro = None
        matrix, now = wiring.matrix(values.data), fly.Signal(np.zeros_like(given))
        for _ in range(task.case.steps):
            now = (fly.transmit(now, values, wiring, matrix=matrix) + given).tanh()
        now.retrograde(gradient)
        return now.data.T, values.retro

    return {"forward": forward, "unroll": unroll}.get(mode, step)

"""Engines made of JAX, compiled before the clock starts."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from engines.case import Task

Product = Callable[[Any, Any], Any]
"""From weights and a state to their product."""


def runner(task: Task, product: Product, *, compiles_late: bool = False) -> Callable[[], tuple[np.ndarray, ...]]:
    """One run of the task, compiled. XLA takes its threads from the processors that the process may use.

    ``compiles_late``: kernels that are compiled by their first run get one before the clock starts.
    """
    weight, state, gradient = (jnp.asarray(a) for a in (task.graph.weight, task.state, task.gradient))

    def forward(weight: Any, state: Any, gradient: Any) -> tuple[Any, ...]:
        del gradient
        return (jnp.tanh(product(weight, state)),)

    def state_mode(weight: Any, state: Any, gradient: Any) -> tuple[Any, ...]:
        result, back = jax.vjp(lambda x: jnp.tanh(product(weight, x)), state)
        return result, *back(gradient)

    def edge(weight: Any, state: Any, gradient: Any) -> tuple[Any, ...]:
        result, back = jax.vjp(lambda w, x: jnp.tanh(product(w, x)), weight, state)
        to_weight, to_state = back(gradient)
        return result, to_state, to_weight

    def unroll(weight: Any, state: Any, gradient: Any) -> tuple[Any, ...]:
        def course(w: Any) -> Any:
            def tick(now: Any, _: None) -> tuple[Any, None]:
                return jnp.tanh(product(w, now) + state), None

            return jax.lax.scan(tick, jnp.zeros_like(state), None, task.case.steps)[0]

        result, back = jax.vjp(course, weight)
        return result, *back(gradient)

    modes = {"forward": forward, "state": state_mode, "edge": edge, "unroll": unroll}
    compiled = jax.jit(modes[task.case.mode]).lower(weight, state, gradient).compile()
    if compiles_late:
        jax.block_until_ready(compiled(weight, state, gradient))

    def results() -> tuple[np.ndarray, ...]:
        # On the processor an array of JAX is seen by NumPy without a copy.
        return tuple(np.asarray(a) for a in jax.block_until_ready(compiled(weight, state, gradient)))

    return results


def bcoo(task: Task) -> Callable[[], tuple[np.ndarray, ...]]:
    """JAX's sparse matrix, sorted and without duplicates, and told so."""
    from jax.experimental.sparse import BCOO

    graph = task.graph
    ends = jnp.asarray(np.stack([graph.post(), graph.pre], axis=1))

    def product(weight: Any, state: Any) -> Any:
        return BCOO((weight, ends), shape=(graph.n, graph.n), indices_sorted=True, unique_indices=True) @ state

    return runner(task, product)


def segment_sum(task: Task) -> Callable[[], tuple[np.ndarray, ...]]:
    """Gather, multiply, add up by receiving neuron; JAX is told that edges are sorted."""
    pre, post = jnp.asarray(task.graph.pre), jnp.asarray(task.graph.post())

    def product(weight: Any, state: Any) -> Any:
        return jax.ops.segment_sum(weight[:, None] * state[pre], post, task.graph.n, indices_are_sorted=True)

    return runner(task, product)


def brainevent(task: Task) -> Callable[[], tuple[np.ndarray, ...]]:
    """The CSR of brainevent with its Numba kernels; a single state goes to its product with a vector."""
    import brainevent as be
    from brainevent.config import set_numba_parallel

    set_numba_parallel(task.case.threads > 1, num_threads=task.case.threads)
    graph = task.graph
    matrix = be.CSR((jnp.asarray(graph.weight), graph.pre, graph.start), shape=(graph.n, graph.n))

    def product(weight: Any, state: Any) -> Any:
        matrix_now = matrix.with_data(weight)
        return (matrix_now @ state[:, 0])[:, None] if state.shape[1] == 1 else matrix_now @ state

    return runner(task, product, compiles_late=True)

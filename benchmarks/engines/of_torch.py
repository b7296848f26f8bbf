"""Engines made of torch: anlage, and the ways a sparse product is usually written."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.case import Task
from engines.graph import Graph

Product = Callable[[Tensor], Tensor]
LayOut = Callable[[Tensor], Product]
"""From weights to the product with a state: what is done once per set of weights, apart from what is done at every step."""


def runner(
    task: Task,
    lay_out: LayOut,
    *,
    batch_first: bool = False,
    leaf: Callable[[Tensor], Tensor] = lambda weight: weight,
    activation: Callable[[Tensor], Tensor] = torch.tanh,
    dtype: torch.dtype = torch.float32,
) -> Callable[[], tuple[np.ndarray, ...]]:
    """One run of the task; results have shape ``(neuron, batch)`` whatever order the engine likes.

    ``leaf``: makes of the weights the tensor that receives their gradient and is handed to ``lay_out``. ``activation``: what is
    done with the product, if that has not been done in its own pass. ``dtype``: what weights and states are stored in.
    """
    torch.set_num_threads(task.case.threads)
    weight = leaf(torch.from_numpy(task.graph.weight).to(dtype))
    given = (torch.from_numpy(a).to(dtype) for a in (task.state, task.gradient))
    state, gradient = (a.T.contiguous() if batch_first else a for a in given)
    wants_edges = task.case.mode in ("edge", "unroll")
    weight.requires_grad_(wants_edges)
    state.requires_grad_(task.case.mode in ("state", "edge"))
    fixed = None if wants_edges else lay_out(weight)

    def forward() -> Tensor:
        with torch.no_grad():
            return activation(fixed(state))

    def step() -> Tensor:
        weight.grad = state.grad = None
        result = activation((fixed or lay_out(weight))(state))
        result.backward(gradient)
        return result

    def unroll() -> Tensor:
        weight.grad = None
        product, now = lay_out(weight), torch.zeros_like(state)
        for _ in range(task.case.steps):
            now = torch.tanh(product(now) + state)
        now.backward(gradient)
        return now

    run = {"forward": forward, "unroll": unroll}.get(task.case.mode, step)

    def results() -> tuple[np.ndarray, ...]:
        tensors = (run().detach(), state.grad, weight.grad)
        return tuple(_numpy(t, batch_first) for t in tensors if t is not None)

    return results


def _numpy(tensor: Tensor, batch_first: bool) -> np.ndarray:
    if tensor.layout == torch.sparse_csr:
        return tensor.values().numpy()
    if tensor.dtype == torch.bfloat16:  # numpy has no such numbers
        tensor = tensor.float()
    return tensor.numpy().T if batch_first and tensor.ndim == 2 else tensor.numpy()


def _ends(graph: Graph) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(graph.pre).long(), torch.from_numpy(graph.post()).long()


def anlage(task: Task, dtype: torch.dtype = torch.float32) -> Callable[[], tuple[np.ndarray, ...]]:
    """What `anlage grow` runs; steps in any type, minibatches in single precision."""
    from anlage.network import Leaky, Synapses, Wiring
    from anlage.network.unroll import Course, unroll

    wiring = Wiring(task.graph.topology())
    if task.case.mode != "unroll":
        return runner(
            task,
            lambda weight: partial(Synapses(wiring, weight), activation="tanh"),
            activation=lambda rate: rate,
            dtype=dtype,
        )
    torch.set_num_threads(task.case.threads)
    course = Course(wiring, Leaky(1.0), task.case.steps, torch.arange(task.graph.n))
    bias = torch.zeros(task.graph.n, 1)
    weight, drive, gradient = (torch.from_numpy(a) for a in (task.graph.weight, task.state, task.gradient))
    weight.requires_grad_()

    def results() -> tuple[np.ndarray, ...]:
        weight.grad = None
        state = unroll(course, weight, bias, drive.unsqueeze(0))[-1]
        state.backward(gradient)
        return state.detach().numpy(), weight.grad.numpy()

    return results


def sparse_csr(task: Task) -> Callable[[], tuple[np.ndarray, ...]]:
    """The sparse product of torch in its fastest form: 32-bit indices, and the matrix itself is what receives the gradient.

    Built from a vector of weights at every step, or multiplied by ``@``, it makes a dense gradient of all pairs of neurons.
    """
    graph = task.graph
    start, pre = torch.from_numpy(graph.start), torch.from_numpy(graph.pre)

    def matrix(weight: Tensor) -> Tensor:
        return torch.sparse_csr_tensor(start, pre, weight, size=(graph.n, graph.n), check_invariants=False)

    # With a named reduction torch takes another path, whose gradients cost half; but with 32-bit indices they are wrong once
    # the pairs of neurons cannot be counted in 32 bits (torch 2.13).
    if task.case.mode == "forward" or graph.n**2 >= 2**31:
        return runner(task, lambda w: lambda state: torch.sparse.mm(w, state), leaf=matrix)
    return runner(task, lambda w: lambda state: torch.sparse.mm(w, state, "sum"), leaf=matrix)


def index_add(task: Task) -> Callable[[], tuple[np.ndarray, ...]]:
    """Gather the state at every edge, multiply, add up by receiving neuron."""
    pre, post = _ends(task.graph)
    shape = task.state.shape

    def lay_out(weight: Tensor) -> Product:
        column = weight.unsqueeze(1)
        return lambda state: torch.zeros(shape).index_add(0, post, column * state[pre])

    return runner(task, lay_out)


def gather_scatter(task: Task) -> Callable[[], tuple[np.ndarray, ...]]:
    """The same with the batch first and ``scatter_add``, as flyvis lays it out (Lappalainen et al. 2024)."""
    pre, post = _ends(task.graph)
    post = post.expand(task.case.batch, -1)

    def lay_out(weight: Tensor) -> Product:
        return lambda state: torch.zeros_like(state).scatter_add(1, post, weight * state[:, pre])

    return runner(task, lay_out, batch_first=True)


def dense(task: Task) -> Callable[[], tuple[np.ndarray, ...]]:
    """A full matrix that is zero where there is no edge; its gradient is read where there is one."""
    n = task.graph.n
    place = torch.from_numpy(task.graph.post().astype(np.int64) * n + task.graph.pre)

    def matrix(weight: Tensor) -> Tensor:
        return torch.zeros(n * n).index_put((place,), weight).view(n, n)

    run = runner(task, lambda w: w.__matmul__, leaf=matrix)
    if task.case.mode not in ("edge", "unroll"):
        return run

    def results() -> tuple[np.ndarray, ...]:
        *states, to_pairs = run()
        return *states, to_pairs.reshape(-1)[place.numpy()]

    return results


def pyg_message_passing(task: Task) -> Callable[[], tuple[np.ndarray, ...]]:
    """PyTorch Geometric's general layer."""
    from torch_geometric.nn import MessagePassing

    class Layer(MessagePassing):
        def __init__(self) -> None:
            super().__init__(aggr="add")

        def forward(self, ends: Tensor, x: Tensor, weight: Tensor) -> Tensor:
            return self.propagate(ends, x=x, weight=weight)

        def message(self, x_j: Tensor, weight: Tensor) -> Tensor:
            return weight.unsqueeze(1) * x_j

    layer, ends = Layer(), torch.stack(_ends(task.graph))
    return runner(task, lambda weight: lambda state: layer(ends, state, weight))


def pyg_edge_index(task: Task) -> Callable[[], tuple[np.ndarray, ...]]:
    """PyTorch Geometric's sorted index with its caches filled."""
    from torch_geometric import EdgeIndex

    pre, post = _ends(task.graph)
    index = EdgeIndex(torch.stack([post, pre]), sparse_size=(task.graph.n, task.graph.n), sort_order="row")
    index.fill_cache_()
    matmul: Any = index.matmul
    return runner(task, lambda weight: lambda state: matmul(state, weight))

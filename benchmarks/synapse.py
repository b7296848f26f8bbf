"""One recurrent step, and twenty of them, against the ways they are usually written in torch.

    python benchmarks/synapse.py

Every engine computes ``tanh(W x)`` on the same graph and agrees with the dense product; one thread; median CPU time. ``edge``
is forward plus gradients for the state and for every edge; ``unroll`` is twenty such steps in one training minibatch.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from anlage.network import Leaky, Wiring, synapse
from anlage.network.unroll import Course, unroll
from anlage.topology import Topology
from machine import cpu_ms, keep

SIZES = {"worm": (302, 5_126), "larva": (2_952, 110_677)}
TICKS = 20


def random_graph(n: int, n_edges: int) -> Topology:
    """A heavy-tailed random graph, scaled by mean in-degree, so that activity neither dies nor explodes."""
    rng = np.random.default_rng(0)
    share = rng.lognormal(size=n)
    share /= share.sum()
    keys = np.zeros(0, dtype=np.int64)
    while len(keys) < n_edges:
        more = rng.choice(n, 2 * n_edges, p=share) * n + rng.choice(n, 2 * n_edges, p=share)
        keys = np.unique(np.concatenate([keys, more]))
    keys = np.sort(rng.permutation(keys)[:n_edges])
    return Topology.of(n, keys % n, keys // n, rng.standard_normal(n_edges) / np.sqrt(n_edges / n))


def engines(topology: Topology) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Ways to compute ``W x`` from the weight vector and a state of shape ``(neuron, batch)``, by name."""
    wiring, n = Wiring(topology), topology.n_neurons
    pre, post = torch.from_numpy(topology.pre).long(), torch.from_numpy(topology.post).long()
    start = torch.from_numpy(np.searchsorted(topology.post, np.arange(n + 1)).astype(np.int32))

    def torch_csr(weight: Tensor, state: Tensor) -> Tensor:
        return torch.sparse_csr_tensor(start, wiring.pre, weight, size=(n, n)) @ state

    def gather_scatter(weight: Tensor, state: Tensor) -> Tensor:
        return torch.zeros_like(state).index_add(0, post, weight.unsqueeze(1) * state[pre])

    def dense(weight: Tensor, state: Tensor) -> Tensor:
        return torch.zeros(n, n).index_put((post, pre), weight) @ state

    return {
        "anlage": lambda weight, state: synapse(wiring, weight, state),
        "torch sparse CSR": torch_csr,
        "gather and scatter": gather_scatter,
        "dense": dense,
    }


def edge_step(product: Callable[[Tensor, Tensor], Tensor], weight: Tensor, state: Tensor) -> None:
    """Forward and both gradients of one step."""
    weight.grad = state.grad = None
    torch.tanh(product(weight, state)).sum().backward()


def training_unroll(product: Callable[[Tensor, Tensor], Tensor], weight: Tensor, state: Tensor) -> None:
    """Twenty steps, then the gradients."""
    weight.grad = None
    now = state.detach()
    for _ in range(TICKS):
        now = torch.tanh(product(weight, now))
    now.sum().backward()


def our_unroll(topology: Topology) -> Callable[[Tensor, Tensor], None]:
    """The same twenty steps through the fused unroll."""
    course = Course(Wiring(topology), Leaky(1.0), TICKS, torch.arange(topology.n_neurons))
    bias = torch.zeros(topology.n_neurons, 1)

    def step(weight: Tensor, state: Tensor) -> None:
        weight.grad = None
        unroll(course, weight, bias, state.detach().unsqueeze(0))[-1].sum().backward()

    return step


def main() -> None:
    """Time every engine on every size and keep the ratios."""
    torch.set_num_threads(1)
    results: dict[str, object] = {}
    for name, (n, n_edges) in SIZES.items():
        topology = random_graph(n, n_edges)
        weight = torch.from_numpy(topology.weight).float().requires_grad_()
        state = torch.randn(n, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
        known = engines(topology)
        wanted = torch.from_numpy(topology.dense()).float() @ state
        rows: dict[str, dict[str, float]] = {}
        for engine, product in known.items():
            if not torch.allclose(product(weight, state), wanted, atol=1e-4):
                raise SystemExit(f"{engine} does not compute the product.")
            many = our_unroll(topology) if engine == "anlage" else partial(training_unroll, product)
            rows[engine] = {
                "edge_ms": cpu_ms(partial(edge_step, product, weight, state)),
                "unroll_ms": cpu_ms(partial(many, weight, state), runs=5),
            }
        for row in rows.values():
            row["edge_ratio"] = round(row["edge_ms"] / rows["anlage"]["edge_ms"], 1)
            row["unroll_ratio"] = round(row["unroll_ms"] / rows["anlage"]["unroll_ms"], 1)
            row["edge_ms"], row["unroll_ms"] = round(row["edge_ms"], 3), round(row["unroll_ms"], 2)
        results[name] = {"neurons": n, "edges": n_edges, "batch": 32, "ticks": TICKS, "engines": rows}
    keep("synapse", {"threads": 1, "graphs": results})


if __name__ == "__main__":
    main()

"""What the numbering of the neurons is worth to the sparse product, on the fly's optic lobe.

    python benchmarks/order.py

One forward product in single precision, batch 32, one thread: neurons numbered as in the data (by anatomy), as reverse
Cuthill-McKee puts them (``near``), and at random. The three take turns, so that what else the machine does hits all alike.
"""

import time
from statistics import median

import numpy as np
import torch

from anlage.connectome.library import load
from anlage.network import Synapses, Wiring
from anlage.topology import Topology, build
from anlage.topology.renumber import near, renumber
from machine import keep

BATCH, RUNS = 32, 41


def orders(topology: Topology) -> dict[str, Topology]:
    """The same topology, numbered in three ways."""
    at_random = np.random.default_rng(0).permutation(topology.n_neurons)
    return {
        "anatomical": topology,
        "reverse Cuthill-McKee": renumber(topology, near(topology)),
        "random": renumber(topology, at_random),
    }


def main() -> None:
    """Time the three in turn and keep the medians."""
    torch.set_num_threads(1)
    topology = build(load("optic-lobe"))
    state = torch.randn(topology.n_neurons, BATCH, generator=torch.Generator().manual_seed(0))
    numbered = orders(topology)
    products = {name: Synapses(Wiring(each), torch.from_numpy(each.weight).float()) for name, each in numbered.items()}
    times: dict[str, list[float]] = {name: [] for name in products}
    for run in range(RUNS + 2):
        for name, product in products.items():
            start = time.process_time()
            product(state)
            if run >= 2:  # the first lays the wiring out, the second the weights
                times[name].append(1e3 * (time.process_time() - start))
    medians = {name: round(median(each), 2) for name, each in times.items()}
    keep("order", {"graph": "optic-lobe", "edges": topology.n_edges, "batch": BATCH, "runs": RUNS, "cpu_ms": medians})


if __name__ == "__main__":
    main()

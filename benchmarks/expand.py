"""How long an expansion takes and what it keeps, against the loop that one would write, and NetworkX's degrees without blocks.

    python benchmarks/expand.py

On the larva when its data are here, else on a random graph of the same size. The loop draws a degree-corrected block model at
factor 2: for each pair of blocks a number of edges, for each edge two ends from cumulated propensities, a set for look-up.
"""

from bisect import bisect
from collections import defaultdict
from dataclasses import asdict
from itertools import accumulate
from time import process_time

import networkx as nx
import numpy as np

from anlage.topology import Resized, Topology, certify_expansion, expand
from anlage.topology import quantity as q
from anlage.topology.resized import block_numbers
from machine import cpu_ms, keep, peak_mb
from rewire import graph

FACTORS = (1.5, 10.0, 100.0)
SHOWN = 10.0


def plain_loop(topology: Topology, rng: np.random.Generator) -> int:
    """Newcomers' edges at factor 2, one at a time; returns their number."""
    n, block = topology.n_neurons, np.tile(block_numbers(topology, None), 2)
    out, into = (np.tile(q.degrees(topology, end), 2) for end in ("pre", "post"))
    members = [np.flatnonzero(block == g).tolist() for g in range(block.max() + 1)]
    ways = [[list(accumulate(d[rows].tolist())) for rows in members] for d in (out, into)]
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for a, b in zip(block[topology.pre].tolist(), block[topology.post].tolist(), strict=True):
        counts[a, b] += 1
    edges = set(zip(topology.pre.tolist(), topology.post.tolist(), strict=True))
    before = len(edges)
    for (a, b), count in counts.items():
        wanted, tried = rng.poisson(2 * count), 0
        while wanted and tried < 100 * count:
            u = members[a][bisect(ways[0][a], rng.random() * ways[0][a][-1])]
            v = members[b][bisect(ways[1][b], rng.random() * ways[1][b][-1])]
            tried += 1
            if u < n and v < n:
                wanted -= 1
            elif u != v and (u, v) not in edges:
                edges.add((u, v))
                wanted -= 1
    return len(edges) - before


def configuration_model(topology: Topology) -> int:
    """NetworkX: the same degrees twice over, blocks and the original not kept, edges doubled where chance has it."""
    out, into = (np.tile(q.degrees(topology, end), 2).tolist() for end in ("pre", "post"))
    return nx.directed_configuration_model(into, out, seed=0).number_of_edges()


def poisson_degree(topology: Topology, factor: float) -> float:
    """Mean degree to expect if synapses, not edges, are drawn from blocks by role, one Poisson number per pair of neurons.

    This is the published model as we read its description: propensities are shares of a block's synapses.
    """
    block = q.blocks(topology, tuple(name for name in ("input", "inter", "output") if name in topology.groups))
    out, into = (q.strengths(topology, end) for end in ("pre", "post"))
    total = np.zeros((block.max() + 1,) * 2)
    np.add.at(total, (block[topology.pre], block[topology.post]), np.abs(topology.weight))
    one, other = (s / np.maximum(1, np.bincount(block, s))[block] for s in (out, into))
    rate = np.outer(one, other) * total[np.ix_(block, block)] / factor
    return float(-np.expm1(-rate).sum() * factor / topology.n_neurons)


def measured(topology: Topology, factor: float) -> tuple[dict[str, object], Resized]:
    """Time, size and given-up ties of one expansion, certified."""
    start = process_time()
    resized = expand(topology, factor, np.random.default_rng(0))
    made = process_time() - start
    peak = peak_mb()
    certify_expansion(resized).demand()
    return {
        "factor": factor,
        "neurons": resized.topology.n_neurons,
        "edges": resized.topology.n_edges,
        "cpu_s": round(made, 2),
        "peak_mb": round(peak),
        "certificate_cpu_s": round(process_time() - start - made, 2),
        "history": str(resized.topology.history[-1]),
    }, resized


def main() -> None:
    """Time every factor and keep the certificate of one."""
    name, topology = graph()
    sizes, table = [], []
    for factor in FACTORS:
        size, resized = measured(topology, factor)
        sizes.append(size)
        if factor == SHOWN:
            table = [asdict(row) for row in certify_expansion(resized).rows]
    twice = cpu_ms(lambda: expand(topology, 2.0, np.random.default_rng(0)), runs=5)
    loop = cpu_ms(lambda: plain_loop(topology, np.random.default_rng(0)), runs=1)
    networkx = cpu_ms(lambda: configuration_model(topology), runs=1)
    keep(
        "expand",
        {
            "graph": name,
            "neurons": topology.n_neurons,
            "edges": topology.n_edges,
            "sizes": sizes,
            "anlage_twice_cpu_s": round(twice / 1e3, 2),
            "plain_loop_twice_cpu_s": round(loop / 1e3, 2),
            "ratio": round(loop / twice, 1),
            "networkx_twice_cpu_s": round(networkx / 1e3, 2),
            "networkx_ratio": round(networkx / twice, 1),
            "mean_degree": round(topology.n_edges / topology.n_neurons, 1),
            "poisson_mean_degree": {f"{f:g}": round(poisson_degree(topology, f), 1) for f in (1.0, SHOWN)},
            "shown_factor": SHOWN,
            "promises": table,
        },
    )


if __name__ == "__main__":
    main()

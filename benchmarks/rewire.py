"""How long a certified degree-preserving rewire takes, against the plain loop that most code uses.

    python benchmarks/rewire.py

On the larva when its data are here, else on a random graph of the same size. The loop picks two edges at random, looks both new
edges up in a set, and swaps; it is timed on a tenth of the swaps and scaled.
"""

import numpy as np

from anlage.connectome.library import load
from anlage.errors import DataMissing
from anlage.topology import DegreePreserving, Topology, build, certify
from machine import cpu_ms, keep, peak_mb

SWAPS_PER_EDGE = 10.0


def graph() -> tuple[str, Topology]:
    """The larva, or a random stand-in of its size, by name."""
    try:
        return "larva", build(load("larva"))
    except DataMissing:
        rng, n = np.random.default_rng(0), 2952
        keys = np.unique(rng.integers(0, n * n, 112_000))[:110_677]
        return "random graph of larva size", Topology.of(n, keys % n, keys // n, np.ones(len(keys)))


def plain_loop(topology: Topology, swaps: int, rng: np.random.Generator) -> int:
    """The usual way: one pair of edges at a time, a set of edges for look-up. Returns the swaps done."""
    pre, post = topology.pre.tolist(), topology.post.tolist()
    edges = set(zip(pre, post, strict=True))
    done = 0
    while done < swaps:
        i, j = (int(k) for k in rng.integers(len(pre), size=2))
        a, b, c, d = pre[i], post[i], pre[j], post[j]
        if a in (c, d) or b in (c, d) or (a, d) in edges or (c, b) in edges:
            continue
        edges -= {(a, b), (c, d)}
        edges |= {(a, d), (c, b)}
        post[i], post[j] = d, b
        done += 1
    return done


def main() -> None:
    """Time both and keep the ratio."""
    name, topology = graph()
    control = DegreePreserving(SWAPS_PER_EDGE)
    ours = cpu_ms(lambda: control(topology, np.random.default_rng(0)), runs=5)
    swaps = int(SWAPS_PER_EDGE * topology.n_edges / 2)  # one swap moves two edges
    loop = 10 * cpu_ms(lambda: plain_loop(topology, swaps // 10, np.random.default_rng(0)), runs=1)
    made = control(topology, np.random.default_rng(0))
    certify(control, topology, made).demand()
    keep(
        "rewire",
        {
            "graph": name,
            "edges": topology.n_edges,
            "swaps_per_edge": SWAPS_PER_EDGE,
            "anlage_cpu_s": round(ours / 1e3, 2),
            "plain_loop_cpu_s": round(loop / 1e3, 2),
            "ratio": round(loop / ours, 1),
            "history": str(made.history[-1]),
            "peak_mb": round(peak_mb()),
        },
    )


if __name__ == "__main__":
    main()

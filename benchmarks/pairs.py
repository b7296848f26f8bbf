"""anlage and another engine in turn, a process each, as often as asked: what a machine that others use says more reliably.

    python benchmarks/pairs.py larva "edge 128 1 1" "torch sparse CSR" 12
    python benchmarks/pairs.py flywire-size "forward 128 1 1" "torch sparse CSR" 5

A case is mode, batch, threads, steps. Every pair gives one ratio of median CPU times.
"""

import sys
import warnings
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from engines import host, known
from engines.case import Case
from engines.graph import keep_graph, make

LIMITS = (1.0, 12.0, 120.0)
"""Seconds of repetitions, GB of memory, and seconds after which a case is ended."""


def main() -> None:
    """Time them, and say every ratio."""
    warnings.simplefilter("ignore")
    name, key, rival, times = sys.argv[1:]
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / name
        keep_graph(make(name), folder)
        ratios = []
        for _ in range(int(times)):
            ours, theirs = (host.forked(known.load(e), folder, Case.of(key), LIMITS) for e in (known.OURS, rival))
            if "cpu_ms" not in ours or "cpu_ms" not in theirs:
                raise SystemExit(f"{known.OURS}: {ours}\n{rival}: {theirs}")
            ratios.append(theirs["cpu_ms"][1] / ours["cpu_ms"][1])  # type: ignore[index]
            print(f"{ours['cpu_ms'][1]:,.4g} ms, {theirs['cpu_ms'][1]:,.4g} ms: {ratios[-1]:.2f}", flush=True)  # type: ignore[index]
    print(f"{name}, {key}: {min(ratios):.2f} to {max(ratios):.2f}, median {median(ratios):.2f}")


if __name__ == "__main__":
    main()

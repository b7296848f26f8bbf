"""What storing states and weights in bfloat16 is worth, beside single precision and torch's sparse product.

    python benchmarks/half.py larva flywire-size

The modes are those of engine.py (forward; edge: a step with the gradients of the state and of every edge), on one thread. The
three take turns in one process, so that what else the machine does hits all alike; torch is single precision. The error is the
largest difference from double precision as a share of the largest number, with what was lost when the numbers were stored.
"""

import sys
import warnings
from functools import partial
from statistics import median

import torch

from engines import of_torch, oracle
from engines.case import Case, Task
from engines.graph import Graph, make
from machine import in_turn, keep

CASES = (Case("forward", 32), Case("forward", 128), Case("edge", 32), Case("edge", 128))
ENGINES = {
    "single": of_torch.anlage,
    "half": partial(of_torch.anlage, dtype=torch.bfloat16),
    "torch": of_torch.sparse_csr,
}
SECONDS, LEAST = 20.0, 7
"""Turns are taken for so long, and at least so often."""


def measured(graph: Graph, case: Case) -> dict[str, object]:
    """One row: median times, the largest errors, and the quartiles of the ratios turn by turn."""
    task = Task.of(graph, case)
    engines = {name: prepare(task) for name, prepare in ENGINES.items()}
    errors = {name: max(oracle.errors(task, run()).values()) for name, run in engines.items()}
    times = dict(zip(engines, in_turn(list(engines.values()), runs=LEAST, seconds=SECONDS), strict=True))

    def over(slow: str, fast: str) -> list[float]:
        ratios = sorted(a / b for a, b in zip(times[slow], times[fast], strict=True))
        return [round(ratios[int(q * (len(ratios) - 1))], 2) for q in (0.25, 0.5, 0.75)]

    return {
        "turns": len(times["half"]),
        "cpu_ms": {name: round(median(each), 3) for name, each in times.items()},
        "error": {name: float(f"{value:.1g}") for name, value in errors.items()},
        "single_over_half": over("single", "half"),
        "torch_over_single": over("torch", "single"),
        "torch_over_half": over("torch", "half"),
    }


def main() -> None:
    """Measure every case on the graphs that are named, and keep them."""
    warnings.simplefilter("ignore")
    rows = []
    for name in sys.argv[1:]:
        graph = make(name)
        for case in CASES:
            rows.append({"graph": name, "case": str(case), **measured(graph, case)})
            print(rows[-1], file=sys.stderr, flush=True)
    keep("half", {"rows": rows})


if __name__ == "__main__":
    main()

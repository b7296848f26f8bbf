"""What every rung of the ladder costs on three connectomes, and how far what it makes is from what it promises.

    python benchmarks/ladder.py [CONNECTOME ...]

Each rung makes one graph in a process of its own, which measures its CPU time (making and audit apart) and how much memory it
needed beyond the connectome. Connectomes that are not named keep what was measured before.
"""

import json
import multiprocessing
import sys
import time
from dataclasses import asdict

import numpy as np
from threadpoolctl import threadpool_limits

from anlage.connectome.library import load
from anlage.errors import AnlageError
from anlage.study.question import CONTROLS
from anlage.topology import Chain, Topology, build, certify
from machine import RESULTS, keep, peak_mb

WIRINGS = {
    "worm": {"kinds": ["chemical"], "signs": "transmitter"},
    "larva": {"kinds": ["chemical"]},
    "optic-lobe-2": {},
}


def rung(name: str, topology: Topology) -> dict[str, object]:
    """One graph of a control: cost, overlap with the original, and the findings that have a tolerance."""
    control, before = CONTROLS[name](), peak_mb()
    with threadpool_limits(1):
        start = time.process_time()
        try:
            made = control(topology, np.random.default_rng(0))
        except AnlageError as error:
            return {"refused": str(error)}
        middle = time.process_time()
        certificate = certify(control, topology, made)
        end = time.process_time()
    return {
        "cpu_s": round(middle - start, 3),
        "audit_cpu_s": round(end - middle, 3),
        "peak_mb": round(peak_mb() - before),
        "edges": made.n_edges,
        "left_in_place": round(float(np.isin(topology.key(), made.key()).mean()), 4),
        "chain": isinstance(control, Chain),
        "broken": [str(finding) for finding in certificate.broken],
        "tolerated": [asdict(finding) for finding in certificate.findings if finding.tolerance],
    }


def alone(name: str, topology: Topology) -> dict[str, object]:
    """The rung in a process of its own, so that its memory is its own."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=lambda: queue.put(rung(name, topology)))
    process.start()
    found: dict[str, object] = queue.get()
    process.join()
    return found


def main() -> None:
    """Measure the connectomes named, or all."""
    path = RESULTS / "ladder.json"
    wirings = json.loads(path.read_text())["wirings"] if path.exists() and len(sys.argv) > 1 else {}
    for name in sys.argv[1:] or WIRINGS:
        topology = build(load(name), **WIRINGS[name])
        rungs = {control: alone(control, topology) for control in CONTROLS}
        wirings[name] = {"neurons": topology.n_neurons, "edges": topology.n_edges, "rungs": rungs}
        keep("ladder", {"wirings": wirings})


if __name__ == "__main__":
    main()

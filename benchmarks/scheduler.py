"""What handing out a trial costs: stub trials that do nothing, in local processes and on a Ray cluster of the same width.

    python benchmarks/scheduler.py [TRIALS] [WORKERS]

The cost of a trial is the wall time from the first record to the last, over the trials between them, so that starting
processes is not counted; nothing is written to disk. The two clocks, wall and processor of this process, are both kept.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from anlage.study.cluster import RayCluster
from anlage.study.compare import in_processes
from anlage.study.question import Question
from anlage.study.trial import CONNECTOME, Record, Trial
from machine import keep

REALISTIC_S = 10.0
"""A short trial of the digits study, on one core; see main_job.json for the whole."""


@dataclass(frozen=True)
class Stub(Trial):
    """A trial that does nothing."""

    def run(self) -> Record:
        """A record as long as a real one, and nothing else."""
        return {"index": self.index, "curve": [{"step": i, "prediction_error": 0.5} for i in range(50)]}


def measured(pool: Callable[[Sequence[Trial]], Any], trials: Sequence[Trial]) -> dict[str, float]:
    """Milliseconds per trial between the first record and the last."""
    with closing(pool(trials)) as records:
        next(records)
        wall, used, left = time.monotonic(), time.process_time(), 0
        for _ in records:
            left += 1
        wall, used = time.monotonic() - wall, time.process_time() - used
    return {
        "trials": left + 1,
        "ms_per_trial": round(1e3 * wall / left, 3),
        "scheduler_cpu_ms_per_trial": round(1e3 * used / left, 3),
        "share_of_a_trial_percent": round(100 * wall / left / REALISTIC_S, 4),
    }


def main() -> None:
    """Both pools, one after the other."""
    n, workers = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 10_000), (2, 2)))
    question = Question()
    trials = [Stub(question, CONNECTOME, index) for index in range(n)]
    results: dict[str, object] = {"workers": workers, "trial_s": REALISTIC_S, "load": round(os.getloadavg()[0], 1)}
    results["local"] = measured(lambda missing: in_processes(missing, workers), trials)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray.cluster_utils import Cluster
    except ImportError:
        results["ray"] = "not installed"
    else:
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": workers})
        results |= {"ray_version": ray.__version__, "ray": measured(RayCluster(cluster.address), trials)}
        cluster.shutdown()
    keep("scheduler", results)


if __name__ == "__main__":
    main()

"""Kill a practice at twenty random moments, go on each time, and compare with one that was left alone, byte by byte.

    python benchmarks/ppo_killed.py

The worm's wiring in the swimmer. The moments are drawn from a seed; where they fall in the work depends on the machine.
"""

import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from anlage.experience.bodies import open_world
from anlage.learning.policy import Policy, motor_network
from anlage.learning.ppo import Practice, practise
from anlage.learning.recipe import Blueprint, PortChoice
from anlage.network import Physiology, scale
from anlage.seed import Seed
from machine import keep

KILLS, BODIES, STRETCH, ITERATIONS = 20, 4, 48, 30


def child(path: Path) -> None:
    """Practise, saying so after every iteration."""
    torch.set_num_threads(1)
    worlds = [open_world("swimmer") for _ in range(BODIES)]
    topology, size = scale(Blueprint().topology(), 0.9)[0], (worlds[0].n_observed, worlds[0].n_action)
    network = motor_network(topology, PortChoice(), size, Physiology(), torch.Generator().manual_seed(0))
    practice = Practice(
        BODIES * STRETCH * ITERATIONS, BODIES, STRETCH, segment=16, epochs=2, batch=64, last_rate=0.1, save_every=1
    )
    said = lambda done, _total: print(done // (BODIES * STRETCH), flush=True)  # noqa: E731
    practise(Policy(network, size[1]), worlds, practice, Seed(0), checkpoint=path, progress=said)


def started(path: Path) -> "subprocess.Popen[str]":
    """A process that practises."""
    return subprocess.Popen([sys.executable, __file__, str(path)], stdout=subprocess.PIPE, text=True)


def main() -> None:
    """Run, kill, run on, compare."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        alone, killed = Path(folder) / "alone", Path(folder) / "killed"
        started(alone).wait()
        reached = []
        for _ in range(KILLS):
            process, last = started(killed), 0
            for _ in range(int(rng.integers(1, 3))):  # let it come to a random iteration
                line = process.stdout.readline()  # type: ignore[union-attr]
                last = int(line) if line else last
            time.sleep(rng.uniform(0, 0.4))  # and to a random moment of the next one
            process.kill()
            process.wait()
            reached.append(last)
            print(f"killed after iteration {last} of {ITERATIONS}", flush=True)
        started(killed).wait()
        sums = [sha256(path.read_bytes()).hexdigest() for path in (alone, killed)]
    same = sums[0] == sums[1]
    keep(
        "ppo_killed", {"kills": KILLS, "iterations": ITERATIONS, "killed_after": reached, "sha256": sums, "same": same}
    )
    raise SystemExit(not same)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(Path(sys.argv[1]))
    else:
        main()

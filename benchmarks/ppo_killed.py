"""Kill a practice at twenty random moments, go on each time, and compare with one that was left alone, to the last bit.

    python benchmarks/ppo_killed.py

The worm's wiring in the swimmer. The moments are drawn from a seed; where they fall in the work depends on the machine.
"""

import tempfile
import time
from hashlib import sha256
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from anlage.experience.bodies import open_world
from anlage.learning.policy import Policy, motor_network
from anlage.learning.ppo import Practice, practise
from anlage.learning.recipe import Blueprint, PortChoice
from anlage.network import Physiology, scale
from anlage.seed import Seed
from machine import keep

KILLS, BODIES, STRETCH, ITERATIONS = 20, 4, 48, 60


def child(path: Path, said: Connection) -> None:
    """Practise, and say so after every iteration."""
    torch.set_num_threads(1)
    worlds = [open_world("swimmer") for _ in range(BODIES)]
    topology, size = scale(Blueprint().topology(), 0.9)[0], (worlds[0].n_observed, worlds[0].n_action)
    network = motor_network(topology, PortChoice(), size, Physiology(), torch.Generator().manual_seed(0))
    practice = Practice(
        BODIES * STRETCH * ITERATIONS, BODIES, STRETCH, segment=16, epochs=2, batch=64, last_rate=0.1, save_every=1
    )
    policy = Policy(network, size[1])
    practise(policy, worlds, practice, Seed(0), checkpoint=path, progress=lambda done, _: said.send(done))


def checksum(path: Path) -> str:
    """Of every tensor and of the curve. A file's own bytes will not do: safetensors writes its header in any order."""
    with safe_open(path, framework="pt") as file:
        header, total = file.metadata(), sha256()
        for name in sorted(file.keys()):
            total.update(name.encode() + file.get_tensor(name).numpy().tobytes())
    return sha256(f"{header['identity']} {header['progress']} {total.hexdigest()}".encode()).hexdigest()


def started(path: Path) -> tuple[ForkProcess, Connection]:
    """A process that practises, and where it says how far it is."""
    here, there = Pipe(duplex=False)
    process = get_context("fork").Process(target=child, args=(path, there))
    process.start()
    there.close()  # so that its end is heard
    return process, here


def main() -> None:
    """Run, kill, run on, compare."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        alone, killed = Path(folder) / "alone", Path(folder) / "killed"
        started(alone)[0].join()
        reached = []
        for _ in range(KILLS):
            process, said = started(killed)
            last = said.recv() // (BODIES * STRETCH)  # it has gone on
            time.sleep(rng.uniform(0, 0.8))  # to a random moment
            process.kill()
            process.join()
            reached.append(last)
            print(f"killed after iteration {last} of {ITERATIONS}", flush=True)
        started(killed)[0].join()
        sums = [checksum(path) for path in (alone, killed)]
    same = sums[0] == sums[1]
    keep(
        "ppo_killed",
        {"kills": KILLS, "iterations": ITERATIONS, "killed_after": reached, "checksum": sums, "same": same},
    )
    raise SystemExit(not same)


if __name__ == "__main__":
    main()

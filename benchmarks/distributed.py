"""What a network on 1, 2 and 4 processes sends, holds and takes, beside what the model in docs/scale.md says.

    python benchmarks/distributed.py

Each number of ranks is one torchrun of this file. Bytes sent are read from the operating system (the acknowledged bytes of every
TCP connection of the process), so they contain the headers of the transport; what is left after the predicted bytes must be the
same number for every message. The machine's cores bound what times can show: ranks beyond them wait for one another.
"""

import json
import math
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from statistics import median

import torch
import torch.distributed as dist

from anlage.connectome.library import load
from anlage.errors import DataMissing
from anlage.network import Cut, DistributedNetwork, Physiology, cut, partition, scale
from anlage.network.distributed import Course, unroll_shard
from anlage.network.kernel import BLOCK
from anlage.network.partition import expected_halo
from anlage.network.wiring import Wiring
from anlage.topology import Topology, build
from machine import keep

GRAPHS = ("worm", "larva", "optic-lobe")
RANKS = (1, 2, 4)
BATCH, TIME, TICKS, RUNS = 8, 5, 2, 9
ACKNOWLEDGED = 120
"""Offset of ``tcpi_bytes_acked`` in Linux's ``struct tcp_info``."""


def acknowledged_bytes() -> int:
    """Bytes that this process's peers have acknowledged, over all its TCP connections, since each was opened."""
    time.sleep(0.2)  # the last acknowledgements are on their way
    total = 0
    for path in Path("/proc/self/fd").iterdir():
        try:
            if str(path.readlink()).startswith("socket:"):
                with socket.socket(fileno=os.dup(int(path.name))) as connection:
                    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
                    total += struct.unpack_from("Q", info, ACKNOWLEDGED)[0]
        except OSError:
            continue  # closed meanwhile, or not TCP
    return total


def sent_during(work: Callable[[], object]) -> int:
    """Bytes that this rank sends while it works; all ranks work together and are quiet before and after."""
    dist.barrier()
    before = acknowledged_bytes()
    work()
    sent = acknowledged_bytes() - before
    dist.barrier()
    return sent


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Milliseconds: median CPU time of this process, all threads together, and least wall time; all ranks start together."""
    cpu, wall = [], []
    for _ in range(RUNS + 1):
        dist.barrier()
        start = time.process_time(), time.perf_counter()
        work()
        cpu.append(1e3 * (time.process_time() - start[0]))
        wall.append(1e3 * (time.perf_counter() - start[1]))
    return {"cpu_ms": median(cpu[1:]), "wall_ms": min(wall[1:])}


def held_bytes(network: DistributedNetwork) -> int:
    """Bytes of every tensor a rank keeps between sequences, without its ports; each is counted once."""
    named = [*network.named_parameters(), *network.named_buffers()]
    tensors = [tensor for name, tensor in named if not name.startswith("ports.")]
    for wiring in (module for module in network.modules() if isinstance(module, Wiring)):
        for layout in (wiring.forward_layout, wiring.backward_layout):
            kept = (layout.start, layout.segment, layout.other, layout.place, layout.order)
            tensors += [tensor for tensor in kept if tensor is not None]
    return sum({t.data_ptr(): t.numel() * t.element_size() for t in tensors if t.numel()}.values())


def predicted_bytes(counted: Cut, rank: int) -> int:
    """The same by formula; see docs/scale.md."""
    own, halo, sent = int(counted.neurons[rank]), int(counted.halo[rank].sum()), int(counted.halo[:, rank].sum())
    edges = int(counted.near[rank] + counted.far[rank])
    neurons = 8 * (own + halo + sent) + 4 * own
    return 28 * edges + _row_bytes(own) + _row_bytes(max(own, halo)) + neurons


def _row_bytes(neurons: int) -> int:
    """Where the edges of each neuron and block begin, both ways."""
    blocks = math.ceil(neurons / BLOCK)
    by_block = 4 * (blocks * neurons + 1)
    return 8 * (neurons + 1) + by_block + (2 * by_block - 4 if blocks > 1 else 0)


def measured(topology: Topology) -> dict[str, object]:
    """Everything about one wiring on this rank, beside what was predicted."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    shares, generator = partition(topology, ranks), torch.Generator().manual_seed(0)
    counted = cut(topology, shares)
    network = DistributedNetwork(topology, shares, ("input",), ("output",), 4, Physiology(ticks=TICKS), generator)
    shard, halo, driven = network.shard, network.halo, network.ports.input
    course = Course(shard, halo, network.physiology.dynamics, TICKS, driven)
    weight, bias = network.effective_weight().detach().requires_grad_(), network.bias.detach()
    drive = torch.randn(TIME, len(driven), BATCH, generator=generator)
    silence, heard = torch.zeros(len(shard.own), BATCH), torch.zeros(shard.side, BATCH)
    near, far = shard.lay_out(weight)

    def forward() -> torch.Tensor:
        return unroll_shard(course, weight, bias, drive, silence)

    states = forward()
    upstream = torch.ones_like(states)
    forward_bytes, backward_bytes = sent_during(forward), sent_during(lambda: states.backward(upstream))
    both = timed(lambda: forward().backward(upstream))
    with torch.no_grad():
        alone = timed(forward)
    ticks = TIME * TICKS
    return {
        "neurons": topology.n_neurons,
        "edges": topology.n_edges,
        "how": counted.how,
        "share": round(counted.share, 4),
        "balance": round(counted.balance, 3),
        "own": int(counted.neurons[rank]),
        "near": int(counted.near[rank]),
        "far": int(counted.far[rank]),
        "halo": int(counted.halo[rank].sum()),
        "halo_of_all": int(counted.halo.sum()),
        "expected_halo_of_all": round(expected_halo(topology.n_neurons, topology.n_edges, ranks, counted.share)),
        "forward_bytes": forward_bytes,
        "forward_bytes_predicted": ticks * int(counted.sent_bytes(BATCH)[rank]),
        "backward_bytes": backward_bytes,
        "backward_bytes_predicted": ticks * 4 * BATCH * int(counted.halo[rank].sum()),
        "messages": ticks * (ranks - 1),
        "held_bytes": held_bytes(network),
        "held_bytes_predicted": predicted_bytes(counted, rank),
        "tick": {clock: value / ticks for clock, value in alone.items()},
        "tick_and_gradient": {clock: value / ticks for clock, value in both.items()},
        "exchange": timed(lambda: halo.fetch(silence, heard[: len(shard.halo)]).wait()),
        "products": timed(lambda: (near.forward(silence), far.forward(heard))),
    }


def on_rank(folder: Path) -> None:
    """Measure every wiring that is here and leave the results."""
    dist.init_process_group("gloo", timeout=timedelta(minutes=5))
    torch.set_num_threads(1)
    found = {}
    for name in GRAPHS:
        try:
            connectome = load(name)
        except DataMissing:
            continue
        found[name] = measured(scale(build(connectome), 0.9)[0])
    (folder / f"{dist.get_world_size()}-{dist.get_rank()}.json").write_text(json.dumps(found))
    dist.destroy_process_group()


def main() -> None:
    """Run every number of ranks and keep what each rank found."""
    results: dict[str, list] = {}
    setting = {"batch": BATCH, "ticks": TIME * TICKS, "cores": os.cpu_count(), "pymetis": version("pymetis")}
    load_average = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as folder:
        for ranks in RANKS:
            torchrun = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}")
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            subprocess.run([sys.executable, *torchrun, __file__, folder], check=True, env=environment)
            each = [json.loads((Path(folder) / f"{ranks}-{rank}.json").read_text()) for rank in range(ranks)]
            for name in each[0]:
                results.setdefault(name, []).append([part[name] for part in each])
    keep("distributed", {**setting, "load": load_average, "graphs": results})


if __name__ == "__main__":
    on_rank(Path(sys.argv[1])) if len(sys.argv) > 1 else main()

"""What each rank of the distributed tests does; started by torchrun, leaves its results in the folder it is given."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor

from anlage.connectome.library import load
from anlage.errors import AnlageError
from anlage.network import DistributedNetwork, Leaky, Physiology, RecurrentNetwork, blocks, partition, scale
from anlage.topology import Topology, build

RANKS, LATENT = 4, 5
PORTS = ("input",), ("output",)
CASES = {
    f"{graph}-{plasticity}-{dtype}": (graph, plasticity, getattr(torch, dtype))
    for graph, plasticity, dtype in (
        ("worm", "frozen", "float64"),
        ("worm", "signed", "float64"),
        ("worm", "signed", "float32"),
        ("random", "frozen", "float64"),
        ("random", "free", "float64"),
    )
}


def graph(name: str) -> Topology:
    """The worm; or 40 neurons of which the first receives from all, the last from none, and one rank has no port."""
    if name == "worm":
        return scale(build(load("worm")), 0.9)[0]
    n, rng = 40, np.random.default_rng(5)
    keys = np.union1d(rng.choice((n - 1) * n, 150, replace=False), np.arange(n))
    groups = {"input": np.array([0, 3, 4, 12]), "output": np.array([1, 2, 13, 39])}
    return Topology.of(n, keys % n, keys // n, rng.normal(size=len(keys)) / 2, groups=groups)


def physiology(plasticity: str) -> Physiology:
    return Physiology(Leaky(0.4), 3, plasticity)  # type: ignore[arg-type]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def embeddings(dtype: torch.dtype) -> Tensor:
    return torch.randn(2, 4, LATENT, generator=generator(), dtype=dtype).requires_grad_()


@contextmanager
def numbers(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    yield
    torch.set_default_dtype(before)


def lived(
    network: RecurrentNetwork | DistributedNetwork, dtype: torch.dtype
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What came out of one unroll and its backward pass; and the gradients of the parameters, where they have any."""
    embedding = embeddings(dtype)
    with torch.no_grad():
        unwatched, _ = network.unroll(embedding)
    state, prediction = network.unroll(embedding)
    # The states' part of the loss is a sum over ranks of their own neurons' parts; the prediction's is each rank's alike.
    ((prediction[:, :-1] - embedding[:, 1:]).square().sum() + state.square().sum()).backward()
    out = {"state": state, "unwatched": unwatched, "prediction": prediction}
    return {name: tensor.detach().contiguous() for name, tensor in out.items()}, {
        name: parameter.grad for name, parameter in network.named_parameters() if parameter.grad is not None
    }


def stepped(
    network: RecurrentNetwork | DistributedNetwork, dtype: torch.dtype
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The same embeddings taken in one by one, the loss of the last prediction sent back through all steps."""
    embedding = embeddings(dtype)
    state = network.start(len(embedding))
    for t in range(embedding.shape[1]):
        state, prediction = network.step(state, embedding[:, t])
    prediction.square().sum().backward()
    return {"prediction": prediction.detach(), "embedding": embedding.grad}, {
        name: parameter.grad for name, parameter in network.named_parameters() if parameter.grad is not None
    }


def only_onto(topology: Topology, neurons: np.ndarray) -> Topology:
    """The same neurons with the edges onto some of them."""
    kept = np.isin(topology.post, neurons)
    ends = topology.pre[kept], topology.post[kept], topology.weight[kept]
    return Topology.of(topology.n_neurons, *ends, groups=topology.groups)


def sentence(folder: Path, name: str, error: AnlageError) -> None:
    (folder / f"{name}-{dist.get_rank()}.json").write_text(json.dumps([type(error).__name__, str(error)]))


def main(folder: Path) -> None:
    dist.init_process_group("gloo", timeout=timedelta(minutes=10))
    rank = dist.get_rank()
    pair = dist.new_group([0, 1])
    for size, group in ((RANKS, None), (2, pair)):
        for name, (wiring, plasticity, dtype) in CASES.items():
            if rank >= size:
                continue
            topology = graph(wiring)
            shared_out = (partition if wiring == "worm" else blocks)(topology, size)
            with numbers(dtype):
                for way in (lived, stepped) if name.endswith("float64") else (lived,):
                    arguments = topology, shared_out, *PORTS, LATENT, physiology(plasticity), generator(), group
                    network = DistributedNetwork(*arguments)
                    out, gradients = way(network, dtype)
                    whole = {f"gradient.{k}": v for k, v in network.gathered(gradients).items()}
                    learned = {f"start.{k}": v for k, v in network.gathered(network.state_dict()).items()}
                    tensors = {**out, **whole, **learned, "own": network.shard.own}
                    save_file(tensors, folder / f"{name}-{way.__name__}-{size}-{rank}.safetensors")
    refusals(folder, rank)
    failure(folder, rank)


def failure(folder: Path, rank: int) -> None:
    """One rank leaves and ends with an error while the others exchange with it, with ten minutes of patience."""
    topology = graph("random")
    network = DistributedNetwork(topology, blocks(topology, RANKS), *PORTS, LATENT, physiology("free"), generator())
    if rank == 3:
        dist.destroy_process_group()
        wait_for(folder, "lost", 0, 1, 2)
        raise AnlageError("Rank 3 was told to fail here.")
    try:
        while True:
            network.unroll(embeddings(torch.float32))
    except AnlageError as error:
        sentence(folder, "lost", error)
        raise


def wait_for(folder: Path, name: str, *ranks: int) -> None:
    while not all((folder / f"{name}-{rank}.json").exists() for rank in ranks):
        time.sleep(0.02)


def refusals(folder: Path, rank: int) -> None:
    """What ranks say when they were given different things, too little, or no answer."""
    topology = graph("random")
    shared_out = blocks(topology, RANKS)
    rest = *PORTS, LATENT, physiology("free"), generator()
    part = DistributedNetwork(only_onto(topology, shared_out.own(rank)), shared_out, *rest)
    _, prediction = part.unroll(embeddings(torch.float32))
    save_file({"prediction": prediction.detach()}, folder / f"part-{rank}.safetensors")
    try:
        part.gathered(dict(part.named_parameters()))
    except AnlageError as error:
        sentence(folder, "part", error)
    try:
        DistributedNetwork(topology, partition(topology, RANKS) if rank == 2 else shared_out, *rest)
    except AnlageError as error:
        sentence(folder, "differ", error)
    impatient = dist.new_group([0, 1], timeout=timedelta(seconds=2))
    if rank == 0:
        try:
            DistributedNetwork(topology, blocks(topology, 2), *rest, impatient)
        except AnlageError as error:
            sentence(folder, "silent", error)
    wait_for(folder, "silent", 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))

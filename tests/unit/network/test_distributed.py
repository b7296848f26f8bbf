"""A network on two and on four processes against the same network on one, and what its ranks say when something is wrong."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import ranks
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor

from anlage.errors import RankLost, TopologyError
from anlage.network import DistributedNetwork, RecurrentNetwork, blocks, cut
from anlage.network.halo import Halo
from anlage.network.shard import Shard
from anlage.topology import Topology

ROOT = Path(__file__).parents[3]
PATIENCE_S = 300
"""Less than the ten minutes that the ranks wait for one another, so that a rank that hangs fails the tests."""


def torchrun(n: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``--standalone`` takes a free port."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One run of four ranks, the first two of which also work as a pair: processes are slow to start."""
    folder = tmp_path_factory.mktemp("ranks")
    return folder, torchrun(4, ranks.__file__, str(folder))


@pytest.fixture
def alone() -> Iterator[None]:
    """A group of this process alone."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@cache
def single(case: str, way: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What one process makes of it: outputs, and gradients and starts by name."""
    wiring, plasticity, dtype = ranks.CASES[case]
    with ranks.numbers(dtype):
        network = RecurrentNetwork(
            ranks.graph(wiring), *ranks.PORTS, ranks.LATENT, ranks.physiology(plasticity), ranks.generator()
        )
        out, gradients = getattr(ranks, way)(network, dtype)
    named = {f"gradient.{k}": v for k, v in gradients.items()} | {
        f"start.{k}": v for k, v in network.state_dict().items()
    }
    return out, named


WAYS = [(case, way) for case in ranks.CASES for way in ("lived", "stepped") if way == "lived" or "float64" in case]


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize(("case", "way"), WAYS)
def test_states_predictions_and_gradients_are_those_of_one_process(
    run: tuple[Path, object], case: str, way: str, size: int
) -> None:
    out, named = single(case, way)
    tolerance = {"rtol": 1e-12, "atol": 1e-13} if "float64" in case else {"rtol": 2e-5, "atol": 2e-6}
    owned = []
    for rank in range(size):
        mine = load_file(run[0] / f"{case}-{way}-{size}-{rank}.safetensors")
        owned.append(own := mine.pop("own"))
        assert set(mine) == set(out) | set(named)
        for name, whole in (out | named).items():
            expected = whole[..., own] if name in ("state", "unwatched") else whole
            torch.testing.assert_close(mine[name], expected, **tolerance, msg=lambda text, name=name: f"{name}: {text}")
    np.testing.assert_array_equal(
        np.sort(torch.cat(owned).numpy()), np.arange(ranks.graph(case.split("-")[0]).n_neurons)
    )


def test_frozen_weights_have_no_gradient_and_plastic_ones_do(run: tuple[Path, object]) -> None:
    frozen, free = (load_file(run[0] / f"random-{name}-float64-lived-4-0.safetensors") for name in ("frozen", "free"))
    assert "gradient.weight" not in frozen and "gradient.ports.into.weight" in frozen
    assert (free["gradient.weight"] != 0).float().mean() > 0.9


def test_a_rank_needs_only_the_edges_onto_its_own_neurons(run: tuple[Path, object]) -> None:
    topology = ranks.graph("random")
    network = RecurrentNetwork(topology, *ranks.PORTS, ranks.LATENT, ranks.physiology("free"), ranks.generator())
    _, expected = network.unroll(ranks.embeddings(torch.float32))
    for rank in range(ranks.RANKS):
        found = load_file(run[0] / f"part-{rank}.safetensors")["prediction"]
        torch.testing.assert_close(found, expected.detach(), rtol=1e-5, atol=1e-6)
        kind, said = json.loads((run[0] / f"part-{rank}.json").read_text())
        assert kind == "TopologyError" and "give every rank the whole topology" in said


def test_ranks_with_different_partitions_all_say_so(run: tuple[Path, object]) -> None:
    for rank in range(ranks.RANKS):
        kind, said = json.loads((run[0] / f"differ-{rank}.json").read_text())
        assert kind == "TopologyError" and "not of one partition into 4" in said


def test_a_silent_rank_is_given_up_after_the_time_limit_of_the_group(run: tuple[Path, object]) -> None:
    kind, said = json.loads((run[0] / "silent-0.json").read_text())
    assert kind == "RankLost" and "silent beyond the time limit" in said and "2000ms" in said


def test_a_rank_that_fails_ends_the_run_with_its_sentence_and_hangs_nobody(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    assert run[1].returncode != 0 and "AnlageError: Rank 3 was told to fail here." in run[1].stderr
    for rank in range(3):
        kind, said = json.loads((run[0] / f"lost-{rank}.json").read_text())
        assert kind == "RankLost" and f"Rank {rank} heard nothing more" in said and said.endswith(").")


def test_the_example_trains_under_torchrun_like_one_process() -> None:
    done = torchrun(2, "examples/distributed.py")
    assert done.returncode == 0, done.stderr
    assert "20 steps" in done.stdout and "equal" in done.stdout


def test_a_process_without_a_group_is_told_what_to_start() -> None:
    topology = ranks.graph("random")
    with pytest.raises(RankLost, match="start it with torchrun"):
        DistributedNetwork(topology, blocks(topology, 1), *ranks.PORTS, 3, ranks.physiology("free"), ranks.generator())


@pytest.mark.usefixtures("alone")
def test_a_group_of_one_is_the_single_process() -> None:
    topology = ranks.graph("random")
    arguments = *ranks.PORTS, ranks.LATENT, ranks.physiology("signed"), ranks.generator()
    network = DistributedNetwork(topology, blocks(topology, 1), *arguments)
    one = RecurrentNetwork(topology, *ranks.PORTS, ranks.LATENT, ranks.physiology("signed"), ranks.generator())
    one.load_state_dict(network.gathered(network.state_dict()))
    for way in (ranks.lived, ranks.stepped):
        (out, gradients), (expected, wanted) = (way(each, torch.float32) for each in (network, one))
        torch.testing.assert_close(out, expected)
        torch.testing.assert_close(network.gathered(gradients), wanted)


@pytest.mark.usefixtures("alone")
def test_a_partition_for_more_ranks_than_there_are_is_refused() -> None:
    topology = ranks.graph("random")
    with pytest.raises(TopologyError, match="not of one partition into 1"):
        Halo(Shard(topology, blocks(topology, 2), 0))


@pytest.mark.parametrize("size", [1, 2, 4, 40])
def test_the_shards_of_all_ranks_put_together_are_the_wiring(size: int) -> None:
    topology = ranks.graph("random")
    shared_out = blocks(topology, size)
    counted = cut(topology, shared_out)
    dense, seen = np.zeros((40, 40)), []
    for rank in range(size):
        shard = Shard(topology, shared_out, rank)
        own, halo = shard.own.numpy(), shard.halo.numpy()
        weight = torch.from_numpy(topology.weight)[shard.edge]
        each = torch.eye(shard.side, dtype=torch.float64)
        near, far = shard.lay_out(weight)
        dense[np.ix_(own, own)] += near.forward(each[: len(own), : len(own)].contiguous()).numpy()
        dense[np.ix_(own, halo)] += far.forward(each).numpy()[: len(own), : len(halo)]
        seen += shard.edge.tolist()
        assert not set(own) & set(halo) and shard.received == counted.halo[rank].tolist()
        assert (shard.near.n_edges, shard.far.n_edges) == (counted.near[rank], counted.far[rank])
        assert (np.diff(shared_out.owner[halo]) >= 0).all()
    np.testing.assert_allclose(dense, topology.dense(), rtol=0, atol=0)
    assert sorted(seen) == list(range(topology.n_edges))


def test_a_partition_of_another_graph_is_refused() -> None:
    topology = ranks.graph("random")
    other = Topology.of(41, topology.pre, topology.post, topology.weight)
    with pytest.raises(TopologyError, match="one of 41 neurons, but the topology has 40"):
        Shard(topology, blocks(other, 2), 0)

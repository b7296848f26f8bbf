"""One rank's part of a wiring: its neurons, the edges onto them, and the neurons of others that it must hear."""

from hashlib import sha256

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from anlage.errors import TopologyError
from anlage.network.crossing import Crossing
from anlage.network.partition import Partition
from anlage.network.synapse import crossing
from anlage.network.wiring import Wiring
from anlage.topology.topology import Topology


class Shard(nn.Module):
    """The neurons of one rank, ascending, and the edges onto them.

    Its edges are kept in two parts, because one can be multiplied while the other's activity is still on its way: ``near`` from
    its own neurons, then ``far`` from the halo, the neurons of other ranks, which are ordered by owner. ``edge`` has their
    numbers in the topology, in that order. Only edges onto the rank's own neurons are looked at, so the topology may lack others.

    ``far`` is a rectangle of own by halo neurons, and a ``Wiring`` is square: it lies in the smallest square that holds it. What
    is too much of that square has no edges, and costs one row written per tick, never a multiply-add.

    Raises ``TopologyError`` when the partition is one of another number of neurons.
    """

    own: Int[Tensor, " own"]
    halo: Int[Tensor, " halo"]
    edge: Int[Tensor, " edge"]

    def __init__(self, topology: Topology, partition: Partition, rank: int) -> None:
        super().__init__()
        if len(partition.owner) != topology.n_neurons:
            raise TopologyError(
                f"The partition is one of {len(partition.owner):,} neurons, but the topology has {topology.n_neurons:,}; "
                f"make one for this topology."
            )
        own, owner = partition.own(rank), partition.owner
        mine = np.flatnonzero(owner[topology.post] == rank)
        pre, post = topology.pre[mine], np.searchsorted(own, topology.post[mine])
        near = owner[pre] == rank
        halo = np.unique(pre[~near])
        halo = halo[np.argsort(owner[halo], kind="stable")]
        place = np.empty(topology.n_neurons, np.int32)
        place[halo], place[own] = np.arange(len(halo)), np.arange(len(own))
        order = np.lexsort((place[pre], post, ~near))
        n_near = int(near.sum())
        parts = order[:n_near], order[n_near:]
        self.side = max(len(own), len(halo))
        self.near, self.far = (
            Wiring(Topology(size, place[pre[part]], post[part].astype(np.int32), topology.weight[mine[part]]))
            for size, part in zip((len(own), self.side), parts, strict=True)
        )
        self.received: list[int] = np.bincount(owner[halo], minlength=partition.ranks).tolist()
        """How many neurons of the halo belong to each rank."""
        self.fingerprint = int.from_bytes(sha256(owner.astype(np.int64).tobytes()).digest()[:7])
        """The same for two shards when they are of the same partition."""
        for name, numbers in (("own", own), ("halo", halo), ("edge", mine[order])):
            self.register_buffer(name, torch.from_numpy(numbers.astype(np.int64)), persistent=False)

    def lay_out(self, weight: Float[Tensor, " edge"]) -> tuple[Crossing, Crossing]:
        """Crossings of the near and of the far edges."""
        near, far = torch.split(weight, [self.near.n_edges, self.far.n_edges])
        return crossing(self.near, near), crossing(self.far, far)

    def where(self, neuron: Int[Tensor, " member"]) -> tuple[Int[Tensor, " own_member"], Int[Tensor, " own_member"]]:
        """Which members of a group are its own, and where they are among its own neurons."""
        members = torch.isin(neuron, self.own).nonzero().squeeze(1)
        return members, torch.searchsorted(self.own, neuron[members])

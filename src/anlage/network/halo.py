"""What ranks tell one another: the activity that crosses at every tick, and on the way back its gradient."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor, nn

from anlage.errors import RankLost, TopologyError
from anlage.network.shard import Shard

EXCHANGING = "exchanging activity with the other ranks"


def rank_and_ranks(group: dist.ProcessGroup | None) -> tuple[int, int]:
    """This process's number in the group, and how many there are; raises ``RankLost`` where no group was made."""
    if not dist.is_initialized():
        raise RankLost(
            "This process belongs to no group of ranks; start it with torchrun and call torch.distributed.init_process_group."
        )
    return dist.get_rank(group), dist.get_world_size(group)


@contextmanager
def listening(doing: str, group: dist.ProcessGroup | None) -> Iterator[None]:
    """Turn what torch says when a rank is gone or silent into one sentence."""
    try:
        yield
    except RuntimeError as error:
        # Torch names a line of its own sources first, and adds advice of its own after the first sentence.
        reason = (str(error).splitlines() or [type(error).__name__])[0].split("] ", 1)[-1].split(". ")[0]
        raise RankLost(
            f"Rank {dist.get_rank(group)} heard nothing more while {doing}: another rank ended, or was silent beyond the time "
            f"limit of the group; look at what that rank said ({reason})."
        ) from error


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """An exchange under way. What leaves is kept here, so that it is not freed while it is being sent."""

    arriving: Tensor
    leaving: Tensor
    work: dist.Work
    group: dist.ProcessGroup | None

    def wait(self) -> Tensor:
        """What has arrived; raises ``RankLost`` when nothing will."""
        with listening(EXCHANGING, self.group):
            self.work.wait()
        return self.arriving


class Halo(nn.Module):
    """Which activity a rank sends and receives, agreed with the others once; every rank of the group makes one together.

    Raises ``TopologyError`` when the ranks' shards are not of one partition, and ``RankLost`` when a rank is gone.
    """

    send: Int[Tensor, " sent"]

    def __init__(self, shard: Shard, group: dist.ProcessGroup | None = None) -> None:
        super().__init__()
        _, ranks = rank_and_ranks(group)
        self.group, self.received = group, shard.received
        number = shard.fingerprint
        extremes = torch.tensor([number, -number, ranks - len(self.received)], device=shard.own.device)
        with listening("agreeing on the halo", group):
            dist.all_reduce(extremes, dist.ReduceOp.MAX, group=group)
        if extremes[0] != -extremes[1] or extremes[2]:
            raise TopologyError(
                f"The shards of these {ranks} ranks are not of one partition into {ranks}; make the partition on one rank and "
                f"give it to all."
            )
        asked = extremes.new_empty(ranks)
        with listening("agreeing on the halo", group):
            dist.all_to_all_single(asked, asked.new_tensor(self.received), group=group)
            self.sent: list[int] = asked.tolist()
            wanted = asked.new_empty(sum(self.sent))
            dist.all_to_all_single(wanted, shard.halo, self.sent, self.received, group=group)
        self.register_buffer("send", torch.searchsorted(shard.own, wanted), persistent=False)

    def fetch(self, state: Float[Tensor, "own batch"], into: Float[Tensor, "halo batch"]) -> Exchange:
        """Start the exchange of activity; the halo's arrives in ``into``."""
        return self._start(into, state[self.send], self.received, self.sent)

    def give_back(self, gradient: Float[Tensor, "halo batch"]) -> Exchange:
        """Start the way back: gradients of the halo go to its owners. What arrives is one row for each row sent."""
        into = gradient.new_empty(len(self.send), gradient.shape[1])
        return self._start(into, gradient.contiguous(), self.sent, self.received)

    def _start(self, arriving: Tensor, leaving: Tensor, received: list[int], sent: list[int]) -> Exchange:
        with listening(EXCHANGING, self.group):
            work = dist.all_to_all_single(arriving, leaving, received, sent, group=self.group, async_op=True)
        return Exchange(arriving, leaving, work, self.group)


class _Summed(torch.autograd.Function):
    """The sum over ranks. Every rank goes on to compute the same loss from it, so its gradient is each rank's already."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        del ctx
        return all_sum(part, group)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        del ctx
        return gradient, None


class _Spread(torch.autograd.Function):
    """A value that every rank has and uses in part; its gradient is the sum of the parts'."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        ctx.group = group
        return value.view_as(value)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return all_sum(gradient, ctx.group), None


def all_sum(part: Tensor, group: dist.ProcessGroup | None) -> Tensor:
    """The sum of all ranks' tensors, on every rank; no gradient."""
    whole = part.clone(memory_format=torch.contiguous_format)
    with listening("adding up over ranks", group):
        dist.all_reduce(whole, group=group)
    return whole


def summed(part: Tensor, group: dist.ProcessGroup | None) -> Tensor:
    """The sum of all ranks' parts, the same on every rank, for a loss that every rank computes alike."""
    result: Tensor = _Summed.apply(part, group)  # type: ignore[no-untyped-call]
    return result


def spread(value: Tensor, group: dist.ProcessGroup | None) -> Tensor:
    """The value itself, whose gradient will be the whole one although each rank uses only a part of it."""
    result: Tensor = _Spread.apply(value, group)  # type: ignore[no-untyped-call]
    return result

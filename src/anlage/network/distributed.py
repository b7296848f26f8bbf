"""A recurrent network whose neurons live on several devices: one process per device, each with its own share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear

from anlage.errors import TopologyError
from anlage.network.crossing import Crossing
from anlage.network.dynamics import Leaky
from anlage.network.halo import Halo, all_sum, rank_and_ranks, spread, summed
from anlage.network.network import State
from anlage.network.partition import Partition
from anlage.network.port import Ports
from anlage.network.recurrent import Physiology
from anlage.network.shard import Shard
from anlage.topology.topology import Topology


class DistributedNetwork(nn.Module):
    """A ``RecurrentNetwork`` shared out over the ranks of a ``torch.distributed`` group: this process's part of it.

    Every rank makes one together with the others, from the same arguments and a generator in the same state, gives it the same
    embeddings, gets the same predictions, and computes the same loss from them. States are those of its own neurons
    (``shard.own``); a loss of states must be summed over ranks. Parameters are the rank's own share, but for ``ports.out.bias``,
    which every rank has and learns alike; an update that works number by number, like SGD or Adam, is that of one process.

    ``topology`` may lack edges onto other ranks' neurons; then only ``gathered`` refuses.

    Raises ``TopologyError`` when the ranks' partitions differ, and ``RankLost`` when a rank ended or fell silent.
    """

    sign: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        topology: Topology,
        partition: Partition,
        input: tuple[str, ...],
        output: tuple[str, ...],
        n_latent: int,
        physiology: Physiology,
        generator: torch.Generator,
        group: dist.ProcessGroup | None = None,
    ) -> None:
        super().__init__()
        self.physiology, self.n_latent, self.group = physiology, n_latent, group
        self.n_neurons, self.n_edges = topology.n_neurons, topology.n_edges
        rank, _ = rank_and_ranks(group)
        self.shard = Shard(topology, partition, rank)
        self.halo = Halo(self.shard, group)
        into, out = (torch.from_numpy(topology.group(names)) for names in (input, output))
        self.ports = Ports(into, out, n_latent, generator)
        self._keep_own_ports()
        weight = torch.from_numpy(topology.weight)[self.shard.edge].to(torch.get_default_dtype())
        bias = torch.zeros(len(self.shard.own), 1)
        self.register_buffer("sign", torch.sign(weight), persistent=False)
        if physiology.plasticity == "frozen":
            self.register_buffer("weight", weight)
            self.register_buffer("bias", bias)
        else:
            self.weight = nn.Parameter(weight)
            self.bias = nn.Parameter(bias)

    def _keep_own_ports(self) -> None:
        """Drawn whole, so that a network starts alike on any number of ranks; then all but the own neurons' part is dropped."""
        ports = self.ports
        (self._into, mine_in), (self._out, mine_out) = self.shard.where(ports.input), self.shard.where(ports.output)
        self._members = len(ports.input), len(ports.output)
        ports.input, ports.output = mine_in, mine_out
        ports.into.weight = nn.Parameter(ports.into.weight.detach()[self._into])
        ports.into.bias = nn.Parameter(ports.into.bias.detach()[self._into])
        ports.out.weight = nn.Parameter(ports.out.weight.detach()[:, self._out])
        ports.into.out_features, ports.out.in_features = len(mine_in), len(mine_out)

    def effective_weight(self) -> Float[Tensor, " edge"]:
        """The weight of every edge of the shard as used, in the order of ``shard.edge``."""
        return self.sign * self.weight.abs() if self.physiology.plasticity == "signed" else self.weight

    def start(self, batch: int) -> State:
        """Silence."""
        return State(self.weight.new_zeros(batch, len(self.shard.own)))

    def step(
        self, state: State, embedding: Float[Tensor, "batch latent"]
    ) -> tuple[State, Float[Tensor, "batch latent"]]:
        """Take in one embedding; return the new state of the own neurons and the prediction of the next embedding."""
        states, prediction = self._live(embedding.unsqueeze(1), state)
        return State(states[:, 0]), prediction[:, 0]

    def unroll(
        self, embedding: Float[Tensor, "batch time latent"]
    ) -> tuple[Float[Tensor, "batch time own"], Float[Tensor, "batch time latent"]]:
        """All states of the own neurons and all predictions along a sequence."""
        return self._live(embedding, self.start(len(embedding)))

    def _live(self, embedding: Tensor, state: State) -> tuple[Tensor, Tensor]:
        ports = self.ports
        drive = ports.into(spread(embedding, self.group)).permute(1, 2, 0)
        course = Course(self.shard, self.halo, self.physiology.dynamics, self.physiology.ticks, ports.input)
        start = state.activity.T.contiguous()
        seen = unroll_shard(course, self.effective_weight(), self.bias, drive, start).permute(2, 0, 1)
        part = linear(seen[..., ports.output], ports.out.weight)
        return seen, summed(part, self.group) + ports.out.bias

    def gathered(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors named and shaped like this network's parameters, or their gradients, put together from all ranks.

        The result has the names and shapes of a ``RecurrentNetwork``'s, on every rank: ``gathered(network.state_dict())`` can be
        loaded by one. Raises ``TopologyError`` where the topology was only a part of one.
        """
        found = int(all_sum(self.shard.edge.new_tensor(len(self.shard.edge)), self.group))
        if found != self.n_edges:
            raise TopologyError(
                f"All ranks together have {found:,} edges, but this rank's topology has {self.n_edges:,}; to gather weights, "
                f"give every rank the whole topology."
            )
        places: dict[str, tuple[int, int, Tensor]] = {
            "weight": (0, self.n_edges, self.shard.edge),
            "bias": (0, self.n_neurons, self.shard.own),
            "ports.into.weight": (0, self._members[0], self._into),
            "ports.into.bias": (0, self._members[0], self._into),
            "ports.out.weight": (1, self._members[1], self._out),
        }
        whole = {}
        for name in sorted(tensors):  # in the same order on every rank
            tensor = tensors[name].detach()
            if name in places:
                dim, size, rows = places[name]
                shape = list(tensor.shape)
                shape[dim] = size
                # Every number comes from one rank, so that adding zeros to it changes nothing.
                tensor = all_sum(tensor.new_zeros(shape).index_copy_(dim, rows, tensor), self.group)
            whole[name] = tensor
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The fixed parts of an unroll on one rank; ``input`` are the driven neurons by their place among its own."""

    shard: Shard
    halo: Halo
    dynamics: Leaky
    ticks: int
    input: Int[Tensor, " member"]


def unroll_shard(course: Course, weight: Tensor, bias: Tensor, drive: Tensor, start: Tensor) -> Tensor:
    """States ``(time, own, batch)`` after each observation; differentiable once in weight, bias, drive and start."""
    if not torch.is_grad_enabled():
        return _run(course, course.shard.lay_out(weight), bias, drive, start, keep=False)[0]
    states: Tensor = _Unroll.apply(course, weight, bias, drive, start)  # type: ignore[no-untyped-call]
    return states


def _run(
    course: Course, laid_out: tuple[Crossing, Crossing], bias: Tensor, drive: Tensor, start: Tensor, *, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """States after each observation; and state, rate and what was heard of the halo at every tick, or the last unless ``keep``.

    Rates and what was heard have as many rows as the far edges' square; rows beyond the own neurons, or the halo, have no edge.
    """
    (near, far), side = laid_out, course.shard.side
    (own, batch), halo = start.shape, len(course.shard.halo)
    time = len(drive)
    depth = time * course.ticks if keep else 1
    state, seen = drive.new_empty(depth + 1, own, batch), drive.new_empty(time, own, batch)
    rate, heard = drive.new_zeros(depth, side, batch), drive.new_zeros(depth, side, batch)
    state[0] = start
    for t in range(time):
        outside = bias.expand(-1, batch).index_add(0, course.input, drive[t])
        for i in range(t * course.ticks, (t + 1) * course.ticks):
            # Without ``keep`` the two rows of ``state`` take turns.
            before, after, now = state[i % (depth + 1)], state[(i + 1) % (depth + 1)], i % depth
            exchange = course.halo.fetch(before, into=heard[now, :halo])
            current = near.forward(before, outside)  # while the halo's activity is on its way
            exchange.wait()
            current += far.forward(heard[now])[:own]
            course.dynamics.rate(current, out=rate[now, :own])
            torch.lerp(before, rate[now, :own], course.dynamics.leak, out=after)
        seen[t] = after
    return seen, state, rate, heard


class _Unroll(torch.autograd.Function):
    """``x' = lerp(x, f(W_near x + W_far halo + b + drive), leak)``, ``ticks`` times per observation."""

    @staticmethod
    def forward(ctx: Any, course: Course, weight: Tensor, bias: Tensor, drive: Tensor, start: Tensor) -> Tensor:
        laid_out = course.shard.lay_out(weight)
        seen, *kept = _run(course, laid_out, bias, drive, start, keep=True)
        ctx.course, ctx.laid_out = course, laid_out
        ctx.save_for_backward(*kept)
        return seen

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        course: Course = ctx.course
        near, far = ctx.laid_out
        state, rate, heard = ctx.saved_tensors
        leak, ticks, own, halo = course.dynamics.leak, course.ticks, state.shape[1], len(course.shard.halo)
        current = course.dynamics.slope(rate).mul_(leak)  # times the gradient of the state: that of the current
        to_state = torch.zeros_like(state[0])
        for i in reversed(range(len(rate))):
            if (i + 1) % ticks == 0:
                to_state += gradient[i // ticks]
            current[i, :own] *= to_state
            exchange = course.halo.give_back(far.backward(current[i])[:halo])
            to_state = near.backward(current[i, :own], to_state.mul_(1 - leak))  # while gradients are on their way
            to_state.index_add_(0, course.halo.send, exchange.wait())
        to_weight = to_drive = None
        if ctx.needs_input_grad[1]:
            parts = (near, current[:, :own], state[:-1]), (far, current, heard)
            to_weight = torch.cat([part.edges_of_steps(to, by) for part, to, by in parts])
        current = current[:, :own]
        to_bias = current.sum((0, 2)).unsqueeze(1) if ctx.needs_input_grad[2] else None
        if ctx.needs_input_grad[3]:
            to_drive = torch.unflatten(current[:, course.input], 0, (-1, ticks)).sum(1)
        return None, to_weight, to_bias, to_drive, to_state if ctx.needs_input_grad[4] else None

"""A reflex that can learn: the motor circuit of ``reflex.py``, its numbers trainable, born doing what the reflex does.

What is learned are strengths: of every synapse that there is (each keeps its sign), of what B neurons feel, and of the head's
oscillator. No synapse is added. So practice begins where evolution left off, or where a rewired circuit does.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.errors import TopologyError
from anlage.network.network import State
from anlage.network.reflex import HOPS, Assumption, pools, shares, stretch_sense
from anlage.topology.motor import MUSCLES, MotorCircuit


@final
@dataclass(frozen=True, slots=True, eq=False)
class Clocked(State):
    """Rates of all neurons and muscle rows, and how many steps the head's clock has made."""

    time: Float[Tensor, "batch 1"]


@final
class Innate(nn.Module):
    """One motor circuit as a network: how a body is bent, and what else is observed, goes in; torques of its joints come out.

    The first ``n_joints`` of ``n_input`` numbers observed are bends as shares of their limit; B neurons may learn to feel the
    others as well, and do not at first. Untrained, every step equals that of ``Reflex`` under the same assumptions (to rounding).

    Raises ``TopologyError`` for fewer inputs than joints and for more joints than muscle rows.
    """

    def __init__(self, circuit: MotorCircuit, assumed: Assumption, n_joints: int, n_input: int) -> None:
        super().__init__()
        if n_input < n_joints:
            raise TopologyError(
                f"{n_input} observations cannot tell how {n_joints} joints are bent; give as many or more."
            )
        topology = circuit.topology
        crossing = shares(circuit, assumed)
        post, pre = np.nonzero(crossing)
        felt = assumed.stretch * stretch_sense(circuit, assumed, n_joints)
        feeling = np.flatnonzero(np.isfinite(circuit.sense_row))
        into = np.zeros((len(feeling), n_input))
        into[:, :n_joints] = felt[feeling]
        self.n_neurons = topology.n_neurons
        self.strength = nn.Parameter(_single(np.abs(crossing[post, pre])))
        self.sense = nn.Parameter(_single(into))
        self.head = nn.Parameter(torch.full((2,), assumed.oscillator))
        self.period = assumed.period
        self._keep("sign", _single(np.sign(crossing[post, pre])))
        self._keep("edge", torch.from_numpy(post * topology.n_neurons + pre))
        self._keep("feeling", torch.from_numpy(feeling))
        for side, name in enumerate(("dorsal", "ventral")):
            self._keep(f"head_{name}", torch.from_numpy(np.asarray(topology.groups[f"head {name}"])))
            self._keep(f"muscle_{name}", torch.from_numpy(np.asarray(topology.groups[MUSCLES[side]])))
        self._keep("pool", _single(pools(n_joints).T))

    edge: Tensor
    sign: Tensor
    feeling: Tensor
    pool: Tensor
    head_dorsal: Tensor
    head_ventral: Tensor
    muscle_dorsal: Tensor
    muscle_ventral: Tensor

    @property
    def multiply_adds(self) -> int:
        """Of one observation of one body: what is felt, every synapse in each of two hops, and the muscles."""
        return self.sense.numel() + HOPS * self.strength.numel() + 2 * self.pool.numel()

    def start(self, batch: int) -> Clocked:
        """Silence; the clock of the head at its start."""
        return Clocked(self.strength.new_zeros(batch, self.n_neurons), self.strength.new_zeros(batch, 1))

    def step(
        self, state: Clocked, embedding: Float[Tensor, "batch input"]
    ) -> tuple[Clocked, Float[Tensor, "batch joint"]]:
        """Feel, let the clock tick, cross two edges, and pull."""
        n = self.n_neurons
        drive = embedding.new_zeros(len(embedding), n)
        drive = drive.index_copy(1, self.feeling, (embedding @ self.sense.T).clamp(0, 1))
        first_half = (state.time % self.period < self.period / 2).to(embedding.dtype)
        for rows, on, strength in (
            (self.head_dorsal, first_half, self.head[0]),
            (self.head_ventral, 1 - first_half, self.head[1]),
        ):
            drive = drive.index_copy(1, rows, (strength.clamp(0, 1) * on).expand(-1, len(rows)))
        crossing = embedding.new_zeros(n * n).index_copy(0, self.edge, self.sign * self.strength.abs()).view(n, n)
        activity = drive
        for _ in range(HOPS):
            activity = (drive + activity @ crossing.T).clamp(0, 1)
        torque = (activity[:, self.muscle_dorsal] - activity[:, self.muscle_ventral]) @ self.pool
        return Clocked(activity, state.time + 1), torque

    def unroll(
        self, embedding: Float[Tensor, "batch time input"]
    ) -> tuple[Float[Tensor, "batch time neuron"], Float[Tensor, "batch time joint"]]:
        """All rates and torques along a sequence, from the start of the clock."""
        state, rates, torques = self.start(len(embedding)), [], []
        for seen in embedding.unbind(1):
            state, torque = self.step(state, seen)
            rates.append(state.activity)
            torques.append(torque)
        return torch.stack(rates, 1), torch.stack(torques, 1)

    def _keep(self, name: str, tensor: Tensor) -> None:
        self.register_buffer(name, tensor, persistent=False)


def _single(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))

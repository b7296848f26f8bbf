"""A motor circuit made to run in a body: stretch in, muscles out, no trained weight, no memory but the clock of the head.

What is measured is who reaches whom with how many synapses. What is assumed, because no wiring tells it: that B neurons feel the
body bend some way ahead of their own muscles (Wen et al. 2012, Neuron 76:750), that the head oscillates by itself (Gjorgjieva et
al. 2014, Bioscience 64:476), that rates are clipped sums, and that synapses on one target share its drive in proportion to their
count. The oscillator, graded rates and signs follow Bhattasali, Zador & Engel 2022 (NeurIPS 35).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import TopologyError
from anlage.topology.motor import MUSCLES, ROWS, MotorCircuit

HOPS = 2
"""From a B neuron to a muscle over a D neuron: two edges, both crossed within one step of control."""


@final
@dataclass(frozen=True, slots=True)
class Assumption:
    """What the wiring does not say, and a body needs.

    ``stretch``: what a full bend does to a B neuron that feels it, as a share of its largest rate. ``reach_rows``: how many
    muscle rows ahead of its own muscles it feels. ``period``: of the head, in steps of control (30 ms; 60 is 1.8 s).
    ``oscillator``: rate of the head neurons in their half of the period. ``inhibition``: what a full inhibitory drive takes from
    a muscle. The last three have the values of Bhattasali et al. 2022.
    """

    stretch: float = 1.0
    reach_rows: float = 4.8
    period: int = 60
    oscillator: float = 1.0
    inhibition: float = 1.0


GRID = tuple(Assumption(stretch, reach) for stretch in (1.0, 4.0) for reach in (2.4, 4.8, 7.2))
"""The six settings among which every wiring, measured or rewired, may choose: reaches of 10, 20 and 30 % of the body."""


@runtime_checkable
class Controller(Protocol):
    """What moves bodies: from how they are bent to what their joints do."""

    def restart(self) -> None:
        """Begin a new life."""
        ...

    def step(self, bend: Float[ndarray, "body joint"]) -> Float[ndarray, "body joint"]:
        """The actions of one step."""
        ...


@final
class Reflex:
    """One motor circuit per body, each with its assumptions; ``activity`` is the rate of every neuron and muscle row, 0 to 1.

    In each step B neurons take up the stretch, head neurons the phase of the clock, and their activity crosses two edges: rate =
    clip(drive + excitation - inhibition), where excitation and inhibition are means over the excitatory and over the inhibitory
    synapses of the target. The action of a joint is the mean of dorsal minus ventral over the muscle rows near it.

    Raises ``TopologyError`` when there are not as many assumptions as circuits, or circuits differ in size.
    """

    def __init__(self, circuits: Sequence[MotorCircuit], assumptions: Sequence[Assumption], n_joints: int) -> None:
        if len(circuits) != len(assumptions) or len({c.topology.n_neurons for c in circuits}) != 1:
            raise TopologyError(
                f"{len(circuits)} circuits of {sorted({c.topology.n_neurons for c in circuits})} neurons came with "
                f"{len(assumptions)} sets of assumptions; give one set per circuit and circuits of one size."
            )
        groups = circuits[0].topology.groups
        self._n_joints, self._time = n_joints, 0
        self._crossing = np.stack([shares(c, a) for c, a in zip(circuits, assumptions, strict=True)])
        self._sense = np.stack([stretch_sense(c, a, n_joints) for c, a in zip(circuits, assumptions, strict=True)])
        self._gain = np.array([[a.stretch] for a in assumptions])
        self._clock = np.array([[a.oscillator, a.period] for a in assumptions])
        self._heads = groups["head dorsal"], groups["head ventral"]
        self._muscles = [groups[muscle] for muscle in MUSCLES]
        self._pool = pools(n_joints)
        self.activity = np.zeros((len(circuits), circuits[0].topology.n_neurons))

    def restart(self) -> None:
        """Begin a new life: the clock of the head starts anew."""
        self._time = 0

    def step(self, bend: Float[ndarray, "body joint"]) -> Float[ndarray, "body joint"]:
        """The actions that follow from how every body is bent now."""
        drive = np.clip(self._gain * np.clip(np.matmul(self._sense, bend[:, :, None])[:, :, 0], 0, 1), 0, 1)
        strength, period = self._clock.T
        first_half = self._time % period < period / 2
        for rows, on in zip(self._heads, (first_half, ~first_half), strict=True):
            drive[:, rows] = np.clip(strength * on, 0, 1)[:, None]
        self._time += 1
        activity = drive
        for _ in range(HOPS):
            activity = np.clip(drive + np.matmul(self._crossing, activity[:, :, None])[:, :, 0], 0, 1)
        self.activity = activity
        dorsal, ventral = (activity[:, rows] for rows in self._muscles)
        return np.asarray((dorsal - ventral) @ self._pool.T)


@final
class Wave:
    """No wiring and no sense: a wave of torque that runs from head to tail, ``waves`` of them on the body at a time."""

    def __init__(self, settings: Sequence[tuple[float, float]], n_joints: int) -> None:
        waves, period = np.array(settings).T[:, :, None]
        self._lag = 2 * np.pi * waves * (np.arange(n_joints) + 0.5) / n_joints
        self._turn, self._time = 2 * np.pi / period, 0

    def restart(self) -> None:
        """Begin a new life."""
        self._time = 0

    def step(self, bend: Float[ndarray, "body joint"]) -> Float[ndarray, "body joint"]:
        """The actions of this moment; ``bend`` is not used."""
        del bend
        self._time += 1
        return np.asarray(np.sin(self._turn * (self._time - 1) - self._lag))


def joint_rows(n_joints: int) -> Float[ndarray, " joint"]:
    """Where on the scale of muscle rows, 1 to 24, each joint sits."""
    return 0.5 + ROWS * (np.arange(n_joints) + 0.5) / n_joints


def pools(n_joints: int) -> Float[ndarray, "joint row"]:
    """Which muscle rows move each joint: those within half a link of it, in equal shares.

    Raises ``TopologyError`` for more joints than rows.
    """
    if n_joints > ROWS:
        raise TopologyError(
            f"{n_joints} joints cannot share {ROWS} muscle rows; give the body at most {ROWS + 1} links."
        )
    near = np.abs(np.arange(1, ROWS + 1) - joint_rows(n_joints)[:, None]) <= ROWS / 2 / n_joints + 1e-6
    return np.asarray(near / near.sum(axis=1, keepdims=True))


def shares(circuit: MotorCircuit, assumed: Assumption) -> Float[ndarray, "neuron neuron"]:
    """Shares of each target's excitatory synapses, less ``inhibition`` times shares of its inhibitory ones; ``(post, pre)``."""
    weight = circuit.topology.dense()
    shares = []
    for part in (np.clip(weight, 0, None), np.clip(-weight, 0, None)):
        total = part.sum(axis=1, keepdims=True)
        shares.append(np.divide(part, total, out=np.zeros_like(part), where=total > 0))
    return np.asarray(shares[0] - assumed.inhibition * shares[1])


def stretch_sense(circuit: MotorCircuit, assumed: Assumption, n_joints: int) -> Float[ndarray, "neuron joint"]:
    """How each B neuron feels the joints: the bend at its place, between joints in proportion, with the sign of its side."""
    sense, at = np.zeros((circuit.topology.n_neurons, n_joints)), joint_rows(n_joints)
    for group, side in (("DB", 1.0), ("VB", -1.0)):
        for neuron in circuit.topology.groups[group]:
            place = circuit.sense_row[neuron] - assumed.reach_rows
            if np.isfinite(place):
                sense[neuron] = side * np.array([np.interp(place, at, one) for one in np.eye(n_joints)])
    return sense

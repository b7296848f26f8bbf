"""A measured brain in an arena: named sensory neurons in, named motor neurons out, no trained weight.

The wiring says who reaches whom. Assumed, because it does not tell: the rates (leaky, tanh), one scale of all weights, that
crawling itself needs no brain (the habit of the body goes on by itself), and what motor activity does to the habit: its change
hastens or delays the ends of runs and turns, its asymmetry makes one side likelier and steers. Whether it hastens or delays,
and to which side, is not known either, so that every wiring may choose among the four ``SETTINGS``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from anlage.connectome.connectome import Connectome
from anlage.errors import BodyError
from anlage.experience.arena import Arena
from anlage.experience.arena_behaviour import Walk
from anlage.experience.arena_sense import GENERAL
from anlage.topology.topology import Topology

LEAK = 0.5
"""Share of a rate that is renewed per step of 0.1 s; assumed."""
GAIN = 20.0
"""Of changes and asymmetries on rates and sides, as in ``RunAndTurn``; assumed."""
CHANGE_S, REST_S = 1.0, 10.0
"""Time constants of the running means that a change, and an asymmetry, are taken against, s; assumed."""
MODALITY = {
    "light": "visual",
    "warm": "thermo-warm",
    "cold": "thermo-cold",
    "touch": "mechano-Ch",
    "food": "gustatory-pharyngeal",
}
"""Channel -> what the larva's neurons that have it sense, in the words of Winding et al. 2023."""
WORM_CLASS = {"light": ("ASJ",), "warm": ("AFD",), "touch": ("ASH", "FLP"), "company": ("ASK",)}
"""Channel -> classes of the worm: Ward et al. 2008 (Nat Neurosci 11:916), Kimura et al. 2004 (Curr Biol 14:1291), Kaplan
and Horvitz 1993 (PNAS 90:2227), Macosko et al. 2009 (Nature 458:1171)."""
WORM_MOTOR = (("SMBDL", "SMBDR", "SMDDL", "SMDDR"), ("SMBVL", "SMBVR", "SMDVL", "SMDVR"))
"""Head motor neurons that bend the neck dorsally, ventrally (Gray et al. 2005, PNAS 102:3184); a worm crawls on its side."""


@final
@dataclass(frozen=True, slots=True)
class Setting:
    """Signs of what motor activity does: to the ends of runs and turns, and to the side."""

    kinesis: int
    steering: int


SETTINGS = tuple(Setting(kinesis, steering) for kinesis in (1, -1) for steering in (1, -1))


@final
@dataclass(frozen=True, slots=True, eq=False)
class BrainPorts:
    """Which neuron takes up which channel of the senses, and which move the body to either side."""

    neuron: Int[ndarray, " sensory"]
    channel: Int[ndarray, " sensory"]
    left: Int[ndarray, " motor_left"]
    right: Int[ndarray, " motor_right"]


def brain_ports(connectome: Connectome, senses: Sequence[str]) -> BrainPorts:
    """The ports of a larva or a worm by the names of its neurons.

    Larva: olfactory neurons by receptor and side, other senses by modality and side; motor: descending neurons to the nerve
    cord by side. Worm: as in ``WORM_CLASS`` and ``WORM_MOTOR``. Raises ``BodyError`` for a connectome that has no such neurons.
    """
    row = {name.strip(): i for i, name in enumerate(connectome.neurons.name)}
    pairs = [(row[name], channel) for channel, name in enumerate(senses) if name in row]
    larva = "42b ORN left" in row
    for name in GENERAL:
        what, side = name.split()
        channel = list(senses).index(name)
        if larva:
            table = connectome.neurons
            sensing = np.isin(
                table.modality.codes, [i for i, m in enumerate(table.modality.labels) if m == MODALITY.get(what)]
            )
            on_side = np.isin(table.side.codes, [i for i, s in enumerate(table.side.labels) if s == side])
            pairs += [(int(i), channel) for i in np.flatnonzero(sensing & on_side)]
        else:
            names = [f"{cls}{side[0].upper()}" for cls in WORM_CLASS.get(what, ())]
            pairs += [(row[n], channel) for n in names if n in row]
    if larva:
        descending = connectome.neurons.neuron_class.is_("DN-VNC")
        motor = [np.flatnonzero(descending & connectome.neurons.side.is_(side)) for side in ("left", "right")]
    else:
        motor = [np.array([row[n] for n in names if n in row], dtype=np.int64) for names in WORM_MOTOR]
    if not pairs or not all(len(rows) for rows in motor):
        raise BodyError(
            f"{connectome.name} does not have the sensory and motor neurons of a larva or a worm by name; use larva or worm."
        )
    neuron, channel_of = np.array(pairs, dtype=np.int64).T
    return BrainPorts(neuron, channel_of, *motor)


@final
class Wired:
    """A brain that moves every animal of an arena; ``settings`` are given to animals in turn. ``topology``: scaled weights."""

    name = "connectome"

    def __init__(self, topology: Topology, ports: BrainPorts, settings: Sequence[Setting] = SETTINGS[:1]) -> None:
        self._weight = topology.csr().astype(np.float32)
        self._ports, self._settings = ports, tuple(settings)

    def restart(self, arena: Arena, generator: torch.Generator) -> None:
        """Silence."""
        self._walk, n = Walk(arena, generator), arena.n_worlds * arena.n_agents
        self._shape = (arena.n_worlds, arena.n_agents)
        self.activity = np.zeros((self._weight.shape[0], n), dtype=np.float32)
        signs = torch.tensor([(s.kinesis, s.steering) for s in self._settings], dtype=torch.float32)
        self._kinesis, self._steering = signs[torch.arange(n) % len(signs)].T.reshape(2, *self._shape)
        self._level, self._rest = None, None
        dt = arena.body.step_s
        self._keep = float(np.exp(-dt / CHANGE_S)), float(np.exp(-dt / REST_S))
        self._food = arena.senses.index("food left")

    _level: Tensor | None
    _rest: Tensor | None

    def step(self, sense: Float[Tensor, "world agent input"]) -> Float[Tensor, "world agent 2"]:
        """Take up what is sensed, let it cross every edge once, and act on the habit."""
        drive = np.zeros_like(self.activity)
        drive[self._ports.neuron] = sense.flatten(0, 1).numpy()[:, self._ports.channel].T
        self.activity += LEAK * (np.tanh(self._weight @ self.activity + drive) - self.activity)
        left, right = (self._pool(rows) for rows in (self._ports.left, self._ports.right))
        level, lean = left + right, (left - right) / (left.abs() + right.abs() + 1e-3)
        self._level = _mean(self._level, level, self._keep[0])
        self._rest = _mean(self._rest, lean, self._keep[1])
        change = (GAIN * self._kinesis * (level - self._level) / (self._level.abs() + 1e-3)).clamp(-3, 3)
        aside = (GAIN * self._steering * (lean - self._rest)).clamp(-3, 3)
        action = self._walk.step(torch.exp(-change), torch.exp(change), aside)
        running = action[..., 1] == 0
        # A quarter of the speed of a cast, as in the weathervaning of Davies et al. 2015.
        action[..., 1] = torch.where(running, (0.25 * aside).clamp(-0.25, 0.25), action[..., 1])
        action[..., 0] *= 1 - sense[..., self._food]
        return action

    def _pool(self, rows: Int[ndarray, " motor"]) -> Float[Tensor, "world agent"]:
        return torch.from_numpy(self.activity[rows].mean(0)).reshape(self._shape)


def _mean(before: Tensor | None, value: Tensor, keep: float) -> Tensor:
    return value if before is None else keep * before + (1 - keep) * value

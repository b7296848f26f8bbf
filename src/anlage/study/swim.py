"""What the wiring of a motor circuit is worth to a body: the measured circuit against rewired ones, all tuned alike.

Every wiring may choose among the same six settings of what was not measured, by one life per setting from one posture; its score
is then what the chosen setting reaches from other postures. Trial ``i`` of every arm has the same postures, and graph ``i`` of an
arm is made from seed ``i``, so that arms are paired.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.experience.life import live
from anlage.experience.swimmer import WATER, Fluid, Swimmer
from anlage.network.reflex import GRID, Assumption, Controller, Reflex, Wave
from anlage.seed import Seed
from anlage.study.outcome import Outcome
from anlage.study.statistics import Contrast, contrasts
from anlage.topology import BinaryWeights, BlockPreserving, InterfaceOnly, PermuteWeights
from anlage.topology.control import Control, control_graph
from anlage.topology.motor import MOTOR, MUSCLES, EvenMap, MotorCircuit
from anlage.topology.project import Lesion, PermuteProjections, PermuteTargets, RelabelTargets, ShiftTargets

HELD_OUT = 3
"""Postures, other than the one settings are chosen by, that a score is the mean of."""
MARGIN = 50.0
"""Points of 1,000 below which two scores are called equivalent."""
OUTCOME = Outcome("score", higher_is_better=True, floor=30.0, ceiling=990.0)
CONNECTOME = "connectome"
BATCH = 16
"""Trials that swim side by side, six bodies each."""

WAVES = tuple((waves, period) for waves in (0.75, 1.0) for period in (40.0, 60.0, 80.0))
"""Settings among which the wave without wiring may choose: waves on the body, and steps of control per period."""

BEHIND_HEAD = ("DB", "VB", "DD", "VD")
INHIBITORY = ("DD", "VD")


@dataclass(frozen=True, slots=True)
class Rung:
    """One arm: what it is, a control that makes its graphs or None, and what else is changed.

    ``resense``: B neurons feel the body around the muscles that they reach in this graph instead of where they did before.
    ``change``: assumptions that are replaced in every setting.
    """

    name: str
    says: str
    control: Control | None = None
    resense: bool = False
    change: tuple[tuple[str, float], ...] = ()

    def circuit(self, measured: MotorCircuit, rng: np.random.Generator) -> MotorCircuit:
        """One certified member of the arm."""
        made = measured
        if self.control:
            made = measured.with_topology(control_graph(self.control, measured.topology, rng)[0])
        return made.sensing_own_muscles() if self.resense else made

    def grid(self) -> tuple[Assumption, ...]:
        """The settings among which it may choose."""
        return tuple(replace(setting, **dict(self.change)) for setting in GRID)  # type: ignore[arg-type]


_PROJECTIONS = PermuteProjections(BEHIND_HEAD, MUSCLES)
_TARGETS = PermuteTargets(BEHIND_HEAD, MUSCLES)
_PLACES = RelabelTargets(MOTOR, MUSCLES)

MEASURED = Rung(CONNECTOME, "as measured")
LADDER = (
    Rung("projections-permuted", "which neuron of a class projects where", _PROJECTIONS),
    Rung("projections-permuted-resensed", "the same, B neurons feeling their new muscles", _PROJECTIONS, resense=True),
    Rung("targets-permuted", "which muscle rows each neuron reaches", _TARGETS),
    Rung("targets-permuted-resensed", "the same, B neurons feeling their new muscles", _TARGETS, resense=True),
    Rung("block-preserving", "all but degrees within classes", BlockPreserving((*MOTOR, *MUSCLES))),
    Rung("places-relabelled", "where along the body each muscle row is", _PLACES),
    Rung(
        "crossing-permuted",
        "which D neurons each B neuron drives",
        PermuteProjections(("DB", "VB"), INHIBITORY, "crossing-permuted"),
    ),
    Rung("shifted-by-1", "one row of 24, each neuron its own way", ShiftTargets(1, BEHIND_HEAD, MUSCLES)),
    Rung("shifted-by-3", "three rows of 24, each neuron its own way", ShiftTargets(3, BEHIND_HEAD, MUSCLES)),
    Rung("weight-permuted", "which edge has how many synapses", PermuteWeights()),
)
"""Arms of many graphs each, by what they lose."""

FIXED = (
    Rung("binary-weights", "synapse counts: every edge alike", BinaryWeights()),
    Rung("even-map", "everything measured: an even map, as a textbook draws it", EvenMap(), resense=True),
    Rung("without-inhibition", "D neurons", Lesion(INHIBITORY)),
    Rung("without-stretch", "the feeling of the body", change=(("stretch", 0.0),)),
    Rung("without-clock", "the oscillator of the head", change=(("oscillator", 0.0),)),
    Rung("without-DB", "DB neurons", Lesion(("DB",))),
    Rung("without-VB", "VB neurons", Lesion(("VB",))),
    Rung("without-DD", "DD neurons", Lesion(("DD",))),
    Rung("without-VD", "VD neurons", Lesion(("VD",))),
)
"""Arms of one graph each: lesions, and a map that nobody measured."""

BARE = Rung("interface-only", "all wiring: each muscle row hears one B or head neuron", InterfaceOnly())
WAVE = "wave"
"""The arm without any neuron: a wave of torque, told to the joints."""


@dataclass(frozen=True, slots=True)
class Tank:
    """A body and what it swims in."""

    n_links: int = 6
    fluid: Fluid = WATER


@dataclass(frozen=True, slots=True)
class Swim:
    """One trial: how its settings did from the posture they were chosen by, which was chosen, and how it did from the others."""

    index: int
    graph: str
    tuning: tuple[float, ...]
    chosen: int
    held_out: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean over the held-out postures, of 1,000."""
        return float(np.mean(self.held_out))

    def to_json(self) -> dict[str, Any]:
        """Every field, scores to a tenth of a point."""
        tenths = {name: [round(x, 1) for x in getattr(self, name)] for name in ("tuning", "held_out")}
        return {**asdict(self), **tenths}


def read_swim(record: Mapping[str, Any]) -> Swim:
    """The trial that ``to_json`` wrote."""
    listed = {name: tuple(record[name]) for name in ("tuning", "held_out")}
    return Swim(int(record["index"]), str(record["graph"]), chosen=int(record["chosen"]), **listed)


def posture(seed: int, index: int, number: int) -> np.random.Generator:
    """Random numbers of posture ``number`` of trial ``index``; number 0 is the one that settings are chosen by."""
    return Seed(seed).child("posture").child(index).child(number).rng()


def trials(rung: Rung, measured: MotorCircuit, tank: Tank, indices: Sequence[int], seed: int = 0) -> list[Swim]:
    """Trials of one arm, tuned and scored. Raises ``ControlError`` when a graph is not what its control declares."""
    done: list[Swim] = []
    for start in range(0, len(indices), BATCH):
        now = indices[start : start + BATCH]
        graphs = [rung.circuit(measured, Seed(seed).child(rung.name).child(i).rng()) for i in now]

        def reflex(pick: Sequence[tuple[int, int]], graphs: list[MotorCircuit] = graphs) -> Controller:
            return Reflex([graphs[g] for g, _ in pick], [rung.grid()[s] for _, s in pick], tank.n_links - 1)

        done += _tuned(now, [c.topology.fingerprint for c in graphs], reflex, tank, seed)
    return done


def wave_trials(tank: Tank, indices: Sequence[int], seed: int = 0) -> list[Swim]:
    """Trials of the arm without any neuron, tuned over as many settings."""

    def wave(pick: Sequence[tuple[int, int]]) -> Controller:
        return Wave([WAVES[s] for _, s in pick], tank.n_links - 1)

    return _tuned(indices, [""] * len(indices), wave, tank, seed)


def _tuned(
    indices: Sequence[int],
    graphs: Sequence[str],
    controller: Callable[[Sequence[tuple[int, int]]], Controller],
    tank: Tank,
    seed: int,
) -> list[Swim]:
    """Each trial with every setting from posture 0, then with the best of them from the others."""
    n, settings = len(indices), range(len(GRID))
    every = [(g, s) for g in range(n) for s in settings]
    first = _scores(tank, controller(every), [posture(seed, indices[g], 0) for g, _ in every]).reshape(n, -1)
    chosen = first.argmax(axis=1)
    again = [(g, int(chosen[g])) for g in range(n) for _ in range(HELD_OUT)]
    rngs = [posture(seed, indices[g], 1 + k % HELD_OUT) for k, (g, _) in enumerate(again)]
    second = _scores(tank, controller(again), rngs).reshape(n, HELD_OUT)
    rows = zip(indices, graphs, first, chosen, second, strict=True)
    return [Swim(i, graph, tuple(map(float, a)), int(c), tuple(map(float, b))) for i, graph, a, c, b in rows]


def _scores(tank: Tank, controller: Controller, rngs: Sequence[np.random.Generator]) -> Float[ndarray, " body"]:
    return live(Swimmer(tank.n_links, len(rngs), tank.fluid), controller, rngs)


def compare_swims(arms: Mapping[str, Sequence[Swim]], seed: int = 0) -> list[Contrast]:
    """The connectome against every other arm of at least 2 trials; trial ``i`` against trial ``i``.

    Single-case tests with Holm's correction over the family given, margin ``MARGIN``. Raises ``AnlageError`` for arms of
    different lengths.
    """
    found = []
    for names in _families(arms):
        scores = {name: np.array([swim.score for swim in arms[name]]) for name in names}
        measured = np.array([swim.score for swim in arms[CONNECTOME][: len(scores[names[0]])]])
        graphs = {name: len({swim.graph for swim in arms[name]}) for name in names}
        found += contrasts(OUTCOME, measured, scores, MARGIN, Seed(seed).child("bootstrap").rng(), graphs)
    order = list(arms)
    return sorted(found, key=lambda contrast: order.index(contrast.control))


def _families(arms: Mapping[str, Sequence[Swim]]) -> list[list[str]]:
    """Arms of one length and kind belong together: many graphs, or one."""
    families: dict[tuple[int, bool], list[str]] = {}
    for name, swims in arms.items():
        if name != CONNECTOME:
            families.setdefault((len(swims), len({s.graph for s in swims}) > 1), []).append(name)
    return list(families.values())

"""A motor circuit's swims, carried out arm by arm; what was finished is kept when the rest is interrupted."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anlage.connectome.connectome import Connectome
from anlage.connectome.library import load
from anlage.experience.life import Film, watch
from anlage.experience.swimmer import Swimmer
from anlage.learning.checkpoint import read_json, write_json
from anlage.network.reflex import GRID, Reflex
from anlage.seed import Seed
from anlage.study.compare import in_processes
from anlage.study.statistics import Contrast
from anlage.study.swim import (
    CONNECTOME,
    FIXED,
    LADDER,
    MEASURED,
    WAVE,
    Rung,
    Swim,
    Tank,
    compare_swims,
    posture,
    read_swim,
    trials,
    wave_trials,
)
from anlage.study.trial import Record
from anlage.topology.motor import MotorCircuit, motor

SHOWN = ("projections-permuted", "projections-permuted-resensed", "targets-permuted", "crossing-permuted")
"""Arms of many graphs that a first look needs: what is lost, from who projects where to who inhibits whom."""
ALONE = ("even-map", "without-stretch")
"""Arms of one graph that a first look needs."""
FEW = 5
"""Trials of an arm of one graph."""


MANY = (CONNECTOME, *SHOWN)
RUNGS = {rung.name: rung for rung in (MEASURED, *LADDER, *FIXED)}


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a run: so many trials of one kind of wiring in one tank."""

    connectome: str
    name: str
    tank: Tank
    graphs: int
    seed: int

    def run(self) -> Record:
        """Swim it; the record says what it is the result of."""
        circuit, rung, indices = motor(load(self.connectome)), RUNGS.get(self.name), range(self.graphs)
        swims = (
            trials(rung, circuit, self.tank, indices, self.seed) if rung else wave_trials(self.tank, indices, self.seed)
        )
        return {"identity": self._identity(circuit), "trials": [swim.to_json() for swim in swims]}

    def kept(self, folder: Path, circuit: MotorCircuit) -> list[Swim] | None:
        """The trials that a folder holds of this very arm."""
        wanted = self._identity(circuit)
        record = read_json(folder / f"{self.name}.json", lambda kept: kept.get("identity") == wanted)
        return [read_swim(one) for one in record["trials"]] if record else None  # type: ignore[attr-defined]

    def _identity(self, circuit: MotorCircuit) -> dict[str, object]:
        """What must be the same for a kept arm to be this one."""
        fluid = {"density": self.tank.fluid.density, "viscosity": self.tank.fluid.viscosity}
        settings = [[a.stretch, a.reach_rows, a.period, a.oscillator, a.inhibition] for a in GRID]
        return {
            "arm": self.name,
            "circuit": circuit.topology.fingerprint,
            "n_links": self.tank.n_links,
            "fluid": fluid,
            "graphs": self.graphs,
            "seed": self.seed,
            "settings": settings,
        }


@dataclass(frozen=True, slots=True, eq=False)
class SwimRun:
    """Finished swims: the circuit, the arms with their trials, the contrasts, films of the measured and of a rewired circuit."""

    connectome: Connectome
    circuit: MotorCircuit
    tank: Tank
    seed: int
    arms: Mapping[str, Sequence[Swim]]
    contrasts: Sequence[Contrast]
    film: Film
    rival: str
    rival_film: Film


def carry_out_swims(
    connectome: Connectome,
    tank: Tank,
    graphs: int,
    folder: Path,
    seed: int = 0,
    *,
    workers: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> SwimRun:
    """Swim every arm of a first look, keep each finished arm in ``folder``, and go on with what it holds.

    ``workers``: processes to swim in; with 1, all is done in this one. The scores are the same.
    Raises ``TopologyError`` for a connectome without edges onto muscles, ``DependencyMissing`` without MuJoCo.
    """
    circuit = motor(connectome)
    names = (CONNECTOME, *SHOWN, *ALONE, WAVE)
    wanted = [Arm(connectome.name, name, tank, graphs if name in MANY else min(FEW, graphs), seed) for name in names]
    kept = {arm: arm.kept(folder, circuit) for arm in wanted}
    missing = [arm for arm, swims in kept.items() if swims is None]
    report = progress or (lambda _what, _done, _total: None)
    report("arms", len(wanted) - len(missing), len(wanted))
    done = in_processes(missing, min(workers, len(missing))) if workers > 1 else ((arm, arm.run()) for arm in missing)
    with closing(done) as finished:
        for arm, record in finished:
            write_json(folder / f"{arm.name}.json", record)
            kept[arm] = arm.kept(folder, circuit)
            report("arms", sum(swims is not None for swims in kept.values()), len(wanted))
    arms: dict[str, Sequence[Swim]] = {arm.name: swims for arm, swims in kept.items() if swims is not None}
    rival = SHOWN[0]
    median = sorted(arms[rival], key=lambda swim: swim.score)[len(arms[rival]) // 2]
    films = [_film(RUNGS[name], circuit, tank, arms[name][median.index], seed) for name in (CONNECTOME, rival)]
    contrasts = compare_swims(arms, seed) if graphs > 1 else []
    return SwimRun(connectome, circuit, tank, seed, arms, contrasts, films[0], rival, films[1])


def _film(rung: Rung, circuit: MotorCircuit, tank: Tank, swim: Swim, seed: int) -> Film:
    """One trial again, watched from its first held-out posture."""
    graph = rung.circuit(circuit, Seed(seed).child(rung.name).child(swim.index).rng())
    reflex = Reflex([graph], [rung.grid()[swim.chosen]], tank.n_links - 1)
    return watch(Swimmer(tank.n_links, 1, tank.fluid), reflex, posture(seed, swim.index, 1))


def mean_score(swims: Sequence[Swim]) -> float:
    """Mean over the trials of an arm, of 1,000."""
    return float(np.mean([swim.score for swim in swims]))

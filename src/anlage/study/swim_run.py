"""A motor circuit's swims, carried out arm by arm; what was finished is kept when the rest is interrupted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anlage.connectome.connectome import Connectome
from anlage.experience.life import Film, watch
from anlage.experience.swimmer import Swimmer
from anlage.learning.checkpoint import read_json, write_json
from anlage.network.reflex import GRID, Reflex
from anlage.seed import Seed
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
from anlage.topology.motor import MotorCircuit, motor

SHOWN = ("projections-permuted", "projections-permuted-resensed", "targets-permuted", "crossing-permuted")
"""Arms of many graphs that a first look needs: what is lost, from who projects where to who inhibits whom."""
ALONE = ("even-map", "without-stretch")
"""Arms of one graph that a first look needs."""
FEW = 5
"""Trials of an arm of one graph."""


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
    progress: Callable[[str, int, int], None] | None = None,
) -> SwimRun:
    """Swim every arm of a first look, keep each finished arm in ``folder``, and go on with what it holds.

    Raises ``TopologyError`` for a connectome without edges onto muscles, ``DependencyMissing`` without MuJoCo.
    """
    circuit = motor(connectome)
    rungs = {rung.name: rung for rung in (MEASURED, *LADDER, *FIXED)}
    names = (CONNECTOME, *SHOWN, *ALONE, WAVE)
    arms: dict[str, Sequence[Swim]] = {}
    for number, name in enumerate(names):
        if progress:
            progress("arms", number, len(names))
        n = graphs if name in (CONNECTOME, *SHOWN) else min(FEW, graphs)
        arms[name] = _kept(folder, name, circuit, tank, (n, seed)) or _swim(
            folder, rungs.get(name), circuit, tank, (n, seed)
        )
    if progress:
        progress("arms", len(names), len(names))
    rival = SHOWN[0]
    median = sorted(arms[rival], key=lambda swim: swim.score)[len(arms[rival]) // 2]
    films = [_film(rungs[name], circuit, tank, arms[name][median.index], seed) for name in (CONNECTOME, rival)]
    contrasts = compare_swims(arms, seed) if graphs > 1 else []
    return SwimRun(connectome, circuit, tank, seed, arms, contrasts, films[0], rival, films[1])


def _film(rung: Rung, circuit: MotorCircuit, tank: Tank, swim: Swim, seed: int) -> Film:
    """One trial again, watched from its first held-out posture."""
    graph = rung.circuit(circuit, Seed(seed).child(rung.name).child(swim.index).rng())
    reflex = Reflex([graph], [rung.grid()[swim.chosen]], tank.n_links - 1)
    return watch(Swimmer(tank.n_links, 1, tank.fluid), reflex, posture(seed, swim.index, 1))


def _identity(name: str, circuit: MotorCircuit, tank: Tank, asked: tuple[int, int]) -> dict[str, object]:
    """What must be the same for a kept arm to be that of this run."""
    fluid = {"density": tank.fluid.density, "viscosity": tank.fluid.viscosity}
    settings = [[a.stretch, a.reach_rows, a.period, a.oscillator, a.inhibition] for a in GRID]
    return {
        "arm": name,
        "circuit": circuit.topology.fingerprint,
        "n_links": tank.n_links,
        "fluid": fluid,
        "graphs": asked[0],
        "seed": asked[1],
        "settings": settings,
    }


def _kept(folder: Path, name: str, circuit: MotorCircuit, tank: Tank, asked: tuple[int, int]) -> list[Swim] | None:
    wanted = _identity(name, circuit, tank, asked)
    record = read_json(folder / f"{name}.json", lambda kept: kept.get("identity") == wanted)
    return [read_swim(one) for one in record["trials"]] if record else None  # type: ignore[attr-defined]


def _swim(folder: Path, rung: Rung | None, circuit: MotorCircuit, tank: Tank, asked: tuple[int, int]) -> list[Swim]:
    n, seed = asked
    swims = trials(rung, circuit, tank, range(n), seed) if rung else wave_trials(tank, range(n), seed)
    name = rung.name if rung else WAVE
    identity = _identity(name, circuit, tank, asked)
    write_json(folder / f"{name}.json", {"identity": identity, "trials": [swim.to_json() for swim in swims]})
    return swims


def mean_score(swims: Sequence[Swim]) -> float:
    """Mean over the trials of an arm, of 1,000."""
    return float(np.mean([swim.score for swim in swims]))

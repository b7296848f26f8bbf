"""How much of the larval brain does a smell recruit, and how much of rewired ones?

``python evidence/input-confinement/run.py [ARM ...]`` answers ``question.toml`` into ``results/``, one file per arm, in rounds of
twenty graphs per arm; what is finished is not done again. ``page.py`` turns the results into ``page.md`` and its figure.
"""

import importlib.metadata
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from confinement_model import ClassPreserving, PartRewired, score
from threadpoolctl import threadpool_limits

from anlage.connectome.library import load
from anlage.errors import AnlageError
from anlage.learning.checkpoint import read_json, write_json
from anlage.seed import Seed
from anlage.topology import (
    BlockPreserving,
    Control,
    DegreePreserving,
    ModularityPreserving,
    PermuteWeights,
    ReciprocityPreserving,
    StrengthPreserving,
    Topology,
    build,
    control_graph,
)
from anlage.topology.quantity import spectral_radius

HERE = Path(__file__).parent
RESULTS = HERE / "results"
AT_ONCE = 20
"""Each arm gets so many graphs before any gets more."""


def read_question() -> tuple[dict[str, Any], str]:
    """The question and its checksum."""
    text = (HERE / "question.toml").read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def arms(question: Mapping[str, Any], topology: Topology) -> dict[str, tuple[Control, int]]:
    """Every control by name, and its number of graphs."""
    parts = (PartRewired("ports-rewired", ports=True), PartRewired("inner-rewired", ports=False))
    family = (PermuteWeights(), DegreePreserving(), BlockPreserving(), ClassPreserving(topology), StrengthPreserving())
    slow = (ReciprocityPreserving(), ModularityPreserving())
    return {control.name: (control, question["graphs"].get(control.name, 100)) for control in (*family, *parts, *slow)}


def rounded(found: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """To six digits, which is less than one neuron."""
    return {setting: {name: round(value, 6) for name, value in row.items()} for setting, row in found.items()}


def main(only: Sequence[str]) -> None:
    """Run what is missing, of all arms or of those named; every graph is written when it is scored."""
    question, identity = read_question()
    topology = build(load("larva"), **question["topology"])
    truth, seed, started = spectral_radius(topology), Seed(question["seed"]), time.monotonic()
    rungs = arms(question, topology)
    if unknown := [name for name in only if name not in rungs]:
        sys.exit(f"There is no arm {unknown[0]!r}; the arms are {', '.join(rungs)}.")
    names = ("anlage", "numpy", "scipy")
    stamp = {
        "question": identity,
        "versions": {"python": sys.version.split()[0]} | {name: importlib.metadata.version(name) for name in names},
    }
    write_json(RESULTS / "larva.json", stamp | {"graphs": [rounded(score(question, topology, truth))]})
    for goal in range(AT_ONCE, max(wanted for _, wanted in rungs.values()) + 1, AT_ONCE):
        for name, (control, wanted) in rungs.items():
            path = RESULTS / f"{name}.json"
            old = read_json(path, lambda record: record.get("question") == identity) or {}
            graphs: list[Any] = list(old.get("graphs", []))  # type: ignore[call-overload]
            if len(graphs) >= min(goal, wanted) or (only and name not in only):
                continue
            for i in range(len(graphs), min(goal, wanted)):
                made, _ = control_graph(control, topology, seed.child(name).child(i).rng())
                graphs.append(rounded(score(question, made, truth)))
                write_json(path, stamp | {"graphs": graphs})
            print(f"{name}: {len(graphs)} of {wanted} graphs, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    try:
        with threadpool_limits(1):
            main(sys.argv[1:])
    except AnlageError as error:
        sys.exit(str(error))

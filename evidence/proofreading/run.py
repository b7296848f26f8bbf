"""How many errors can a reconstruction have before it matters, and what does repairing them buy?

``python evidence/proofreading/run.py`` answers ``question.toml`` into ``results/``; ``run.py worm`` and ``run.py larva`` do one
animal each, and may run side by side. What is finished is not done again. ``page.py`` turns the results into ``page.md``.
"""

import importlib.metadata
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from proofreading_tasks import SIGNALS, Measured, distance, make_tasks, wired
from signal_pairs import read_measured, scored_pairs
from threadpoolctl import threadpool_limits

from anlage.connectome.connectome import Connectome
from anlage.connectome.error import ErrorModel
from anlage.connectome.library import load
from anlage.connectome.proofread import proofread
from anlage.connectome.reconstruct import Errors
from anlage.errors import AnlageError
from anlage.learning.checkpoint import read_json, write_json
from anlage.seed import Seed
from anlage.topology import DegreePreserving, Topology, control_graph

HERE = Path(__file__).parent
RESULTS = HERE / "results"
ANIMALS = ("worm", "larva")


def read_question() -> tuple[dict[str, Any], str]:
    """The question and its checksum."""
    text = (HERE / "question.toml").read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def versions() -> dict[str, str]:
    """What the numbers were computed with."""
    names = ("anlage", "numpy", "scipy", "torch")
    return {"python": sys.version.split()[0]} | {name: importlib.metadata.version(name) for name in names}


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """One animal, and everything that its graphs are scored with."""

    question: Mapping[str, Any]
    brain: Connectome
    truth: Measured
    tasks: Mapping[str, Callable[[Topology], float]]

    @classmethod
    def of(cls, question: Mapping[str, Any], animal: str) -> "Bench":
        """The bench of an animal; raises ``DataMissing`` when a file of measured data is not here."""
        signals = tomllib.loads((SIGNALS / "question.toml").read_text("utf-8"))
        brain = load(animal)
        pairs = scored_pairs(signals, read_measured(signals), brain)[0] if animal == "worm" else None
        truth = Measured.of(wired(question, brain, "count"))
        return cls(question, brain, truth, make_tasks(question, animal, wired(question, brain), pairs, signals))

    def score(self, connectome: Connectome) -> dict[str, float]:
        """Every task and every wiring quantity of a reconstruction."""
        found = Measured.of(wired(self.question, connectome, "count"))
        return self.perform(wired(self.question, connectome)) | distance(self.truth, found)

    def perform(self, topology: Topology) -> dict[str, float]:
        """Every task on a topology."""
        return {name: task(topology) for name, task in self.tasks.items()}


def model_of(question: Mapping[str, Any], level: str, alone: str = "") -> ErrorModel:
    """The error model of a level; ``alone``: with one kind of error only, or ``blind`` to size."""
    rates, fixed = dict(question["levels"][level]), dict(question["model"])
    if alone == "blind":
        fixed["bias"] = 0.0
    elif alone:
        rates = {alone: rates[alone]}
    return ErrorModel(**rates, **fixed)


def edits(errors: Errors) -> dict[str, int]:
    """The counts of a record."""
    return {
        "edits": errors.n_edits,
        "splits": errors.n_splits,
        "merges": errors.n_merges,
        "missed": len(errors.missed),
        "false": len(errors.false_edge),
    }


def arms(question: Mapping[str, Any]) -> dict[str, int]:
    """Name of every arm, and its number of graphs."""
    names = [f"level-{level}" for level in question["levels"]]
    names += [f"alone-{arm}" for arm in question["alone"]["arms"]]
    names += [f"{o}-{s}" for o in question["proofreading"]["orders"] for s in question["proofreading"]["shares"]]
    return {"truth": 1, "rewired": question["rewires"]} | dict.fromkeys(names, question["draws"])


def graph(bench: Bench, arm: str, i: int) -> dict[str, Any]:
    """The record of graph ``i`` of an arm."""
    question, brain = bench.question, bench.brain
    seed = Seed(question["seed"]).child(brain.name)
    if arm == "truth":
        return bench.score(brain) | {"edits": 0}
    if arm == "rewired":
        rng = seed.child(arm).child(i).rng()
        made, _ = control_graph(DegreePreserving(), wired(question, brain), rng)
        counts, _ = control_graph(DegreePreserving(), bench.truth.topology, seed.child(arm).child(i).rng())
        return bench.perform(made) | distance(bench.truth, Measured.of(counts))
    kind, which = arm.split("-", 1)
    if kind == "level":
        made, errors = model_of(question, which)(brain, seed.child(arm).child(i).rng())
    elif kind == "alone":
        made, errors = model_of(question, str(question["alone"]["level"]), which)(brain, seed.child(arm).child(i).rng())
    else:
        # The reconstructions that are repaired are those of their level, draw by draw.
        level = str(question["proofreading"]["level"])
        _, errors = model_of(question, level)(brain, seed.child(f"level-{level}").child(i).rng())
        before = errors.n_edits
        made, errors = proofread(brain, errors, float(which), kind, seed.child(arm).child(i).rng())
        return bench.score(made) | edits(errors) | {"spent": before - errors.n_edits}
    return bench.score(made) | edits(errors)


def answer(question: Mapping[str, Any], identity: str, animal: str) -> Iterator[str]:
    """Run what is missing of an animal; one line after every arm."""
    bench, started, stamp = Bench.of(question, animal), time.monotonic(), {"question": identity, "versions": versions()}
    for arm, wanted in arms(question).items():
        path = RESULTS / f"{animal}--{arm}.json"
        old = read_json(path, lambda r: r.get("question") == identity) or {}
        graphs: list[Any] = list(old.get("graphs", []))  # type: ignore[call-overload]
        for i in range(len(graphs), wanted):
            graphs.append(graph(bench, arm, i))
            write_json(path, stamp | {"animal": animal, "arm": arm, "graphs": graphs})
        yield f"{animal} {arm}: {wanted} graphs, {time.monotonic() - started:.0f} s"


def main() -> None:
    """Answer the question for the animals named, or for all."""
    torch.set_num_threads(1)
    question, identity = read_question()
    with threadpool_limits(1):
        for animal in sys.argv[1:] or ANIMALS:
            for line in answer(question, identity, animal):
                print(line, flush=True)
    print("done; now run page.py")


if __name__ == "__main__":
    try:
        main()
    except AnlageError as error:
        sys.exit(str(error))

"""Answer ``question.toml`` into ``results/``; an interrupted run goes on where it was. About four minutes of processor time.

The odours need the data folder.
"""

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from anlage.experience.problem import Problem
from anlage.learning import Assay, Blueprint, Gradient
from anlage.learning.assay import born
from anlage.learning.drill import drill
from anlage.network import GatedDesign, PerceptronDesign, Physiology, budget, scale
from anlage.seed import Seed
from anlage.study.question import CONTROLS, QUESTION_KINDS
from anlage.topology import Topology, control_graph

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from ledger import fill  # noqa: E402
from reservoir import read, states  # noqa: E402

TASKS = next(table for table in QUESTION_KINDS.values() if "odours" in table)


def asked() -> tuple[dict[str, Any], str]:
    """The question and its checksum."""
    text = (HERE / "question.toml").read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def first(problem: Problem, n: int, rows: int) -> Problem:
    """The problem with its first ``n`` examples, over and over up to so many rows."""
    again = torch.arange(rows) % n
    return replace(problem, train=problem.train[again], train_answer=problem.train_answer[again])


def frozen(graph: Topology, problem: Problem, recipe: Assay, seed: Seed, examples: list[int]) -> dict[str, float]:
    """Accuracy of a ridge readout of the output neurons, fitted to the first examples."""
    network = born(recipe, scale(graph, recipe.spectral_radius)[0], problem, seed)
    train, test = (state[..., network.ports.output.numpy()] for state in states(network, problem))
    return {f"at {n}": read(train[:n], test, first(problem, n, n), [0.0])[0.0][1] for n in examples}


def alone(problem: Problem, examples: list[int]) -> dict[str, float]:
    """The same on the input itself: all moments, or one where they are alike."""
    held = bool((problem.train == problem.train[:, :1]).all())
    train, test = (shown[:, :1] if held else shown.flatten(1)[:, None] for shown in (problem.train, problem.test))
    columns = train.double().numpy(), test.double().numpy()
    return {f"at {n}": read(columns[0][:n], columns[1], first(problem, n, n), [0.0])[0.0][1] for n in examples}


def trained(arm: str, problem: Problem, recipe: Assay, seed: Seed, question: Mapping[str, Any]) -> dict[str, float]:
    """Accuracy of a network without a wiring, as large as one whose weights all learn, trained anew on the first examples."""
    scaled = scale(recipe.topology.topology(), recipe.spectral_radius)[0]
    own = budget(
        None, born(replace(recipe, physiology=replace(recipe.physiology, plasticity="signed")), scaled, problem, seed)
    )
    held = bool((problem.train == problem.train[:, :1]).all())
    design = GatedDesign() if arm == "gru" else PerceptronDesign(window=1 if held else problem.train.shape[1])
    found = {}
    for n in question["examples"]:
        generator = torch.Generator().manual_seed(seed.child(arm).integer)
        network = design.build(problem.train.shape[-1], problem.train_answer.shape[-1], own, generator)
        curve = drill(network, first(problem, n, len(problem.train)), Gradient(**question["readout"]), seed, None)
        found[f"at {n}"] = float(curve[-1]["accuracy"])
    return found


def answer(question: Mapping[str, Any], identity: str, name: str) -> None:
    """Every arm and graph on one task."""
    table = dict(question[name])
    wiring, kind, root = table.pop("connectome"), table.pop("kind"), Seed(question["seed"])
    task, measured = TASKS[kind](**table), Blueprint(connectome=wiring).topology()
    recipe = Assay(
        name=f"{name}-examples",
        topology=Blueprint(connectome=wiring),
        physiology=Physiology(plasticity="frozen", ticks=question["ticks"]),
        spectral_radius=question["spectral_radius"],
        task=task,
        readout=Gradient(),
    )

    @lru_cache(maxsize=1)
    def posed(index: int) -> Problem:
        return task.open(root.child("task").child(name).child(index).rng())

    def make(arm: str, index: int, _level: int) -> dict[str, Any]:
        problem, seed, examples = posed(index), root.child("trial").child(index), list(question["examples"])
        ends = {"chance": problem.chance, "oracle": problem.oracle}
        if arm == "input":
            return {"graph": ""} | ends | alone(problem, examples)
        if arm in question["networks"]:
            return {"graph": ""} | ends | trained(arm, problem, recipe, seed, question)
        rng = root.child("control").child(arm).child(index).rng()
        graph = control_graph(CONTROLS[arm](), measured, rng)[0] if arm in question["controls"] else measured
        return {"graph": graph.fingerprint} | ends | frozen(graph, problem, recipe, seed, examples)

    arms = ["connectome", *question["controls"], "input", *question["networks"]]
    wanted = [(arm, index, 0) for index in range(question["graphs"]) for arm in arms]
    fill(HERE / "results" / f"{name}.json", identity, wanted, make)


def main() -> None:
    """Both tasks."""
    question, identity = asked()
    for name in question["tasks"]:
        answer(question, identity, name)


if __name__ == "__main__":
    main()

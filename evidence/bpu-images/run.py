"""Run what ``question.toml`` and ``curves.toml`` declare into ``results/``; what is there already is not run again.

    anlage compare recipes/larva-mnist-readout.toml      # or benchmarks/larva_mnist.py, which also takes its time
    python evidence/bpu-images/run.py [audit two-steps frozen-middle further-arms more-steps expansion curves directions]

The trials themselves are kept in runs/; ``results/`` has one compact file per part, complete or not.
"""

import sys
from dataclasses import replace
from importlib.metadata import version
from typing import Any, cast

import torch
from bpu_curves import directions
from bpu_images import CURVES, RESULTS, ROOT, RUNS, compact, declared, frozen_middle, question

from anlage.experience.still_image import StillImages
from anlage.learning.assay import Assay, pose
from anlage.learning.checkpoint import read_json, write_json
from anlage.learning.drill import drill
from anlage.learning.readout import Gradient
from anlage.network.budget import Budget
from anlage.network.perceptron import PerceptronDesign
from anlage.seed import Seed
from anlage.study.compare import one_thread
from anlage.study.trial import CONNECTOME, Record, Trial, trials
from anlage.topology import audit

AUDITED = (1, 2, 3, 4, 5, 8, 10)
PERCEPTRONS = ("unscaled", "he", "mlp")


def run_trials(*parts: str) -> None:
    """All trials of the parts, graph by graph; those found in runs/ are taken as they are."""
    asked = {part: question(part) for part in parts}
    wanted = [(part, t) for part in parts for t in trials(asked[part]) if t.arm in declared(part)[0][part]["arms"]]
    records: dict[str, list[Record]] = {part: [] for part in parts}

    def keep(part: str) -> None:
        content = {"question": declared(part)[1], "asked": asked[part].identity, "records": compact(records[part])}
        write_json(RESULTS / f"{part}.json", content)

    for part, trial in sorted(wanted, key=lambda one: one[1].index):
        path = ROOT / "runs" / RUNS[part] / "results" / trial.file_name
        found = read_json(path, trial.accepts)
        records[part].append(found or trial.run())
        if not found:
            write_json(path, records[part][-1])
            print(f"{part}: {trial.file_name}", flush=True)
            keep(part)
    for part in parts:
        keep(part)


def run_audit() -> None:
    """What of the larva can matter at each number of steps, and how large its pools are."""
    recipe = question("two-steps").recipe
    topology = recipe.topology.topology()
    ports = recipe.ports.input, recipe.ports.output
    sizes = [len(topology.group(names)) for names in ports]
    found = {}
    for steps in AUDITED:
        reach = audit(topology, *ports, steps=steps, drive="pulse")
        found[str(steps)] = {"edges": reach.n_edges, "neurons": reach.n_neurons, "sentence": str(reach)}
    n, pools = topology.n_neurons, {"input": sizes[0], "output": sizes[1]}
    content = {"question": declared()[1], "neurons": n, "edges": topology.n_edges, "pools": pools, "steps": found}
    write_json(RESULTS / "audit.json", content)


def run_directions() -> None:
    """How many patterns of the inputs the larva, and each graph of the curve over T, still hands to its outputs after T steps."""
    asked = question("later-steps")
    ports = asked.recipe.ports.input, asked.recipe.ports.output
    found: dict[str, list[dict[str, int]]] = {}
    for trial in trials(asked):
        if trial.cell.number == 0 and (trial.arm != CONNECTOME or trial.index == 0):
            topology = trial.wired()[0]
            told = {str(steps): directions(topology, *ports, steps) for steps in (2, 3, 4, 5, 8)}
            found.setdefault(trial.arm, []).append(told)
    write_json(RESULTS / "directions.json", {"question": declared()[1], "graphs": found})


def run_frozen_middle() -> None:
    """Three perceptrons per seed, given the images that the trials of that seed were given; kept seed by seed."""
    words, identity = declared()
    path = RESULTS / "frozen-middle.json"
    kept = read_json(path, lambda result: result.get("question") == identity) or {"records": []}
    records = cast(list[dict[str, Any]], kept["records"])
    two_steps = read_json(RESULTS / "two-steps.json", lambda result: result.get("question") == identity)
    if two_steps is None:
        sys.exit("The perceptrons are made as large as the recipe's network; run the part two-steps first.")
    own = Budget(**cast(list[dict[str, Any]], two_steps["records"])[0]["budget"])
    for index in range(len(records) // len(PERCEPTRONS), words["frozen-middle"]["seeds"]):
        recipe = cast(Assay, Trial(question("two-steps"), CONNECTOME, index).recipe)
        # A perceptron has no time: it is shown the image itself, which the larva sees as a pulse.
        problem = pose(replace(recipe, task=replace(cast(StillImages, recipe.task), moments=1)))
        n_in, n_out, seed = problem.train.shape[-1], problem.train_answer.shape[-1], Seed(recipe.seed)
        for arm in PERCEPTRONS:
            generator = torch.Generator().manual_seed(seed.child("frozen-middle").integer)
            if arm == "mlp":
                network = PerceptronDesign().build(n_in, n_out, own, generator)
            else:
                trained = own.trained_parameters
                network = frozen_middle(n_in, n_out, trained, he=arm == "he", generator=generator)
            curve = drill(network, problem, cast(Gradient, recipe.readout), seed, None)
            size = sum(p.numel() for p in network.parameters() if p.requires_grad)
            width = network.layers[0].weight.shape[0]
            one = {"arm": arm, "index": index, "seed": recipe.seed, "trained_parameters": size, "width": width}
            records.append({**one, "curve": [curve[0], curve[-1]]})
        versions = {name: version(name) for name in ("anlage", "torch", "numpy", "scipy", "scikit-learn")}
        write_json(path, {"question": identity, "records": records, "versions": versions})
        print(f"frozen-middle: seed {index}", flush=True)


def main() -> None:
    """Every part that was asked for, or all of them, in the order in which they need one another."""
    parts = ["audit", "two-steps", "frozen-middle", "further-arms", "more-steps", "expansion", "curves", "directions"]
    asked = sys.argv[1:] or parts
    if unknown := [part for part in asked if part not in parts]:
        sys.exit(f"There is no part {unknown[0]!r}; the parts are {', '.join(parts)}.")
    others = {
        "audit": run_audit,
        "frozen-middle": run_frozen_middle,
        "curves": lambda: run_trials(*CURVES),
        "directions": run_directions,
    }
    with one_thread():
        for part in asked:
            others.get(part, lambda part=part: run_trials(part))()


if __name__ == "__main__":
    main()

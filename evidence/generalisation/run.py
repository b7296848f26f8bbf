"""Answer ``question.toml`` into ``results/``; an interrupted run goes on where it was. About five minutes of processor time."""

import sys
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from anlage.experience.corruption import corrupted
from anlage.experience.problem import Problem
from anlage.experience.still_image import StillImages
from anlage.learning.assay import Assay, assay, assay_design, pose
from anlage.learning.drill import answers
from anlage.learning.readout import Gradient
from anlage.learning.recipe import Blueprint
from anlage.network import LearningNetwork, Physiology, RecurrentNetwork, silenced
from anlage.seed import Seed
from anlage.study.question import CONTROLS, DESIGNS
from anlage.topology import Topology, control_graph

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from ledger import fill  # noqa: E402

BATCH = 360


def asked() -> tuple[dict[str, Any], str]:
    """The question and its checksum."""
    text = (HERE / "question.toml").read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def recipe(question: Mapping[str, Any], wiring: str, index: int) -> Assay:
    """What a network learns; interface and pictures depend on the index alone, so that all arms have them alike."""
    return Assay(
        name="generalisation",
        topology=Blueprint(connectome=wiring),
        physiology=Physiology(plasticity=question["plasticity"], ticks=question["ticks"]),
        spectral_radius=question["spectral_radius"],
        task=StillImages(**question["task"]),
        readout=Gradient(**question["readout"]),
        seed=Seed(question["seed"]).child("trial").child(index).integer,
    )


def score(network: LearningNetwork, problem: Problem, times: int = 1) -> float:
    """Accuracy on the test pictures of a problem, held ``times`` as long."""
    shown = problem.test.repeat_interleave(times, 1)
    return problem.score(answers(network, problem, shown, BATCH))["accuracy"]


def tested(
    network: LearningNetwork, problem: Problem, question: Mapping[str, Any], seed: Seed
) -> dict[str, float | None]:
    """The accuracy under every condition; of lost input neurons only where there are any."""
    found: dict[str, float | None] = {"clean": score(network, problem)}
    for kind, strengths in question["strengths"].items():
        for strength in strengths:  # the same draw at every strength
            worse = corrupted(problem, kind, strength, seed.child(kind).rng())
            found[f"{kind} {strength:g}"] = score(network, worse)
    for times in question["times"]:
        found[f"longer {times}"] = score(network, problem, times)
    for share in question["lost"]:
        found[f"silenced {share:g}"] = None
        if isinstance(network, RecurrentNetwork):
            order = torch.from_numpy(seed.child("silenced").rng().permutation(network.ports.input.numpy()))
            found[f"silenced {share:g}"] = score(silenced(network, order[: round(share * len(order))]), problem)
    return found


def answer(question: Mapping[str, Any], identity: str, wiring: str) -> None:
    """Every arm and graph of one wiring; networks without a wiring stand beside the first."""
    root, measured = Seed(question["seed"]), Blueprint(connectome=wiring).topology()
    networks = question["networks"] if wiring == question["wirings"][0] else []

    @lru_cache(maxsize=1)
    def posed(index: int) -> Problem:
        return pose(recipe(question, wiring, index))

    def graph(arm: str, index: int) -> Topology:
        rng = root.child("control").child(arm).child(index).rng()
        return control_graph(CONTROLS[arm](), measured, rng)[0] if arm in question["controls"] else measured

    def make(arm: str, index: int, _level: int) -> dict[str, Any]:
        mine = recipe(question, wiring, index)
        if arm in networks:
            found = assay_design(mine, DESIGNS[arm]())
        else:
            found = assay(mine, graph(arm, index))
        reached = found.audit.n_neurons if found.audit else None
        name = found.topology.fingerprint if found.topology else ""
        seed = root.child("conditions").child(index)
        return {"graph": name, "reached": reached} | tested(found.network, posed(index), question, seed)

    arms = ["connectome", *question["controls"], *networks]
    wanted = [(arm, index, 0) for index in range(question["graphs"]) for arm in arms]
    fill(HERE / "results" / f"{wiring}.json", identity, wanted, make)


def main() -> None:
    """Both wirings."""
    question, identity = asked()
    for wiring in question["wirings"]:
        answer(question, identity, wiring)


if __name__ == "__main__":
    main()

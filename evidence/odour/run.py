"""Answer ``question.toml`` into ``results/scores.json``; an interrupted run goes on where it was. About two minutes."""

import sys
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anlage.connectome.library import load
from anlage.experience.odour import RECEPTORS, Odours
from anlage.experience.problem import Problem
from anlage.learning.assay import Assay, born
from anlage.learning.recipe import Blueprint, PortChoice
from anlage.network import Leaky, Physiology, scale
from anlage.seed import Seed
from anlage.topology import BlockPreserving, DegreePreserving, PermuteWeights, RandomProjection, Topology, control_graph

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from ledger import fill  # noqa: E402
from reservoir import part, read, states  # noqa: E402

SMELL = "modality:olfactory"


def asked() -> tuple[dict[str, Any], str]:
    """The question and its checksum."""
    text = (HERE / "question.toml").read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def circuit(question: Mapping[str, Any]) -> tuple[Topology, np.ndarray]:
    """The olfactory circuit, and its map from channels onto receptor neurons of both sides; shape ``(member, input)``."""
    rules = {k: tuple(v) if isinstance(v, list) else v for k, v in question["topology"].items()}
    whole = Blueprint(**rules).topology()
    kept = whole.group(question["circuit"])
    topology = part(whole, kept, "the olfactory circuit")
    names = np.array(load(question["topology"]["connectome"]).neurons.name)[kept]
    channel = {f"{receptor} ORN {side}": i for i, receptor in enumerate(RECEPTORS) for side in ("left", "right")}
    members = topology.group((SMELL,))
    native = np.zeros((len(members), len(RECEPTORS)))
    native[np.arange(len(members)), [channel[str(name)] for name in names[members]]] = question["input_gain"]
    return topology, native


def main() -> None:
    """Every arm and graph."""
    question, identity = asked()
    root, (topology, native) = Seed(question["seed"]), circuit(question)
    blocks, kc = tuple(question["circuit"]), question["readouts"]["kc"]
    controls = (DegreePreserving(), BlockPreserving(blocks), PermuteWeights(), RandomProjection((SMELL,), (kc,)))
    control = {one.name: one for one in controls}
    tasks = {
        name: Odours(ask=ask, **question["task"]) for name, ask in (("identity", "single"), ("mixture", "mixture"))
    }
    physiology = Physiology(plasticity="frozen", ticks=1, dynamics=Leaky(leak=question["leak"], activation="tanh"))
    recipe = Assay(name="odour", ports=PortChoice((SMELL,), ("all",)), physiology=physiology)

    @lru_cache(maxsize=2)
    def posed(name: str, index: int) -> Problem:
        return tasks[name].open(root.child("task").child(index).rng())

    def make(arm: str, index: int, _level: int) -> dict[str, Any]:
        rng = root.child("control").child(arm).child(index).rng()
        graph = control_graph(control[arm], topology, rng)[0] if arm in control else topology
        found: dict[str, Any] = {"graph": graph.fingerprint if arm != "raw" else ""}
        for name in tasks:
            problem = posed(name, index)
            found[f"{name} oracle"], found[f"{name} chance"] = problem.oracle, problem.chance
            if arm == "raw":
                columns = [shown.double().mean(1, keepdim=True).numpy() for shown in (problem.train, problem.test)]
                found |= {f"{name} {r}": read(*columns, problem, [0.0])[0.0][1] for r in question["readouts"]}
                continue
            network = born(
                recipe, scale(graph, question["spectral_radius"])[0], problem, root.child("trial").child(index)
            )
            with torch.no_grad():
                network.ports.into.weight.copy_(torch.from_numpy(native))
            lived = states(network, problem)
            for readout, group in question["readouts"].items():
                columns = [states[..., topology.group((group,))] for states in lived]
                found[f"{name} {readout}"] = read(*columns, problem, [0.0])[0.0][1]
        return found

    arms = [*question["arms"], "raw"]
    fill(HERE / "results" / "scores.json", identity, [(a, i, 0) for i in range(question["graphs"]) for a in arms], make)


if __name__ == "__main__":
    main()

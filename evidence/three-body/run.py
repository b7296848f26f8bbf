"""Answer ``question.toml`` into ``results/scores.json``; an interrupted run goes on where it was. About four minutes."""

import sys
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anlage.experience.problem import Problem
from anlage.experience.three_body import ThreeBody
from anlage.learning.assay import Assay, born
from anlage.learning.recipe import Blueprint, PortChoice
from anlage.network import Leaky, Physiology, scale
from anlage.seed import Seed
from anlage.topology import (
    DegreePreserving,
    ErdosRenyi,
    PermuteEnds,
    PermuteWeights,
    SpectrumMatched,
    Topology,
    control_graph,
)
from anlage.topology.topology import Step

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from ledger import fill  # noqa: E402
from reservoir import part, read, states  # noqa: E402

CONTROLS = {c.name: c for c in (DegreePreserving(), PermuteWeights(), PermuteEnds(), SpectrumMatched())}


def asked() -> tuple[dict[str, Any], str]:
    """The question and its checksum."""
    text = (HERE / "question.toml").read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def most_connected(topology: Topology, n: int) -> Topology:
    """The ``n`` neurons with the most edges, in and out, and the edges among them."""
    edges = np.bincount(topology.pre, minlength=topology.n_neurons) + np.bincount(
        topology.post, minlength=topology.n_neurons
    )
    return part(topology, np.sort(np.argsort(-edges, kind="stable")[:n]), "the most connected")


def reweighted(topology: Topology, draw: Callable[[int], np.ndarray], name: str) -> Topology:
    """The same edges with new weights."""
    return topology.reweighted(Step(name), draw(topology.n_edges))


def wired(arm: str, topology: Topology, rng: np.random.Generator) -> Topology:
    """One graph of an arm."""
    if arm == "connectome":
        return topology
    if arm in CONTROLS:
        return control_graph(CONTROLS[arm], topology, rng)[0]
    if arm != "random-weights":
        topology = control_graph(ErdosRenyi(), topology, rng)[0]
    if arm == "random-topology":
        return topology
    # From 0 on, but never 0: an edge without a weight is none.
    return reweighted(topology, rng.standard_normal if arm == "random-signed" else lambda n: 1 - rng.random(n), arm)


def participation(states: np.ndarray) -> float:
    """Directions that activity fills: the participation ratio of its covariance (Gao et al. 2017, bioRxiv 214262)."""
    value = np.linalg.eigvalsh(np.cov(states.reshape(-1, states.shape[-1]).T))
    return float(value.sum() ** 2 / (value**2).sum())


def score(graph: Topology, seed: Seed, problem: Problem, question: Mapping[str, Any]) -> dict[str, float]:
    """Errors on both parts with every penalty, and how many directions the activity fills."""
    physiology = Physiology(plasticity="frozen", ticks=1, dynamics=Leaky(leak=question["leak"], activation="tanh"))
    recipe = Assay(name="three-body", ports=PortChoice(("all",), ("all",)), physiology=physiology)
    network = born(recipe, scale(graph, question["spectral_radius"])[0], problem, seed)
    rng = seed.child("coordinate").rng()
    into = np.zeros((graph.n_neurons, 3))
    into[np.arange(graph.n_neurons), rng.integers(3, size=graph.n_neurons)] = rng.uniform(-1, 1, graph.n_neurons)
    with torch.no_grad():
        network.ports.into.weight.copy_(torch.from_numpy(question["input_scaling"] * into))
    train, test = states(network, problem)
    found = {"graph": graph.fingerprint, "directions": participation(train)}
    for penalty, (seen, new) in read(train, test, problem, (0.0, *question["penalties"])).items():
        name = f"{penalty:g}" if penalty else "tuned"
        found |= {f"train {name}": seen, f"test {name}": new}
    return found


def main() -> None:
    """Every arm and graph."""
    question, identity = asked()
    root, task = Seed(question["seed"]), ThreeBody(**question["task"])
    topology = most_connected(Blueprint(**_tuples(question["topology"])).topology(), question["neurons"])

    @lru_cache(maxsize=1)
    def posed(index: int) -> Problem:
        return task.open(root.child("task").child(index).rng())

    def make(arm: str, index: int, _level: int) -> dict[str, float]:
        graph = wired(arm, topology, root.child("control").child(arm).child(index).rng())
        return score(graph, root.child("trial").child(index), posed(index), question)

    wanted = [(arm, index, 0) for index in range(question["graphs"]) for arm in question["arms"]]
    fill(HERE / "results" / "scores.json", identity, wanted, make)


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


if __name__ == "__main__":
    main()

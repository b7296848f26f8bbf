"""How much of a wiring responds to a constant drive of some neurons."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csr_array

from anlage.errors import TopologyError
from anlage.topology import BlockPreserving, DegreePreserving, Step, Topology
from anlage.topology.quantity import spectral_radius

MOST_ROUNDS = 100_000


def resting(
    matrix: csr_array, drive: Float[ndarray, "neuron stimulus"], tolerance: float
) -> Float[ndarray, "neuron stimulus"]:
    """The state ``x = tanh(W x + u)`` that a leaky tanh network at rest settles in; for ``W`` without negative entries.

    From 0 the states rise monotonically to the smallest fixed point. Raises ``TopologyError`` where that takes too long.
    """
    state = np.zeros_like(drive)
    for _ in range(MOST_ROUNDS):
        before, state = state, np.tanh(matrix @ state + drive)
        if np.abs(state - before).max() < tolerance:
            return state
    raise TopologyError(
        f"The states still move by more than {tolerance} after {MOST_ROUNDS:,} rounds; lower the radius."
    )


def measures(state: Float[ndarray, " core"]) -> dict[str, float]:
    """Shares of the core that respond, by every measure of the question; all 0 where nothing does."""
    total, n = state.sum(), len(state)
    top = float(np.quantile(state, 0.99))
    found = {f"above {level}": float((state >= level).mean()) for level in (0.001, 0.01, 0.1)}
    for share in (0.01, 0.03, 0.1, 0.3):
        found[f"active {share}"] = float((state >= share * top).mean()) if top > 0 else 0.0
    held = np.cumsum(np.sort(state)[::-1])
    found["most"] = float((np.searchsorted(held, 0.9 * total) + 1) / n) if total > 0 else 0.0
    part = state[state > 0] / total if total > 0 else np.zeros(0)
    found["spread"] = float(np.exp(-(part * np.log(part)).sum()) / n) if len(part) else 0.0
    return found


def reach(topology: Topology, driven: Int[ndarray, " member"], core: Int[ndarray, " core"]) -> dict[str, float]:
    """Share of the core within 1, 2 and 3 hops of the driven neurons."""
    inside = np.zeros(topology.n_neurons, dtype=bool)
    inside[driven] = True
    found = {}
    for hops in (1, 2, 3):
        inside[topology.post[inside[topology.pre]]] = True
        found[f"{hops} hops"] = float(inside[core].mean())
    return found


def settings(question: Mapping[str, Any], topology: Topology, truth: float) -> Iterator[tuple[str, csr_array, float]]:
    """Every setting of the sweep: its name, the scaled matrix, and the drive. ``truth`` is the true wiring's radius."""
    model, sweep = question["model"], question["sweep"]
    matrix, own = topology.csr(), spectral_radius(topology)
    yield "declared", matrix * (model["radius"] / own), model["drive"]
    for radius in sweep["radius"]:
        yield f"radius {radius}", matrix * (radius / own), model["drive"]
    for drive in sweep["drive"]:
        yield f"drive {drive}", matrix * (model["radius"] / own), drive
    for name in sweep["weights"]:
        weight = np.log1p(topology.weight) if name == "log" else np.ones(topology.n_edges)
        other = topology.reweighted(Step(f"weights {name}"), weight)
        yield f"weights {name}", other.csr() * (model["radius"] / spectral_radius(other)), model["drive"]
    yield "same gain", matrix * (model["radius"] / truth), model["drive"]


def score(question: Mapping[str, Any], topology: Topology, truth: float) -> dict[str, dict[str, float]]:
    """Every measure in every setting, the reach in hops, and the primary measure of the other senses."""
    core = np.setdiff1d(np.arange(topology.n_neurons), topology.groups["input"])
    driven = topology.groups[question["measure"]["driven"]]
    senses = [name for name, rows in topology.groups.items() if name.startswith("modality:") and len(rows) >= 20]
    found = {}
    for name, matrix, drive in settings(question, topology, truth):
        others = [sense for sense in senses if name == "declared"]
        push = np.zeros((topology.n_neurons, 1 + len(others)))
        for column, rows in enumerate([driven, *(topology.groups[sense] for sense in others)]):
            push[rows, column] = drive
        state = resting(matrix, push, question["model"]["tolerance"])[core]
        found[name] = measures(state[:, 0])
        if others:
            primary = f"active {question['measure']['share']}"
            found["senses"] = {
                sense.removeprefix("modality:"): measures(state[:, 1 + i])[primary] for i, sense in enumerate(others)
            }
    found["reach"] = reach(topology, driven, core)
    return found


class PartRewired:
    """Degree-preserving rewiring of the edges that leave the input neurons, or of all others; the rest stays."""

    keeps, destroys = DegreePreserving.keeps, DegreePreserving.destroys

    def __init__(self, name: str, *, ports: bool) -> None:
        self.name, self.ports = name, ports

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph."""
        moved = np.isin(topology.pre, topology.groups["input"]) == self.ports
        part = topology.rewired(Step("part"), topology.pre[moved], topology.post[moved], topology.weight[moved])
        made = DegreePreserving()(part, rng)
        ends = (np.concatenate([getattr(topology, e)[~moved], getattr(made, e)]) for e in ("pre", "post", "weight"))
        return topology.rewired(Step(self.name, made.history[-1].arguments), *ends)


class ClassPreserving:
    """Block-preserving rewiring with blocks class x side."""

    name, destroys = "class-preserving", DegreePreserving.destroys

    def __init__(self, topology: Topology) -> None:
        names = [name for name in topology.groups if name.startswith("class:")]
        sides = [name for name in topology.groups if name.startswith("side:")]
        groups = {f"{c} {s}": np.intersect1d(topology.groups[c], topology.groups[s]) for c in names for s in sides}
        self.groups = {name: rows for name, rows in groups.items() if len(rows)}
        self.control = BlockPreserving(tuple(self.groups))
        self.keeps = DegreePreserving.keeps

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph; that the degrees with every class and side are kept is checked here, by ``BlockPreserving``'s audit."""
        blocked = replace(topology, groups=self.groups)
        made = self.control(blocked, rng)
        if broken := [q.name for q in self.control.keeps if q.changed(q(blocked), q(made))]:
            raise TopologyError(f"Rewiring within class and side did not keep {', '.join(sorted(broken))}.")
        return replace(made, groups=topology.groups)

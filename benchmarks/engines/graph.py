"""The graphs that every engine is timed on, as plain arrays kept in a folder."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from anlage.connectome.library import load
from anlage.topology import Topology, build

FLYWIRE_SIZE = "flywire-size"
FLYWIRE_NEURONS, FLYWIRE_EDGES = 139_000, 15_000_000
HEAVY_TAILED = re.compile(r"heavy-tailed-([0-9]+)")
INCOMING_NORM = 0.9
"""Euclidean norm of every neuron's incoming weights, so that activity neither saturates nor dies within twenty steps."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph in post-major order: the edges of neuron ``i`` are ``start[i]`` to ``start[i + 1]`` and come from ``pre``."""

    name: str
    start: ndarray
    pre: ndarray
    weight: ndarray

    @property
    def n(self) -> int:
        """Number of neurons."""
        return len(self.start) - 1

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return len(self.pre)

    def post(self) -> ndarray:
        """The receiving neuron of every edge."""
        return np.repeat(np.arange(self.n, dtype=np.int32), np.diff(self.start))

    def topology(self) -> Topology:
        """The same graph as anlage's own record."""
        return Topology(self.n, self.pre, self.post(), self.weight.astype(np.float64))


def make(name: str) -> Graph:
    """A connectome by its name in anlage, or a synthetic graph: ``flywire-size``, ``heavy-tailed-<edges>``.

    Raises what ``anlage.load`` raises for names and data that are not there.
    """
    if name == FLYWIRE_SIZE:
        return heavy_tailed(name, FLYWIRE_NEURONS, FLYWIRE_EDGES)
    if sized := HEAVY_TAILED.fullmatch(name):
        n_edges = int(sized[1])
        return heavy_tailed(name, max(2, n_edges * FLYWIRE_NEURONS // FLYWIRE_EDGES), n_edges)
    topology = build(load(name))
    start = np.searchsorted(topology.post, np.arange(topology.n_neurons + 1))
    return _scaled(name, start, topology.pre, topology.weight)


def heavy_tailed(name: str, n: int, n_edges: int) -> Graph:
    """Lognormal (sigma 1) expected in and out strengths, geometric synapse counts (mean 4), 65 % of the neurons excitatory.

    No self-loops, no edge twice. No brain: a stand-in where the real one would have to be downloaded.
    """
    if 4 * n_edges > n * (n - 1):
        raise ValueError(f"{n_edges} edges among {n} neurons are no sparse graph; ask for at least 47,000 edges.")
    rng = np.random.default_rng(0)
    into, out = (np.cumsum(rng.lognormal(size=n)) for _ in range(2))
    keys = np.zeros(0, dtype=np.int64)
    while len(keys) < n_edges:
        post, pre = (np.searchsorted(s, s[-1] * rng.random(n_edges // 2 + 100)) for s in (into, out))
        keys = np.unique(np.concatenate([keys, (post * n + pre)[post != pre]]))
    keys = np.sort(rng.permutation(keys)[:n_edges])
    pre = keys % n
    sign = np.where(rng.random(n) < 0.65, 1, -1)
    start = np.searchsorted(keys, n * np.arange(n + 1))
    return _scaled(name, start, pre, rng.geometric(0.25, n_edges) * sign[pre])


def _scaled(name: str, start: ndarray, pre: ndarray, weight: ndarray) -> Graph:
    total = np.concatenate([[0.0], np.cumsum(np.square(weight, dtype=np.float64))])
    norm = np.sqrt(np.diff(total[start]))
    weight = INCOMING_NORM * weight / np.repeat(norm, np.diff(start))
    return Graph(name, start.astype(np.int32), pre.astype(np.int32), weight.astype(np.float32))


def keep_graph(graph: Graph, folder: Path) -> None:
    """Write the arrays; the size comes last and says that all is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for what in ("start", "pre", "weight"):
        np.save(folder / f"{what}.npy", getattr(graph, what))
    (folder / "size.json").write_text(json.dumps({"neurons": graph.n, "edges": graph.n_edges}))


def read_graph(folder: Path) -> Graph:
    """The graph kept in ``folder``."""
    return Graph(folder.name, *(np.load(folder / f"{what}.npy") for what in ("start", "pre", "weight")))

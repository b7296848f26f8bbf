"""What is timed: one case is one mode, batch and number of threads; a task is a case with its arrays."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from engines.graph import FLYWIRE_SIZE, Graph

MODES = ("forward", "state", "edge", "unroll")
"""``y = tanh(W x)``; with the gradient of x (W frozen, prepared outside the clock); with the gradients of x and of every edge
(W new at every step); twenty steps ``h = tanh(W h + x)`` from silence and the gradient of every edge, one training minibatch."""
TICKS = 20
BATCHES = (1, 32, 128)
MAIN = ("worm", "larva", "optic-lobe", FLYWIRE_SIZE)
GROWTH_GRAPHS = ("heavy-tailed-150000", "heavy-tailed-500000", "heavy-tailed-1500000")
GROWTH_BATCHES, GROWTH_TICKS = (2, 8), (5, 10, 40)


class CannotRun(Exception):
    """An engine has no way to do this; the message says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """``steps`` is 1 except in mode ``unroll``."""

    mode: str
    batch: int
    threads: int = 1
    steps: int = 1

    def __str__(self) -> str:
        words = f"{self.steps}-step unroll" if self.mode == "unroll" else self.mode
        return f"{words}, batch {self.batch}, {self.threads} thread{'s' * (self.threads > 1)}"

    @property
    def key(self) -> str:
        """A short name, for files."""
        return f"{self.mode} {self.batch} {self.threads} {self.steps}"

    @classmethod
    def of(cls, key: str) -> "Case":
        """The case with this key."""
        mode, batch, threads, steps = key.split()
        return cls(mode, int(batch), int(threads), int(steps))

    def lighter_than(self, other: "Case") -> bool:
        """Whether this asks for no more than ``other`` in any respect, and for less in one."""
        mine, its = ((MODES.index(c.mode), c.batch, c.steps) for c in (self, other))
        return self.threads == other.threads and mine != its and all(a <= b for a, b in zip(mine, its, strict=True))


def plan(graph: str, *, quick: bool) -> list[Case]:
    """The cases of one graph, lightest first."""
    if graph in GROWTH_GRAPHS:
        return [] if quick else [Case("edge", 32)]
    cases = {Case(mode, batch) for mode in MODES[:3] for batch in ((32,) if quick else BATCHES)}
    if graph in ("worm", "larva"):
        cases.add(Case("unroll", 32, 1, TICKS))
    if not quick:
        # On the large graphs a second thread is asked for at one batch only: the slow engines take minutes there.
        large = graph in ("optic-lobe", FLYWIRE_SIZE)
        cases |= {Case(c.mode, c.batch, 2, c.steps) for c in cases if c.batch == 32 or not large}
    if graph == "larva" and not quick:
        cases |= {Case("edge", batch) for batch in GROWTH_BATCHES}
        cases |= {Case("unroll", 32, 1, ticks) for ticks in GROWTH_TICKS}
    return sorted(cases, key=lambda c: (c.threads, MODES.index(c.mode), c.batch, c.steps))


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A case with what goes in: ``state`` and the gradient of the result, shape ``(neuron, batch)``, float32."""

    graph: Graph
    case: Case
    state: ndarray
    gradient: ndarray

    @classmethod
    def of(cls, graph: Graph, case: Case) -> "Task":
        """The task of a case; its numbers depend on the sizes alone."""
        rng = np.random.default_rng(0)
        state, gradient = (rng.standard_normal((graph.n, case.batch), dtype=np.float32) for _ in range(2))
        return cls(graph, case, state, gradient)


def chosen(given: Iterable[str], known: Iterable[str], what: str) -> list[str]:
    """Those of ``known`` that are given, or whose name contains what is given; raises ``ValueError`` for strangers."""
    known, found = list(known), []
    for word in given:
        hits = [name for name in known if name == word] or [name for name in known if word.lower() in name.lower()]
        if not hits:
            raise ValueError(f"There is no {what} called {word!r}; known are: {', '.join(known)}.")
        found += hits
    return [name for name in known if name in found]

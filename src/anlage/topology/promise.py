"""What a resized wiring promises: each quantity with the sampling error it may have, beside what is found on the one at hand."""

from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray
from scipy.stats import ks_2samp, kstwobign, norm

from anlage.errors import TopologyError
from anlage.topology import quantity as q
from anlage.topology.topology import Topology

LEVEL = 0.999
"""Coverage of every interval: of the dozen in a table, one is then missed by chance about once in a hundred tables."""

Z = float(norm.ppf((1 + LEVEL) / 2))
"""Half-width of such an interval of a normal distribution, in standard deviations."""

WALKERS = 3000
"""Neurons, evenly spaced, from which two-step walks are followed in large graphs."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One quantity of a wiring before and after it was resized.

    ``interval`` is where ``found`` lies in at least 999 of 1,000 draws; exact promises have one of no width, and quantities that
    are only shown have None.
    """

    quantity: str
    original: float
    found: float
    expected: float = np.nan
    interval: tuple[float, float] | None = None

    @property
    def kept(self) -> bool:
        """Whether what was found lies in the interval; True where nothing is promised."""
        if self.interval is None:
            return True
        rounding = 1e-9 * abs(self.expected)
        return self.interval[0] - rounding <= self.found <= self.interval[1] + rounding

    def words(self) -> tuple[str, str, str, str, str, str]:
        """One row of the table whose columns are ``COLUMNS``."""
        original, expected, found = map(_number, (self.original, self.expected, self.found))
        if self.interval is None:
            return self.quantity, original, "not promised", "", found, ""
        low, high = map(_number, self.interval)
        interval = "exact" if self.interval[0] == self.interval[1] else f"{low} to {high}"
        return self.quantity, original, expected, interval, found, "yes" if self.kept else "no"

    def __str__(self) -> str:
        quantity, _, expected, interval, found, _ = self.words()
        return f"{quantity}: expected {expected} ({interval or 'not promised'}), found {found}"


COLUMNS = ("quantity", "original", "expected", f"{LEVEL:.1%} interval".replace("%", " %"), "found", "within")


def _number(value: float) -> str:
    """A quantity as people write it: large and whole numbers in full, others to four digits."""
    return f"{value:,.0f}" if abs(value) >= 10_000 or value == np.round(value) else f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class Promises:
    """Every promise of one resized wiring, and below them what is not promised."""

    name: str
    rows: tuple[Promise, ...]

    @property
    def broken(self) -> tuple[Promise, ...]:
        """Those whose quantity lies outside its interval."""
        return tuple(row for row in self.rows if not row.kept)

    def demand(self) -> "Promises":
        """These promises, or ``TopologyError`` with one sentence when one is broken."""
        if self.broken:
            raise TopologyError(
                f"What {self.name} made is not what it promises: {'; '.join(map(str, self.broken))}; draw it again from another "
                "seed, and if that does not help, with larger blocks."
            )
        return self


def exact(quantity: str, original: SupportsFloat, expected: SupportsFloat, found: SupportsFloat) -> Promise:
    """A promise without any sampling error."""
    return Promise(quantity, float(original), float(found), float(expected), (float(expected), float(expected)))


def normal(
    quantity: str, original: SupportsFloat, expected: SupportsFloat, sd: SupportsFloat, found: SupportsFloat
) -> Promise:
    """A promise with a normal sampling error of standard deviation ``sd``."""
    low, high = float(expected) - Z * float(sd), float(expected) + Z * float(sd)
    return Promise(quantity, float(original), float(found), float(expected), (low, high))


def distance(quantity: str, original: Shaped[ndarray, " one"], found: Shaped[ndarray, " other"], n: int) -> Promise:
    """Largest difference of two cumulative distributions (Kolmogorov-Smirnov); 0 when they are the same.

    Its interval is that of ``n`` independent draws, which is wide for draws without replacement.
    """
    most = float(kstwobign.ppf(LEVEL)) / n**0.5
    return Promise(
        f"{quantity}, distance of distributions", 0.0, float(ks_2samp(original, found).statistic), 0.0, (0.0, most)
    )


def unpromised(original: Topology, made: Topology) -> tuple[Promise, ...]:
    """What no resizing by blocks keeps: density or degree, who is closed into triangles, and the spectrum."""
    shown = {
        "density": q.density,
        "mean degree": lambda t: t.n_edges / t.n_neurons,
        "share of two-step walks closed by an edge": closed_walks,
        "spectral radius": q.spectral_radius,
    }
    return tuple(Promise(name, float(of(original)), float(of(made))) for name, of in shown.items())


def closed_walks(topology: Topology) -> float:
    """Share of walks ``a -> b -> c`` between three neurons that an edge ``a -> c`` closes; 0 where there is no walk.

    Above ``WALKERS`` neurons only walks that end at so many evenly spaced ones are followed.
    """
    n = topology.n_neurons
    graph = topology.csr()
    graph.data = np.ones(len(graph.data))
    graph.setdiag(0)
    graph.eliminate_zeros()
    ends = np.unique(np.linspace(0, n - 1, min(n, WALKERS)).astype(np.int64)) if n else np.zeros(0, dtype=np.int64)
    closed = walks = 0.0
    for some in np.array_split(ends, max(1, len(ends) // 100)):
        two = graph[some] @ graph
        closed += two.multiply(graph[some]).sum()
        walks += two.sum() - two[np.arange(len(some)), some].sum()
    return closed / walks if walks else 0.0

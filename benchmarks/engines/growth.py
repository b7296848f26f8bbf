"""How an engine's time grows with edges, batch and steps: the exponent of a power law, with its interval."""

import math
from collections.abc import Mapping

import numpy as np
from scipy.stats import linregress, t

from engines.case import GROWTH_GRAPHS, TICKS, Case
from engines.graph import FLYWIRE_SIZE

Times = Mapping[tuple[str, Case], float]
"""Median processor time in ms by graph and case, of one engine."""


def exponent(x: list[float], y: list[float]) -> dict[str, object]:
    """Slope of ``log y`` over ``log x`` by least squares, with its 95 % t interval. Needs three points or more.

    The interval is wide where the law is not a power law, for example where a cache ends.
    """
    fit = linregress(np.log(x), np.log(y))
    half = float(t.ppf(0.975, len(x) - 2) * fit.stderr)
    slope = float(fit.slope)
    return {"exponent": round(slope, 3), "interval": [round(slope - half, 3), round(slope + half, 3)], "points": len(x)}


def growth(times: Times, edges: Mapping[str, int]) -> dict[str, dict[str, object]]:
    """The exponents of one engine, training step (mode ``edge``) and minibatch, one thread; those with points enough."""
    series: dict[str, dict[float, float]] = {"edges": {}, "batch": {}, "steps": {}}
    for (graph, case), ms in times.items():
        if case.threads > 1 or not math.isfinite(ms):
            continue
        if graph in (*GROWTH_GRAPHS, FLYWIRE_SIZE) and case == Case("edge", 32):
            series["edges"][edges[graph]] = ms
        if graph == "larva" and case.mode == "edge":
            series["batch"][case.batch] = ms
        if graph == "larva" and case.mode == "unroll":
            series["steps"][case.steps] = ms
    return {what: exponent(sorted(s), [s[x] for x in sorted(s)]) for what, s in series.items() if len(s) > 2}


FROM = {
    "edges": "synthetic graphs of one kind, 150,000 to 15,000,000 edges, batch 32, edge step",
    "batch": "larva, edge step, batch 1 to 128",
    "steps": f"larva, unroll of 5 to {2 * TICKS} steps, batch 32",
}
"""What each exponent was fitted to."""

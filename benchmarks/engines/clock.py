"""How long one run of a prepared engine takes."""

import gc
import time
from collections.abc import Callable

from numpy import ndarray, quantile

MOST, FEWEST = 101, 3
LONG = 5.0
"""Seconds after which a first run, which also finds its memory and loads what it lacks, is no longer thrown away."""
ENOUGH = 0.25
"""Seconds of runs after which no more than ``FEWEST`` are needed."""

Results = tuple[ndarray, ...]


def clock(run: Callable[[], Results], seconds: float) -> tuple[dict[str, object], Results]:
    """Quartiles of the processor time (all threads together) and of the wall time of one run, in ms, and its results.

    The first run is thrown away unless it is longer than ``LONG``. No further run begins after ``seconds``.
    """
    gc.collect()
    gc.disable()
    results, *first = _once(run)
    times = [first] if first[1] > LONG else []
    begun = time.perf_counter() - sum(wall for _, wall in times)
    while len(times) < MOST:
        spent = time.perf_counter() - begun
        if times and (spent > seconds or (len(times) >= FEWEST and spent > ENOUGH)):
            break
        del results
        results, *taken = _once(run)
        times.append(taken)
    gc.enable()
    processor, wall = ([1e3 * t for t in column] for column in zip(*times, strict=True))
    return {"cpu_ms": _quartiles(processor), "wall_ms": _quartiles(wall), "runs": len(times)}, results


def _once(run: Callable[[], Results]) -> tuple[Results, float, float]:
    processor, wall = time.process_time(), time.perf_counter()
    results = run()
    return results, time.process_time() - processor, time.perf_counter() - wall


def _quartiles(values: list[float]) -> list[float]:
    return [float(f"{q:.4g}") for q in quantile(values, [0.25, 0.5, 0.75])]

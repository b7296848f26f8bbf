"""What a benchmark ran on, and how results are kept."""

import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"


def describe() -> dict[str, object]:
    """Processor, Python and library versions."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    versions = {name: version(name) for name in ("anlage", "torch", "numpy", "scipy")}
    return {"processor": cpu, "python": platform.python_version(), "versions": versions}


def in_turn(functions: Sequence[Callable[[], object]], *, runs: int, seconds: float = 0.0) -> list[list[float]]:
    """CPU times in milliseconds of each, a call of every one in turn, so that what else the machine does hits all alike.

    At least so many runs, and for so long. Shape ``(function, run)``; a first call of each is not counted.
    """
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
    begun = time.monotonic()
    while len(times[-1]) < runs or time.monotonic() - begun < seconds:
        for function, of_function in zip(functions, times, strict=True):
            start = time.process_time()
            function()
            of_function.append(1e3 * (time.process_time() - start))
    return times


def cpu_ms(function: Callable[[], object], *, runs: int = 15) -> float:
    """Median CPU time of one call in milliseconds, after one call that is not counted; all threads together."""
    function()
    times = []
    for _ in range(runs):
        start = time.process_time()
        function()
        times.append(1e3 * (time.process_time() - start))
    return median(times)


def peak_mb() -> float:
    """Largest memory this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def keep(name: str, results: dict[str, object]) -> None:
    """Write ``results`` with the machine's description, and print them."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": describe(), **results}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)

"""A process that imports what its engines need, once, and forks for every case, which so starts with nothing held.

    python -m engines.host SECONDS MEMORY_GB LIMIT_S < [graph folder, engine, case] per line > one record per line, all JSON

A case that asks for too much memory fails or dies alone, and one that takes too long is ended; both become a record.
"""

import gc
import json
import os
import resource
import select
import signal
import sys
import time
import warnings
from pathlib import Path

from engines import known, oracle
from engines.case import CannotRun, Case, Task
from engines.clock import clock
from engines.graph import read_graph

MB = 1e6
OUT_OF_MEMORY = ("out of memory", "allocate memory", "unable to allocate", "bad_alloc", "resource_exhausted")


def memory() -> dict[str, float]:
    """What this process holds, in bytes, by the names of /proc; Linux only, empty elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    return {line.split(":")[0]: 1024.0 * int(line.split()[1]) for line in lines if line.endswith(" kB")}


def measure(prepare: known.Prepare, folder: Path, case: Case, seconds: float) -> dict[str, object]:
    """One case in this process: its record, or why there is none."""
    before = memory()
    task = Task.of(read_graph(folder), case)
    run = prepare(task)
    gc.collect()
    held = memory()
    record, results = clock(run, seconds)
    after = memory()
    if after:
        own = before["RssAnon"]
        record["held_mb"] = round((held["RssAnon"] - own) / MB, 1)
        # The high-water mark counts the pages of shared libraries too, which are no one's own.
        record["peak_mb"] = round((after["VmHWM"] - after["RssFile"] - own) / MB, 1)
    limit_memory(None)
    if wrong := oracle.refusal(task, results):
        return {"why_not": wrong}
    return record


def limited(case: Case, memory_gb: float) -> None:
    """Give this process so many processors and so much memory beyond what it has, and let it be the first to go."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: case.threads])
    if held := memory():
        limit_memory(int(held["VmData"] + 1e9 * memory_gb))
        Path("/proc/self/oom_score_adj").write_text("1000")


def limit_memory(n_bytes: int | None) -> None:
    """Let allocations fail beyond so many bytes; ``None`` lifts the limit, for the check is not the engine's doing."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most if n_bytes is None else n_bytes, most))


def child(prepare: known.Prepare, folder: Path, case: Case, seconds: float, memory_gb: float) -> dict[str, object]:
    """What the forked process does; every error becomes a record."""
    try:
        limited(case, memory_gb)
        return measure(prepare, folder, case, seconds)
    except CannotRun as error:
        return {"why_not": str(error)}
    except MemoryError:
        return {"why_not": f"out of memory ({memory_gb:g} GB)"}
    except Exception as error:
        text = " ".join(str(error).split())
        if any(words in text.lower() for words in OUT_OF_MEMORY):
            return {"why_not": f"out of memory ({memory_gb:g} GB)"}
        return {"why_not": f"failed: {type(error).__name__}: {text[:200]}"}


def forked(prepare: known.Prepare, folder: Path, case: Case, limits: tuple[float, float, float]) -> dict[str, object]:
    """Run one case in a process of its own and wait for its record, or for its end."""
    seconds, memory_gb, limit_s = limits
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, json.dumps(child(prepare, folder, case, seconds, memory_gb)).encode())
        finally:
            os._exit(0)  # whatever happens, never back into the loop of the parent
    os.close(writing)
    begun = time.monotonic()
    ready, _, _ = select.select([reading], [], [], limit_s)
    if not ready:
        os.kill(pid, signal.SIGKILL)
    text = os.read(reading, 1 << 16).decode() if ready else ""
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    if text:
        return {**json.loads(text), "took_s": round(time.monotonic() - begun, 2)}
    if not ready:
        return {"why_not": f"not done after {limit_s:g} s"}
    killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if killed == signal.SIGKILL:
        return {"why_not": "out of memory (ended by the system)"}
    if killed == signal.SIGABRT:
        return {"why_not": f"aborted, as a failed allocation in C++ does ({memory_gb:g} GB)"}
    return {"why_not": f"failed: the process ended with status {status}"}


def main() -> None:
    """Serve cases until the input ends."""
    warnings.simplefilter("ignore")
    seconds, memory_gb, limit_s = map(float, sys.argv[1:])
    for line in sys.stdin:
        folder, engine, key = json.loads(line)
        try:
            prepare = known.load(engine)
            record = forked(prepare, Path(folder), Case.of(key), (seconds, memory_gb, limit_s))
        except Exception as error:
            record = {"why_not": f"failed: it cannot be imported: {type(error).__name__}: {error}"}
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()

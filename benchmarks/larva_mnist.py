"""How long the published image study takes with all its controls, killed once in the middle and resumed.

    python benchmarks/larva_mnist.py

Runs `anlage compare recipes/larva-mnist-readout.toml` into runs/larva-mnist-readout with two processes, kills all of them without
warning when half of the trials are there, and resumes. Processor time: of all processes, those killed included. Linux only.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from anlage.study.question import read_question
from anlage.study.trial import trials
from machine import keep

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "recipes" / "larva-mnist-readout.toml"
FOLDER = ROOT / "runs" / "larva-mnist-readout"
WORKERS = 2


def main() -> None:
    """Run, kill, resume, and keep the times."""
    n = len(trials(read_question(RECIPE.read_text("utf-8"))))
    if FOLDER.exists():
        sys.exit(f"{FOLDER} exists, but the time is that of a whole run; delete it first.")
    wall, cpu, kept, load = [], [], 0, os.getloadavg()[0]
    for resume, enough in (([], n // 2), (["--resume"], n + 1)):
        start = time.perf_counter()
        command = [
            sys.executable,
            "-m",
            "anlage",
            "compare",
            str(RECIPE),
            "--out",
            str(FOLDER),
            "--workers",
            str(WORKERS),
        ]
        running = subprocess.Popen([*command, *resume], cwd=ROOT, start_new_session=True)
        spent = 0.0
        while running.poll() is None and done() < enough:
            spent = max(spent, cpu_s(running.pid))
            time.sleep(0.5)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            kept = done()
        if running.wait() not in (0, -signal.SIGKILL):
            sys.exit(f"anlage compare ended with {running.returncode}.")
        wall.append(time.perf_counter() - start)
        cpu.append(spent)
    times = {"wall_min": round(sum(wall) / 60, 1), "cpu_min": round(sum(cpu) / 60, 1), "load_before": round(load, 1)}
    keep("larva_mnist", {"trials": n, "workers": WORKERS, "kept_when_killed": kept, **times})


def done() -> int:
    """Trials whose records are there."""
    return len(list((FOLDER / "results").glob("*.json")))


def cpu_s(group: int) -> float:
    """Seconds of processor time of every process of a group (proc(5): pgrp, utime and stime are fields 5, 14 and 15)."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()

"""Time and memory of the two main jobs, as whole processes with their workers: `make demo` and `make digits`, installed already.

    python benchmarks/main_job.py [demo=FOLDER] [digits=FOLDER]

A run is kept in its FOLDER when one is given.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import keep

JOBS = {"demo": ("live", "worm", "--grow-up"), "digits": ("grow",)}


def main() -> None:
    """Run each once, in an empty folder."""
    folders = dict(argument.split("=", 1) for argument in sys.argv[1:])
    told: dict[str, object] = {"cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as temporary:
        for job, words in JOBS.items():
            folder = Path(folders.get(job, f"{temporary}/{job}"))
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            command = [sys.executable, "-m", "anlage", *words, "--out", str(folder)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            told[job] = {
                "wall_s": round(time.monotonic() - start),
                "cpu_s": round(used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime),
                "largest_process_mb_so_far": round(used.ru_maxrss / 1024),
                "report_kb": round((folder / "report.html").stat().st_size / 1024),
            }
    keep("main_job", told)


if __name__ == "__main__":
    main()

"""Time and memory of the two main jobs, as whole processes with their workers: `make demo` and `make digits`, installed already.

    python benchmarks/main_job.py [demo[=FOLDER]] [digits[=FOLDER]]

Of jobs that are named, the others keep what was measured before. A run is kept in its FOLDER when one is given.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import RESULTS, keep

JOBS = {"demo": ("live", "worm", "--grow-up"), "digits": ("grow",)}


def main() -> None:
    """Run each once, in an empty folder."""
    named = {job: folder for job, _, folder in (argument.partition("=") for argument in sys.argv[1:])}
    told: dict[str, object] = json.loads((RESULTS / "main_job.json").read_text()) if named else {}
    told.pop("machine", None)
    told["cores"] = os.cpu_count()
    with tempfile.TemporaryDirectory() as temporary:
        for job, words in JOBS.items():
            if named and job not in named:
                continue
            folder = Path(named.get(job) or f"{temporary}/{job}")
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

"""Time and memory of the main job, `anlage grow` without a file, as a whole process with its workers.

    python benchmarks/main_job.py [FOLDER]

The run is kept in FOLDER when one is given.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import keep


def main() -> None:
    """Run it once in an empty folder."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary) / "run"
        start = time.monotonic()
        command = [sys.executable, "-m", "anlage", "grow", "--out", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        report_kb = (folder / "report.html").stat().st_size / 1024
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    keep(
        "main_job",
        {
            "cores": os.cpu_count(),
            "wall_s": round(seconds),
            "cpu_s": round(used.ru_utime + used.ru_stime),
            "largest_process_mb": round(used.ru_maxrss / 1024),
            "report_kb": round(report_kb),
        },
    )


if __name__ == "__main__":
    main()

"""The tests of the Ray cluster, run where Ray is installed; their outcome is kept, because clean machines skip them.

python benchmarks/ray_check.py
"""

import subprocess
import sys
import time
from importlib.metadata import version

from machine import RESULTS, keep

TESTS = "tests/unit/study/test_cluster.py"


def main() -> None:
    """Run the tests and keep a line for each."""
    start = time.monotonic()
    command = [sys.executable, "-m", "pytest", TESTS, "-vv", "-p", "no:cacheprovider"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=RESULTS.parents[1])
    words = ("PASSED", "FAILED", "ERROR", "SKIPPED")
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith(f"{TESTS}::")]
    outcomes = {line[0].split("::")[1]: line[1] for line in lines if line[1:] and line[1] in words}
    seconds = round(time.monotonic() - start)
    if not outcomes:
        sys.exit(f"No outcome was found in what pytest said:\n{done.stdout}{done.stderr}")
    keep("ray", {"command": f"pytest {TESTS}", "ray": version("ray"), "wall_s": seconds, "outcomes": outcomes})


if __name__ == "__main__":
    main()

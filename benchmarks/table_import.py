"""How long it takes to import as many edges as the largest published wiring has, and how much memory.

    python benchmarks/table_import.py [EDGES]

A random graph with the numbers of the male fly's central nervous system (MaleCNS 1.0: 25,570,000 edges; about 165,000 neurons),
with ids like those of FlyWire, is written as csv and as parquet and imported by the command line in a process of its own;
another, a tenth as large, also without pyarrow. Wall time says little while a machine does other work, so CPU time and the load
are kept beside it.
"""

import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from machine import keep

N_NEURONS, N_EDGES = 165_000, 25_570_000
FIRST_ID = 720_575_940_600_000_000
IMPORT = "import sys; from anlage.cli.main import main; sys.exit(main(sys.argv[1:]))"
WITHOUT_PYARROW = "from anlage.connectome import columns; columns.find_spec = lambda name: None; "


def graph(n_edges: int) -> pa.Table:
    """A random graph without repeated edges; counts fall off as in a fly."""
    rng = np.random.default_rng(0)
    ids = FIRST_ID + np.sort(rng.choice(10**9, N_NEURONS, replace=False))
    keys = np.unique(rng.integers(0, N_NEURONS**2, n_edges + n_edges // 100))
    keys = rng.permutation(keys)[:n_edges]
    return pa.table(
        {
            "pre_root_id": ids[keys // N_NEURONS],
            "post_root_id": ids[keys % N_NEURONS],
            "syn_count": rng.geometric(0.15, len(keys)),
        }
    )


def write(folder: Path, n_edges: int) -> None:
    """The graph as csv and as parquet, and another, a tenth as large, as csv."""
    table = graph(n_edges)
    pyarrow.csv.write_csv(table, folder / "all.csv")
    pyarrow.parquet.write_table(table, folder / "all.parquet")
    pyarrow.csv.write_csv(graph(n_edges // 10), folder / "tenth.csv")


def timed_import(path: Path, *, without_pyarrow: bool = False) -> dict[str, float]:
    """Wall and CPU seconds and the largest memory, in GB, of importing one file."""
    code = WITHOUT_PYARROW + IMPORT if without_pyarrow else IMPORT
    start = time.monotonic()
    command = [sys.executable, "-c", code, "import", str(path), "--name", "mine", "--replace"]
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, env={**os.environ, "ANLAGE_DATA": str(path.parent)}, stdout=quiet, stderr=quiet)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"{path} was not imported")
    peak_gb = used.ru_maxrss / (1024**2 if sys.platform != "darwin" else 1024**3)
    wall, cpu = time.monotonic() - start, used.ru_utime + used.ru_stime
    return {"wall_s": round(wall, 1), "cpu_s": round(cpu, 1), "peak_gb": round(peak_gb, 2)}


def main() -> None:
    """Time all three and keep what was found."""
    n_edges = int(sys.argv[1]) if len(sys.argv) > 1 else N_EDGES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In another process: the memory of this one would count as that of the processes it starts.
        writer = get_context("spawn").Process(target=write, args=(folder, n_edges))
        writer.start()
        writer.join()
        csv, parquet = folder / "all.csv", folder / "all.parquet"
        found = {
            "csv": timed_import(csv),
            "parquet": timed_import(parquet),
            "a tenth, csv, without pyarrow": timed_import(folder / "tenth.csv", without_pyarrow=True),
        }
        sizes = {path.name: round(path.stat().st_size / 1e6) for path in (csv, parquet)}
    load = round(os.getloadavg()[2], 1)
    keep(
        "table_import",
        {
            "edges": n_edges,
            "neurons": N_NEURONS,
            "cores": os.cpu_count(),
            "load_average": load,
            "megabytes": sizes,
            "imports": found,
        },
    )


if __name__ == "__main__":
    main()

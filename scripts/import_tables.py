"""The tables of docs/import.md: every choice, malformed imports with the sentences that they really get, and the speed."""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from anlage.cli.main import main
from anlage.connectome.finding import CHOICES

ROOT = Path(__file__).parents[1]
GRAPH = '<graphml><graph edgedefault="undirected"><node id="A"/><node id="B"/><edge source="A" target="B"/></graph></graphml>'


def _text(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


# What is wrong, the file's name, and what writes it.
MALFORMED: list[tuple[str, str, Callable[[Path], object]]] = [
    ("nothing in it", "empty.csv", _text("")),
    ("no line of column names", "bare.csv", _text("1,2,5\n2,1,3\n")),
    ("columns of unknown meaning", "german.csv", _text("von,nach,zahl\n1,2,5\n")),
    ("a count is missing", "missing.csv", _text("pre,post,n_syn\n1,2,5\n2,1,\n")),
    ("a negative count", "negative.csv", _text("pre,post,n_syn\n1,2,5\n2,1,-3\n")),
    ("an edge twice", "twice.csv", _text("pre,post,n_syn\n1,2,5\n2,1,3\n1,2,1\n")),
    ("ids went through a float", "floats.csv", _text("pre,post,n_syn\n7.205759406e17,1,5\n2,1,3\n")),
    ("an edge of a stranger", "stranger.csv", _text("pre,post,n_syn\n1,2,5\n2,9,3\n")),
    ("a matrix that is not square", "flat.npy", lambda path: np.save(path, np.ones((3, 2)))),
    ("a matrix without orientation", "matrix.npy", lambda path: np.save(path, np.triu(np.ones((3, 3)), 1))),
    ("a graph without direction", "graph.graphml", _text(GRAPH)),
    ("encrypted", "secret.parquet", lambda path: path.write_bytes(b"PARE" + bytes(64) + b"PARE")),
]


def malformed() -> str:
    """Each malformed file is written and imported; what the command says is what stands here."""
    rows = ["| what is wrong | file | what `anlage import FILE --name mine` says |", "|---|---|---|"]
    home, named = Path.cwd(), os.environ.get("ANLAGE_DATA")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["ANLAGE_DATA"] = "data"
        try:
            Path("neurons.csv").write_text("id\n1\n2\n")
            for wrong, file, write in MALFORMED:
                write(Path(file))
                more = ["--neurons", "neurons.csv"] if file == "stranger.csv" else []
                said = io.StringIO()
                with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
                    status = main(["import", file, "--name", "mine", *more])
                sentence = " ".join(said.getvalue().replace("reading ...", "").split()).removeprefix("anlage: ")
                if status != 1 or Path("data").exists():
                    raise RuntimeError(f"{file} was imported")
                rows.append(f"| {wrong} | `{file}` | {sentence} |")
        finally:
            os.chdir(home)
            if named is None:
                del os.environ["ANLAGE_DATA"]
            else:
                os.environ["ANLAGE_DATA"] = named
    return "\n".join(rows)


def choices() -> str:
    """Every choice, its options, and what happens without one."""
    rows = ["| choice | about | options | without it |", "|---|---|---|---|"]
    for name, choice in CHOICES.items():
        options = ", ".join(f"`{each}`" for each in choice.options) or "a value"
        rows.append(f"| `--{name.replace('_', '-')}` | {choice.help} | {options} | {choice.default or 'refused'} |")
    return "\n".join(rows)


def speed() -> str:
    """The import of as many edges as the largest published wiring has."""
    r = json.loads((ROOT / "benchmarks" / "results" / "table_import.json").read_text())
    rows = [f"| {r['edges']:,} edges | CPU time | largest memory |", "|---|---:|---:|"]
    rows += [f"| {name} | {v['cpu_s']} s | {v['peak_gb']} GB |" for name, v in r["imports"].items()]
    load = f"{r['cores']} cores, on which {r['load_average']:.0f} processes competed"
    return "\n".join([*rows, "", f"({r['machine']['processor']}, {load}.)"])

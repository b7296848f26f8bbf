"""What somebody gave to be imported, before anything is decided: tables of edges and of neurons, wherever they came from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from anlage.connectome import graphml, matrix
from anlage.connectome.column import Column, listed
from anlage.connectome.columns import BINARY_ENDINGS, TEXT_ENDINGS, column_names, is_table, read_table
from anlage.connectome.plan import Plan, guess, plain
from anlage.errors import ConnectomeError


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table whose columns are read when they are needed."""

    where: str
    names: tuple[str, ...]
    read: Callable[[Sequence[str]], Mapping[str, Column]]

    @classmethod
    def of_file(cls, path: Path, *, header: bool = True) -> "Table":
        """The table in a file."""
        return cls(str(path), column_names(path, header=header), lambda names: read_table(path, names, header=header))

    @classmethod
    def of(cls, where: str, columns: Mapping[str, Column]) -> "Table":
        """A table that is already here."""
        return cls(where, tuple(columns), lambda names: {name: columns[name] for name in names})


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Tables of edges, a table of neurons where there is one, and what only the kind of file can say.

    ``directed`` is False for an undirected graph, ``listed_twice`` True when it lists every pair from both ends. ``size`` is the
    number of rows of a matrix; the ends of its edges are row numbers. ``files`` is every file that was read, ``origin`` the
    server that was asked instead.
    """

    edges: tuple[Table, ...]
    neurons: Table | None
    files: tuple[Path, ...]
    directed: bool = True
    listed_twice: bool = False
    size: int | None = None
    origin: str = ""


def gather(files: Sequence[Path], neurons: Path | None, plan: Plan) -> Material:
    """Look at ``files``: one matrix, one GraphML file, or tables of edges, among which one table of neurons may be.

    Raises ``ConnectomeError``, naming the file, for a kind that is not known or that cannot be told, and what its reader raises.
    """
    table = Table.of_file(neurons) if neurons else None
    everything = (*files, *([neurons] if neurons else []))
    one_graph = [path for path in files if path.name.lower().endswith((*matrix.ENDINGS, *graphml.ENDINGS))]
    if one_graph and len(files) > 1:
        raise ConnectomeError(f"{one_graph[0]} is a whole wiring; give it alone, and a table of neurons as --neurons.")
    if one_graph:
        is_graphml = files[0].name.lower().endswith(graphml.ENDINGS)
        found = _from_graphml(files[0]) if is_graphml else _from_matrix(files[0], plan.choices.get("array", ""))
        return replace(found, neurons=table or found.neurons, files=everything)
    edges = []
    for path in files:
        part, each = _sort(path, plan, table is not None)
        if part == "edges":
            edges.append(each)
        elif table is not None:
            raise ConnectomeError(f"{path} is a second table of neurons; give one, and tables of edges.")
        else:
            table = each
    if not edges:
        raise ConnectomeError(f"{files[0]} is a table of neurons; give a table of edges too.")
    return Material(tuple(edges), table, everything)


def _sort(path: Path, plan: Plan, has_neurons: bool) -> tuple[str, Table]:
    """Whether ``path`` holds edges or neurons, told by its columns."""
    if not is_table(path) and path.exists():
        known = ", ".join((*TEXT_ENDINGS, *BINARY_ENDINGS, *matrix.ENDINGS, *graphml.ENDINGS))
        raise ConnectomeError(f"{path} has an unknown ending; what can be imported ends in one of {known}.")
    header = plan.choices.get("header", "yes") == "yes"
    table = Table.of_file(path, header=header)
    if header and all(_is_number(name) for name in table.names):
        raise ConnectomeError(
            f"{path} has no line of column names, its first line is {listed(table.names)}; say --header none and which "
            "column is which, as --columns pre=1 post=2 synapse_count=3."
        )
    given = {what: column for what, column in plan.edges.items() if not column or column in table.names}
    found = guess("edges", table.names, given)
    if {"pre", "post", "bodyid"} <= {plain(name) for name in table.names} and not given:
        found = {}  # the neurons of neuPrint: there these two count the synapses of each neuron
    if {"pre", "post"} <= set(found):
        return "edges", table
    given = {what: column for what, column in plan.neurons.items() if not column or column in table.names}
    if not has_neurons and not {"pre", "post"} & set(found) and "id" in guess("neurons", table.names, given):
        return "neurons", table
    end = "post" if "pre" in found else "pre"
    raise ConnectomeError(
        f"{path} has no column that is known to hold the {end}synaptic neuron; its columns are {listed(table.names)}: say "
        f"which, as --columns {end}={table.names[0]}."
    )


def _is_number(text: str) -> bool:
    return text.strip().lstrip("+-").replace(".", "", 1).isdigit()


def _from_matrix(path: Path, array: str) -> Material:
    found = matrix.read_matrix(path, array)
    missing = np.isnan(found.value)
    columns = {
        "row": Column(found.row, np.zeros(len(missing), dtype=bool)),
        "column": Column(found.column, np.zeros(len(missing), dtype=bool)),
        "value": Column(np.where(missing, 0, found.value), missing),
    }
    return Material(
        (Table.of(str(path), columns),), None, (path,), not found.symmetric, found.symmetric, size=found.size
    )


def _from_graphml(path: Path) -> Material:
    found = graphml.read_graphml(path)
    edges, nodes = Table.of(str(path), found.edges), Table.of(str(path), found.nodes)
    return Material((edges,), nodes, (path,), found.directed)

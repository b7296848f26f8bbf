"""Columns out of a table file, by name and type: csv, tsv (gzipped or not), feather and parquet, through pyarrow."""

import gzip
from collections.abc import Mapping
from csv import reader
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from anlage.errors import ConnectomeError, DependencyMissing, IntegrityError

EXACT = 2**53  # the largest whole number up to which a double tells every whole number from its neighbours
MISSING = ["", "NA", "NaN", "nan", "None", "null"]  # spellings of nothing in text tables
WANTED = ("int64", "float64", "str")


def read_columns(path: Path, columns: Mapping[str, str]) -> dict[str, ndarray]:
    """Read the ``columns`` (name in the file -> ``int64``, ``float64`` or ``str``) of a table; each of shape ``(row,)``.

    The ending of ``path`` says what it is: .csv, .tsv, .txt, each also with .gz, .feather, .arrow or .parquet. A missing value is
    an empty string or NaN; among whole numbers there must be none.

    Raises ``DependencyMissing`` without pyarrow; ``IntegrityError`` when the file cannot be read as what its name says, or
    lacks a column; ``ConnectomeError`` when a column does not hold what is wanted, such as ids that became fractions.
    """
    if wrong := set(columns.values()) - set(WANTED):
        raise ValueError(f"Columns are read as {', '.join(WANTED)}, not {', '.join(sorted(wrong))}.")
    arrow = _arrow()
    try:
        table = _table(path, columns)
    except (arrow.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise IntegrityError(
            f"{path} cannot be read as a table ({reason}); it is truncated or another kind of file, so get it again."
        ) from error
    return {name: _values(path, name, table.column(name), wanted) for name, wanted in columns.items()}


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise DependencyMissing(
            "Reading this table needs pyarrow, which is not installed; run `pip install 'anlage[tables]'`."
        ) from error
    return pyarrow


def _table(path: Path, columns: Mapping[str, str]) -> Any:
    import pyarrow as pa
    from pyarrow import csv, feather, parquet

    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        _demand(path, columns, parquet.read_schema(path).names)
        return parquet.read_table(path, columns=list(columns))
    if name.endswith((".feather", ".arrow")):
        with pa.memory_map(str(path)) as source:
            _demand(path, columns, pa.ipc.open_file(source).schema.names)
        return feather.read_table(path, columns=list(columns))
    if not name.endswith((".csv", ".tsv", ".txt")):
        raise IntegrityError(f"{path} is no table that can be read; give a csv, tsv, feather or parquet file.")
    mark = "," if name.endswith(".csv") else "\t"
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        header = next(reader([lines.readline().lstrip("\ufeff")], delimiter=mark), [])
    _demand(path, columns, header)
    # Everything arrives as text, so that no id ever passes through a fraction.
    options = csv.ConvertOptions(
        include_columns=list(columns), column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
    )
    # Free text of annotators may hold line ends.
    layout = csv.ParseOptions(delimiter=mark, newlines_in_values=True)
    return csv.read_csv(path, parse_options=layout, convert_options=options)


def _demand(path: Path, columns: Mapping[str, str], present: list[str]) -> None:
    if missing := [name for name in columns if name not in present]:
        raise IntegrityError(
            f"{path} has no column {', '.join(map(repr, missing))}, but {', '.join(map(repr, present))}; "
            "it is another table, or another version of it."
        )


def _values(path: Path, name: str, column: Any, wanted: str) -> ndarray:
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if wanted == "str":
        values = compute.fill_null(column.cast(pa.string()), "").to_numpy()
        return np.asarray(values, dtype=object).astype(np.str_) if len(values) else np.array([], dtype=np.str_)
    textual = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if textual:
        stripped = compute.utf8_trim_whitespace(column)
        column = compute.if_else(compute.is_in(stripped, pa.array(MISSING, stripped.type)), None, stripped)
    try:
        if wanted == "float64":
            return np.asarray(compute.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), dtype=np.float64)
        if column.null_count:
            raise ConnectomeError(
                f"{path}: column {name!r} should hold whole numbers, but {column.null_count:,} of its "
                f"{len(column):,} rows are empty; fill them in or take those rows out."
            )
        if pa.types.is_floating(column.type) and len(column) and compute.max(compute.abs(column)).as_py() >= EXACT:
            raise ConnectomeError(
                f"{path}: column {name!r} holds whole numbers above 2**53 as fractions, which has changed their last "
                "digits; get a copy that stores them as integers or as text."
            )
        return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)
    except pa.ArrowException as error:
        raise ConnectomeError(
            f"{path}: column {name!r} should hold {wanted} but does not ({str(error).splitlines()[0]}); "
            "it is another table, or another version of it."
        ) from error

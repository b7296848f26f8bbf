"""Columns of a table file, exactly as the file holds them: csv, tsv, feather (arrow) and parquet.

With pyarrow (``pip install 'anlage[tables]'``) every format is read, in parallel. Without it csv and tsv still are, piece by
piece, slower and with the same result.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from anlage.connectome.column import MISSING, Column, listed
from anlage.errors import ConnectomeError, DataMissing, DependencyMissing, IntegrityError, UnknownName

if TYPE_CHECKING:
    import pyarrow as pa

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
BINARY_ENDINGS: Mapping[str, str] = MappingProxyType(
    {".feather": "feather", ".arrow": "feather", ".ipc": "feather", ".parquet": "parquet", ".pq": "parquet"}
)
DELIMITERS = (",", "\t", ";", "|")
CHUNK_ROWS = 1 << 16  # rows that the reader without pyarrow holds as Python objects
# First bytes of a file -> what it is. A table's ending that promises something else is answered with this.
MAGIC: Mapping[bytes, str] = MappingProxyType(
    {
        b"PAR1": "parquet",
        b"PARE": "encrypted parquet",
        b"ARROW1": "feather",
        b"\xff\xff\xff\xff": "feather",  # the streaming form of arrow
        b"FEA1": "feather of version 1",
        b"\x1f\x8b": "gzip",
        b"PK\x03\x04": "a zip archive (.xlsx and .npz are)",
        b"\xd0\xcf\x11\xe0": "an old or encrypted Office document",
        b"\x93NUMPY": "a NumPy array",
        b"\x89HDF": "HDF5",
        b"SQLite": "an SQLite database",
        b"%PDF": "a PDF",
        b"Salted__": "encrypted by openssl",
        b"-----BEGIN PGP": "encrypted by PGP",
    }
)


def is_table(path: Path) -> bool:
    """Whether the ending of ``path`` promises a table."""
    return path.name.lower().endswith((*TEXT_ENDINGS, *BINARY_ENDINGS))


def column_of(values: Sequence[str], *, text: bool = False) -> Column:
    """A column of cells: numbers where all of them are (``text`` forbids it), else texts."""
    numbers: dict[str, int] = {}
    try:
        return _joined([_encode(values, numbers)], numbers) if text else _numeric(values, "")
    except _NotNumbers:
        return _joined([_encode(values, numbers)], numbers)


def read_columns(path: Path, columns: Mapping[str, str]) -> dict[str, Shaped[ndarray, " row"]]:
    """The columns of a table that ``columns`` names, as ``int64``, ``float64`` or ``str`` arrays, whichever it asks for.

    A missing ``float64`` is NaN, a missing ``str`` empty.

    Raises ``DataMissing`` without a file, ``IntegrityError`` when it is damaged or foreign, ``ConnectomeError`` for a column that
    is not there (naming those that are), for a value that is not a number where one is asked for, or for a missing ``int64``, and
    ``DependencyMissing`` for feather and parquet without pyarrow.
    """
    for dtype in columns.values():
        if dtype not in ("int64", "float64", "str"):
            raise UnknownName("type of a column", dtype, ("int64", "float64", "str"))
    raw = read_table(path, columns, text=[name for name, dtype in columns.items() if dtype == "str"])
    return {name: _as(dtype, raw[name], f"Column {name!r} of {path}") for name, dtype in columns.items()}


def column_names(path: Path, *, header: bool = True) -> tuple[str, ...]:
    """Names of the columns of a table; without a ``header`` they are ``1``, ``2``, ... Raises as ``read_columns`` does."""
    if kind := _kind(path):
        with _readable(path, kind):
            return tuple(_schema_names(path, kind))
    with _readable(path, "text"), _lines(path) as lines:
        first = lines.readline()
        row = next(csv.reader([first], delimiter=_delimiter(first)), [])
    if not any(cell.strip() for cell in row):
        raise ConnectomeError(f"{path} is empty; a table with a line of column names is needed.")
    return tuple(cell.strip() for cell in row) if header else tuple(str(i + 1) for i in range(len(row)))


def read_table(
    path: Path, names: Sequence[str] | Mapping[str, str], *, header: bool = True, text: Sequence[str] = ()
) -> dict[str, Column]:
    """The columns called ``names`` with the types they have; those in ``text`` are not taken for numbers, whatever they hold.

    Raises as ``read_columns`` does.
    """
    present = column_names(path, header=header)
    if absent := [name for name in names if name not in present]:
        raise ConnectomeError(
            f"{path} has no column called {', '.join(map(repr, absent))}; its columns are {listed(present)}."
        )
    if twice := [name for name in names if present.count(name) > 1]:
        raise ConnectomeError(f"{path} has more than one column called {twice[0]!r}; rename all but one.")
    kind = _kind(path)
    with _readable(path, kind or "text"):
        if kind or find_spec("pyarrow"):
            return _read_with_arrow(path, kind, tuple(names), present if header else None, text)
        return _read_plainly(path, tuple(names), present, header, set(text))


def _as(dtype: str, column: Column, where: str) -> Shaped[ndarray, " row"]:
    if dtype == "str":
        return np.array(column.text(), dtype=np.str_)
    if column.missing.any() and dtype == "float64":
        wanted = np.flatnonzero(~column.missing)
        found = np.full(len(column), np.nan)
        found[wanted] = _as(dtype, column.only(wanted), where)
        return found
    if column.missing.any():
        row = int(np.argmax(column.missing))
        raise ConnectomeError(f"{where} has no value in {column.missing.sum():,} rows, the first being {row + 1:,}.")
    values = column.values
    if column.labels is not None:
        used, code = np.unique(values, return_inverse=True)
        values = _numbers([column.labels[label] for label in used], dtype, where)[code]
    if dtype == "int64" and values.dtype != np.int64:
        wrong_rows = (values != np.trunc(values)) | (np.abs(values) > 2**53)
        if wrong_rows.any():
            raise ConnectomeError(
                f"{where} should hold whole numbers that are exact, but {values[np.argmax(wrong_rows)]:.17g} is not."
            )
    return values.astype(dtype)


def _numbers(labels: Sequence[str], dtype: str, where: str) -> ndarray:
    """Texts that are numbers; digits stay exact, however many."""
    numbers = []
    for label in labels:
        try:
            numbers.append(int(label) if dtype == "int64" else float(label))
        except ValueError as error:
            raise ConnectomeError(f"{where} should hold numbers, but holds {label!r}.") from error
    return np.array(numbers, dtype=dtype)


def _kind(path: Path) -> str:
    """``feather``, ``parquet``, or nothing for text; refuses a file that is not what its ending says."""
    if not path.is_file():
        raise DataMissing(f"There is no file {path}; check the path.")
    if not is_table(path):
        known = ", ".join((*TEXT_ENDINGS[:3], TEXT_ENDINGS[3], *BINARY_ENDINGS))
        raise ConnectomeError(f"{path} has an unknown ending; a table ends in one of {known}.")
    if not path.stat().st_size:
        raise ConnectomeError(f"{path} is empty; a table with a line of column names is needed.")
    name = path.name.lower()
    promised = next((kind for ending, kind in BINARY_ENDINGS.items() if name.endswith(ending)), "")
    with path.open("rb") as source:
        start = source.read(16)
    found = next((what for magic, what in MAGIC.items() if start.startswith(magic)), "text")
    if found != (promised or ("gzip" if name.endswith(".gz") else "text")):
        raise IntegrityError(f"{path} is {found}, which its ending does not say; give it as a plain table instead.")
    if promised and not find_spec("pyarrow"):
        raise DependencyMissing(
            f"{path} is {promised}, which needs pyarrow; install it with `pip install 'anlage[tables]'`, or give a csv file."
        )
    return promised


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Turn what the readers raise over a damaged file into one sentence."""
    try:
        yield
    except (ConnectomeError, DataMissing, UnknownName):
        raise
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path} is not text in UTF-8 ({error.reason}); save it as UTF-8.") from error
    except (OSError, EOFError, zlib.error, ValueError, csv.Error, NotImplementedError) as error:
        why = " ".join(str(error).split())[:160].rstrip(".")
        raise IntegrityError(f"{path} cannot be read as {kind} ({why}); it is damaged, so export it again.") from error


@contextmanager
def _lines(path: Path) -> Iterator[IO[str]]:
    with path.open("rb") as raw:
        unpacked = gzip.GzipFile(fileobj=raw) if path.name.lower().endswith(".gz") else raw
        with io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline="") as lines:
            yield lines


def _delimiter(first: str) -> str:
    return max(DELIMITERS, key=first.count)


def _schema_names(path: Path, kind: str) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.read_schema(path).names if kind == "parquet" else _open_arrow(path).schema.names)


def _open_arrow(path: Path) -> "pa.RecordBatchFileReader | pa.RecordBatchStreamReader":
    import pyarrow as pa

    source = pa.memory_map(str(path))
    stream = source.read(4) == b"\xff\xff\xff\xff"
    source.seek(0)
    return pa.ipc.open_stream(source) if stream else pa.ipc.open_file(source)


def _read_with_arrow(
    path: Path, kind: str, names: tuple[str, ...], header: tuple[str, ...] | None, text: Sequence[str]
) -> dict[str, Column]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    if kind == "parquet":
        table = pq.read_table(path, columns=list(names))
    elif kind == "feather":
        table = _open_arrow(path).read_all().select(list(names))
    else:
        with _lines(path) as lines:
            first = lines.readline()
        table = pyarrow.csv.read_csv(
            path,
            # The names are given, not read, because those in the file may have spaces around them.
            read_options=pyarrow.csv.ReadOptions(
                column_names=header or column_names(path, header=False), skip_rows=1 if header else 0
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=_delimiter(first)),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(names),
                null_values=list(MISSING),
                column_types={name: pa.string() for name in text},
                auto_dict_encode=True,
                auto_dict_max_cardinality=2**31 - 1,
                timestamp_parsers=["%Y-%m-%dT%H:%M:%S.never"],  # what looks like a date stays text
            ),
        )
    return {name: _from_arrow(table.column(name), name in text, f"Column {name!r} of {path}") for name in names}


def _from_arrow(column: "pa.ChunkedArray", as_text: bool, where: str) -> Column:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_nested(kind):
        raise ConnectomeError(f"{where} holds lists or records, not one value per row; split it into columns.")
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if number and not as_text:
        wanted = pa.int64() if pa.types.is_integer(kind) else pa.float64()
        missing = column.is_null().to_numpy() if column.null_count else np.zeros(len(column), dtype=bool)
        values = column.cast(wanted).fill_null(0).to_numpy()
        if wanted == pa.float64():
            missing = missing | np.isnan(values)
        return Column(values, missing)
    if not pa.types.is_dictionary(kind):
        column = column.cast(pa.string()).dictionary_encode()
    column = column.unify_dictionaries()
    if not len(column):
        return _coded(np.zeros(0, dtype=np.int32), [])
    codes = np.concatenate([chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in column.chunks])
    labels = [str(label or "") for label in column.chunk(0).dictionary.cast(pa.string()).to_pylist()]
    if (codes < 0).any():
        labels.append("")
        codes = np.where(codes < 0, len(labels) - 1, codes)
    return _coded(codes.astype(np.int32), labels)


def _coded(codes: ndarray, labels: Sequence[str]) -> Column:
    gone = np.array([label in MISSING for label in labels], dtype=bool)
    return Column(codes, gone[codes] if len(labels) else np.zeros(len(codes), dtype=bool), tuple(labels))


class _NotNumbers(Exception):
    """A column that began with numbers goes on with something else."""


def _read_plainly(
    path: Path, names: tuple[str, ...], present: tuple[str, ...], header: bool, text: set[str]
) -> dict[str, Column]:
    """The reader without pyarrow; begins again when a column turns out to be text."""
    while True:
        parts: dict[str, list[Column]] = {name: [] for name in names}
        numbers: dict[str, dict[str, int]] = {name: {} for name in text}
        try:
            for cells in _chunks(path, present, header):
                for name in names:
                    found = cells[present.index(name)]
                    parts[name].append(_encode(found, numbers[name]) if name in text else _numeric(found, name))
        except _NotNumbers as turned:
            text = text | {str(turned)}
            continue
        return {name: _joined(parts[name], numbers.get(name)) for name in names}


def _chunks(path: Path, present: tuple[str, ...], header: bool) -> Iterator[list[tuple[str, ...]]]:
    """The cells of each piece of the file, by column; lines without anything in them are no rows."""
    with _lines(path) as lines:
        rows = csv.reader(lines, delimiter=_delimiter(lines.readline()))
        if not header:
            lines.seek(0)
        while chunk := [row for row in islice(rows, CHUNK_ROWS) if row]:
            if wrong := next((row for row in chunk if len(row) != len(present)), None):
                raise ValueError(f"expected {len(present)} columns, got {len(wrong)}: {wrong}")
            yield list(zip(*chunk, strict=True))


def _numeric(cells: Sequence[str], name: str) -> Column:
    missing = np.array([cell in MISSING for cell in cells], dtype=bool)
    whole = np.where(missing, "0", np.array(cells))
    for dtype in (np.int64, np.float64):
        try:
            return Column(whole.astype(dtype), missing)
        except (ValueError, OverflowError):
            continue
    raise _NotNumbers(name)


def _encode(cells: Sequence[str], numbers: dict[str, int]) -> Column:
    codes = np.array([numbers.setdefault(cell, len(numbers)) for cell in cells], dtype=np.int32)
    return Column(codes, np.zeros(len(codes), dtype=bool), ())


def _joined(parts: Sequence[Column], numbers: Mapping[str, int] | None) -> Column:
    values = np.concatenate([part.values for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    if numbers is not None:
        return _coded(values.astype(np.int32), tuple(numbers))
    missing = np.concatenate([part.missing for part in parts]) if parts else np.zeros(0, dtype=bool)
    return Column(values, missing)

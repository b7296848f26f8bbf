"""The larval connectome as it was published, turned into clean arrays and one table.

Two released files hold everything:

- Supplementary Data S1 of Winding et al. 2023, a zip of CSV files. ``all-all_connectivity_matrix.csv`` and its four
  parts ``aa``, ``ad``, ``da`` and ``dd`` hold synapse counts, a row per presynaptic, a column per postsynaptic neuron,
  each in *an order of its own*: only the ids in the first row and column say which neuron is meant.
  ``annotations.csv`` holds a row per pair of homologous neurons. ``inputs.csv`` and ``outputs.csv`` are not read.
- ``meta_data.csv`` of Pedigo et al. 2023, a row per neuron, with neurons that are not part of S1; those are left out.
"""

import csv
import io
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tarfile import TarError
from types import MappingProxyType
from zipfile import BadZipFile, ZipFile

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.errors import AnlageError, IntegrityError

COMPARTMENTS: Mapping[str, str] = MappingProxyType(
    {"aa": "axo-axonic", "ad": "axo-dendritic", "da": "dendro-axonic", "dd": "dendro-dendritic"}
)
# Column of the clean table -> column of the released file.
ANNOTATION_COLUMNS: Mapping[str, str] = MappingProxyType(
    {"celltype": "celltype", "annotation": "additional_annotations", "cluster_level7": "level_7_cluster"}
)
METADATA_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "name": "name",
        "hemisphere": "hemisphere",
        "io": "io",
        "group": "simple_group",
        "class1": "class1",
        "class2": "class2",
        "lineage": "lineage",
        "axon_laterality": "axon_lat",
        "pair_neuron_id": "pair",
        "brain_neuron": "brain_neurons",
        "signal_flow": "sum_walk_sort",
        "total_axon_input": "axon_input",
        "total_dendrite_input": "dendrite_input",
        "total_axon_output": "axon_output",
        "total_dendrite_output": "dendrite_output",
    }
)
NEURON_COLUMNS = (
    *("neuron_id", "name", "hemisphere", "io", "celltype", "annotation", "cluster_level7", "group", "class1", "class2"),
    *("lineage", "axon_laterality", "pair_neuron_id", "brain_neuron", "signal_flow"),
    *("total_axon_input", "total_dendrite_input", "total_axon_output", "total_dendrite_output"),
)
NO_SYNAPSE = frozenset({"", "0", "0.0"})
UNREADABLE = (BadZipFile, TarError, zlib.error, EOFError, OSError, csv.Error, ValueError, LookupError, RuntimeError)


@contextmanager
def intact(path: Path, release: str = "larva") -> Iterator[None]:
    """Turn whatever goes wrong while ``path`` of ``release`` is read into one ``IntegrityError`` that names the file."""
    try:
        yield
    except IntegrityError:
        raise
    except UNREADABLE as error:
        detail = error if isinstance(error, AnlageError) else f"{type(error).__name__}: {error}"
        raise IntegrityError(
            f"{path} is truncated, damaged or not the file it should be ({detail}); "
            f"delete it and get it again with `anlage fetch {release}`."
        ) from error


def convert_s1(zip_path: Path, metadata_path: Path) -> tuple[dict[str, ndarray], list[dict[str, str]]]:
    """Build the clean arrays and the clean neuron table from the two released files (see the head of this file).

    Returns ``arrays`` with ``neuron_id`` (neuron), ascending, and per edge ``pre``, ``post`` (rows of ``neuron_id``),
    ``count``, ``count_aa``, ``count_ad``, ``count_da``, ``count_dd`` (synapses), sorted by ``pre``, then ``post``;
    and one dictionary per neuron, in the order of ``neuron_id``, with the keys ``NEURON_COLUMNS``, empty where nothing
    is published.

    Raises ``IntegrityError`` when a file is damaged or foreign, when a neuron lacks metadata, or when the four parts do
    not add up to the whole. Source: Winding et al. 2023, Science 379:eadd9330; Pedigo et al. 2023, eLife 12:e83739.
    """
    with intact(zip_path), ZipFile(zip_path) as archive:
        arrays = _edges(archive, zip_path)
        annotations = _annotations(archive)
    with intact(metadata_path), metadata_path.open(encoding="utf-8-sig", newline="") as lines:
        header, *rows = csv.reader(lines)
        metadata = {int(row[0]): dict(zip(header, row, strict=True)) for row in rows}
    with intact(metadata_path):
        table = [_neuron(int(i), annotations, metadata) for i in arrays["neuron_id"]]
    return arrays, table


def _edges(archive: ZipFile, zip_path: Path) -> dict[str, ndarray]:
    ids, count = _matrix(archive, "all-all")
    pre, post = np.nonzero(count)
    arrays = {"neuron_id": ids, "pre": pre.astype(np.int32), "post": post.astype(np.int32), "count": count[pre, post]}
    rest = count
    for part in COMPARTMENTS:
        part_ids, part_count = _matrix(archive, part)
        if not np.array_equal(part_ids, ids):
            raise IntegrityError(f"{zip_path}: the matrices {part!r} and 'all-all' hold different neurons.")
        arrays[f"count_{part}"] = part_count[pre, post]
        rest = rest - part_count
    if rest.any():
        raise IntegrityError(
            f"{zip_path}: the four compartment matrices do not add up to 'all-all' for {np.count_nonzero(rest)} pairs."
        )
    return arrays


def _matrix(archive: ZipFile, name: str) -> tuple[Int[ndarray, " neuron"], Int[ndarray, "neuron neuron"]]:
    """Ids in ascending order and synapse counts (pre, post) in that order, whatever the order in the file."""
    with _lines(archive, f"{name}_connectivity_matrix.csv") as lines:
        rows = csv.reader(lines)
        columns = np.array(next(rows)[1:], dtype=np.int64)
        ids = np.unique(columns)
        row_of = {int(i): row for row, i in enumerate(ids)}
        target = np.searchsorted(ids, columns)
        count = np.zeros((len(ids), len(ids)), dtype=np.int32)
        seen = set()
        for pre, *cells in rows:
            if len(cells) != len(columns):
                raise ValueError(f"row {pre} of {name!r} has {len(cells)} cells instead of {len(columns)}")
            # Nearly every cell is zero, so only the others are worth reading as numbers.
            found = [(place, float(cell)) for place, cell in enumerate(cells) if cell not in NO_SYNAPSE]
            if any(value < 0 or value != int(value) for _, value in found):
                raise ValueError(f"row {pre} of {name!r} holds something that is no number of synapses")
            row = row_of[int(pre)]
            seen.add(row)
            count[row, target[[place for place, _ in found]]] = [value for _, value in found]
    if len(ids) != len(columns) or len(seen) != len(ids):
        raise ValueError(f"{name!r} has {len(columns)} columns and {len(seen)} rows for {len(ids)} neurons")
    return ids, count


def _annotations(archive: ZipFile) -> dict[int, dict[str, str]]:
    """Neuron id -> annotations; both neurons of a pair share one row, a missing one reads ``no pair``."""
    with _lines(archive, "annotations.csv") as lines:
        return {
            int(row[side]): {column: row[theirs].strip() for column, theirs in ANNOTATION_COLUMNS.items()}
            for row in csv.DictReader(lines)
            for side in ("left_id", "right_id")
            if row[side] not in ("no pair", "")
        }


def _neuron(
    neuron_id: int, annotations: Mapping[int, Mapping[str, str]], metadata: Mapping[int, Mapping[str, str]]
) -> dict[str, str]:
    if neuron_id not in metadata:
        raise ValueError(f"no row for neuron {neuron_id}")
    row = {"neuron_id": str(neuron_id)} | dict.fromkeys(ANNOTATION_COLUMNS, "")
    row |= {column: metadata[neuron_id][theirs] for column, theirs in METADATA_COLUMNS.items()}
    row |= annotations.get(neuron_id, {})
    row["lineage"] = row["lineage"].strip()
    if row["pair_neuron_id"] == "-1":
        row["pair_neuron_id"] = ""
    return {column: row[column] for column in NEURON_COLUMNS}


@contextmanager
def _lines(archive: ZipFile, file_name: str) -> Iterator[io.TextIOWrapper]:
    """Open the entry called ``file_name``, in whichever folder of the archive it lies."""
    entries = [entry for entry in archive.namelist() if PurePosixPath(entry).name == file_name]
    if not entries:
        raise LookupError(f"no entry called {file_name}")
    with archive.open(entries[0]) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as lines:
        yield lines

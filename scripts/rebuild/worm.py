"""Caenorhabditis elegans, out of cect, c302 and the supplement of Fenyves et al. 2020."""

import ast
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree

import numpy as np
from numpy import ndarray

from rebuild.wheel import Arrays, Wheel

# Later names win where a connection can release two transmitters; `chem_nt_second` keeps the other one.
TRANSMITTERS = ("Acetylcholine", "Glutamate", "GABA", "Betaine")
FENYVES = "wormneuroatlas/data/journal.pcbi.1007974.s003.xlsx"


class CellMatrices:
    """A cached data set of cect: one square matrix per synapse class, over named cells."""

    def __init__(self, cect: Wheel, reader: str) -> None:
        cache = json.loads(cect.text(f"cect/cache/{reader}.json"))
        self.cells: list[str] = cache["nodes"]
        self._row = {cell: i for i, cell in enumerate(self.cells)}
        self._matrices: Mapping[str, list[list[float]]] = cache["connections"]
        self.classes = tuple(self._matrices)

    def matrix(self, synapse_class: str, pre: Sequence[str], post: Sequence[str]) -> ndarray:
        """Counts ``(pre, post)``; every count must be a whole number."""
        rows = np.ix_([self._row[c] for c in pre], [self._row[c] for c in post])
        counts = np.asarray(self._matrices[synapse_class])[rows]
        whole = counts.astype(np.int16)
        if not np.array_equal(whole, counts):
            raise SystemExit(f"{synapse_class} holds counts that are not whole numbers.")
        return whole


def edges_of(matrix: ndarray) -> ndarray:
    """Rows ``pre, post, count`` of the non-zero entries of ``(pre, post)``."""
    pre, post = np.nonzero(matrix)
    return np.stack([pre, post, matrix[pre, post]]).astype(np.int16)


def pairs_of(matrix: ndarray) -> ndarray:
    """Rows ``a, b, count`` of a symmetric matrix, each unordered pair once with ``a <= b``."""
    if not np.array_equal(matrix, matrix.T):
        raise SystemExit("A gap-junction matrix is not symmetric.")
    return edges_of(np.triu(matrix))


def string_lists(source: str) -> dict[str, list[str]]:
    """Module-level lists of strings (literals and their sums) of a Python file that is parsed, not run."""
    lists: dict[str, list[str]] = {}

    def value(node: ast.expr) -> list[str] | None:
        match node:
            case ast.List(elts) if all(isinstance(e, ast.Constant) and isinstance(e.value, str) for e in elts):
                return [e.value for e in elts]  # type: ignore[attr-defined]
            case ast.Name(id=name):
                return lists.get(name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                a, b = value(left), value(right)
                return None if a is None or b is None else a + b
        return None

    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
            found = value(statement.value)
            if found is not None:
                lists[target.id] = found
    return lists


def sheet_rows(workbook: bytes, number: int) -> list[dict[str, str]]:
    """Rows of one sheet of an .xlsx file as column letter -> text."""
    namespace = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    archive = zipfile.ZipFile(io.BytesIO(workbook))
    strings = [
        "".join(t.text or "" for t in item.iter(f"{namespace}t"))
        for item in ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
    ]
    rows = []
    for row in ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml")).iter(f"{namespace}row"):
        cells = {}
        for cell in row:
            text = cell.findtext(f"{namespace}v")
            if text is not None:
                column = cell.attrib["r"].rstrip("0123456789")
                cells[column] = strings[int(text)] if cell.get("t") == "s" else text
        rows.append(cells)
    return rows


def without_zeros(name: str) -> str:
    """``VA01`` -> ``VA1``, the spelling of the connectome tables."""
    return re.sub(r"^([A-Z]+)0(\d)$", r"\1\2", name)


def signs_of(wormneuroatlas: Wheel) -> tuple[dict[tuple[str, str], int], dict[str, str]]:
    """Predicted sign of each connection and dominant transmitter of each neuron (Fenyves et al. 2020, S3 table)."""
    workbook = wormneuroatlas.bytes(FENYVES)
    sign = {
        (without_zeros(row["A"]), without_zeros(row["D"])): {"+": 1, "-": -1}.get(row.get("Q", ""), 0)
        for row in sheet_rows(workbook, 6)[2:]
        if "A" in row and "D" in row
    }
    transmitter = {without_zeros(row["A"]): row.get("B", "") for row in sheet_rows(workbook, 2)[1:] if "A" in row}
    return sign, transmitter


def soma_um(c302: Wheel, neuron: str) -> tuple[float, float, float]:
    """Soma position in micrometres: start of the first segment of the NeuroML morphology."""
    root = ElementTree.fromstring(c302.text(f"c302/NeuroML2/{neuron}.cell.nml"))
    point = next(root.iter("{http://www.neuroml.org/schema/neuroml2}proximal")).attrib
    return float(point["x"]), float(point["y"]), float(point["z"])


def category_of(lists: Mapping[str, list[str]]) -> dict[str, str]:
    """Neuron -> sensory, interneuron, motorneuron, polymodal or unknown (Cook et al. 2019 lists in cect)."""
    members = {
        "sensory": ["SENSORY_NEURONS_COOK", "MALE_HEAD_SENSORY_NEURONS", "MALE_NON_HEAD_SENSORY_NEURONS"],
        "interneuron": ["INTERNEURONS_COOK", "MALE_HEAD_INTERNEURONS", "MALE_NON_HEAD_INTERNEURONS"],
        "motorneuron": ["MOTORNEURONS_COOK"],
        "polymodal": ["PHARYNGEAL_POLYMODAL_NEURONS"],
        "unknown": ["UNKNOWN_FUNCTION_NEURONS"],
    }
    return {neuron: label for label, keys in members.items() for key in keys for neuron in lists[key]}


def worm_neurons(cect: Wheel, c302: Wheel, transmitter: Mapping[str, str]) -> Arrays:
    """One row per neuron: 302 of the hermaphrodite, sorted, then the male-specific ones, sorted."""
    lists = string_lists(cect.text("cect/Cells.py"))
    category = category_of(lists)
    hermaphrodite = sorted(lists["PREFERRED_HERM_NEURON_NAMES_COOK"])
    names = hermaphrodite + sorted(lists["MALE_SPECIFIC_NEURONS"])
    layers = [k for k in lists if re.fullmatch(r"(SENSORY_NEURONS|INTERNEURONS)_\d_COOK", k)]
    layer = {neuron: key.removesuffix("_COOK").lower() for key in layers for neuron in lists[key]}
    pharyngeal = set(lists["PHARYNGEAL_NEURONS"])
    rows = list(csv.reader(io.StringIO(cect.text("cect/data/all_cell_info.csv"))))
    info = {row[0].strip(): ["" if "To be added" in t else t.strip() for t in row] for row in rows}
    known = set(names)

    def side(name: str) -> str:
        homologue = name[:-1] + {"L": "R", "R": "L"}.get(name[-1], "")
        return name[-1] if homologue in known and homologue != name[:-1] else "U"

    xyz = [soma_um(c302, n) if n in set(hermaphrodite) else (np.nan,) * 3 for n in names]
    return {
        "neuron": np.array(names),
        "hermaphrodite": np.array([n in set(hermaphrodite) for n in names]),
        "category": np.array([category[n] for n in names]),
        "subcategory": np.array([layer.get(n, "") for n in names]),
        "wormatlas_type": np.array([info[n][1] for n in names]),
        "classification": np.array([info[n][4] for n in names]),
        "lineage": np.array([info[n][3] for n in names]),
        "pharyngeal": np.array([n in pharyngeal for n in names]),
        "side": np.array([side(n) for n in names]),
        "dominant_transmitter": np.array([transmitter.get(n, "") for n in names]),
        "xyz_um": np.array(xyz),
    }


def worm(cect: Wheel, sign: Mapping[tuple[str, str], int], names: Sequence[str]) -> Arrays:
    """The hermaphrodite: chemical edges with transmitter and sign, gap junctions, edges onto other cells."""
    cook, unified = CellMatrices(cect, "Cook2019HermReader"), CellMatrices(cect, "OpenWormUnifiedReader")
    others = [cell for cell in cook.cells if cell not in set(names)]
    pre, post, count = edges_of(cook.matrix("Generic_CS", names, names))
    releases = np.stack([unified.matrix(t, names, names)[pre, post] > 0 for t in TRANSMITTERS])
    number = np.arange(1, len(TRANSMITTERS) + 1)[:, None]
    last = (releases * number).max(axis=0)
    second = (releases & (number != last)) * number
    gap_a, gap_b, gap_count = pairs_of(cook.matrix("Generic_GJ", names, names))
    nmj_pre, nmj_post, nmj_count = edges_of(cook.matrix("Generic_CS", names, others))
    return {
        "neuron": np.array(names),
        "chem_pre": pre,
        "chem_post": post,
        "chem_count": count,
        "chem_nt": last.astype(np.int8),
        "chem_nt_second": second.max(axis=0).astype(np.int8),
        "nt_label": np.array(["", *TRANSMITTERS]),
        "chem_sign": np.array([sign.get((names[a], names[b]), 0) for a, b in zip(pre, post, strict=True)], np.int8),
        "gap_a": gap_a,
        "gap_b": gap_b,
        "gap_count": gap_count,
        "nonneuron": np.array(others),
        "nmj_pre": nmj_pre,
        "nmj_post": nmj_post,
        "nmj_count": nmj_count,
    }


def worm_animal(cect: Wheel, reader: str, known: Iterable[str], suffix: str = "") -> Arrays:
    """Neurons (in the order of the source), chemical edges and gap-junction pairs of one animal."""
    cells = CellMatrices(cect, reader)
    names = [cell for cell in cells.cells if cell in set(known)]
    return {
        f"neuron{suffix}": np.array(names),
        f"chem{suffix}": edges_of(cells.matrix("Generic_CS", names, names)),
        f"gap{suffix}": pairs_of(cells.matrix("Generic_GJ", names, names)),
    }


def worm_male(cect: Wheel, known: Sequence[str]) -> Arrays:
    """The male as ``worm_animal`` has it, with its edges onto other cells."""
    cells, plain = CellMatrices(cect, "Cook2019MaleReader"), worm_animal(cect, "Cook2019MaleReader", known)
    names = [str(name) for name in plain["neuron"]]
    others = [cell for cell in cells.cells if cell not in set(names)]
    return {**plain, "nonneuron": np.array(others), "nmj": edges_of(cells.matrix("Generic_CS", names, others))}


def worm_extrasynaptic(cect: Wheel) -> Arrays:
    """Monoamine layers (Bentley 2016) and the short-range neuropeptide layer (Ripoll-Sanchez 2023)."""
    arrays = {}
    for prefix, reader in (
        ("Bentley", "Bentley2016MAReader"),
        ("RipollSanchezShortRange", "RipollSanchezShortRangeReader"),
    ):
        cells = CellMatrices(cect, reader)
        arrays[f"{prefix}_neuron"] = np.array(cells.cells)
        for layer in cells.classes:
            arrays[f"{prefix}_{layer}_edges"] = edges_of(cells.matrix(layer, cells.cells, cells.cells))
    return arrays

"""The clean copy of a release: the arrays and the table that a connectome is unfolded into when fetched, and folded from later.

Fetching reads the published tables once; loading then needs neither them nor the packages that read them.
"""

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from anlage.connectome.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, NeuronTable
from anlage.connectome.remote import Release
from anlage.connectome.store import read_arrays
from anlage.connectome.supplement import intact

ACCEPTED = "accepted"
"""Array with a sentence about files that were accepted although they are not the pinned ones; see ``fetch``."""
LABELS = ("role", "side", "neuron_class", "cell_type", "modality", "region")
NEURON_COLUMNS = ("neuron_id", "name", *LABELS, "pair_neuron_id", "x_um", "y_um", "z_um")
EDGE_ARRAYS = ("neuron_id", "pre", "post", "count", "kind", "sign", "sign_source", "transmitter", "transmitter_label")


class Unfolded(NamedTuple):
    """Arrays per edge, and a dictionary of texts per neuron."""

    arrays: dict[str, ndarray]
    table: list[dict[str, str]]


def unfold(connectome: Connectome) -> Unfolded:
    """Arrays and table of a connectome without compartments and effectors; ``fold`` makes the same connectome of them.

    Arrays: ``neuron_id`` (neuron), and per edge ``pre`` and ``post`` (rows), ``count``, ``kind``, ``sign``, ``sign_source``
    and ``transmitter`` (codes; the labels of the last are ``transmitter_label``). ``lossy`` is a text.
    """
    neurons, n_edges = connectome.neurons, len(connectome.pre)
    arrays = {
        "neuron_id": neurons.id,
        "pre": connectome.pre.astype(np.int32),
        "post": connectome.post.astype(np.int32),
        "count": connectome.synapse_count.astype(np.int32),
        "kind": connectome.kind.codes.astype(np.int8),
        "sign": connectome.sign.astype(np.int8),
        "sign_source": connectome.sign_source.codes.astype(np.int8),
        "transmitter": connectome.transmitter.codes.astype(np.int16),
        "transmitter_label": np.array(connectome.transmitter.labels),
        "lossy": np.array(connectome.source.lossy),
    }
    if connectome.compartments or connectome.effectors or not np.array_equal(arrays["count"], connectome.synapse_count):
        raise ValueError(f"{connectome.name} ({n_edges} edges) has what a clean copy does not hold.")
    texts = [_texts(getattr(neurons, column)) for column in LABELS]
    pairs = ["" if row < 0 else str(neurons.id[row]) for row in neurons.pair_id]
    places = [["" if np.isnan(value) else repr(float(value)) for value in axis] for axis in neurons.xyz_um.T]
    rows = zip(map(str, neurons.id), neurons.name, *texts, pairs, *places, strict=True)
    return Unfolded(arrays, [dict(zip(NEURON_COLUMNS, row, strict=True)) for row in rows])


def fold(edges: Path, neurons: Path, release: Release) -> Connectome:
    """The connectome of a clean copy.

    Raises ``IntegrityError``, naming the file, when one is damaged or foreign or when the two do not belong together.
    """
    arrays = read_arrays(edges, EDGE_ARRAYS)
    with intact(neurons, release.name), gzip.open(neurons, "rt", encoding="utf-8", newline="") as lines:
        table = list(csv.DictReader(lines))
        rows = _neurons({column: [row[column] for row in table] for column in NEURON_COLUMNS})
    with intact(edges, release.name):
        if not np.array_equal(arrays["neuron_id"], rows.id):
            raise ValueError(f"its neurons are not those of {neurons}")
        labels = tuple(str(label) for label in arrays["transmitter_label"])
        source = replace(
            release.source, lossy=str(arrays["lossy"]) + accepted(arrays), sha256=sha256(edges.read_bytes()).hexdigest()
        )
        return Connectome(
            name=release.name,
            neurons=rows,
            pre=arrays["pre"].astype(np.int64),
            post=arrays["post"].astype(np.int64),
            synapse_count=arrays["count"].astype(np.int64),
            kind=Categorical(arrays["kind"].astype(np.int16), KINDS),
            sign=arrays["sign"],
            sign_source=Categorical(arrays["sign_source"].astype(np.int16), SIGN_SOURCES),
            transmitter=Categorical(arrays["transmitter"], labels),
            source=source,
        )


def accepted(arrays: Mapping[str, ndarray]) -> str:
    """What to add to what is lost, when a file was accepted although it is not the pinned one; otherwise nothing."""
    return f" {arrays[ACCEPTED]}" if ACCEPTED in arrays else ""


def _texts(column: Categorical) -> Sequence[str]:
    return [column.labels[code] for code in column.codes]


def _neurons(column: dict[str, list[str]]) -> NeuronTable:
    ids = np.array(column["neuron_id"], dtype=np.int64)
    row_of = {text: row for row, text in enumerate(column["neuron_id"])}
    places = [[float(text or "nan") for text in column[axis]] for axis in ("x_um", "y_um", "z_um")]
    return NeuronTable(
        id=ids,
        name=tuple(column["name"]),
        pair_id=np.array([row_of.get(text, -1) for text in column["pair_neuron_id"]], dtype=np.int64),
        xyz_um=np.array(places, dtype=np.float64).T.reshape(-1, 3),
        role=Categorical.of(column["role"], ROLES),
        side=Categorical.of(column["side"]),
        neuron_class=Categorical.of(column["neuron_class"]),
        cell_type=Categorical.of(column["cell_type"]),
        modality=Categorical.of(column["modality"]),
        region=Categorical.of(column["region"]),
    )

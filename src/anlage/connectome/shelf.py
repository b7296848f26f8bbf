"""Connectomes of one's own: one file each in the data folder, plain arrays and JSON, written whole or not at all."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from anlage.connectome.connectome import Categorical, Connectome, NeuronTable
from anlage.connectome.fetch import DATA_VARIABLE, data_folders, find_data
from anlage.connectome.material import Material
from anlage.connectome.source import Source
from anlage.connectome.store import read_arrays
from anlage.errors import ConnectomeError, DataMissing, IntegrityError

FOLDER = "imported"
FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
NEURON_LABELS = ("role", "side", "neuron_class", "cell_type", "modality", "region")
EDGE_LABELS = ("kind", "sign_source", "transmitter")


def names() -> tuple[str, ...]:
    """Names of the connectomes that are saved here."""
    return tuple(sorted({path.stem for folder in data_folders() for path in (folder / FOLDER).glob("*.npz")}))


def find(name: str) -> Path | None:
    """The file of a saved connectome, or None."""
    return find_data(f"{FOLDER}/{name}.npz") if NAME.fullmatch(name) else None


def place_for(name: str, *, replace: bool = False) -> Path:
    """Where a connectome called ``name`` would be written.

    Raises ``ConnectomeError`` for a name that cannot be one, and for one that is in use unless it is to be replaced.
    """
    if not NAME.fullmatch(name):
        raise ConnectomeError(f"The name is {name!r}, but must be made of letters, digits, '-' and '_'.")
    place = data_folders()[0] / FOLDER / f"{name}.npz"
    if not replace and (taken := find(name)):
        raise ConnectomeError(f"{taken} is there already; choose another --name, or add --replace to write it anew.")
    return place


def write(connectome: Connectome, *, replace: bool = False) -> Path:
    """Write a connectome into the first data folder and return its file.

    Raises ``ConnectomeError`` as ``place_for`` does and for a connectome with compartments or effectors, which files of this
    format do not hold; ``DataMissing`` when the folder cannot be written.
    """
    if connectome.compartments or connectome.effectors:
        raise ConnectomeError(f"{connectome.name} has compartments or effectors, and a saved connectome holds neither.")
    place = place_for(connectome.name, replace=replace)
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as sink:
                np.savez(sink, **_arrays(connectome))  # type: ignore[arg-type]
                os.fsync(sink.fileno())
            return part.replace(place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DataMissing(
            f"{place.parent} cannot be written ({error.strerror or error}); set {DATA_VARIABLE} to a folder that can."
        ) from error


def read(path: Path) -> Connectome:
    """The connectome in a file that ``write`` made.

    Raises ``DataMissing`` without a file and ``IntegrityError`` when it is damaged or was not made by ``write``.
    """
    arrays = read_arrays(path, ("about",))
    try:
        about = json.loads(arrays["about"].tobytes())
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']}, not {FORMAT}")
        return _connectome(arrays, about)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise IntegrityError(
            f"{path} is not a connectome that this version of anlage wrote ({error}); import it again."
        ) from error


def _arrays(c: Connectome) -> dict[str, ndarray]:
    about = {
        "format": FORMAT,
        "name": c.name,
        "names": c.neurons.name,
        "source": asdict(c.source),
        "labels": {what: getattr(c.neurons, what).labels for what in NEURON_LABELS}
        | {what: getattr(c, what).labels for what in EDGE_LABELS},
    }
    small = np.int32 if c.n_neurons < 2**31 else np.int64
    return {
        "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
        **{what: getattr(c.neurons, what) for what in ("id", "pair_id", "xyz_um")},
        **{what: getattr(c.neurons, what).codes for what in NEURON_LABELS},
        "pre": c.pre.astype(small),
        "post": c.post.astype(small),
        **{what: _short(getattr(c, what)) for what in ("synapse_count", "sign")},
        **{what: _short(getattr(c, what).codes) for what in EDGE_LABELS},
    }


def _short(column: ndarray) -> ndarray:
    """A column that says the same in every row, as one row."""
    return column[:1] if len(column) and (column == column[0]).all() else column


def _connectome(arrays: Mapping[str, ndarray], about: Mapping[str, Any]) -> Connectome:
    n_edges, labels = len(arrays["pre"]), about["labels"]

    def edge(what: str) -> ndarray:
        column = arrays[what]
        return np.repeat(column, n_edges) if len(column) == 1 else column

    def encoded(what: str, codes: ndarray) -> Categorical:
        return Categorical(codes, tuple(labels[what]))

    neurons = NeuronTable(
        id=arrays["id"],
        name=tuple(about["names"]),
        pair_id=arrays["pair_id"],
        xyz_um=arrays["xyz_um"],
        **{what: encoded(what, arrays[what]) for what in NEURON_LABELS},
    )
    return Connectome(
        name=str(about["name"]),
        neurons=neurons,
        pre=arrays["pre"].astype(np.int64),  # edge numbers such as pre * n + post would overflow what is stored
        post=arrays["post"].astype(np.int64),
        synapse_count=edge("synapse_count"),
        sign=edge("sign"),
        source=Source(**about["source"]),
        kind=encoded("kind", edge("kind")),
        sign_source=encoded("sign_source", edge("sign_source")),
        transmitter=encoded("transmitter", edge("transmitter")),
    )


def source_of(material: Material, name: str, *, title: str = "", licence: str = "", bibtex: str = "") -> Source:
    """Where an imported connectome comes from: its files with their checksums, and what its owner says of it.

    ``sha256`` is that of the first file, ``version`` lists all. Without files it is that of the edges a server answered with. The
    ``key`` begins with the name and goes on with the checksum, so that the history of a topology says which data it was made of.
    """
    sums = {}
    for path in material.files:
        with path.open("rb") as source:
            sums[path.name] = file_digest(source, "sha256").hexdigest()
    listed = [f"{file} (sha256 {digest})" for file, digest in sums.items()]
    if material.origin:
        table = material.edges[0]
        answer = b"".join(column.values.tobytes() for column in table.read(table.names).values())
        sums = {"the server's answer": sha256(answer).hexdigest()} | sums
        listed.insert(0, f"{material.origin} as answered (sha256 {next(iter(sums.values()))})")
    first = next(iter(sums.values()))
    title = title or f"{name}, imported from {material.origin or ', '.join(sums)}"
    return Source(
        key=f"{name}-{first[:12]}",
        title=title,
        version="; ".join(listed),
        licence=licence or "not stated; ask whoever made the data",
        origin=material.origin or "files of the user",
        bibtex=bibtex or f"@misc{{{name},\n  title = {{{title}}},\n  note = {{sha256 {first}}}\n}}\n",
        sha256=first,
    )

"""The whole brain of the first-instar larva of *Drosophila melanogaster* (Winding et al. 2023)."""

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.connectome.clean import accepted
from anlage.connectome.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, NeuronTable
from anlage.connectome.fetch import require_data
from anlage.connectome.release import LARVA
from anlage.connectome.store import read_arrays
from anlage.connectome.supplement import COMPARTMENTS, NEURON_COLUMNS, intact
from anlage.errors import IntegrityError

PUBLISHED = (2_952, 110_677, 352_611)  # neurons, edges, synapses; Winding et al. 2023, Supplementary Data S1
SIDES = {"L": "left", "R": "right", "C": "unpaired"}
SENSING = ("sensory", "ascending")  # classes whose annotation names what they sense


def larva() -> Connectome:
    """The larval brain: 2,952 neurons, 110,677 edges, 352,611 synapses, every count split over four compartments.

    Two selections of inputs and outputs are in use, and both are possible here. The ``role`` follows the release: 464
    inputs (430 sensory neurons and 34 ascending ones), 420 outputs, 2,068 in between. The ``neuron_class`` gives those of
    Yu et al. 2025 (arXiv 2507.10951): ``sensory`` has 430 neurons, ``DN-SEZ`` and ``RGN`` together 218.

    ``neuron_class`` is one of the 17 types of Winding et al., ``modality`` what a sensory or ascending neuron senses,
    ``cell_type`` the finest published class, such as ``ORN`` or the number of claws of a Kenyon cell. Without a published
    transmitter every sign is 0; soma positions and regions are not part of the release.

    Raises ``DataMissing`` when the data are not here, ``IntegrityError`` when a file is damaged or foreign.
    """
    edges = require_data(f"{LARVA.folder}/edges.npz", LARVA.name)
    neurons = require_data(f"{LARVA.folder}/neurons.csv.gz", LARVA.name)
    connectome = read_larva(edges, neurons)
    found = (connectome.n_neurons, len(connectome.pre), int(connectome.synapse_count.sum()))
    if found != PUBLISHED:
        raise IntegrityError(
            f"{edges} holds {found[0]:,} neurons, {found[1]:,} edges and {found[2]:,} synapses instead of the "
            "published 2,952, 110,677 and 352,611; delete it and get it again with `anlage fetch larva`."
        )
    return connectome


def read_larva(edges: Path, neurons: Path) -> Connectome:
    """Read the clean arrays and the clean table that ``convert_s1`` describes, whatever their size.

    Raises ``IntegrityError``, naming the file, when one is damaged or foreign or when the two do not belong together.
    """
    arrays = read_arrays(edges)
    with intact(neurons), gzip.open(neurons, "rt", encoding="utf-8", newline="") as lines:
        table = list(csv.DictReader(lines))
        if missing := set(NEURON_COLUMNS) - set(table[0]):
            raise ValueError(f"no columns called {', '.join(sorted(missing))}")
        rows = _neurons(table)
    with intact(edges):
        if not np.array_equal(arrays["neuron_id"], rows.id):
            raise ValueError(f"its neurons are not those of {neurons}")
        return _connectome(arrays, rows, sha256(edges.read_bytes()).hexdigest())


def _connectome(arrays: Mapping[str, ndarray], neurons: NeuronTable, checksum: str) -> Connectome:
    # The files store small integers; edge numbers such as pre * n + post would overflow those.
    column = {name: arrays[name].astype(np.int64) for name in ("pre", "post", "count")}
    n_edges = len(column["pre"])
    nothing = np.zeros(n_edges, dtype=np.int16)
    return Connectome(
        name="larva",
        neurons=neurons,
        pre=column["pre"],
        post=column["post"],
        synapse_count=column["count"],
        kind=Categorical(nothing + KINDS.index("chemical"), KINDS),
        sign=np.zeros(n_edges, dtype=np.int8),
        sign_source=Categorical(nothing + SIGN_SOURCES.index("none"), SIGN_SOURCES),
        transmitter=Categorical(nothing, ("",)),
        source=replace(LARVA.source, lossy=LARVA.source.lossy + accepted(arrays), sha256=checksum),
        compartments=MappingProxyType(
            {label: arrays[f"count_{part}"].astype(np.int64) for part, label in COMPARTMENTS.items()}
        ),
    )


def _neurons(table: Sequence[Mapping[str, str]]) -> NeuronTable:
    ids = np.array([int(row["neuron_id"]) for row in table], dtype=np.int64)
    return NeuronTable(
        id=ids,
        name=tuple(row["name"].strip() for row in table),
        role=Categorical.of([row["io"] for row in table], ROLES),
        side=Categorical.of([SIDES[row["hemisphere"]] for row in table]),
        neuron_class=Categorical.of([row["celltype"] for row in table]),
        cell_type=Categorical.of([row["class2"] or _known(row["class1"]) for row in table]),
        modality=Categorical.of([_modality(row) for row in table]),
        region=Categorical.of([""] * len(table)),
        pair_id=_pairs(ids, [row["pair_neuron_id"] for row in table]),
        xyz_um=np.full((len(table), 3), np.nan),
    )


def _modality(row: Mapping[str, str]) -> str:
    """What a sensory or ascending neuron senses: the last word of an annotation such as ``A00c_a6; noci``.

    The annotations of other neurons name modalities too, but those they relay, not sense.
    """
    if row["celltype"] not in SENSING:
        return ""
    return _known(row["annotation"].rsplit(";", 1)[-1].strip())


def _known(label: str) -> str:
    return "" if label in ("unk", "unknown modality") else label


def _pairs(ids: Int[ndarray, " neuron"], partners: Sequence[str]) -> Int[ndarray, " neuron"]:
    """Row of the neuron on the other side, or -1 where none is published or it is not part of the connectome."""
    row_of = {str(i): row for row, i in enumerate(ids)}
    return np.array([row_of.get(partner, -1) for partner in partners], dtype=np.int64)

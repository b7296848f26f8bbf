"""What the published tables of flies and mice share: labels of one meaning, rows by id, edges between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from anlage.connectome.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, NeuronTable
from anlage.connectome.source import Source
from anlage.errors import ConnectomeError, IntegrityError

Column = Sequence[str] | ndarray
"""A text per row: a list, or an array of strings."""
NOTHING = frozenset({"", "na", "nan", "none", "null", "unknown", "unclear", "neither"})
"""How tables spell that a transmitter or a label is not known."""
TRANSMITTERS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("ach", "acetylcholine"), "acetylcholine"),
        **dict.fromkeys(("gaba",), "GABA"),
        **dict.fromkeys(("glut", "glutamate"), "glutamate"),
        **dict.fromkeys(("da", "dopamine"), "dopamine"),
        **dict.fromkeys(("ser", "5ht", "serotonin"), "serotonin"),
        **dict.fromkeys(("oct", "octopamine"), "octopamine"),
        **dict.fromkeys(("his", "histamine"), "histamine"),
        **dict.fromkeys(("tyr", "tyramine"), "tyramine"),
    }
)
"""Spelling in a table, in lower case -> our word."""
FLY_SIGN: Mapping[str, int] = MappingProxyType({"acetylcholine": 1, "GABA": -1, "glutamate": -1, "histamine": -1})
"""Fast effect of a transmitter in the central nervous system of the fly, as its whole-brain models take it (Shiu et al. 2024,
Nature 634:210). Glutamate opens chloride channels (Liu and Wilson 2013, PNAS 110:10294), so does histamine (Hardie 1989, Nature
339:704). Amines act through receptors of both signs and have none here."""
SIDES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("l", "lhs", "left"), "left"),
        **dict.fromkeys(("r", "rhs", "right"), "right"),
        **dict.fromkeys(("m", "c", "midline", "center"), "unpaired"),
    }
)
FLOW_ROLES: Mapping[str, str] = MappingProxyType({"afferent": "input", "intrinsic": "inter", "efferent": "output"})


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Edges between neurons of one table: rows ``pre`` and ``post``, counts, and how many published rows were not used."""

    pre: Int[ndarray, " edge"]
    post: Int[ndarray, " edge"]
    count: Int[ndarray, " edge"]
    left_out: int
    merged: int

    @property
    def note(self) -> str:
        """What became of rows that are no edge of their own, as sentences; empty when every row is one."""
        text = ""
        if self.left_out:
            text += f" {self.left_out:,} published rows with a partner outside the neuron table are left out."
        if self.merged:
            text += f" {self.merged:,} rows repeat a pair (a neuropil each) and are added to its first."
        return text


def edges_between(
    path: Path,
    ids: Int[ndarray, " neuron"],
    pre: Int[ndarray, " row"],
    post: Int[ndarray, " row"],
    count: Int[ndarray, " row"],
) -> Edges:
    """Edges between the neurons ``ids``, rows of the same ordered pair added up, sorted by ``pre``, then ``post``.

    Raises ``IntegrityError``, naming ``path``, when a count is not positive or no row connects two of the neurons.
    """
    if len(count) and count.min() < 1:
        raise IntegrityError(
            f"{path} holds a pair with {count.min()} synapses, but counts must be positive; it is another table, or damaged."
        )
    ascending = np.argsort(ids, kind="stable")
    ends, inside = [], np.ones(len(pre), dtype=bool)
    for end in (pre, post):
        place = np.minimum(np.searchsorted(ids, end, sorter=ascending), len(ids) - 1)
        rows = ascending[place]
        inside &= ids[rows] == end
        ends.append(rows)
    if not inside.any():
        raise IntegrityError(
            f"{path} has no row between two neurons of the neuron table; the files are of different releases."
        )
    key = ends[0][inside] * len(ids) + ends[1][inside]
    pairs, inverse = np.unique(key, return_inverse=True)
    total = np.bincount(inverse, weights=count[inside], minlength=len(pairs)).astype(np.int64)
    return Edges(pairs // len(ids), pairs % len(ids), total, int((~inside).sum()), len(key) - len(pairs))


def aligned(
    ids: Int[ndarray, " neuron"], table_ids: Int[ndarray, " row"], column: ndarray, empty: object = ""
) -> ndarray:
    """Value of ``column`` for each of ``ids``, the first where the table repeats one, ``empty`` where it has none."""
    known, first = np.unique(table_ids, return_index=True)
    if not len(known):
        return np.full(len(ids), empty)
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.asarray(np.where(known[place] == ids, column[first[place]], np.asarray(empty)))


def unique_ids(path: Path, ids: Int[ndarray, " row"]) -> Int[ndarray, " row"]:
    """The ids themselves; raises ``IntegrityError``, naming ``path``, when one is repeated or there is none."""
    known, n = np.unique(ids, return_counts=True)
    if not len(ids):
        raise IntegrityError(f"{path} holds no neuron that is part of the release; it is another table, or damaged.")
    if n.max() > 1:
        raise IntegrityError(
            f"{path} lists the neuron {known[n.argmax()]} {n.max()} times, but each may appear once; it is damaged."
        )
    return ids


def first_known(*columns: Column) -> list[str]:
    """Row by row the first label that says something."""
    return [next((label for label in row if label.lower() not in NOTHING), "") for row in zip(*columns, strict=True)]


def translated(column: Column, words: Mapping[str, str], otherwise: str = "") -> list[str]:
    """Row by row our word for a label, whatever its case; ``otherwise`` where there is none."""
    return [words.get(str(label).strip().lower(), otherwise) for label in column]


def transmitters(column: Column) -> Categorical:
    """Transmitters in our words; what no table of ours has yet is kept as it is, in lower case."""
    plain = [str(label).strip().lower() for label in column]
    return Categorical.of([TRANSMITTERS.get(p, "" if p in NOTHING else p) for p in plain])


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Columns of a neuron table, a label per neuron; an empty column means that the release does not have it."""

    name: Column
    role: Column
    side: Column = ()
    neuron_class: Column = ()
    cell_type: Column = ()
    modality: Column = ()
    region: Column = ()


def neuron_table(
    ids: Int[ndarray, " neuron"], labels: Labels, xyz_um: Float[ndarray, "neuron 3"] | None = None
) -> NeuronTable:
    """The table of neurons ``ids``; homologous pairs are not part of these releases."""
    n = len(ids)

    def column(values: Column) -> Categorical:
        return Categorical.of([str(value) for value in values] if len(values) else [""] * n)

    return NeuronTable(
        id=ids,
        name=tuple(str(name) for name in labels.name),
        role=Categorical.of(list(labels.role), ROLES),
        side=column(labels.side),
        neuron_class=column(labels.neuron_class),
        cell_type=column(labels.cell_type),
        modality=column(labels.modality),
        region=column(labels.region),
        pair_id=np.full(n, -1),
        xyz_um=np.full((n, 3), np.nan) if xyz_um is None else xyz_um,
    )


def chemical(
    name: str,
    neurons: NeuronTable,
    edges: Edges,
    released: Categorical,
    source: Source,
    sign: Int[ndarray, " edge"] | None = None,
    assumed: Bool[ndarray, " edge"] | None = None,
) -> Connectome:
    """A connectome of chemical synapses whose ``released`` transmitter is known per neuron, the same at all its synapses.

    Without ``sign`` an edge has the sign of ``FLY_SIGN`` for its transmitter, or none; where it has one, the source is
    ``predicted``, because the transmitter is, or ``assumed`` where ``assumed`` says so.
    """
    if len(released) != len(neurons):
        raise ConnectomeError(f"{name}: {len(released)} transmitters for {len(neurons)} neurons.")
    transmitter = Categorical(released.codes[edges.pre], released.labels)
    if sign is None:
        by_label = np.array([FLY_SIGN.get(label, 0) for label in released.labels], dtype=np.int8)
        sign = by_label[transmitter.codes]
    origin = np.where(sign == 0, SIGN_SOURCES.index("none"), SIGN_SOURCES.index("predicted"))
    if assumed is not None:
        origin = np.where(assumed & (sign != 0), SIGN_SOURCES.index("assumed"), origin)
    return Connectome(
        name=name,
        neurons=neurons,
        pre=edges.pre,
        post=edges.post,
        synapse_count=edges.count,
        kind=Categorical(np.full(len(edges.pre), KINDS.index("chemical"), np.int16), KINDS),
        sign=sign.astype(np.int8),
        sign_source=Categorical(origin.astype(np.int16), SIGN_SOURCES),
        transmitter=transmitter,
        source=replace(source, lossy=source.lossy + edges.note),
    )

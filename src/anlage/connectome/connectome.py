"""The record of what was measured: neurons, edges, signs and their provenance. Nothing is decided here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.errors import ConnectomeError, UnknownName

ROLES = ("unknown", "input", "inter", "output")
KINDS = ("chemical", "gap_junction", "extrasynaptic")
SIGN_SOURCES = ("none", "measured", "predicted", "assumed")


@dataclass(frozen=True, slots=True, eq=False)
class Categorical:
    """A column of labels stored as small integers: ``labels[codes[i]]`` is the label of row ``i``."""

    codes: Int[ndarray, " row"]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.codes.size and not 0 <= self.codes.min() <= self.codes.max() < len(self.labels):
            raise ConnectomeError(
                f"A categorical column has codes from {self.codes.min()} to {self.codes.max()}, "
                f"but only {len(self.labels)} labels; codes must index the labels."
            )

    @classmethod
    def of(cls, values: Sequence[str], labels: Sequence[str] | None = None) -> "Categorical":
        """Encode ``values``; ``labels`` fixes the order, otherwise labels are sorted."""
        known = tuple(labels) if labels is not None else tuple(sorted(set(values)))
        number = {label: i for i, label in enumerate(known)}
        if missing := set(values) - set(known):
            raise UnknownName("label", sorted(missing)[0], known)
        return cls(np.array([number[v] for v in values], dtype=np.int16), known)

    def __len__(self) -> int:
        return len(self.codes)

    def is_(self, label: str) -> Bool[ndarray, " row"]:
        """Which rows carry ``label``."""
        if label not in self.labels:
            raise UnknownName("label", label, self.labels)
        return np.asarray(self.codes == self.labels.index(label))

    def counts(self) -> dict[str, int]:
        """Label -> number of rows, labels without rows left out."""
        counts = np.bincount(self.codes, minlength=len(self.labels))
        return {label: int(n) for label, n in zip(self.labels, counts, strict=True) if n}


@dataclass(frozen=True, slots=True, eq=False)
class NeuronTable:
    """One row per neuron. An empty string, or NaN in ``xyz_um``, means that the source does not say.

    ``role`` is one of ``unknown``, ``input`` (sensory), ``inter`` and ``output`` (motor, descending, ring-gland).
    ``neuron_class`` is coarse (motor neuron, Kenyon cell), ``cell_type`` the finest published division below it. ``side`` is
    ``left``, ``right`` or ``unpaired``.
    ``pair_id`` is the row of the homologous neuron on the other side, or -1.
    """

    id: Int[ndarray, " neuron"]
    name: tuple[str, ...]
    role: Categorical
    side: Categorical
    neuron_class: Categorical
    cell_type: Categorical
    modality: Categorical
    region: Categorical
    pair_id: Int[ndarray, " neuron"]
    xyz_um: Float[ndarray, " neuron 3"]

    def __post_init__(self) -> None:
        n = len(self.id)
        lengths = {
            "name": len(self.name),
            **{c: len(getattr(self, c)) for c in ("role", "side", "neuron_class", "cell_type", "modality", "region")},
            "pair_id": len(self.pair_id),
            "xyz_um": len(self.xyz_um),
        }
        if wrong := {k: v for k, v in lengths.items() if v != n}:
            raise ConnectomeError(f"A neuron table of {n} neurons has columns of other lengths: {wrong}.")
        if len(np.unique(self.id)) != n:
            raise ConnectomeError(f"A neuron table of {n} neurons has only {len(np.unique(self.id))} different ids.")
        if self.role.labels != ROLES:
            raise ConnectomeError(f"Roles must be {ROLES}, not {self.role.labels}.")

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, eq=False)
class Effectors:
    """Edges that leave the nervous system: from a neuron onto a muscle, gland or other cell."""

    name: tuple[str, ...]
    pre: Int[ndarray, " edge"]
    target: Int[ndarray, " edge"]
    synapse_count: Int[ndarray, " edge"]


@dataclass(frozen=True, slots=True, eq=False)
class Connectome:
    """A measured wiring diagram: exactly what its source holds.

    ``pre`` and ``post`` are row numbers in ``neurons``. A row of kind ``gap_junction`` is an *unordered* pair, stored once.
    ``synapse_count`` is whole where synapses were counted and fractional where the source holds means over repeats.
    ``sign`` is +1, -1 or 0 (unknown), ``sign_source`` says who says so. ``transmitter`` is the released substance where known.
    ``compartments`` splits ``synapse_count`` where the source does (for example ``axo-dendritic``); the parts then add up to it.

    Raises ``ConnectomeError`` when lengths differ, an edge points outside the neuron table, or a count is not positive.
    """

    name: str
    neurons: NeuronTable
    pre: Int[ndarray, " edge"]
    post: Int[ndarray, " edge"]
    synapse_count: Real[ndarray, " edge"]
    kind: Categorical
    sign: Int[ndarray, " edge"]
    sign_source: Categorical
    transmitter: Categorical
    source: Source
    compartments: Mapping[str, Int[ndarray, " edge"]] = field(default_factory=lambda: MappingProxyType({}))
    effectors: Effectors | None = None

    def __post_init__(self) -> None:
        n_edges, n_neurons = len(self.pre), len(self.neurons)
        columns = ("post", "synapse_count", "kind", "sign", "sign_source", "transmitter")
        lengths = {c: len(getattr(self, c)) for c in columns} | {k: len(v) for k, v in self.compartments.items()}
        if wrong := {k: v for k, v in lengths.items() if v != n_edges}:
            raise ConnectomeError(f"{self.name}: {n_edges} edges, but columns of other lengths: {wrong}.")
        for end, rows in (("pre", self.pre), ("post", self.post)):
            if n_edges and not 0 <= rows.min() <= rows.max() < n_neurons:
                raise ConnectomeError(
                    f"{self.name}: column {end!r} points at neurons {rows.min()} to {rows.max()}, "
                    f"but the neuron table has rows 0 to {n_neurons - 1}."
                )
        if n_edges and not self.synapse_count.min() > 0:
            raise ConnectomeError(
                f"{self.name}: an edge has {self.synapse_count.min()} synapses; counts must be positive."
            )
        if n_edges and not np.isin(self.sign, (-1, 0, 1)).all():
            raise ConnectomeError(f"{self.name}: signs must be -1, 0 or +1.")
        if self.compartments and not np.array_equal(sum(self.compartments.values()), self.synapse_count):
            raise ConnectomeError(f"{self.name}: the compartments do not add up to the synapse counts.")

    def __repr__(self) -> str:
        return f"<Connectome {self.name}: {self.n_neurons:,} neurons, {len(self.pre):,} edges>"

    @property
    def n_neurons(self) -> int:
        """Number of neurons, isolated ones included."""
        return len(self.neurons)

    def sign_shares(self) -> dict[str, float]:
        """Share of edges by source of their sign; ``none`` is the share without any."""
        counts = self.sign_source.counts()
        return {label: counts.get(label, 0) / max(1, len(self.pre)) for label in SIGN_SOURCES}

"""The motion pathways of the fly: 65 cell types repeated over the columns of the eye, and 50 trained models of them."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.connectome.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, NeuronTable
from anlage.connectome.source import Source
from anlage.connectome.store import embedded_sha256, read_embedded
from anlage.errors import ConnectomeError

_LAPPALAINEN = r"""@article{lappalainen2024connectome,
  author = {Lappalainen, Janne K. and Tschopp, Fabian D. and Prakhya, Sridhama and McGill, Mason and Nern, Aljoscha and
    Shinomiya, Kazunori and Takemura, Shin-ya and Gruntman, Eyal and Macke, Jakob H. and Turaga, Srinivas C.},
  title = {Connectome-constrained networks predict neural activity across the fly visual system},
  journal = {Nature}, volume = {634}, pages = {1132--1140}, year = {2024}, doi = {10.1038/s41586-024-07939-3}
}
"""

OPTIC_LOBE = Source(
    key="fly-optic-lobe-lappalainen2024",
    title="Drosophila melanogaster, optic lobe as 65 cell types on a hexagonal lattice (Lappalainen et al. 2024)",
    version="flyvis 1.2.0, connectome fib25-fib19_v2.2",
    licence="MIT (flyvis)",
    origin="https://pypi.org/project/flyvis/1.2.0",
    bibtex=_LAPPALAINEN,
    lossy="An idealised eye, not a reconstructed one: the mean count of each pair of types at each column offset, from "
    "reconstructions of a few columns, is repeated at every column, so counts are fractional and nothing varies "
    "between columns. Signs were not measured here: 338 of the 605 type pairs have one that flyvis gives a reference "
    "for (predicted from the transmitter), the other 267 have none and were set to +1 (assumed). flyvis adds one "
    "synapse wherever an offset is missing inside the convex hull of the reported ones; at radius 15 that makes "
    "1,513,231 edges (the paper's 1.51 million) of the 1,357,269 reported ones; only fill_gaps=True does so here. "
    "The certainty of each count (lambda_mult) and the names of the transmitters are left out.",
)
TRAINED = Source(
    key="flyvis-ensemble-lappalainen2024",
    title="Fifty trained models of the fly optic lobe (Lappalainen et al. 2024)",
    version="flycns 0.7.0, from flyvis 1.2.0 (flow/0000)",
    licence="MIT (flyvis; flycns)",
    origin="https://pypi.org/project/flycns/0.7.0",
    bibtex=_LAPPALAINEN,
    lossy="The parameters of the brain only; the decoders that the models were trained with are left out.",
)


@dataclass(frozen=True, slots=True, eq=False)
class TrainedOpticLobes:
    """Parameters of 50 models that were trained to see motion, all with the wiring of ``optic_lobe(fill_gaps=True)``.

    ``bias`` (resting potential, arbitrary units) and ``time_const_s`` (seconds) are per cell type in the order of
    ``type_name``; ``strength`` (never negative) is per pair of types, from ``pair_pre`` to ``pair_post``. A group is a
    pair at one column offset ``(group_du, group_dv)`` from pre to post, and its edges weigh
    ``pair_sign * group_n_syn * strength``. Source: Lappalainen et al. 2024, Methods.
    """

    type_name: tuple[str, ...]
    bias: Float[ndarray, "model type"]
    time_const_s: Float[ndarray, "model type"]
    strength: Float[ndarray, "model pair"]
    pair_pre: Int[ndarray, " pair"]
    pair_post: Int[ndarray, " pair"]
    pair_sign: Int[ndarray, " pair"]
    group_pair: Int[ndarray, " group"]
    group_du: Int[ndarray, " group"]
    group_dv: Int[ndarray, " group"]
    group_n_syn: Float[ndarray, " group"]
    source: Source


def optic_lobe(radius: int = 15, fill_gaps: bool = False) -> Connectome:
    """The optic lobe of an eye that reaches ``radius`` columns from its centre.

    Radius 15 is the published one: 721 columns, 45,669 neurons, 1,357,269 edges between reported offsets.
    ``fill_gaps`` adds what flyvis assumes, one synapse per offset that is missing inside the convex hull of the
    reported offsets of a pair of types: 1,513,231 edges, the 1.5 million of the paper and of its trained models.

    The 65 types are the 64 of the paper, CT1 being counted once per neuropil. ``synapse_count`` is a mean. R1 to R8 are
    inputs, the 34 types that the paper reads out are outputs. Every edge has a sign: ``predicted`` where flyvis cites a
    reference for it, ``assumed`` where it has none and takes +1. The column of each neuron is given by
    ``optic_lobe_columns(radius)`` in the same order. Source: Lappalainen et al. 2024.

    Raises ``ConnectomeError`` for a negative radius and ``IntegrityError`` when the embedded file is damaged.
    """
    data = read_embedded("optic_lobe")
    columns, cell_type = _lattice(data, radius)
    kept = np.ones(len(data["offset_pair"]), bool) if fill_gaps else ~data["offset_filled"]
    offset, pre, post = _expand(data, columns, cell_type, radius, np.flatnonzero(kept))
    pair = data["offset_pair"][offset]
    predicted = (data["pair_reference"] != "")[pair]
    origin = np.where(predicted, SIGN_SOURCES.index("predicted"), SIGN_SOURCES.index("assumed"))
    nothing = np.zeros(len(pre), np.int16)
    return Connectome(
        name="optic-lobe" if radius == 15 else f"optic-lobe-{radius}",
        neurons=_neurons(data, columns, cell_type),
        pre=pre,
        post=post,
        synapse_count=data["offset_n_syn"][offset],
        kind=Categorical(nothing + KINDS.index("chemical"), KINDS),
        sign=data["pair_sign"][pair],
        sign_source=Categorical(origin.astype(np.int16), SIGN_SOURCES),
        transmitter=Categorical(nothing, ("",)),
        source=replace(OPTIC_LOBE, sha256=embedded_sha256("optic_lobe")),
    )


def optic_lobe_columns(radius: int = 15) -> Int[ndarray, "neuron 2"]:
    """Oblique hexagonal coordinates ``(u, v)`` of the column of each neuron of ``optic_lobe(radius)``, in columns.

    Cartesian coordinates, in units of the distance between columns and up to a rotation, are ``x = u + v / 2`` and
    ``y = sqrt(3) / 2 * v``.
    Raises ``ConnectomeError`` for a negative radius.
    """
    return _lattice(read_embedded("optic_lobe"), radius)[0]


def trained_optic_lobes() -> TrainedOpticLobes:
    """The 50 published models (Lappalainen et al. 2024): 65 types, 604 pairs of types, 2,355 groups.

    The pair Lawf1 to Lawf1 has no parameters: its one offset never meets another Lawf1 on the lattice. Raises
    ``IntegrityError`` when an embedded file is damaged.
    """
    data = read_embedded("trained_optic_lobes")
    return TrainedOpticLobes(
        type_name=tuple(str(name) for name in read_embedded("optic_lobe")["type_name"]),
        bias=data["bias"],
        time_const_s=data["time_const_s"],
        strength=data["strength"],
        pair_pre=data["pair_source"].astype(np.int64),
        pair_post=data["pair_target"].astype(np.int64),
        pair_sign=data["pair_sign"],
        group_pair=data["group_pair"].astype(np.int64),
        group_du=data["group_du"].astype(np.int64),
        group_dv=data["group_dv"].astype(np.int64),
        group_n_syn=data["group_n_syn"],
        source=replace(TRAINED, sha256=embedded_sha256("trained_optic_lobes")),
    )


def _lattice(data: dict[str, ndarray], radius: int) -> tuple[Int[ndarray, "neuron 2"], Int[ndarray, " neuron"]]:
    """Column ``(u, v)`` and cell type of each neuron, type by type; sparse types skip columns by their stride."""
    if radius < 0:
        raise ConnectomeError(f"An optic lobe cannot reach {radius} columns from its centre; give 0 or more.")
    u, v = (axis.ravel() for axis in np.mgrid[-radius : radius + 1, -radius : radius + 1])
    hexagon = np.stack([u, v], axis=1)[np.abs(u + v) <= radius]
    present = (hexagon[None] % data["type_stride"][:, None] == 0).all(axis=2)
    cell_type, column = np.nonzero(present)
    return hexagon[column], cell_type


def _expand(
    data: dict[str, ndarray],
    columns: Int[ndarray, "neuron 2"],
    cell_type: Int[ndarray, " neuron"],
    radius: int,
    offsets: Int[ndarray, " offset"],
) -> tuple[Int[ndarray, " edge"], Int[ndarray, " edge"], Int[ndarray, " edge"]]:
    """Offset, pre and post of every edge: each offset applied at each column where both of its ends exist."""
    du, dv = data["offset_du"][offsets].astype(int), data["offset_dv"][offsets].astype(int)
    margin = radius + int(max(np.abs(du).max(), np.abs(dv).max()))
    row = np.full((len(data["type_name"]), 2 * margin + 1, 2 * margin + 1), -1)  # type, u, v -> neuron or -1
    row[cell_type, columns[:, 0] + margin, columns[:, 1] + margin] = np.arange(len(cell_type))
    # Type 0 is a photoreceptor, which every column has: its columns are all columns.
    u, v = columns[cell_type == 0].T[:, None, :] + margin
    pair = data["offset_pair"][offsets]
    pre = row[data["pair_pre"][pair][:, None], u, v]
    post = row[data["pair_post"][pair][:, None], u + du[:, None], v + dv[:, None]]
    which, column = np.nonzero((pre >= 0) & (post >= 0))
    return offsets[which], pre[which, column], post[which, column]


def _neurons(
    data: dict[str, ndarray], columns: Int[ndarray, "neuron 2"], cell_type: Int[ndarray, " neuron"]
) -> NeuronTable:
    """Neurons named after type and column, such as ``T4a(3,-2)``."""
    n = len(cell_type)
    types = tuple(str(name) for name in data["type_name"])
    is_input, is_output = data["type_input"], data["type_output"]
    role = np.select([is_input, is_output], [ROLES.index("input"), ROLES.index("output")], ROLES.index("inter"))
    nothing = Categorical(np.zeros(n, np.int16), ("",))
    return NeuronTable(
        id=np.arange(n),
        name=tuple(f"{types[t]}({u},{v})" for t, (u, v) in zip(cell_type.tolist(), columns.tolist(), strict=True)),
        role=Categorical(role[cell_type].astype(np.int16), ROLES),
        side=nothing,
        neuron_class=nothing,
        cell_type=Categorical(cell_type.astype(np.int16), types),
        modality=Categorical(is_input[cell_type].astype(np.int16), ("", "visual")),
        region=Categorical(np.zeros(n, np.int16), ("optic lobe",)),
        pair_id=np.full(n, -1),
        xyz_um=np.full((n, 3), np.nan),
    )

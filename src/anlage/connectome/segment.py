"""From a labelled scan and its annotated synapses to a connectome; every row that is no synapse of it is counted and said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.spatial import cKDTree

from anlage.connectome.annotation import Synapses
from anlage.connectome.connectome import Categorical, Connectome
from anlage.connectome.lookup import inside, labels_at, nearest_labels, segment_sizes
from anlage.connectome.roster import Edges, Labels, chemical, neuron_table
from anlage.connectome.source import Source
from anlage.connectome.volume import Grid, Volume
from anlage.errors import ConnectomeError

FRAGMENT = "fragment"
"""Name of the one neuron, with id 0, that all orphans become when they are merged."""
ORPHAN = "orphan"
"""Class of a segment that is too small or has no soma, where such segments are kept."""
OWN_DATA = Source(
    key="own-scan",
    title="a scan of one's own",
    version="",
    licence="not stated; ask whoever made the scan",
    origin="files of the user",
    bibtex="",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What becomes of doubtful annotations and segments. The defaults leave out only autapses.

    ``threshold``: least score of a synapse. ``reach_nm``: how far from a segment a point on the background may lie.
    ``smallest_um3``: a smaller segment is an orphan; so is one without a soma, where somata are given. Orphans are kept (of
    class ``orphan``, when they have a synapse), dropped with their synapses, or merged into one neuron called ``fragment``.
    ``duplicate_nm``: of two synapses of one edge whose sending and receiving points both lie within it, the one with the
    lower score goes. ``outside``: points outside the volume refuse the whole table, or are dropped.
    """

    threshold: float | None = None
    reach_nm: float = 0.0
    smallest_um3: float = 0.0
    orphans: Literal["keep", "drop", "merge"] = "keep"
    autapses: Literal["keep", "drop"] = "drop"
    duplicate_nm: float = 0.0
    outside: Literal["refuse", "drop"] = "refuse"

    def __post_init__(self) -> None:
        lengths = {"reach": self.reach_nm, "smallest size": self.smallest_um3, "duplicate distance": self.duplicate_nm}
        if wrong := {what: value for what, value in lengths.items() if not 0 <= value < np.inf}:
            raise ConnectomeError(f"The rules hold {wrong}, but lengths and sizes must be 0 or more; 0 turns one off.")
        if self.threshold is not None and not np.isfinite(self.threshold):
            raise ConnectomeError(f"The threshold is {self.threshold}, but must be a number; leave it out to keep all.")


def connect(
    volume: Volume,
    grid: Grid,
    synapses: Synapses,
    rules: Rules | None = None,
    *,
    name: str,
    somata_nm: Float[ndarray, "soma 3"] | None = None,
    source: Source = OWN_DATA,
) -> Connectome:
    """The connectome of the segments of ``volume``, of which one block is in memory at a time.

    A point on the background (label 0) is given to the nearest segment within reach, other than its partner's, because a
    synapse of a neuron onto itself is rarer than a point beside the wrong side of a membrane. A neuron's id is its label and
    its place the mean of its somata. Transmitters and signs are unknown. ``source.lossy`` gains a sentence per count.

    Raises ``ConnectomeError`` for labels that are no whole numbers, without annotations, for points outside the volume and
    for a threshold without scores.
    """
    rules = rules or Rules()
    said: list[str] = []
    _demand(volume, synapses, rules)
    rows = np.arange(len(synapses))
    if rules.threshold is not None:
        rows = _keep(rows, synapses.score >= rules.threshold, said, f"score below {rules.threshold:g}")
    places = [grid.places(points) for points in (synapses.pre_nm, synapses.post_nm)]
    within = inside(volume, places[0]) & inside(volume, places[1])
    if not within[rows].all() and rules.outside == "refuse":
        raise ConnectomeError(_misplaced(volume, grid, synapses, rows[~within[rows]], len(rows)))
    rows = _keep(rows, within[rows], said, "lie outside the volume")
    pre, post = _ends(volume, grid, [p[rows] for p in places], rules.reach_nm, said)
    found = (pre > 0) & (post > 0)
    rows, pre, post = _keep(rows, found, said, "have a side in no segment"), pre[found], post[found]
    if rules.autapses == "drop":
        other = pre != post
        rows, pre, post = _keep(rows, other, said, "join a segment to itself"), pre[other], post[other]
    if rules.duplicate_nm:
        single = ~_duplicates(synapses, rows, pre, post, rules.duplicate_nm)
        rows, pre, post = _keep(rows, single, said, "repeat another synapse"), pre[single], post[single]
    return _assemble(volume, grid, (pre, post), rules, somata_nm, said, name, source)


def _demand(volume: Volume, synapses: Synapses, rules: Rules) -> None:
    """Raise, before anything is read, for what cannot become a connectome."""
    if volume.dtype.kind not in "iub":
        raise ConnectomeError(
            f"The volume holds numbers of type {volume.dtype}, but labels are whole numbers; if it holds the probability of "
            "a membrane, add --from-membrane."
        )
    if not len(synapses):
        raise ConnectomeError("There are no annotated synapses; a connectome needs at least one.")
    if rules.threshold is not None and not len(synapses.score):
        raise ConnectomeError(
            f"A threshold of {rules.threshold:g} was given, but the synapses have no score; leave it out."
        )


def _keep(rows: Int[ndarray, " row"], good: Bool[ndarray, " row"], said: list[str], why: str) -> Int[ndarray, " kept"]:
    """The good rows; how many were not is said."""
    if not good.all():
        said.append(f"{np.count_nonzero(~good):,} of {len(rows):,} annotated synapses {why} and are left out.")
    return np.asarray(rows[good])


def _misplaced(volume: Volume, grid: Grid, synapses: Synapses, rows: Int[ndarray, " row"], n: int) -> str:
    """What is wrong with points outside the volume: another order of axes or another unit, where that explains them all."""
    points = np.concatenate([synapses.pre_nm, synapses.post_nm])
    hint = 'correct the offset, or leave them out with outside="drop" (--outside drop)'
    for order in list(permutations(range(3)))[1:]:
        if inside(volume, grid.places(points[:, list(order)])).all():
            names = "".join("xyz"[axis] for axis in order)
            hint = f"read in the order {names} all would lie inside, so check the order of the columns and --axes"
    for unit, factor in (("um", 1e3), ("voxel", np.array(grid.voxel_nm))):
        if inside(volume, grid.places(points * factor)).all():
            hint = f"taken as {unit} instead of nm all would lie inside, so check --unit"
    low = np.array(grid.offset_nm)
    high = low + np.array(grid.voxel_nm) * np.array(volume.shape)
    extent = " x ".join(f"{a / 1e3:g} to {b / 1e3:g}" for a, b in zip(low, high, strict=True))
    return f"{len(rows):,} of {n:,} synapses have a side outside the volume, which spans {extent} µm; {hint}."


def _ends(
    volume: Volume, grid: Grid, places: Sequence[Float[ndarray, "row 3"]], reach_nm: float, said: list[str]
) -> tuple[Int[ndarray, " row"], Int[ndarray, " row"]]:
    """Segments of the sending and the receiving side, 0 where there is none within reach."""
    both = np.concatenate(places)
    n = len(both) // 2
    direct = labels_at(volume, np.floor(both).astype(np.int64))
    label = direct.copy()
    if reach_nm:
        for side in (slice(0, n), slice(n, 2 * n)):
            lost = np.flatnonzero(direct[side] == 0)
            partner = np.roll(label, n)[side]
            near = nearest_labels(volume, grid, both[side][lost], reach_nm, partner[lost])
            label[side][lost] = near
    if moved := int(np.count_nonzero(label != direct)):
        said.append(f"{moved:,} of {2 * n:,} sides lay on the background and went to a segment within {reach_nm:g} nm.")
    return label[:n], label[n:]


def _duplicates(
    synapses: Synapses,
    rows: Int[ndarray, " row"],
    pre: Int[ndarray, " row"],
    post: Int[ndarray, " row"],
    distance_nm: float,
) -> Bool[ndarray, " row"]:
    """Which rows repeat one of their edge that is kept: best score first, earlier row first among equals."""
    if not len(rows):
        return np.zeros(0, dtype=bool)
    _, edge = np.unique(np.stack([pre, post]), axis=1, return_inverse=True)
    # The edge as a fourth coordinate, so far apart that only rows of one edge are near.
    place = np.column_stack([synapses.pre_nm[rows], edge.ravel() * 4.0 * distance_nm])
    pairs = cKDTree(place).query_pairs(distance_nm, output_type="ndarray")
    apart = np.linalg.norm(synapses.post_nm[rows[pairs[:, 0]]] - synapses.post_nm[rows[pairs[:, 1]]], axis=1)
    score = synapses.score[rows] if len(synapses.score) else np.zeros(len(rows))
    rank = np.empty(len(rows), dtype=np.int64)
    rank[np.lexsort((rows, -score))] = np.arange(len(rows))
    pairs = pairs[apart <= distance_nm]
    better = np.where(rank[pairs[:, 0]] < rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    worse = pairs.sum(axis=1) - better
    repeated = np.zeros(len(rows), dtype=bool)
    for i in np.argsort(rank[better], kind="stable"):
        if not repeated[better[i]]:
            repeated[worse[i]] = True
    return repeated


def _assemble(
    volume: Volume,
    grid: Grid,
    ends: tuple[Int[ndarray, " row"], Int[ndarray, " row"]],
    rules: Rules,
    somata_nm: Float[ndarray, "soma 3"] | None,
    said: list[str],
    name: str,
    source: Source,
) -> Connectome:
    """Neurons and edges of the synapses that are left, orphans treated as the rules say."""
    ids, voxels = segment_sizes(volume)
    orphan = voxels * grid.voxel_um3 < rules.smallest_um3
    xyz_um = np.full((len(ids), 3), np.nan)
    if somata_nm is not None:
        n_somata, xyz_um = _somata(volume, grid, ids, somata_nm, said)
        orphan |= n_somata == 0
    pre, post = (np.searchsorted(ids, end) for end in ends)
    kept = np.flatnonzero(~orphan)
    if orphan.any():
        joined = np.union1d(pre, post)
        touching = joined[orphan[joined]]
        involved = orphan[pre] | orphan[post]
        fate = {"keep": "are kept", "drop": "are left out", "merge": "are merged into one"}[rules.orphans]
        said.append(
            f"{np.count_nonzero(orphan):,} of {len(ids):,} segments are orphans, smaller than {rules.smallest_um3:g} µm³"
            f"{' or without a soma' if somata_nm is not None else ''}; the {len(touching):,} with a synapse {fate}, "
            f"with {np.count_nonzero(involved):,} of {len(pre):,} synapses."
        )
        if rules.orphans == "keep":
            kept = np.sort(np.concatenate([kept, touching]))
        elif rules.orphans == "drop":
            pre, post = pre[~involved], post[~involved]
    row = np.full(len(ids), len(kept), dtype=np.int64)  # orphans that are merged come after all others
    row[kept] = np.arange(len(kept))
    merged = rules.orphans == "merge" and bool(orphan.any())
    table_ids = np.append(ids[kept], 0) if merged else ids[kept]
    labels = Labels(
        name=[str(i) if i else FRAGMENT for i in table_ids],
        role=["unknown"] * len(table_ids),
        neuron_class=[*np.where(orphan[kept], ORPHAN, ""), *([FRAGMENT] if merged else [])],
    )
    xyz_um = np.concatenate([xyz_um[kept], np.full((int(merged), 3), np.nan)])
    if not len(pre):
        raise ConnectomeError(f"No synapse of {name} is left: {' '.join(said)} Relax a rule, or check units and axes.")
    pairs, count = np.unique(row[pre] * len(table_ids) + row[post], return_counts=True)
    edges = Edges(pairs // len(table_ids), pairs % len(table_ids), count.astype(np.int64), 0, 0)
    said.append("Transmitters, signs, roles and sides are not known.")
    source = replace(source, lossy=" ".join(filter(None, [source.lossy, *said])))
    return chemical(name, neuron_table(table_ids, labels, xyz_um), edges, Categorical.of([""] * len(table_ids)), source)


def _somata(
    volume: Volume, grid: Grid, ids: Int[ndarray, " segment"], somata_nm: Float[ndarray, "soma 3"], said: list[str]
) -> tuple[Int[ndarray, " segment"], Float[ndarray, "segment 3"]]:
    """Somata in each segment, and where they are on average (µm); those that lie in none, and segments with several, are said."""
    places = grid.places(somata_nm)
    good = inside(volume, places)
    label = np.zeros(len(places), dtype=np.int64)
    label[good] = labels_at(volume, np.floor(places[good]).astype(np.int64))
    row = np.searchsorted(ids, label[label > 0])
    n = np.bincount(row, minlength=len(ids))
    if lost := int(np.count_nonzero(label == 0)):
        said.append(f"{lost:,} of {len(label):,} somata lie in no segment.")
    if several := int(np.count_nonzero(n > 1)):
        said.append(f"{several:,} segments hold two somata or more and are probably two neurons or more.")
    total = np.stack([np.bincount(row, weights=axis, minlength=len(ids)) for axis in somata_nm[label > 0].T], axis=1)
    xyz_um = np.full((len(ids), 3), np.nan)
    xyz_um[n > 0] = total[n > 0] / n[n > 0, None] / 1e3
    return n, xyz_um

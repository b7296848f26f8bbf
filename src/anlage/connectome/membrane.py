"""A baseline from the probability of a membrane to segments: watershed, agglomeration, and blocks stitched where they overlap.

It is the plain form of what reconstruction pipelines do (distance-transform watershed: Beier et al. 2017, Nature Methods 14:101;
agglomeration by the mean of the boundary: Funke et al. 2019, IEEE TPAMI 41:1669), there to be compared with, not to win.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy import ndarray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from anlage.connectome.volume import Box, Grid, Triple, Volume, boxes
from anlage.errors import ConnectomeError, DependencyMissing

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Decisions of the baseline.

    ``inside``: probability of a membrane below which a voxel is taken for cytoplasm. ``seed_nm``: a supervoxel grows from each
    place that is farther than this from any membrane and than all within as much around it. ``join``: supervoxels whose common
    boundary has a mean probability below this become one; 0 joins none. ``block`` and ``overlap`` in voxels: what is segmented
    at once, and by how much it reaches into its neighbours on each side. ``agree``: two pieces in the overlap of two blocks are
    the same when they share more than this part of each.
    """

    inside: float = 0.5
    seed_nm: float = 48.0
    join: float = 0.4
    block: Triple = (256, 256, 128)
    overlap: Triple = (24, 24, 12)
    agree: float = 0.5

    def __post_init__(self) -> None:
        if not (0 < self.inside <= 1 and 0 <= self.join <= 1 and 0.5 <= self.agree < 1 and self.seed_nm > 0):
            raise ConnectomeError(
                f"The baseline has inside {self.inside}, join {self.join}, agree {self.agree} and seed_nm {self.seed_nm}, but "
                "probabilities lie between 0 and 1, agree between 0.5 and 1, and a distance is positive."
            )
        if min(self.overlap) < 1 or any(b <= 2 * o for b, o in zip(self.block, self.overlap, strict=True)):
            raise ConnectomeError(
                f"Blocks of {self.block} voxels overlap by {self.overlap}, but the overlap must be at least 1 voxel and less "
                "than half a block."
            )


def segment_membrane(
    membrane: Volume,
    grid: Grid,
    labels: Shaped[ndarray, "x y z"],
    rules: Baseline | None = None,
    *,
    progress: Progress | None = None,
) -> int:
    """Write segments 1, 2, ... of a membrane probability (0 to 1, or 0 to 255 as bytes) into ``labels``; how many there are.

    ``labels`` is an int64 array, which may be a memory-mapped file: one block and the overlaps of one layer of blocks are in
    memory. No voxel is left on the background; a membrane is shared out between the segments beside it.

    Raises ``DependencyMissing`` without scikit-image; ``ConnectomeError`` when the numbers are no probabilities.
    """
    rules = rules or Baseline()
    cores = list(boxes(membrane.shape, rules.block))
    grids = [range((size + step - 1) // step) for size, step in zip(membrane.shape, rules.block, strict=True)]
    waiting: dict[tuple[Triple, int], Int[ndarray, "x y z"]] = {}
    same: list[Int[ndarray, "pair 2"]] = []
    n = 0
    for number, ((i, j, k), core) in enumerate(zip(product(*grids), cores, strict=True)):
        place = (i, j, k)
        wide = _widened(core, rules.overlap, membrane.shape)
        found = segment_block(_probability(membrane.read(wide)), grid.voxel_nm, rules) + n
        n = int(found.max())
        labels[core] = found[_within(core, wide)]
        for axis in range(3):
            if place[axis]:
                below = waiting.pop((place, axis))
                same.append(matching(below, found[_shared(core, wide, axis, rules.overlap, upper=False)], rules.agree))
            if place[axis] < len(grids[axis]) - 1:
                x, y, z = (p + (a == axis) for a, p in enumerate(place))
                waiting[(x, y, z), axis] = found[_shared(core, wide, axis, rules.overlap, upper=True)].copy()
        if progress:
            progress("blocks", number + 1, len(cores))
    return _renumber(labels, cores, np.concatenate([np.zeros((0, 2), dtype=np.int64), *same]), n)


def segment_block(
    probability: Float[ndarray, "x y z"], voxel_nm: tuple[float, float, float], rules: Baseline
) -> Int[ndarray, "x y z"]:
    """Segments 1, 2, ... of a block in memory: watershed from the places far from membranes, then agglomeration."""
    watershed = _skimage().segmentation.watershed
    inside = probability < rules.inside
    if not inside.any() or inside.all():
        return np.ones(probability.shape, dtype=np.int64)
    # Beyond the membrane's edge the distance goes on below zero, so that floods meet in the middle of a membrane.
    distance = ndimage.distance_transform_edt(inside, sampling=voxel_nm)
    distance -= ndimage.distance_transform_edt(~inside, sampling=voxel_nm)
    distance = ndimage.gaussian_filter(distance, [0.25 * rules.seed_nm / size for size in voxel_nm])
    around = [2 * int(np.ceil(rules.seed_nm / size)) + 1 for size in voxel_nm]
    peaks = (distance == ndimage.maximum_filter(distance, size=around)) & (distance > rules.seed_nm)
    seeds, n = ndimage.label(peaks, structure=np.ones((3, 3, 3)))
    if n == 0:
        seeds, n = ndimage.label(inside)
    supervoxels = watershed(-distance, seeds).astype(np.int64)
    pairs, total, area = boundaries(supervoxels, probability, voxel_nm)
    return np.asarray(agglomerate(n, pairs, total, area, rules.join)[supervoxels])


def boundaries(
    labels: Int[ndarray, "x y z"], probability: Float[ndarray, "x y z"], voxel_nm: tuple[float, float, float]
) -> tuple[Int[ndarray, "pair 2"], Float[ndarray, " pair"], Float[ndarray, " pair"]]:
    """Pairs of labels that touch, the smaller first; the integral of the probability over their boundary, and its area (nm²)."""
    pairs, values, areas = [], [], []
    for axis in range(3):
        n = labels.shape[axis]
        low, high = (np.take(labels, range(*ends), axis=axis) for ends in ((0, n - 1), (1, n)))
        face = low != high
        mean = np.take(probability, range(n - 1), axis=axis) + np.take(probability, range(1, n), axis=axis)
        pairs.append(np.sort(np.stack([low[face], high[face]], axis=1), axis=1))
        values.append(mean[face] / 2)
        areas.append(np.full(np.count_nonzero(face), np.prod(voxel_nm) / voxel_nm[axis]))
    pair, value, area = np.concatenate(pairs), np.concatenate(values), np.concatenate(areas)
    width = int(labels.max()) + 1
    key, inverse = np.unique(pair[:, 0] * width + pair[:, 1], return_inverse=True)
    sums = (np.bincount(inverse, weights=weights, minlength=len(key)) for weights in (value * area, area))
    total, surface = (np.asarray(each, dtype=np.float64) for each in sums)
    return np.stack([key // width, key % width], axis=1), total, surface


def agglomerate(
    n: int,
    pairs: Int[ndarray, "pair 2"],
    total: Float[ndarray, " pair"],
    area: Float[ndarray, " pair"],
    join: float,
) -> Int[ndarray, " label"]:
    """Join the pair with the lowest mean along its boundary, which is then measured anew, until no mean is below ``join``.

    The new label of each of 0 ... ``n``, counted from 1 in the order of their first members; 0 stays 0.
    """
    sides: list[dict[int, list[float]]] = [{} for _ in range(n + 1)]
    for (a, b), t, s in zip(pairs.tolist(), total.tolist(), area.tolist(), strict=True):
        sides[a][b] = sides[b][a] = [t, s]
    queue = [(side[0] / side[1], a, b) for a, near in enumerate(sides) for b, side in near.items() if a < b]
    heapq.heapify(queue)
    into = np.arange(n + 1)
    while queue and queue[0][0] < join:
        mean, a, b = heapq.heappop(queue)
        side = sides[a].get(b)
        if side is None or side[0] / side[1] != mean:
            continue  # one of the two was joined since
        into[b] = a
        del sides[a][b], sides[b][a]
        for c, (t, s) in sides[b].items():
            del sides[c][b]
            old = sides[a].get(c, [0.0, 0.0])
            sides[a][c] = sides[c][a] = new = [old[0] + t, old[1] + s]
            heapq.heappush(queue, (new[0] / new[1], min(a, c), max(a, c)))
        sides[b] = {}
    while (into[into] != into).any():
        into = into[into]
    return np.searchsorted(np.unique(into), into)


def matching(one: Int[ndarray, "x y z"], other: Int[ndarray, "x y z"], agree: float) -> Int[ndarray, "pair 2"]:
    """Pairs of labels that are the same segment, seen in one place by two blocks.

    What is compared are the connected pieces of each label in this place, since a neuron may pass through it several times.
    """
    if not one.size:
        return np.zeros((0, 2), dtype=np.int64)
    pieces = [_pieces(part) for part in (one, other)]
    width = int(pieces[1].max()) + 1
    key, first, both = np.unique(pieces[0].ravel() * width + pieces[1].ravel(), return_index=True, return_counts=True)
    sizes = [np.bincount(part.ravel()) for part in pieces]
    larger = np.maximum(sizes[0][key // width], sizes[1][key % width])
    where = first[both > agree * larger]
    return np.unique(np.stack([one.ravel()[where], other.ravel()[where]], axis=1), axis=0)


def _pieces(labels: Int[ndarray, "x y z"]) -> Int[ndarray, "x y z"]:
    """Connected pieces of equal label, numbered."""
    return np.asarray(_skimage().measure.label(labels, connectivity=1, background=-1), dtype=np.int64)


def _renumber(labels: Shaped[ndarray, "x y z"], cores: list[Box], same: Int[ndarray, "pair 2"], n: int) -> int:
    """Give the parts of one segment one label, and count the labels without gaps; how many there are."""
    graph = coo_array((np.ones(len(same), dtype=bool), (same[:, 0], same[:, 1])), shape=(n + 1, n + 1))
    _, root = connected_components(graph, directed=False)
    used = np.unique(np.concatenate([np.unique(root[labels[core]]) for core in cores]))
    for core in cores:
        labels[core] = np.searchsorted(used, root[labels[core]]) + 1
    return len(used)


def _probability(part: Shaped[ndarray, "x y z"]) -> Float[ndarray, "x y z"]:
    scale = 255.0 if part.dtype == np.uint8 else 1.0
    probability = part.astype(np.float32) / scale
    if not (np.isfinite(probability).all() and probability.min() >= 0 and probability.max() <= 1):
        raise ConnectomeError(
            f"The membrane volume holds numbers from {part.min()} to {part.max()} of type {part.dtype}, but a probability lies "
            "between 0 and 1 (or 0 and 255 as bytes); scale it."
        )
    return probability


def _widened(core: Box, overlap: Triple, shape: Triple) -> Box:
    x, y, z = (slice(max(s.start - o, 0), min(s.stop + o, n)) for s, o, n in zip(core, overlap, shape, strict=True))
    return x, y, z


def _within(inner: Box, outer: Box) -> Box:
    x, y, z = (slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))
    return x, y, z


def _shared(core: Box, wide: Box, axis: int, overlap: Triple, *, upper: bool) -> Box:
    """Where a block and its neighbour along ``axis`` both look, in the block's own numbers: both sides of their common face."""
    face = core[axis].stop if upper else core[axis].start
    shared = list(core)
    shared[axis] = slice(max(face - overlap[axis], wide[axis].start), min(face + overlap[axis], wide[axis].stop))
    return _within((shared[0], shared[1], shared[2]), wide)


def _skimage() -> Any:
    try:
        import skimage.measure
        import skimage.segmentation
    except ImportError as error:
        raise DependencyMissing(
            "Segmenting membranes needs scikit-image, which is not installed; run `pip install 'anlage[scan]'`."
        ) from error
    return skimage

"""Which segment of a labelled volume a point lies in, which one is near, and how large each is; one block in memory at a time."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from anlage.connectome.volume import Box, Grid, Volume, block_shape, boxes, whole_labels


def labels_at(volume: Volume, voxels: Int[ndarray, "point 3"]) -> Int[ndarray, " point"]:
    """The label of each voxel. Every block that holds a point is read once, no other is read."""
    found = np.zeros(len(voxels), dtype=np.int64)
    for rows, box in _by_block(volume, voxels):
        part = whole_labels(volume.read(box))
        x, y, z = (voxels[rows] - _corner(box)).T
        found[rows] = part[x, y, z]
    return found


def nearest_labels(
    volume: Volume,
    grid: Grid,
    places: Float[ndarray, "point 3"],
    reach_nm: float,
    forbidden: Int[ndarray, " point"],
) -> Int[ndarray, " point"]:
    """The segment nearest to each point within ``reach_nm``, other than its ``forbidden`` one; 0 where there is none.

    ``places`` are in voxels from the corner of the volume, and the distance is from the point to the nearest side of a voxel
    of the segment. Of two segments that are equally near the smaller label is taken.
    """
    size = np.array(grid.voxel_nm)
    margin = np.ceil(reach_nm / size).astype(np.int64)
    limit = np.array(volume.shape)
    found = np.zeros(len(places), dtype=np.int64)
    for rows, box in _by_block(volume, np.floor(places).astype(np.int64)):
        low = np.maximum(_corner(box) - margin, 0)
        high = np.minimum([s.stop for s in box] + margin, limit)
        part = whole_labels(volume.read((slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))))
        for row in rows:
            near = np.maximum(np.floor(places[row]).astype(np.int64) - margin, low)
            far = np.minimum(np.floor(places[row]).astype(np.int64) + margin + 1, high)
            (x, y, z), (to_x, to_y, to_z) = near - low, far - low
            window = part[x:to_x, y:to_y, z:to_z]
            gaps = [_gap(places[row, i], range(near[i], far[i])) * size[i] for i in range(3)]
            squared = gaps[0][:, None, None] ** 2 + gaps[1][:, None] ** 2 + gaps[2] ** 2
            allowed = (window != 0) & (window != forbidden[row]) & (squared <= reach_nm**2)
            if allowed.any():
                found[row] = window[allowed & (squared == squared[allowed].min())].min()
    return found


def segment_sizes(volume: Volume) -> tuple[Int[ndarray, " segment"], Int[ndarray, " segment"]]:
    """Every label but 0, in ascending order, and how many voxels carry it; each block is read once."""
    labels, counts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    for box in boxes(volume.shape, block_shape(volume)):
        here, n = _counted(whole_labels(volume.read(box)))
        labels, inverse = np.unique(np.concatenate([labels, here]), return_inverse=True)
        total = np.zeros(len(labels), dtype=np.int64)
        np.add.at(total, inverse, np.concatenate([counts, n]))
        counts = total
    return labels[labels != 0], counts[labels != 0]


def _counted(part: Int[ndarray, "x y z"]) -> tuple[Int[ndarray, " label"], Int[ndarray, " label"]]:
    """Labels that occur and how often; by counting instead of sorting where they are small numbers."""
    if int(part.max()) <= 4 * part.size:
        counts = np.bincount(part.ravel())
        here = np.flatnonzero(counts)
        return here, counts[here]
    labels, counts = np.unique(part, return_counts=True)
    return labels, counts


def inside(volume: Volume, places: Float[ndarray, "point 3"]) -> Bool[ndarray, " point"]:
    """Which points lie in the volume; the upper sides belong to the next voxel, which is outside."""
    return np.asarray(((places >= 0) & (places < np.array(volume.shape))).all(axis=1))


def _by_block(volume: Volume, voxels: Int[ndarray, "point 3"]) -> Iterator[tuple[Int[ndarray, " row"], Box]]:
    """The points of each block that holds any, as rows, and the block's box."""
    if not len(voxels):
        return
    step = np.array(block_shape(volume))
    block = voxels // step
    order = np.lexsort(block.T[::-1])
    starts = np.flatnonzero((np.diff(block[order], axis=0) != 0).any(axis=1)) + 1
    for rows in np.split(order, starts):
        low = block[rows[0]] * step
        x, y, z = (slice(int(a), int(min(a + s, n))) for a, s, n in zip(low, step, volume.shape, strict=True))
        yield rows, (x, y, z)


def _corner(box: Box) -> Int[ndarray, " 3"]:
    return np.array([s.start for s in box], dtype=np.int64)


def _gap(place: float, voxels: range) -> Float[ndarray, " voxel"]:
    """Distance in voxels from a place on an axis to each of its ``voxels``; 0 within one."""
    lower = np.array(voxels, dtype=np.float64)
    return np.maximum(np.maximum(lower - place, place - lower - 1), 0.0)

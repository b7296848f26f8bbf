"""From labels and points to a connectome: against brute force, a counting reader, and tables whose answer is known by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import ndarray
from scipy.spatial.distance import cdist

from anlage.connectome.annotation import Synapses, in_nm, read_somata, read_synapses
from anlage.connectome.lookup import labels_at, nearest_labels, segment_sizes
from anlage.connectome.segment import Rules, connect
from anlage.connectome.volume import ArrayVolume, Box, Grid, Triple, block_shape, boxes
from anlage.errors import ConnectomeError, UnknownName

GRID = Grid((4.0, 4.0, 40.0), (100.0, 0.0, -40.0))


@dataclass(frozen=True)
class Counting:
    """A volume that remembers what it was asked for."""

    array: ndarray
    chunk: Triple = (32, 32, 32)
    asked: list[Box] = field(default_factory=list)

    @property
    def shape(self) -> Triple:
        return self.array.shape  # type: ignore[return-value]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def read(self, box: Box) -> ndarray:
        self.asked.append(box)
        return self.array[box]


def synapses(
    pre: Sequence[Sequence[float]], post: Sequence[Sequence[float]], score: Sequence[float] = (), grid: Grid = GRID
) -> Synapses:
    """Points given in voxels."""
    ends = [in_nm(np.array(p, dtype=float).reshape(-1, 3), "voxel", grid) for p in (pre, post)]
    return Synapses(*ends, np.array(score, dtype=float))


def stripes() -> ndarray:
    """Segments 1 to 4, three voxels wide along x, a background voxel between two."""
    labels = np.zeros((16, 8, 6), dtype=np.uint32)
    for i in range(4):
        labels[4 * i : 4 * i + 3] = i + 1
    return labels


def edges(c: Any) -> dict[tuple[int, int], int]:
    ids = c.neurons.id
    return {(int(ids[a]), int(ids[b])): int(n) for a, b, n in zip(c.pre, c.post, c.synapse_count, strict=True)}


X = {1: 1.5, 2: 5.5, 3: 9.5, 4: 13.5}  # the middle of each stripe


def at(label: int, y: float = 4.5, z: float = 3.5) -> list[float]:
    return [X[label], y, z]


def test_points_become_edges_by_the_labels_that_they_lie_in() -> None:
    given = synapses([at(1), at(1, 2), at(3)], [at(2), at(2, 6), at(1)])
    c = connect(ArrayVolume(stripes()), GRID, given, name="mine")
    assert edges(c) == {(1, 2): 2, (3, 1): 1}
    assert c.neurons.id.tolist() == [1, 2, 3, 4]  # isolated ones included
    assert c.source.lossy == "Transmitters, signs, roles and sides are not known."


def test_labels_agree_with_indexing_whatever_the_chunks() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 1000, (90, 70, 50))
    voxels = np.stack([rng.integers(0, n, 500) for n in labels.shape], axis=1)
    for chunk in ((64, 64, 64), (7, 90, 11), (200, 1, 1)):
        found = labels_at(ArrayVolume(labels, chunk), voxels)
        assert np.array_equal(found, labels[tuple(voxels.T)])


def test_the_nearest_segment_is_the_one_of_brute_force() -> None:
    rng = np.random.default_rng(2)
    labels = np.where(rng.random((40, 40, 20)) < 0.01, rng.integers(1, 9, (40, 40, 20)), 0)
    grid, reach = Grid((4.0, 5.0, 30.0)), 14.0
    size = np.array(grid.voxel_nm)
    places = rng.random((80, 3)) * labels.shape
    forbidden = rng.integers(0, 9, 80)
    voxels = np.argwhere(labels)
    # Many points inside a voxel stand for it: the nearest place of a cuboid is the point, clipped to the cuboid.
    nearest = np.clip(places[:, None], voxels[None], voxels[None] + 1)
    apart = np.linalg.norm((nearest - places[:, None]) * size, axis=2)
    expected = []
    for row, no in zip(apart, forbidden, strict=True):
        allowed = (labels[tuple(voxels.T)] != no) & (row <= reach)
        best = np.flatnonzero(allowed & (row == row[allowed].min())) if allowed.any() else []
        expected.append(min((labels[tuple(voxels[i])] for i in best), default=0))
    assert 0 in expected and len(set(expected)) > 5
    for chunk in ((64, 64, 64), (16, 16, 16)):
        found = nearest_labels(ArrayVolume(labels, chunk), grid, places, reach, forbidden)
        assert found.tolist() == expected


def test_every_block_is_read_once_for_points_and_once_for_sizes_and_none_is_the_whole_volume() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 50, (256, 256, 256), dtype=np.uint16)
    volume = Counting(labels)
    step = np.array(block_shape(volume))  # whole chunks
    assert (step % 32 == 0).all() and np.prod(step) <= labels.size / 16
    voxels = np.stack([rng.integers(0, n, 40) for n in (256, 60, 256)], axis=1)
    labels_at(volume, voxels)
    touched = {tuple(v // step) for v in voxels}
    assert len(volume.asked) == len(touched)
    volume.asked.clear()
    ids, n = segment_sizes(volume)
    assert n.tolist() == np.bincount(labels.ravel())[1:].tolist() and ids.tolist() == list(range(1, 50))
    read = np.zeros(labels.shape, dtype=np.uint8)
    for box in volume.asked:
        assert np.prod([s.stop - s.start for s in box]) <= np.prod(step)
        read[box] += 1
    assert (read == 1).all()


def test_boxes_fill_a_volume_without_overlap() -> None:
    seen = np.zeros((10, 7, 5), dtype=int)
    for box in boxes(seen.shape, (4, 7, 2)):
        seen[box] += 1
    assert (seen == 1).all()


def test_offset_and_voxel_size_place_the_points() -> None:
    # The corner of voxel (5, 0, 0) lies at 100 + 5 * 4 nm along x; a hair below belongs to voxel 4.
    points = np.array([[120.0, 1, -39], [119.999, 1, -39]])
    assert np.floor(GRID.places(points)).tolist() == [[5, 0, 0], [4, 0, 0]]
    assert pytest.approx(4 * 4 * 40 * 1e-9) == GRID.voxel_um3
    assert in_nm(np.array([[1.0, 2, 3]]), "um", GRID).tolist() == [[1000, 2000, 3000]]


def test_a_point_on_the_background_goes_to_the_nearest_segment_but_not_to_its_partners() -> None:
    # x = 3.2 lies in the gap, nearer to segment 1 (3.0) than to 2 (4.0).
    given = synapses([at(1), [3.2, 4.5, 3.5], [3.2, 4.5, 3.5]], [[3.2, 4.5, 3.5], at(1), at(4)])
    volume = ArrayVolume(stripes())
    c = connect(volume, GRID, given, Rules(reach_nm=10.0), name="mine")
    assert edges(c) == {(1, 2): 1, (2, 1): 1, (1, 4): 1}
    assert "3 of 6 sides lay on the background and went to a segment within 10 nm." in c.source.lossy
    near = connect(volume, GRID, given, Rules(reach_nm=2.0), name="mine")  # 0.8 nm is within reach, 3.2 nm is not
    assert edges(near) == {(1, 4): 1}
    assert "2 of 3 annotated synapses have a side in no segment and are left out." in near.source.lossy


def test_where_both_sides_lie_on_the_background_they_go_to_different_segments() -> None:
    given = synapses([[3.2, 4, 3]], [[3.3, 4, 3]])
    assert edges(connect(ArrayVolume(stripes()), GRID, given, Rules(reach_nm=10.0), name="mine")) == {(1, 2): 1}


def test_scores_autapses_and_points_outside_are_left_out_and_counted() -> None:
    given = synapses(
        [at(1), at(1), at(2), at(3), [99, 1, 1]], [at(2), at(3), at(2), at(4), at(1)], [0.9, 0.2, 0.8, 0.5, 1]
    )
    volume = ArrayVolume(stripes())
    c = connect(volume, GRID, given, Rules(threshold=0.5, outside="drop"), name="mine")
    assert edges(c) == {(1, 2): 1, (3, 4): 1}  # a score at the threshold counts
    assert c.source.lossy.startswith(
        "1 of 5 annotated synapses score below 0.5 and are left out. 1 of 4 annotated synapses lie outside the volume and are "
        "left out. 1 of 3 annotated synapses join a segment to itself and are left out."
    )
    kept = connect(volume, GRID, given, Rules(autapses="keep", outside="drop"), name="mine")
    assert edges(kept) == {(1, 2): 1, (1, 3): 1, (2, 2): 1, (3, 4): 1}


def test_duplicates_are_those_of_greedy_suppression_by_score() -> None:
    rng = np.random.default_rng(4)
    n, distance = 120, 60.0
    pre, post = (rng.random((n, 3)) * [2.9, 8, 6] + [4 * 0, 0, 0] for _ in range(2))
    post[:, 0] += 4 * rng.integers(1, 3, n)
    given = synapses(pre, post, rng.random(n).round(1))
    labels = stripes()
    segment = labels[tuple(np.floor(post).astype(int).T)]
    apart = [cdist(p, p) for p in (given.pre_nm, given.post_nm)]
    kept: list[int] = []
    for i in sorted(range(n), key=lambda i: (-given.score[i], i)):
        if not any(segment[i] == segment[j] and max(a[i, j] for a in apart) <= distance for j in kept):
            kept.append(i)
    expected = {(1, int(s)): int(np.sum(segment[kept] == s)) for s in np.unique(segment)}
    assert 5 < len(kept) < n - 20
    c = connect(ArrayVolume(labels), GRID, given, Rules(duplicate_nm=distance), name="mine")
    assert edges(c) == expected
    assert f"{n - len(kept)} of {n} annotated synapses repeat another synapse and are left out." in c.source.lossy


def orphaned(orphans: str) -> Any:
    labels = stripes()
    labels[12:15] = 0
    labels[13, 4, 3] = 4  # one voxel is left of segment 4,
    labels[15, 0, 0] = 5  # and one of segment 5, which has no synapse
    given = synapses([at(1), at(4), at(4)], [at(2), at(2), at(3)])
    smallest = 1.5 * GRID.voxel_um3
    return connect(ArrayVolume(labels), GRID, given, Rules(smallest_um3=smallest, orphans=orphans), name="mine")  # type: ignore[arg-type]


def test_orphans_are_kept_dropped_or_merged_and_counted() -> None:
    kept, dropped, merged = (orphaned(what) for what in ("keep", "drop", "merge"))
    assert edges(kept) == {(1, 2): 1, (4, 2): 1, (4, 3): 1}
    assert kept.neurons.neuron_class.counts() == {"": 3, "orphan": 1}
    assert edges(dropped) == {(1, 2): 1} and dropped.neurons.id.tolist() == [1, 2, 3]
    assert edges(merged) == {(1, 2): 1, (0, 2): 1, (0, 3): 1} and merged.neurons.name == ("1", "2", "3", "fragment")
    assert "2 of 5 segments are orphans" in kept.source.lossy
    assert "the 1 with a synapse are left out, with 2 of 3 synapses." in dropped.source.lossy


def test_a_segment_without_a_soma_is_an_orphan_and_one_with_two_is_said() -> None:
    somata = in_nm(np.array([at(1), at(1, 2, 1), at(2), [3.5, 1, 1]]), "voxel", GRID)
    given = synapses([at(1), at(1)], [at(2), at(3)])
    c = connect(ArrayVolume(stripes()), GRID, given, Rules(orphans="drop"), name="mine", somata_nm=somata)
    assert edges(c) == {(1, 2): 1} and c.neurons.id.tolist() == [1, 2]
    assert c.neurons.xyz_um[0] == pytest.approx((somata[0] + somata[1]) / 2000)
    assert "1 of 4 somata lie in no segment. 1 segments hold two somata or more" in c.source.lossy


def test_what_cannot_be_a_connectome_is_refused_in_one_sentence() -> None:
    volume = ArrayVolume(stripes())
    good = synapses([at(1)], [at(2)])
    with pytest.raises(ConnectomeError, match=r"type float32, but labels are whole numbers.*--from-membrane"):
        connect(ArrayVolume(stripes().astype(np.float32)), GRID, good, name="mine")
    with pytest.raises(ConnectomeError, match="no annotated synapses"):
        connect(volume, GRID, synapses([], []), name="mine")
    with pytest.raises(ConnectomeError, match=r"threshold of 0\.5 was given, but the synapses have no score"):
        connect(volume, GRID, good, Rules(threshold=0.5), name="mine")
    with pytest.raises(ConnectomeError, match="reach from -1 to 4"):
        connect(
            ArrayVolume(stripes().astype(np.int32) - 5 * (stripes() == 4) * (np.arange(6) == 5)), GRID, good, name="m"
        )
    with pytest.raises(ConnectomeError, match="No synapse of mine is left: 1 of 1 annotated synapses score below 3"):
        connect(volume, GRID, synapses([at(1)], [at(2)], [1]), Rules(threshold=3.0), name="mine")
    with pytest.raises(ConnectomeError, match="reach': -1"):
        Rules(reach_nm=-1.0)
    with pytest.raises(ConnectomeError, match="sizes must be positive"):
        Grid((4.0, 4.0, 0.0))
    with pytest.raises(ConnectomeError, match="Synapse 2 has no finite post"):
        Synapses(np.zeros((2, 3)), np.array([[0.0, 0, 0], [0, np.nan, 0]]), np.zeros(0))


def test_points_outside_say_what_would_bring_them_inside() -> None:
    labels = np.ones((40, 10, 4), dtype=np.int64)
    labels[20:] = 2
    grid = Grid((10.0, 10.0, 10.0))
    pre, post = np.array([[150.0, 55, 35]]), np.array([[250.0, 55, 35]])
    connect(ArrayVolume(labels), grid, Synapses(pre, post, np.zeros(0)), name="mine")
    for given, hint in (
        (Synapses(pre[:, ::-1].copy(), post[:, ::-1].copy(), np.zeros(0)), r"in the order zyx all would lie inside"),
        (Synapses(pre + 1000, post, np.zeros(0)), r"1 of 1 synapses have a side outside .* spans 0 to 0\.4 x .*offset"),
    ):
        with pytest.raises(ConnectomeError, match=hint):
            connect(ArrayVolume(labels), grid, given, name="mine")
    far = Grid((10.0, 10.0, 10.0), (5000.0, 5000.0, 5000.0))
    given = Synapses((pre + 5000) / 1000, (post + 5000) / 1000, np.zeros(0))
    with pytest.raises(ConnectomeError, match="taken as um instead of nm"):
        connect(ArrayVolume(labels), far, given, name="mine")


HEADER = "pre_x{0},pre_y{0},pre_z{0},post_x{0},post_y{0},post_z{0},score\n"


def test_tables_of_synapses_state_their_unit(tmp_path: Path) -> None:
    path = tmp_path / "synapses.csv"
    for suffix, unit, factor in (("_nm", None, 1.0), ("_um", None, 1e3), ("", "um", 1e3), ("_um", "um", 1e3)):
        path.write_text(HEADER.format(suffix) + "1,2,3,4,5,6,0.5\n")
        given = read_synapses(path, GRID, unit)
        assert given.pre_nm.tolist() == [[factor, 2 * factor, 3 * factor]] and given.score.tolist() == [0.5]
    path.write_text(HEADER.format("_voxel") + "1,2,3,4,5,6,0.5\n")
    assert read_synapses(path, GRID).pre_nm.tolist() == [[104, 8, 80]]
    path.write_text(HEADER.format("") + "1,2,3,4,5,6,0.5\n")
    with pytest.raises(ConnectomeError, match=r"does not say in which unit pre_x, pre_y and pre_z are.*--unit"):
        read_synapses(path, GRID)
    with pytest.raises(UnknownName, match="no unit called 'mm'"):
        read_synapses(path, GRID, "mm")
    path.write_text(HEADER.format("_nm"))
    with pytest.raises(ConnectomeError, match="a header but no synapse"):
        read_synapses(path, GRID)
    with pytest.raises(ConnectomeError, match="in nm, but the unit given is um"):
        read_synapses(path, GRID, "um")
    path.write_text("x_um,y_um,z_um\n1,2,\n")
    with pytest.raises(ConnectomeError, match="a soma without a number"):
        read_somata(path, GRID)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ConnectomeError, match="no column called 'pre_x'"):
        read_synapses(path, GRID, "nm")

"""Volumes on disk: what tensorstore wrote is read back box by box, with the size that the format states."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from anlage.connectome.volume import ArrayVolume, block_shape, open_volume, whole_labels, written_labels
from anlage.errors import ConnectomeError, DataMissing, DependencyMissing, IntegrityError

ARRAY = np.random.default_rng(0).integers(0, 2**40, (12, 10, 8), dtype=np.uint64)
WHOLE = (slice(0, 12), slice(0, 10), slice(0, 8))


def stored(path: Path, driver: str, array: ndarray = ARRAY) -> Path:
    ts: Any = pytest.importorskip("tensorstore")
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{path}/"}}
    if driver == "neuroglancer_precomputed":
        spec |= {
            "multiscale_metadata": {"type": "segmentation", "data_type": "uint64", "num_channels": 1},
            "scale_metadata": {
                "size": list(array.shape),
                "resolution": [4, 4, 40],
                "voxel_offset": [10, 20, 30],
                "chunk_size": [4, 4, 4],
                "encoding": "compressed_segmentation",
                "compressed_segmentation_block_size": [4, 4, 4],
            },
        }
        store = ts.open(spec, create=True).result()
        store[...] = array[..., None]
        return path
    units = [None] * 3 if driver != "n5" else ["4nm", "4nm", "0.04um"]
    layout = ts.ChunkLayout(read_chunk_shape=[4, 5, 8])
    options = {"dimension_units": units} if driver == "n5" else {}
    store = ts.open(spec, create=True, dtype=array.dtype, shape=array.shape, chunk_layout=layout, **options).result()
    store[...] = array
    return path


@pytest.mark.parametrize("driver", ["zarr", "zarr3", "n5", "neuroglancer_precomputed"])
def test_every_format_is_read_back(tmp_path: Path, driver: str) -> None:
    states = driver in ("n5", "neuroglancer_precomputed")
    volume, grid = open_volume(stored(tmp_path / "v", driver), voxel_nm=() if states else (4.0, 4.0, 40.0))
    assert np.array_equal(volume.read(WHOLE), ARRAY)
    part = (slice(3, 7), slice(0, 2), slice(5, 8))
    assert np.array_equal(volume.read(part), ARRAY[part])
    assert volume.dtype == np.uint64 and volume.shape == (12, 10, 8)
    assert volume.chunk == ((4, 4, 4) if driver == "neuroglancer_precomputed" else (4, 5, 8))
    assert grid.voxel_nm == pytest.approx((4.0, 4.0, 40.0))
    assert grid.offset_nm == ((40, 80, 1200) if driver == "neuroglancer_precomputed" else (0, 0, 0))


def test_axes_are_turned_to_x_y_z_and_sizes_are_along_them(tmp_path: Path) -> None:
    zyx = ARRAY.transpose(2, 1, 0)
    np.save(tmp_path / "v.npy", zyx)
    for path in (tmp_path / "v.npy", stored(tmp_path / "v.zarr", "zarr", zyx)):
        volume, grid = open_volume(path, axes="zyx", voxel_nm=(4.0, 5.0, 40.0))
        assert np.array_equal(volume.read(WHOLE), ARRAY) and grid.voxel_nm == (4.0, 5.0, 40.0)
    # The volume says 4, 4, 40 along its stored axes; stored as zyx, the 40 belongs to x.
    assert open_volume(stored(tmp_path / "v.n5", "n5"), axes="zyx")[1].voxel_nm == pytest.approx((40, 4, 4))
    # Its corner, 10, 20, 30 voxels along the stored axes, is turned with them.
    assert open_volume(stored(tmp_path / "p", "neuroglancer_precomputed"), axes="zyx")[1].offset_nm == (1200, 80, 40)
    yzx = ARRAY.transpose(1, 2, 0)
    np.save(tmp_path / "v.npy", yzx)
    assert np.array_equal(open_volume(tmp_path / "v.npy", axes="yzx", voxel_nm=(1.0, 1.0, 1.0))[0].read(WHOLE), ARRAY)


def test_a_volume_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path) -> None:
    npy = tmp_path / "v.npy"
    np.save(npy, ARRAY)
    with pytest.raises(DataMissing, match="There is no volume"):
        open_volume(tmp_path / "none.zarr", voxel_nm=(4.0, 4.0, 40.0))
    with pytest.raises(ConnectomeError, match=r"does not state its voxel size; add --voxel-nm"):
        open_volume(npy)
    with pytest.raises(ConnectomeError, match="axes are 'xyy'"):
        open_volume(npy, axes="xyy", voxel_nm=(4.0, 4.0, 40.0))
    with pytest.raises(ConnectomeError, match="sizes must be positive"):
        open_volume(npy, voxel_nm=(4.0, -4.0, 40.0))
    with pytest.raises(ConnectomeError, match=r"states voxels of 4 x 4 x 40 nm, but 8 x 8 x 40 was given"):
        open_volume(stored(tmp_path / "p", "neuroglancer_precomputed"), voxel_nm=(8.0, 8.0, 40.0))
    npy.write_bytes(npy.read_bytes()[:500])
    with pytest.raises(IntegrityError, match="truncated"):
        open_volume(npy, voxel_nm=(4.0, 4.0, 40.0))
    np.save(npy, ARRAY[0])
    with pytest.raises(ConnectomeError, match=r"shape \(10, 8\), but a volume has three axes"):
        open_volume(npy, voxel_nm=(4.0, 4.0, 40.0))
    with pytest.raises(IntegrityError, match=r"holds none of \.zarray.*subfolder 0"):
        open_volume(tmp_path, voxel_nm=(4.0, 4.0, 40.0))
    (tmp_path / ".zarray").write_text("{")
    with pytest.raises(IntegrityError, match="cannot be opened as zarr"):
        open_volume(tmp_path, voxel_nm=(4.0, 4.0, 40.0))
    (tmp_path / "v.tif").touch()
    with pytest.raises(IntegrityError, match="no volume that can be read"):
        open_volume(tmp_path / "v.tif", voxel_nm=(4.0, 4.0, 40.0))
    with pytest.raises(ConnectomeError, match=r"but must lie between 0 \(background\) and 2\*\*63"):
        whole_labels(np.full((1, 1, 1), 2**63, dtype=np.uint64))


def test_a_damaged_chunk_is_named_as_such(tmp_path: Path) -> None:
    path = stored(tmp_path / "v", "zarr")
    for chunk in path.glob("*.*.*"):
        chunk.write_bytes(b"nonsense")
    volume, _ = open_volume(path, voxel_nm=(4.0, 4.0, 40.0))
    with pytest.raises(IntegrityError, match="A chunk of the volume cannot be read"):
        volume.read(WHOLE)


def test_without_tensorstore_the_error_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored(tmp_path / "v", "zarr")
    monkeypatch.setitem(sys.modules, "tensorstore", None)
    with pytest.raises(DependencyMissing, match=r"pip install 'anlage\[scan\]'"):
        open_volume(path, voxel_nm=(4.0, 4.0, 40.0))


def test_blocks_are_whole_chunks_and_small_chunks_are_read_together() -> None:
    empty = np.zeros((300, 200, 100), dtype=np.uint8)
    for chunk in ((8, 8, 8), (64, 64, 64), (300, 200, 1), (512, 512, 512)):
        block = block_shape(ArrayVolume(empty, chunk))
        assert all(b % c == 0 for b, c in zip(block, chunk, strict=True))
        assert np.prod(block) >= 2**18 and np.prod(block) <= max(2**19, np.prod(chunk))


def test_labels_that_were_interrupted_leave_no_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "labels.npy"
    with pytest.raises(KeyboardInterrupt), written_labels(path, (2, 3, 4)):
        raise KeyboardInterrupt
    assert list(path.parent.iterdir()) == []
    with written_labels(path, (2, 3, 4)) as labels:
        labels[:] = 7
    assert np.load(path).tolist() == np.full((2, 3, 4), 7).tolist()


def test_a_volume_larger_than_the_memory_allowed_becomes_a_connectome(tmp_path: Path) -> None:
    # 1 GiB of labels that take no room on disk, read with 200 MiB more address space than the imports took.
    code = """
import resource
import numpy as np
from anlage.connectome.annotation import Synapses
from anlage.connectome.segment import connect
from anlage.connectome.volume import Grid, open_volume
from pathlib import Path
import sys
import tensorstore as ts
spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": sys.argv[1] + "/"}}
layout = ts.ChunkLayout(read_chunk_shape=[128] * 3)
made = ts.open(spec, create=True, dtype=ts.uint64, shape=[512, 512, 512], chunk_layout=layout, fill_value=1)
store = made.result()
store[256:384, 0:128, 0:128].write(2).result()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 2**20, used + 200 * 2**20))
volume, grid = open_volume(Path(sys.argv[1]), voxel_nm=(1.0, 1.0, 1.0))
given = Synapses(np.array([[300.5, 50, 50]]), np.array([[10.5, 50, 50]]), np.zeros(0))
c = connect(volume, grid, given, name="large")
print(c.neurons.id.tolist(), c.pre.tolist(), c.post.tolist())
np.ones(store.shape, dtype=np.uint64)
print("all of it fitted")
"""
    pytest.importorskip("tensorstore")
    if not Path("/proc/self/statm").exists():
        pytest.skip("the limit is set from /proc")
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "v")], capture_output=True, text=True, timeout=300)
    assert run.stdout.splitlines() == ["[1, 2] [1] [0]"], run.stderr
    assert "MemoryError" in run.stderr

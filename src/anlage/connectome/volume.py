"""Volumes of voxels that are read box by box, so that one may be larger than memory. Axes are x, y, z throughout."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy import ndarray

from anlage.errors import ConnectomeError, DataMissing, DependencyMissing, IntegrityError

Box = tuple[slice, slice, slice]
Triple = tuple[int, int, int]
STORES = {".zarray": "zarr", "zarr.json": "zarr3", "attributes.json": "n5", "info": "neuroglancer_precomputed"}
"""File that a folder of chunks has at its top -> tensorstore's name for what wrote it."""
BLOCK = 2**18
"""Voxels below which stored chunks are read several at a time; an array that has none is read in cubes of so many."""
NM = {"nm": 1.0, "um": 1e3, "µm": 1e3, "mm": 1e6, "m": 1e9}


@dataclass(frozen=True, slots=True)
class Grid:
    """Where voxels lie: voxel ``i`` of an axis reaches from ``offset_nm + i * voxel_nm`` to ``offset_nm + (i + 1) * voxel_nm``.

    Raises ``ConnectomeError`` when a size is not positive and finite.
    """

    voxel_nm: tuple[float, float, float]
    offset_nm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not (np.isfinite([*self.voxel_nm, *self.offset_nm]).all() and min(self.voxel_nm) > 0):
            raise ConnectomeError(
                f"The voxel size is {self.voxel_nm} nm with offset {self.offset_nm} nm, but sizes must be positive numbers "
                "along x, y and z; look them up in the description of the volume."
            )

    def places(self, points_nm: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Points in voxels, counted from the corner of the volume; the whole part is the voxel's number."""
        return np.asarray((points_nm - np.array(self.offset_nm)) / np.array(self.voxel_nm))

    @property
    def voxel_um3(self) -> float:
        """Volume of a voxel, µm³."""
        return float(np.prod(self.voxel_nm)) * 1e-9


@runtime_checkable
class Volume(Protocol):
    """Numbers on a grid of x, y, z, of which a box is fetched when it is read."""

    @property
    def shape(self) -> Triple:
        """Voxels along x, y and z."""
        ...

    @property
    def chunk(self) -> Triple:
        """Extent of what is stored together, from the origin on; reading along it reads nothing twice."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        ...

    def read(self, box: Box) -> Shaped[ndarray, "x y z"]:
        """The numbers inside a box."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ArrayVolume:
    """A volume in memory or in a memory-mapped file."""

    array: Shaped[ndarray, "x y z"]
    chunk: Triple = (64, 64, 64)

    @property
    def shape(self) -> Triple:
        """Voxels along x, y and z."""
        x, y, z = self.array.shape
        return x, y, z

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        return self.array.dtype

    def read(self, box: Box) -> Shaped[ndarray, "x y z"]:
        """The numbers inside a box."""
        return np.asarray(self.array[box])


@dataclass(frozen=True, slots=True, eq=False)
class StoredVolume:
    """A volume in a folder of compressed chunks, read by tensorstore."""

    store: Any = field(repr=False)

    @property
    def shape(self) -> Triple:
        """Voxels along x, y and z."""
        x, y, z = self.store.shape
        return x, y, z

    @property
    def chunk(self) -> Triple:
        """Extent of a stored chunk, or a cube where the store does not say."""
        x, y, z = (int(n) or 64 for n in self.store.chunk_layout.read_chunk.shape or (0, 0, 0))
        return x, y, z

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        dtype: np.dtype[Any] = np.dtype(self.store.dtype.numpy_dtype)
        return dtype

    def read(self, box: Box) -> Shaped[ndarray, "x y z"]:
        """The numbers inside a box. Raises ``IntegrityError`` when a chunk is damaged."""
        try:
            return np.asarray(self.store[box].read().result())
        except (ValueError, OSError) as error:
            raise IntegrityError(f"A chunk of the volume cannot be read ({_reason(error)}); copy it again.") from error


def open_volume(
    path: Path, *, axes: str = "xyz", voxel_nm: Sequence[float] = (), offset_nm: Sequence[float] = ()
) -> tuple[Volume, Grid]:
    """A volume on disk and its grid: ``.npy``, or a folder of zarr 2 or 3, N5 or Neuroglancer precomputed.

    ``axes`` is the order in which the axes are stored; ``voxel_nm`` and ``offset_nm`` are along x, y, z whatever that order.
    Both may be left out where the volume states them (N5 and precomputed can); a stated size is never overruled.

    Raises ``DataMissing`` without the file, ``DependencyMissing`` without tensorstore for a folder, ``IntegrityError`` when it
    cannot be read, ``ConnectomeError`` when it is not three-dimensional or the voxel size is unknown or contradicted.
    """
    if sorted(axes) != ["x", "y", "z"]:
        raise ConnectomeError(f"The axes are {axes!r}, but must be x, y and z in the order they are stored, as in zyx.")
    if not path.exists():
        raise DataMissing(
            f"There is no volume {path}; give an .npy file or a folder of zarr, N5 or precomputed chunks."
        )
    order = tuple(axes.index(axis) for axis in "xyz")
    if path.is_file():
        array = _mapped(path)
        _demand_three(path, array.shape)
        return ArrayVolume(array.transpose(order)), _grid(path, voxel_nm, offset_nm, (), (0.0, 0.0, 0.0))
    store = _opened(path)
    _demand_three(path, store.shape)
    units = [unit for unit in store.dimension_units if unit is not None and unit.base_unit in NM]
    stated = [unit.multiplier * NM[unit.base_unit] for unit in units] if len(units) == 3 else []
    origin = np.array(store.domain.inclusive_min, dtype=np.float64)
    stated = [stated[i] for i in order] if stated else []
    size = np.array(stated or list(voxel_nm) or [1.0] * 3)
    start = (origin[list(order)] * size).tolist()
    import tensorstore

    store = store[tensorstore.d[:].translate_to[0]].transpose(order)
    return StoredVolume(store), _grid(path, voxel_nm, offset_nm, stated, start)


@contextmanager
def written_labels(path: Path, shape: Triple) -> Iterator[Int[ndarray, "x y z"]]:
    """Labels to be filled in, kept in an .npy file rather than in memory; the file is there when all went well, or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        labels = np.lib.format.open_memmap(part, mode="w+", dtype=np.int64, shape=shape)
        yield labels
        labels.flush()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def boxes(shape: Sequence[int], step: Sequence[int]) -> Iterator[Box]:
    """Boxes of ``step`` voxels that fill a volume of ``shape``; the last along each axis are cut off."""
    starts = (range(0, size, length) for size, length in zip(shape, step, strict=True))
    for corner in product(*starts):
        x, y, z = (slice(low, min(low + length, size)) for low, length, size in zip(corner, step, shape, strict=True))
        yield x, y, z


def block_shape(volume: Volume) -> Triple:
    """What to read at once: whole chunks, as many as make ``BLOCK`` voxels, the block as near a cube as it comes."""
    x, y, z = volume.chunk
    block = [x, y, z]
    while np.prod(block, dtype=np.int64) < BLOCK and any(b < s for b, s in zip(block, volume.shape, strict=True)):
        growing = [i for i in range(3) if block[i] < volume.shape[i]]
        block[min(growing, key=lambda i: block[i])] *= 2
    return block[0], block[1], block[2]


def whole_labels(part: Shaped[ndarray, "x y z"]) -> Int[ndarray, "x y z"]:
    """Labels as int64. Raises ``ConnectomeError`` for fractions, negative labels and those of 2**63 or more."""
    if part.dtype.kind not in "iub":
        raise ConnectomeError(
            f"The volume holds numbers of type {part.dtype}, but labels are whole numbers; if it holds the probability of a "
            "membrane, add --from-membrane."
        )
    if part.size and (int(part.min()) < 0 or int(part.max()) >= 2**63):
        raise ConnectomeError(
            f"The labels reach from {part.min()} to {part.max()}, but must lie between 0 (background) and 2**63; renumber them."
        )
    return part.astype(np.int64)


def _mapped(path: Path) -> ndarray:
    if path.suffix != ".npy":
        raise IntegrityError(
            f"{path} is no volume that can be read; give an .npy file or a folder of zarr, N5 or precomputed."
        )
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise IntegrityError(
            f"{path} cannot be read as an .npy array ({error}); it is truncated or holds no numbers, so export it again."
        ) from error


def _opened(path: Path) -> Any:
    driver = next((driver for file, driver in STORES.items() if (path / file).is_file()), None)
    if driver is None:
        raise IntegrityError(
            f"The folder {path} holds none of {', '.join(STORES)}, so it is no array of zarr, N5 or precomputed; "
            "name the array inside it, such as its subfolder 0 or s0."
        )
    try:
        import tensorstore
    except ImportError as error:
        raise DependencyMissing(
            f"Reading {path} needs tensorstore, which is not installed; run `pip install 'anlage[scan]'`."
        ) from error
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{path}/"}}
    try:
        store = tensorstore.open(spec, open=True, read=True).result()
    except (ValueError, OSError) as error:
        raise IntegrityError(
            f"{path} cannot be opened as {driver} ({_reason(error)}); name the array inside it."
        ) from error
    return store[..., 0] if driver == "neuroglancer_precomputed" and store.shape[-1] == 1 else store


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0].split(" [", 1)[0].rstrip(".")


def _demand_three(path: Path, shape: Sequence[int]) -> None:
    if len(shape) != 3 or 0 in shape:
        raise ConnectomeError(
            f"{path} has the shape {tuple(shape)}, but a volume has three axes with voxels in each; take one channel of it."
        )


def _grid(
    path: Path, voxel_nm: Sequence[float], offset_nm: Sequence[float], stated: Sequence[float], start: Sequence[float]
) -> Grid:
    if not (len(stated) or len(voxel_nm)):
        raise ConnectomeError(f"{path} does not state its voxel size; add --voxel-nm X Y Z in nanometres.")
    if len(stated) and len(voxel_nm) and not np.allclose(stated, voxel_nm):
        raise ConnectomeError(
            f"{path} states voxels of {_sizes(stated)} nm, but {_sizes(voxel_nm)} was given; leave --voxel-nm out, or name "
            "another scale of the volume."
        )
    x, y, z = (float(size) for size in (stated if len(stated) else voxel_nm))
    ox, oy, oz = (float(place) for place in (offset_nm if len(offset_nm) else start))
    return Grid((x, y, z), (ox, oy, oz))


def _sizes(sizes: Sequence[float]) -> str:
    return " x ".join(f"{size:g}" for size in sizes)

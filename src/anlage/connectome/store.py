"""The arrays that travel inside the package, and how any .npz is read: checked, and without pickles."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from numpy import ndarray

from anlage.errors import DataMissing, IntegrityError, UnknownName

SUMS = "SHA256SUMS"

# Everything that zipfile, zlib and numpy raise when handed bytes that are cut off, changed, or never were an .npz.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, OSError, NotImplementedError, RuntimeError)


def read_arrays(path: Path, names: Iterable[str] = ()) -> dict[str, ndarray]:
    """Every array of an .npz file, by name; those called ``names`` must be among them.

    Raises ``DataMissing`` when there is no such file and ``IntegrityError``, naming the file, when it is truncated,
    changed, holds pickled objects, lacks an array or is not an .npz at all.
    """
    if not path.is_file():
        raise DataMissing(f"There is no file {path}; fetch it first, or name the folder that holds it.")
    arrays = _parse(path.read_bytes(), str(path))
    if missing := [name for name in names if name not in arrays]:
        raise IntegrityError(
            f"{path} has no arrays called {', '.join(missing)}; it is another kind of file, so replace it."
        )
    return arrays


def read_embedded(name: str, folder: Traversable | None = None) -> dict[str, ndarray]:
    """Arrays of an embedded file (``name`` without ending), after its sha256 was verified.

    ``folder`` replaces the folder inside the package. Raises ``UnknownName`` for a name that is not listed and
    ``IntegrityError`` when the file is missing, truncated or changed.
    """
    folder = folder or _embedded()
    expected = embedded_sha256(name, folder)
    file = folder / f"{name}.npz"
    if not file.is_file():
        raise IntegrityError(f"The embedded file {file.name} is listed in {SUMS} but missing; reinstall anlage.")
    data = file.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise IntegrityError(
            f"The embedded file {file.name} ({len(data)} bytes) has sha256 {found[:12]}..., but {SUMS} says "
            f"{expected[:12]}..., so it was truncated or changed; reinstall anlage."
        )
    return _parse(data, file.name)


def embedded_sha256(name: str, folder: Traversable | None = None) -> str:
    """Published sha256 of an embedded file; raises ``UnknownName`` for a name that is not listed."""
    sums = _sums(folder or _embedded())
    if name not in sums:
        raise UnknownName("embedded file", name, sums)
    return sums[name]


def _sums(folder: Traversable) -> dict[str, str]:
    """File name without ending -> sha256, out of the list that lies beside the files."""
    file = folder / SUMS
    if not file.is_file():
        raise IntegrityError(f"The list {SUMS} of the embedded files is missing; reinstall anlage.")
    pairs = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    if wrong := [pair for pair in pairs if len(pair) != 2]:
        raise IntegrityError(
            f"The list {SUMS} has a line of {len(wrong[0])} words, not 'sha256  file'; reinstall anlage."
        )
    return {file_name.removesuffix(".npz"): digest for digest, file_name in pairs}


def _embedded() -> Traversable:
    return resources.files("anlage.connectome") / "embedded"


def _parse(data: bytes, name: str) -> dict[str, ndarray]:
    """Arrays of the bytes of an .npz; each member is read to its end, so that its CRC is checked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {
                member.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(member)), allow_pickle=False
                )
                for member in archive.namelist()
            }
    except _BROKEN as error:
        raise IntegrityError(
            f"{name} cannot be read as an .npz of plain arrays ({error}); it is truncated or another kind of file, "
            "so fetch it again."
        ) from error

"""Data that are not part of the package: where they may lie, and how they get here when somebody asks for them.

The only place of this room that touches the network or the environment. Nothing is ever downloaded implicitly.
"""

import csv
import errno
import gzip
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pooch
import requests

from anlage.connectome.release import RELEASES, RemoteFile
from anlage.errors import DataMissing, IntegrityError, UnknownName

DATA_VARIABLE = "ANLAGE_DATA"
TIMEOUT_S = (10.0, 30.0)  # until the server answers, and between two pieces of its answer
CHUNK_BYTES = 1 << 15
Progress = Callable[[str, int, int], None]


def data_folders() -> tuple[Path, ...]:
    """Folders that may hold data, best first: the one named by the variable ``ANLAGE_DATA``, then the user's cache."""
    named = os.environ.get(DATA_VARIABLE, "")
    return (*([Path(named).expanduser()] if named else []), _cache_folder())


def find_data(relative: str) -> Path | None:
    """First file in ``data_folders`` called ``relative``, such as ``larval_drosophila/edges.npz``; None without one."""
    return next((folder / relative for folder in data_folders() if (folder / relative).is_file()), None)


def require_data(relative: str, release: str) -> Path:
    """Like ``find_data``, but raises ``DataMissing`` that says how to get the file, a part of ``release``."""
    if path := find_data(relative):
        return path
    searched = " nor in ".join(map(str, data_folders()))
    raise DataMissing(
        f"{relative} is not in {searched}; run `anlage fetch {release}` to download it, "
        f"or set {DATA_VARIABLE} to a folder that holds a copy."
    )


def fetch(name: str, *, folder: Path | None = None, progress: Progress | None = None) -> Path:
    """Download the release called ``name`` and write its clean copy; return the folder of the copy.

    ``folder`` is the data folder to write to, by default the user's cache. ``progress`` is called with the name of a
    file, the bytes of it that are here, and the bytes it has. Files that are already here and intact are not downloaded
    again, and a partial one is continued where it stopped, so asking twice repairs a copy and costs nothing.

    Raises ``UnknownName``; ``DataMissing`` when the network, the server or the disk fails, keeping what has arrived;
    ``IntegrityError`` when a file is not the published one.
    """
    if name not in RELEASES:
        raise UnknownName("release", name, RELEASES)
    release = RELEASES[name]
    home = (folder or _cache_folder()) / release.folder
    with _disk(home):
        raw = home / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        arrays, table = release.convert(*(download(file, raw, progress=progress) for file in release.files))
        _write(home / "edges.npz", lambda sink: np.savez_compressed(sink, **arrays))  # type: ignore[arg-type]
        _write(home / "neurons.csv.gz", lambda sink: _write_table(sink, table))
    return home


def download(file: RemoteFile, folder: Path, *, progress: Progress | None = None) -> Path:
    """Bring one file into an existing ``folder`` and return its path; it appears whole and checked, or not at all.

    ``pooch.retrieve`` does not serve here: it throws a partial file away, and this continues it.
    Raises ``DataMissing`` and ``IntegrityError`` as ``fetch`` does.
    """
    target = folder / file.file_name
    with _disk(folder):
        if target.is_file() and _sha256(target) == file.sha256:
            return target
        part = folder / f"{file.file_name}.part"
        _continue(file, part, progress)
        if (found := _sha256(part)) != file.sha256:
            part.unlink()
            raise IntegrityError(
                f"{file.url} has the sha256 {found} instead of the published {file.sha256} and was thrown away; "
                "try again, and if it repeats, the publisher has changed the file."
            )
        return part.replace(target)


def _continue(file: RemoteFile, part: Path, progress: Progress | None) -> None:
    """Append what ``part`` still lacks; whether that made the right file is for the checksum to say."""
    have = part.stat().st_size if part.exists() else 0
    if have >= file.bytes:
        return
    # Without "identity" a server may send compressed bytes, and then a range would count those.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(file.url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            if response.status_code not in (requests.codes.ok, requests.codes.partial_content):
                raise DataMissing(
                    f"{file.url} answered {response.status_code} {response.reason} instead of the file; "
                    f"get {file.file_name} elsewhere and put it into {part.parent}, or try again later."
                )
            resumed = response.status_code == requests.codes.partial_content
            have = have if resumed else 0  # a server that knows no ranges sends the file from its beginning
            with part.open("ab" if resumed else "wb") as sink:
                for chunk in response.iter_content(CHUNK_BYTES):
                    sink.write(chunk)
                    have += len(chunk)
                    if progress:
                        progress(file.file_name, have, file.bytes)
                    if have > file.bytes:
                        return
    except requests.RequestException as error:
        raise DataMissing(_stopped(file, part, f"{type(error).__name__}")) from error
    if have < file.bytes:
        raise DataMissing(_stopped(file, part, "the connection was closed"))


def _stopped(file: RemoteFile, part: Path, reason: str) -> str:
    have = part.stat().st_size if part.exists() else 0
    return (
        f"{file.url} could not be downloaded ({reason}): {have:,} of {file.bytes:,} bytes are here and are kept; "
        "check the network and run the same command again to get the rest."
    )


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Say in one sentence what the disk refused; what has arrived so far is kept."""
    try:
        yield
    except DataMissing:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataMissing(
                f"The disk of {folder} is full; what has arrived is kept: make room and run the same command again."
            ) from error
        raise DataMissing(
            f"{folder} cannot be written ({error.strerror or error}); give a folder that can, "
            f"and set {DATA_VARIABLE} to it so that it is found."
        ) from error


def _write(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write beside ``target`` and rename, so that nobody ever reads half a file."""
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as sink:
        write(sink)
    part.replace(target)


def _write_table(sink: IO[bytes], table: Sequence[Mapping[str, str]]) -> None:
    # mtime and name are left out of the header, so that the same table is the same bytes
    with (
        gzip.GzipFile("", "wb", fileobj=sink, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as lines,
    ):
        writer = csv.DictWriter(lines, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def _cache_folder() -> Path:
    return Path(pooch.os_cache("anlage"))


def _sha256(path: Path) -> str:
    return str(pooch.file_hash(str(path), alg="sha256"))

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
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np
import pooch
import requests

from anlage.connectome.clean import ACCEPTED
from anlage.connectome.release import RELEASES
from anlage.connectome.remote import Release, RemoteFile
from anlage.errors import DataMissing, DependencyMissing, IntegrityError, UnknownName

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


def fetch(
    name: str, *, folder: Path | None = None, progress: Progress | None = None, accept_changed: bool = False
) -> Path:
    """Download the release called ``name`` and write its clean copy; return the folder of the copy.

    ``folder`` is the data folder to write to, by default the user's cache. ``progress`` is called with the name of a
    file, the bytes of it that are here, and the bytes it has. Files that are already here and intact are not downloaded
    again, and a partial one is continued where it stopped, so asking twice repairs a copy and costs nothing.
    ``accept_changed`` takes files that are not the pinned ones; the connectome's source then names them and their sha256.

    Raises ``UnknownName``; ``DependencyMissing`` before anything is downloaded that could not be read; ``DataMissing`` when
    the network, the server or the disk fails, keeping what has arrived; ``IntegrityError`` when a file is not the published one.
    """
    if name not in RELEASES:
        raise UnknownName("release", name, RELEASES)
    release = RELEASES[name]
    demand_tables(release)
    home = (folder or _cache_folder()) / release.folder
    with _disk(home):
        raw = home / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        paths = [download(file, raw, progress=progress, accept_changed=accept_changed) for file in release.files]
        arrays, table = release.convert(*paths)
        if changed := [_accepted(path) for path in paths if _receipt(path).exists()]:
            arrays = {**arrays, ACCEPTED: np.array(" ".join(changed))}
        _write(home / "edges.npz", lambda sink: np.savez_compressed(sink, **arrays))  # type: ignore[arg-type]
        _write(home / "neurons.csv.gz", lambda sink: _write_table(sink, table))
    return home


def demand_tables(release: Release) -> None:
    """Raise ``DependencyMissing`` when ``release`` comes as tables that nothing here can read."""
    if not can_read(release):
        raise DependencyMissing(
            f"{release.name} comes as tables that need pyarrow, which is not installed; run `pip install 'anlage[tables]'`."
        )


def can_read(release: Release) -> bool:
    """Whether what reads the tables of ``release``, when it comes as such, is installed."""
    return not release.tables or find_spec("pyarrow") is not None


def download(file: RemoteFile, folder: Path, *, progress: Progress | None = None, accept_changed: bool = False) -> Path:
    """Bring one file into an existing ``folder`` and return its path; it appears whole and checked, or not at all.

    ``pooch.retrieve`` does not serve here: it throws a partial file away, and this continues it. A file that was accepted
    although it has changed lies beside a receipt with its sha256, and counts as intact as long as it has that.
    Raises ``DataMissing`` and ``IntegrityError`` as ``fetch`` does.
    """
    target = folder / file.file_name
    with _disk(folder):
        if target.is_file() and (_is_pinned(file, target) or _is_accepted(target)):
            return target
        part = folder / f"{file.file_name}.part"
        if accept_changed:
            part.unlink(missing_ok=True)  # what has arrived may be of another version than what would follow
        _continue(file, part, progress, any_length=accept_changed)
        _receipt(target).unlink(missing_ok=True)
        algorithm, published = _pin(file)
        if (found := _digest(part, algorithm)) != published:
            if not accept_changed:
                part.unlink()
                raise IntegrityError(
                    f"{file.url} has the {algorithm} {found} instead of the published {published} and was thrown away; "
                    "try again, and if it repeats, the publisher has changed the file: --accept-changed takes it as it "
                    "is and says so in the source."
                )
            _receipt(target).write_text(f"{_digest(part)}\n", encoding="ascii")
        return part.replace(target)


def _is_pinned(file: RemoteFile, path: Path) -> bool:
    algorithm, published = _pin(file)
    return _digest(path, algorithm) == published


def _pin(file: RemoteFile) -> tuple[str, str]:
    """Which checksum the publisher gives, and what it is."""
    return ("sha256", file.sha256) if file.sha256 else ("md5", file.md5)


def _receipt(path: Path) -> Path:
    """Where the sha256 of an accepted file is written down."""
    return path.with_name(f"{path.name}.accepted")


def _is_accepted(path: Path) -> bool:
    return _receipt(path).is_file() and _receipt(path).read_text(encoding="ascii").strip() == _digest(path)


def _accepted(path: Path) -> str:
    return f"{path.name} is not the pinned file but a changed one that was accepted, sha256 {_digest(path)}."


def _continue(file: RemoteFile, part: Path, progress: Progress | None, *, any_length: bool = False) -> None:
    """Append what ``part`` still lacks; whether that made the right file is for the checksum to say.

    ``any_length`` takes what the server sends, however long, as long as the server says how long.
    """
    have, total = part.stat().st_size if part.exists() else 0, file.bytes
    if have >= total:
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
            if any_length:
                total = int(response.headers.get("Content-Length", total))
            with part.open("ab" if resumed else "wb") as sink:
                for chunk in response.iter_content(CHUNK_BYTES):
                    sink.write(chunk)
                    have += len(chunk)
                    if progress:
                        progress(file.file_name, have, total)
                    if have > total:
                        return
    except requests.RequestException as error:
        raise DataMissing(_stopped(file, part, f"{type(error).__name__}", total)) from error
    if have < total:
        raise DataMissing(_stopped(file, part, "the connection was closed", total))


def _stopped(file: RemoteFile, part: Path, reason: str, total: int) -> str:
    have = part.stat().st_size if part.exists() else 0
    return (
        f"{file.url} could not be downloaded ({reason}): {have:,} of {total:,} bytes are here and are kept; "
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


def is_fetched(release: Release) -> bool:
    """Whether a clean copy of ``release`` is on this machine."""
    return all(find_data(f"{release.folder}/{name}") for name in ("edges.npz", "neurons.csv.gz"))


def _cache_folder() -> Path:
    return Path(pooch.os_cache("anlage"))


def _digest(path: Path, algorithm: str = "sha256") -> str:
    return str(pooch.file_hash(str(path), alg=algorithm))

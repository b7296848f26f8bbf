import errno
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from anlage.connectome.fetch import data_folders, download, fetch, find_data, require_data
from anlage.connectome.larva import larva
from anlage.connectome.release import RELEASES, Release, RemoteFile
from anlage.errors import DataMissing, DependencyMissing, IntegrityError, UnknownName

PAYLOAD = np.random.default_rng(0).bytes(300_000)


class Shelf(ThreadingHTTPServer):
    """A web server with one file; it writes down the range that every request asked for."""

    daemon_threads = True
    payload = PAYLOAD
    knows_ranges = True
    tells_length = True
    status = 0  # answer this instead of the file
    closes_after: int | None = None  # close the connection after so many bytes

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.ranges: list[str | None] = []

    def file(self, **changes: Any) -> RemoteFile:
        url = f"http://127.0.0.1:{self.server_address[1]}/file.bin"
        fields = {"url": url, "sha256": sha256(PAYLOAD).hexdigest(), "bytes": len(PAYLOAD), "file_name": "file.bin"}
        return RemoteFile(**{**fields, **changes})


class Answer(BaseHTTPRequestHandler):
    server: Shelf

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.ranges.append(asked)
        if self.server.status:
            self.send_error(self.server.status)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.knows_ranges else 0
        body = self.server.payload[start:]
        self.send_response(206 if start else 200)
        if self.server.tells_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # the other end may have had enough
            self.wfile.write(body[: self.server.closes_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Shelf() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def partial_file(folder: Path) -> Path:
    return folder / "file.bin.part"


def test_a_file_arrives_whole_and_is_never_asked_for_again(shelf: Shelf, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    path = download(shelf.file(), tmp_path, progress=lambda *step: seen.append(step))
    assert path.read_bytes() == PAYLOAD
    assert list(tmp_path.iterdir()) == [path]
    assert [have for _, have, _ in seen] == sorted({have for _, have, _ in seen})
    assert seen[-1] == ("file.bin", len(PAYLOAD), len(PAYLOAD))
    download(shelf.file(), tmp_path)
    assert shelf.ranges == [None]


def test_a_file_that_was_damaged_after_it_arrived_is_downloaded_anew(shelf: Shelf, tmp_path: Path) -> None:
    path = download(shelf.file(), tmp_path)
    path.write_bytes(PAYLOAD[:-1])
    assert download(shelf.file(), tmp_path).read_bytes() == PAYLOAD
    assert len(shelf.ranges) == 2


@pytest.mark.parametrize("tells_length", [True, False])
def test_after_a_broken_connection_only_the_rest_is_asked_for(shelf: Shelf, tmp_path: Path, tells_length: bool) -> None:
    shelf.tells_length = tells_length
    shelf.closes_after = 100_000
    with pytest.raises(DataMissing, match=r"of 300,000 bytes are here and are kept; .* run the same command again"):
        download(shelf.file(), tmp_path)
    kept = partial_file(tmp_path).read_bytes()
    assert 0 < len(kept) <= 100_000
    assert PAYLOAD.startswith(kept)
    assert not (tmp_path / "file.bin").exists()
    shelf.closes_after = None
    assert download(shelf.file(), tmp_path).read_bytes() == PAYLOAD
    assert shelf.ranges == [None, f"bytes={len(kept)}-"]
    assert not partial_file(tmp_path).exists()


def test_after_the_user_interrupts_only_the_rest_is_asked_for(shelf: Shelf, tmp_path: Path) -> None:
    def interrupt(name: str, have: int, total: int) -> None:
        if have > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(shelf.file(), tmp_path, progress=interrupt)
    have = partial_file(tmp_path).stat().st_size
    assert have > 100_000
    assert download(shelf.file(), tmp_path).read_bytes() == PAYLOAD
    assert shelf.ranges == [None, f"bytes={have}-"]


def test_a_server_that_knows_no_ranges_sends_the_file_from_its_beginning(shelf: Shelf, tmp_path: Path) -> None:
    partial_file(tmp_path).write_bytes(PAYLOAD[:1234])
    shelf.knows_ranges = False
    seen: list[int] = []
    path = download(shelf.file(), tmp_path, progress=lambda name, have, total: seen.append(have))
    assert path.read_bytes() == PAYLOAD
    assert shelf.ranges == ["bytes=1234-"]
    assert seen[-1] == len(PAYLOAD)


def test_a_complete_partial_file_needs_no_network(tmp_path: Path) -> None:
    partial_file(tmp_path).write_bytes(PAYLOAD)
    file = RemoteFile("http://127.0.0.1:9/file.bin", sha256(PAYLOAD).hexdigest(), len(PAYLOAD), "file.bin")
    assert download(file, tmp_path).read_bytes() == PAYLOAD


@pytest.mark.parametrize("payload", [PAYLOAD[::-1], PAYLOAD + b"more"], ids=["other bytes", "too many bytes"])
def test_a_file_with_another_checksum_is_refused_and_thrown_away(shelf: Shelf, tmp_path: Path, payload: bytes) -> None:
    shelf.payload = payload
    with pytest.raises(IntegrityError, match=f"instead of the published {sha256(PAYLOAD).hexdigest()} and was thrown"):
        download(shelf.file(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_server_that_never_stops_is_not_listened_to_for_ever(shelf: Shelf, tmp_path: Path) -> None:
    shelf.payload = PAYLOAD * 20
    seen: list[int] = []
    with pytest.raises(IntegrityError):
        download(shelf.file(), tmp_path, progress=lambda name, have, total: seen.append(have))
    assert len(PAYLOAD) < seen[-1] < 2 * len(PAYLOAD)


def test_a_damaged_partial_file_is_thrown_away_once_and_then_replaced(shelf: Shelf, tmp_path: Path) -> None:
    partial_file(tmp_path).write_bytes(b"x" * 1000)
    with pytest.raises(IntegrityError):
        download(shelf.file(), tmp_path)
    assert download(shelf.file(), tmp_path).read_bytes() == PAYLOAD


@pytest.mark.parametrize("status", [404, 416, 503])
def test_an_answer_that_is_not_the_file_is_reported_and_the_partial_file_kept(
    shelf: Shelf, tmp_path: Path, status: int
) -> None:
    partial_file(tmp_path).write_bytes(PAYLOAD[:1234])
    shelf.status = status
    with pytest.raises(DataMissing, match=rf"file\.bin answered {status} .*; get file\.bin elsewhere"):
        download(shelf.file(), tmp_path)
    assert partial_file(tmp_path).read_bytes() == PAYLOAD[:1234]


def test_without_a_network_the_message_says_so_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/file.bin"
    with pytest.raises(DataMissing, match=r"could not be downloaded \(ConnectionError\): 0 of 5 bytes") as caught:
        download(RemoteFile(url, "0" * 64, 5, "file.bin"), tmp_path)
    assert "\n" not in str(caught.value)


class FullDisk:
    """An open file on a disk that has room for 100,000 bytes."""

    def __init__(self, sink: IO[bytes]) -> None:
        self.sink = sink

    def __enter__(self) -> "FullDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.sink.close()

    def write(self, chunk: bytes) -> None:
        if self.sink.tell() + len(chunk) > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.sink.write(chunk)


def test_on_a_full_disk_what_has_arrived_is_kept_and_continued(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_really = Path.open

    def open_on_full_disk(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        sink = open_really(path, mode, *rest, **named)
        return FullDisk(sink) if path.suffix == ".part" else sink

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_on_full_disk)
        with pytest.raises(DataMissing, match=r"is full; what has arrived is kept: make room"):
            download(shelf.file(), tmp_path)
    have = partial_file(tmp_path).stat().st_size
    assert 0 < have <= 100_000
    assert download(shelf.file(), tmp_path).read_bytes() == PAYLOAD
    assert shelf.ranges == [None, f"bytes={have}-"]


def one_edge(path: Path) -> tuple[dict[str, np.ndarray], list[dict[str, str]]]:
    return {"pre": np.array([len(path.read_bytes())])}, [{"neuron_id": "7", "name": "a, b"}]


@pytest.fixture
def release(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Release:
    small = Release("small", "small_brain", RELEASES["larva"].source, (shelf.file(),), "free", one_edge)
    monkeypatch.setattr("anlage.connectome.fetch.RELEASES", {"small": small})
    return small


def test_fetch_writes_the_clean_copy_and_repairs_it_without_the_network(
    shelf: Shelf, release: Release, tmp_path: Path
) -> None:
    home = fetch("small", folder=tmp_path)
    assert home == tmp_path / "small_brain"
    assert np.load(home / "edges.npz")["pre"] == len(PAYLOAD)
    assert np.loadtxt(home / "neurons.csv.gz", dtype=str, delimiter="\t").tolist() == ["neuron_id,name", '7,"a, b"']
    before = {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
    assert before["neurons.csv.gz"][4:8] == bytes(4), "the time of writing does not belong into the file"
    (home / "edges.npz").write_bytes(b"damaged")
    fetch("small", folder=tmp_path)
    assert {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()} == before
    assert shelf.ranges == [None]


def test_fetch_goes_to_the_users_cache_where_it_is_found_again(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    fetch("small")
    assert find_data("small_brain/edges.npz") == tmp_path / "anlage" / "small_brain" / "edges.npz"


def test_a_folder_that_cannot_be_written_is_reported(release: Release, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file, not a folder")
    with pytest.raises(DataMissing, match=r"small_brain cannot be written \(Not a directory\); .* ANLAGE_DATA"):
        fetch("small", folder=tmp_path / "occupied")


def test_an_unknown_release_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'larva'"):
        fetch("larvae")


def test_the_named_folder_is_searched_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path / "named"))
    assert data_folders() == (tmp_path / "named", tmp_path / "anlage")
    assert find_data("x/y.npz") is None
    for folder in reversed(data_folders()):
        (folder / "x").mkdir(parents=True)
        (folder / "x" / "y.npz").touch()
        assert find_data("x/y.npz") == require_data("x/y.npz", "larva") == folder / "x" / "y.npz"
    monkeypatch.setenv("ANLAGE_DATA", "")
    assert data_folders() == (tmp_path / "anlage",)


def test_missing_data_are_explained_and_never_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path / "named"))
    monkeypatch.setattr("requests.get", lambda *_, **__: pytest.fail("nobody asked for a download"))
    said = r"larval_drosophila/edges\.npz is not in .*named nor in .*; run `anlage fetch larva` .* set ANLAGE_DATA"
    with pytest.raises(DataMissing, match=said):
        larva()
    assert not list(tmp_path.iterdir())


def test_every_published_file_is_pinned_to_a_checksum_and_where_possible_to_a_commit() -> None:
    for release in RELEASES.values():
        assert release.source.licence
        assert release.source.bibtex.count("@") >= 1
        assert "licence" in release.notice
        assert release.neurons and release.edges and release.what
        for file in release.files:
            address = file.url.removesuffix("?download=1")
            assert address.startswith("https://")
            assert address.endswith(f"/{file.file_name}")
            if "githubusercontent" in address:
                assert re.fullmatch(r"https://[^/]+/[^/]+/[^/]+/([0-9a-f]{40}|v[\d.]+)/.+", address)
            pins = (file.sha256, 64), (file.md5, 32)
            assert [digest for digest, n in pins if re.fullmatch(f"[0-9a-f]{{{n}}}", digest)]
            assert all(re.fullmatch(f"[0-9a-f]{{{n}}}|", digest) for digest, n in pins)
    assert [file.bytes for file in RELEASES["larva"].files] == [1_107_380, 2_848_654]
    folders = [release.folder for release in RELEASES.values()]
    assert len(set(folders)) == len(folders)


CHANGED = PAYLOAD[::-1] + b"and more than was pinned"


def test_a_changed_file_is_refused_with_the_way_to_accept_it(shelf: Shelf, tmp_path: Path) -> None:
    shelf.payload = CHANGED
    with pytest.raises(IntegrityError, match=r"the publisher has changed the file: --accept-changed takes it"):
        download(shelf.file(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_accepted_file_arrives_whole_and_counts_as_intact_until_it_is_damaged(shelf: Shelf, tmp_path: Path) -> None:
    shelf.payload = CHANGED
    partial_file(tmp_path).write_bytes(PAYLOAD[:1000])  # of the version that was pinned
    path = download(shelf.file(), tmp_path, accept_changed=True)
    assert path.read_bytes() == CHANGED
    assert shelf.ranges == [None], "what had arrived of another version was not continued"
    assert (tmp_path / "file.bin.accepted").read_text().strip() == sha256(CHANGED).hexdigest()
    download(shelf.file(), tmp_path)
    assert len(shelf.ranges) == 1
    path.write_bytes(CHANGED[:-1])
    shelf.payload = PAYLOAD
    assert download(shelf.file(), tmp_path).read_bytes() == PAYLOAD
    assert list(tmp_path.iterdir()) == [path], "the receipt went with the file that it was for"


def test_a_changed_file_that_breaks_off_is_not_accepted(shelf: Shelf, tmp_path: Path) -> None:
    shelf.payload, shelf.closes_after = CHANGED, 100_000
    with pytest.raises(DataMissing, match=r"of 300,024 bytes are here"):
        download(shelf.file(), tmp_path, accept_changed=True)
    assert not (tmp_path / "file.bin").exists()


def test_a_file_with_only_an_md5_is_checked_by_it(shelf: Shelf, tmp_path: Path) -> None:
    right = shelf.file(sha256="", md5=md5(PAYLOAD).hexdigest())
    assert download(right, tmp_path).read_bytes() == PAYLOAD
    (tmp_path / "file.bin").unlink()
    with pytest.raises(IntegrityError, match=r"has the md5 [0-9a-f]{32} instead of the published 0{32}"):
        download(shelf.file(sha256="", md5="0" * 32), tmp_path)


def test_what_was_accepted_is_written_into_the_copy(shelf: Shelf, release: Release, tmp_path: Path) -> None:
    shelf.payload = CHANGED
    home = fetch("small", folder=tmp_path, accept_changed=True)
    said = str(np.load(home / "edges.npz")["accepted"])
    assert (
        said
        == f"file.bin is not the pinned file but a changed one that was accepted, sha256 {sha256(CHANGED).hexdigest()}."
    )


def test_tables_that_cannot_be_read_are_not_downloaded(
    shelf: Shelf, release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anlage.connectome.fetch.RELEASES", {"small": replace(release, tables=True)})
    monkeypatch.setattr("anlage.connectome.fetch.find_spec", lambda name: None)
    with pytest.raises(DependencyMissing, match=r"small comes as tables .*; run `pip install 'anlage\[tables\]'`\.$"):
        fetch("small", folder=tmp_path)
    assert shelf.ranges == []
    assert not list(tmp_path.iterdir())

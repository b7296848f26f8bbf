import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from anlage.errors import AnlageError, CheckpointError
from anlage.learning.checkpoint import (
    read_checkpoint,
    read_json,
    read_text,
    write_atomic,
    write_checkpoint,
    write_json,
    write_text,
)

TENSORS = {"a": torch.arange(12.0).reshape(3, 4), "b.c": torch.tensor(7)}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "grown.safetensors"
    write_checkpoint(path, "me", TENSORS, {"curve": [{"step": 3, "x": 0.1}]})
    return path


def test_what_was_saved_comes_back_bit_for_bit(checkpoint: Path) -> None:
    tensors, progress = read_checkpoint(checkpoint, "me")
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert progress == {"curve": [{"step": 3, "x": 0.1}]}
    assert [path.name for path in checkpoint.parent.iterdir()] == [checkpoint.name]


def test_a_checkpoint_of_something_else_is_refused_by_name(checkpoint: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"grown\.safetensors belongs to another recipe .*identity me, here it is you"
    ):
        read_checkpoint(checkpoint, "you")


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_truncated_checkpoint_is_refused_by_name(checkpoint: Path, keep: int) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"grown\.safetensors is damaged .*delete it") as caught:
        read_checkpoint(checkpoint, "me")
    assert "\n" not in str(caught.value)


def test_random_bytes_are_refused_by_name(checkpoint: Path) -> None:
    checkpoint.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(CheckpointError, match=r"grown\.safetensors is damaged"):
        read_checkpoint(checkpoint, "me")


def test_one_flipped_bit_in_the_numbers_is_noticed(checkpoint: Path) -> None:
    data = bytearray(checkpoint.read_bytes())
    data[-20] ^= 1
    checkpoint.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"its numbers are not the ones saved"):
        read_checkpoint(checkpoint, "me")


@pytest.mark.parametrize("header", [None, {"format": "pt"}, {"format": "anlage-checkpoint-0"}])
def test_a_foreign_safetensors_file_is_refused_by_name(tmp_path: Path, header: dict[str, str] | None) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file(TENSORS, path, metadata=header)
    with pytest.raises(CheckpointError, match=r"foreign\.safetensors is not a checkpoint of this version"):
        read_checkpoint(path, "me")


def test_a_folder_in_the_place_of_a_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=tmp_path.name):
        read_checkpoint(tmp_path, "me")


class FullDisk:
    """An open file on a disk with room for 10 bytes; the rest fails as the system says it does."""

    def __init__(self, file: Any, error: BaseException) -> None:
        self.file, self.error = file, error

    def __enter__(self) -> "FullDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: bytes) -> None:
        self.file.write(data[:10])
        self.file.flush()
        raise self.error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_a_write_that_fails_in_the_middle_leaves_the_old_file_and_nothing_else(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before, opened = checkpoint.read_bytes(), Path.open

    def fill(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        file = opened(path, mode, *rest, **named)
        return FullDisk(file, error) if "w" in mode else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", fill)
        expected = AnlageError if isinstance(error, OSError) else KeyboardInterrupt
        with pytest.raises(expected) as caught:
            write_checkpoint(checkpoint, "other", TENSORS, {})
    assert checkpoint.read_bytes() == before
    assert list(checkpoint.parent.iterdir()) == [checkpoint]
    if expected is AnlageError:
        assert "grown.safetensors could not be written (No space left on device); make room" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_rename_that_fails_leaves_the_old_file_and_nothing_else(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    before = checkpoint.read_bytes()
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(AnlageError, match="Permission denied"):
        write_atomic(checkpoint, b"new")
    assert checkpoint.read_bytes() == before
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


def test_a_place_below_a_file_cannot_be_written_and_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here I am")
    with pytest.raises(AnlageError, match=r"file/run/question\.toml could not be written") as caught:
        write_text(tmp_path / "file" / "run" / "question.toml", "x")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "here I am"


def test_json_is_read_only_when_it_is_whole_an_object_and_accepted(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert read_json(path, lambda _: True) is None
    write_json(path, {"a": 0.1, "b": "µ"})
    assert read_json(path, lambda c: c["a"] == 0.1) == {"a": 0.1, "b": "µ"}
    assert read_json(path, lambda c: c["a"] == 0.2) is None
    for damaged in (path.read_bytes()[:-3], b"[1, 2]", b"\xff\xfe", b""):
        path.write_bytes(damaged)
        assert read_json(path, lambda _: True) is None


def test_a_number_that_is_not_finite_is_never_written_as_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "record.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_numbers_survive_json_exactly(tmp_path: Path) -> None:
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 2.0**-30]
    write_json(tmp_path / "n.json", {"n": numbers})
    assert json.loads((tmp_path / "n.json").read_text())["n"] == numbers


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_text_that_is_not_there_or_is_none_is_answered_in_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "recipe.toml"
    if content:
        path.write_bytes(content)
    with pytest.raises(AnlageError, match=r"recipe\.toml cannot be read as text .*check the path") as caught:
        read_text(path)
    assert "\n" not in str(caught.value)

import os
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from anlage.connectome import Categorical, Connectome, NeuronTable, shelf
from anlage.connectome.fetch import DATA_VARIABLE
from anlage.connectome.library import check_name, load, save
from anlage.connectome.mushroom_body import mushroom_body
from anlage.connectome.worm import worm
from anlage.errors import ConnectomeError, DataMissing, IntegrityError, UnknownName


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    monkeypatch.setattr("anlage.connectome.fetch._cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "data"


def plain_worm() -> Connectome:
    return replace(worm(), name="mine", effectors=None)


def same(one: object, other: object) -> bool:
    """Whether two records hold the same, arrays by value and type."""
    if isinstance(one, Connectome | NeuronTable | Categorical):
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")  # type: ignore
    return bool(one == other)


def test_a_saved_connectome_is_loaded_as_it_was(home: Path) -> None:
    for connectome in (plain_worm(), replace(mushroom_body("left"), name="other_one-2")):
        place = save(connectome)
        assert place == home / "imported" / f"{connectome.name}.npz"
        assert same(load(connectome.name), connectome)
    assert shelf.names() == ("mine", "other_one-2")
    changed = replace(plain_worm(), sign=-plain_worm().sign)
    assert not same(load("mine"), changed), "this check can fail"
    assert {path.name for path in (home / "imported").iterdir()} == {"mine.npz", "other_one-2.npz"}


def test_nothing_is_written_over_unless_it_is_to_be_replaced(home: Path) -> None:
    save(plain_worm())
    other = replace(mushroom_body("left"), name="mine")
    with pytest.raises(ConnectomeError, match=r"mine\.npz is there already; .* add --replace"):
        save(other)
    assert same(load("mine"), plain_worm())
    save(other, replace=True)
    assert same(load("mine"), other)


@pytest.mark.parametrize("name", ["worm", "larva", "optic-lobe-7", "", "a/b", "../a", ".hidden", "a b", "-a"])
def test_a_name_that_cannot_be_one_is_refused(name: str, home: Path) -> None:
    with pytest.raises(ConnectomeError, match=r"choose another --name|letters, digits"):
        save(replace(plain_worm(), name=name))
    with pytest.raises(ConnectomeError):
        check_name(name)
    assert not home.exists()


def test_an_interrupted_write_leaves_what_was_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(plain_worm())

    def stop(sink: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        save(replace(mushroom_body("left"), name="mine"), replace=True)
    assert [path.name for path in (home / "imported").iterdir()] == ["mine.npz"]
    assert same(load("mine"), plain_worm())


def test_a_folder_that_cannot_be_written_is_named(home: Path) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(DataMissing, match=r"imported cannot be written .*set ANLAGE_DATA to a folder that can"):
        save(plain_worm())


def test_a_damaged_or_foreign_file_is_an_integrity_error(home: Path) -> None:
    place = save(plain_worm())
    whole = place.read_bytes()
    middle = len(whole) // 2
    for damaged in (whole[:middle], b"", whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]):
        place.write_bytes(damaged)
        with pytest.raises(IntegrityError, match=r"mine\.npz"):
            load("mine")
    np.savez(place, pre=np.arange(3))
    with pytest.raises(IntegrityError, match="no arrays called about"):
        load("mine")
    np.savez(place, about=np.frombuffer(b'{"format": 99}', dtype=np.uint8))
    with pytest.raises(IntegrityError, match="its format is 99, not 1"):
        load("mine")


def test_what_a_file_of_this_format_does_not_hold_is_not_lost_in_silence() -> None:
    with pytest.raises(ConnectomeError, match="compartments or effectors"):
        save(replace(worm(), name="mine"))


def test_a_column_that_says_the_same_everywhere_is_stored_once(home: Path) -> None:
    with zipfile.ZipFile(save(plain_worm())) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
    assert sizes["kind.npy"] > len(plain_worm().pre)  # both kinds occur
    other = save(replace(mushroom_body("left"), name="other"))
    with zipfile.ZipFile(other) as archive:
        assert archive.getinfo("kind.npy").file_size < 200


def test_an_unknown_name_is_answered_with_what_is_saved(home: Path) -> None:
    save(replace(plain_worm(), name="my-squid"))
    with pytest.raises(UnknownName, match="did you mean 'my-squid'"):
        load("my-sqid")

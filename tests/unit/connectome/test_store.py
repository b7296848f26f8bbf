"""The embedded files: what a damaged, foreign or missing one answers."""

import hashlib
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from anlage.connectome.store import embedded_sha256, read_arrays, read_embedded
from anlage.errors import DataMissing, IntegrityError, UnknownName

FOLDER = resources.files("anlage.connectome") / "embedded"
NAMES = sorted(f.name.removesuffix(".npz") for f in FOLDER.iterdir() if f.name.endswith(".npz"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the mushroom body and of the list of checksums."""
    for name in ("mushroom_body.npz", "SHA256SUMS"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    return tmp_path


def is_one_sentence(error: BaseException) -> bool:
    text = str(error)
    return text.endswith(".") and "\n" not in text and len(text) < 300


@pytest.mark.parametrize("name", NAMES)
def test_every_embedded_file_has_the_checksum_that_is_listed_for_it(name: str) -> None:
    assert hashlib.sha256((FOLDER / f"{name}.npz").read_bytes()).hexdigest() == embedded_sha256(name)


@pytest.mark.parametrize("name", NAMES)
def test_no_embedded_file_holds_objects_and_all_hold_arrays(name: str) -> None:
    arrays = read_embedded(name)
    assert arrays
    assert all(array.dtype.kind in "biufU" for array in arrays.values())


def test_the_embedded_files_stay_small() -> None:
    assert sum(len((FOLDER / f"{name}.npz").read_bytes()) for name in NAMES) < 300_000


def test_the_embedded_files_are_read_as_numpy_reads_them() -> None:
    with resources.as_file(FOLDER / "worm.npz") as path, np.load(path, allow_pickle=False) as expected:
        found = read_arrays(path)
        assert set(found) == set(expected)
        assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_an_intact_copy_is_accepted(copy: Path) -> None:
    assert read_embedded("mushroom_body", copy)["left"].shape == (209, 209)


@pytest.mark.parametrize("keep", [0, 1, 100, 8_000, -1])
def test_a_truncated_embedded_file_is_refused_in_one_sentence(copy: Path, keep: int) -> None:
    path = copy / "mushroom_body.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IntegrityError, match=r"mushroom_body\.npz .*truncated or changed") as caught:
        read_embedded("mushroom_body", copy)
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize("position", [0, 70, 5_000, -5])
def test_a_flipped_byte_in_an_embedded_file_is_refused_in_one_sentence(copy: Path, position: int) -> None:
    path = copy / "mushroom_body.npz"
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match=r"mushroom_body\.npz .*truncated or changed") as caught:
        read_embedded("mushroom_body", copy)
    assert is_one_sentence(caught.value)


def test_an_embedded_file_that_is_listed_but_gone_is_named(copy: Path) -> None:
    with pytest.raises(IntegrityError, match=r"optic_lobe\.npz is listed in SHA256SUMS but missing"):
        read_embedded("optic_lobe", copy)


def test_a_missing_list_of_checksums_is_named(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="SHA256SUMS of the embedded files is missing"):
        read_embedded("worm", tmp_path)


def test_a_garbled_list_of_checksums_is_refused(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text("not a checksum line\n", encoding="utf-8")
    with pytest.raises(IntegrityError, match="line of 4 words"):
        read_embedded("worm", tmp_path)


def test_an_unknown_name_answers_with_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match="did you mean 'mushroom_body'"):
        read_embedded("mushrom_body")


@pytest.mark.parametrize("keep", [0, 1, 100, 8_000, -1])
def test_a_truncated_npz_is_refused_and_the_file_is_named(copy: Path, keep: int) -> None:
    path = copy / "mushroom_body.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IntegrityError, match=r"mushroom_body\.npz cannot be read") as caught:
        read_arrays(path)
    assert str(path) in str(caught.value)


def test_any_flipped_byte_gives_either_the_true_arrays_or_an_integrity_error(copy: Path) -> None:
    path = copy / "mushroom_body.npz"
    clean, expected = path.read_bytes(), read_arrays(path)
    for position in np.random.default_rng(0).integers(len(clean), size=200):
        data = bytearray(clean)
        data[position] ^= 0x24
        path.write_bytes(bytes(data))
        try:
            found = read_arrays(path)
        except IntegrityError:
            continue
        # Bytes that carry no data, such as timestamps, may change; a member may at most lose its name.
        assert all(np.array_equal(found[key], expected[key]) for key in set(found) & set(expected))


def test_a_text_file_and_a_bare_npy_are_not_npz_files(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("neuron,role\n", encoding="utf-8")
    np.save(tmp_path / "bare.npy", np.arange(3))
    for name in ("text.npz", "bare.npy"):
        with pytest.raises(IntegrityError, match=name):
            read_arrays(tmp_path / name)


def test_a_foreign_zip_and_pickled_objects_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "foreign.npz", "w") as archive:
        archive.writestr("readme.txt", "no arrays here")
    np.savez(tmp_path / "objects.npz", a=np.array([{}, None], dtype=object))
    for name in ("foreign.npz", "objects.npz"):
        with pytest.raises(IntegrityError, match=name):
            read_arrays(tmp_path / name)


def test_a_file_that_is_not_there_is_missing_rather_than_damaged(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"nowhere\.npz"):
        read_arrays(tmp_path / "nowhere.npz")


def test_an_npz_that_lacks_an_array_is_another_kind_of_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    assert read_arrays(tmp_path / "other.npz", ("a",)).keys() == {"a"}
    with pytest.raises(IntegrityError, match=r"other\.npz has no arrays called b; it is another kind of file"):
        read_arrays(tmp_path / "other.npz", ("a", "b"))

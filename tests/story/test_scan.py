"""A scan of one's own, typed at a terminal: labels or membranes and a table of synapses become a connectome with a name."""

from pathlib import Path

import numpy as np
import pytest

from anlage.cli.main import EXIT_ERROR, main
from anlage.connectome.library import load
from anlage.connectome.phantom import Phantom, Tissue, phantom
from anlage.seed import Seed

VOXEL = ["--voxel-nm", "16", "16", "32"]


@pytest.fixture(scope="module")
def scan() -> Phantom:
    return phantom(Tissue(shape=(48, 48, 24), neurons=8, synapses=60, spurious=20), Seed(5).rng())


@pytest.fixture
def folder(tmp_path: Path, scan: Phantom, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    np.save("labels.npy", scan.labels)
    np.save("membrane.npy", scan.membrane)
    rows = np.column_stack([scan.annotated.pre_nm, scan.annotated.post_nm, scan.annotated.score])
    lines = ["pre_x_nm,pre_y_nm,pre_z_nm,post_x_nm,post_y_nm,post_z_nm,score"]
    Path("synapses.csv").write_text("\n".join([*lines, *(",".join(map(str, row)) for row in rows)]))
    return tmp_path


def typed(*words: str) -> int:
    return main(["segment", *words])


def test_labels_and_synapses_become_a_connectome_with_a_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["labels.npy", "--synapses", "synapses.csv", *VOXEL, "--name", "mine", "--threshold", "0.4"]
    assert typed(*words) == 0
    out = capsys.readouterr().out
    assert "labels.npy: 48 x 48 x 24 voxels of 16 x 16 x 32 nm, 0.768 x 0.768 x 0.768 µm along x, y, z" in out
    assert "80 synapses, with scores" in out and "annotated synapses score below 0.4 and are left out." in out
    assert "next: anlage show mine" in out
    c = load("mine")
    assert c.n_neurons == len(np.unique(np.load("labels.npy"))) and c.synapse_count.sum() > 30
    assert "score below 0.4" in c.source.lossy and "synapses.csv (sha256 " in c.source.version
    assert typed(*words) == EXIT_ERROR  # the name is taken
    assert typed(*words, "--replace") == 0


def test_membranes_become_labels_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("skimage")
    words = ["membrane.npy", "--synapses", "synapses.csv", *VOXEL, "--name", "raw", "--from-membrane"]
    assert typed(*words) == 0
    assert "segments by the baseline, not proofread: runs/segment/raw.npy" in capsys.readouterr().out
    c = load("raw")
    assert c.source.lossy.startswith("The segments are those of an automatic baseline that nobody proofread.")
    labels = np.load("runs/segment/raw.npy")
    assert set(c.neurons.id) == set(np.unique(labels)) and labels.shape == (48, 48, 24)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels.npy": "none.zarr"}, "There is no volume none.zarr"),
        ({"labels.npy": "membrane.npy"}, "labels are whole numbers"),
        ({"--voxel-nm": ""}, "does not state its voxel size"),
        ({"16": "0"}, "sizes must be positive"),
        ({"16": "1"}, "outside the volume, which spans 0 to 0.048 x"),
        ({"synapses.csv": "labels.npy"}, ""),
        ({"mine": "worm"}, "comes with anlage"),
        ({"+": "--threshold 7"}, "No synapse of mine is left"),
        ({"+": "--axes xyx"}, "axes are 'xyx'"),
        ({"+": "--unit um"}, "leave it out"),
        ({"+": "--somata synapses.csv"}, "has no column called"),
        ({"+": "--reach-nm -3"}, "must be 0 or more"),
    ],
)
def test_wrong_input_is_answered_in_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str], sentence: str
) -> None:
    words = ["labels.npy", "--synapses", "synapses.csv", "--voxel-nm", "16", "16", "32", "--name", "mine"]
    for old, new in change.items():
        if old == "--voxel-nm":
            del words[3:7]
        words = [*words, *new.split()] if old == "+" else [new if word == old else word for word in words]
    assert typed(*words) == EXIT_ERROR
    error = capsys.readouterr().err
    assert error.startswith("anlage: ") and sentence in error and error.count("\n") == 1
    assert not list((folder / "data").rglob("*.npz"))

"""The embedded files come out of the pinned wheels; runs where ANLAGE_WHEELS names a folder that holds them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "scripts" / "rebuild_embedded.py"
WHEELS = os.environ.get("ANLAGE_WHEELS", "")

pytestmark = pytest.mark.skipif(not WHEELS, reason="ANLAGE_WHEELS does not name a folder with the pinned wheels")


def rebuild(*arguments: str, wheels: str = WHEELS) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--wheels", wheels, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_committed_arrays_are_those_of_the_wheels() -> None:
    done = rebuild("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_builds_are_equal_byte_for_byte(tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert rebuild("--out", str(tmp_path / name)).returncode == 0
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert "SHA256SUMS" in files and len(files) == 10
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_the_check_fails_and_names_the_array_when_one_number_was_changed(tmp_path: Path) -> None:
    assert rebuild("--out", str(tmp_path)).returncode == 0
    path = tmp_path / "mushroom_body.npz"
    with np.load(path, allow_pickle=False) as kept:
        arrays = dict(kept)
    arrays["left"][3, 4] += 1
    np.savez_compressed(path, **arrays)
    done = rebuild("--check", "--out", str(tmp_path))
    assert done.returncode == 1
    assert "mushroom_body.npz: array 'left' differs." in done.stdout


def test_a_wheel_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    for wheel in Path(WHEELS).glob("*.whl"):
        (tmp_path / wheel.name).symlink_to(wheel.resolve())
    changed = tmp_path / "cect-0.3.5-py3-none-any.whl"
    changed.unlink()
    shutil.copy(tmp_path / "flycns-0.7.0-py3-none-any.whl", changed)
    done = rebuild("--check", wheels=str(tmp_path))
    assert done.returncode == 1
    assert "is pinned" in done.stderr

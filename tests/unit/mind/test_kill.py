"""Minds that are killed, not asked to stop: at moments nobody chose, by day and by night, alone and with their processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from anlage.learning import Blueprint
from anlage.mind import AreaPlan, MindRecipe, Nights, WorkspacePlan, grow_mind
from anlage.mind.mind import _Day

SMALLEST = Blueprint(connectome="worm-witvliet-1")
RECIPE = MindRecipe(
    name="mortal",
    areas=(AreaPlan("visual", ("image",), SMALLEST), AreaPlan("association", ("visual",), SMALLEST)),
    workspace=WorkspacePlan(width=4, latent=3, topology=SMALLEST),
    schedule=Nights(days=3, sequences=8, steps=4, batch=4, learning_rate=0.01),
)

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings(
        "ignore:.*multi-threaded:DeprecationWarning"
    ),  # from Python 3.12 on; the child only grows
]


def contents(folder: Path) -> dict[str, object]:
    """Everything that a mind keeps: measures byte for byte, checkpoints as what they say of themselves and all their numbers."""
    kept: dict[str, object] = {path.name: path.read_bytes() for path in folder.glob("days/*.json")}
    for path in folder.glob("nights/*.safetensors"):
        with safe_open(path, framework="np") as file:
            numbers = {name: file.get_tensor(name).tobytes() for name in sorted(file.keys())}
            kept[path.name] = (file.metadata(), numbers)
    return kept


def killed(grow: Callable[[], object], after_s: float | None = None) -> bool:
    """Grow in a child that is killed after a while, or kills itself; whether it was killed before its end."""
    child = os.fork()
    if not child:
        try:
            grow()
        finally:  # whatever happens, no second pytest goes on from here
            os._exit(0)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], float]:
    folder = tmp_path_factory.mktemp("whole")
    start = time.monotonic()
    grow_mind(RECIPE, folder)
    return contents(folder), time.monotonic() - start


def test_a_mind_killed_at_random_moments_goes_on_to_the_same_numbers(
    whole: tuple[dict[str, object], float], tmp_path: Path
) -> None:
    untouched, took_s = whole
    rng, kills = np.random.default_rng(0), 0
    for _ in range(4):
        kills += killed(lambda: grow_mind(RECIPE, tmp_path, resume=True), rng.uniform(0, took_s / 2))
    assert kills
    grow_mind(RECIPE, tmp_path, resume=True)
    assert contents(tmp_path) == untouched


def test_a_mind_killed_by_day_lives_that_day_again_and_comes_to_the_same_numbers(
    whole: tuple[dict[str, object], float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = _Day.moment
    for day, (later, moment) in enumerate([(0, 7), (1, 0), (1, 11)]):

        def deadly(self: _Day, t: int, left: list[int] = [later], at: int = moment) -> None:  # noqa: B006
            by_day = self.batch == RECIPE.schedule.sequences  # in the evening more lives are lived, the held-out ones
            if by_day and left[0] == 0 and t == at:
                os.kill(os.getpid(), signal.SIGKILL)
            live(self, t)
            left[0] -= by_day and t == self.n_moments - 1

        with monkeypatch.context() as patch:
            patch.setattr(_Day, "moment", deadly)
            assert killed(lambda: grow_mind(RECIPE, tmp_path, resume=True))
        kept = {path.name for path in (tmp_path / "nights").glob("*")}
        assert kept == {f"{n}-{day:03d}.safetensors" for n in ("visual", "association", "workspace") if day}
    grow_mind(RECIPE, tmp_path, resume=True)
    assert contents(tmp_path) == whole[0]


def test_processes_that_spend_nights_end_with_their_parent_and_the_rest_gives_the_same_numbers(
    whole: tuple[dict[str, object], float], tmp_path: Path
) -> None:
    (tmp_path / "mortal.toml").write_text(RECIPE.to_toml())
    command = [sys.executable, "-m", "anlage", "grow", "mortal.toml", "--out", "run", "--workers", "2"]
    grown = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True, text=True)
    assert grown.stderr is not None
    for said in grown.stderr:
        if "steps of" in said and not said.startswith("  0 of"):
            break
    os.kill(grown.pid, signal.SIGKILL)
    # Closed once nobody holds it any more: neither the parent nor those who spent its nights.
    with grown.stderr:
        assert "Traceback" not in grown.stderr.read()
    grown.wait()
    grow_mind(RECIPE, tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == whole[0]

"""A real Ray cluster on this machine: a head that runs nothing, and two workers of one core each."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'anlage[ray]'")
from ray import cloudpickle  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

from anlage.errors import AnlageError, ControlError  # noqa: E402
from anlage.experience import Digits  # noqa: E402
from anlage.learning import Blueprint, Recipe, Schedule  # noqa: E402
from anlage.study.cluster import RayCluster  # noqa: E402
from anlage.study.compare import compare  # noqa: E402
from anlage.study.question import Comparison, Question  # noqa: E402
from anlage.study.trial import CONNECTOME, Record, Trial, trials  # noqa: E402
from anlage.topology import DegreePreserving, PermuteWeights  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

RECIPE = Recipe(
    name="small",
    topology=Blueprint(connectome="mushroom-body-left"),
    experience=Digits(patch=4),
    schedule=Schedule(steps=2, batch=4, log_every=1),
)
QUESTION = Question(RECIPE, Comparison(controls=(DegreePreserving(swaps_per_edge=4.0), PermuteWeights()), graphs=2))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        made.add_node(num_cpus=1)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def joined(cluster: Any) -> Iterator[RayCluster]:
    """Joined once for several tests: the pool then neither joins nor leaves, and workers are warm."""
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield RayCluster(cluster.address)
    ray.shutdown()


@dataclass(frozen=True)
class Stub(Trial):
    """Leaves a mark each time that it is begun, and does what it is told."""

    folder: Path = Path()
    deaths: int = 0
    error: Exception | None = None

    def run(self) -> Record:
        mark = self.folder / f"{self.index}"
        begun = len(mark.read_text()) if mark.exists() else 0
        mark.write_text("x" * (begun + 1))
        if begun < self.deaths:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.error:
            raise self.error
        return {"index": self.index}


def stubs(folder: Path, n: int = 3, **what: object) -> list[Stub]:
    return [Stub(QUESTION, CONNECTOME, i, folder=folder, **what) for i in range(n)]


def contents(folder: Path) -> dict[str, object]:
    return {path.name: json.loads(path.read_text()) for path in folder.iterdir()}


def test_a_machine_lost_in_the_middle_loses_no_trial_and_changes_no_number(cluster: Any, tmp_path: Path) -> None:
    compare(QUESTION, tmp_path / "here", workers=1)
    doomed, seen = cluster.add_node(num_cpus=1), []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 1:
            cluster.remove_node(doomed, allow_graceful=False)

    compare(QUESTION, tmp_path / "there", pool=RayCluster(cluster.address), progress=progress)
    assert not ray.is_initialized()
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert seen == [(done, 6) for done in range(7)]


def test_a_trial_whose_worker_is_killed_is_begun_again(joined: RayCluster, tmp_path: Path) -> None:
    ((trial, record),) = joined(stubs(tmp_path, 1, deaths=1))
    assert (trial.index, record) == (0, {"index": 0})
    assert (tmp_path / "0").read_text() == "xx"


def test_a_trial_that_loses_every_worker_is_an_error_that_says_what_to_do(joined: RayCluster, tmp_path: Path) -> None:
    with pytest.raises(AnlageError, match=r"lost all 2 workers .* --resume and more --cores") as caught:
        list(replace(joined, retries=1)(stubs(tmp_path, 1, deaths=9)))
    assert "\n" not in str(caught.value) and (tmp_path / "0").read_text() == "xx"


def test_an_interrupted_study_goes_on_with_what_is_missing(joined: RayCluster, tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(QUESTION, tmp_path, pool=joined, progress=stop)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(kept) == 3
    compare(QUESTION, tmp_path, pool=joined)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(trial.file_name for trial in trials(QUESTION))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_an_error_of_a_trial_comes_back_as_itself(joined: RayCluster, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="a broken promise"):
        list(joined(stubs(tmp_path, 1, error=ControlError("a broken promise"))))
    with pytest.raises(AnlageError, match=r"cannot import what a trial needs \(No module named 'anlage'\); install"):
        list(joined(stubs(tmp_path, 1, error=ImportError("No module named 'anlage'"))))


@pytest.mark.parametrize("asked", [{"cores": 2}, {"gpus": 1}])
def test_a_trial_too_large_for_every_machine_is_refused_and_not_waited_for(
    joined: RayCluster, tmp_path: Path, asked: dict[str, int]
) -> None:
    with pytest.raises(AnlageError, match=r"machines of the cluster have at most 1 and 0; ask for fewer"):
        list(replace(joined, **asked)(stubs(tmp_path)))
    assert not list(tmp_path.iterdir())

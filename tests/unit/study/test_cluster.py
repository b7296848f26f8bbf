"""A real Ray cluster on this machine: a head that runs nothing, and two workers of one core each."""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
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
    return [Stub(QUESTION, CONNECTOME, i, folder, **what) for i in range(n)]


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
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert seen == [(done, 6) for done in range(7)]


def test_a_trial_whose_worker_is_killed_is_begun_again(cluster: Any, tmp_path: Path) -> None:
    records = dict(RayCluster(cluster.address)(stubs(tmp_path, deaths=2)))
    assert [records[trial]["index"] for trial in stubs(tmp_path, deaths=2)] == [0, 1, 2]
    assert [(tmp_path / str(i)).read_text() for i in range(3)] == ["xxx"] * 3


def test_a_trial_that_loses_every_worker_is_an_error_that_says_what_to_do(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(AnlageError, match=r"lost its worker 2 times .* --resume and more --cores") as caught:
        list(RayCluster(cluster.address, retries=1)(stubs(tmp_path, 1, deaths=9)))
    assert "\n" not in str(caught.value)


def test_an_interrupted_study_goes_on_with_what_is_missing(cluster: Any, tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(QUESTION, tmp_path, pool=RayCluster(cluster.address), progress=stop)
    assert not ray.is_initialized()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(kept) == 3
    compare(QUESTION, tmp_path, pool=RayCluster(cluster.address))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(trial.file_name for trial in trials(QUESTION))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_an_error_of_a_trial_comes_back_as_itself(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="a broken promise"):
        list(RayCluster(cluster.address)(stubs(tmp_path, 1, error=ControlError("a broken promise"))))
    with pytest.raises(AnlageError, match=r"cannot import what a trial needs \(No module named 'anlage'\); install"):
        list(RayCluster(cluster.address)(stubs(tmp_path, 1, error=ImportError("No module named 'anlage'"))))


@pytest.mark.parametrize("asked", [{"cores": 2}, {"gpus": 1}])
def test_a_trial_too_large_for_every_machine_is_refused_and_not_waited_for(
    cluster: Any, tmp_path: Path, asked: dict[str, int]
) -> None:
    with pytest.raises(AnlageError, match=r"machines of the cluster have at most 1 and 0; ask for fewer"):
        list(RayCluster(cluster.address, **asked)(stubs(tmp_path)))
    assert not list(tmp_path.iterdir())


def test_no_cluster_and_something_else_that_answers_are_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        for address in ("127.0.0.1:9", f"127.0.0.1:{foreign.getsockname()[1]}", "nonsense"):
            with pytest.raises(
                AnlageError, match=rf"No Ray cluster could be joined at {address} \(.*ray start --head"
            ) as e:
                list(RayCluster(address)(stubs(tmp_path)))
            assert "\n" not in str(e.value)

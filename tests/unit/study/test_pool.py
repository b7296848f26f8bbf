"""Where trials run, as far as it can be told without a cluster."""

import socket
import sys
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from anlage.cli.main import main
from anlage.errors import AnlageError, DependencyMissing, UnknownName
from anlage.learning import Recipe
from anlage.study.cluster import RayCluster
from anlage.study.compare import compare
from anlage.study.question import Question
from anlage.study.trial import FORMAT, Record, Trial, trials

QUESTION = Question(Recipe(name="small"))


def record(trial: Trial) -> Record:
    head = {"format": FORMAT, "question": QUESTION.identity, "arm": trial.arm, "index": trial.index}
    return {**head, "curve": [], "diverged": "never run"}


def test_a_pool_is_given_what_is_missing_and_may_finish_it_in_any_order(tmp_path: Path) -> None:
    given: list[Trial] = []

    def backwards(missing: Sequence[Trial]) -> Generator[tuple[Trial, Record]]:
        given.extend(missing)
        for trial in reversed(missing):
            yield trial, record(trial)

    every = trials(QUESTION)
    records = compare(QUESTION, tmp_path, pool=backwards)
    assert given == every and records == [record(trial) for trial in every]
    lost = every[3:5]
    for trial in lost:
        (tmp_path / trial.file_name).unlink()
    given.clear()
    assert compare(QUESTION, tmp_path, pool=backwards) == records
    assert given == lost


def test_a_place_is_read_as_it_is_typed() -> None:
    assert RayCluster.at("ray") == RayCluster("auto")
    assert RayCluster.at("ray:10.0.0.1:6379", cores=2) == RayCluster("10.0.0.1:6379", cores=2)
    assert RayCluster.at("ray://head:10001", gpus=1) == RayCluster("ray://head:10001", gpus=1)
    for where in ("rays", "ray:", "ray://", "slurm"):
        with pytest.raises(UnknownName, match=f"no place to run trials called '{where}'"):
            RayCluster.at(where)


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DependencyMissing, match=r"Ray is needed: pip install 'anlage\[ray\]'"):
        list(RayCluster()(trials(QUESTION)))
    assert list(RayCluster()([])) == []


def answer(server: socket.socket) -> None:
    with server.accept()[0] as line:
        line.recv(64)
        line.sendall(b"HTTP/1.1 400 Bad Request")


def test_no_cluster_and_something_else_that_answers_are_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = ModuleType("ray")
    ray.is_initialized = lambda: False
    ray.init = lambda **_: pytest.fail("Ray was asked, and would have tried for minutes")
    ray.exceptions = SimpleNamespace(RayError=RuntimeError)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr("anlage.study.cluster.KNOCK_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as other:
        port, others = silent.getsockname()[1], other.getsockname()[1]
        threading.Thread(target=answer, args=(other,), daemon=True).start()
        for address, why in (
            (f"127.0.0.1:{port}", "timed out"),
            (f"ray://127.0.0.1:{others}", "what answers there is not Ray"),
            ("127.0.0.1:1", "refused"),
            ("nonsense", "an address is HOST:PORT"),
            ("nonsense:99999", "an address is HOST:PORT"),
        ):
            with pytest.raises(AnlageError, match=rf"No Ray cluster could be joined at {address} \(.*{why}") as caught:
                list(RayCluster(address)(trials(QUESTION)))
            assert "`ray start --head`" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("asked", [{"cores": 0}, {"gpus": -1}, {"retries": -1}])
def test_a_cluster_of_nothing_is_refused(asked: dict[str, int]) -> None:
    with pytest.raises(AnlageError, match=r"of a Ray cluster is .*, but must be at least"):
        RayCluster(**asked)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["--on", "rya"], "no place to run trials called 'rya'; did you mean 'ray'"),
        (["--on", "ray", "--workers", "2"], "--workers counts processes of this machine"),
        (["--on", "ray", "--cores", "0"], "cores of a Ray cluster is 0, but must be at least 1"),
    ],
)
def test_a_place_that_makes_no_sense_is_refused_before_anything_is_run(
    typed: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--out", str(tmp_path / "run"), *typed]) == 1
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1
    assert not (tmp_path / "run").exists()

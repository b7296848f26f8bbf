"""Trials, comparisons and runs on a small recipe; worker processes only where they are the question."""

import json
import os
import pickle  # noqa: TID251 - what process pools do
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from anlage.errors import AnlageError, ControlError, Diverged, IntegrityError, RecipeError, UnknownName
from anlage.experience import Digits
from anlage.learning import Blueprint, PortChoice, Recipe, Schedule
from anlage.learning.grow import Grown
from anlage.study import trial as trial_module
from anlage.study.compare import compare
from anlage.study.judge import final, judge
from anlage.study.outcome import GROWN
from anlage.study.question import Comparison, Question, read_question
from anlage.study.report import write_report
from anlage.study.run import carry_out, read_run
from anlage.study.trial import CONNECTOME, Record, Trial, trials
from anlage.topology import (
    DegreePreserving,
    PermuteWeights,
    Quantity,
    Step,
    Topology,
    quantity,
)

RECIPE = Recipe(
    name="small",
    topology=Blueprint(connectome="mushroom-body-left"),
    experience=Digits(patch=4),
    schedule=Schedule(steps=2, batch=4, log_every=1),
)
QUESTION = Question(RECIPE, Comparison(controls=(DegreePreserving(swaps_per_edge=4.0), PermuteWeights()), graphs=2))
FILES = [
    f"{arm}-{index:03d}.json" for index in range(2) for arm in ("connectome", "degree-preserving", "weight-permuted")
]


def run_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have trials run here instead of in other processes; the file names of those that were."""
    done: list[str] = []

    def here(missing: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, Record]]:
        for trial in missing:
            done.append(trial.file_name)
            yield trial, trial.run()

    monkeypatch.setattr("anlage.study.compare.in_processes", here)
    return done


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return run_here(monkeypatch)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        run_here(patch)
        carry_out(QUESTION, folder)
    return folder


def contents(folder: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("**/*.json"))}


def test_a_question_asks_for_every_arm_with_every_index_interleaved() -> None:
    assert [trial.file_name for trial in trials(QUESTION)] == FILES
    assert [trial.file_name for trial in trials(Question(RECIPE, None))] == ["connectome-000.json"]


def test_trial_and_control_of_one_index_grow_from_one_seed_and_indices_from_different_ones(finished: Path) -> None:
    records = contents(finished / "results")
    seeds = [records[name]["seed"] for name in FILES]
    assert seeds[:3] == [0, 0, 0] and len(set(seeds[3:])) == 1 and seeds[3] != 0
    neighbour = replace(QUESTION, recipe=replace(QUESTION.recipe, seed=1))
    assert not {t.seed for t in trials(QUESTION)} & {t.seed for t in trials(neighbour)}
    histories = {name: str(records[name]["history"]) for name in FILES}
    assert histories["connectome-000.json"] == histories["connectome-001.json"]
    assert histories["degree-preserving-000.json"] != histories["degree-preserving-001.json"]
    for name in FILES:
        promised = [finding["true"] for finding in records[name]["certificate"]]
        assert all(promised)
        assert bool(promised) == ("connectome" not in name)


def test_a_finished_run_leaves_nothing_but_its_parts(finished: Path) -> None:
    parts = {str(path.relative_to(finished)) for path in finished.glob("**/*") if path.is_file()}
    assert parts == {"question.toml", "grown.safetensors", "result.json", *(f"results/{name}" for name in FILES)}
    assert read_question((finished / "question.toml").read_text()) == QUESTION


def test_a_question_declared_in_the_folder_keeps_its_comments_and_another_one_is_replaced(
    tmp_path: Path, ran: list[str]
) -> None:
    declared = f"# Written before the run.\n{QUESTION.to_toml()}"
    other = replace(QUESTION, recipe=replace(QUESTION.recipe, seed=1)).to_toml()
    for folder, before, after in (("same", declared, declared), ("other", other, QUESTION.to_toml())):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "question.toml").write_text(before)
        carry_out(QUESTION, tmp_path / folder)
        assert (tmp_path / folder / "question.toml").read_text() == after


def test_two_worker_processes_give_the_records_that_one_process_gives(finished: Path, tmp_path: Path) -> None:
    records = compare(QUESTION, tmp_path, workers=2)
    assert contents(tmp_path) == contents(finished / "results")
    assert json.loads(json.dumps(records)) == list(map(contents(finished / "results").get, FILES))


def stop_after(n: int) -> Callable[[str, int, int], None]:
    def progress(what: str, done: int, total: int) -> None:
        if what == "trials" and done == n:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("n", [3, 6])
def test_an_interrupted_study_is_finished_without_doing_anything_twice(
    finished: Path, tmp_path: Path, ran: list[str], n: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        carry_out(QUESTION, tmp_path, progress=stop_after(n))
    assert ran == FILES[1:n]
    with pytest.raises(AnlageError, match=r"not finished; run `anlage grow .*question\.toml --out .* --resume` first"):
        read_run(tmp_path)
    resumed = carry_out(QUESTION, tmp_path, resume=True)
    assert ran == FILES[1:]
    assert contents(tmp_path) == contents(finished)
    assert json.loads(json.dumps(list(resumed.records))) == list(map(contents(finished / "results").get, FILES))


def test_an_interruption_while_the_connectome_learns_loses_nothing_either(
    finished: Path, tmp_path: Path, ran: list[str]
) -> None:
    def progress(what: str, done: int, total: int) -> None:
        if what == "steps" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(QUESTION, tmp_path, progress=progress)
    steps: list[int] = []
    carry_out(
        QUESTION, tmp_path, resume=True, progress=lambda what, done, _: steps.append(done) if what == "steps" else None
    )
    assert steps == [2]
    assert contents(tmp_path) == contents(finished)


def copy_of(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.mark.parametrize(
    "damage", ["truncated", "empty", "other bytes", "another question", "another index", "no curve"]
)
def test_a_trial_file_that_is_damaged_or_foreign_is_redone_and_not_trusted(
    finished: Path, tmp_path: Path, ran: list[str], damage: str
) -> None:
    folder = copy_of(finished, tmp_path)
    file = folder / "results" / FILES[4]
    record = json.loads(file.read_text())
    damaged = {
        "truncated": file.read_bytes()[:-10],
        "empty": b"",
        "other bytes": b"\xff\xfe\x00",
        "another question": json.dumps({**record, "question": "0" * 16}).encode(),
        "another index": json.dumps({**record, "index": 7}).encode(),
        "no curve": json.dumps({**record, "curve": []}).encode(),
    }
    file.write_bytes(damaged[damage])
    with pytest.raises(AnlageError, match=r"1 of 6 trials are missing in .*--resume"):
        read_run(folder)
    carry_out(QUESTION, folder, resume=True)
    assert ran == [FILES[4]]
    assert contents(folder) == contents(finished)


def test_a_finished_run_is_read_back_as_it_was(finished: Path, ran: list[str]) -> None:
    run = read_run(finished)
    assert run.question == QUESTION
    assert not ran
    result = json.loads((finished / "result.json").read_text())
    assert [c["sentence"] for c in result["contrasts"]] == [c.sentence for c in run.contrasts]
    assert len(run.contrasts) == 2 * len(GROWN)
    assert result["raw_probe_accuracy"] == run.raw_probe_accuracy > 0.8


def test_contrasts_are_those_of_the_last_entries_of_the_curves(finished: Path) -> None:
    records = list(contents(finished / "results").values())
    by_hand = {arm: [] for arm in (CONNECTOME, "weight-permuted")}
    for name in FILES:
        arm = name[:-9]
        if arm in by_hand:
            by_hand[arm].append(contents(finished / "results")[name]["curve"][-1]["prediction_error"])
    assert final(records, CONNECTOME, "prediction_error").tolist() == by_hand[CONNECTOME]
    contrast = next(
        c for c in judge(QUESTION, records) if (c.control, c.outcome) == ("weight-permuted", "prediction_error")
    )
    assert contrast.difference == pytest.approx(np.mean(by_hand[CONNECTOME]) - np.mean(by_hand["weight-permuted"]))
    assert contrast.verdict == "undecided"


def test_the_folder_of_another_recipe_is_refused_and_left_alone(finished: Path, tmp_path: Path, ran: list[str]) -> None:
    folder = copy_of(finished, tmp_path)
    before = {path: path.read_bytes() for path in folder.glob("**/*") if path.is_file()}
    for other in (Question(replace(RECIPE, seed=5), QUESTION.comparison), Question(RECIPE, None)):
        with pytest.raises(
            RecipeError, match=r"holds a run of another recipe \(small, .*choose another folder with --out"
        ):
            carry_out(other, folder, resume=True)
    assert {path: path.read_bytes() for path in folder.glob("**/*") if path.is_file()} == before
    assert not ran


def test_a_folder_in_which_nothing_was_finished_may_be_taken_over(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no group of neurons called 'nobody'"):
        carry_out(Question(replace(RECIPE, ports=PortChoice(input=("nobody",))), None), tmp_path)
    mended = Question(RECIPE, None)
    assert len(carry_out(mended, tmp_path).records) == 1
    assert read_run(tmp_path).question.identity == mended.identity


def test_the_folder_of_the_same_recipe_needs_resume(finished: Path, ran: list[str]) -> None:
    with pytest.raises(RecipeError, match=r"already holds a run of this recipe; add --resume"):
        carry_out(QUESTION, finished)
    assert not ran


def test_a_run_is_not_gone_on_with_on_other_data_under_the_same_name(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    record = folder / "results" / FILES[0]
    kept = json.loads(record.read_text())
    kept["history"][0]["arguments"]["connectome"] += "-0123456789ab"
    record.write_text(json.dumps(kept))
    with pytest.raises(RecipeError, match=r"begun on the connectome '.*-0123456789ab', but that name now holds"):
        carry_out(QUESTION, folder, resume=True)


def diverging(monkeypatch: pytest.MonkeyPatch, lost: set[str]) -> list[str]:
    """Have learning diverge in the trials of these files, and every trial run here."""
    ran = run_here(monkeypatch)
    grow = trial_module.grow

    def grow_or_not(recipe: Recipe, topology: Topology | None = None, **more: Any) -> Grown:
        if (FILES[0] if topology is None else ran[-1]) in lost:
            raise Diverged("The loss became nan at step 1; lower the learning rate.")
        return grow(recipe, topology, **more)

    for module in ("trial", "run"):
        monkeypatch.setattr(f"anlage.study.{module}.grow", grow_or_not)
    return ran


@pytest.mark.parametrize("lost", [{FILES[4]}, {FILES[0], FILES[5]}, {FILES[1], FILES[4]}])
def test_a_trial_that_diverges_becomes_a_record_and_the_others_go_on(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: set[str]
) -> None:
    ran = diverging(monkeypatch, lost)
    run = carry_out(QUESTION, tmp_path)
    assert ran == FILES[1:]
    records, whole = contents(tmp_path / "results"), contents(finished / "results")
    for name in FILES:
        if name in lost:
            assert records[name]["diverged"] == "The loss became nan at step 1; lower the learning rate."
            assert (records[name]["curve"], records[name]["seed"]) == ([], whole[name]["seed"])
        else:
            assert records[name] == whole[name]
    assert {c.verdict for c in run.contrasts} == {"undecided"}
    told = json.loads((tmp_path / "result.json").read_text())["diverged"]
    assert {f"{one['arm']}-{one['index']:03d}.json" for one in told} == lost
    pairs = {"degree-preserving": (1, 4), "weight-permuted": (2, 5)}
    for contrast in run.contrasts:
        touched = {FILES[i] for i in pairs[contrast.control]} | {FILES[0], FILES[3]}
        assert (contrast.reason == "a trial diverged") == bool(touched & lost)
    # What is known is not tried again, and what was written can be read.
    again = carry_out(QUESTION, tmp_path, resume=True)
    assert ran == FILES[1:] and len(read_run(tmp_path).records) == len(again.records) == 6
    page = write_report(run).read_text("utf-8")
    assert f"Learning diverged in {len(lost)} of 6 trials" in page and "became nan at step 1" in page
    assert ">nan<" not in page and "(nan)" not in page


def test_a_connectome_that_diverges_throughout_is_an_error_that_names_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverging(monkeypatch, {FILES[0], FILES[3]})
    run = carry_out(QUESTION, tmp_path)
    with pytest.raises(Diverged, match=r"diverged in every trial on the connectome; the records in .* say why"):
        write_report(run)
    assert len(list((tmp_path / "results").iterdir())) == 6


def test_without_controls_a_divergence_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diverging(monkeypatch, {FILES[0]})
    with pytest.raises(Diverged, match="became nan"):
        carry_out(Question(RECIPE, None), tmp_path)
    assert not (tmp_path / "results").exists()


def altered(records: Sequence[Record], arm: str, **change: object) -> list[Record]:
    return [{**record, **change} if record["arm"] == arm else record for record in records]


def test_records_that_cannot_be_compared_raise_a_doubt(finished: Path) -> None:
    """Twenty pairs, each a copy of the first, with other graphs and scattered scores: decided, unless something is amiss."""
    some, records = contents(finished / "results"), []
    for i in range(20):
        for name in FILES[:2]:
            entry = some[name]["curve"][-1]
            end = {**entry, "prediction_error": 0.5 + 0.001 * i * (name == FILES[1])}
            start = {**entry, "prediction_error": 0.9}
            records.append({**some[name], "index": i, "graph": str(i), "curve": [start, end]})
    comparison = Comparison(controls=(DegreePreserving(),), outcomes=("prediction_error",), margin=(0.1,))
    question = Question(RECIPE, comparison)

    def judged(found: Sequence[Record]) -> tuple[str, str]:
        (contrast,) = judge(question, found)
        return contrast.verdict, contrast.reason

    assert judged(records) == ("equivalent", "")
    assert judged(altered(records, CONNECTOME, versions={"torch": "0"})) == ("undecided", "irreproducible")
    blind = altered(records, "degree-preserving", audit={"neurons": 0})
    assert judged(blind) == ("undecided", "failed audit")
    easy = [{**r, "curve": [{**r["curve"][1], "prediction_error": 0.3}, r["curve"][1]]} for r in records]
    assert judged(easy) == ("undecided", "floor")


def test_a_folder_without_a_run_is_answered_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(AnlageError, match=r"holds no run \(it has no question\.toml\); name a folder") as caught:
        read_run(tmp_path)
    assert "\n" not in str(caught.value)


@dataclass(frozen=True)
class Mislabelled:
    """Says that it rewires, and only deals the weights out again."""

    name: ClassVar[str] = "mislabelled"
    keeps: ClassVar[frozenset[Quantity]] = frozenset({quantity.OUT_DEGREE})
    destroys: ClassVar[frozenset[Quantity]] = frozenset({quantity.EDGE_SET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        return topology.reweighted(Step(self.name), rng.permutation(topology.weight))


def test_a_control_that_breaks_its_promise_stops_the_study(tmp_path: Path, ran: list[str]) -> None:
    question = Question(RECIPE, Comparison(controls=(Mislabelled(),), graphs=2))
    with pytest.raises(
        ControlError,
        match=r"'mislabelled' is mislabelled: it declares that it destroys the set of edges, but found unchanged",
    ):
        carry_out(question, tmp_path)
    assert ran == ["mislabelled-000.json"]
    assert not (tmp_path / "result.json").exists()
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["connectome-000.json"]


@pytest.mark.parametrize("kind", [*AnlageError.__subclasses__(), IntegrityError, ControlError])
def test_every_error_survives_the_way_back_from_a_worker_process(kind: type[AnlageError]) -> None:
    error = kind("group", "inptu", ["input", "output"]) if kind is UnknownName else kind("One sentence.")  # type: ignore
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - what process pools do
    assert type(back) is kind
    assert str(back) == str(error)


def test_a_worker_process_that_is_killed_ends_the_study_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __enter__(self) -> "Killed":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def shutdown(self, **_: object) -> None:
            pass

        def submit(self, *_: object) -> Any:
            from concurrent.futures import Future

            future: Future[Record] = Future()
            future.set_exception(BrokenProcessPool("A process in the process pool was terminated abruptly"))
            return future

    monkeypatch.setattr("anlage.study.compare.ProcessPoolExecutor", Killed)
    with pytest.raises(AnlageError, match=r"worker process was killed, .* memory .*--resume and fewer --workers"):
        compare(QUESTION, tmp_path, workers=1)
    assert not list(tmp_path.iterdir())


def test_a_trial_of_an_unknown_arm_is_refused() -> None:
    with pytest.raises(RecipeError, match="no control called 'nobody'"):
        Trial(QUESTION, "nobody", 0).run()


def test_a_trial_accepts_its_own_record_and_no_other(finished: Path) -> None:
    records = contents(finished / "results")
    for trial in trials(QUESTION):
        assert [name for name in FILES if trial.accepts(records[name])] == [trial.file_name]
        assert not Trial(Question(RECIPE, None), trial.arm, trial.index).accepts(records[trial.file_name])


def test_records_are_written_one_by_one_and_survive_a_full_disk(
    tmp_path: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    replaced = Path.replace

    def full(path: Path, target: Path) -> Path:
        if target.name == FILES[2]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replaced(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(AnlageError, match=r"weight-permuted-000\.json could not be written \(No space left"):
            compare(QUESTION, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES[:2])

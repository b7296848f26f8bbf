"""A run on disk: the question, the grown network, a record per trial, the result. What is finished is never done twice.

question.toml         the question, as it was asked
results/ARM-NNN.json  one record per trial
result.json           contrasts and verdicts
grown.safetensors     the network on the connectome, with everything needed to go on
report.html           all of it, to look at
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from anlage.errors import AnlageError, Diverged, RecipeError
from anlage.learning.assay import Assay, input_only
from anlage.learning.checkpoint import read_json, read_text, write_json, write_text
from anlage.learning.grow import grow
from anlage.learning.measure import raw_accuracy
from anlage.study.compare import Pool, compare, one_thread
from anlage.study.judge import judge
from anlage.study.question import Question, read_question
from anlage.study.statistics import Contrast
from anlage.study.trial import CONNECTOME, Record, Trial, diverged

FORMAT = "anlage-run-1"
Progress = Callable[[str, int, int], None]
"""Called with what is being counted, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A finished run: the question, every record, every contrast, and what the probe reaches on raw observations.

    Of an assay, ``input_only`` holds the scores of a ridge readout on the input, and ``raw_probe_accuracy`` is NaN.
    """

    folder: Path
    question: Question
    records: Sequence[Record]
    contrasts: Sequence[Contrast]
    raw_probe_accuracy: float
    input_only: Mapping[str, float] = field(default_factory=dict)


def carry_out(
    question: Question,
    folder: Path,
    *,
    resume: bool = False,
    workers: int | None = None,
    pool: Pool | None = None,
    progress: Progress | None = None,
) -> Run:
    """Answer a question in a folder: grow on the connectome, run every other trial (in ``pool``, or here), judge.

    Raises ``RecipeError`` when the folder holds a run already and ``resume`` is not set, holds another question's, or was begun
    on a connectome that has since been replaced under its name.
    """
    report = progress or (lambda _what, _done, _total: None)
    _claim(question, folder, resume)
    first = Trial(question, CONNECTOME, 0, question.cells[0])
    record_file = folder / "results" / first.file_name
    with one_thread():
        kept = read_json(record_file, first.accepts)
        if kept is None:
            write_json(record_file, _first_record(first, folder / "grown.safetensors", report))
        else:
            _demand_same_wiring(kept, question, folder)
        alone = _without_network(question)
    records = compare(
        question,
        folder / "results",
        workers=workers,
        pool=pool,
        progress=lambda done, total: report("trials", done, total),
    )
    result: dict[str, object] = {
        "format": FORMAT,
        "question": question.identity,
        **alone,
        "diverged": [{"arm": r["arm"], "index": r["index"], "why": r["diverged"]} for r in diverged(records)],
        "contrasts": [c.to_json() for c in judge(question, records)],
    }
    write_json(folder / "result.json", result)
    return _run(folder, question, records, result)


def _demand_same_wiring(kept: Record, question: Question, folder: Path) -> None:
    """The key of an imported connectome names its data, which may have been replaced since."""
    now = question.recipe.topology.topology().history[0].arguments["connectome"]
    begun = [step["arguments"].get("connectome") for step in cast(Sequence[Mapping[str, Any]], kept["history"])[:1]]
    if begun and begun != [now]:
        raise RecipeError(
            f"The run in {folder} was begun on the connectome {begun[0]!r}, but that name now holds {now!r}; choose another "
            "--out to ask it of the new data."
        )


def _without_network(question: Question) -> dict[str, object]:
    """What can be read from the input itself, by the name under which the result holds it."""
    recipe = question.recipe
    if isinstance(recipe, Assay):
        return {"input_only": dict(input_only(recipe))}
    return {"raw_probe_accuracy": raw_accuracy(recipe.open_experience())}


def _run(folder: Path, question: Question, records: Sequence[Record], result: Mapping[str, object]) -> Run:
    raw, alone = float(str(result.get("raw_probe_accuracy", "nan"))), result.get("input_only", {})
    return Run(folder, question, records, judge(question, records), raw, cast(Mapping[str, float], alone))


def _first_record(trial: Trial, checkpoint: Path, report: Progress) -> Record:
    """Grow the connectome's first trial here, where it can be gone on with. Without controls a divergence is an error."""
    recipe = trial.recipe
    if isinstance(recipe, Assay):
        record = trial.run()
        if trial.question.comparison is None and "diverged" in record:
            raise Diverged(str(record["diverged"]))
        return record
    try:
        grown = grow(recipe, checkpoint=checkpoint, progress=lambda done, total: report("steps", done, total))
    except Diverged as error:
        if trial.question.comparison is None:
            raise
        return trial.lost(recipe.topology.topology(), None, error)
    return trial.record(grown, None)


def read_run(folder: Path) -> Run:
    """A finished run from its folder.

    Raises ``AnlageError`` when there is none, or when a part is missing or damaged.
    """
    asked = folder / "question.toml"
    if not asked.is_file():
        raise AnlageError(
            f"{folder} holds no run (it has no question.toml); name a folder that `anlage grow` has written."
        )
    question = read_question(read_text(asked), str(asked))
    result = read_json(
        folder / "result.json", lambda r: r.get("format") == FORMAT and r.get("question") == question.identity
    )
    if result is None:
        raise AnlageError(
            f"The run in {folder} is not finished; run `anlage grow {asked} --out {folder} --resume` first."
        )
    records = compare(question, folder / "results", workers=0)
    return _run(folder, question, records, result)


def _claim(question: Question, folder: Path, resume: bool) -> None:
    """Take possession of a folder for this question; refuse to touch any other run that has anything to lose.

    A question that was declared in the folder before the run stays as it was written, with its comments.
    """
    asked = folder / "question.toml"
    other = read_question(read_text(asked), str(asked)) if asked.exists() else None
    if other is None or not ((folder / "grown.safetensors").exists() or any(folder.glob("results/*"))):
        if other is None or other.identity != question.identity:
            write_text(asked, question.to_toml())
        return
    if other.identity != question.identity:
        raise RecipeError(
            f"{folder} holds a run of another recipe ({other.recipe.name}, identity {other.identity}; this one is "
            f"{question.recipe.name}, {question.identity}); choose another folder with --out."
        )
    if not resume:
        raise RecipeError(
            f"{folder} already holds a run of this recipe; add --resume to go on with it, or choose another --out."
        )

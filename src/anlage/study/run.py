"""A run on disk: the question, the grown network, a record per trial, the result. What is finished is never done twice.

question.toml         the question, as it was asked
results/ARM-NNN.json  one record per trial
result.json           contrasts and verdicts
grown.safetensors     the network on the connectome, with everything needed to go on
report.html           all of it, to look at
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anlage.errors import AnlageError, Diverged, RecipeError
from anlage.learning.checkpoint import read_json, read_text, write_json, write_text
from anlage.learning.grow import grow
from anlage.learning.measure import raw_accuracy
from anlage.study.compare import compare, one_thread
from anlage.study.judge import judge
from anlage.study.question import Question, read_question
from anlage.study.statistics import Contrast
from anlage.study.trial import CONNECTOME, Record, Trial, diverged

FORMAT = "anlage-run-1"
Progress = Callable[[str, int, int], None]
"""Called with what is being counted, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A finished run: the question, every record, every contrast, and what the probe reaches on raw observations."""

    folder: Path
    question: Question
    records: Sequence[Record]
    contrasts: Sequence[Contrast]
    raw_probe_accuracy: float


def carry_out(
    question: Question,
    folder: Path,
    *,
    resume: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Answer a question in a folder: grow on the connectome, run every other trial, judge.

    Raises ``RecipeError`` when the folder holds a run already and ``resume`` is not set, or holds another question's.
    """
    report = progress or (lambda _what, _done, _total: None)
    _claim(question, folder, resume)
    first = Trial(question, CONNECTOME, 0)
    record_file = folder / "results" / first.file_name
    with one_thread():
        if read_json(record_file, first.accepts) is None:
            write_json(record_file, _first_record(first, folder / "grown.safetensors", report))
        raw = raw_accuracy(question.recipe.open_experience())
    records = compare(
        question, folder / "results", workers=workers, progress=lambda done, total: report("trials", done, total)
    )
    found = judge(question, records)
    result = {
        "format": FORMAT,
        "question": question.identity,
        "raw_probe_accuracy": raw,
        "diverged": [{"arm": r["arm"], "index": r["index"], "why": r["diverged"]} for r in diverged(records)],
        "contrasts": [c.to_json() for c in found],
    }
    write_json(folder / "result.json", result)
    return Run(folder, question, records, found, raw)


def _first_record(trial: Trial, checkpoint: Path, report: Progress) -> Record:
    """Grow the connectome's first trial here, where it can be gone on with. Without controls a divergence is an error."""
    recipe = trial.question.recipe
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
    return Run(folder, question, records, judge(question, records), float(str(result["raw_probe_accuracy"])))


def _claim(question: Question, folder: Path, resume: bool) -> None:
    """Take possession of a folder for this question; refuse to touch any other run that has anything to lose."""
    asked = folder / "question.toml"
    if not asked.exists() or not ((folder / "grown.safetensors").exists() or any(folder.glob("results/*"))):
        write_text(asked, question.to_toml())
        return
    other = read_question(read_text(asked), str(asked))
    if other.identity != question.identity:
        raise RecipeError(
            f"{folder} holds a run of another recipe ({other.recipe.name}, identity {other.identity}; this one is "
            f"{question.recipe.name}, {question.identity}); choose another folder with --out."
        )
    if not resume:
        raise RecipeError(
            f"{folder} already holds a run of this recipe; add --resume to go on with it, or choose another --out."
        )

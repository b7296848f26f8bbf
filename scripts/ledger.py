"""Thousands of trials in one small file: of each the scores and the graph, so that a study of many levels can be kept."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from anlage.errors import AnlageError
from anlage.learning.assay import Assay, assay, assay_design
from anlage.learning.checkpoint import write_text
from anlage.study.compare import one_thread
from anlage.study.question import Question
from anlage.study.trial import Record, Trial, trials
from anlage.topology import Certificate, Topology

FORMAT = "anlage-ledger-1"
OFTEN = 40
"""Rows after which the file is written again: an interruption loses no more."""
HEAD = ("arm", "index", "level")
Row = Mapping[str, Any]


def read(path: Path, identity: str) -> list[Row]:
    """The rows of a ledger, none where there is no file. Raises ``AnlageError`` for a ledger of another question."""
    if not path.exists():
        return []
    found = json.loads(path.read_text("utf-8"))
    if found["format"] != FORMAT or found["question"] != identity:
        raise AnlageError(f"{path} answers another question; delete it, and run run.py again.")
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]


def fill(path: Path, identity: str, wanted: Iterable[tuple[str, int, int]], make: Callable[..., Row]) -> list[Row]:
    """Rows for all ``wanted`` (arm, index, number of the level): those in the file as they are, others made one by one."""
    rows = read(path, identity)
    done = {tuple(row[name] for name in HEAD): row for row in rows}
    with one_thread():
        for key in wanted:
            if key not in done:
                done[key] = dict(zip(HEAD, key, strict=True)) | {k: _short(v) for k, v in make(*key).items()}
                if len(done) % OFTEN == 0:
                    _write(path, identity, list(done.values()))
    _write(path, identity, list(done.values()))
    return list(done.values())


def answer(question: Question, path: Path) -> None:
    """Run every trial of a question about an assay that the ledger lacks. A graph is drawn once, not once per level."""
    at = {(t.arm, t.index, t.cell.number): t for t in trials(question)}
    designs = {design.name: design for design in question.comparison.networks} if question.comparison else {}

    @lru_cache(maxsize=8)
    def wired(arm: str, index: int) -> tuple[Topology, Certificate | None]:
        return Trial(question, arm, index, question.cells[0]).wired()

    def make(arm: str, index: int, level: int) -> Row:
        trial, recipe = at[arm, index, level], at[arm, index, level].recipe
        if not isinstance(recipe, Assay):
            raise AnlageError(f"{recipe.name} is no assay, and a ledger keeps scores of assays only.")
        record: Any
        if arm in designs:
            record = trial.record(assay_design(recipe, designs[arm]), None)
        else:
            topology, certificate = wired(arm, index)
            record = trial.record(assay(recipe, topology), certificate)
        scores = {k: v for k, v in record["curve"][-1].items() if k not in ("step", "loss")}
        kept = {name: record.get(name) for name in ("seed", "graph", "penalty", "oracle", "chance")}
        return kept | {"reached": record["audit"]["neurons"] if "audit" in record else None} | scores

    fill(path, question.identity, at, make)


def records(question: Question, path: Path) -> list[Record]:
    """The records of a finished question as ``anlage.study.judge`` takes them. Raises ``AnlageError`` while some are missing."""
    rows = {tuple(row[name] for name in HEAD): row for row in read(path, question.identity)}
    wanted = trials(question)
    if missing := [t for t in wanted if (t.arm, t.index, t.cell.number) not in rows]:
        raise AnlageError(f"{len(missing)} of {len(wanted)} trials are missing in {path}; finish them with run.py.")
    return [_record(t, rows[t.arm, t.index, t.cell.number]) for t in wanted]


def _record(trial: Trial, row: Row) -> Record:
    level = {"level": trial.cell.plain} if trial.cell.chosen else {}
    audit = {} if row["reached"] is None else {"audit": {"neurons": row["reached"]}}
    return {**row, "curve": [{"step": 0, **row}], "versions": {}, **audit, "level": {}, **level}


def _short(value: object) -> object:
    return float(f"{value:.7g}") if isinstance(value, float) else value


def _write(path: Path, identity: str, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))  # some levels have scores that others have not
    head = {
        "format": FORMAT,
        "question": identity,
        "versions": {name: version(name) for name in ("anlage", "torch", "numpy", "scipy")},
        "columns": names,
    }
    lines = ",\n".join(json.dumps([row.get(name) for name in names]) for row in rows)
    write_text(path, json.dumps(head)[:-1] + f', "rows": [\n{lines}\n]}}\n')

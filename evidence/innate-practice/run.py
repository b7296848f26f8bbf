"""Run the trials that question.toml declares: python evidence/innate-practice/run.py

Every finished trial is written at once to results/, and is not run again; an interrupted one goes on from its checkpoint in
runs/innate-practice. About half an hour of processor time.
"""

import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from anlage.learning.checkpoint import read_json, write_json
from anlage.study.practice import PracticePlan, PracticeTrial

HERE = Path(__file__).parent
RESULTS, ROOM = HERE / "results", HERE.parents[1] / "runs" / "innate-practice"
TEXT = (HERE / "question.toml").read_bytes()
QUESTION: dict[str, Any] = tomllib.loads(TEXT.decode())
CHECKSUM = sha256(TEXT).hexdigest()[:16]


def wanted() -> Iterator[tuple[str, int]]:
    """Every trial: its arm as the question calls it, and its index; trial 0 of every arm first."""
    trials: dict[str, int] = QUESTION["trials"]
    for index in range(max(trials.values())):
        yield from ((arm, index) for arm, n in trials.items() if index < n)


def read(arm: str) -> dict[str, Any]:
    """The finished trials of an arm by index; those of another declaration are left out."""
    return read_json(RESULTS / f"{arm}.json", lambda kept: kept.get("question") == CHECKSUM) or {}


def main() -> None:
    """Run what is missing."""
    for arm, index in wanted():
        done: dict[str, Any] = read(arm).get("trials", {})
        if str(index) in done:
            continue
        long = arm.startswith("long-")
        steps = QUESTION["long_steps" if long else "steps"]
        plan = PracticePlan("worm", "swimmer", steps, 1, QUESTION["seed"], innate=True)
        folder = ROOM / str(steps)
        folder.mkdir(parents=True, exist_ok=True)
        record = PracticeTrial(plan, arm.removeprefix("long-"), index, str(folder)).run()
        kept = {key: record[key] for key in ("before", "score", "trained", "curve")}
        write_json(RESULTS / f"{arm}.json", {"question": CHECKSUM, "trials": done | {str(index): kept}})
        print(arm, index, kept["before"], kept["score"], flush=True)


if __name__ == "__main__":
    main()

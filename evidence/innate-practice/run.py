"""Run the trials that question.toml declares: python evidence/innate-practice/run.py

Every finished trial is written at once to results/, and is not run again; an interrupted one goes on from its checkpoint in
runs/innate-practice. About half an hour of processor time.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from innate_trials import ASKED, QUESTION, finished, wanted  # noqa: E402

from anlage.study.practice import PracticePlan, PracticeTrial  # noqa: E402

ROOM = HERE.parents[1] / "runs" / "innate-practice"


def main() -> None:
    """Run what is missing."""
    for arm, index in wanted():
        done = finished(arm)
        if str(index) in done:
            continue
        long = arm.startswith("long-")
        steps = QUESTION["long_steps" if long else "steps"]
        plan = PracticePlan("worm", "swimmer", steps, 1, QUESTION["seed"], innate=True)
        folder = ROOM / str(steps)
        folder.mkdir(parents=True, exist_ok=True)
        record = PracticeTrial(plan, arm.removeprefix("long-"), index, str(folder)).run()
        kept = {key: record[key] for key in ("before", "score", "trained", "curve")}
        ASKED.keep(arm, {"trials": done | {str(index): kept}})
        print(arm, index, kept["before"], kept["score"], flush=True)


if __name__ == "__main__":
    main()

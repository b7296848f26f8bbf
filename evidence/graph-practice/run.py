"""Run the trials that question.toml declares: python evidence/graph-practice/run.py

Every finished trial is written at once to results/, and is not run again; the expert is that of evidence/graph-policy, kept in
runs/graph-policy. About half an hour of processor time.
"""

import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from practice_trials import ASKED, cloning, trial  # noqa: E402

ROOM = HERE.parents[1] / "runs" / "graph-policy"


def main() -> None:
    """Run what is missing."""
    ROOM.mkdir(parents=True, exist_ok=True)
    given = cloning.school(ROOM)
    versions = {name: version(name) for name in ("torch", "numpy", "mujoco")}
    ASKED.keep("school", {"expert": given.score, "versions": versions})
    for arm, index in ASKED.trials():
        name = f"{arm}-{index:02d}"
        if ASKED.read(name) is None:
            record = trial(arm, index, given)
            ASKED.keep(name, record)
            print(name, [round(score) for _, score in record["curve"]], flush=True)


if __name__ == "__main__":
    main()

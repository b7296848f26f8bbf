"""Answer ``question.toml`` into ``results/``, a file per task; an interrupted run goes on where it was.

``python evidence/reservoir-dynamics/run.py [TASK ...]``, then ``page.py``. About ten minutes on one core.
"""

import sys
import tomllib
from pathlib import Path

from anlage.learning.table import toml
from anlage.study.question import Question, read_question

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from ledger import answer  # noqa: E402


def questions() -> dict[str, Question]:
    """Task -> the question as ``anlage compare`` would ask it."""
    asked = tomllib.loads((HERE / "question.toml").read_text("utf-8"))
    found = {}
    for task in asked["tasks"]:
        rules = dict(asked["task"][task])
        comparison = asked["common"]["comparison"] | {"outcomes": [rules.pop("outcome")]}
        table = {
            **asked["common"],
            "name": f"worm-{task}",
            "seed": asked["seed"],
            "task": {"kind": task, **rules},
            "comparison": comparison,
        }
        found[task] = read_question(toml(table), task)
    return found


def main() -> None:
    """Every task named, or all."""
    asked = questions()
    for task in sys.argv[1:] or asked:
        answer(asked[task], HERE / "results" / f"{task}.json")
        print(f"{task}: done", flush=True)


if __name__ == "__main__":
    main()

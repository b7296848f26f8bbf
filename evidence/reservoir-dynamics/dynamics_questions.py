"""The question of this folder as questions that ``anlage compare`` could ask, one per task."""

import tomllib
from pathlib import Path

from anlage.learning.table import toml
from anlage.study.question import Question, read_question

HERE = Path(__file__).parent


DECLARED = {"worm": "question.toml", "larva": "larva.toml"}


def questions(animal: str = "worm") -> dict[str, Question]:
    """Task -> the question as ``anlage compare`` would ask it."""
    asked = tomllib.loads((HERE / DECLARED[animal]).read_text("utf-8"))
    found = {}
    for task in asked["tasks"]:
        rules = dict(asked["task"][task])
        own = {"controls": rules.pop("controls")} if "controls" in rules else {}
        comparison = asked["common"]["comparison"] | {"outcomes": [rules.pop("outcome")]} | own
        table = {
            **asked["common"],
            "name": f"{animal}-{task}",
            "seed": asked["seed"],
            "task": {"kind": task, **rules},
            "comparison": comparison,
        }
        found[task] = read_question(toml(table), task)
    return found


def afterwards() -> Question:
    """Asked after the results were seen: NARMA-10 once more, every arm brought to the same activity, not the same radius.

    The activities are those that the connectome has on one seed at the radii 1.3 and 2.
    """
    table = tomllib.loads(questions()["narma-10"].to_toml()) | {"name": "worm-narma-10-afterwards"}
    controls = [one for one in table["comparison"]["controls"] if one["kind"] != "weight-permuted"]
    table["ports"] = {"input": ["all"], "output": ["all"]}
    table["comparison"] |= {"controls": controls, "factors": {"bulk_activity": [0.32, 0.56]}}
    return read_question(toml(table), "afterwards")

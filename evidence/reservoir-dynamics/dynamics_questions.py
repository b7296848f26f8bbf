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


CLASSES = (
    *("CN", "DN-SEZ", "DN-VNC", "KC", "LHN", "LN", "MB-FBN", "MB-FFN", "MBIN", "MBON", "PN", "PN-somato", "RGN"),
    *("ascending", "pre-DN-SEZ", "pre-DN-VNC", "sensory"),
)
"""Cell classes of the larva, as its release calls them."""


def larva_afterwards() -> dict[str, Question]:
    """Asked of the larva after the results were seen, where it does far better than rewires that keep degrees alone.

    On NARMA-10 at the radii 0.5 and 2, and on memory at 0.5 and 0.9, against rewires that keep degrees with roles or with cell
    classes as well; and on NARMA-10 against degree-preserving rewires brought to the activities that the larva has on one seed
    at its two radii.
    """
    blocks = {"roles": ["input", "inter", "output"], "classes": [f"class:{name}" for name in CLASSES]}
    radii = {"narma-10": [0.5, 2.0], "memory-capacity": [0.5, 0.9]}
    asked = {
        f"{task}-{name}": ({"kind": "block-preserving", "blocks": kept}, {"spectral_radius": levels})
        for task, levels in radii.items()
        for name, kept in blocks.items()
    }
    asked["narma-10-activity"] = {"kind": "degree-preserving"}, {"bulk_activity": [0.005, 0.61]}
    found = {}
    for name, (control, factors) in asked.items():
        task = next(task for task in radii if name.startswith(task))
        table = tomllib.loads(questions("larva")[task].to_toml()) | {"name": f"larva-{name}"}
        table["comparison"] |= {"controls": [control | {"swaps_per_edge": 10.0}], "factors": factors}
        found[name] = read_question(toml(table), name)
    return found

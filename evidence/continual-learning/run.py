"""Answer ``question.toml`` into ``results/``; an interrupted run goes on where it was. About twelve minutes of processor time."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

from anlage.learning import Assay, InTurn
from anlage.network import PerceptronDesign
from anlage.study.factor import Factor
from anlage.study.question import Comparison, Question, read_question

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from ledger import answer  # noqa: E402

WIRINGS = ("worm", "mushroom-body-left")


def question(wiring: str) -> Question:
    """The question about a wiring, as ``anlage compare`` would ask it."""
    whole = read_question((HERE / "question.toml").read_text("utf-8"), "question.toml")
    recipe, asked = cast(Assay, whole.recipe), cast(Comparison, whole.comparison)
    if wiring == recipe.topology.connectome:
        return whole
    scenarios, learners = asked.factors
    fewer = replace(learners, levels=tuple(one for one in learners.levels if one != "ewc"))
    recipe = replace(recipe, name=f"{wiring}-in-turn", topology=replace(recipe.topology, connectome=wiring))
    return Question(recipe, replace(asked, networks=(), factors=(scenarios, fewer)))


def joint(wiring: str) -> Question:
    """The same with all lessons at once, of the connectome and a perceptron: what learning in turn is held against."""
    whole = question(wiring)
    recipe = cast(Assay, whole.recipe)
    recipe = replace(recipe, readout=replace(cast(InTurn, recipe.readout), learner="joint"))
    scenarios = Factor("readout.scenario", ("class", "domain"))
    return Question(
        recipe, Comparison(controls=(), networks=(PerceptronDesign(),), outcomes=("accuracy",), factors=(scenarios,))
    )


def main() -> None:
    """Every trial of both wirings."""
    for wiring in WIRINGS:
        answer(joint(wiring), HERE / "results" / f"{wiring}-joint.json")
        answer(question(wiring), HERE / "results" / f"{wiring}.json")


if __name__ == "__main__":
    main()

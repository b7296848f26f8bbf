"""What ``question.toml`` declares, as questions of the library about each wiring."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from anlage.learning import Assay, InTurn
from anlage.learning.readout import Learner
from anlage.network import PerceptronDesign
from anlage.study.factor import Factor
from anlage.study.question import Comparison, Question, read_question

HERE = Path(__file__).parent
WIRINGS = ("worm", "mushroom-body-left")
BESIDE: Mapping[str, tuple[Learner, ...]] = {"worm": ("joint", "ewc"), "mushroom-body-left": ("joint",)}


def question(wiring: str) -> Question:
    """The question about a wiring, as ``anlage compare`` would ask it."""
    whole = read_question((HERE / "question.toml").read_text("utf-8"), "question.toml")
    recipe, asked = cast(Assay, whole.recipe), cast(Comparison, whole.comparison)
    if wiring == recipe.topology.connectome:
        return whole
    recipe = replace(recipe, name=f"{wiring}-in-turn", topology=replace(recipe.topology, connectome=wiring))
    return Question(recipe, replace(asked, networks=()))


def beside(wiring: str, learner: Learner) -> Question:
    """The same with another learner, of the connectome and a perceptron only: what the others are held against."""
    recipe = cast(Assay, question(wiring).recipe)
    recipe = replace(recipe, readout=replace(cast(InTurn, recipe.readout), learner=learner))
    scenarios = Factor("readout.scenario", ("class", "domain"))
    networks = (PerceptronDesign(),)
    return Question(recipe, Comparison(controls=(), networks=networks, outcomes=("accuracy",), factors=(scenarios,)))

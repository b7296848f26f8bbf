"""Lessons in turn, generalisation, sample efficiency: the rules of the answers, and pages that are what the results say."""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from anlage.connectome.fetch import find_data
from anlage.experience.odour import TABLE

ROOT = Path(__file__).parents[3]
STUDIES = ("continual-learning", "generalisation", "sample-efficiency")
SIBLINGS = ("finding", "ledger", "reservoir", "continual_questions")


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The scripts import one another as scripts do, from their own folders.
    before = list(sys.path)
    sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "evidence" / "continual-learning")]
    yield
    sys.path[:] = before
    for name in SIBLINGS:
        sys.modules.pop(name, None)


def load(study: str, name: str) -> ModuleType:
    path = ROOT / "evidence" / study / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{study}_{name}".replace("-", "_"), path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("study", STUDIES)
def test_the_page_and_its_figure_are_what_the_results_say(study: str) -> None:
    assert load(study, "page").finding().stale() == [], f"run python evidence/{study}/page.py"


@dataclass
class Said:
    level: str
    control: str
    outcome: str
    verdict: str


def verdicts(page: ModuleType, kept: dict[str, str], named: str = "no difference found") -> list[Any]:
    """Verdicts of the naive learner in the scenario ``domain``; nothing is found elsewhere."""
    nothing = "no difference found"
    found = []
    for scenario in page.SCENARIOS:
        for control in page.WIRED:
            here = scenario == "domain"
            forgets = kept.get(control, nothing) if here else nothing
            found.append(Said(page.level(scenario, "naive"), control, "forgetting", forgets))
            found.append(Said(page.level(scenario, "naive"), control, "accuracy", named if here else nothing))
    return found


def test_forgetting_less_counts_only_where_as_much_was_learned() -> None:
    page = load("continual-learning", "page")
    both = dict.fromkeys(page.WIRED, "better")
    assert page.answer(verdicts(page, both)) == "supported"
    assert page.answer(verdicts(page, both, named="worse")) == "not supported"
    assert page.answer(verdicts(page, {"weight-permuted": "better"})) == "partly"
    assert page.answer(verdicts(page, dict.fromkeys(page.WIRED, "undecided"))) == "not supported"


def test_the_question_about_lessons_is_the_one_of_its_file_and_the_same_of_another_wiring() -> None:
    asked = load("continual-learning", "continual_questions")
    worm, body = (asked.question(wiring) for wiring in asked.WIRINGS)
    assert worm.recipe.readout == body.recipe.readout and worm.recipe.task == body.recipe.task
    assert worm.comparison.arms == ("degree-preserving", "weight-permuted", "interface-only", "mlp")
    assert body.comparison.arms == worm.comparison.arms[:-1]
    joint = asked.beside("worm", "joint")
    assert {joint.at(cell).readout.learner for cell in joint.cells} == {"joint"}


def conditions(page: ModuleType, **kept: float) -> dict[str, Any]:
    """A row with a clean accuracy of 0.9, of which the share given for each condition is kept at every grade."""
    row: dict[str, Any] = {"arm": "connectome", "index": 0, "graph": "", "clean": 0.9}
    for kind, names in page.GRADES.items():
        row |= dict.fromkeys(names, 0.1 + 0.8 * kept[kind.replace("-", "_")])
    return row


def test_an_outcome_is_the_mean_share_kept_over_kinds_and_grades() -> None:
    page = load("generalisation", "page")
    row = conditions(
        page, noise=1.0, blur=0.5, occlusion=0.25, contrast=0.25, dead_pixels=0.5, silenced=0.4, longer=0.9
    )
    assert page.grades(row, page.PICTURES) == pytest.approx([0.5] * 4)
    row["noise 2"] = 0.1  # nothing is left at the last grade
    assert page.grades(row, page.PICTURES) == pytest.approx([0.5, 0.5, 0.5, 0.25])
    assert page.outcome([row], "connectome", "pictures") == pytest.approx([0.4375])
    assert page.outcome([row], "connectome", "longer") == pytest.approx([0.9])
    assert page.outcome([row], "connectome", "clean") == pytest.approx([0.9])
    lost = {**row, **dict.fromkeys(page.GRADES["silenced"])}
    assert page.grades(lost, ("silenced",)) == [] and np.isnan(page.outcome([lost], "connectome", "silenced")).all()


def test_every_condition_of_the_question_is_tested_on_the_same_network() -> None:
    page, run = load("generalisation", "page"), load("generalisation", "run")
    question, _ = run.asked()
    question["task"] |= {"n_train": 30, "n_test": 40, "moments": 1}
    recipe = run.recipe(question, "worm-witvliet-1", 0)
    problem = run.pose(recipe)
    network = run.DESIGNS["gru"]().build(64, 10, run.assay(recipe).budget, torch.Generator().manual_seed(0))
    found = run.tested(network, problem, question, run.Seed(0))
    assert set(found) == {"clean", *(name for names in page.GRADES.values() for name in names)}
    assert [name for name, value in found.items() if value is None] == list(page.GRADES["silenced"])
    assert run.tested(network, problem, question, run.Seed(0)) == found


def test_the_answer_about_examples_asks_that_the_wiring_is_used() -> None:
    page = load("sample-efficiency", "page")

    def said(first: str, second: str, bare: str) -> str:
        names = (*page.WIRED, "interface-only")
        answer: str = page.answer([Said("", name, "", v) for name, v in zip(names, (first, second, bare), strict=True)])
        return answer

    assert said("better", "better", "better") == "supported"
    assert said("better", "no difference found", "better") == "partly"
    assert said("better", "better", "no difference found") == "not supported"
    assert said("worse", "no difference found", "better") == "not supported"


@pytest.mark.skipif(find_data(TABLE) is None, reason="the odours need the data folder")
def test_the_first_examples_are_the_same_whatever_their_number() -> None:
    run = load("sample-efficiency", "run")
    question, _ = run.asked()
    for name in question["tasks"]:
        table = {key: value for key, value in question[name].items() if key not in ("connectome", "kind")}
        problem = run.TASKS[question[name]["kind"]](**table).open(np.random.default_rng(0))
        few, many = run.first(problem, 20, 50), run.first(problem, 100, 100)
        assert torch.equal(few.train[:20], many.train[:20]) and torch.equal(few.train[40:], many.train[:10])
        assert torch.equal(few.train_answer[20:40], many.train_answer[:20])
        assert torch.equal(few.test, many.test)

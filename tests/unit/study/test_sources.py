import re
from dataclasses import replace

import pytest

from anlage.connectome.library import load
from anlage.experience import Digits, Mnist, SpokenDigits, Text
from anlage.learning import Recipe
from anlage.learning.recipe import KINDS
from anlage.objective import (
    ContrastivePrediction,
    CosinePrediction,
    MultistepPrediction,
    Objective,
    SigregPrediction,
    VicregPrediction,
)
from anlage.study.question import CONTROLS, Comparison, Question
from anlage.study.sources import bibliography

RECIPE = Recipe(name="x")


def keys(text: str) -> list[str]:
    return re.findall(r"^@\w+\{([^,\s]+),", text, flags=re.MULTILINE)


def test_everything_the_default_question_stands_on_is_cited_once() -> None:
    found = keys(bibliography(Question()))
    assert len(found) == len(set(found))
    wanted = {
        *keys(load("worm").source.bibtex),
        *("alpaydin1998digits", "balestriero2025lejepa", "epps1983test", "rao1996markov"),
        *("crawford1998comparing", "crawford2010point", "davison1997bootstrap", "holm1979simple"),
    }
    assert wanted == set(found)


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [
        (CosinePrediction(), "xu2025nepa"),
        (ContrastivePrediction(), "oord2018representation"),
        (MultistepPrediction(), "hafner2019planet"),
        (SigregPrediction(), "balestriero2025lejepa"),
        (VicregPrediction(), "bardes2022vicreg"),
    ],
)
def test_every_objective_is_cited(objective: Objective, wanted: str) -> None:
    assert wanted in keys(bibliography(Question(replace(RECIPE, objective=objective), None)))
    assert type(objective) in KINDS[Objective].values()


@pytest.mark.parametrize("experience", [Digits(), Mnist(), SpokenDigits(), Text()])
def test_every_experience_is_cited_under_its_key(experience: Digits | Mnist | SpokenDigits | Text) -> None:
    found = keys(bibliography(Question(replace(RECIPE, experience=experience), None)))
    assert experience.source.key in found


# Permutations and ablations have no author.
UNCITED = {
    *("edge-sign-permuted", "neuron-sign-permuted", "weight-permuted", "signed-weight-permuted", "binary-weights"),
    *("ends-permuted", "no-recurrence", "interface-only"),
}


@pytest.mark.parametrize("word", CONTROLS)
def test_every_control_that_has_an_author_is_cited(word: str) -> None:
    alone = keys(bibliography(Question(RECIPE, Comparison(controls=(CONTROLS["weight-permuted"](),)))))
    found = keys(bibliography(Question(RECIPE, Comparison(controls=(CONTROLS[word](),)))))
    assert bool(set(found) - set(alone)) == (word not in UNCITED)


def test_statistics_are_cited_only_where_something_is_compared() -> None:
    assert "holm1979simple" not in keys(bibliography(Question(RECIPE, None)))


def test_equivalence_is_cited_only_where_a_margin_was_declared() -> None:
    comparisons = Comparison(), Comparison(margin=(0.0, 0.02))
    found = [keys(bibliography(Question(RECIPE, comparison))) for comparison in comparisons]
    assert ["schuirmann1987comparison" in each for each in found] == [False, True]


def test_two_controls_with_one_source_cite_it_once() -> None:
    controls = CONTROLS["degree-preserving"](), CONTROLS["block-preserving"]()
    text = bibliography(Question(RECIPE, Comparison(controls=controls)))
    assert text.count("rao1996markov") == 1


def test_every_entry_is_balanced_bibtex() -> None:
    controls = tuple(cls() for cls in CONTROLS.values())
    text = bibliography(Question(RECIPE, Comparison(controls=controls)))
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert text.endswith("}\n")


def test_an_expansion_is_cited() -> None:
    larger = replace(RECIPE, topology=replace(RECIPE.topology, expand=2.0))
    assert {"yu2025biological", "karrer2011stochastic"} <= set(keys(bibliography(Question(larger, None))))
    assert "yu2025biological" not in keys(bibliography(Question(RECIPE, None)))

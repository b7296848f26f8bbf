"""Recipes and questions as TOML, there and back."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from anlage.errors import AnlageError, RecipeError, UnknownName
from anlage.learning import Assay, Blueprint, PortChoice, Recipe, Schedule, read_recipe
from anlage.learning.recipe import ASSAY_KINDS, KINDS
from anlage.learning.table import from_table, to_table
from anlage.network.design import Design
from anlage.study.factor import Factor
from anlage.study.question import CONTROLS, DESIGNS, QUESTION_KINDS, Comparison, Question, read_question

ODD = Recipe(
    name="odd_1",
    topology=Blueprint(
        connectome="optic-lobe-2", kinds=("chemical",), min_synapses=2.5, signs="none", weights="binary"
    ),
    ports=PortChoice(input=("class:sensory", 'a "quoted" \\ name\twith\ncontrol \x7f \x01 characters', "µ"), output=()),
    spectral_radius=1e-12,
    latent=3,
    schedule=Schedule(steps=7, learning_rate=1e-05, weight_decay=0.0),
    seed=-(2**60),
)


@pytest.mark.parametrize(("protocol", "word"), [(p, w) for p, table in ASSAY_KINDS.items() for w in table])
def test_every_kind_of_an_assay_survives_too(protocol: type, word: str) -> None:
    assay = Assay(name="x", **{protocol.__name__.lower(): ASSAY_KINDS[protocol][word]()})
    outcomes = ("nrmse", "r2")
    factors = (Factor("spectral_radius", (0.5, 1.5)), Factor("ports", ("biological", "all")))
    question = Question(assay, Comparison(graphs=3, outcomes=outcomes, factors=factors, tuned=True))
    assert read_question(question.to_toml()) == question
    assert "\ntask = " not in assay.to_toml() and '"physiology.ticks"' not in question.to_toml()


@pytest.mark.parametrize(("protocol", "word"), [(p, w) for p, table in KINDS.items() for w in table])
def test_every_kind_survives_the_way_to_toml_and_back(protocol: type, word: str) -> None:
    field = {"Objective": "objective", "RecordedExperience": "experience"}[protocol.__name__]
    recipe = replace(ODD, **{field: KINDS[protocol][word]()})
    assert read_recipe(recipe.to_toml()) == recipe
    assert tomllib.loads(recipe.to_toml())[field]["kind"] == word


@pytest.mark.parametrize("word", DESIGNS)
def test_every_design_survives_the_way_to_toml_and_back(word: str) -> None:
    question = Question(ODD, Comparison(graphs=3, networks=(DESIGNS[word](),)))
    assert read_question(question.to_toml()) == question
    assert question.identity != Question(ODD, Comparison(graphs=3)).identity


@pytest.mark.parametrize("word", CONTROLS)
def test_every_control_survives_the_way_to_toml_and_back(word: str) -> None:
    question = Question(ODD, Comparison(controls=(CONTROLS[word](),), graphs=3, margin=(0.25,)))
    assert read_question(question.to_toml()) == question
    bare = f'name = "x"\n[comparison]\ncontrols = ["{word}"]'
    assert read_question(bare).comparison == Comparison(controls=(CONTROLS[word](),))


def test_a_question_without_a_comparison_survives_too() -> None:
    assert read_question(Question(ODD, None).to_toml()) == Question(ODD, None)


def test_a_whole_number_written_for_a_fraction_is_the_same_recipe() -> None:
    given = 'name = "x"\nspectral_radius = 1\n[schedule]\nlearning_rate = 1\n'
    assert read_recipe(given).identity == read_recipe(given.replace("= 1", "= 1.0")).identity
    # Nothing checks types when Python users build one, outside of these tests.
    sloppy = Recipe(name="x")
    object.__setattr__(sloppy, "spectral_radius", 1)
    assert sloppy.identity == replace(sloppy, spectral_radius=1.0).identity


def others(hint: Any, value: object) -> Iterator[object]:
    """Values of a field that differ from ``value`` in one place."""
    if hint == tuple[Factor, ...]:
        yield (Factor("physiology.ticks", (1, 2)),)
        yield (Factor("physiology.ticks", (2, 1)),)
        return
    if hint == tuple[Design, ...] or isinstance(value, bool):
        return  # for an assay only; see tests/unit/study/test_factor.py
    if hint == Recipe | Assay:
        hint = Recipe
    if hint in QUESTION_KINDS:
        yield from (cls() for cls in QUESTION_KINDS[hint].values() if type(value) is not cls)
    if is_dataclass(value):
        for field in fields(value):
            for other in others(get_type_hints(type(value))[field.name], getattr(value, field.name)):
                yield replace(value, **{field.name: other})  # type: ignore[type-var]
    elif get_origin(hint) is Literal:
        yield from (choice for choice in get_args(hint) if choice != value)
    elif isinstance(value, tuple):
        if value and is_dataclass(value[0]):
            yield value[:-1]
        elif hint == tuple[float, ...]:
            yield (*value, 0.5)
        else:
            yield (*value, "probe_accuracy" if "prediction_error" in value else "gap_junction")
    elif isinstance(value, str):
        yield value + "x"
    elif isinstance(value, float):
        yield value * 0.5 if value else 0.5
    elif isinstance(value, int):
        yield 2 * value or 1


def test_the_identity_of_a_question_changes_with_every_field_of_it() -> None:
    question = Question()
    changed = list(others(Question, question))
    names = {path for path, _ in leaves(question)}
    assert len(changed) >= len(names) - 2
    identities = [other.identity for other in (question, *changed)]  # type: ignore[attr-defined]
    assert len(set(identities)) == len(identities)


def test_the_identity_of_a_recipe_changes_with_every_field_of_it() -> None:
    changed = list(others(Recipe, Recipe(name="x")))
    identities = [recipe.identity for recipe in changed]  # type: ignore[attr-defined]
    assert len(set(identities)) == len(identities) >= 25


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), f"{path}.{field.name}")
    else:
        yield path, value


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("name = 'x'\nlearning_rat = 1.0", UnknownName, "no key of recipe called 'learning_rat'"),
        ("name = 'x'\n[schedule]\nlearning_rat = 1.0", UnknownName, "recipe.schedule .*did you mean 'learning_rate'"),
        ("name = 'x'\nlatent = '4'", RecipeError, "recipe.latent is '4', but must be of type int"),
        ("name = 'x'\nlatent = true", RecipeError, "recipe.latent is True, but must be of type int"),
        ("name = 'x'\nlatent = 4.0", RecipeError, "recipe.latent is 4.0, but must be of type int"),
        ("name = 'x'\nlatent = 1", RecipeError, "latent is 1, but must be at least 2"),
        ("name = 'x'\nspectral_radius = nan", RecipeError, "spectral_radius is nan, but must be a positive number"),
        ("name = 'x'\nspectral_radius = 0.0", RecipeError, "spectral_radius is 0.0, but must be a positive number"),
        ("name = 'x'\nspectral_radius = false", RecipeError, "recipe.spectral_radius is False, .* type float"),
        ("name = 'x'\nschedule = 3", RecipeError, "recipe.schedule is 3, but must be a table"),
        ("name = 'x'\n[ports]\ninput = 3", RecipeError, "recipe.ports.input is 3, but must be a list"),
        ("name = 'x'\n[ports]\ninput = [3]", RecipeError, "recipe.ports.input is 3, but must be of type str"),
        ("latent = 4", RecipeError, "recipe has no 'name', which it needs; add it"),
        ("name = ", RecipeError, "recipe is not valid TOML: "),
        ("name = 'x'\nname = 'y'", RecipeError, "recipe is not valid TOML: "),
        ("name = 'a/b'", RecipeError, "name of a recipe is 'a/b'"),
        ("name = ''", RecipeError, "name of a recipe is ''"),
        (
            "name = 'x'\nobjective = 'sigre'",
            UnknownName,
            "kind of recipe.objective called 'sigre'; did you mean 'sigreg'",
        ),
        ("name = 'x'\nexperience = 'digit'", UnknownName, "did you mean 'digits'"),
        (
            "name = 'x'\nexperience = 3",
            RecipeError,
            "must be one of chess, digits, mnist, spoken-digits, swimming, text",
        ),
        ("name = 'x'\n[experience]\npatch = 2", RecipeError, "with a key 'kind'"),
        ("name = 'x'\n[experience]\nkind = 'digits'\npach = 2", UnknownName, "did you mean 'patch'"),
        (
            "name = 'x'\n[topology]\nsigns = 'know'",
            UnknownName,
            "value of recipe.topology.signs .*did you mean 'known'",
        ),
        ("name = 'x'\n[topology]\nsigns = 3", UnknownName, "value of recipe.topology.signs called '3'"),
        ("name = 'x'\n[physiology]\nplasticity = 'frosen'", UnknownName, "did you mean 'frozen'"),
        ("name = 'x'\n[physiology]\nticks = 0", RecipeError, "ticks is 0"),
        ("name = 'x'\n[physiology.dynamics]\nleak = 0.0", RecipeError, "leak is 0.0"),
        ("name = 'x'\n[schedule]\nsteps = 0", RecipeError, "schedule.steps is 0"),
        ("name = 'x'\n[schedule]\nlearning_rate = nan", RecipeError, "schedule.learning_rate is nan"),
        ("name = 'x'\n[objective]\nkind = 'sigreg'\nweight = inf", RecipeError, "weight of SIGReg is inf"),
        ("name = 'x'\nlatent = 0", RecipeError, "latent is 0"),
    ],
)
def test_a_malformed_recipe_is_answered_in_one_sentence(text: str, error: type[AnlageError], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        read_recipe(text)
    assert str(caught.value)[-1] in ".?"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("comparison", "error", "said"),
    [
        ("comparison = 3", RecipeError, "recipe.comparison is 3, but must be a table"),
        ("[comparison]\ngraph = 3", UnknownName, "did you mean 'graphs'"),
        ("[comparison]\ncontrols = []", RecipeError, "comparison.controls is empty"),
        ("[comparison]\ncontrols = ['degree-preservin']", UnknownName, "did you mean 'degree-preserving'"),
        ("[comparison]\ncontrols = ['erdos-renyi', 'erdos-renyi']", RecipeError, "'erdos-renyi'.* more than once"),
        ("[comparison]\ngraphs = 1", RecipeError, "graphs is 1, but intervals need at least 2"),
        ("[comparison]\nmargin = -0.1", RecipeError, "margin is -0.1"),
        ("[comparison]\nmargin = nan", RecipeError, "margin is nan"),
        ("[comparison]\noutcomes = ['probe']", UnknownName, "no outcome called 'probe'; did you mean 'probe_accuracy'"),
        ("[comparison]\noutcomes = []", RecipeError, "outcomes is empty"),
    ],
)
def test_a_malformed_comparison_is_answered_in_one_sentence(
    comparison: str, error: type[AnlageError], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        read_question(f"name = 'x'\n{comparison}")
    assert "\n" not in str(caught.value)


def test_two_variants_of_one_control_cannot_share_an_arm() -> None:
    text = "controls = [{kind='degree-preserving', swaps_per_edge=1}, 'degree-preserving']"
    with pytest.raises(RecipeError, match="each control is one arm"):
        read_question(f"name = 'x'\n[comparison]\n{text}")


def test_recipes_that_do_not_expand_are_what_they_always_were() -> None:
    larger = replace(Recipe(name="x"), topology=Blueprint(expand=2.5))
    assert "\nexpand = 2.5\n" in larger.to_toml()
    assert read_recipe(larger.to_toml()) == larger
    assert read_recipe("name = 'x'\n[topology]\nexpand = 1").identity == Recipe(name="x").identity != larger.identity


@dataclass(frozen=True)
class Before:
    """A class that gets another field later."""

    name: str
    speed: float = 1.0
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class After(Before):
    """The same class, later; by default it does what it did."""

    colour: str = "none"
    more: Before = field(default_factory=lambda: Before("inner"))


def test_a_field_that_is_added_later_changes_no_table_without_defaults() -> None:
    for given in ({"name": "x"}, {"name": "x", "speed": 2.0, "parts": ("a",)}):
        before, after = (to_table(cls(**given), {}, defaults=False) for cls in (Before, After))
        assert before == after
    assert set(to_table(Before("x", speed=2.0), {}, defaults=False)) == {"name", "speed"}
    assert to_table(After("x", more=Before("inner", speed=3.0)), {}, defaults=False)["more"] == {
        "name": "inner",
        "speed": 3.0,
    }
    assert from_table(After, to_table(After("x", colour="red"), {}, defaults=False), "x", {}) == After(
        "x", colour="red"
    )


def test_a_question_without_a_comparison_is_another_one_than_with_the_usual_comparison() -> None:
    assert Question(Recipe(name="x"), None).identity != Question(Recipe(name="x")).identity

"""Recipes of minds: there and back, and what is refused."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anlage.connectome.library import load
from anlage.errors import RecipeError, UnknownName
from anlage.experience import Paired, RecordedExperience, Watched
from anlage.learning import Blueprint
from anlage.learning.recipe import KINDS
from anlage.mind import AreaPlan, MindRecipe, WorkspacePlan, read_mind
from anlage.mind.recipe import is_mind
from anlage.topology import build, divide
from anlage.topology.function import modalities

SHIPPED = Path(__file__).parents[3] / "recipes" / "mind.toml"
TWO = '[[areas]]\nname = "a"\nsense = {}\n[[areas]]\nname = "b"\nsense = {}\n'


def test_the_shipped_recipe_comes_back_from_its_own_text_as_the_same_recipe() -> None:
    recipe = read_mind(SHIPPED.read_text())
    text = recipe.to_toml()
    assert read_mind(text) == recipe and read_mind(text).identity == recipe.identity
    assert [area["name"] for area in tomllib.loads(text)["areas"]] == [area.name for area in recipe.areas]


def test_the_identity_is_that_of_what_decides_the_numbers() -> None:
    recipe = MindRecipe(name="m", areas=(AreaPlan("a", ("image",)),))
    same = MindRecipe(name="m", areas=(AreaPlan("a", ("image",), Blueprint()),), workspace=WorkspacePlan())
    assert same.identity == recipe.identity
    others = [replace(recipe, seed=1), replace(recipe, areas=(AreaPlan("a", ("word",)),))]
    assert len({recipe.identity, *(other.identity for other in others)}) == 3


def test_a_mind_is_told_from_a_network_by_its_areas() -> None:
    assert is_mind(SHIPPED.read_text())
    assert not is_mind((SHIPPED.parent / "worm-digits.toml").read_text())


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ('"image"', '"b"', "The area b senses itself"),
        ('"b"', '"image"', "The area a senses b, which stands after it"),
        ('"imagee"', '"word"', "did you mean 'image'"),
        ('"image"', '["a", "word"]', "senses one modality or several areas"),
        ('"image"', '["a", "a"]', "twice"),
        ('"image"', "[]", "The area b senses nothing"),
        ('"image"', '"c"', "sense of the area b called 'c'"),
    ],
)
def test_circles_strangers_and_mixtures_are_refused_in_one_sentence(first: str, second: str, message: str) -> None:
    with pytest.raises((RecipeError, UnknownName)) as caught:
        read_mind('name = "m"\n' + TWO.format(first, second))
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "m"\nareas = []', "needs at least one area"),
        ('name = "m"\nareas = 3', "must be a list"),
        ('name = "m"\n[[areas]]\nname = "image"\nsense = "word"', "Two things are called 'image'"),
        ('name = "m"\n[[areas]]\nname = "a"\nsense = "word"\nlatnt = 3', "did you mean 'latent'"),
        ('name = "m"\n[workspace]\nbroadcast = "loud"\n[[areas]]\nname = "a"\nsense = "word"', "value of .*broadcast"),
        ('name = "m"\n[workspace]\nwidth = 2\n[[areas]]\nname = "a"\nsense = "word"', "2 channels cannot fill"),
        ('name = "m"\n[workspace]\ntemperature = 0.0\n[[areas]]\nname = "a"\nsense = "word"', "temperature is 0"),
        ('name = "m"\n[experience]\nword_at = 9\n[[areas]]\nname = "a"\nsense = "word"', "word_at is 9"),
        ('name = "m m"\n[[areas]]\nname = "a"\nsense = "word"', "name of a mind"),
        ('name = "m"\n[schedule]\ndays = 0\n[[areas]]\nname = "a"\nsense = "word"', "days is 0"),
    ],
)
def test_what_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises((RecipeError, UnknownName)) as caught:
        read_mind(text)
    assert re.search(message, str(caught.value))


def test_an_area_on_a_part_has_the_neurons_of_the_division_and_all_edges_among_them_whatever_their_weights() -> None:
    counted = build(load("worm"))
    members = divide(counted, modalities(counted)).part("motor").members
    for weights in ("log", "binary"):
        plan = AreaPlan("a", ("image",), Blueprint(weights=weights), part="motor")
        whole, wiring = plan.topology.topology(), plan.wiring()
        inside = np.isin(whole.pre, members) & np.isin(whole.post, members)
        assert (members[wiring.pre] == whole.pre[inside]).all() and (members[wiring.post] == whole.post[inside]).all()
        assert (wiring.weight == whole.weight[inside]).all()
        assert set(members[wiring.groups["output"]]) == set(members) & set(whole.groups["output"])
    assert plan.title == "worm, motor"
    with pytest.raises(UnknownName, match="part called 'motr'; did you mean 'motor'"):
        replace(plan, part="motr").wiring()


def test_everything_that_can_be_sensed_stands_in_the_table_of_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "mind.md").read_text("utf-8")
    table = page.partition("## What there is to sense")[2].partition("\n## ")[0]
    senses = {*Paired(speech="spoken-digits", body="swimmer").modalities, *Watched().modalities}
    for word in {*KINDS[RecordedExperience], *senses}:
        assert f"`{word}`" in table, word


def test_what_there_is_to_sense_is_what_the_experience_says() -> None:
    area = '[[areas]]\nname = "a"\nsense = "speech"\n'
    with pytest.raises(UnknownName, match="speech"):
        read_mind('name = "m"\n' + area)
    read_mind('name = "m"\n[experience]\nspeech = "spoken-digits"\n' + area)

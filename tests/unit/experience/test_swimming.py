"""The worm's own stream: replayed in a body of its own, predicted by least squares, cut and named by hand."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from anlage.errors import DependencyMissing, RecipeError
from anlage.experience.paired import Paired
from anlage.experience.swimmer import Swimmer
from anlage.experience.swimming import INNATE, Swimming, swim
from anlage.learning import Blueprint, grow, read_recipe
from anlage.mind import AreaPlan, Mind, MindRecipe, WorkspacePlan
from anlage.seed import Seed

pytest.importorskip("mujoco", reason="mujoco is not installed (extra: body)")

SHORT = Swimming(moments=10, lives=4, every=4)


def test_what_was_done_replayed_in_another_body_is_felt_again() -> None:
    stream = swim(Swimming(every=1, lives=4, babble=0.3))
    body = Swimmer(6, 4)
    bend = body.start([Seed(0).child("swimming").child(life).rng() for life in range(4)])
    for moment in range(60):
        np.testing.assert_allclose(stream[:, moment, :5], bend, atol=1e-12)
        bend, _ = body.step(stream[:, moment, 5:])


@pytest.fixture(scope="module")
def stream() -> np.ndarray:
    return swim(SHORT)


def test_knowing_what_is_done_helps_to_expect_what_will_be_felt(stream: np.ndarray) -> None:
    felt, known, following = stream[:, 15:-1, :5], stream[:, 15:-1], stream[:, 16:, :5]

    def unexplained(columns: np.ndarray) -> float:
        parts = (part.reshape(-1, part.shape[-1]) for part in (columns[:3], columns[3:]))
        train, test = (np.pad(part, ((0, 0), (0, 1)), constant_values=1) for part in parts)
        fitted = np.linalg.lstsq(train, following[:3].reshape(-1, 5))[0]
        wanted = following[3:].reshape(-1, 5)
        return float(((wanted - test @ fitted) ** 2).sum() / ((wanted - wanted.mean(0)) ** 2).sum())

    assert unexplained(known) < 0.75 * unexplained(felt)


def test_the_same_seed_gives_the_same_stream_and_another_gives_another(stream: np.ndarray) -> None:
    assert np.array_equal(swim(SHORT), stream)
    assert not np.array_equal(stream, swim(replace(SHORT, seed=1)))


def test_sequences_overlap_by_half_lives_are_not_shared_between_the_parts_and_labels_are_quarters_of_the_clock() -> (
    None
):
    stream, recording = swim(SHORT), SHORT.open()
    assert INNATE.period == 60 and recording.train.shape == (3 * 49, 10, 10) and recording.test.shape == (49, 10, 10)
    decoded = recording.test.double().numpy() / 255 * 2 - 1
    for number in (0, 1, 48):
        np.testing.assert_allclose(decoded[number], stream[3, 5 * number : 5 * number + 10], atol=1 / 255 + 1e-9)
    # The last of ten observations, every 4 steps, is made at step 36; a quarter of 60 steps is 15.
    assert recording.test_label[:4].tolist() == [36 // 15, 56 // 15, (76 - 60) // 15, (96 - 60) // 15]
    assert np.array_equal(recording.train_label[:49], recording.test_label)


def test_it_can_be_grown_on_and_sensed_by_an_area_of_a_mind() -> None:
    text = 'name = "w"\nlatent = 3\n[experience]\nkind = "swimming"\nmoments = 10\nlives = 4\n[schedule]\nsteps = 2\n[topology]\n'
    grown = grow(read_recipe(text + 'connectome = "worm-witvliet-1"'))
    assert grown.encoder.map.weight.shape == (3, 10)
    smallest = Blueprint(connectome="worm-witvliet-1")
    areas = (AreaPlan("sensorimotor", ("body",), smallest),)
    recipe = MindRecipe(name="m", areas=areas, workspace=WorkspacePlan(width=0), experience=Paired(body="swimmer"))
    world = recipe.experience.open()
    episode, _ = world.draw(7, np.random.default_rng(0))
    life = Mind(recipe, world.n_input).live(episode)
    assert life.trace["sensorimotor"].embedding.shape == (7, 12, 4)
    swum = Swimming(12).open()
    mine = (episode.observation["body"] * swum.spread + swum.offset).round()
    assert all((swum.train == one.to(torch.uint8)).all((1, 2)).any() for one in mine)
    still = world.silent(episode, ("body",), np.random.default_rng(0)).observation["body"]
    np.testing.assert_allclose((still * swum.spread + swum.offset).numpy(), 127.5, atol=1e-3)


@pytest.mark.parametrize(
    "change", [{"every": 0}, {"moments": 1}, {"moments": 400}, {"lives": 3}, {"babble": -0.1}, {"links": 2}]
)
def test_streams_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match="must be"):
        Swimming(**change)  # type: ignore[arg-type]


def test_without_mujoco_the_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(DependencyMissing, match=r"pip install 'anlage\[body\]'\.$"):
        Swimming(seed=99).open()

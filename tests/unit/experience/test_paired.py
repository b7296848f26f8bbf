"""The paired world: every sense against its source."""

import csv
import io
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from anlage.errors import RecipeError, UnknownName
from anlage.experience.paired import WORDS, Paired, PairedWorld, ten_odours
from anlage.experience.text import ALPHABET

TABLE = Path(os.environ.get("ANLAGE_DATA", ".")) / "odor" / "dweck2018_larva_chem2or.csv"


@pytest.fixture(scope="module")
def world() -> PairedWorld:
    return Paired().open()


def test_the_gaze_goes_over_the_patches_of_one_digit_again_and_again(world: PairedWorld) -> None:
    episode, label = world.draw(20, np.random.default_rng(0))
    seen = episode.observation["image"]
    assert torch.equal(seen[:, :4], seen[:, 4:8]) and torch.equal(seen[:, :4], seen[:, 8:])
    quarters = seen[:, :4].reshape(20, 2, 2, 4, 4).permute(0, 1, 3, 2, 4).reshape(20, 64).double().numpy()
    pixels, target = load_digits(return_X_y=True)
    for image, digit in zip(quarters, label, strict=True):
        # Standardised as a whole, so a digit is found again by correlation.
        match = [np.corrcoef(image, other)[0, 1] for other in pixels]
        assert max(match) > 0.999999 and target[int(np.argmax(match))] == digit


def test_every_digit_comes_with_its_word_letter_by_letter(world: PairedWorld) -> None:
    episode, label = world.draw(50, np.random.default_rng(1))
    text = ["".join(ALPHABET[int(i)] for i in row) for row in episode.observation["word"].argmax(-1)]
    assert text == [(" " * 6 + WORDS[digit]).ljust(12) for digit in label]


def test_odours_are_the_measured_responses_over_the_noise_with_that_noise(world: PairedWorld) -> None:
    episode, label = world.draw(4000, np.random.default_rng(2))
    smelled, (_, response) = episode.observation["odour"].double().numpy(), ten_odours()
    for digit in range(10):
        mine = smelled[label == digit]
        assert np.abs(mine[:, :2].mean(0)).max() < 0.3
        np.testing.assert_allclose(mine[:, 2:].mean((0, 1)), response[digit] / 0.2, atol=0.1)
    expected = np.zeros((10, 12, 20))
    expected[:, 2:] = response[:, None] / 0.2
    assert (smelled - expected[label]).std() == pytest.approx(1, abs=0.01)


def test_the_ten_odorants_are_the_greedy_farthest_points() -> None:
    names, response = ten_odours()
    assert len(set(names)) == 10
    gaps = [min(np.linalg.norm(response[i] - other) for other in response[:i]) for i in range(1, 10)]
    assert all(a >= b - 1e-12 for a, b in pairwise(gaps)), "each next one is no farther than the one before"
    assert gaps[-1] > 0.9


@pytest.mark.skipif(not TABLE.is_file(), reason="the data folder has no odor/dweck2018_larva_chem2or.csv")
def test_the_embedded_responses_are_those_of_the_published_table() -> None:
    head, *rows = csv.reader(io.StringIO(TABLE.read_text("utf-8")))
    names, response = ten_odours()
    for name, found in zip(names, response, strict=True):
        assert [float(row[head.index(name)]) for row in rows] == found.tolist()


def test_nothing_to_sense_is_a_black_image_noise_alone_and_silence(world: PairedWorld) -> None:
    whole = world.held_out(np.random.default_rng(3))
    dropped = world.held_out(np.random.default_rng(3), without=("image", "odour", "word"))
    assert dropped.observation["image"].unique().tolist() == [whole.observation["image"].min().item()]
    assert abs(float(dropped.observation["odour"].mean())) < 0.02
    assert (dropped.observation["word"].argmax(-1) == ALPHABET.index(" ")).all()
    one = world.held_out(np.random.default_rng(3), without=("word",))
    assert torch.equal(one.observation["odour"], whole.observation["odour"])
    with pytest.raises(UnknownName, match="did you mean 'odour'"):
        world.held_out(np.random.default_rng(3), without=("odor",))


def test_the_same_stream_draws_the_same_lives_and_another_draws_others(world: PairedWorld) -> None:
    one, same, other = (world.draw(5, np.random.default_rng(seed))[0].observation for seed in (7, 7, 8))
    assert all(torch.equal(one[k], same[k]) for k in one) and not torch.equal(one["odour"], other["odour"])


@pytest.mark.parametrize(
    "change", [{"word_at": 8}, {"word_at": 0}, {"odour_at": 12}, {"noise": 0.0}, {"patch": 3}, {"noise": float("nan")}]
)
def test_worlds_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(RecipeError):
        Paired(**change)  # type: ignore[arg-type]

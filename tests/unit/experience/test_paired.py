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
from anlage.experience.company import Company
from anlage.experience.experience import Recording
from anlage.experience.image import Mnist
from anlage.experience.paired import WORDS, Paired, PairedWorld, ten_odours
from anlage.experience.speech import SpokenDigits
from anlage.experience.text import ALPHABET

DATA = Path(os.environ.get("ANLAGE_DATA", "."))
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


def test_a_life_is_accompanied_by_a_recording_of_its_own_digit_each_as_often_as_another() -> None:
    rng = np.random.default_rng(0)
    frames, label = rng.integers(0, 255, (30, 4, 3), dtype=np.uint8), np.arange(30) % 12
    spoken = Company.speaking(Recording.of("speech", frames[:24], label[:24], frames[24:], label[24:]), 10, 2, begins=1)
    assert spoken.n_input == 6 and spoken.train.shape == (20, 3, 6)  # two moments of two frames after one of silence
    wanted = np.repeat([3, 7], 500)
    drawn = spoken.draw(wanted, rng, held_out=False)
    code = (drawn[:, 1:].reshape(1000, 4, 3) - drawn[:, :1, :1]).double().numpy()  # silence is 0
    for digit in (3, 7):
        own = frames[:24][label[:24] == digit].astype(float)
        mine = code[wanted == digit]
        match = [[np.corrcoef(one.ravel(), other.ravel())[0, 1] > 1 - 1e-9 for other in own] for one in mine]
        assert (np.sum(match, axis=1) == 1).all()
        assert np.abs(np.mean(match, axis=0) - 0.5).max() < 0.1
    assert torch.equal(spoken.nothing, drawn[0, 0])


@pytest.mark.skipif(
    not (DATA / "fsdd" / "fsdd.npz").is_file() or not (DATA / "mnist" / "mnist.npz").is_file(),
    reason="the data folder has no fsdd or no mnist",
)
def test_a_written_digit_is_heard_as_one_of_the_recordings_of_that_digit_and_held_out_lives_hear_held_out_ones() -> (
    None
):
    world = Paired(patch=7, moments=24, images="mnist", speech="spoken-digits", speech_at=6, word_at=14).open()
    voices, images = SpokenDigits(frames=36).open(), Mnist(7).open()
    draw, label = world.draw(40, np.random.default_rng(0))
    held_out, trained = world.held_out(np.random.default_rng(1)), (voices.train, voices.train_label)
    for episode, digit, (part, own), (pictures, named) in (
        (draw, label, trained, (images.train, images.train_label)),
        (held_out, world.test_label, (voices.test, voices.test_label), (images.test, images.test_label)),
    ):
        heard = episode.observation["speech"][:40]
        assert (heard[:, :6] == heard[0, 0, 0]).all()
        frames = heard[:, 6:].reshape(40, 36, 16)
        for one, image, number in zip(frames, episode.observation["image"][:40], digit[:40], strict=True):
            known = part[torch.from_numpy(own == number)].float()
            a, b = one - one.mean(), known - known.mean((1, 2), keepdim=True)
            match = (a * b).sum((1, 2)) / (a.norm() * b.flatten(1).norm(dim=1))
            assert match.max() > 1 - 1e-5
            seen = pictures[torch.from_numpy(named == number)][:1000].float()
            scaled = image[:16] * images.spread + images.offset
            assert (seen - scaled).abs().amax((1, 2)).min() < 40  # standardised by another part of MNIST

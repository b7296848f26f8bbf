"""Corruptions against closed forms, and against what they must leave alone."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from anlage.errors import RecipeError, UnknownName
from anlage.experience.corruption import (
    CORRUPTIONS,
    blur,
    contrast,
    corrupted,
    dead_pixels,
    noise,
    occlusion,
)
from anlage.experience.item_recall import ItemRecall
from anlage.experience.still_image import StillImages

RNG = np.random.default_rng
PICTURES = RNG(0).normal(size=(50, 3, 10, 10))
HELD = PICTURES[:, :1].repeat(3, axis=1)


def test_noise_has_its_standard_deviation_and_is_the_same_at_every_moment() -> None:
    added = noise(HELD, 0.7, RNG(1)) - HELD
    assert added.std() == pytest.approx(0.7, rel=0.03) and abs(added.mean()) < 0.05
    np.testing.assert_allclose(added[:, 0], added[:, 2])
    assert abs(np.corrcoef(added[0, 0].ravel(), added[1, 0].ravel())[0, 1]) < 0.35


def test_a_blurred_point_is_a_gaussian_and_no_brightness_is_lost() -> None:
    point = np.zeros((1, 1, 41, 41))
    point[0, 0, 20, 20] = 1
    y, x = np.mgrid[-20:21, -20:21]
    kernel = np.exp(-(x**2 + y**2) / (2 * 2.0**2))
    np.testing.assert_allclose(blur(point, 2.0, RNG(0))[0, 0], kernel / kernel.sum(), atol=1e-5)
    np.testing.assert_allclose(blur(PICTURES, 1.3, RNG(0)).sum((2, 3)), PICTURES.sum((2, 3)), atol=1e-9)


def test_an_occlusion_is_one_square_of_the_asked_size_somewhere_else_in_every_picture() -> None:
    covered = occlusion(HELD, 0.36, RNG(2)) == 0
    assert set(covered.sum((2, 3)).ravel().tolist()) == {36}
    corners = set()
    for picture in covered[:, 0]:
        rows, columns = np.nonzero(picture)
        assert (np.ptp(rows), np.ptp(columns)) == (5, 5)
        corners.add((int(rows.min()), int(columns.min())))
    assert len(corners) > 10 and min(corners)[0] == 0 and max(corners)[0] == 4
    assert (covered == covered[:, :1]).all() and (occlusion(HELD, 1.0, RNG(2)) == 0).all()


def test_contrast_keeps_the_mean_of_a_picture_and_scales_its_spread() -> None:
    pale = contrast(PICTURES, 0.75, RNG(0))
    np.testing.assert_allclose(pale.mean((2, 3)), PICTURES.mean((2, 3)), atol=1e-12)
    np.testing.assert_allclose(pale.std((2, 3)), 0.25 * PICTURES.std((2, 3)), rtol=1e-9)


def test_dead_pixels_are_as_many_as_asked_and_the_same_in_all_pictures() -> None:
    dead = dead_pixels(PICTURES, 0.3, RNG(3)) == 0
    assert dead[0, 0].sum() == 30 and (dead == dead[0, 0]).all()
    fewer = dead_pixels(PICTURES, 0.1, RNG(3)) == 0
    assert (dead | ~fewer).all(), "what is dead at a lower strength stays dead at a higher one"


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_no_strength_changes_nothing_and_more_of_it_changes_more(kind: str) -> None:
    distances = [np.abs(CORRUPTIONS[kind](PICTURES, s, RNG(4)) - PICTURES).mean() for s in (0.0, 0.25, 0.5, 1.0)]
    assert distances[0] < 1e-12 and all(a < b for a, b in pairwise(distances))


def test_only_the_test_pictures_of_a_problem_are_corrupted() -> None:
    problem = StillImages(moments=2, n_train=20, n_test=20).open(RNG(0))
    changed = corrupted(problem, "contrast", 1.0, RNG(1))
    assert torch.equal(changed.train, problem.train) and torch.equal(changed.test_answer, problem.test_answer)
    assert changed.test.shape == problem.test.shape
    torch.testing.assert_close(changed.test, problem.test.mean(-1, keepdim=True).expand_as(problem.test))


def test_what_cannot_be_corrupted_is_said() -> None:
    problem = StillImages(moments=1, n_train=20, n_test=20).open(RNG(0))
    with pytest.raises(UnknownName, match="did you mean 'noise'"):
        corrupted(problem, "nois", 1.0, RNG(0))
    with pytest.raises(RecipeError, match=r"strength of contrast is 1\.5, but must be 0 to 1"):
        corrupted(problem, "contrast", 1.5, RNG(0))
    with pytest.raises(RecipeError, match="must be square"):
        corrupted(ItemRecall().open(RNG(0)), "blur", 1.0, RNG(0))

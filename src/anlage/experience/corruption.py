"""Pictures that are not as they were learned: noisy, blurred, covered, pale, or seen by a broken eye.

Each corruption is graded by one number and leaves a picture as it is at strength 0. Pictures are as a problem shows them:
scaled to mean 0 and standard deviation 1 over all training pixels. What is random is drawn once per picture, not once per
moment, so that looking longer does not undo it. The kinds follow Hendrycks & Dietterich 2019 (ICLR), the numbers are our own.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isqrt
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter

from anlage.errors import RecipeError, UnknownName
from anlage.experience.problem import Problem, demand

Pictures = Float[ndarray, "sample time height width"]


def noise(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """Normal noise with a standard deviation of ``strength`` is added to every pixel."""
    return pictures + strength * rng.standard_normal((len(pictures), 1, *pictures.shape[2:]))


def blur(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:  # noqa: ARG001
    """Smoothed by a Gaussian with a standard deviation of ``strength`` pixels, mirrored at the edges."""
    return cast(ndarray, gaussian_filter(pictures, (0, 0, strength, strength)))


def occlusion(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """A square over about ``strength`` of the picture, anywhere inside it, has the mean brightness of all training pixels."""
    covered = pictures.copy()
    height, width = pictures.shape[2:]
    tall, wide = (round(side * strength**0.5) for side in (height, width))
    top, left = (rng.integers(side - size + 1, size=len(pictures)) for side, size in ((height, tall), (width, wide)))
    for picture, y, x in zip(covered, top, left, strict=True):
        picture[:, y : y + tall, x : x + wide] = 0
    return covered


def contrast(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:  # noqa: ARG001
    """What distinguishes each pixel from the mean of its picture is reduced by the share ``strength``."""
    mean = pictures.mean((2, 3), keepdims=True)
    return cast(ndarray, mean + (1 - strength) * (pictures - mean))


def dead_pixels(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """The share ``strength`` of the pixels, the same in all pictures, has the mean brightness of all training pixels."""
    n = pictures[0, 0].size
    alive = np.ones(n)
    alive[rng.permutation(n)[: round(strength * n)]] = 0
    return pictures * alive.reshape(pictures.shape[2:])


CORRUPTIONS: Mapping[str, Callable[[Pictures, float, np.random.Generator], Pictures]] = {
    "noise": noise,
    "blur": blur,
    "occlusion": occlusion,
    "contrast": contrast,
    "dead-pixels": dead_pixels,
}
MOST: Mapping[str, float] = {"noise": 100, "blur": 100, "occlusion": 1, "contrast": 1, "dead-pixels": 1}


def corrupted(problem: Problem, kind: str, strength: float, rng: np.random.Generator) -> Problem:
    """The problem with corrupted test pictures; what is learned from stays as it is.

    Raises ``RecipeError`` for a strength out of range and for observations that are no square pictures, ``UnknownName``.
    """
    if kind not in CORRUPTIONS:
        raise UnknownName("corruption", kind, CORRUPTIONS)
    demand(f"strength of {kind}", strength, 0, MOST[kind])
    n, time, n_input = problem.test.shape
    side = isqrt(n_input)
    if side * side != n_input:
        raise RecipeError(
            f"An observation has {n_input} numbers, but a picture to be corrupted must be square and without colour; take a task "
            "of whole pictures."
        )
    pictures = problem.test.double().numpy().reshape(n, time, side, side)
    changed = CORRUPTIONS[kind](pictures, strength, rng).reshape(n, time, n_input)
    return replace(problem, test=torch.from_numpy(changed).to(problem.test.dtype))

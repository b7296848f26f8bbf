"""Pictures to be named: held still in front of a network, or passing by row by row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final, get_args

import numpy as np
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.errors import UnknownName
from anlage.experience.picture_set import PICTURE_SETS, Pictures, PictureSetName
from anlage.experience.problem import Part, Problem, demand, one_hot, pose
from anlage.experience.reference import by_support_vectors

Showing = Literal["held", "pulse"]
N_CLASSES = 10
ENOUGH = 1000
"""Pictures that the reference learns from, which must not take longer than what it is a reference for."""


@final
@dataclass(frozen=True, slots=True)
class StillImages:
    """Name the picture that is held for ``moments`` moments, or shown at the first only (``pulse``); the end is answered.

    One input per pixel and colour, scaled to mean 0 and variance 1 over all training pixels. ``n_train`` and ``n_test`` pictures
    are drawn from the official parts. The reference is a support vector machine on the pixels of at most 1,000 of them. Digits
    are part of scikit-learn; MNIST, Fashion-MNIST and CIFAR-10 (a JPEG copy; extra ``images``) need the data folder.
    """

    images: PictureSetName = "digits"
    moments: int = 4
    n_train: int = 1000
    n_test: int = 360
    showing: Showing = "held"

    def __post_init__(self) -> None:
        _demand_pictures(self.images, self.n_train, self.n_test)
        demand("moments", self.moments, 1, 1000)
        if self.showing not in get_args(Showing):
            raise UnknownName("way of showing", self.showing, get_args(Showing))

    @property
    def source(self) -> Source:
        """That of the pictures."""
        return PICTURE_SETS[self.images].source

    def open(self, rng: np.random.Generator) -> Problem:
        """The problem; which pictures are used is drawn."""
        pictures = PICTURE_SETS[self.images].draw(self.n_train, self.n_test, rng)
        return _ask(pictures, self._shown)

    def _shown(self, rows: ndarray) -> ndarray:
        """The same picture at every moment, or at the first and nothing after."""
        shown = np.repeat(rows.reshape(len(rows), 1, -1), self.moments, axis=1)
        if self.showing == "pulse":
            shown[:, 1:] = 0
        return shown


@final
@dataclass(frozen=True, slots=True)
class ImageRows:
    """Name the picture whose rows pass by from top to bottom, one per moment; only the end is answered.

    As ``StillImages`` in all else, the reference included, which sees the whole picture at once.
    """

    images: PictureSetName = "digits"
    n_train: int = 1000
    n_test: int = 360

    def __post_init__(self) -> None:
        _demand_pictures(self.images, self.n_train, self.n_test)

    @property
    def source(self) -> Source:
        """That of the pictures."""
        return PICTURE_SETS[self.images].source

    def open(self, rng: np.random.Generator) -> Problem:
        """The problem; which pictures are used is drawn."""
        return _ask(PICTURE_SETS[self.images].draw(self.n_train, self.n_test, rng), lambda rows: rows)


def _demand_pictures(images: str, n_train: int, n_test: int) -> None:
    if images not in PICTURE_SETS:
        raise UnknownName("set of pictures", images, PICTURE_SETS)
    demand("n_train", n_train, N_CLASSES, PICTURE_SETS[images].n_train)  # type: ignore[index]
    demand("n_test", n_test, N_CLASSES, PICTURE_SETS[images].n_test)  # type: ignore[index]


def _ask(pictures: Pictures, show: Callable[[ndarray], ndarray]) -> Problem:
    """``show`` turns rows of pixels (sample, height, width x colour) into what is seen (sample, time, input)."""
    offset, spread = pictures.train.mean(), pictures.train.std()
    rows = [
        ((part.reshape(*part.shape[:2], -1) - offset) / spread).astype(np.float32)
        for part in (pictures.train, pictures.test)
    ]
    flat = [part.reshape(len(part), -1) for part in rows]
    named = by_support_vectors(flat[0][:ENOUGH], pictures.train_label[:ENOUGH], flat[1])
    train: Part = show(rows[0]), one_hot(pictures.train_label, N_CLASSES)
    test: Part = show(rows[1]), one_hot(pictures.test_label, N_CLASSES)
    return pose("image", train, test, ("accuracy",), one_hot(named, N_CLASSES))

"""Images that stand still: each is shown whole, and has to be named."""

from dataclasses import dataclass
from typing import Literal, final, get_args

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from anlage.connectome.source import Source
from anlage.errors import RecipeError, UnknownName
from anlage.experience.experience import Recording
from anlage.experience.image import Digits, Mnist
from anlage.experience.problem import Problem

Pictures = Literal["digits", "mnist"]
Showing = Literal["held", "pulse"]
WIDTH = {"digits": 8, "mnist": 28}


@final
@dataclass(frozen=True, slots=True)
class StillImages:
    """Name the image. All its pixels are shown at once for ``moments`` moments, or with ``pulse`` at the first only.

    ``n_train``, ``n_test``: images drawn from the training and the test part; 0 for all. MNIST needs the data folder.
    """

    pictures: Pictures = "digits"
    moments: int = 2
    showing: Showing = "held"
    n_train: int = 0
    n_test: int = 0

    def __post_init__(self) -> None:
        for what, given, known in (("pictures", self.pictures, Pictures), ("showing", self.showing, Showing)):
            if given not in get_args(known):
                raise UnknownName(what, given, get_args(known))
        if self.moments < 1 or self.n_train < 0 or self.n_test < 0:
            raise RecipeError(
                f"moments is {self.moments}, n_train {self.n_train} and n_test {self.n_test}, but moments must be at least 1 and "
                "the others must not be negative."
            )

    @property
    def source(self) -> Source:
        """That of the images."""
        return Digits.source if self.pictures == "digits" else Mnist.source

    def open(self, rng: np.random.Generator) -> Problem:
        """The images of both parts; pixels have mean 0 and variance 1 over the training part."""
        half = WIDTH[self.pictures] // 2
        recording = (Digits(patch=half) if self.pictures == "digits" else Mnist(patch=half)).open()
        train, train_answer = self._chosen(recording, recording.train, recording.train_label, self.n_train, rng)
        test, test_answer = self._chosen(recording, recording.test, recording.test_label, self.n_test, rng)
        return Problem(
            "image",
            train=train,
            train_answer=train_answer,
            test=test,
            test_answer=test_answer,
            washout=0,
            kind="classification",
            oracle=1.0,
            chance=float(test_answer.mean((0, 1)).max()),
            scores=("accuracy",),
        )

    def _chosen(
        self, recording: Recording, pixels: Tensor, label: ndarray, n: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Images as they are shown, and their labels one-hot."""
        if n > len(label):
            raise RecipeError(f"n_train or n_test is {n:,}, but {self.pictures} has only {len(label):,} such images.")
        row = np.sort(rng.choice(len(label), n, replace=False)) if n else np.arange(len(label))
        image = pixels[torch.from_numpy(row)].flatten(1).to(torch.get_default_dtype())
        shown = self._shown((image - recording.offset) / recording.spread)
        return shown, torch.eye(10)[torch.from_numpy(label[row])].unsqueeze(1)

    def _shown(self, image: Tensor) -> Tensor:
        """Sequences of the same image, or of it and nothing."""
        shown = image.unsqueeze(1).expand(-1, self.moments, -1)
        if self.showing == "held":
            return shown
        return shown * (torch.arange(self.moments) == 0).to(image.dtype).view(1, -1, 1)

"""What accompanies a life: recordings to draw from, those of the life's digit where somebody says it."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from anlage.experience.experience import Recording


@final
@dataclass(frozen=True, slots=True, eq=False)
class Company:
    """Sequences as long as a life, for learning and held out.

    ``label``, ``test_label``: which lives a sequence may accompany; all where it is negative. ``nothing``: an observation of
    nothing.
    """

    train: Float[Tensor, "sample time input"]
    label: Int[ndarray, " sample"]
    test: Float[Tensor, "sample2 time input"]
    test_label: Int[ndarray, " sample2"]
    nothing: Float[Tensor, " input"]

    @classmethod
    def speaking(cls, voices: Recording, n_words: int, frames: int, begins: int) -> "Company":
        """Spoken words, ``frames`` frames a moment, from moment ``begins`` on; before, digital silence.

        Only the words below ``n_words`` are kept. Mean 0 and variance 1 over all numbers of the training part.
        """
        labels = voices.train_label, voices.test_label
        parts: list[ndarray] = []
        for coded, label in zip((voices.train, voices.test), labels, strict=True):
            known = coded[torch.from_numpy(label < n_words)]
            heard = known.reshape(len(known), -1, frames * known.shape[-1])
            parts += [torch.nn.functional.pad(heard, (0, 0, begins, 0)).numpy(), label[label < n_words]]
        spoken = Recording.of("speech", *parts)
        return cls._of(spoken, spoken.train_label, spoken.test_label, np.zeros(spoken.n_input))

    @classmethod
    def moving(cls, swimming: Recording) -> "Company":
        """Stretches of swimming, whatever the digit; nothing is a straight body at rest."""
        anything, other = (np.full(len(part), -1) for part in (swimming.train, swimming.test))
        return cls._of(swimming, anything, other, np.full(swimming.n_input, 127.5))

    @classmethod
    def _of(cls, recording: Recording, label: ndarray, test_label: ndarray, nothing: ndarray) -> "Company":
        def scaled(coded: Tensor) -> Tensor:
            return (coded.float() - recording.offset) / recording.spread

        return cls(
            scaled(recording.train), label, scaled(recording.test), test_label, scaled(torch.from_numpy(nothing))
        )

    @property
    def n_input(self) -> int:
        """Numbers in one observation."""
        return self.train.shape[-1]

    def draw(
        self, label: Int[ndarray, " batch"], rng: np.random.Generator, *, held_out: bool
    ) -> Float[Tensor, "batch time input"]:
        """One sequence for every life, each of those that may accompany it equally likely."""
        part, own = (self.test, self.test_label) if held_out else (self.train, self.label)
        chance, row = rng.random(len(label)), np.zeros(len(label), dtype=np.int64)
        for number in np.unique(label):
            fitting = np.flatnonzero((own == number) | (own < 0))
            mine = label == number
            row[mine] = fitting[(chance[mine] * len(fitting)).astype(np.int64)]
        return part[torch.from_numpy(row)]

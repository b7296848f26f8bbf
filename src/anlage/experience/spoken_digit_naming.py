"""Spoken digits, to be named when they have been heard."""

from dataclasses import dataclass
from typing import final

import numpy as np

from anlage.experience.problem import Problem, demand, one_hot, pose
from anlage.experience.reference import by_support_vectors
from anlage.experience.speech import SpokenDigits


@final
@dataclass(frozen=True, slots=True)
class SpokenDigitNaming:
    """Name the digit after the last of ``frames`` log-mel frames, 16 ms each; frames as in ``SpokenDigits``.

    The official split: takes 0 to 4 of every speaker and digit are for testing, so speakers are known and recordings new.
    ``n_train`` and ``n_test`` recordings are drawn from the parts. The reference is a support vector machine on all frames at
    once. Needs the data folder.
    """

    bands: int = 16
    frames: int = 40
    n_train: int = 2700
    n_test: int = 300

    source = SpokenDigits.source

    def __post_init__(self) -> None:
        SpokenDigits(self.bands, self.frames)
        demand("n_train", self.n_train, 10, 2700)
        demand("n_test", self.n_test, 10, 300)

    def open(self, rng: np.random.Generator) -> Problem:
        """The problem; which recordings are used is drawn."""
        recording = SpokenDigits(self.bands, self.frames).open()
        rows = [
            rng.permutation(len(part))[:n]
            for part, n in ((recording.train, self.n_train), (recording.test, self.n_test))
        ]
        heard = [
            (part.numpy()[row].astype(np.float32) - recording.offset) / recording.spread
            for part, row in zip((recording.train, recording.test), rows, strict=True)
        ]
        label, test_label = recording.train_label[rows[0]], recording.test_label[rows[1]]
        flat = [part.reshape(len(part), -1) for part in heard]
        named = by_support_vectors(flat[0], label, flat[1])
        train, test = (heard[0], one_hot(label, 10)), (heard[1], one_hot(test_label, 10))
        return pose("speech", train, test, ("accuracy",), one_hot(named, 10))

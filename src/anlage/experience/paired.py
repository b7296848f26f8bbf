"""A small world with three senses: every handwritten digit comes with its English word and with an odour.

The pairing is constructed: nobody ever saw a digit that smelled. Images, words and receptor responses are real, which of them
go together was decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from anlage.connectome.source import Source
from anlage.connectome.store import read_embedded
from anlage.errors import RecipeError, UnknownName
from anlage.experience.image import Digits
from anlage.experience.text import ALPHABET, symbols_of
from anlage.trace import Episode

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MODALITIES = ("image", "odour", "word")
LONGEST = max(map(len, WORDS))

DWECK = Source(
    key="dweck2018olfactory",
    title="Responses of 20 odorant receptors of the fly larva to 116 odorants (Dweck et al. 2018)",
    version="connectome-interpreter 2.9.5",
    licence="MIT (connectome-interpreter)",
    origin="https://pypi.org/project/connectome-interpreter/2.9.5",
    bibtex=(
        "@article{dweck2018olfactory, author={Dweck, H. K. M. and Ebrahim, S. A. M. and Retzke, T. and others}, title={The "
        "Olfactory Logic behind Fruit Odor Preferences in Larval and Adult Drosophila}, journal={Cell Reports}, volume={23}, "
        "pages={2524--2531}, year={2018}, doi={10.1016/j.celrep.2018.04.085}}"
    ),
    lossy="Means, each receptor's over its largest; how much a receptor varies between trials is not in this table.",
)


@final
@dataclass(frozen=True, slots=True)
class Paired:
    """Digits, their words and odours, lived together for ``moments`` moments.

    ``image``: the gaze goes over the patches of a digit (``patch`` pixels wide, 8 x 8 in all) in reading order, again and again.
    ``odour``: from moment ``odour_at`` on, 20 larval receptors respond as measured, each with independent Gaussian noise of
    standard deviation ``noise`` at every moment; 1 is a receptor's largest response, and the noise is assumed, not measured.
    ``word``: from moment ``word_at`` on, the characters of the English word, one a moment; silence, a space, before and after.
    """

    patch: int = 4
    moments: int = 12
    odour_at: int = 2
    word_at: int = 6
    noise: float = 0.2

    source = Source(
        key="paired",
        title=f"{Digits.source.title}, with English words and larval odours in a constructed pairing",
        version="1",
        licence=f"{Digits.source.licence}; {DWECK.licence}",
        origin=f"{Digits.source.origin}; {DWECK.origin}",
        bibtex=f"{Digits.source.bibtex}\n{DWECK.bibtex}",
        lossy=f"{Digits.source.lossy} {DWECK.lossy} Which odour goes with which digit was decided here.",
    )

    def __post_init__(self) -> None:
        Digits(self.patch)
        if not 0 <= self.odour_at < self.moments:
            raise RecipeError(f"odour_at is {self.odour_at}, but must be one of the {self.moments} moments, from 0.")
        if not 1 <= self.word_at <= self.moments - LONGEST:
            raise RecipeError(
                f"word_at is {self.word_at}, but must be 1 to {self.moments - LONGEST}: the longest word has {LONGEST} letters, "
                f"and there are {self.moments} moments."
            )
        if not 0 < self.noise < float("inf"):
            raise RecipeError(f"noise is {self.noise}, but must be a positive number.")

    def open(self) -> "PairedWorld":
        """The world itself."""
        images, turn = Digits(self.patch).open(), [t % (8 // self.patch) ** 2 for t in range(self.moments)]
        train, test = ((part[:, turn].float() - images.offset) / images.spread for part in (images.train, images.test))
        heard = np.zeros((len(WORDS), self.moments), dtype=np.int64)
        for number, word in enumerate(WORDS):
            heard[number, self.word_at : self.word_at + len(word)] = symbols_of(word)
        smelled = np.zeros((len(WORDS), self.moments, 20))
        smelled[:, self.odour_at :] = ten_odours()[1][:, None]
        letters = (np.eye(len(ALPHABET)) - 1 / len(ALPHABET)) * np.sqrt(len(ALPHABET))
        return PairedWorld(self, train, test, images.train_label, images.test_label, smelled, letters[heard])


def ten_odours() -> tuple[tuple[str, ...], Float[ndarray, "class input"]]:
    """Names and receptor responses of ten odorants that are easy to tell apart, in the order in which they were found.

    The first drives the receptors most; each next one is farthest, by Euclidean distance, from the nearest of those before it.
    """
    data = read_embedded("larval_odour")
    response = data["response"].T
    chosen = [int(np.argmax(np.linalg.norm(response, axis=1)))]
    while len(chosen) < len(WORDS):
        gap = np.linalg.norm(response[:, None] - response[chosen], axis=2).min(axis=1)
        chosen.append(int(np.argmax(gap)))
    return tuple(str(data["odorant"][i]) for i in chosen), response[chosen]


@final
@dataclass(frozen=True, slots=True, eq=False)
class PairedWorld:
    """The world of a ``Paired`` recipe, in memory.

    Observations are in units that networks like: pixels and letters with variance about 1, odours in units of the noise.
    """

    paired: Paired
    train: Float[Tensor, "sample time input"]
    test: Float[Tensor, "sample2 time input"]
    train_label: Int[ndarray, " sample"]
    test_label: Int[ndarray, " sample2"]
    odour: Float[ndarray, "class time input2"]
    word: Float[ndarray, "class time input3"]

    @property
    def n_input(self) -> Mapping[str, int]:
        """Numbers in one observation of each modality."""
        return {"image": self.train.shape[-1], "odour": self.odour.shape[-1], "word": self.word.shape[-1]}

    def draw(self, batch: int, rng: np.random.Generator) -> tuple[Episode, Int[ndarray, " batch"]]:
        """``batch`` sequences of the training part, with replacement, and their digits (for probes only)."""
        row = rng.integers(len(self.train), size=batch)
        label = self.train_label[row]
        return self._episode(self.train[torch.from_numpy(row)], label, rng), label

    def held_out(self, rng: np.random.Generator, *, without: tuple[str, ...] = ()) -> Episode:
        """The whole test part; senses named in ``without`` have nothing to sense, as in ``silent``."""
        return self.silent(self._episode(self.test, self.test_label, rng), without, rng)

    def silent(self, episode: Episode, without: tuple[str, ...], rng: np.random.Generator) -> Episode:
        """The same lives with nothing to sense for some senses: a black image, receptor noise without an odour, no word.

        Raises ``UnknownName`` for a sense that this world does not have.
        """
        observation = dict(episode.observation)
        for name in without:
            if name not in MODALITIES:
                raise UnknownName("sense", name, MODALITIES)
            part = observation[name]
            if name == "odour":
                observation[name] = torch.from_numpy(rng.standard_normal(part.shape)).to(part)
            else:
                nothing = self.train.min() if name == "image" else torch.from_numpy(self.word[0, 0])
                observation[name] = nothing.to(part).expand_as(part)
        return Episode(observation)

    def _episode(self, image: Tensor, label: Int[ndarray, " batch"], rng: np.random.Generator) -> Episode:
        smelled = self.odour[label] / self.paired.noise
        smelled = smelled + rng.standard_normal(smelled.shape)
        parts = {"image": image, "odour": torch.from_numpy(smelled), "word": torch.from_numpy(self.word[label])}
        return Episode({name: part.to(torch.get_default_dtype()) for name, part in parts.items()})

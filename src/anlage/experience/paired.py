"""A small world with several senses: every handwritten digit comes with its English word and with an odour, and may be heard.

The pairing is constructed: nobody ever saw a digit that smelled. Images, words, voices and receptor responses are real, which of
them go together was decided here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from anlage.connectome.source import Source
from anlage.connectome.store import read_embedded
from anlage.errors import RecipeError, UnknownName
from anlage.experience.company import Company
from anlage.experience.image import Digits, Mnist
from anlage.experience.speech import SpokenDigits
from anlage.experience.swimming import Swimming
from anlage.experience.text import ALPHABET, symbols_of
from anlage.trace import Episode

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MODALITIES = ("image", "odour", "word")
"""What there always is to sense; ``Paired.modalities`` says what else."""
LONGEST = max(map(len, WORDS))
FRAMES = 2
"""Frames of speech, 16 ms each, that are heard in one moment."""
N_TRAIN, N_TEST = 6000, 1000
"""Images of MNIST that are used of either part: the first."""

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

    ``images``: those of scikit-learn (8 x 8 pixels), or the first 6,000 and 1,000 of MNIST (28 x 28). The gaze goes over the
    patches of an image (``patch`` pixels wide) in reading order, again and again.
    ``odour``: from moment ``odour_at`` on, 20 larval receptors respond as measured, each with independent Gaussian noise of
    standard deviation ``noise`` at every moment; 1 is a receptor's largest response, and the noise is assumed, not measured.
    ``word``: from moment ``word_at`` on, the characters of the English word, one a moment; silence, a space, before and after.
    ``speech``: from moment ``speech_at`` on, somebody says the digit: a recording of it, another in every life, two frames
    of 16 log-mel bands a moment; digital silence before.
    ``body``: what the worm feels and does while it swims, at 120 ms a moment; it has nothing to do with the digit.
    MNIST and speech need the data folder, the body the extra ``body``.
    """

    patch: int = 4
    moments: int = 12
    odour_at: int = 2
    word_at: int = 6
    noise: float = 0.2
    images: Literal["digits", "mnist"] = "digits"
    speech: Literal["none", "spoken-digits"] = "none"
    speech_at: int = 1
    body: Literal["none", "swimmer"] = "none"

    def __post_init__(self) -> None:
        _ = self._images
        if not 0 <= self.odour_at < self.moments:
            raise RecipeError(f"odour_at is {self.odour_at}, but must be one of the {self.moments} moments, from 0.")
        if not 1 <= self.word_at <= self.moments - LONGEST:
            raise RecipeError(
                f"word_at is {self.word_at}, but must be 1 to {self.moments - LONGEST}: the longest word has {LONGEST} letters, "
                f"and there are {self.moments} moments."
            )
        if not 0 < self.noise < float("inf"):
            raise RecipeError(f"noise is {self.noise}, but must be a positive number.")
        if not 0 <= self.speech_at < self.moments:
            raise RecipeError(f"speech_at is {self.speech_at}, but must be one of the {self.moments} moments, from 0.")

    @property
    def _images(self) -> Digits | Mnist:
        return Mnist(self.patch, N_TRAIN) if self.images == "mnist" else Digits(self.patch)

    @property
    def _voices(self) -> SpokenDigits:
        return SpokenDigits(frames=FRAMES * (self.moments - self.speech_at))

    @property
    def modalities(self) -> tuple[str, ...]:
        """What there is to sense."""
        extra = {"speech": self.speech, "body": self.body}
        return (*MODALITIES, *(name for name, kind in extra.items() if kind != "none"))

    @property
    def events(self) -> Mapping[str, int]:
        """What begins at which moment, in the order of time."""
        begins = {"image": 0, "odour": self.odour_at, "speech": self.speech_at, "word": self.word_at}
        present = {name: at for name, at in begins.items() if name in self.modalities}
        return dict(sorted(present.items(), key=lambda pair: pair[1]))

    @property
    def source(self) -> Source:
        """Where everything comes from."""
        parts = [self._images.source, DWECK]
        heard = ["English words", "larval odours"]
        if "speech" in self.modalities:
            parts, heard = [*parts, SpokenDigits.source], [*heard, "voices (Free Spoken Digit Dataset)"]
        paired = f"{parts[0].title}, with {', '.join(heard[:-1])} and {heard[-1]} in a constructed pairing"
        if "body" in self.modalities:
            parts, paired = [*parts, Swimming().source], f"{paired}, and a swimming body"
        lossy = " ".join(part.lossy for part in parts if part.lossy)
        return Source(
            key="paired",
            title=paired,
            version="1",
            licence="; ".join(part.licence for part in parts),
            origin="; ".join(part.origin for part in parts),
            bibtex="\n".join(part.bibtex for part in parts),
            lossy=f"{lossy} Which of them go together was decided here.",
        )

    @property
    def story(self) -> str:
        """What is lived, and what is made up in it, in a few sentences."""
        pairs = ", ".join(f"{word} with {odour}" for word, odour in zip(WORDS, ten_odours()[0], strict=True))
        said = (
            f"Digits, their words and their odours are lived together, {self.moments} moments in all; the gaze goes over the "
            "patches of the image again and again. The pairing is constructed: nobody ever saw a digit that smelled. "
            f"{pairs[0].upper()}{pairs[1:]}. The odour comes at moment {self.odour_at}, the word at moment {self.word_at}, a "
            "letter a moment. Receptor responses are measured means; their noise, "
            f"{self.noise:g} of a receptor's largest response, is assumed."
        )
        if "speech" in self.modalities:
            said += (
                f" From moment {self.speech_at} on somebody says the digit: one of six speakers, another recording in every "
                "life, 32 ms a moment. Who wrote a digit never said it; held-out lives have held-out images and recordings."
            )
        if "body" in self.modalities:
            said += (
                " The body swims by the worm's motor wiring, 120 ms a moment, whatever the digit; its physics, and what the "
                "wiring does not say, are assumed."
            )
        return said

    def open(self) -> "PairedWorld":
        """The world itself; raises ``DataMissing`` or ``DependencyMissing`` for what it needs and cannot find."""
        images = self._images.open()
        turn = [t % images.train.shape[1] for t in range(self.moments)]
        pairs = ((images.train, images.train_label), (images.test[:N_TEST], images.test_label[:N_TEST]))
        train, test = ((part[:, turn].float() - images.offset) / images.spread for part, _ in pairs)
        heard = np.zeros((len(WORDS), self.moments), dtype=np.int64)
        for number, word in enumerate(WORDS):
            heard[number, self.word_at : self.word_at + len(word)] = symbols_of(word)
        smelled = np.zeros((len(WORDS), self.moments, 20))
        smelled[:, self.odour_at :] = ten_odours()[1][:, None]
        letters = (np.eye(len(ALPHABET)) - 1 / len(ALPHABET)) * np.sqrt(len(ALPHABET))
        company: dict[str, Company] = {}
        if self.speech != "none":
            company["speech"] = Company.speaking(self._voices.open(), len(WORDS), FRAMES, self.speech_at)
        if self.body != "none":
            company["body"] = Company.moving(Swimming(self.moments).open())
        return PairedWorld(self, train, test, pairs[0][1], pairs[1][1], smelled, letters[heard], company)


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

    Observations are in units that networks like: pixels, letters and sounds with variance about 1, odours in units of the noise.
    ``company``: what is heard and felt, another recording in every life.
    """

    paired: Paired
    train: Float[Tensor, "sample time input"]
    test: Float[Tensor, "sample2 time input"]
    train_label: Int[ndarray, " sample"]
    test_label: Int[ndarray, " sample2"]
    odour: Float[ndarray, "class time input2"]
    word: Float[ndarray, "class time input3"]
    company: Mapping[str, Company]

    @property
    def n_input(self) -> Mapping[str, int]:
        """Numbers in one observation of each modality."""
        numbers = {"image": self.train.shape[-1], "odour": self.odour.shape[-1], "word": self.word.shape[-1]}
        return {**numbers, **{name: other.n_input for name, other in self.company.items()}}

    @property
    def n_held_out(self) -> int:
        """Lives that are never learned from."""
        return len(self.test)

    def draw(self, batch: int, rng: np.random.Generator) -> tuple[Episode, Int[ndarray, " batch"]]:
        """``batch`` sequences of the training part, with replacement, and their digits (for probes only)."""
        row = rng.integers(len(self.train), size=batch)
        label = self.train_label[row]
        return self._episode(self.train[torch.from_numpy(row)], label, rng), label

    def held_out(self, rng: np.random.Generator, *, without: Sequence[str] = ()) -> Episode:
        """The whole test part; senses named in ``without`` have nothing to sense, as in ``silent``."""
        return self.silent(self._episode(self.test, self.test_label, rng, held_out=True), without, rng)

    def silent(self, episode: Episode, without: Sequence[str], rng: np.random.Generator) -> Episode:
        """The same lives with nothing to sense for some senses: a black image, noise of receptors, no word, no sound, rest.

        Raises ``UnknownName`` for a sense that this world does not have.
        """
        observation = dict(episode.observation)
        for name in without:
            if name not in self.paired.modalities:
                raise UnknownName("sense", name, self.paired.modalities)
            part = observation[name]
            if name == "odour":
                observation[name] = torch.from_numpy(rng.standard_normal(part.shape)).to(part)
            else:
                observation[name] = self._nothing(name).to(part).expand_as(part)
        return Episode(observation)

    def _nothing(self, name: str) -> Tensor:
        if name in self.company:
            return self.company[name].nothing
        return self.train.min() if name == "image" else torch.from_numpy(self.word[0, 0])

    def _episode(
        self, image: Tensor, label: Int[ndarray, " batch"], rng: np.random.Generator, *, held_out: bool = False
    ) -> Episode:
        smelled = self.odour[label] / self.paired.noise
        smelled = smelled + rng.standard_normal(smelled.shape)
        parts = {"image": image, "odour": torch.from_numpy(smelled), "word": torch.from_numpy(self.word[label])}
        parts |= {name: other.draw(label, rng, held_out=held_out) for name, other in self.company.items()}
        return Episode({name: part.to(torch.get_default_dtype()) for name, part in parts.items()})

"""Text, of which each next byte is to be foretold."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pydoc_data.topics import topics
from typing import Literal, final

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.errors import RecipeError, UnknownName
from anlage.experience.experience import read_data
from anlage.experience.problem import Part, Problem, demand, demand_sequences, pose
from anlage.experience.text import Text

SHAKESPEARE = Source(
    key="karpathy2015unreasonable",
    title="Tiny Shakespeare",
    version="6f9487a",
    licence="public domain",
    origin="https://github.com/karpathy/char-rnn",
    bibtex=(
        "@misc{karpathy2015unreasonable, author={Karpathy, Andrej}, title={The unreasonable effectiveness of recurrent neural "
        "networks}, year={2015}, howpublished={https://github.com/karpathy/char-rnn}}"
    ),
)


@final
@dataclass(frozen=True, slots=True)
class NextByte:
    """Give the probability of every next byte of a text, one-hot over the bytes that occur in it; the score is bits per byte.

    Windows of ``length`` bytes are drawn: those to learn from out of the first nine tenths, those for testing out of the last.
    The reference is an ``n_gram`` model that learns from the same windows and sees no byte before a window (interpolated after
    Witten & Bell 1991). ``python`` is the language reference that every Python carries and differs a little between versions;
    ``shakespeare`` needs the data folder.
    """

    text: Literal["python", "shakespeare"] = "python"
    n_gram: int = 4
    n_train: int = 400
    n_test: int = 100
    length: int = 100
    washout: int = 10

    def __post_init__(self) -> None:
        if self.text not in ("python", "shakespeare"):
            raise UnknownName("text", self.text, ("python", "shakespeare"))
        demand("n_gram", self.n_gram, 1, 8)
        demand_sequences(self, self.washout, self.length)

    @property
    def source(self) -> Source:
        """That of the text."""
        return SHAKESPEARE if self.text == "shakespeare" else replace(Text.source, lossy="")

    def open(self, rng: np.random.Generator) -> Problem:
        """The problem; which windows are used is drawn."""
        text = self._text()
        occurring = np.unique(text)
        symbols = np.searchsorted(occurring, text)
        windows = symbols[: len(symbols) // (self.length + 1) * (self.length + 1)].reshape(-1, self.length + 1)
        cut = len(windows) * 9 // 10
        if self.n_train > cut or self.n_test > len(windows) - cut:
            raise RecipeError(
                f"n_train is {self.n_train} and n_test {self.n_test}, but this text has {cut:,} and {len(windows) - cut:,} "
                f"windows of {self.length} bytes; take fewer, or shorter ones."
            )
        rows = windows[rng.permutation(cut)[: self.n_train]]
        test_rows = windows[cut + rng.permutation(len(windows) - cut)[: self.n_test]]
        model = NGram(self.n_gram, len(occurring))
        model.learn(rows)
        given = np.stack([model.probabilities(row)[self.washout :] for row in test_rows])
        train, test = (self._part(part, len(occurring)) for part in (rows, test_rows))
        return pose("byte", train, test, ("bits_per_byte", "accuracy"), given, washout=self.washout)

    def _text(self) -> Int[ndarray, " time"]:
        if self.text == "shakespeare":
            data = read_data("text/tinyshakespeare.txt", "Tiny Shakespeare")
        else:
            data = "\n".join(topics[name] for name in sorted(topics)).encode()
        return np.frombuffer(data, np.uint8).astype(np.int64)

    def _part(self, rows: Int[ndarray, "sample window"], size: int) -> Part:
        shown: ndarray = np.eye(size, dtype=np.float32)[rows]
        return shown[:, :-1], shown[:, 1 + self.washout :]


class NGram:
    """Probabilities of a symbol after up to ``order - 1`` others, interpolated after Witten & Bell 1991.

    ``P(s | context) = (count(context, s) + kinds(context) P(s | shorter context)) / (count(context) + kinds(context))``, where
    ``kinds`` is how many different symbols followed; without any context, the shorter one is the uniform distribution.
    I. H. Witten and T. C. Bell, IEEE Transactions on Information Theory 37(4):1085 (1991), method C.
    """

    def __init__(self, order: int, size: int) -> None:
        self.order, self.size = order, size
        self.following: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)

    def learn(self, rows: Int[ndarray, "sample time"]) -> None:
        """Count what follows what; nothing follows across sequences."""
        for row in rows.tolist():
            for t in range(1, len(row)):
                for n in range(min(self.order, t + 1)):
                    self.following[tuple(row[t - n : t])][row[t]] += 1

    def probabilities(self, row: Int[ndarray, " time"]) -> Float[ndarray, "moment output"]:
        """Distribution of the symbol after each of a sequence, but the last."""
        symbols = row.tolist()
        return np.stack([self.after(symbols[: t + 1]) for t in range(len(symbols) - 1)])

    def after(self, past: Sequence[int]) -> Float[ndarray, " output"]:
        """Distribution of the symbol after ``past``."""
        share = np.full(self.size, 1 / self.size)
        for n in range(min(self.order, len(past) + 1)):
            counts = self.following.get(tuple(past[len(past) - n :]))
            if not counts:
                break
            share = share * len(counts)
            share[list(counts)] += list(counts.values())
            share /= counts.total() + len(counts)
        return share

"""Several things seen one after another, and one of them asked for."""

from dataclasses import dataclass
from typing import final

import numpy as np

from anlage.connectome.source import Source
from anlage.experience.problem import Part, Problem, demand, one_hot, pose


@final
@dataclass(frozen=True, slots=True)
class ItemRecall:
    """Name the item that was shown at the cued place of a sequence, ``delay`` empty moments after the last one.

    One channel per symbol, then one per place: the cue lights the channel of its place at the last moment, and only that
    moment is answered. Symbols are drawn independently, so knowing all but the asked one helps nobody.
    """

    n_symbols: int = 8
    n_items: int = 3
    delay: int = 5
    n_train: int = 1000
    n_test: int = 500

    source = Source(
        key="sternberg1966high",
        title="Recall of one of several items",
        version="1966",
        licence="generated here",
        origin="Science 153:652",
        bibtex=(
            "@article{sternberg1966high, author={Sternberg, Saul}, title={High-speed scanning in human memory}, "
            "journal={Science}, volume={153}, pages={652--654}, year={1966}}"
        ),
        lossy="Asks which item stood at a place, where Sternberg asked whether an item was among those shown.",
    )

    def __post_init__(self) -> None:
        demand("n_symbols", self.n_symbols, 2, 1000)
        demand("n_items", self.n_items, 1, 100)
        demand("delay", self.delay, 0, 10_000)
        for name in ("n_train", "n_test"):
            demand(name, getattr(self, name), 1, 1_000_000)
        # Otherwise test sequences would have to be training ones, and memory of those would be measured.
        ways = self.n_items * self.n_symbols**self.n_items
        demand("n_train + n_test", self.n_train + self.n_test, 2, ways)

    def open(self, rng: np.random.Generator) -> Problem:
        """New sequences, all different."""
        drawn: dict[bytes, np.ndarray] = {}
        while len(drawn) < self.n_train + self.n_test:
            n = self.n_train + self.n_test
            row = np.c_[rng.integers(self.n_symbols, size=(n, self.n_items)), rng.integers(self.n_items, size=n)]
            drawn |= {one.tobytes(): one for one in row}
        rows = np.stack(list(drawn.values()))
        train = self._part(rows[: self.n_train])
        test = self._part(rows[self.n_train : self.n_train + self.n_test])
        return pose("symbol", train, test, ("accuracy",), 1.0)

    def _part(self, rows: np.ndarray) -> Part:
        items, place = rows[:, :-1], rows[:, -1]
        seen = np.zeros((len(rows), self.n_items + self.delay + 1, self.n_symbols + self.n_items))
        seen[:, : self.n_items, : self.n_symbols] = np.eye(self.n_symbols)[items]
        seen[:, -1, self.n_symbols :] = np.eye(self.n_items)[place]
        return seen, one_hot(items[np.arange(len(rows)), place], self.n_symbols)

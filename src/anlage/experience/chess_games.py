"""Chess games as streams of boards."""

from dataclasses import dataclass
from typing import final

import numpy as np

from anlage.errors import RecipeError
from anlage.experience.chess_value import ChessValue, games, planes, read_positions
from anlage.experience.experience import Recording

WINNING = 1 / 3
"""Expected outcomes beyond this count as better for one side."""


@final
@dataclass(frozen=True, slots=True)
class ChessGames:
    """The games that the positions of ``ChessValue`` were taken from, cut into windows of ``length`` boards, one per half-move.

    An observation is 12 planes of 64 squares as white sees them, own pieces first; who moves next is not shown, and follows. The
    label for probes is who stands better at the end of the window: black, nobody, white. Every fifth game is held out. Needs the
    data folder; no rules of chess.
    """

    length: int = 16

    source = ChessValue.source

    def __post_init__(self) -> None:
        if not 2 <= self.length <= 64:
            raise RecipeError(f"length is {self.length}, but a window of a game needs 2 to 64 boards.")

    def open(self) -> Recording:
        """The recording."""
        positions, value = read_positions()
        # Ranks are turned only for black: a board is as white sees it when white is said to move.
        boards = np.stack([planes(f"{fen.split()[0]} w") for fen in positions]).astype(np.uint8)
        for_white = np.where([fen.split()[1] == "w" for fen in positions], value, -value)
        stands = np.digitize(for_white, (-WINNING, WINNING))
        rows, held_out = self._windows(games(positions))
        train, test = rows[~held_out], rows[held_out]
        if not len(train) or not len(test):
            raise RecipeError(
                f"length is {self.length}, but too few games have so many boards to learn from some and hold out others; take a "
                "shorter length."
            )
        return Recording.of("board", boards[train], stands[train[:, -1]], boards[test], stands[test[:, -1]])

    def _windows(self, game: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The positions of every window, each within one game, and whether it is held out."""
        found = [
            rows[at : at + self.length]
            for rows in np.split(np.arange(len(game)), np.flatnonzero(np.diff(game)) + 1)
            for at in range(0, len(rows) - self.length + 1, self.length)
        ]
        windows = np.array(found, dtype=np.int64).reshape(-1, self.length)
        return windows, game[windows[:, 0]] % 5 == 4

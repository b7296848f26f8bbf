"""Looking ahead in chess: the same search for whatever judges boards."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from jaxtyping import Float, Int, Int8
from numpy import ndarray

from anlage.errors import RecipeError
from anlage.experience.chess_board import Key, board_of, demand_rules, encode, key

MATE = 2.0
"""Worth of a move that mates, in units of the value of a board, which is at most 1."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Lookahead:
    """Every line of one or two half-moves from some positions, laid out so that their last boards are judged at once.

    ``moves`` are the legal ones of each position, by their names. ``boards`` are to be judged, each for the side to move there;
    lines that mate or end in stalemate or with too few pieces are scored by the rules instead, whoever judges. Repetition and
    the fifty-move rule are left out.
    """

    plies: int
    moves: tuple[tuple[str, ...], ...]
    boards: Int8[ndarray, "board input"]
    fixed: Float[ndarray, " line"]
    """Worth of a line by the rules, for the side that chooses; NaN for one that leads to the next of the boards."""
    first_line: Int[ndarray, " move"]

    def worth(self, value: Float[ndarray, " board"]) -> list[Float[ndarray, " _"]]:
        """Minimax (Shannon 1950, Phil Mag 41:256): what each move of each position is worth to the side to move, at least.

        ``value`` of a board is that for its own side to move, and is cut off at -1 and 1: only the rules know a mate.
        """
        line = self.fixed.copy()
        turned = -1 if self.plies == 1 else 1
        line[np.isnan(line)] = turned * np.clip(value, -1, 1)
        move = np.minimum.reduceat(line, self.first_line)
        return np.split(move, np.cumsum([len(names) for names in self.moves])[:-1])


def look_ahead(positions: Sequence[str], plies: int) -> Lookahead:
    """Lay out every line from positions in Forsyth-Edwards notation.

    Raises ``RecipeError`` when ``plies`` is neither 1 nor 2 or a position has no legal move, ``IntegrityError`` for text that is
    no position, and ``DependencyMissing``.
    """
    if plies not in (1, 2):
        raise RecipeError(f"plies is {plies}, but this search looks 1 or 2 half-moves ahead.")
    demand_rules()
    lines, moves = _Lines(), []
    for fen in positions:
        board = board_of(fen)
        legal = sorted(board.legal_moves, key=str)
        if not legal:
            raise RecipeError(f"The game is over in {fen!r}; leave it out, since there is no move to choose.")
        moves.append(tuple(map(str, legal)))
        for move in legal:
            board.push(move)
            lines.first.append(len(lines.fixed))
            _follow(board, plies, lines)
            board.pop()
    return Lookahead(plies, tuple(moves), encode(lines.keys), np.array(lines.fixed), np.array(lines.first))


@dataclass(slots=True)
class _Lines:
    """The lines found so far."""

    keys: list[Key] = field(default_factory=list)
    fixed: list[float] = field(default_factory=list)
    first: list[int] = field(default_factory=list)


def _follow(board: Any, plies: int, lines: _Lines) -> None:
    """Add the lines from the board behind a move of the side that chooses."""
    over = _ended(board)
    if over is not None or plies == 1:
        _add(lines, board, None if over is None else -over)
        return
    for reply in board.legal_moves:
        board.push(reply)
        _add(lines, board, _ended(board))
        board.pop()


def _add(lines: _Lines, board: Any, fixed: float | None) -> None:
    lines.fixed.append(np.nan if fixed is None else fixed)
    if fixed is None:
        lines.keys.append(key(board))


def _ended(board: Any) -> float | None:
    """Worth for the side to move of a board on which the game is over, else None."""
    if not any(board.generate_legal_moves()):
        return -MATE if board.is_check() else 0.0
    return 0.0 if board.is_insufficient_material() else None

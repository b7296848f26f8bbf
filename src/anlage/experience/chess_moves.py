"""The boards that chess moves lead to, to be judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final, get_args

import numpy as np
from jaxtyping import Float, Int8
from numpy import ndarray

from anlage.errors import UnknownName
from anlage.experience.chess_board import Key, after, board_of, encode
from anlage.experience.chess_value import SURE, ChessValue, games, read_action_values, value_of
from anlage.experience.problem import Part, Problem, demand, pose
from anlage.experience.reference import by_ridge
from anlage.experience.still_image import Showing


@final
@dataclass(frozen=True, slots=True)
class ChessMoves:
    """Judge the board behind a move, for the side that moves next: -1 lost, 1 won; only the end is answered.

    The boards behind all legal moves of 5,000 positions, good and absurd: about 148,000. Values are those of the moves by
    Stockfish 15.1 (4,000 nodes), with the sign turned, through the curve of ``ChessValue``. What is seen: ``chess_board.encode``,
    held for ``moments`` moments, or shown at the first only (``pulse``). Whole games are drawn for testing, and a board that is
    tested is not learned from, whichever game it was reached in. The reference counts pieces, as in ``ChessValue``. Needs the
    data folder and python-chess (extra ``chess``).
    """

    moments: int = 2
    n_train: int = 8000
    n_test: int = 2000
    n_test_games: int = 12
    showing: Showing = "held"

    source = ChessValue.source

    def __post_init__(self) -> None:
        demand("moments", self.moments, 1, 1000)
        demand("n_train", self.n_train, 100, 200_000)
        demand("n_test", self.n_test, 10, 200_000)
        demand("n_test_games", self.n_test_games, 1, 50)
        if self.showing not in get_args(Showing):
            raise UnknownName("way of showing", self.showing, get_args(Showing))

    def open(self, rng: np.random.Generator) -> Problem:
        """The problem; which games are for testing, and which moves are played, is drawn."""
        table = read_action_values()
        game = games(list(table))
        demand("n_test_games", self.n_test_games, 1, int(game.max()))
        held_out = np.isin(game, rng.permutation(game.max() + 1)[: self.n_test_games])
        moves = [(row, move) for row, values in enumerate(table.values()) for move in values]
        drawn = [moves[number] for number in rng.permutation(len(moves))]
        known: set[Key] = set()
        parts = []
        for name, tested in (("n_test", True), ("n_train", False)):
            boards = _play(table, (one for one in drawn if held_out[one[0]] == tested), getattr(self, name), known)
            demand(name, getattr(self, name), 10, len(boards.value))
            parts.append(boards)
        test, train = parts
        advantage = np.arctanh(np.clip(train.value, -SURE, SURE))[:, None]
        guessed = np.tanh(by_ridge(pieces(train.seen), advantage, pieces(test.seen)))
        return pose("board", self._shown(train), self._shown(test), ("r2", "nrmse"), guessed[:, None])

    def _shown(self, boards: "_Boards") -> Part:
        """The same board at every moment, or at the first and nothing after."""
        shown = np.repeat(boards.seen[:, None].astype(np.float32), self.moments, axis=1)
        if self.showing == "pulse":
            shown[:, 1:] = 0
        return shown, boards.value[:, None, None]


def pieces(seen: Int8[ndarray, "sample input"]) -> Float[ndarray, "sample 12"]:
    """Own pawns, knights, bishops, rooks, queens and kings on each board, then those of the other side."""
    planes = seen[:, :384].reshape(-1, 6, 64)
    return np.concatenate([(planes == side).sum(-1) for side in (1, -1)], axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Boards:
    seen: Int8[ndarray, "sample 396"]
    value: Float[ndarray, " sample"]


def _play(table: Mapping[str, Mapping[str, int]], moves: Iterable[tuple[int, str]], n: int, known: set[Key]) -> _Boards:
    """The boards behind at most ``n`` moves that are not ``known`` yet, and their values; they are known afterwards."""
    positions, boards = list(table), dict[int, Any]()
    keys, centipawns = list[Key](), list[int]()
    for row, move in moves:
        if len(keys) == n:
            break
        if row not in boards:
            boards[row] = board_of(positions[row])
        (found,) = after(boards[row], [move])
        if found not in known:
            known.add(found)
            keys.append(found)
            centipawns.append(-table[positions[row]][move])
    return _Boards(encode(keys), value_of(np.array(centipawns, dtype=np.float64)))

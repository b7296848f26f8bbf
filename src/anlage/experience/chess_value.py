"""Chess positions, to be judged."""

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.errors import IntegrityError
from anlage.experience.experience import read_data
from anlage.experience.problem import Part, Problem, demand, pose
from anlage.experience.reference import by_ridge

PIECES = "PNBRQKpnbrqk"
CENTIPAWN = 0.00368208
"""Slope of expected outcome over advantage, per centipawn; lichess.org, fitted to human games, 2022."""
SURE = 0.98
"""Values beyond this, about 1,250 centipawns, count as this when the reference fits advantages."""
TABLE = "chess/stockfish15_action_values.jsonl.gz"


@final
@dataclass(frozen=True, slots=True)
class ChessValue:
    """Judge a chess position, held for ``moments`` moments, for the side to move: -1 lost, 1 won; only the end is answered.

    The value is that of the best move by Stockfish 15.1 (4,000 nodes), ``2 / (1 + exp(-0.00368208 centipawns)) - 1``. Inputs are
    12 planes of 64 squares, own pieces first, turned so that the side to move plays upwards; castling rights and repetition are
    not shown. Positions of one game resemble each other, so whole games are drawn for testing. The reference counts pieces: a
    ridge regression of the advantage on their twelve numbers, put through the same curve. One weight for every piece on every
    square does worse, since so few games are no guide to squares. Needs the data folder.
    """

    moments: int = 2
    n_test_games: int = 12

    source = Source(
        key="stockfish15chess",
        title="Action values of 5,000 chess positions by Stockfish 15.1",
        version="15.1",
        licence="free to use (facts generated for this project)",
        origin="Stockfish 15.1, 4,000 nodes per position",
        bibtex="@misc{stockfish15chess, author={{The Stockfish developers}}, title={Stockfish 15.1}, year={2022}}",
        lossy="4,000 nodes see a few moves ahead; scores beyond that are the engine's opinion.",
    )

    def __post_init__(self) -> None:
        demand("moments", self.moments, 1, 1000)
        demand("n_test_games", self.n_test_games, 1, 50)

    def open(self, rng: np.random.Generator) -> Problem:
        """The problem; which games are for testing is drawn."""
        positions, value = read_positions()
        game = games(positions)
        held_out = np.isin(game, rng.permutation(game.max() + 1)[: self.n_test_games])
        seen = np.stack([planes(fen) for fen in positions]).astype(np.float32)
        count = seen.reshape(len(seen), len(PIECES), 64).sum(-1)
        advantage = np.arctanh(np.clip(value, -SURE, SURE))[:, None]
        guessed = np.tanh(by_ridge(count[~held_out], advantage[~held_out], count[held_out]))
        train, test = (self._part(seen[rows], value[rows]) for rows in (~held_out, held_out))
        return pose("board", train, test, ("r2", "nrmse"), guessed[:, None])

    def _part(self, seen: ndarray, value: ndarray) -> Part:
        return np.repeat(seen[:, None], self.moments, axis=1), value[:, None, None]


def read_positions() -> tuple[list[str], Float[ndarray, " sample"]]:
    """Positions in Forsyth-Edwards notation, and the value of each for its side to move, -1 to 1.

    Raises ``DataMissing``, and ``IntegrityError`` for a damaged or foreign file.
    """
    rows = read_action_values()
    return list(rows), value_of(np.array([max(moves.values()) for moves in rows.values()], dtype=np.float64))


def read_action_values() -> Mapping[str, Mapping[str, int]]:
    """Position in Forsyth-Edwards notation -> legal move, as in e2e4 -> centipawns for the side to move.

    A mate in ``n`` moves counts as 32,000 - n. Raises ``DataMissing``, and ``IntegrityError`` for a damaged or foreign file.
    """
    try:
        lines = gzip.decompress(read_data(TABLE, "chess positions with values")).decode().splitlines()
        rows = [json.loads(line) for line in lines]
        found = {str(row["fen"]): {str(move): int(value) for move, value in row["moves"]} for row in rows}
        if not found or not all(found.values()):
            raise ValueError("no positions, or one without moves")
    except (gzip.BadGzipFile, zlib.error, EOFError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{TABLE} is damaged or another kind of file ({error}); get it again.") from error
    return found


def value_of(centipawns: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """Expected outcome of an advantage, -1 lost to 1 won: ``2 / (1 + exp(-0.00368208 centipawns)) - 1``."""
    value: ndarray = np.tanh(CENTIPAWN * centipawns / 2)  # the same, and cannot overflow
    return value


def planes(fen: str) -> Float[ndarray, " input"]:
    """12 planes of 64 squares: 1 where a pawn, knight, bishop, rook, queen, king of one's own stands, then the other side's.

    Squares run from the near left corner to the far right one, as the side to move sees them from its own side with the
    a-file on the left: for black, ranks are turned, files are not, so that a position and its colour-swapped mirror are equal.
    Raises ``IntegrityError`` for text that is no position.
    """
    board, mover, *_ = [*fen.split(), "", ""]
    ranks = [_rank(text) for text in board.split("/")][::-1]
    if len(ranks) != 8 or any(len(rank) != 8 for rank in ranks) or mover not in ("w", "b"):
        raise IntegrityError(f"{fen!r} is not a chess position in Forsyth-Edwards notation; correct or remove it.")
    if mover == "b":
        ranks = [rank.swapcase() for rank in ranks[::-1]]
    squares = np.array(list("".join(ranks)))
    seen: ndarray = (squares == np.array(list(PIECES))[:, None]).astype(np.float64)
    return seen.ravel()


def games(positions: list[str]) -> ndarray:
    """Number of the game that each position belongs to; a game ends where the count of moves stops growing.

    Raises ``IntegrityError`` for positions without a count.
    """
    try:
        half_moves = [2 * int(fen.split()[5]) + (fen.split()[1] == "b") for fen in positions]
    except (IndexError, ValueError) as error:
        raise IntegrityError(
            f"{TABLE} has positions without the number of their move, so games cannot be told apart; get it again."
        ) from error
    number: ndarray = np.cumsum(np.diff(half_moves, prepend=half_moves[0]) < 0)
    return number


def _rank(text: str) -> str:
    """One rank with a dot for every empty square."""
    return "".join("." * int(sign) if sign.isdigit() else sign if sign in PIECES else "?" * 9 for sign in text)

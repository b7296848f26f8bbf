"""Chess boards: what a network is shown of one, and the boards that moves lead to.

The rules are those of python-chess (GPL-3.0-or-later), an extra that is imported when they are asked for.
"""

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Int8
from numpy import ndarray

from anlage.errors import DependencyMissing, IntegrityError

WIDTH = 6 * 64 + 4 + 8
"""Numbers in one board: a plane for each kind of piece, castling rights, the file of a pawn to be taken in passing."""

Key = tuple[int, ...]
"""A board as whole numbers: equal for boards that a network cannot tell apart but for who is black."""


def demand_rules() -> ModuleType:
    """The rules of chess; raises ``DependencyMissing`` without python-chess."""
    try:
        import chess
    except ImportError as error:
        raise DependencyMissing(
            "The moves of chess are made by python-chess (GPL-3.0-or-later), which is not installed; "
            "run `pip install 'anlage[chess]'`."
        ) from error
    return chess


def board_of(fen: str) -> Any:
    """The ``chess.Board`` of a position in Forsyth-Edwards notation.

    Raises ``IntegrityError`` for text that is no position, or one that the rules forbid, and ``DependencyMissing``.
    """
    chess = demand_rules()
    try:
        board = chess.Board(fen)
        sound = board.is_valid()
    except ValueError:
        sound = False
    if not sound:
        raise IntegrityError(f"{fen!r} is not a chess position in Forsyth-Edwards notation; correct or remove it.")
    return board


def after(board: Any, moves: Sequence[str]) -> Iterator[Key]:
    """The board behind each of some moves, written as in e2e4 or b7b8q; the given one is as it was afterwards.

    Raises ``IntegrityError`` for a move that is not legal.
    """
    for move in moves:
        try:
            board.push_uci(move)
        except ValueError as error:
            raise IntegrityError(f"{move!r} is no legal move in {board.fen()!r}; correct or remove it.") from error
        yield key(board)
        board.pop()


def key(board: Any) -> Key:
    """Own and other pawns, knights, bishops, rooks, queens and kings, castling rights, passing square: sets of squares.

    Bit ``8 rank + file`` is a square as the side to move sees it from its own side, the a-file on the left: for black, ranks
    are turned, so that a position and its colour-swapped mirror have one key.
    """
    own = board.occupied_co[board.turn]
    kinds = (board.pawns, board.knights, board.bishops, board.rooks, board.queens, board.kings)
    passing = 1 << board.ep_square if board.ep_square is not None and board.has_legal_en_passant() else 0
    sets = (*(kind & own for kind in kinds), *(kind & ~own for kind in kinds), board.castling_rights, passing)
    return sets if board.turn else tuple(int.from_bytes(s.to_bytes(8, "big"), "little") for s in sets)


def encode(keys: Sequence[Key]) -> Int8[ndarray, "sample 396"]:
    """What a network sees of boards: 6 planes of 64 squares with 1 for an own piece and -1 for one of the other side; whether
    one may castle on the king's and the queen's side, and whether the other may; the file of a pawn to be taken in passing.

    The chess branch of Yu et al. 2025 (arXiv 2507.10951) has 404 numbers, 8 x 8 x 6 + 4 + 16. We take the last for the 16
    squares behind pawns that moved by two, of which 8 cannot occur when the board is turned to the side to move.
    """
    squares = np.array(keys, dtype="<u8").reshape(len(keys), 14)
    bits = np.unpackbits(squares.view(np.uint8), bitorder="little").reshape(len(keys), 14, 64).astype(np.int8)
    pieces = (bits[:, :6] - bits[:, 6:12]).reshape(len(keys), 384)
    castling, passing = bits[:, 12, [7, 0, 63, 56]], bits[:, 13].reshape(-1, 8, 8)[:, 5]
    return np.concatenate([pieces, castling, passing], axis=1)

"""Positions from games of Stockfish against itself, with the value of every legal move.

    python scripts/chess_labels.py --engine /usr/games/stockfish --positions 5000 --out action_values.jsonl.gz

One line of JSON per position: {"fen": ..., "moves": [[move, centipawns for the side to move], ...]}, best first, a mate in n as
32,000 - n: what `anlage` reads as chess/stockfish15_action_values.jsonl.gz below ANLAGE_DATA. Games begin with random moves, and
go on with one of the moves that lose little. The engine forgets between positions and counts nodes instead of seconds, so one
engine with one seed gives one file; another version gives another. Needs python-chess and Stockfish; some minutes for 5,000
positions. The file is written when all is done.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chess
import chess.engine
import numpy as np

from anlage.learning.checkpoint import write_atomic
from anlage.seed import Seed

MATE = 32_000
OPENING = 4
"""Half-moves at the start of a game that are drawn from all legal ones."""
LONGEST = 120
SLACK = 80
"""Centipawns that a move may lose and still be drawn."""


def valued(engine: Any, board: chess.Board, nodes: int) -> list[tuple[str, int]]:
    """Every legal move with its value for the side to move, best first."""
    found = engine.analyse(board, chess.engine.Limit(nodes=nodes), multipv=board.legal_moves.count(), game=object())
    scores = [(one["pv"][0].uci(), one["score"].relative.score(mate_score=MATE)) for one in found]
    return sorted(scores, key=lambda pair: (-pair[1], pair[0]))


def play(engine: Any, nodes: int, rng: np.random.Generator) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """The positions of one game, each with its values."""
    board = chess.Board()
    for number in range(LONGEST):
        if board.is_game_over():
            return
        if number < OPENING:
            moves = sorted(move.uci() for move in board.legal_moves)
        else:
            values = valued(engine, board, nodes)
            yield board.fen(), values
            moves = [move for move, value in values if value >= values[0][1] - SLACK]
        board.push_uci(moves[rng.integers(len(moves))])


def positions(engine: Any, wanted: int, nodes: int, seed: Seed) -> dict[str, list[tuple[str, int]]]:
    """So many different positions, whole games but the last."""
    found: dict[str, list[tuple[str, int]]] = {}
    game = 0
    while True:
        for fen, values in play(engine, nodes, seed.child("game").child(game).rng()):
            found.setdefault(fen, values)
            if len(found) == wanted:
                return found
        game += 1
        print(f"{len(found):,} of {wanted:,} positions, {game} games", file=sys.stderr, flush=True)


def main() -> None:
    """Ask the engine, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="stockfish", help="the engine's program")
    parser.add_argument("--positions", type=int, default=5000)
    parser.add_argument("--nodes", type=int, default=4000, help="of the engine's search, per position")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.positions < 1 or given.nodes < 1:
        sys.exit("There must be at least 1 position, and at least 1 node to search.")
    if not given.out.parent.is_dir():
        sys.exit(f"There is no folder {given.out.parent}; make it first.")
    try:
        engine = chess.engine.SimpleEngine.popen_uci(given.engine)
    except (OSError, chess.engine.EngineError) as error:
        sys.exit(
            f"{given.engine} does not answer as a chess engine ({error}); install Stockfish, or name it with --engine."
        )
    with engine:
        engine.configure({"Threads": 1, "Hash": 16})
        found = positions(engine, given.positions, given.nodes, Seed(given.seed))
    lines = "".join(
        json.dumps({"fen": fen, "moves": moves}, separators=(",", ":")) + "\n" for fen, moves in found.items()
    )
    write_atomic(given.out, gzip.compress(lines.encode(), mtime=0))
    print(f"{len(found):,} positions with {sum(map(len, found.values())):,} moves are in {given.out}.")


if __name__ == "__main__":
    main()

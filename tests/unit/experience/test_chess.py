"""Chess with rules: boards against their own text, moves against brute force and published counts, search against mates."""

import gzip
import json
import sys
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from anlage.errors import DependencyMissing, IntegrityError, RecipeError
from anlage.experience.chess_board import WIDTH, after, board_of, encode, key
from anlage.experience.chess_games import ChessGames
from anlage.experience.chess_moves import ChessMoves, pieces
from anlage.experience.chess_search import MATE, look_ahead
from anlage.experience.chess_value import TABLE, games, planes, read_action_values
from anlage.testing import check_task

chess = pytest.importorskip("chess", reason="python-chess (extra chess) is not installed")

REAL_DATA = Path(__file__).parents[4] / "shared" / "data"
START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
# Moves, and lines of two moves, from the positions on which move generators are tested (chessprogramming.org/Perft_Results).
COUNTED = {
    START: (20, 400),
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1": (48, 2039),
    "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1": (14, 191),
    "r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1": (6, 264),
    "rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8": (44, 1486),
}
PASSING = ("4k3/8/8/2pP4/8/8/8/4K3 w - c6 0 1", "4k3/8/8/8/6pP/8/8/4K3 b - h3 0 1")
WORTH = (1, 3, 3, 5, 9, 0)


def played(seed: int, n_moves: int = 60) -> Iterator["chess.Board"]:
    """The boards of a game of random moves."""
    rng, board = np.random.default_rng(seed), chess.Board()
    for _ in range(n_moves):
        if board.is_game_over():
            return
        board.push(list(board.legal_moves)[rng.integers(board.legal_moves.count())])
        yield board


def material(board: "chess.Board") -> int:
    """Centipawns of pieces for the side to move."""
    signed = (WORTH[p.piece_type - 1] * (1 if p.color == board.turn else -1) for p in board.piece_map().values())
    return 100 * int(sum(signed))


@pytest.fixture(scope="module")
def random_games() -> dict[str, dict[str, int]]:
    """Eight random games; a move is worth the pieces that it leaves."""
    rows = {}
    for seed in range(8):
        for board in played(seed, 16):
            moves = rows[board.fen()] = {}
            for move in board.legal_moves:
                board.push(move)
                moves[move.uci()] = -material(board)
                board.pop()
    return rows


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, random_games: dict[str, dict[str, int]]) -> Path:
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path))
    write(tmp_path, random_games)
    return tmp_path


def write(folder: Path, rows: dict[str, dict[str, int]]) -> None:
    lines = "\n".join(json.dumps({"fen": fen, "moves": list(moves.items())}) for fen, moves in rows.items())
    (folder / TABLE).parent.mkdir(exist_ok=True)
    (folder / TABLE).write_bytes(gzip.compress(lines.encode(), mtime=0))


def test_a_board_is_seen_as_its_text_says() -> None:
    boards = [board.copy() for seed in range(2) for board in played(seed)]
    boards += [chess.Board(fen) for fen in PASSING]
    seen = encode([key(board) for board in boards])
    assert seen.shape == (len(boards), WIDTH)
    for board, row in zip(boards, seen, strict=True):
        own, other = planes(board.fen()).reshape(2, 384)
        np.testing.assert_array_equal(row[:384], own - other)
        sides = (board.turn, not board.turn)
        known = board.has_kingside_castling_rights, board.has_queenside_castling_rights
        rights = [right(side) for side in sides for right in known]
        np.testing.assert_array_equal(row[384:388], rights)
        passing = board.fen().split()[3]
        np.testing.assert_array_equal(row[388:], [letter == passing[0] for letter in "abcdefgh"])
    np.testing.assert_array_equal(seen[:, 388:].sum(1) == 1, [board.has_legal_en_passant() for board in boards])
    assert seen[-2:, 388:].sum() == 2


def test_colours_do_not_matter() -> None:
    for board in played(5):
        assert key(board) == key(board.mirror())


def test_a_board_tells_what_the_opponent_would_be_told_with_its_sign_turned() -> None:
    board = board_of("4k3/8/8/8/8/8/4P3/4K3 w - - 0 1")
    own = pieces(encode([key(board)]))[0]
    board.turn = chess.BLACK
    np.testing.assert_array_equal(pieces(encode([key(board)]))[0], np.roll(own, 6))


@pytest.mark.parametrize("fen", COUNTED)
def test_lines_are_as_many_as_published(fen: str) -> None:
    moves, lines = COUNTED[fen]
    one, two = look_ahead([fen], 1), look_ahead([fen], 2)
    assert len(one.moves[0]) == len(one.fixed) == moves
    assert len(two.fixed) == lines
    assert len(two.boards) == np.isnan(two.fixed).sum()


def test_moves_are_those_of_brute_force() -> None:
    squares = [file + rank for file, rank in product("abcdefgh", "12345678")]
    for number, board in enumerate(played(9)):
        if number % 12:
            continue
        tried = (a + b + kind for a, b, kind in product(squares, squares, ("", "n", "b", "r", "q")) if a != b)
        legal = {move for move in tried if board.is_legal(chess.Move.from_uci(move))}
        assert set(look_ahead([board.fen()], 1).moves[0]) == legal


def minimax(board: "chess.Board", plies: int) -> float:
    """Worth for the side to move, by the definition."""
    if board.is_checkmate():
        return -MATE
    if board.is_stalemate() or board.is_insufficient_material():
        return 0.0
    if not plies:
        return judged(encode([key(board)]))[0]
    worths = []
    for move in list(board.legal_moves):
        board.push(move)
        worths.append(-minimax(board, plies - 1))
        board.pop()
    return max(worths)


def judged(boards: np.ndarray) -> np.ndarray:
    """Some opinion about boards."""
    return np.tanh(boards @ np.random.default_rng(3).normal(size=WIDTH) / 9)


@pytest.mark.parametrize("plies", [1, 2])
def test_the_search_is_minimax(plies: int) -> None:
    fens = [board.fen() for number, board in enumerate(played(11, 120)) if number % 40 == 0]
    fens += ["7k/5Q2/8/8/8/8/8/K7 w - - 0 1", "6k1/5ppp/8/8/8/8/8/K3R3 w - - 0 1"]
    lines = look_ahead(fens, plies)
    for fen, worth in zip(fens, lines.worth(judged(lines.boards)), strict=True):
        assert worth.max() == pytest.approx(minimax(chess.Board(fen), plies))


def worths(fen: str, plies: int, opinion: float) -> dict[str, float]:
    lines = look_ahead([fen], plies)
    return dict(zip(lines.moves[0], lines.worth(np.full(len(lines.boards), opinion))[0], strict=True))


@pytest.mark.parametrize("opinion", [-5.0, 0.0, 5.0])
def test_only_the_rules_know_a_mate(opinion: float) -> None:
    back_rank = worths("6k1/5ppp/8/8/8/8/8/K3R3 w - - 0 1", 1, opinion)
    assert [move for move, worth in back_rank.items() if worth == max(back_rank.values())] == ["e1e8"]
    assert back_rank["e1e8"] == MATE
    fools = worths("rnbqkbnr/pppp1ppp/8/4p3/8/5P2/PPPPP1PP/RNBQKBNR w KQkq - 0 2", 2, opinion)
    assert [move for move, worth in fools.items() if worth == -MATE] == ["g2g4"]
    assert worths("7k/8/5K2/6Q1/8/8/8/8 w - - 0 1", 1, opinion)["g5g6"] == 0.0  # stalemate
    assert max(abs(worth) for move, worth in back_rank.items() if move != "e1e8") <= 1


def test_the_opponent_is_given_the_worst_board() -> None:
    lines = look_ahead(["4k3/8/8/3p4/4P3/8/8/4K3 w - - 0 1"], 1)
    (worth,) = lines.worth(pieces(lines.boards) @ (*WORTH, *(-one for one in WORTH)) / 10)
    assert lines.moves[0][int(worth.argmax())] == "e4d5"


def test_what_is_learned_from_is_never_tested(data_folder: Path) -> None:
    check_task(ChessMoves(n_train=1000, n_test=200, n_test_games=2))
    task, rng = ChessMoves(moments=1, n_train=1000, n_test=300, n_test_games=3), np.random.default_rng(4)
    problem = task.open(rng)
    table, game = read_action_values(), games(list(read_action_values()))
    held_out = set(np.random.default_rng(4).permutation(8)[:3].tolist())
    reached: dict[bool, dict[bytes, set[float]]] = {True: {}, False: {}}
    for number, (fen, moves) in zip(game.tolist(), table.items(), strict=True):
        boards = encode(list(after(board_of(fen), list(moves)))).astype(np.float32)
        for board, centipawns in zip(boards, moves.values(), strict=True):
            value = 2 / (1 + np.exp(0.00368208 * centipawns)) - 1
            reached[number in held_out].setdefault(board.tobytes(), set()).add(round(float(value), 5))
    train, test = ({row.numpy().tobytes() for row in part[:, 0]} for part in (problem.train, problem.test))
    assert len(train) == 1000
    assert len(test) == 300
    assert not train & test
    assert train <= set(reached[False])
    assert test <= set(reached[True])
    for row, answer in zip(problem.test[:, 0], problem.test_answer[:, 0, 0], strict=True):
        assert round(float(answer), 5) in reached[True][row.numpy().tobytes()]


def test_counting_pieces_knows_values_that_are_numbers_of_pieces(data_folder: Path) -> None:
    problem = ChessMoves(n_train=1000, n_test=300, n_test_games=2).open(np.random.default_rng(0))
    assert problem.oracle > 0.99


def test_a_pulse_is_followed_by_silence(data_folder: Path) -> None:
    held, pulse = (
        ChessMoves(3, n_train=500, n_test=50, n_test_games=2, showing=showing).open(np.random.default_rng(0)).train
        for showing in ("held", "pulse")
    )
    assert (held == held[:, :1]).all()
    assert (pulse[:, 0] == held[:, 0]).all()
    assert not pulse[:, 1:].any()


@pytest.mark.skipif(not (REAL_DATA / TABLE).is_file(), reason="chess is not in the data folder")
def test_the_engine_knows_the_same_moves_and_mates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANLAGE_DATA", str(REAL_DATA))
    table = read_action_values()
    mating = [fen for fen, moves in table.items() if max(moves.values()) == 31_999][:10]
    fens = [*list(table)[::250], *mating]
    lines = look_ahead(fens, 1)
    for fen, moves, worth in zip(fens, lines.moves, lines.worth(np.zeros(len(lines.boards))), strict=True):
        assert set(moves) == set(table[fen])
        assert {m for m, own in zip(moves, worth, strict=True) if own == MATE} == {
            m for m, v in table[fen].items() if v == 31_999
        }


def test_games_are_cut_into_boards_that_moves_lead_to(data_folder: Path) -> None:
    recording = ChessGames(length=5).open()
    assert recording.modality == "board"
    assert (len(recording.train), len(recording.test)) == (7 * 3, 1 * 3)  # 16 boards each, the fifth game held out
    seen: dict[bytes, chess.Board] = {}
    for seed in range(8):
        for board in played(seed, 16):
            seen[planes(f"{board.board_fen()} w").astype(np.uint8).tobytes()] = board.copy()
    for window in (*recording.train, *recording.test):
        boards = [seen[observation.numpy().tobytes()] for observation in window]
        for before, then in pairwise(boards):
            assert then.fen() in {_pushed(before, move) for move in before.legal_moves}


def _pushed(board: "chess.Board", move: "chess.Move") -> str:
    after_it = board.copy()
    after_it.push(move)
    return after_it.fen()


def test_who_stands_better_is_said_for_white(data_folder: Path) -> None:
    rows = {}
    for game in range(1, 6):
        for number, white in enumerate((300, -300, 10), start=1):
            for half, centipawns in (("w", white), ("b", -white)):
                rows[f"4k3/8/8/8/8/8/8/{game}K{7 - game} {half} - - 0 {number}"] = {"a1a2": centipawns}
    write(data_folder, rows)
    recording = ChessGames(length=2).open()
    np.testing.assert_array_equal(recording.train_label, [2, 0, 1] * 4)
    np.testing.assert_array_equal(recording.test_label, [2, 0, 1])


def test_without_the_rules_one_is_told_what_to_install(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chess", None)
    for asked in (lambda: ChessMoves(n_test_games=2).open(np.random.default_rng(0)), lambda: look_ahead([START], 1)):
        with pytest.raises(DependencyMissing, match=r"python-chess .* `pip install 'anlage\[chess\]'") as caught:
            asked()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda: ChessMoves(n_train=5), RecipeError, "n_train is 5, but must be 100 to"),
        (lambda: ChessGames(length=1), RecipeError, "length is 1, but a window of a game needs 2 to 64"),
        (lambda: look_ahead([START], 3), RecipeError, "plies is 3, but this search looks 1 or 2"),
        (lambda: look_ahead(["7k/5K2/6Q1/8/8/8/8/8 b - - 0 1"], 1), RecipeError, "The game is over in"),
        (lambda: board_of("horses"), IntegrityError, "'horses' is not a chess position"),
        (lambda: board_of("8/8/8/8/8/8/8/8 w - - 0 1"), IntegrityError, "is not a chess position"),
        (lambda: list(after(board_of(START), ["e2e5"])), IntegrityError, "'e2e5' is no legal move in"),
        (lambda: list(after(board_of(START), ["e9"])), IntegrityError, "'e9' is no legal move in"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(wrong: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        wrong()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_more_boards_than_there_are_and_moves_that_are_none_are_refused(data_folder: Path) -> None:
    with pytest.raises(RecipeError, match="n_test is 100000, but must be 10 to"):
        ChessMoves(n_train=200, n_test=100_000, n_test_games=2).open(np.random.default_rng(0))
    with pytest.raises(RecipeError, match="n_test_games is 8, but must be 1 to 7"):
        ChessMoves(n_test_games=8).open(np.random.default_rng(0))
    with pytest.raises(RecipeError, match="length is 30, but too few games have so many boards"):
        ChessGames(length=30).open()
    later = START.replace("0 1", "0 9")
    write(data_folder, {later: {"e2e5": 10}, START: {"e2e5": 10}})
    with pytest.raises(IntegrityError, match="'e2e5' is no legal move in"):
        ChessMoves(n_train=200, n_test=10, n_test_games=1).open(np.random.default_rng(0))
    write(data_folder, {START.removesuffix(" 0 1"): {"e2e4": 10}})
    with pytest.raises(IntegrityError, match="games cannot be told apart"):
        ChessGames().open()
    for nothing in ({}, {START: {}}):
        write(data_folder, nothing)
        with pytest.raises(IntegrityError, match="no positions, or one without moves"):
            read_action_values()

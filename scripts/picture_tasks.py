"""The picture of the tasks: what enters, and what is to be answered, one panel each.

    python scripts/picture_tasks.py

Needs the data folder. One test sequence of every task as it comes, opened with the random numbers of seed 0.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from anlage.experience import TASKS, Problem
from anlage.experience.chess_value import PIECES
from anlage.experience.experience import read_data
from anlage.experience.next_byte import NextByte
from anlage.experience.odour import RECEPTORS
from anlage.study.canvas import ARM, BAND, INK, MUTED, PAPER, axes, sheet, write

ROOT = Path(__file__).parents[1]
COLUMNS, WIDTH, HEIGHT, GAP, TOP = 4, 262, 150, 26, 118
ANSWER = ARM[0]


def main() -> None:
    """Draw and save."""
    rows = -(-len(PANELS) // COLUMNS)
    width, height = GAP + COLUMNS * (WIDTH + GAP), TOP + rows * (HEIGHT + 82)
    figure = sheet(width, height)
    figure.set_facecolor(PAPER)
    page = axes(figure, 0, 0, width, height)
    page.set(xlim=(0, width), ylim=(height, 0))
    page.axis("off")
    write(page, GAP, 40, "What a network can be asked", fontsize=22, weight="bold")
    write(page, GAP, 68, "Grey enters, from left to right in time.", color=MUTED)
    write(page, GAP + 258, 68, "Orange is to be answered.", color=ANSWER, weight="bold")
    write(page, GAP + 466, 68, "One test sequence of each task.", color=MUTED)
    free, last = len(PANELS) % COLUMNS, TOP + (rows - 1) * (HEIGHT + 82)
    for line, note in enumerate(NOTES):
        write(page, GAP + free * (WIDTH + GAP) + 40, last + 40 + 24 * line, note, color=MUTED)
    for number, (word, (says, draw)) in enumerate(PANELS.items()):
        left, top = GAP + number % COLUMNS * (WIDTH + GAP), TOP + number // COLUMNS * (HEIGHT + 82)
        write(page, left, top - 6, word, fontsize=14, weight="bold")
        write(page, left, top + 12, says, fontsize=12, color=MUTED)
        task = NextByte("shakespeare") if word == "next-byte" else TASKS[word]()
        draw(figure, task.open(np.random.default_rng(0)), left, top + 24)
    figure.savefig(ROOT / "docs" / "tasks.png", dpi=144, facecolor=PAPER, metadata={"Software": None})


def blank(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes without ticks or edges."""
    ax = axes(figure, left, top, width, height)
    ax.set(xticks=[], yticks=[])
    ax.spines["bottom"].set_visible(False)
    return ax


def series(channel: int, moments: int, shift: int = 0) -> Callable[[Figure, Problem, float, float], None]:
    """Input above, answer below, over the first moments after the washout."""

    def draw(figure: Figure, problem: Problem, left: float, top: float) -> None:
        start = problem.washout
        rows = (problem.test[0, start : start + moments, 0], problem.test_answer[0, :moments, channel])
        for part, (row, colour) in enumerate(zip(rows, (MUTED, ANSWER), strict=True)):
            ax = blank(figure, left, top + part * HEIGHT / 2, WIDTH, HEIGHT / 2 - 6)
            ax.plot(row.numpy(), color=colour, lw=1.6, solid_capstyle="round")
            if shift:
                # The same stretch of the signal, where it enters and where it is asked for.
                seen = np.arange(moments // 2, moments // 2 + moments // 6) + (0 if part == 0 else shift)
                ax.plot(seen, row.numpy()[seen], color=INK, lw=2.6)
            ax.set(xlim=(0, moments - 1))

    return draw


def three_body(figure: Figure, problem: Problem, left: float, top: float) -> None:
    """The three coordinates, and each a horizon ahead."""
    for axis in range(3):
        ax = blank(figure, left, top + axis * HEIGHT / 3, WIDTH, HEIGHT / 3 - 4)
        ax.plot(problem.test[0, 50:130, axis], color=MUTED, lw=1.6)
        ax.plot(problem.test_answer[0, :80, axis], color=ANSWER, lw=1.6)
        write(ax, -4, float(problem.test[0, 50, axis]), "xyz"[axis], fontsize=12, color=MUTED, ha="right", va="center")
        ax.set(xlim=(0, 79))


def raster(figure: Figure, rows: np.ndarray, left: float, top: float, width: float = WIDTH * 0.72) -> Axes:
    """Channels by time, darker for more."""
    ax = blank(figure, left, top, width, HEIGHT - 6)
    ax.imshow(rows, aspect="auto", cmap="Greys", interpolation="nearest")
    return ax


def answered(figure: Figure, left: float, top: float, text: str, size: float = 26) -> None:
    """What is to be said in the end."""
    ax = blank(figure, left + WIDTH * 0.75, top, WIDTH * 0.25, HEIGHT - 6)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    write(ax, 0.03, 0.5, "→", color=MUTED, fontsize=20, va="center")
    write(ax, 0.36, 0.5, text, color=ANSWER, fontsize=size, weight="bold", va="center")


def item_recall(figure: Figure, problem: Problem, left: float, top: float) -> None:
    """Symbols, then the cue."""
    seen, letters = problem.test[0].numpy(), "ABCDEFGH"
    ax = blank(figure, left, top, WIDTH * 0.72, HEIGHT - 6)
    for moment, row in enumerate(seen):
        ax.add_patch(Rectangle((moment, 0), 0.9, 1, color=BAND))
        text = letters[row[:8].argmax()] if row[:8].any() else f"{row[8:].argmax() + 1}." if row[8:].any() else ""
        write(ax, moment + 0.45, 0.5, text, ha="center", va="center", color=INK, fontsize=15, weight="bold")
    write(ax, 1.4, 1.35, "three items", ha="center", color=MUTED, fontsize=12)
    write(ax, 8.9, 1.35, "which was it?", ha="right", color=MUTED, fontsize=12)
    ax.set(xlim=(0, 9), ylim=(-1.6, 2.6))
    answered(figure, left, top, letters[int(problem.test_answer[0, 0].argmax())])


def heading(figure: Figure, problem: Problem, left: float, top: float) -> None:
    """Turns as bars, headings as arrows."""
    turn, answer = problem.test[0, :60, 0].numpy(), problem.test_answer[0, :60].numpy()
    upper = blank(figure, left, top, WIDTH, HEIGHT / 2 - 6)
    upper.bar(np.arange(60), turn, color=MUTED, width=0.8)
    lower = blank(figure, left, top + HEIGHT / 2, WIDTH, HEIGHT / 2 - 6)
    some = np.arange(0, 60, 4)
    lower.quiver(some, 0 * some, *answer[some].T, color=ANSWER, scale=13, width=0.008, pivot="mid")
    for ax in (upper, lower):
        ax.set_xlim(-3, 62)


def digit(figure: Figure, problem: Problem, left: float, top: float) -> None:
    """The same picture at every moment, or a row of it at each."""
    rows, named = problem.test[0].numpy(), int(problem.test_answer[0, 0].argmax())
    n = len(rows)
    for moment in range(n):
        if rows.shape[1] == 64:
            size = WIDTH * 0.72 / n - 4
            ax = blank(figure, left + moment * (size + 4), top + HEIGHT / 2 - size / 2 - 3, size, size)
            shown = rows[moment].reshape(8, 8)
        else:
            ax = blank(figure, left + moment * WIDTH * 0.6 / n, top + 15 + moment * 13, WIDTH * 0.12, 11)
            shown = rows[moment : moment + 1]
        ax.imshow(shown, cmap="Greys", vmin=rows.min(), vmax=rows.max(), aspect="auto")
    answered(figure, left, top, str(named))


def few_shot(figure: Figure, problem: Problem, left: float, top: float) -> None:
    """Drawings with labels, then one without."""
    size = WIDTH * 0.72 / 6 - 4
    for moment, row in enumerate(problem.test[1].numpy()):
        ax = blank(figure, left + moment * (size + 4), top + HEIGHT / 2 - size / 2, size, size)
        ax.imshow(row[:225].reshape(15, 15), cmap="Greys")
        asked = not row[225:].any()
        label = "?" if asked else str(row[225:].argmax() + 1)
        write(ax, 7, -5, label, ha="center", color=ANSWER if asked else INK, weight="bold")
    answered(figure, left, top, str(int(problem.test_answer[1, 0].argmax()) + 1))


def speech(figure: Figure, problem: Problem, left: float, top: float) -> None:
    """Loudness by pitch and time."""
    raster(figure, problem.test[0].numpy().T[::-1], left, top)
    answered(figure, left, top, str(int(problem.test_answer[0, 0].argmax())))


def odour(figure: Figure, problem: Problem, left: float, top: float) -> None:
    """Noisy responses of 21 neurons, named where they are driven."""
    rows = problem.test[0].numpy().T
    ax = raster(figure, rows, left + 58, top, WIDTH * 0.72 - 58)
    for channel in np.argsort(-rows.mean(1))[:2]:
        write(ax, -0.7, channel, f"Or{RECEPTORS[channel]}", ha="right", va="center", fontsize=11, color=MUTED)
    answered(figure, left, top, f"odour\n{int(problem.test_answer[0, 0].argmax()) + 1}", 15)


def text(figure: Figure, problem: Problem, left: float, top: float) -> None:
    """What was read, and what comes next."""
    alphabet = sorted(set(read_data("text/tinyshakespeare.txt", "Tiny Shakespeare").decode()))
    read = "".join(alphabet[i] for i in problem.test[0].argmax(-1)).replace("\n", "¶")
    ax = blank(figure, left, top, WIDTH, HEIGHT - 6)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    for line in range(4):
        write(ax, 0, 0.85 - line * 0.22, read[line * 22 : line * 22 + 22], family="monospace", fontsize=14, color=MUTED)
    following = "".join(alphabet[i] for i in problem.test_answer[0].argmax(-1))[87 - problem.washout]
    write(ax, 1.0, 0.19, f"→ {following.replace(chr(10), '¶')}", color=ANSWER, fontsize=18, weight="bold", ha="right")


def chess(figure: Figure, problem: Problem, left: float, top: float) -> None:
    """A board from the side to move, and the value."""
    ax = blank(figure, left, top, HEIGHT - 6, HEIGHT - 6)
    ax.imshow(np.indices((8, 8)).sum(0) % 2, cmap="Greys", vmin=0, vmax=8, origin="lower")
    signs = dict(zip(PIECES, "♙♘♗♖♕♔♟♞♝♜♛♚", strict=True))
    seen = problem.test[20, 0].numpy()
    if len(seen) < 12 * 64:  # own pieces are 1, the other side's -1
        seen = np.concatenate([seen[:384] == 1, seen[:384] == -1])
    for plane, rank, file in zip(*np.nonzero(seen.reshape(12, 8, 8)), strict=True):
        write(ax, file, rank, signs[PIECES[plane]], ha="center", va="center", fontsize=14, color=INK)
    answered(figure, left - 20, top, f"{float(problem.test_answer[20, 0, 0]):+.2f}", 20)


NOTES = (
    "Every task knows the best score there is, or that of a stated reference solver,",
    "and the score of answering the same every time: both are in docs/tasks.md.",
    "Black stretches are the same piece of signal, where it enters and where it is",
    "asked for. Chess is seen from the side to move; next-byte is asked at every",
    "moment, the rest from item-recall on, but for the heading, only at the end.",
)

PANELS: dict[str, tuple[str, Callable[[Figure, Problem, float, float], None]]] = {
    "memory-capacity": ("the input of 1, 2, … 40 moments ago; here 10", series(9, 50, shift=10)),
    "narma-10": ("the next value of a recursion on the input", series(0, 60)),
    "mackey-glass": ("a chaotic signal, 84 units ahead", series(0, 300, shift=-84)),
    "three-body": ("where one of three bodies will be, 5 ahead", three_body),
    "item-recall": ("the item at the place that is cued", item_recall),
    "path-integration": ("the heading, from how one turned", heading),
    "still-images": ("the class of a picture held still", digit),
    "image-rows": ("the class of a picture passing row by row", digit),
    "few-shot": ("which of five, each shown once", few_shot),
    "spoken-digit-naming": ("the digit that was said", speech),
    "odours": ("the odour, from 21 olfactory neurons", odour),
    "next-byte": ("the next byte of a text, at every moment", text),
    "chess-value": ("the value for the side to move, -1 to 1", chess),
    "chess-moves": ("the same, behind any legal move", chess),
}

if __name__ == "__main__":
    main()

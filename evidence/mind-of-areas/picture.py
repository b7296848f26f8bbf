"""Draw broadcast.png from results/: every arm, every outcome, every seed.

python evidence/mind-of-areas/picture.py
"""

import runpy
from pathlib import Path

import numpy as np

from anlage.learning.checkpoint import write_atomic
from anlage.study.canvas import ARM, INK, LINE, MUTED, PAPER, SMALL, axes, png, sheet, write

HERE = Path(__file__).parent
TABLES = runpy.run_path(str(HERE / "tables.py"))
WORDS = {
    "on": "on, 8 channels",
    "off": "off",
    "shuffled": "shuffled",
    "end-to-end": "one network, end to end",
    "narrow": "on, 2 channels",
    "wide": "on, 32 channels",
}
COLOUR = {"on": ARM[0], "narrow": ARM[0], "wide": ARM[0], "end-to-end": ARM[2]}
ORDER = ("off", "shuffled", "narrow", "on", "wide", "end-to-end")
CHANCE = {"onset_error": 1.0, "anticipation": 0.1, "word_from_image": 0.1, "odour_from_image": 0.1}
SAYS = {"onset_error": "1: knowing only the mean", "anticipation": "chance: 0.1"}


def main() -> None:
    """One panel per outcome, one row per arm."""
    figure = sheet(1000, 304)
    figure.set_facecolor(PAPER)
    for column, (outcome, title) in enumerate(TABLES["OUTCOMES"].items()):
        ax = axes(figure, 190 + 202 * column, 52, 176, 190)
        ax.axvline(CHANCE[outcome], color=MUTED, lw=1, ls=(0, (4, 3)))
        for row, arm in enumerate(ORDER):
            values = np.array([r[outcome] for r in TABLES["records"](arm).values() if outcome in r])
            colour = COLOUR.get(arm, INK)
            ax.plot(values, np.full(len(values), row), "o", color=colour, ms=5.5, alpha=0.5, mew=0, clip_on=False)
            if len(values):
                ax.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=colour, lw=3)
            if not column:
                write(
                    ax,
                    -0.06,
                    row,
                    WORDS[arm],
                    ha="right",
                    va="center",
                    color=colour,
                    transform=ax.get_yaxis_transform(),
                )
        ax.set_ylim(len(ORDER) - 0.5, -0.5)
        ax.set_xlim((0.8, 1.45) if outcome == "onset_error" else (0, 1.02))
        ax.yaxis.set_visible(False)
        ax.grid(axis="x", color=LINE, lw=0.6)
        write(ax, 0, 1.14, title, weight="bold", transform=ax.transAxes)
        write(ax, 0, 1.04, SAYS.get(outcome, "chance: 0.1"), color=MUTED, fontsize=SMALL, transform=ax.transAxes)
    write(
        ax,
        -3.44,
        -0.3,
        "Dots: seeds; upright bars: means; dashed: knowing nothing.",
        color=MUTED,
        fontsize=SMALL,
        transform=ax.transAxes,
    )
    write_atomic(HERE / "broadcast.png", png(figure))


if __name__ == "__main__":
    main()

"""A score against a factor: a line for the connectome, and for every control the band in which its graphs lie."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from anlage.study.arm import Arm, arms_at
from anlage.study.canvas import INK, LINE, MUTED, SMALL, arm_colour, axes, sheet, svg, write
from anlage.study.factor import Cell, shown
from anlage.study.figure import Reference, better, plain
from anlage.study.run import Run

WIDTH, HEIGHT = 520, 330
LEFT, TOP, RIGHT, FOOT = 52, 44, 168, 64
"""Pixels of a panel, and of its margins; the right one holds the names."""
MOST_PANELS = 6
"""Combinations of the other factors that are drawn; the tables hold all."""
MIDDLE = (0.025, 0.975)
"""The band holds the middle 95 % of the control graphs: the interval of the null."""


def factor_figures(run: Run, outcome: str, reference: Reference | None) -> list[Markup]:
    """One panel for every combination of the other factors, ``outcome`` against the first factor; none without factors."""
    comparison = run.question.comparison
    if comparison is None or not comparison.factors or comparison.tuned:
        return []
    rest: dict[tuple[object, ...], list[Cell]] = {}
    for cell in run.question.cells:
        rest.setdefault(cell.chosen[1:], []).append(cell)
    return [
        _panel(run, outcome, cells, number, reference) for number, cells in enumerate(list(rest.values())[:MOST_PANELS])
    ]


def _panel(run: Run, outcome: str, cells: Sequence[Cell], number: int, reference: Reference | None) -> Markup:
    by_level = [{arm.name: arm for arm in arms_at(run, cell)} for cell in cells]
    every = list({name: arm for level in by_level for name, arm in level.items()}.values())
    ax = axes(sheet(WIDTH, HEIGHT), LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - FOOT)
    ax.spines["left"].set_visible(True)
    ax.spines["left"].set_color(LINE)
    ends = [_line(ax, arm, [level.get(arm.name) for level in by_level], outcome) for arm in reversed(every)]
    ax.set_xlim(-0.15, len(cells) - 0.85)
    ax.set_xticks(range(len(cells)), [shown(cell.chosen[0][1]) for cell in cells])
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.ticklabel_format(axis="y", useOffset=False, style="plain")
    low, high = ax.get_ylim()
    if reference and 2 * low - high < reference.value < 2 * high - low:  # farther away it would flatten the lines
        ax.axhline(reference.value, color=INK, lw=1, ls=(0, (4, 3)), zorder=2)
        ends.append((reference.value, reference.label, INK))
    _names(ax, ends)
    place = {"transform": ax.transAxes, "va": "center"}
    others = Cell(0, cells[0].chosen[1:]).name
    title = f"{plain(outcome)} ({better(outcome)} is better){f', {others}' if others else ''}"
    write(ax, -0.15, 1.11, title, weight="bold", **place)
    write(ax, 0.5, -0.2, plain(cells[0].chosen[0][0]), color=MUTED, fontsize=SMALL, ha="center", **place)
    told = "; ".join(
        f"{arm.name} {', '.join(f'{level[arm.name].final[outcome].mean():.3f}' for level in by_level if arm.name in level)}"
        for arm in every
    )
    return svg(ax.figure, f"factor-{outcome}-{number}", f"{title} against {cells[0].chosen[0][0]}: {told}")


def _line(ax: Axes, arm: Arm, at: Sequence[Arm | None], outcome: str) -> tuple[float, str, str]:
    """Draw one arm, where it has trials; the height of its end, its name and its colour."""
    # A little aside from one another, so that bars and dots of one level do not cover each other.
    x = np.array([i + 0.03 * arm.number for i, there in enumerate(at) if there])
    samples = [there.final[outcome] for there in at if there]
    mean, colour, first = np.array([sample.mean() for sample in samples]), arm_colour(arm.number), arm.number == 0
    low, high = np.array([np.quantile(sample, MIDDLE) for sample in samples]).T
    if first:
        ax.vlines(x, low, high, color=colour, lw=1.6, zorder=4)
    else:
        ax.fill_between(x, low, high, color=colour, alpha=0.16, lw=0)
    ax.plot(x, mean, "-o", color=colour, lw=2.6 if first else 1.5, ms=6 if first else 4, zorder=5 if first else 3)
    return float(mean[-1]), arm.name, colour


def _names(ax: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """The name of every line at its end, pushed apart where lines end close together."""
    low, high = ax.get_ylim()
    gap = 17 / (HEIGHT - TOP - FOOT) * (high - low)
    placed: list[float] = []
    for height, name, colour in sorted(ends):
        y = max(height, placed[-1] + gap) if placed else height
        placed.append(y)
        write(ax, ax.get_xlim()[1], y, f"  {name}", color=colour, fontsize=SMALL, weight="bold", va="center")

"""Figures of a study: the null distribution, the paired differences, learning curves, and the probe.

Each returns an inline SVG that stands by itself: names are written beside the marks, so there is no legend to look up.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from anlage.study.arm import Arm
from anlage.study.canvas import BAND, INK, LINE, MUTED, PAPER, SMALL, Number, arm_colour, axes, sheet, svg, write
from anlage.study.outcome import OUTCOMES
from anlage.study.statistics import Contrast

WIDTH, EDGE = 370, 2
"""Pixels of a panel, and of its margins left and right."""
HEAD, ROW, FOOT = 44, 88, 46
"""Pixels above the first row of a panel, of each row, and below the last."""
DOT = 3.4
"""Radius of a dot in pixels."""


def plain(name: str) -> str:
    """The name of a measure as words."""
    return name.replace("_", " ")


def signed(value: Number, digits: int = 4) -> str:
    """A difference with its sign."""
    return f"{value:+.{digits}f}".replace("-", "−")


def swarm(value: Float[ndarray, " sample"], radius: Number, room: Number) -> Float[ndarray, " sample"]:
    """Offsets that keep dots at ``value`` (both in pixels) from covering each other, none beyond ``room``.

    Dots are placed in order of value, each as near to the middle as those before it allow; where the room is used up they
    overlap.
    """
    offset = np.zeros(len(value))
    steps = np.arange(0, room + 1e-9, radius / 2)
    choices = np.stack([steps, -steps], axis=1).ravel()
    done: list[int] = []
    for i in np.argsort(value, kind="stable"):
        near = [j for j in done if abs(value[i] - value[j]) < 2 * radius]
        gap = np.hypot(value[i] - value[near], choices[:, None] - offset[near]).min(axis=1, initial=np.inf)
        free = np.flatnonzero(gap >= 2 * radius - 1e-9)
        offset[i] = choices[free[0] if len(free) else gap.argmax()]
        done.append(int(i))
    return offset


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A panel of rows that share one horizontal scale: ``y`` is in pixels from the top, ``x`` in units of the data."""

    ax: Axes
    low: Number
    high: Number
    height: Number

    def pixel(self, x: Float[ndarray, " sample"]) -> Float[ndarray, " sample"]:
        """Data to pixels from the left edge of the axes."""
        return (x - self.low) / (self.high - self.low) * (WIDTH - 2 * EDGE)

    def dots(self, x: Float[ndarray, " sample"], y: Number, room: Number, colour: str, *, alpha: float = 0.75) -> None:
        """One dot per value around height ``y``."""
        offset = swarm(self.pixel(x), DOT, room)
        self.ax.scatter(x, y + offset, s=(2 * DOT) ** 2, color=colour, alpha=alpha, linewidths=0, zorder=3)

    def write(self, fraction: Number, y: Number, text: str, **style: object) -> None:
        """Text at a fraction of the width, on a piece of paper that hides what is behind it."""
        side = "left" if fraction == 0 else "right" if fraction == 1 else "center"
        x = self.low + fraction * (self.high - self.low)
        paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 3.5}  # so that lines of text close up
        write(self.ax, x, y, text, **{"ha": side, "va": "center", "bbox": paper, "zorder": 5, **style})

    def line(self, x: Number, label: str, colour: str, *, bottom: Number | None = None, dash: bool = False) -> None:
        """A vertical line with its label on top, kept inside the panel."""
        last = self.height - FOOT if bottom is None else bottom
        self.ax.plot([x, x], [HEAD - 14, last], color=colour, lw=1.6, ls=(0, (3, 2)) if dash else "-", zorder=2)
        place = (x - self.low) / (self.high - self.low)
        side = "left" if place < 0.3 else "right" if place > 0.7 else "center"
        write(self.ax, x, HEAD - 20, label, color=colour, ha=side, va="bottom", weight="bold")


def rows(n_rows: int, values: Sequence[Number], label: str, *, first: Number = HEAD) -> Rows:
    """An empty panel whose scale holds all ``values`` with a little room, ``label`` below it."""
    height = first + n_rows * ROW + FOOT
    low, high = min(values), max(values)
    spread = (high - low) or max(abs(high) * 0.01, 1e-6)
    low, high = low - 0.05 * spread, high + 0.05 * spread
    ax = axes(sheet(WIDTH, height), EDGE, 0, WIDTH - 2 * EDGE, height - FOOT)
    ax.set_xlim(low, high)
    ax.set_ylim(height - FOOT, 0)
    ax.yaxis.set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(4, prune="both"))
    ax.ticklabel_format(axis="x", useOffset=False, style="plain")
    write(ax, (low + high) / 2, height - FOOT + 38, label, color=MUTED, fontsize=SMALL, ha="center", va="center")
    return Rows(ax, low, high, height)


def better(outcome: str) -> str:
    """Which way is better, in a word."""
    return "higher" if OUTCOMES[outcome].higher_is_better else "lower"


def null_figure(arms: Sequence[Arm], outcome: str, found: Sequence[Contrast]) -> Markup:
    """Every trained network as a dot, the controls' graphs in rows below the connectome's seeds, and the connectome's mean."""
    values = {arm.name: arm.final[outcome] for arm in arms}
    everything = [float(v) for arm in arms for v in values[arm.name]]
    panel = rows(len(arms), everything, f"{plain(outcome)} on held-out data ({better(outcome)} is better)")
    by_control = {contrast.control: contrast for contrast in found}
    mean = float(values[arms[0].name].mean())
    panel.line(mean, f"connectome, mean {mean:.3f}", arm_colour(0))
    for i, arm in enumerate(arms):
        top, colour, sample = HEAD + i * ROW, arm_colour(arm.number), values[arm.name]
        panel.write(0, top + 10, arm.name, color=colour, weight="bold")
        panel.dots(sample, top + 58, 20, colour)
        if contrast := by_control.get(arm.name):
            here = float(sample.mean())
            panel.write(1, top + 10, f"{contrast.percentile:.0f} % of them lie lower, seed by seed", fontsize=SMALL)
            what = "graphs" if arm.control else "networks"
            panel.write(
                0, top + 28, f"{len(sample)} {what}, mean {here:.3f} (upright bar)", fontsize=SMALL, color=MUTED
            )
            panel.ax.plot([here, here], [top + 46, top + 70], color=INK, lw=2.5, zorder=4)
        else:
            panel.write(0, top + 28, f"one wiring, {len(sample)} seeds", fontsize=SMALL, color=MUTED)
    description = f"{plain(outcome)} of every trained network: " + "; ".join(
        f"{name}, mean {sample.mean():.4f}, {sample.min():.4f} to {sample.max():.4f}" for name, sample in values.items()
    )
    return svg(panel.ax.figure, f"null-{outcome}{_suffix(found)}", description)


def forest_figure(arms: Sequence[Arm], outcome: str, found: Sequence[Contrast]) -> Markup:
    """Paired differences, connectome minus control, with their mean, its interval, and what was too small to detect."""
    differences = {arm.name: arms[0].minus(arm, outcome) for arm in arms[1:]}
    reach = [0.0, *(float(d) for sample in differences.values() for d in sample)]
    reach += [end for contrast in found for end in contrast.interval]
    # The shaded band is shown whole where that does not squeeze the data out of sight.
    widest = 1.6 * max(max(abs(r) for r in reach), 1e-9)
    reach += [side * min(contrast.detectable, widest) for contrast in found for side in (-1, 1)]
    label = f"difference in {plain(outcome)} (below 0 is {_below(outcome)})"
    panel = rows(len(found), reach, label, first=HEAD + ROW)
    panel.write(0, HEAD + 10, "connectome minus control", weight="bold")
    panel.write(0, HEAD + 28, "Dots: pairs of networks grown from the same seed.", fontsize=SMALL, color=MUTED)
    panel.write(0, HEAD + 46, "Diamond and bar: mean and its 95 % interval.", fontsize=SMALL, color=MUTED)
    panel.write(0, HEAD + 64, "Shaded: a mean in here is too small to detect.", fontsize=SMALL, color=MUTED)
    numbers = {arm.name: arm.number for arm in arms}
    for i, contrast in enumerate(found):
        top, colour = HEAD + (i + 1) * ROW, arm_colour(numbers[contrast.control])
        band = np.clip([-contrast.detectable, contrast.detectable], panel.low, panel.high)
        panel.ax.fill_between(band, top + 40, top + ROW - 6, color=BAND, lw=0, zorder=0)
        panel.write(0, top + 10, contrast.control, color=colour, weight="bold")
        panel.write(1, top + 10, contrast.verdict, weight="bold")
        low, high = contrast.interval
        text = f"{signed(contrast.difference)} [{signed(low)}, {signed(high)}], detectable {contrast.detectable:.4f}"
        panel.write(0, top + 28, text, fontsize=SMALL, color=MUTED)
        panel.dots(differences[contrast.control], top + 58, 20, colour, alpha=0.4)
        panel.ax.plot(contrast.interval, [top + 58] * 2, color=INK, lw=4, solid_capstyle="butt", zorder=4)
        panel.ax.plot([contrast.difference], [top + 58], "D", ms=8, mfc=INK, mec=PAPER, mew=1.2, zorder=5)
    panel.ax.plot([0, 0], [HEAD + ROW + 20, panel.height - FOOT], color=INK, lw=1, zorder=1)
    return svg(panel.ax.figure, f"forest-{outcome}{_suffix(found)}", " ".join(contrast.sentence for contrast in found))


def _suffix(found: Sequence[Contrast]) -> str:
    """What keeps the ids of a figure apart from those of the same figure at another level."""
    return re.sub(r"\W+", "-", f" {found[0].level}") if found and found[0].level else ""


def _below(outcome: str) -> str:
    return "worse" if OUTCOMES[outcome].higher_is_better else "better"


@dataclass(frozen=True, slots=True)
class Reference:
    """A level to hold curves against."""

    value: Number
    label: str


def curve_figure(arms: Sequence[Arm], measure: str, reference: Reference | None) -> Markup:
    """One measure against step: mean over trials, and the range that holds the middle 80 % of them."""
    width, height = 300, 260
    ax = axes(sheet(width, height), 46, 34, width - 62, height - 84)
    ax.spines["left"].set_visible(True)
    ax.spines["left"].set_color(LINE)
    for arm in reversed(arms):
        values, colour, first = arm.curve[measure], arm_colour(arm.number), arm.number == 0
        mean = values.mean(axis=0)
        if len(values) > 1:
            low, high = np.quantile(values, [0.1, 0.9], axis=0)
            ax.fill_between(arm.step, low, high, color=colour, alpha=0.13, lw=0)
        ax.plot(arm.step, mean, color=colour, lw=2.4 if first else 1.5, zorder=4 if first else 3, clip_on=False)
        ax.plot(arm.step[[0, -1]], mean[[0, -1]], "o", color=colour, ms=5, zorder=4 if first else 3, clip_on=False)
    ax.set_xlim(0, float(arms[0].step[-1]))
    ax.set_xticks(np.unique([0, arms[0].step[-1] // 2, arms[0].step[-1]]))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.ticklabel_format(useOffset=False, style="plain")
    if reference:
        _refer(ax, arms, measure, reference)
    place = {"transform": ax.transAxes, "va": "center"}
    write(ax, -0.13, 1.1, plain(measure), weight="bold", **place)
    write(ax, 0.5, -0.22, "step (0: untrained)", color=MUTED, fontsize=SMALL, ha="center", **place)
    ends = "; ".join(f"{a.name} {a.untrained[measure].mean():.3f} to {a.final[measure].mean():.3f}" for a in arms)
    return svg(ax.figure, f"curve-{measure}", f"{plain(measure)} during learning: {ends}")


def _refer(ax: Axes, arms: Sequence[Arm], measure: str, reference: Reference) -> None:
    """A dashed level, its label in the corner that is farthest from every curve."""
    low, high = ax.get_ylim()
    margin = 0.12 * (max(high, reference.value) - min(low, reference.value))
    low, high = min(low, reference.value - margin), max(high, reference.value + margin)
    ax.set_ylim(low, high)
    ax.axhline(reference.value, color=INK, lw=1, ls=(0, (4, 3)), zorder=2)
    step, curves = arms[0].step, np.concatenate([arm.curve[measure] for arm in arms])
    best, spot = -np.inf, (0.0, 0.0)
    for side in (0.0, 1.0):
        near = np.abs(np.linspace(0, 1, 41) - side) < 0.5
        grid = np.linspace(step[0], step[-1], 41)[near]
        heights = np.concatenate([np.interp(grid, step, curve) for curve in curves])
        for shift in (0.055, -0.055):
            gap = float(np.abs(heights - (reference.value + shift * (high - low))).min()) / (high - low)
            if gap > best + 1e-6:
                best, spot = gap, (side, shift)
    x = ax.get_xlim()[1] * (0.02 if spot[0] == 0 else 0.98)
    y = reference.value + spot[1] * (high - low)
    align = "left" if spot[0] == 0 else "right"
    write(ax, x, y, reference.label, fontsize=SMALL, ha=align, va="center", zorder=6)


def probe_figure(arms: Sequence[Arm], raw: Number) -> Markup:
    """What the linear probe reads before and after learning in every arm, against what it reads from the raw input."""
    before = [arm.untrained["probe_accuracy"] for arm in arms]
    after = [arm.final["probe_accuracy"] for arm in arms]
    everything = [raw, *(float(v) for sample in (*before, *after) for v in sample)]
    panel = rows(len(arms), everything, "probe accuracy on held-out data (higher is better)")
    panel.line(raw, f"raw input, no network: {raw:.3f}", INK, dash=True)
    for i, arm in enumerate(arms):
        y, colour = HEAD + i * ROW + 48, arm_colour(arm.number)
        start, end = float(before[i].mean()), float(after[i].mean())
        panel.write(0, HEAD + i * ROW + 8, arm.name, color=colour, weight="bold")
        for sample, shift in ((before[i], 14), (after[i], 14)):
            panel.ax.scatter(sample, [y + shift] * len(sample), s=20, color=colour, alpha=0.35, linewidths=0)
        panel.ax.plot([start, end], [y, y], color=colour, lw=2, zorder=3)
        panel.ax.plot([start], [y], "o", ms=10, mfc=PAPER, mec=colour, mew=2, zorder=4)
        panel.ax.plot([end], [y], "o", ms=10, color=colour, zorder=4)
        rising = end >= start
        gap = 0.025 * (panel.high - panel.low)
        for x, word, left in ((start, "untrained", rising), (end, "trained", not rising)):
            at = x - gap if left else x + gap
            room = (at - panel.low) / (panel.high - panel.low)
            above = (left and room < 0.2) or (not left and room > 0.82)
            side = "right" if left != above else "left"
            _tag(panel, (x, y - 17) if above else (at, y), f"{word} {x:.3f}", side)
    description = "; ".join(
        f"{arm.name}: untrained {before[i].mean():.3f}, trained {after[i].mean():.3f}" for i, arm in enumerate(arms)
    )
    return svg(panel.ax.figure, "probe", f"Probe accuracy; raw input {raw:.3f}; {description}")


def _tag(panel: Rows, place: tuple[Number, Number], text: str, side: str) -> None:
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}
    write(panel.ax, *place, text, fontsize=SMALL, ha=side, va="center", bbox=paper, zorder=5)

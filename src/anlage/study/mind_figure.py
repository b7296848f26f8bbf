"""Figures of a mind: its areas as a graph, their nights, and who held the workspace when."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

from anlage.experience import SharedExperience
from anlage.mind import GrownMind
from anlage.mind.recipe import WORKSPACE
from anlage.study.canvas import ARM, INK, LINE, MUTED, PAPER, SMALL, Number, axes, sheet, svg, write

WIDTH = 1000
BOX, ROW, HIGH = 95, 149, 46
"""Pixels: height of an area's box, from one row of areas to the next, height of the workspace."""


def area_colour(grown: GrownMind, name: str) -> str:
    """Colour of an area, the same in every figure; the workspace has the first."""
    names = list(grown.mind.areas)
    return ARM[0] if name == WORKSPACE else ARM[1 + names.index(name) % (len(ARM) - 1)]


def depth(grown: GrownMind) -> dict[str, int]:
    """How many areas lie between each area and the world."""
    found: dict[str, int] = {}
    for area in grown.recipe.areas:
        found[area.name] = 1 + max(found.get(sense, -1) for sense in area.sense)
    return found


def graph_figure(grown: GrownMind) -> Markup:
    """The mind as a graph: the world below, areas by depth, the workspace above all."""
    levels = depth(grown)
    n_rows = 1 + max(levels.values())
    height = 40 + HIGH + n_rows * ROW + 66
    ax = axes(sheet(WIDTH, height), 0, 0, WIDTH, height)
    ax.set_xlim(0, WIDTH)
    ax.set_ylim(height, 0)
    ax.axis("off")
    column = WIDTH / len(levels)
    middle = {name: (i + 0.5) * column for i, name in enumerate(levels)}
    top = {name: 40 + HIGH + 50 + (n_rows - 1 - level) * ROW for name, level in levels.items()}
    _messages(ax, grown, middle, top, column)
    for name, x in middle.items():
        _wires(ax, grown, name, x, top[name])
        _box(ax, grown, name, (x, top[name]), column - 26)
    for area in grown.recipe.areas:
        if area.sense[0] in grown.recipe.experience.modalities:
            x, low = middle[area.name], top[area.name] + BOX
            _arrow(ax, (x, height - 30), (x, low), INK, 1.4)
            write(ax, x, height - 14, area.sense[0], ha="center", va="center", style="italic")
    if grown.mind.workspace is not None:
        _frontal(ax, grown, middle)
    words = "; ".join(f"{a.name} senses {' and '.join(a.sense)}" for a in grown.recipe.areas)
    return svg(ax.figure, "mind", f"The areas of the mind: {words}", least=640)


def _arrow(ax: Axes, start: tuple[Number, Number], end: tuple[Number, Number], colour: str, width: Number) -> None:
    style = {
        "arrowstyle": "-|>,head_length=7,head_width=4",
        "mutation_scale": 1,
        "color": colour,
        "lw": width,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    ax.annotate("", xy=end, xytext=start, arrowprops=style, zorder=2)


def _messages(ax: Axes, grown: GrownMind, x: Mapping[str, Number], y: Mapping[str, Number], column: Number) -> None:
    """Messages between areas: up, along the aisle above the sender's row, and up into the one that senses them."""
    for area in grown.recipe.areas:
        heard = [sense for sense in area.sense if sense in x]
        for i, sense in enumerate(heard):
            colour = area_colour(grown, sense)
            out, aisle = x[sense] + column * 0.24, y[sense] - 14 - 6 * i
            into = x[area.name] + (i - (len(heard) - 1) / 2) * 22
            ax.plot([out, out, into], [y[sense], aisle, aisle], color=colour, lw=1.6, zorder=1, solid_joinstyle="round")
            _arrow(ax, (into, aisle), (into, y[area.name] + BOX), colour, 1.6)


def _wires(ax: Axes, grown: GrownMind, name: str, x: Number, top: Number) -> None:
    """Up to the workspace, as wide as the area's mean share of it; down again, what is broadcast."""
    if grown.mind.workspace is None:
        return
    gate = np.asarray(grown.curve[-1]["gate"]).mean(0)[list(grown.mind.areas).index(name)]
    _arrow(ax, (x - 12, top), (x - 12, 40 + HIGH), area_colour(grown, name), 1 + 9 * gate)
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}
    write(ax, x - 20, 40 + HIGH + 24, f"{gate:.0%}", ha="right", va="center", fontsize=SMALL, color=MUTED, bbox=paper)
    if grown.recipe.workspace.broadcast != "off":
        _arrow(ax, (x + 12, 40 + HIGH), (x + 12, top), ARM[0], 1.2)


def _box(ax: Axes, grown: GrownMind, name: str, at: tuple[Number, Number], width: Number) -> None:
    """One area: its name, its wiring, and what it came to predict."""
    colour, (x, top) = area_colour(grown, name), at
    rounded = "round,pad=0,rounding_size=8"
    ax.add_patch(
        FancyBboxPatch((x - width / 2, top), width, BOX, boxstyle=rounded, fc=PAPER, ec=colour, lw=1.8, zorder=3)
    )
    area = grown.mind.areas[name]
    error = grown.curve[-1]["areas"][name]["prediction_error"]
    old = ", taken over" if name in grown.old else ""
    lines: tuple[tuple[str, dict[str, Any]], ...] = (
        (name + old, {"weight": "bold", "color": colour}),
        (area.plan.title, {"fontsize": SMALL}),
        (f"{area.topology.n_neurons:,} neurons", {"fontsize": SMALL, "color": MUTED}),
        (f"{area.topology.n_edges:,} edges", {"fontsize": SMALL, "color": MUTED}),
        (f"unexplained: {error:.0%}", {"fontsize": SMALL}),
    )
    for i, (text, style) in enumerate(lines):
        write(ax, x, top + 14 + 17 * i, text, ha="center", va="center", zorder=4, **style)


def _frontal(ax: Axes, grown: GrownMind, middle: Mapping[str, Number]) -> None:
    plan, frontal = grown.recipe.workspace, grown.mind.workspace
    if frontal is None:
        return
    rounded = "round,pad=0,rounding_size=8"
    ax.add_patch(FancyBboxPatch((13, 40), WIDTH - 26, HIGH, boxstyle=rounded, fc=PAPER, ec=ARM[0], lw=2.2, zorder=3))
    error = grown.curve[-1]["areas"][WORKSPACE]["prediction_error"]
    write(ax, WIDTH / 2, 55, "frontal workspace", ha="center", va="center", weight="bold", color=ARM[0], zorder=4)
    text = (
        f"{frontal.plan.title}, {frontal.topology.n_neurons:,} neurons; {plan.width} channels in, {plan.width} neurons "
        f"heard, broadcast {plan.broadcast}; unexplained: {error:.0%}"
    )
    write(ax, WIDTH / 2, 73, text, ha="center", va="center", fontsize=SMALL, zorder=4)
    first = min(middle.values())
    write(ax, 13, 22, "Thick, upwards: mean share of what enters.", fontsize=SMALL, color=MUTED, va="center")
    if plan.broadcast != "off":
        write(
            ax,
            max(first, 320),
            22,
            "Thin, downwards: what it says, heard at the next moment.",
            fontsize=SMALL,
            color=ARM[0],
            va="center",
        )


def nights_figure(grown: GrownMind) -> Markup:
    """Prediction error and effective rank of every area after each night."""
    names = list(grown.mind.parts)
    latent = {name: part.plan.latent for name, part in grown.mind.parts.items()}
    wide = (WIDTH - 40) / len(names)
    figure = sheet(WIDTH, 386)
    for i, name in enumerate(names):
        colour = area_colour(grown, name)
        entries = [entry["areas"][name] for entry in grown.curve]
        ax = _panel(figure, 40 + i * wide, 44, wide - 22, i == 0)
        ax.plot([e["persistence_error"] for e in entries], color=MUTED, lw=1.2, ls=(0, (4, 3)))
        ax.plot([e["prediction_error"] for e in entries], color=colour, lw=2.4, clip_on=False)
        ax.set_ylim(0, 1.05)
        write(ax, 0, 1.2, name, transform=ax.transAxes, weight="bold", color=colour)
        ends = f"{entries[0]['prediction_error']:.2f} → {entries[-1]['prediction_error']:.2f}"
        write(ax, 0, 1.05, ends, transform=ax.transAxes, fontsize=SMALL, color=MUTED)
        ax = _panel(figure, 40 + i * wide, 222, wide - 22, i == 0)
        ax.axhline(latent[name], color=MUTED, lw=1.2, ls=(0, (4, 3)))
        ax.plot([e["effective_rank"] for e in entries], color=colour, lw=2.4, clip_on=False)
        ax.set_ylim(0, 1.12 * max(latent.values()))
        write(ax, 0.5, -0.28, "nights", transform=ax.transAxes, ha="center", fontsize=SMALL, color=MUTED)
    whole = axes(figure, 0, 0, WIDTH, 386)
    whole.axis("off")
    for y, text in (
        (0.96, "prediction error (dashed: predicting no change)"),
        (0.45, "effective rank (dashed: the most there can be)"),
    ):
        write(whole, 0.003, y, text, transform=whole.transAxes, fontsize=SMALL, color=MUTED, va="bottom")
    ends = "; ".join(
        f"{n} {grown.curve[0]['areas'][n]['prediction_error']:.3f} to {grown.curve[-1]['areas'][n]['prediction_error']:.3f}"
        for n in names
    )
    return svg(figure, "nights", f"Prediction error before and after all nights: {ends}", least=720)


def _panel(figure: Figure, left: Number, top: Number, width: Number, first: bool) -> Axes:
    ax = axes(figure, left, top + 26, width, 96)
    ax.spines["left"].set_visible(True)
    ax.spines["left"].set_color(LINE)
    if not first:
        ax.set_yticklabels([])
    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    return ax


def moments_figure(grown: GrownMind) -> Markup:
    """Surprise of every area and its share of the workspace, moment by moment of a held-out life."""
    last, names = grown.curve[-1], list(grown.mind.areas)
    surprise, gate = np.asarray(last["surprise"]), np.asarray(last["gate"])
    height, span = 400, np.arange(len(surprise))
    figure = sheet(WIDTH, height)
    upper, lower = axes(figure, 46, 60, WIDTH - 200, 130), axes(figure, 46, 240, WIDTH - 200, 110)
    bottom = np.zeros(len(gate))
    for i, name in enumerate(names):
        colour = area_colour(grown, name)
        upper.plot(span[1:], surprise[1:, i], "-o", color=colour, lw=2, ms=4, zorder=3)
        lower.bar(span, gate[:, i], 0.86, bottom, color=colour, edgecolor=PAPER, linewidth=0.8)
        bottom = bottom + gate[:, i]
    for ax, title, top in (
        (upper, "surprise: squared error over the area's usual one", 1.22),
        (lower, "share of what enters the workspace", 1.09),
    ):
        ax.set_xlim(-0.5, len(span) - 0.5)
        ax.set_xticks(span)
        ax.spines["left"].set_visible(True)
        ax.spines["left"].set_color(LINE)
        write(ax, 0, top, title, transform=ax.transAxes, fontsize=SMALL, color=MUTED)
    upper.axhline(1, color=MUTED, lw=1, ls=(0, (4, 3)))
    upper.set_ylim(bottom=0)
    lower.set_ylim(0, 1)
    for name, y in zip(names, _spread(surprise[-1], upper.get_ylim()[1]), strict=True):
        write(upper, len(span) - 0.35, y, name, color=area_colour(grown, name), weight="bold", va="center")
    write(lower, 0.5, -0.3, "moment", transform=lower.transAxes, ha="center", fontsize=SMALL, color=MUTED)
    _events(upper, grown.recipe.experience)
    holds = "; ".join(f"{n} {gate[:, i].mean():.0%}" for i, n in enumerate(names))
    return svg(figure, "moments", f"Mean share of the workspace: {holds}", least=640)


def _spread(value: np.ndarray, high: Number) -> np.ndarray:
    """Places for labels, in the order of the values, no two closer than a line of text."""
    gap, order = 0.15 * high, np.argsort(value)
    place = value.astype(float).copy()
    for before, after in pairwise(order):
        place[after] = max(place[after], place[before] + gap)
    return place


def _events(ax: Axes, world: SharedExperience) -> None:
    """What comes when."""
    top = ax.get_ylim()[1]
    for moment in dict.fromkeys(world.events.values()):
        ax.plot([moment, moment], [0, top], color=LINE, lw=1.2, zorder=1)
        write(
            ax,
            moment,
            top * 1.03,
            ", ".join(name for name, begins in world.events.items() if begins == moment),
            fontsize=SMALL,
            ha="left" if moment == 0 else "center",
            va="bottom",
        )

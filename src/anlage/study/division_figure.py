"""The picture of a division: parts from the senses to the muscles with what flows between them, or the matrix of many parts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Wedge
from numpy import ndarray

from anlage.study.canvas import LINE, MUTED, PAPER, ROLE, SMALL, axes, sheet, write
from anlage.study.division import commonest, depth, sides
from anlage.topology.divide import Division

WIDTH, HEIGHT, EDGE, HEAD, FOOT = 1000.0, 720.0, 40.0, 92.0, 92.0
"""Pixels of the sheet, its margins, and the room above and below the drawing."""
LARGEST, SMALLEST = 66.0, 8.0
"""Radius in pixels of the largest part, and the least that can be seen."""
BROADEST, FINEST = 16.0, 1.2
"""Width in pixels of the strongest arrow, and of the weakest drawn."""
CAPTION, APART = 40.0, 10.0
"""Pixels below a small disc for its name, and between one part and the next."""
MOST_PARTS = 20
"""Parts beyond which a map is a thicket and the matrix says more."""
SHARE = 0.02
"""Share of the synapses between parts from which a flow is drawn."""


def division_figure(division: Division, title: str, note: str = "") -> Figure:
    """A map of up to ``MOST_PARTS`` parts, the matrix of more; ``title`` and ``note`` stand above it."""
    figure = sheet(WIDTH, HEIGHT)
    page = axes(figure, 0, 0, WIDTH, HEIGHT)
    page.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    page.axis("off")
    write(page, EDGE, 40, title, fontsize=22, weight="bold")
    write(page, EDGE, 66, note, color=MUTED)
    if len(division.parts) <= MOST_PARTS:
        _map(page, division)
    else:
        _matrix(figure, page, division)
    return figure


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the parts are on the sheet: columns from left to right, centres and radii in pixels."""

    column: Int[ndarray, " part"]
    x: Float[ndarray, " part"]
    y: Float[ndarray, " part"]
    radius: Float[ndarray, " part"]


def layout(division: Division) -> Layout:
    """Parts as discs whose area is their number of neurons, in columns by depth, each column near what it is connected with."""
    n = np.array([len(part.members) for part in division.parts], dtype=float)
    radius = np.maximum(SMALLEST, LARGEST * np.sqrt(n / n.max()))
    tall = 2 * radius + APART + np.where(_roomy(division, radius), 0.0, CAPTION)
    column = _columns(depth(division), tall, HEIGHT - HEAD - FOOT)
    flow = division.strength() + division.strength().T
    np.fill_diagonal(flow, 0.0)
    y = np.full(len(n), (HEAD + HEIGHT - FOOT) / 2)
    for _ in range(4):  # so that orders settle: each looks at those of the round before
        wish = (flow @ y) / np.maximum(flow.sum(axis=1), 1e-12)
        for number in range(column.max() + 1):
            rows = np.flatnonzero(column == number)
            rows = rows[np.argsort(wish[rows], kind="stable")]
            spare = (HEIGHT - HEAD - FOOT - tall[rows].sum()) / (len(rows) + 1)
            top = HEAD + spare + np.concatenate([[0.0], np.cumsum(tall[rows] + spare)[:-1]])
            y[rows] = top + radius[rows] + APART / 2
    widest = np.array([max(45.0, radius[column == number].max()) for number in range(column.max() + 1)])
    room = WIDTH - 2 * EDGE - 2 * widest.sum()
    gap = room / max(1, len(widest) - 1)
    centre = EDGE + widest + np.concatenate([[0.0], np.cumsum(2 * widest + gap)[:-1]])
    return Layout(column, centre[column], y, radius)


def _columns(place: Float[ndarray, " part"], tall: Float[ndarray, " part"], room: float) -> Int[ndarray, " part"]:
    """Parts in order of their place, a new column where the place jumps or the room is used up."""
    column, number, used, first = np.zeros(len(place), dtype=np.int64), 0, 0.0, np.nan
    for part in np.argsort(place, kind="stable"):
        if used and (used + tall[part] > room or place[part] - first > 0.2):
            number, used = number + 1, 0.0
        first = place[part] if not used else first
        used += tall[part]
        column[part] = number
    return column


def _roomy(division: Division, radius: Float[ndarray, " part"]) -> Bool[ndarray, " part"]:
    """Which discs have room for their name and numbers."""
    letters = np.array([len(part.name) for part in division.parts])
    return np.asarray((radius > 47) & (radius > 5.2 * letters))


def shown(division: Division) -> Bool[ndarray, "part part"]:
    """Which flows are drawn, ``(post, pre)``: at least ``SHARE`` of all between parts, and each part's strongest in and out."""
    flow = division.strength()
    np.fill_diagonal(flow, 0.0)
    drawn = flow >= SHARE * max(flow.sum(), 1e-12)
    every = np.arange(len(flow))
    drawn[every, flow.argmax(axis=1)] = True
    drawn[flow.argmax(axis=0), every] = True
    return np.asarray(drawn & (flow > 0))


def colours(division: Division) -> list[tuple[float, float, float]]:
    """From the colour of inputs over that of interneurons to that of outputs, by depth."""
    scale = np.array([to_rgb(ROLE[role]) for role in ("input", "inter", "output")])
    return [tuple(np.array([np.interp(d, (0, 0.6, 1), scale[:, c]) for c in range(3)])) for d in depth(division)]


def _map(page: Axes, division: Division) -> None:
    """Arrows, then discs, then names."""
    place, flow, colour = layout(division), division.strength(), colours(division)
    between = flow - np.diag(np.diag(flow))
    drawn, side, roomy = shown(division), sides(division), _roomy(division, place.radius)
    for post, pre in sorted(np.argwhere(drawn).tolist(), key=lambda pair: -flow[tuple(pair)]):
        width = max(FINEST, BROADEST * flow[post, pre] / between.max())
        bend = 0.38 if place.column[pre] == place.column[post] else 0.12
        arrow = FancyArrowPatch(
            (place.x[pre], place.y[pre]),
            (place.x[post], place.y[post]),
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle=f"simple,tail_width={width},head_width={width + 8},head_length={7 + 0.5 * width}",
            shrinkA=place.radius[pre],
            shrinkB=place.radius[post] + 2,
            color=colour[pre],
            alpha=0.5,
            linewidth=0,
            zorder=1,
        )
        page.add_patch(arrow)
    one_sided = bool((side.sum(axis=0) == 0).any())
    for number, part in enumerate(division.parts):
        x, y, radius = place.x[number], place.y[number], place.radius[number]
        _disc(page, (x, y), radius, side[number] * 0 + 1 if one_sided else side[number], colour[number])
        inner = commonest(part) if part.name.startswith("part ") else ""
        inner = inner or f"{flow[number, number] / max(flow[number].sum(), 1e-12):.0%} inside"
        _label(page, (x, y), radius, (part.name, f"{len(part.members):,}", inner), inside=bool(roomy[number]))
    _legend(page, float(between[~drawn].sum() / max(between.sum(), 1e-12)), one_sided=one_sided)


def _legend(page: Axes, hidden: float, *, one_sided: bool) -> None:
    """The direction of the page, and what discs and arrows are."""
    y = HEIGHT - FOOT + 24
    page.annotate("", (WIDTH - EDGE, y), (EDGE, y), arrowprops={"arrowstyle": "->", "color": MUTED, "lw": 1})
    style = {"weight": "bold", "fontsize": SMALL}
    write(page, EDGE, y - 8, "from the senses", color=ROLE["input"], **style)
    write(page, WIDTH - EDGE, y - 8, "to action", color=ROLE["output"], ha="right", **style)
    halves = "" if one_sided else ", left above, right below"
    lines = (
        f"Disc: neurons{halves}; inside: share of a part's input that comes from itself. Columns go by the share of the way, in "
        "hops.",
        f"Arrow: synapses between two parts, from {SHARE:.0%} of all, and the strongest input and output of each part; "
        f"{hidden:.0%} are not drawn.",
    )
    for number, line in enumerate(lines):
        write(page, EDGE, y + 26 + 18 * number, line, color=MUTED, fontsize=SMALL)


def _disc(
    page: Axes,
    centre: tuple[float, float],
    radius: float,
    side: Float[ndarray, " side"],
    colour: tuple[float, float, float],
) -> None:
    """Two half discs, left above right, each with the area of its neurons."""
    left, right = radius * np.sqrt(2 * side / max(side.sum(), 1e-12))
    for half, start in ((left, 180), (right, 0)):
        page.add_patch(Wedge(centre, half, start, start + 180, facecolor=colour, edgecolor=PAPER, lw=1, zorder=3))


def _label(page: Axes, centre: tuple[float, float], radius: float, text: tuple[str, str, str], *, inside: bool) -> None:
    """Name, number of neurons and inner share, in the disc or below it."""
    (x, y), (name, count, inner) = centre, text
    style = {"ha": "center", "va": "center", "zorder": 5}
    if inside:
        for dy, line in ((-12, name), (11, f"{count} neurons"), (27, inner)):
            write(page, x, y + dy, line, color=PAPER, weight="bold" if line == name else "normal", **style)
        return
    box = {"facecolor": PAPER, "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
    write(page, x, y + radius + 11, name, weight="bold", bbox=box, **style)
    write(page, x, y + radius + 27, f"{count}, {inner}", color=MUTED, fontsize=SMALL, bbox=box, **style)


def _matrix(figure: Figure, page: Axes, division: Division) -> None:
    """Synapses between parts, receivers in rows, parts by depth and as broad as they have neurons."""
    order = np.argsort(depth(division), kind="stable")
    flow = division.strength()[order][:, order]
    n = np.array([len(division.parts[i].members) for i in order], dtype=float)
    edges = np.concatenate([[0], np.cumsum(n)])
    density = flow / np.outer(n, n)
    size = HEIGHT - HEAD - FOOT
    ax = axes(figure, (WIDTH - size) / 2, HEAD + 20, size, size)
    ax.pcolormesh(edges, edges, np.log1p(50 * density), cmap="Greys", rasterized=True)
    ax.set(xlim=(0, edges[-1]), ylim=(edges[-1], 0))
    ax.axis("off")
    colour = [colours(division)[i] for i in order]
    bar = edges[-1] / 60
    for first, last, shade in zip(edges, edges[1:], colour, strict=False):
        ax.fill_between([first, last], -2 * bar, -bar, color=shade, lw=0.5, ec=PAPER, clip_on=False)
        ax.fill_between([-2 * bar, -bar], first, last, color=shade, lw=0.5, ec=PAPER, clip_on=False)
    last = -np.inf
    for middle, number in zip((edges[1:] + edges[:-1]) / 2, order, strict=True):
        # Thin parts go without a name where the name above leaves no room.
        if (middle - last) * size / edges[-1] >= 11:
            mostly, last = commonest(division.parts[number]), middle
            write(ax, edges[-1] + bar, middle, mostly, color=MUTED, fontsize=9.5, va="center", clip_on=False)
    ax.plot([0, edges[-1], edges[-1], 0, 0], [0, 0, edges[-1], edges[-1], 0], color=LINE, lw=1, clip_on=False)
    write(ax, edges[-1] / 2, -3 * bar, "sender →", color=MUTED, fontsize=SMALL, ha="center")
    write(ax, -3 * bar, edges[-1] / 2, "receiver ↓", color=MUTED, fontsize=SMALL, ha="center", va="center", rotation=90)
    write(
        page,
        EDGE,
        HEIGHT - 18,
        f"{len(n)} parts, as broad as they have neurons, from the senses to action; beside them the commonest class. "
        "Darker: more synapses per pair of neurons.",
        color=MUTED,
        fontsize=10.5,
    )

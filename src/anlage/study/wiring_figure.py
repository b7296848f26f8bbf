"""Figures of a wiring: neurons where they are or in layers from the input, and the matrix of their edges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb, to_rgba
from numpy import ndarray

from anlage.connectome.connectome import Connectome
from anlage.study.canvas import INK, LINE, MUTED, PAPER, ROLE, SMALL, Number, axes, sheet, svg, write
from anlage.topology import Topology
from anlage.topology.audit import hops

ROLES = ("input", "inter", "output", "unknown")
MOST_EDGES, MOST_DOTS, MOST_CELLS = 20_000, 1_500, 400
"""Edges drawn, dots drawn one by one (more become a picture), and rows of the matrix before neurons are binned."""
SIDE = 370.0
"""Pixels of the square figures."""
CROWD = 0.5
"""Share of the neurons that the enlarged part holds."""
POSITIVE, NEGATIVE = "#3d6fb0", "#c0392b"
"""Colours of edges in the matrix; red and blue differ for all common kinds of colour vision."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A topology with what its neurons are called and which role they have."""

    connectome: Connectome
    topology: Topology
    input: tuple[str, ...]

    @property
    def role(self) -> Int[ndarray, " neuron"]:
        """Number in ``ROLES`` of every neuron."""
        labels = self.connectome.neurons.role
        number = np.array([ROLES.index(label) for label in labels.labels])
        return np.asarray(number[labels.codes])

    @property
    def degree(self) -> Int[ndarray, " neuron"]:
        """Edges of every neuron, incoming and outgoing."""
        ends = np.concatenate([self.topology.pre, self.topology.post])
        return np.bincount(ends, minlength=self.topology.n_neurons)

    @property
    def order(self) -> Int[ndarray, " neuron"]:
        """Neurons by role, within it by class, within it the one with most edges first."""
        return np.lexsort((-self.degree, self.connectome.neurons.neuron_class.codes, self.role))

    @property
    def placed(self) -> bool:
        """Whether every neuron has a measured position."""
        return bool(np.isfinite(self.connectome.neurons.xyz_um).all())


def _draw(ax: Axes, wiring: Drawing, xy: Float[ndarray, "neuron 2"], size: Number, edge_alpha: float) -> None:
    """Edges as a faint picture in the colour of their sender's role, neurons as dots above it."""
    topology, role = wiring.topology, wiring.role
    shown = np.arange(topology.n_edges)
    if topology.n_edges > MOST_EDGES:
        shown = shown[np.linspace(0, topology.n_edges - 1, MOST_EDGES).astype(int)]
    lines = np.stack([xy[topology.pre[shown]], xy[topology.post[shown]]], axis=1)
    shade = np.array([to_rgba(ROLE[name], edge_alpha) for name in ROLES])[role[topology.pre[shown]]]
    ax.add_collection(LineCollection(list(lines), colors=shade, linewidths=0.6, rasterized=True, zorder=1))
    picture = len(xy) > MOST_DOTS
    for number, name in enumerate(ROLES):
        rows = np.flatnonzero(role == number)
        edge = {"linewidths": 0} if picture else {"linewidths": 0.5, "edgecolors": PAPER}
        ax.scatter(*xy[rows].T, s=size**2, color=ROLE[name], zorder=3, rasterized=picture, **edge)


def _bare(ax: Axes, x: tuple[Number, Number], y: tuple[Number, Number]) -> None:
    """No axes, only limits."""
    ax.set_axis_off()
    ax.set_xlim(*x)
    ax.set_ylim(*y)


def _longest(xyz: Float[ndarray, "neuron 3"]) -> Float[ndarray, "neuron 2"]:
    """Positions seen from the side on which they spread most, the long axis first."""
    spread = np.ptp(xyz, axis=0)
    return np.asarray(xyz[:, np.argsort(-spread, kind="stable")[:2]])


def crowd(x: Float[ndarray, " neuron"]) -> tuple[float, float] | None:
    """The shortest stretch of the long axis that holds half of the neurons, when it is less than a fifth of the whole."""
    ranked = np.sort(x)
    n = int(np.ceil(CROWD * len(x)))
    width = ranked[n - 1 :] - ranked[: len(x) - n + 1]
    first = int(width.argmin())
    if width[first] >= 0.2 * (ranked[-1] - ranked[0]):
        return None
    return float(ranked[first]), float(ranked[first] + width[first])


def body_figure(wiring: Drawing) -> Markup:
    """Every neuron at the position of its soma, true to scale; the crowded part is framed."""
    xy = _longest(wiring.connectome.neurons.xyz_um)
    (low, bottom), (high, top) = xy.min(axis=0), xy.max(axis=0)
    width, pad = 960.0, 0.03 * (high - low)
    scale = (width - 2) / (high - low + 2 * pad)
    height = max(150.0, scale * (top - bottom + 2 * pad)) + 46
    figure = sheet(width, height)
    ax = axes(figure, 1, 22, width - 2, height - 46)
    middle, half = (top + bottom) / 2, (height - 46) / scale / 2
    _bare(ax, (low - pad, high + pad), (middle - half, middle + half))
    _draw(ax, wiring, xy, 6.5, 0.09)
    if stretch := crowd(xy[:, 0]):
        inside = xy[(xy[:, 0] >= stretch[0]) & (xy[:, 0] <= stretch[1])]
        _frame(ax, stretch, (float(inside[:, 1].min()), float(inside[:, 1].max())))
    # Positions of the worm (c302): the head is at negative, the tail at positive values of the long axis, dorsal is up.
    if wiring.connectome.name.startswith("worm"):
        for x, text, side in ((low - pad, "← head", "left"), (high + pad, "tail →", "right")):
            write(ax, x, middle - half - 14 / scale, text, color=MUTED, ha=side, va="center", clip_on=False)
    length = 10.0 ** np.floor(np.log10((high - low) / 4))
    length *= max(step for step in (1, 2, 5) if step * length <= (high - low) / 4)
    start = (low + high - length) / 2
    ax.plot([start, start + length], [middle - half - 6 / scale] * 2, color=INK, lw=2, clip_on=False)
    place = {"ha": "center", "va": "center", "fontsize": SMALL}
    write(ax, start + length / 2, middle - half - 18 / scale, f"{length:g} µm", **place)
    return svg(figure, "body", f"Soma positions of {len(xy)} neurons with their edges", least=900)


def _frame(ax: Axes, x: tuple[Number, Number], y: tuple[Number, Number]) -> None:
    """A thin frame around what is enlarged elsewhere."""
    left, right, down, up = x[0] - 4, x[1] + 4, y[0] - 4, y[1] + 4
    ax.plot([left, right, right, left, left], [down, down, up, up, down], color=INK, lw=1, zorder=4, clip_on=False)


def crowd_figure(wiring: Drawing) -> Markup | None:
    """The crowded part enlarged, its most connected neurons named; None where nothing is crowded."""
    xy = _longest(wiring.connectome.neurons.xyz_um)
    stretch = crowd(xy[:, 0])
    if stretch is None:
        return None
    inside = (xy[:, 0] >= stretch[0]) & (xy[:, 0] <= stretch[1])
    low, high = xy[inside].min(axis=0), xy[inside].max(axis=0)
    width, pad = SIDE, 0.06 * (high - low).max()
    scale = (width - 2) / (high[0] - low[0] + 2 * pad)
    # Stretched to fill a square: names need room, and the frame in the figure above shows the true shape.
    height = SIDE
    figure = sheet(width, height)
    ax = axes(figure, 1, 1, width - 2, height - 2)
    tall = (height - 2) / (high[1] - low[1] + 2 * pad)
    _bare(ax, (low[0] - pad, high[0] + pad), (low[1] - pad, high[1] + pad))
    _draw(ax, wiring, xy, 8, 0.07)
    _name(ax, wiring, xy, inside, (scale, tall))
    return svg(figure, "crowd", "The framed part enlarged")


def _name(
    ax: Axes,
    wiring: Drawing,
    xy: Float[ndarray, "neuron 2"],
    inside: Bool[ndarray, " neuron"],
    scale: tuple[Number, Number],
) -> None:
    """Names of the most connected neurons, each where it covers no other name and no edge of the drawing."""
    pixel = xy * np.array(scale)
    x_low, x_high = (limit * scale[0] for limit in ax.get_xlim())
    taken: list[tuple[float, float, float]] = []
    for i in sorted(np.flatnonzero(inside), key=lambda row: (-wiring.degree[row], row)):
        text = wiring.connectome.neurons.name[i]
        half = 4.4 * len(text)
        for dx, dy in ((0, 12), (0, -12), (half + 7, 0), (-half - 7, 0)):
            x, y = float(pixel[i, 0] + dx), float(pixel[i, 1] + dy)
            free = all(abs(x - a) > half + b or abs(y - c) > 17 for a, c, b in taken)
            if free and x_low < x - half and x + half < x_high:
                taken.append((x, y, half))
                box = {"facecolor": PAPER, "alpha": 0.8, "edgecolor": "none", "pad": 0.5}
                style = {"fontsize": SMALL, "ha": "center", "va": "center", "bbox": box, "zorder": 5}
                write(ax, x / scale[0], y / scale[1], text, **style)
                break
        if len(taken) == 10:
            return


def layer_figure(wiring: Drawing) -> Markup:
    """Neurons in layers by hops from the input port; each layer a block of dots, coloured by role."""
    distance = hops(wiring.topology, wiring.topology.group(wiring.input))
    layers = list(range(int(distance.max()) + 1)) + ([-1] if (distance < 0).any() else [])
    tall = max(24, int(np.ceil(1.15 * np.sqrt(len(distance)))))
    counts = [int((distance == k).sum()) for k in layers]
    columns = [int(np.ceil(n / tall)) for n in counts]
    width, height, top, gap = SIDE, SIDE, 46.0, 44.0
    pitch_y = (height - top - 12) / tall
    pitch_x = min(pitch_y * 1.4, (width - 40 - gap * (len(layers) - 1)) / sum(columns))
    used = pitch_x * sum(columns)
    gap = (width - 40 - used) / max(1, len(layers) - 1) if len(layers) > 1 else 0.0
    figure = sheet(width, height)
    ax = axes(figure, 0, 0, width, height)
    _bare(ax, (0, width), (height, 0))
    xy = np.zeros((len(distance), 2))
    left = 20.0
    for layer, n, n_columns in zip(layers, counts, columns, strict=True):
        members = wiring.order[distance[wiring.order] == layer]
        high = int(np.ceil(n / n_columns))
        column, row = np.arange(n) // high, np.arange(n) % high
        start = top + (tall - high) / 2 * pitch_y
        xy[members] = np.stack([left + (column + 0.5) * pitch_x, start + (row + 0.5) * pitch_y], axis=1)
        middle = float(np.clip(left + n_columns * pitch_x / 2, 24, width - 24))
        title = "input" if layer == 0 else "no path" if layer < 0 else f"+{layer}"
        write(ax, middle, 12, title, weight="bold", ha="center", va="center")
        write(ax, middle, 30, f"{n:,}", fontsize=SMALL, color=MUTED, ha="center", va="center")
        left += n_columns * pitch_x + gap
    _draw(ax, wiring, xy, max(1.0, min(8.0, 0.95 * min(pitch_x, pitch_y))), 0.05)
    return svg(figure, "layers", f"Neurons by hops from the input port: {dict(zip(layers, counts, strict=True))}")


def matrix_figure(wiring: Drawing) -> Markup:
    """The matrix of weights, receivers in rows and senders in columns, ordered by role and class."""
    n, order = wiring.topology.n_neurons, wiring.order
    cells = min(n, MOST_CELLS)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n) * cells // n
    topology, exact = wiring.topology, n == cells
    amount = np.log1p(np.abs(topology.weight)) if exact else np.ones(topology.n_edges)
    ends = place[topology.post], place[topology.pre]
    picture = matrix_picture(ends, amount, np.where(topology.weight >= 0, 1, -1), cells)
    size, left, top = SIDE - 72.0, 70.0, 50.0
    figure = sheet(SIDE, size + top + 4)
    draw_matrix(axes(figure, left, top, size, size), picture, wiring.role[order], size)
    return svg(figure, "matrix", f"Matrix of {wiring.topology.n_edges} edges between {n} neurons")


def draw_matrix(ax: Axes, picture: Float[ndarray, "c c 4"], role: Int[ndarray, " neuron"], size: Number) -> None:
    """The picture of a matrix in axes of ``size`` pixels, framed by the roles of its neurons in their order."""
    n = len(role)
    ax.imshow(picture, interpolation="none", extent=(0, n, n, 0), aspect="auto", zorder=1)
    _bare(ax, (0, n), (n, 0))
    bar = 6 * n / size
    edges = np.searchsorted(role, np.arange(len(ROLES) + 1))
    for name, first, last in zip(ROLES, edges, edges[1:], strict=False):
        if first == last:
            continue
        middle, pixels = (first + last) / 2, (last - first) * size / n
        ax.fill_between([first, last], -2 * bar, -bar, color=ROLE[name], lw=0, clip_on=False)
        ax.fill_between([-2 * bar, -bar], first, last, color=ROLE[name], lw=0, clip_on=False)
        if last < n:
            ax.plot([0, n], [last, last], color=LINE, lw=1, zorder=2)
            ax.plot([last, last], [0, n], color=LINE, lw=1, zorder=2)
        style = {"color": ROLE[name], "weight": "bold", "fontsize": SMALL, "clip_on": False}
        if pixels > 8 * len(name):
            write(ax, middle, -3.6 * bar, name, ha="center", va="center", **style)
        if pixels > 14:
            write(ax, -2.8 * bar, middle, name, ha="right", va="center", **style)
    ax.plot([0, n, n, 0, 0], [0, 0, n, n, 0], color=LINE, lw=1, clip_on=False)
    write(ax, n / 2, -6.4 * bar, "sender →", color=MUTED, fontsize=SMALL, ha="center", va="center")
    write(ax, -2.8 * bar, -2.2 * bar, "receiver ↓", color=MUTED, fontsize=SMALL, ha="right", va="center")


def matrix_picture(
    ends: tuple[Int[ndarray, " edge"], Int[ndarray, " edge"]],
    amount: Float[ndarray, " edge"],
    sign: Int[ndarray, " edge"],
    cells: int,
) -> Float[ndarray, "c c 4"]:
    """Colour of every cell (receiver, sender): hue from the sign that prevails, opacity from the sum of ``amount``.

    ``ends`` are the cells of receiver and sender of each edge; a cell without any known sign is grey.
    """
    cell = ends[0] * cells + ends[1]
    both = np.bincount(cell, weights=amount, minlength=cells**2)
    balance = np.bincount(cell, weights=amount * sign, minlength=cells**2)
    ceiling = np.quantile(both[both > 0], 0.98)
    opacity = np.where(both > 0, 0.25 + 0.75 * np.clip(both / ceiling, 0, 1), 0.0)
    hue = np.where((balance > 0)[:, None], to_rgb(POSITIVE), to_rgb(NEGATIVE))
    known = np.bincount(cell, weights=sign != 0, minlength=cells**2) > 0
    # Where both signs balance, the positive colour is as good as the other; grey says that none is known.
    hue = np.where(((balance == 0) & known)[:, None], to_rgb(POSITIVE), np.where(known[:, None], hue, to_rgb(MUTED)))
    return np.concatenate([hue, opacity[:, None]], axis=1).reshape(cells, cells, 4)


def left_out(wiring: Drawing) -> str:
    """What the figures do not show, in a sentence or two; empty when they show everything."""
    n_edges, n_neurons, text = wiring.topology.n_edges, wiring.topology.n_neurons, []
    if n_edges > MOST_EDGES:
        text.append(f"Of {n_edges:,} edges, {MOST_EDGES:,} evenly chosen ones are drawn between the neurons.")
    if n_neurons > MOST_CELLS:
        text.append(
            f"A cell of the matrix holds about {n_neurons / MOST_CELLS:.0f} by {n_neurons / MOST_CELLS:.0f} pairs."
        )
    return " ".join(text)


def wiring_figures(wiring: Drawing) -> Sequence[Markup]:
    """The figures that suit a wiring: from the side where positions are known, in layers elsewhere; and the matrix."""
    if not wiring.placed:
        return [layer_figure(wiring), matrix_figure(wiring)]
    enlarged = crowd_figure(wiring)
    return [body_figure(wiring), *([enlarged] if enlarged else []), matrix_figure(wiring)]

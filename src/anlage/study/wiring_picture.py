"""One picture of a connectome: its matrix with the degrees along both sides, its classes, its degrees, its signs."""

import io
from textwrap import shorten

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy import ndarray

from anlage.connectome.census import class_rows, degrees, division, signs_by_source
from anlage.connectome.connectome import Connectome
from anlage.study.canvas import BAND, INK, MUTED, PAPER, ROLE, SMALL, axes, sheet, write
from anlage.study.wiring_figure import MOST_CELLS, NEGATIVE, POSITIVE, ROLES, draw_matrix, matrix_picture

WIDTH, HEIGHT, MATRIX = 1100.0, 700.0, 470.0
LEFT, TOP, RIGHT = 92.0, 196.0, 770.0
SMALLEST = 9.0
"""Pixels that a class must take along the matrix to be named there."""
MOST_CLASSES = 12
"""Classes with a bar; the rest share a line."""
DPI = 144  # two dots per pixel


def wiring_picture(connectome: Connectome) -> bytes:
    """A PNG of 2,200 by 1,400 dots; the same connectome gives the same picture."""
    figure = sheet(WIDTH, HEIGHT)
    figure.set_facecolor(PAPER)
    role = np.array([ROLES.index(label) for label in connectome.neurons.role.labels])[connectome.neurons.role.codes]
    sent, received = degrees(connectome)
    order = np.lexsort((-(sent + received), division(connectome)[1].codes, role))
    _head(figure, connectome)
    _matrix(figure, connectome, order, role[order])
    _margin(axes(figure, LEFT, TOP - 100, MATRIX, 48), sent[order], "edges sent", above=True)
    _margin(axes(figure, LEFT + MATRIX + 8, TOP, 48, MATRIX), received[order], "edges received", above=False)
    _class_names(axes(figure, LEFT + MATRIX + 60, TOP, 100, MATRIX), connectome, order, role[order])
    _classes(axes(figure, RIGHT + 92, 92, WIDTH - RIGHT - 172, 300), connectome)
    _degrees(axes(figure, RIGHT + 30, 426, WIDTH - RIGHT - 60, 110), sent, received)
    _signs(axes(figure, RIGHT, 588, WIDTH - RIGHT - 30, 14), connectome)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor=PAPER, metadata={"Software": None})
    return buffer.getvalue()


def _head(figure: Figure, connectome: Connectome) -> None:
    page = axes(figure, 0, 0, WIDTH, HEIGHT)
    page.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    page.set_axis_off()
    synapses = connectome.synapse_count.sum()
    write(page, 30, 30, connectome.name, fontsize=22, weight="bold", va="center")
    facts = f"{connectome.n_neurons:,} neurons, {len(connectome.pre):,} edges, {synapses:,.0f} synapses"
    write(page, WIDTH - 30, 30, facts, weight="bold", ha="right", va="center")
    write(page, 30, 56, shorten(connectome.source.title, 110, placeholder=" …"), color=MUTED, va="center")
    licence = shorten(f"Licence: {connectome.source.licence}", 150, placeholder=" …")
    write(page, 30, HEIGHT - 18, licence, color=MUTED, fontsize=SMALL, va="center")


def _matrix(
    figure: Figure, connectome: Connectome, order: Int[ndarray, " neuron"], role: Int[ndarray, " neuron"]
) -> None:
    """Who sends to whom; a cell is a pair of neurons, or of two stretches of neurons where there are more than cells."""
    n = connectome.n_neurons
    cells = min(n, MOST_CELLS)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n) * cells // n
    count = connectome.synapse_count.astype(np.float64)
    amount = np.log1p(count) if n == cells else np.ones(len(count))
    gap = connectome.kind.is_("gap_junction") & (connectome.pre != connectome.post)
    ends = place[connectome.post], place[connectome.pre]
    both = (np.concatenate([ends[0], ends[1][gap]]), np.concatenate([ends[1], ends[0][gap]]))
    amount, sign = (np.concatenate([column, column[gap]]) for column in (amount, connectome.sign.astype(np.int64)))
    ax = axes(figure, LEFT, TOP, MATRIX, MATRIX)
    draw_matrix(ax, matrix_picture(both, amount, sign, cells), role, MATRIX)


def _margin(ax: Axes, degree: Int[ndarray, " neuron"], name: str, *, above: bool) -> None:
    """Mean degree along one side of the matrix, in its order: ``above`` its columns, or beside its rows."""
    n = len(degree)
    bins = min(n, 240)
    place = np.arange(n) * bins // n
    mean = np.bincount(place, weights=degree, minlength=bins) / np.bincount(place, minlength=bins)
    middle, top = (np.arange(bins) + 0.5) * n / bins, float(mean.max())
    ax.set_axis_off()
    label = f"{name}, {'mean ' if bins < n else ''}up to {top:,.0f}"
    text = {"color": MUTED, "fontsize": SMALL, "clip_on": False}
    if above:
        ax.fill_between(middle, mean, color=MUTED, lw=0, step="mid")
        ax.set(xlim=(0, n), ylim=(0, top * 1.02))
        write(ax, n, top * 1.12, label, ha="right", va="bottom", **text)
    else:
        ax.fill_betweenx(middle, mean, color=MUTED, lw=0, step="mid")
        ax.set(xlim=(0, top * 1.02), ylim=(n, 0))
        write(ax, 0, -0.012 * n, label, ha="left", va="bottom", **text)


def _class_names(
    ax: Axes, connectome: Connectome, order: Int[ndarray, " neuron"], role: Int[ndarray, " neuron"]
) -> None:
    """Names of the stretches of one role and class along the rows of the matrix, where there is room for them."""
    n, (_, classes) = len(order), division(connectome)
    code = classes.codes[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(code) != 0) | (np.diff(role) != 0)])
    for first, last in zip(starts, [*starts[1:], n], strict=True):
        if (last - first) * MATRIX / n >= SMALLEST:
            name = shorten(classes.labels[code[first]] or "unnamed", 18, placeholder="…")
            style = {"color": ROLE[ROLES[role[first]]], "fontsize": SMALL - 2, "va": "center", "clip_on": False}
            write(ax, 0, (first + last) / 2, name, **style)
    ax.set(xlim=(0, 1), ylim=(n, 0))
    ax.set_axis_off()


def _classes(ax: Axes, connectome: Connectome) -> None:
    """Neurons by class, a bar each, coloured by role."""
    rows = class_rows(connectome)
    bars = [(row.name, row.n_neurons, row.by_role) for row in rows[:MOST_CLASSES]]
    most = max(n for _, n, _ in bars)
    for y, (name, n, by_role) in enumerate(bars):
        start = 0
        for role in ROLES:
            ax.barh(y, by_role.get(role, 0), left=start, height=0.72, color=ROLE[role], lw=0)
            start += by_role.get(role, 0)
        write(ax, -0.02 * most, y, shorten(name, 22, placeholder="…"), fontsize=SMALL, ha="right", va="center")
        write(ax, n + 0.02 * most, y, f"{n:,}", fontsize=SMALL, color=MUTED, ha="left", va="center")
    if rest := rows[MOST_CLASSES:]:
        text = f"and {len(rest):,} more with {sum(row.n_neurons for row in rest):,} neurons"
        write(ax, 0, len(bars), text, fontsize=SMALL, color=MUTED, va="center")
    ax.set(xlim=(0, most), ylim=(max(len(bars) + 1, 8) - 0.4, -1.6))
    ax.set_axis_off()
    write(ax, -0.02 * most, -1.2, f"neurons by {division(connectome)[0]}", weight="bold", ha="right", va="center")
    here = [role for role in ROLES if any(by_role.get(role) for _, _, by_role in bars)]
    for i, role in enumerate(here):
        write(ax, most * (0.02 + 0.32 * i), -1.2, role, color=ROLE[role], weight="bold", fontsize=SMALL, va="center")


def _degrees(ax: Axes, sent: Int[ndarray, " neuron"], received: Int[ndarray, " neuron"]) -> None:
    """Share of neurons with at least so many edges, on two logarithmic axes."""
    for degree, name, colour, style in ((sent, "sent", INK, "-"), (received, "received", MUTED, "--")):
        ranked = np.sort(degree[degree > 0])
        share = np.arange(len(ranked), 0, -1) / len(degree)
        ax.step(
            ranked,
            share,
            where="pre",
            color=colour,
            lw=1.5,
            linestyle=style,
            label=f"{name}, median {np.median(degree):,.0f}",
        )
    ax.set(xscale="log", yscale="log", ylim=(0.5 / len(sent), 1.3))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.grid(axis="y", color=BAND, lw=1)
    ax.set_axisbelow(True)
    ax.legend(loc="lower left", frameon=False, fontsize=SMALL, labelcolor=INK, handlelength=1.6, borderaxespad=0.2)
    left = -30 / (WIDTH - RIGHT - 60)
    write(ax, left, 1.06, "share of neurons with ≥ x edges", weight="bold", va="bottom", transform=ax.transAxes)


def _signs(ax: Axes, connectome: Connectome) -> None:
    """Edges by sign, a stretch for every source of it."""
    total, start = len(connectome.pre), 0
    parts = [
        (f"{share:.0%} {word} ({source})", n, colour)
        for source, counts in signs_by_source(connectome).items()
        for n, word, colour in zip(counts, ("positive", "negative"), (POSITIVE, NEGATIVE), strict=True)
        if (share := n / total) > 0
    ]
    known = sum(n for _, n, _ in parts)
    if known < total:
        parts.append((f"{1 - known / total:.0%} unknown", total - known, MUTED))
    for i, (text, n, colour) in enumerate(parts):
        ax.barh(0, n, left=start, height=1, color=colour, alpha=1 if "assumed" not in text else 0.5, lw=0)
        start += n
        write(ax, 0, -1.4 - 1.2 * i, text, color=colour, fontsize=SMALL, va="center", clip_on=False)
    ax.set(xlim=(0, total), ylim=(-0.5, 0.5))
    ax.set_axis_off()
    write(ax, 0, 1.4, "edges by sign, and who says so", weight="bold", va="center", clip_on=False)

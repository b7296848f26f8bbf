"""The picture of the engine benchmark: every engine's time over anlage's, by graph and mode.

    python scripts/picture_engine.py [engine.json]

Drawn from benchmarks/results/engine.json unless another file is named.
"""

import json
import sys
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from anlage.study.canvas import ARM, INK, LINE, MUTED, PAPER, axes, sheet, write
from tables import ENGINE_GRAPHS

ROOT = Path(__file__).parents[1]
MODES = {
    "forward": "forward",
    "state": "and gradient of state",
    "edge": "and gradient of edges",
    "unroll": "20 steps, with gradient",
}
BATCHES = {1: (ARM[5], "v"), 32: (INK, "o"), 128: (ARM[2], "^")}
"""Colour and mark of a batch size."""
LEFT, TOP, PANEL, ROW, GAP = 190, 118, 205, 19, 44


def main() -> None:
    """Draw and save."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "benchmarks" / "results" / "engine.json"
    result = json.loads(source.read_text())
    graphs = {name: result["graphs"][name] for name in ENGINE_GRAPHS if name in result["graphs"]}
    engines = [e for e in dict.fromkeys(e for g in graphs.values() for e in g["engines"]) if e != "anlage"]
    height = TOP + len(graphs) * (len(engines) * ROW + GAP + 20) - 14
    width = LEFT + len(MODES) * (PANEL + 14) + 20
    figure = sheet(width, height)
    figure.set_facecolor(PAPER)
    page = axes(figure, 0, 0, width, height)
    page.set(xlim=(0, width), ylim=(height, 0))
    page.axis("off")
    heading(page, result)
    low, high = reach(graphs)
    for r, (name, graph) in enumerate(graphs.items()):
        top = TOP + r * (len(engines) * ROW + GAP + 20)
        size = f"{'synthetic, ' if graph['synthetic'] else ''}{graph['neurons']:,} neurons, {graph['edges']:,} edges"
        write(page, 20, top - 10, ENGINE_GRAPHS[name], fontsize=14, weight="bold")
        write(page, LEFT, top - 10, size, fontsize=12, color=MUTED)
        for m, mode in enumerate(MODES):
            if mode == "unroll" and name not in ("worm", "larva"):
                continue
            ax = panel(figure, LEFT + m * (PANEL + 14), top, len(engines), (low, high))
            for e, engine in enumerate(engines):
                marks(ax, e, graph["engines"].get(engine, {}), mode)
        for e, engine in enumerate(engines):
            write(page, LEFT - 8, top + (e + 0.5) * ROW, engine, fontsize=12, ha="right", va="center")
    figure.savefig(ROOT / "docs" / "engine.png", dpi=108, facecolor=PAPER)


def heading(page: Axes, result: dict) -> None:
    """What is shown, and the marks."""
    write(page, 20, 34, "Time of other engines over anlage's, one thread", fontsize=20, weight="bold")
    versions = result["machine"]["versions"]
    machine = f"{result['machine']['processor']}, torch {versions['torch'].split('+')[0]}; median processor time"
    write(page, 20, 56, f"Right of the line anlage is faster, left of it slower. {machine}", fontsize=12, color=MUTED)
    place = 700
    for batch, (colour, mark) in BATCHES.items():
        page.plot([place], [30], mark, color=colour, markersize=7)
        write(page, place + 10, 30, f"batch {batch}", fontsize=12, va="center", color=colour)
        place += 90
    page.plot([place], [30], "x", color=MUTED, markersize=6)
    write(page, place + 10, 30, "out of memory", fontsize=12, va="center", color=MUTED)
    for m, words in enumerate(MODES.values()):
        write(page, LEFT + m * (PANEL + 14), 84, words, fontsize=13, color=INK, weight="bold")


def reach(graphs: dict) -> tuple[float, float]:
    """Limits of the axis that hold every ratio."""
    ratios = [
        row["ratio"]
        for graph in graphs.values()
        for cases in graph["engines"].values()
        for case, row in cases.items()
        if "ratio" in row and case.split()[2] == "1" and row["ratio"] > 0
    ]
    return min(0.2, min(ratios) / 1.3), max(ratios) * 1.5


def panel(figure: Figure, left: float, top: float, rows: int, limits: tuple[float, float]) -> Axes:
    """An empty panel with a line where anlage is."""
    ax = axes(figure, left, top, PANEL, rows * ROW)
    ax.set(xscale="log", xlim=limits, ylim=(rows, 0), yticks=[])
    ax.xaxis.set_minor_locator(NullLocator())
    ticks = [10.0**k for k in range(-2, 5) if limits[0] <= 10.0**k <= limits[1]]
    ax.set_xticks(ticks, [f"{t:g}×" for t in ticks])
    for row in range(rows):
        ax.axhline(row + 0.5, color=LINE, lw=0.6, zorder=0)
    for tick in ticks:
        ax.axvline(tick, color=LINE, lw=0.6, zorder=0)
    ax.axvline(1, color=ARM[0], lw=1.6, zorder=1)
    return ax


def marks(ax: Axes, row: int, cases: dict, mode: str) -> None:
    """The batches of one engine in one mode."""
    for batch, (colour, mark) in BATCHES.items():
        case = cases.get(f"{mode} {batch} 1 {20 if mode == 'unroll' else 1}", {})
        if case.get("ratio"):
            ax.plot([case["ratio"]], [row + 0.5], mark, color=colour, markersize=6, markeredgewidth=0, zorder=3)
        elif "out of memory" in case.get("why_not", ""):
            ax.plot([ax.get_xlim()[1] / 1.35], [row + 0.5], "x", color=MUTED, markersize=5, zorder=3)


if __name__ == "__main__":
    main()

"""The figures of the page: what networks do on reconstructions, and how far the wiring is from the truth."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray
from scipy.stats import t as student

FIGURES = ("quality.svg", "wiring.svg")
TRUE, FLOOR, PLAIN = "#c0392b", "#8fa3b5", "#34495e"
ORDERS = {"random": ("#2e86ab", "in random order"), "largest": ("#c77700", "largest errors first")}
TITLES = {
    "worm-signals": ("Worm: prediction of measured signals", "AUROC"),
    "worm-memory": ("Worm: memory from sensory to motor neurons", "capacity (ticks)"),
    "larva-memory": ("Larva: memory from sensory to output neurons", "capacity (ticks)"),
    "larva-smell": ("Larva: share of the brain that a smell reaches", "share (less is better)"),
}
SIGN = {"larva-smell": -1.0}
LINES = {
    "edge_precision": ("#c0392b", "-", "edges found that are true"),
    "edge_recall": ("#c0392b", "--", "true edges found"),
    "path_precision": ("#2e86ab", "-", "two-hop paths found that are true"),
    "path_recall": ("#2e86ab", "--", "true two-hop paths found"),
    "weight_correlation": ("#e08e0b", "-", "strengths (correlation)"),
    "degree_correlation": ("#7d5ba6", "-", "degrees (correlation)"),
}


def draw(results: dict[str, Any], folder: Path) -> None:
    """Write all figures as SVG; each carries the fingerprint of the results."""
    with mpl.rc_context({"svg.hashsalt": "anlage", "svg.fonttype": "none", "font.size": 9}):
        for name, make in zip(FIGURES, (_quality, _wiring), strict=True):
            make(results).savefig(
                folder / name, metadata={"Date": None, "Description": f"results {results['fingerprint']}"}
            )


def column(results: dict[str, Any], animal: str, arm: str, name: str) -> ndarray:
    """One number per graph of an arm."""
    return np.array([graph[name] for graph in results[f"{animal}--{arm}"]["graphs"]])


def _spread(values: ndarray) -> tuple[float, float, float]:
    """Mean of the draws, and how far its 95 % interval (by their standard error, t) reaches down and up."""
    reach = float(student.isf(0.025, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()), reach, reach


def _quality(results: dict[str, Any]) -> Figure:
    tasks = results["question"]["tasks"]
    figure = Figure(figsize=(7.6, 2.15 * len(tasks) + 0.5), layout="constrained")
    grid = figure.subplots(len(tasks), 2, sharey="row")
    for (task, rules), (left, right) in zip(tasks.items(), grid, strict=True):
        animal, sign = rules["animal"], SIGN.get(task, 1.0)
        truth = sign * column(results, animal, "truth", task)[0]
        floor = sign * column(results, animal, "rewired", task)
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
            axes.axhspan(floor.min(), floor.max(), color=FLOOR, alpha=0.35, lw=0)
            axes.axhline(floor.mean(), color=FLOOR, lw=1)
            axes.axhline(truth, color=TRUE, lw=1, ls="--")
        left.set_title(TITLES[task][0], loc="left", fontsize=9.5, fontweight="bold")
        left.set_ylabel(TITLES[task][1])
        _levels(results, left, task, animal, sign)
        _repairs(results, right, task, animal, sign)
    grid[0, 1].set_title("Level 5, repaired", loc="left", fontsize=9.5)
    grid[-1, 0].set_xlabel("true synapses in their place (%)\nnumbers: level of errors")
    grid[-1, 1].set_xlabel("edits spent (thousands)\nthe last dot: all errors repaired")
    _name_lines(results, *grid[0])
    return figure


def _name_lines(results: dict[str, Any], left: Axes, right: Axes) -> None:
    """Names beside the lines of the first row; they mean the same in all."""
    truth = column(results, "worm", "truth", "worm-signals")[0]
    floor = column(results, "worm", "rewired", "worm-signals")
    beside = left.get_yaxis_transform()
    left.text(0.99, truth, "true wiring", color=TRUE, ha="right", va="top", transform=beside)
    left.text(0.02, floor.mean(), "24 rewires, same degrees", color=PLAIN, va="center", transform=beside)
    shares = results["question"]["proofreading"]["shares"]
    for order, share, offset in (("largest", shares[0], (-16, 9)), ("random", shares[1], (6, -14))):
        x = column(results, "worm", f"{order}-{share}", "spent").mean() / 1000
        y = column(results, "worm", f"{order}-{share}", "worm-signals").mean()
        colour, text = ORDERS[order]
        right.annotate(text, (x, y), offset, textcoords="offset points", color=colour)


def _levels(results: dict[str, Any], axes: Axes, task: str, animal: str, sign: float) -> None:
    levels = ["truth", *(f"level-{level}" for level in results["question"]["levels"])]
    x = [100 * column(results, animal, arm, "synapses").mean() for arm in levels]
    means = [(sign * column(results, animal, "truth", task)[0], 0.0, 0.0)]
    for at, arm in zip(x[1:], levels[1:], strict=True):
        values = sign * column(results, animal, arm, task)
        axes.plot([at] * len(values), values, ".", color=PLAIN, alpha=0.25, ms=4, mew=0)
        means.append(_spread(values))
    y, down, up = zip(*means, strict=True)
    axes.errorbar(x, y, yerr=[down, up], fmt="o-", color=PLAIN, ms=4, lw=1.4)
    for level, (at, height) in enumerate(zip(x, y, strict=True)):
        axes.annotate(
            str(level), (at, height), (5, 4 if sign > 0 else -9), textcoords="offset points", color=PLAIN, fontsize=8
        )
    axes.set_xlim(104, 0)


def _repairs(results: dict[str, Any], axes: Axes, task: str, animal: str, sign: float) -> None:
    rules = results["question"]["proofreading"]
    start = f"level-{rules['level']}"
    whole = column(results, animal, start, "edits").mean() / 1000
    for order, (colour, _) in ORDERS.items():
        x, means = [0.0], [_spread(sign * column(results, animal, start, task))]
        for share in rules["shares"]:
            arm = f"{order}-{share}"
            x.append(column(results, animal, arm, "spent").mean() / 1000)
            means.append(_spread(sign * column(results, animal, arm, task)))
        y, down, up = zip(*means, (sign * column(results, animal, "truth", task)[0], 0.0, 0.0), strict=True)
        axes.errorbar([*x, whole], y, yerr=[down, up], fmt="o-", color=colour, ms=4, lw=1.4)
    axes.set_xlim(-0.03 * whole, 1.04 * whole)


def _wiring(results: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(7.6, 3.9), layout="constrained")
    grid = figure.subplots(1, 2, sharey=True)
    levels = list(results["question"]["levels"])
    for axes, animal in zip(grid, ("worm", "larva"), strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        for name, (colour, style, text) in LINES.items():
            values = [column(results, animal, f"level-{level}", name).mean() for level in levels]
            axes.plot(range(len(levels) + 1), [1.0, *values], style, marker="o", ms=3, color=colour, lw=1.3, label=text)
            axes.plot(len(levels) + 1.2, column(results, animal, "rewired", name).mean(), "D", color=colour, ms=4)
        axes.set_xticks([*range(len(levels) + 1), len(levels) + 1.2], [*map(str, range(len(levels) + 1)), "rewired"])
        axes.set_title(animal.capitalize(), loc="left", fontsize=9.5, fontweight="bold")
        axes.set_xlabel("level of errors")
    grid[0].set_ylim(0, 1.03)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure

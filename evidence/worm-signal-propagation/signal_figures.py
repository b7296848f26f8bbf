"""The three figures of the page."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FIGURES = ("ensembles.svg", "operating_point.svg", "comparators.svg")
BRAIN, CONTROL, PLAIN = "#c0392b", "#8fa3b5", "#34495e"
LABELS = {
    "erdos-renyi": "any edges\n(erdos-renyi)",
    "degree-preserving": "same degrees\n(degree-preserving)",
    "roles": "same degrees and\nsensory/inter/motor (roles)",
    "compartments": "same degrees and\npharynx/body (compartments)",
    "places": "same degrees and\nplace of the somata (places)",
    "weight-permuted": "same edges, other\nstrengths (weight-permuted)",
    "propagation": "propagation on the wiring",
    "direct": "direct edge only",
    "distance": "distance of the somata",
    "degree": "degrees only",
    "neighbours": "shared neighbours",
    "occ": "number of trials",
    "reversed": "propagation, read backwards",
}


def draw(results: dict[str, Any], folder: Path) -> None:
    """Write all figures as SVG; each carries the fingerprint of the results."""
    with mpl.rc_context({"svg.hashsalt": "anlage", "svg.fonttype": "none", "font.size": 9}):
        for name, make in zip(FIGURES, (_ensembles, _operating_point, _comparators), strict=True):
            make(results).savefig(
                folder / name, metadata={"Date": None, "Description": f"results {results['fingerprint']}"}
            )


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _ensembles(results: dict[str, Any]) -> Figure:
    question, model = results["question"], results["question"]["primary"]["model"]
    controls, value = question["models"][model]["controls"], results["connectome"]["scores"][model]["auroc"]
    distance = results["connectome"]["comparators"]["distance"]["scores"]["auroc"]
    figure, axes = _axes(7.2, 4.0)
    rng = np.random.default_rng(0)
    for y, name in enumerate(reversed(controls)):
        scores = np.array([graph["auroc"] for graph in results[f"{model}--{name}"]["graphs"]])
        axes.scatter(scores, y + rng.uniform(-0.25, 0.25, len(scores)), s=9, color=CONTROL, alpha=0.7, linewidths=0)
        axes.plot([scores.mean()] * 2, [y - 0.34, y + 0.34], color=PLAIN, lw=1.5)
    top = len(controls) - 0.45
    marks = (
        (value, BRAIN, "-", f"measured wiring\n{value:.3f}"),
        (distance, PLAIN, "--", f"distance alone\n{distance:.3f}"),
    )
    for x, colour, style, text in (*marks, (0.5, "0.6", ":", "chance\n0.5")):
        axes.plot(
            [x, x], [-0.6, top], color=colour, lw=1.5 if style == "-" else 1, ls=style, zorder=0 if style == ":" else 3
        )
        axes.text(x, top + 0.05, text, color=colour, va="bottom", ha="center", linespacing=1.1)
    axes.set_yticks(range(len(controls)), [LABELS[name] for name in reversed(controls)])
    axes.set_ylim(-0.6, len(controls) + 0.25)
    axes.set_xlabel("AUROC (each dot one control graph, each bar their mean)")
    return figure


def _operating_point(results: dict[str, Any]) -> Figure:
    question, model = results["question"], results["question"]["primary"]["model"]
    radii = question["model"]["radii"]
    figure, axes = _axes(6.4, 3.6)
    shades = {"places": "#2e86ab", "compartments": "#7d5ba6", "degree-preserving": "#e08e0b", "erdos-renyi": "0.5"}
    for name, colour in shades.items():
        graphs = results[f"{model}--{name}"]["graphs"]
        scores = np.array([[graph[f"auroc@{r}"] for r in radii] for graph in graphs])
        low, high = np.quantile(scores, [0.025, 0.975], axis=0)
        axes.fill_between(radii, low, high, color=colour, alpha=0.2, lw=0)
        axes.plot(radii, scores.mean(axis=0), color=colour, lw=1.2)
        axes.text(
            radii[-1] + 0.012,
            scores.mean(axis=0)[-1],
            name,
            color=colour,
            va="center" if name != "places" else "bottom",
        )
    own = [results["connectome"]["scores"][model][f"auroc@{r}"] for r in radii]
    axes.plot(radii, own, "o-", color=BRAIN, lw=1.6, ms=4)
    axes.text(radii[0] + 0.01, own[0] + 0.004, "measured wiring", color=BRAIN, va="bottom")
    axes.axvline(question["primary"]["radius"], color="0.8", lw=0.8, ls=":", zorder=0)
    axes.text(question["primary"]["radius"] - 0.008, 0.66, "declared", color="0.5", ha="right", va="top")
    axes.set_xlim(0.28, 1.15)
    axes.set_ylim(0.48, 0.66)
    axes.set_xticks(radii)
    axes.set_xlabel("spectral radius (how far a signal travels)")
    axes.set_ylabel("AUROC (bands: 95 % of control graphs)")
    return figure


def _comparators(results: dict[str, Any]) -> Figure:
    own = results["connectome"]["scores"][results["question"]["primary"]["model"]]
    scores = {"propagation": own} | {name: c["scores"] for name, c in results["connectome"]["comparators"].items()}
    names = sorted(scores, key=lambda name: scores[name]["auroc"])
    figure, axes = _axes(7.2, 3.6)
    for y, name in enumerate(names):
        plain, alike = scores[name]["auroc"], scores[name]["auroc-strata"]
        colour = BRAIN if name == "propagation" else PLAIN
        axes.plot([alike, plain], [y, y], color=colour, lw=1, alpha=0.5)
        axes.plot(plain, y, "o", color=colour, ms=6)
        axes.plot(alike, y, "o", color=colour, ms=6, mfc="white")
    axes.axvline(0.5, color="0.75", lw=0.8, ls=":")
    axes.set_yticks(range(len(names)), [LABELS[name] for name in names])
    axes.plot([], [], "o", color=PLAIN, ms=6, label="all pairs")
    axes.plot([], [], "o", color=PLAIN, ms=6, mfc="white", label="among pairs alike in trials and distance")
    axes.legend(loc="lower right", frameon=False)
    axes.set_xlabel("AUROC (0.5, dotted: chance)")
    return figure

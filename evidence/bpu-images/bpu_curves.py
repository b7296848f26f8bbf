"""The two curves of the page: accuracy over the steps T and over the expansion F, each at runs of the same graphs."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from bpu_images import FACTORS, part_of, scores
from matplotlib.axes import Axes
from numpy import ndarray
from scipy.sparse import csr_array

from anlage.study.canvas import ARM, LINE, MUTED, PAPER, SMALL, axes, sheet, write
from anlage.topology import Topology

PARTS = {"T": ("more-steps", "later-steps"), "F": ("expansion", "larger-still")}
"""What is varied -> the parts that vary it, in the order in which they were declared."""
START = {"T": 2, "F": 1}
"""Where the recipe itself stands on each curve: the first of its twenty runs are those of the graphs of the curve."""
FAINT = 0.01
"""Share of the strongest direction below which one is not counted."""
COLOUR = dict(zip(("connectome", "degree-preserving", "weight-permuted", "erdos-renyi"), ARM, strict=False))

Curves = dict[str, dict[int, ndarray]]
"""Arm -> level -> accuracy of its runs in percent, by index of the graph."""


def curves(results: dict[str, Any], name: str) -> Curves:
    """Every arm's runs at each declared level of ``T`` or ``F``; a level without runs has an empty array."""
    words = [results["question"][part] for part in PARTS[name]]
    found: Curves = {}
    for arm in words[0]["arms"]:
        found[arm] = {START[name]: scores(results, part_of(results, arm), arm)[: words[0]["graphs"]]}
        for part, asked in zip(PARTS[name], words, strict=True):
            varied = [level for level in asked[name] if level != START[name]]
            found[arm] |= {level: scores(results, part, arm, level) for level in varied}
        found[arm] = dict(sorted(found[arm].items()))
    return found


def change(found: Curves, arm: str, first: int, last: int) -> ndarray:
    """Points gained from one level to another by each graph that was run at both."""
    both = min(len(found[arm][level]) for level in (first, last))
    return found[arm][last][:both] - found[arm][first][:both]


def ahead(found: Curves, arm: str, level: int) -> ndarray:
    """Points by which the connectome is ahead of an arm at a level, run by run of the same seed."""
    both = min(len(found[one][level]) for one in ("connectome", arm))
    return found["connectome"][level][:both] - found[arm][level][:both]


def said_of_curves(results: dict[str, Any]) -> dict[str, Any]:
    """The numbers in the prose about both curves. Exits where the results no longer say what that prose says."""
    steps, sizes = curves(results, "T"), curves(results, "F")
    means = {arm: {level: runs.mean() for level, runs in one.items()} for arm, one in steps.items()}
    gained = {arm: change(sizes, arm, 1, 5) for arm in sizes}
    more = gained["connectome"] - gained["degree-preserving"]
    told = directions_of(results)
    holds = {
        "in every arm less is named at every further T": all(
            (np.diff(list(one.values())) < 0).all() for one in means.values()
        ),
        "up to T = 4 no kind of graph is behind the larva in all its runs": all(
            (ahead(steps, arm, level) <= 0).any() for arm in list(steps)[1:] for level in (2, 3, 4)
        ),
        "at T = 8 hardly a direction is left in any arm": all(one[8] <= 5 for one in told.values()),
        "at T = 5 the larva has fewer directions than any kind of graph": all(
            told["connectome"][5] < told[arm][5] for arm in list(told)[1:]
        ),
        "at T = 5 the degree-preserving graphs are behind in all runs, erdos-renyi graphs are not": bool(
            (ahead(steps, "degree-preserving", 5) > 0).all() and (ahead(steps, "erdos-renyi", 5) < 0).any()
        ),
        "at T = 8 all graphs are behind": all((ahead(steps, arm, 8) > 0).all() for arm in list(steps)[1:]),
        "at T = 8 weight-permuted graphs are the nearest": max(list(means)[1:], key=lambda arm: means[arm][8])
        == "weight-permuted",
        "from F = 1 to 5 every run gains": all((gain > 0).all() for gain in gained.values()),
        "the larva gains more in some pairs, its rewire in others": bool((more > 0).any() and (more < 0).any()),
        "at F = 5 the larva is ahead in every pair": bool((ahead(sizes, "degree-preserving", 5) > 0).all()),
    }
    if broken := [fact for fact, true in holds.items() if not true]:
        sys.exit(f"The prose of page.md says that {'; that '.join(broken)}. The results do not; rewrite it.")
    return {
        "at": {arm: {level: f"{mean:.1f}" for level, mean in one.items()} for arm, one in means.items()},
        "gained": {arm: f"{gain.mean():.1f}" for arm, gain in gained.items()},
        "ahead": {level: f"{ahead(sizes, 'degree-preserving', level).mean():.1f}" for level in (1, 5)},
        "pairs": len(more),
        "larger": int((more > 0).sum()),
    }


def directions(topology: Topology, into: Iterable[str], out: Iterable[str], steps: int) -> int:
    """How many patterns of the inputs the outputs tell apart after so many steps, were no neuron ever silent.

    Counts the singular values of the ``steps - 1``-th power of the weights, from inputs to outputs, that are at least ``FAINT``
    of the largest. One factor on all weights does not matter to it.
    """
    inputs, n = topology.group(into), topology.n_neurons
    weight = csr_array((topology.weight, (topology.post, topology.pre)), shape=(n, n))
    state = np.zeros((n, len(inputs)))
    state[inputs, np.arange(len(inputs))] = 1
    for _ in range(steps - 1):
        state = weight @ state
    value = np.linalg.svd(state[topology.group(out)], compute_uv=False)
    return int((value >= FAINT * value[0]).sum()) if value[0] else 0


def directions_of(results: dict[str, Any]) -> dict[str, dict[int, float]]:
    """Arm -> T -> mean number of directions over its graphs."""
    found = results["directions"]["graphs"]
    return {
        arm: {int(steps): float(np.mean([one[steps] for one in graphs])) for steps in graphs[0]}
        for arm, graphs in found.items()
    }


def draw_curves(results: dict[str, Any], path: Path) -> None:
    """Every run as a dot, the means joined: accuracy over T and over F. The file carries the results' fingerprint."""
    figure = sheet(980, 400)
    figure.set_facecolor(PAPER)
    for name, left, title, label in (
        ("T", 50, "Read later, less is named", "steps T before the outputs are read (the paper's code: 2)"),
        ("F", 572, "Larger, more is named, by rewires as well", "expansion F; below it, trained parameters"),
    ):
        ax = axes(figure, left, 84, 270, 240)
        draw_curve(ax, curves(results, name))
        ax.set_xlabel(label, color=MUTED, fontsize=SMALL, loc="left")
        style = {"transform": ax.transAxes}
        write(ax, 0, 1 + 44 / 240, title, weight="bold", **style)
        below = "images named right (%); every dot a run, lines through means"
        write(ax, 0, 1 + 18 / 240, below, fontsize=SMALL, color=MUTED, **style)
        if name == "F":
            sizes = trained(results)
            ax.set_xticks(list(sizes), [f"{level}\n{size / 1e6:.1f} M" for level, size in sizes.items()])
    figure.savefig(path, format="svg", metadata={"Date": None, "Description": f"results {results['fingerprint']}"})


def draw_curve(ax: Axes, found: Curves) -> None:
    """One curve per arm, its name at its end; arms stand a little beside one another, so that no dot hides another."""
    levels = list(next(iter(found.values())))
    ends = []
    for number, (arm, runs) in enumerate(found.items()):
        aside = (number - (len(found) - 1) / 2) * 0.09
        there = {level: values for level, values in runs.items() if len(values)}
        for level, values in there.items():
            ax.scatter(np.full(len(values), level + aside), values, s=16, color=COLOUR[arm], alpha=0.55, lw=0, zorder=3)
        means = [values.mean() for values in there.values()]
        ax.plot([level + aside for level in there], means, color=COLOUR[arm], lw=1.8, zorder=2)
        ends.append((means[-1], arm))
    ax.set(xticks=levels, xlim=(levels[0] - 0.3, levels[-1] + 0.3))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color=LINE, lw=0.8)
    ax.set_axisbelow(True)
    low, high = ax.get_ylim()
    apart, place = (high - low) * 18 / 240, np.inf
    for end, arm in sorted(ends, reverse=True):
        place = min(end, place - apart)
        name = {"connectome": "larva"}.get(arm, arm)
        ax.text(levels[-1] + 0.4, place, name, color=COLOUR[arm], fontsize=13, va="center")


def trained(results: dict[str, Any]) -> dict[int, int]:
    """Trained parameters at every F that was run; the larva and its rewires have the same ports, so the same number."""
    found = {START["F"]: results["two-steps"]["records"][0]["budget"]["trained_parameters"]}
    for part in PARTS["F"]:
        for record in results.get(part, {"records": []})["records"]:
            found[int(record["level"][FACTORS["F"]])] = record["budget"]["trained_parameters"]
    return dict(sorted(found.items()))

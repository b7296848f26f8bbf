"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``chess.png``; ``--check`` only says whether they are fresh.

The prose was written for one answer. When new results give another, this script refuses: no page contradicts its numbers.
"""

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np
from bpu_chess import HERE, IDENTITY, PLIES, QUESTION, ROOT
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anlage.study.canvas import BAND, INK, MUTED, arm_colour, axes, sheet, write
from anlage.study.judge import bare
from anlage.study.outcome import Outcome
from anlage.study.statistics import Contrast, Doubt, Pair, family
from finding import Finding, claim, stamp, table, verdict_table
from ledger import Row, read

ARMS = tuple(QUESTION["arms"])
GRAPHS = ("degree-preserving", "weight-permuted", "erdos-renyi")
OUTCOMES = {"value": True, "regret 1": False, "regret 2": False}
"""Declared outcome -> whether higher is better."""
TOLD = {"value": "value", "regret 1": "regret at 1 ply", "regret 2": "regret at 2 plies"}
PLAYERS = {"counting pieces": "counting pieces", "any move": "the rules alone"}
WRITTEN_FOR = {"wiring": (), "core": ("value",)}
"""The outcomes on which the larva is better than every rewire, and than the encoder alone, when the prose was written."""


def column(rows: list[Row], arm: str, name: str) -> np.ndarray:
    """A number of every trial of an arm, by index."""
    found: np.ndarray = np.array([row[name] for row in sorted(rows, key=lambda r: r["index"]) if row["arm"] == arm])
    return found


def judged(rows: list[Row], name: str, floor: float) -> list[Contrast]:
    """The larva against every arm on one outcome, Holm over the arms; doubted where the bare interface does as well."""
    higher = OUTCOMES[name]
    outcome = Outcome(name, higher, floor, np.inf if higher else 0.0)
    pairs = []
    for arm in ARMS[1:]:
        engineered = arm == "encoder-only"
        here, there = column(rows, ARMS[0], name), column(rows, arm, name)
        graphs = {row["index" if engineered else "graph"] for row in rows if row["arm"] == arm}
        pairs.append(Pair(outcome, arm, here, there, len(graphs), 0.0, None, engineered=engineered))
    rng = ROOT.child("bootstrap").child(name)
    first = family(pairs, rng.rng())
    alone = bare(first)
    if alone is None:
        return first
    why = f"interface-only reaches as much ({alone.control_mean:.3f}), so this outcome is not shown to use the wiring"
    doubt = Doubt("wiring not used", why, about_all=True)
    spoken = {c.control for c in first if c.verdict in ("better", "equivalent")}
    return family([replace(pair, doubt=doubt if pair.control in spoken else None) for pair in pairs], rng.rng())


def answer(found: dict[str, list[Contrast]]) -> dict[str, tuple[str, ...]]:
    """The outcomes on which each part of the claim holds, as declared."""
    better = {name: {c.control for c in contrasts if c.verdict == "better"} for name, contrasts in found.items()}
    return {
        "wiring": tuple(name for name, arms in better.items() if set(GRAPHS) <= arms),
        "core": tuple(name for name, arms in better.items() if "encoder-only" in arms),
    }


def spread(values: np.ndarray, digits: int, unit: float = 1.0) -> str:
    """Mean and standard deviation."""
    return f"{unit * values.mean():.{digits}f} ± {unit * values.std(ddof=1):.{digits}f}"


def arms_table(rows: list[Row], players: dict[str, dict[str, float]]) -> str:
    """Every arm, trained: the value of boards, and what is lost by the moves chosen with it."""
    head = ["who judges", "edges that can matter", "value (r2)", "rank correlation"]
    head += [
        f"{what}, {plies} {'ply' if plies == 1 else 'plies'}" for plies in PLIES for what in ("regret", "agreement (%)")
    ]
    lines = []
    for arm in ARMS:
        cells = [spread(column(rows, arm, "value"), 3), spread(column(rows, arm, "rank"), 3)]
        for plies in PLIES:
            cells.append(spread(column(rows, arm, f"regret {plies}"), 0))
            cells.append(spread(column(rows, arm, f"agreement {plies}"), 1, 100))
        edges = "–" if arm == "encoder-only" else f"{column(rows, arm, 'edges').mean():,.0f}"
        lines.append([arm, edges, *cells])
    for name, one in players.items():
        cells = [f"{one['value']:.3f}", f"{one['rank']:.3f}"]
        for plies in PLIES:
            cells += [f"{one[f'regret {plies}']:.0f}", f"{100 * one[f'agreement {plies}']:.1f}"]
        lines.append([PLAYERS[name], "–", *cells])
    return table(head, lines)


def search_table(rows: list[Row], players: dict[str, dict[str, float]]) -> str:
    """What the second ply brings to each arm, and the mates that are kept."""
    lines = []
    for arm in ARMS:
        gain = column(rows, arm, "regret 1") - column(rows, arm, "regret 2")
        mates = [spread(column(rows, arm, f"mates {plies}"), 0, 100) for plies in PLIES]
        lines.append([arm, spread(gain, 0), *mates, spread(column(rows, arm, "order of moves"), 3)])
    for name, one in players.items():
        mates = [f"{100 * one[f'mates {plies}']:.0f}" for plies in PLIES]
        lines.append(
            [PLAYERS[name], f"{one['regret 1'] - one['regret 2']:.0f}", *mates, f"{one['order of moves']:.3f}"]
        )
    head = [
        "who judges",
        "centipawns that the second ply saves",
        "mates kept (%), 1 ply",
        "2 plies",
        "rank correlation of moves",
    ]
    return table(head, lines)


def numbers(rows: list[Row], baselines: dict[str, Any]) -> dict[str, str]:
    """Numbers that the prose needs."""
    means = {(arm, name): column(rows, arm, name).mean() for arm in ARMS for name in (*OUTCOMES, "trained", "loss")}
    gain = {arm: means[arm, "regret 1"] - means[arm, "regret 2"] for arm in ARMS}
    wired = ARMS[: ARMS.index("interface-only")]
    apart = {n: np.ptp([means[arm, f"regret {n}"] for arm in wired]) for n in PLIES}
    counted = baselines["players"]["counting pieces"]
    return {
        "larva_value": f"{means['connectome', 'value']:.3f}",
        "encoder_value": f"{means['encoder-only', 'value']:.3f}",
        "pieces_value": f"{counted['value']:.3f}",
        "pieces_regret": f"{counted['regret 2']:.0f}",
        "least_gain": f"{min(gain.values()):.0f}",
        "most_gain": f"{max(gain.values()):.0f}",
        "apart_1": f"{apart[1]:.0f}",
        "apart_2": f"{apart[2]:.0f}",
        "confounded": f"{means['encoder-only', 'regret 1'] - means['connectome', 'regret 2']:.0f}",
        "plain_1": f"{means['encoder-only', 'regret 1'] - means['connectome', 'regret 1']:.0f}",
        "plain_2": f"{means['encoder-only', 'regret 2'] - means['connectome', 'regret 2']:.0f}",
        **{f"order_{n}": f"{column(rows, arm, 'order of moves').mean():.2f}" for n, arm in enumerate(ARMS)},
        "loss_core": f"{means['connectome', 'loss']:.3f}",
        "loss_encoder": f"{means['encoder-only', 'loss']:.3f}",
        "trained_core": f"{means['connectome', 'trained']:,.0f}",
        "trained_encoder": f"{means['encoder-only', 'trained']:,.0f}",
        "n_graphs": str(len(column(rows, ARMS[0], "value"))),
        "n_drawn": str(baselines["positions"]["drawn"]),
        "n_mates": str(baselines["positions"]["mates"]),
        "n_boards": f"{baselines['boards']['drawn 2']:,}",
    }


def dots(ax: Axes, rows: list[Row], name: str, colour: str | None = None) -> None:
    """A row of dots per arm, a dot per trial, with a bar at the mean."""
    for number, arm in enumerate(ARMS):
        values, own = column(rows, arm, name), colour or arm_colour(number)
        jitter = np.linspace(-0.22, 0.22, len(values))
        ax.scatter(values, number + jitter, s=16, color=own, alpha=0.6, linewidths=0, zorder=3)
        ax.plot([values.mean()] * 2, [number - 0.34, number + 0.34], color=own, linewidth=2.4, zorder=4)


def draw(rows: list[Row], baselines: dict[str, Any]) -> Figure:
    """Left: the value of boards. Right: what the chosen move loses, one and two plies deep."""
    figure, players = sheet(1000, 500), baselines["players"]
    page = axes(figure, 0, 0, 1000, 500)
    page.set(xlim=(0, 1000), ylim=(500, 0))
    page.axis("off")
    write(page, 30, 34, "The larva judges chess: core, encoder or search?", fontsize=19, weight="bold")
    said = "A frozen core between trained maps, T = 2; a dot per graph and seed, a bar at the mean. One search for all arms."
    write(page, 30, 60, said, color=MUTED)
    left, right = axes(figure, 165, 140, 330, 290), axes(figure, 560, 140, 410, 290)
    for ax in (left, right):
        ax.set(ylim=(len(ARMS) - 0.4, -0.6), yticks=[])
        for number in range(0, len(ARMS), 2):
            ax.axhspan(number - 0.5, number + 0.5, color=BAND, linewidth=0, zorder=0)
    dots(left, rows, "value")
    for number, arm in enumerate(ARMS):
        write(
            page,
            155,
            140 + 290 * (number + 0.6) / (len(ARMS) + 0.2),
            arm,
            ha="right",
            va="center",
            fontsize=12.5,
            color=INK,
        )
    dots(right, rows, "regret 1", colour=MUTED)
    dots(right, rows, "regret 2")
    left.set_xlabel("value of boards: share of variance explained", color=MUTED, fontsize=12)
    right.set_xlabel("centipawns lost per move (fewer is better)", color=MUTED, fontsize=12)
    counted, anything = players["counting pieces"], players["any move"]
    mark(left, counted["value"], "counting pieces", "right")
    mark(right, counted["regret 2"], "counting pieces, 2 plies", "left")
    mark(right, anything["regret 1"], "the rules alone", "right")
    write(page, 560, 100, "grey: 1 ply", color=MUTED, fontsize=12, weight="bold")
    write(page, 650, 100, "colour: 2 plies", color=INK, fontsize=12, weight="bold")
    return figure


def mark(ax: Axes, x: float, text: str, side: str) -> None:
    """A dashed line for somebody without a network."""
    ax.axvline(x, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    write(ax, x, -0.72, text, ha=side, fontsize=11, color=MUTED)


def finding() -> Finding:
    """The page."""
    rows = read(HERE / "results" / "trials.json", IDENTITY)
    baselines = json.loads((HERE / "results" / "baselines.json").read_text("utf-8"))
    if missing := len(ARMS) * QUESTION["graphs"] - len(rows):
        sys.exit(f"{missing} trials are missing; finish them with run.py.")
    if baselines["question"] != IDENTITY:
        sys.exit("results/baselines.json answers another question; delete it, then run run.py.")
    players = baselines["players"]
    found = {name: judged(rows, name, players["any move"][name]) for name in OUTCOMES}
    if answer(found) != WRITTEN_FOR:
        sys.exit(f"The page was written for {WRITTEN_FOR}, but the results say {answer(found)}; write it anew.")
    page = (
        (HERE / "page.template.md")
        .read_text("utf-8")
        .format(
            arms=arms_table(rows, players),
            verdicts=verdict_table(c for contrasts in found.values() for c in contrasts),
            search=search_table(rows, players),
            **numbers(rows, baselines),
            **{
                f"detectable_{n[-1]}": f"{max(c.detectable for c in found[n] if c.control in GRAPHS):.2g}"
                for n in OUTCOMES
            },
        )
    )
    known = [claim(c, TOLD[name], higher_is_better=OUTCOMES[name]) for name, cs in found.items() for c in cs]
    picture = stamp((HERE / "results").glob("*.json"))
    return Finding(HERE, page, known, lambda: draw(rows, baselines), "chess.png", picture)


if __name__ == "__main__":
    finding().main()

"""The pages on next-embedding prediction: one wiring, its controls and networks without a wiring, one objective.

``evidence/nepa-on-images`` and ``evidence/nepa-on-speech`` give their folder, and the verdicts that their prose is for.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from anlage.learning.recipe import Recipe
from anlage.network import RecurrentNetwork, budget
from anlage.seed import Seed
from anlage.study.arm import Arm, arms
from anlage.study.canvas import INK, LINE, MUTED, SMALL, arm_colour, axes, sheet, write
from anlage.study.outcome import OUTCOMES
from anlage.study.run import Run, read_run
from anlage.study.statistics import Contrast, bootstrap_interval
from finding import Finding, claim, stamp, table, verdict_table

Verdicts = Mapping[str, Mapping[str, str]]
"""Outcome -> control -> verdict."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A finished run, its arms, and how many numbers a probe reads from each."""

    run: Run
    arms: Sequence[Arm]
    read: Mapping[str, int]

    @property
    def latent(self) -> int:
        """Width of the embedding."""
        return self.run.question.recipe.latent  # type: ignore[union-attr]


def study(folder: Path) -> Study:
    """The run in a folder of evidence."""
    run = read_run(folder)
    return Study(run, arms(run), read_numbers(run))


def read_numbers(run: Run) -> dict[str, int]:
    """Arm -> how many activities a probe reads: those of output neurons, or all that a network without ports holds."""
    recipe, compared = run.question.recipe, run.question.comparison
    if not isinstance(recipe, Recipe) or compared is None:
        raise SystemExit(f"{run.folder} was not grown by prediction.")
    topology, ports = recipe.topology.topology(), recipe.ports
    draw = torch.Generator().manual_seed(0)
    wired = RecurrentNetwork(topology, ports.input, ports.output, recipe.latent, recipe.physiology, draw)
    cost = budget(None, wired)
    found = dict.fromkeys(("connectome", *compared.arms), len(wired.ports.output))
    for design in compared.networks:
        found[design.name] = design.build(recipe.latent, recipe.latent, cost, draw).start(1).activity.shape[1]
    return found


def span(values: np.ndarray, digits: int) -> str:
    """The mean and the range."""
    return f"{values.mean():.{digits}f} ({values.min():.{digits}f} to {values.max():.{digits}f})"


def arm_table(told: Study) -> str:
    """What every arm is and came to: means and ranges over seeds."""
    head = [
        "arm",
        "trained parameters",
        "multiply-adds",
        "prediction error",
        "of no change",
        "cosine",
        "effective rank",
    ]
    rows = []
    for arm in told.arms:
        costs = [record["budget"] for record in arm.records]
        sizes = [f"{np.mean([cost[what] for cost in costs]):,.0f}" for what in ("trained_parameters", "multiply_adds")]
        ends = [span(arm.final["prediction_error"], 3), f"{arm.final['persistence_error'].mean():.3f}"]
        ends += [f"{cosine(arm).mean():.3f}", span(arm.final["effective_rank"], 2)]
        probes = [span(arm.final["probe_accuracy"], 3), f"{arm.untrained['probe_accuracy'].mean():.3f}"]
        rows.append([arm.name, *sizes, *ends, *probes, str(told.read[arm.name])])
    return table([*head, "probe", "probe, untrained", "numbers read"], rows)


def cosine(arm: Arm) -> np.ndarray:
    """What every network learned to raise: the cosine of prediction and next embedding, in the last batch, by seed."""
    return np.array([-record["curve"][-1]["loss_negative_cosine"] for record in arm.records])


def cosine_lead(told: Study, over: str) -> str:
    """The connectome's cosine minus another arm's, paired by seed: the mean with its bootstrap interval."""
    (other,) = (arm for arm in told.arms if arm.name == over)
    lead = cosine(told.arms[0]) - cosine(other)
    low, high = bootstrap_interval(lead, Seed(0).child("cosine").child(over).rng())
    return f"{lead.mean():+.4f} ({low:+.4f} to {high:+.4f})"


def contrasts(told: Study, outcome: str) -> list[Contrast]:
    """The connectome against every other arm, on one outcome."""
    return [contrast for contrast in told.run.contrasts if contrast.outcome == outcome]


def verdicts(told: Study) -> dict[str, dict[str, str]]:
    """What the page has to say."""
    compared = told.run.question.comparison
    outcomes = compared.outcomes if compared else ()
    return {outcome: {c.control: c.verdict for c in contrasts(told, outcome)} for outcome in outcomes}


def _panel(ax: Axes, told: Study, measure: str) -> None:
    """Every seed of every arm as a dot, the mean as a bar, the untrained networks' mean as a ring."""
    for row, arm in enumerate(told.arms):
        values, colour = arm.final[measure], arm_colour(arm.number)
        ax.plot(values, np.full(len(values), row), "o", color=colour, ms=5.5, alpha=0.4, mew=0, clip_on=False)
        ax.plot([values.mean()] * 2, [row - 0.32, row + 0.32], color=colour, lw=3)
        if measure != "prediction_error":
            ax.plot([arm.untrained[measure].mean()], [row], "o", ms=8, mfc="none", mec=INK, mew=1.3)
    mean = float(told.arms[0].final[measure].mean())
    ax.axvline(mean, color=arm_colour(0), lw=1, alpha=0.5, zorder=0)
    ax.set_ylim(len(told.arms) - 0.4, -0.6)
    ax.yaxis.set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.grid(axis="x", color=LINE, lw=0.6)


def draw(told: Study, title: str) -> Figure:
    """Three panels, a row per arm: the error, what a probe reads, the directions that the embedding uses."""
    height = 190 + 38 * len(told.arms)
    figure = sheet(1000, height)
    page = axes(figure, 0, 0, 1000, height)
    page.set(xlim=(0, 1000), ylim=(height, 0))
    page.axis("off")
    write(page, 20, 32, title, fontsize=19, weight="bold")
    said = "Dots: networks, one per seed; upright bars: means, the connectome's drawn through; rings: means before learning."
    write(page, 20, 57, said, color=MUTED)
    raw, still = told.run.raw_probe_accuracy, float(told.arms[0].final["persistence_error"].mean())
    known = {"prediction_error": still, "probe_accuracy": raw}
    panels = (
        ("prediction_error", "Error of the prediction", f"share unexplained; of no change: {still:.3f}"),
        ("probe_accuracy", "What a linear probe names", f"named right; dashed: raw input, {raw:.3f}"),
        ("effective_rank", "Directions of the embedding", f"effective rank, of {told.latent}"),
    )
    for column, (measure, name, words) in enumerate(panels):
        ax = axes(figure, 165 + 283 * column, 112, 250, 38 * len(told.arms))
        _panel(ax, told, measure)
        if known.get(measure, np.inf) < 1:
            ax.axvline(known[measure], color=INK, lw=1, ls=(0, (4, 3)))
        write(ax, 0, 1.05, name, weight="bold", transform=ax.transAxes)
        ax.set_xlabel(words, color=MUTED, fontsize=SMALL)
        if not column:
            for row, arm in enumerate(told.arms):
                place = {"ha": "right", "va": "center", "transform": ax.get_yaxis_transform()}
                write(ax, -0.05, row, arm.name, color=arm_colour(arm.number), weight="bold", **place)
    return figure


def finding(folder: Path, title: str, written_for: Verdicts) -> Finding:
    """The page of a folder, from its template.

    Exits with a sentence when the results say something else than what the prose was written for.
    """
    told = study(folder)
    if (found := verdicts(told)) != written_for:
        sys.exit(f"The page of {folder.name} was written for other verdicts than {found}; rewrite it.")
    values = {
        outcome: verdict_table(contrasts(told, outcome)).replace(f"| {outcome} |", f"| {outcome.replace('_', ' ')} |")
        for outcome in found
    }
    leads = {f"cosine_over_{arm.name}": cosine_lead(told, arm.name) for arm in told.arms if "-" not in arm.name}
    page = (folder / "page.template.md").read_text("utf-8").format(**values, **leads, arms=arm_table(told))
    known = [
        claim(c, c.outcome.replace("_", " "), higher_is_better=OUTCOMES[c.outcome].higher_is_better)
        for c in told.run.contrasts
        if c.counted
    ]
    files = [folder / "result.json", *(folder / "results").glob("*.json")]
    return Finding(folder, page, known, lambda: draw(told, title), "arms.png", stamp(files))

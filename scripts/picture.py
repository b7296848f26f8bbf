"""The picture of the digits study in the README: the wiring, and what it was worth.

    python scripts/picture.py

Drawn from the committed run in evidence/worm-digits.
"""

from pathlib import Path

import numpy as np

from anlage.connectome.library import load
from anlage.study.arm import arms
from anlage.study.canvas import INK, MUTED, PAPER, ROLE, arm_colour, axes, sheet, write
from anlage.study.figure import swarm
from anlage.study.run import read_run

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 1000, 560


def main() -> None:
    """Draw and save."""
    run = read_run(ROOT / "evidence" / "worm-digits")
    figure = sheet(WIDTH, HEIGHT)
    figure.set_facecolor(PAPER)
    page = axes(figure, 0, 0, WIDTH, HEIGHT)
    page.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    page.axis("off")
    worm(figure, page)
    values(figure, page, run)
    figure.savefig(ROOT / "docs" / "worm-digits.png", dpi=144, facecolor=PAPER)


def worm(figure, page) -> None:
    """Every neuron at its soma, every edge a faint line, seen from the side."""
    connectome = load("worm")
    xyz, neurons = connectome.neurons.xyz_um, connectome.neurons
    x, y = xyz[:, 1], xyz[:, 2]
    ax = axes(figure, 40, 70, WIDTH - 80, 170)
    ax.axis("off")
    colour = np.array([ROLE[neurons.role.labels[code]] for code in neurons.role.codes])
    ends = np.stack(
        [np.stack([x[connectome.pre], x[connectome.post]]), np.stack([y[connectome.pre], y[connectome.post]])]
    )
    for role in ("inter", "input", "output"):
        mine = neurons.role.is_(role)[connectome.pre]
        lines = np.concatenate([ends[:, :, mine], np.full((2, 1, mine.sum()), np.nan)], axis=1)
        ax.plot(*lines.transpose(0, 2, 1).reshape(2, -1), color=ROLE[role], lw=0.4, alpha=0.13, zorder=1)
    ax.scatter(x, y, s=16, c=colour, linewidths=0.4, edgecolors=PAPER, zorder=2)
    ax.set_aspect("equal", adjustable="datalim")
    write(page, 40, 44, "The wiring of a worm", fontsize=22, weight="bold", color=INK)
    place = 40.0
    for role, words in (("input", "sensory"), ("inter", "inter"), ("output", "motor")):
        n = int(neurons.role.is_(role).sum())
        write(page, place + 290, 44, f"{n} {words}", fontsize=14, weight="bold", color=ROLE[role])
        place += 110
    write(page, WIDTH - 40, 44, "C. elegans, Cook et al. 2019", fontsize=13, color=MUTED, ha="right")


def values(figure, page, run) -> None:
    """Prediction error of every trained network, arm by arm."""
    every = arms(run)
    verdicts = {
        c.control: c.verdict if c.verdict.startswith("no ") else f"connectome {c.verdict}"
        for c in run.contrasts
        if c.outcome == "prediction_error"
    }
    write(page, 40, 290, "What it was worth", fontsize=22, weight="bold", color=INK)
    write(page, 290, 290, "predicting the next patch of a handwritten digit", fontsize=14, color=MUTED)
    ax = axes(figure, 330, 315, WIDTH - 370, 200)
    ax.yaxis.set_visible(False)
    everything = np.concatenate([arm.final["prediction_error"] for arm in every])
    low, high = everything.min() - 0.01, everything.max() + 0.01
    ax.set(xlim=(low, high), ylim=(len(every) - 0.4, -0.6))
    mean = every[0].final["prediction_error"].mean()
    ax.axvline(mean, color=arm_colour(0), lw=1.5, zorder=1)
    for i, arm in enumerate(every):
        sample = arm.final["prediction_error"]
        pixel = (sample - low) / (high - low) * (WIDTH - 370)
        ax.scatter(
            sample, i + swarm(pixel, 4.5, 24) / 66, s=52, color=arm_colour(arm.number), alpha=0.8, lw=0, zorder=2
        )
        name = "the connectome" if i == 0 else arm.name
        under = f"one wiring, {len(sample)} seeds" if i == 0 else f"{len(sample)} graphs: {verdicts[arm.name]}"
        at = 315 + 200 * (i + 0.6) / (len(every) + 0.2)
        write(page, 40, at - 9, name, fontsize=16, weight="bold", color=arm_colour(arm.number))
        write(page, 40, at + 12, under, fontsize=13, color=MUTED)
    ax.set_xlabel(
        "prediction error on held-out digits (lower is better); the line is the connectome's mean",
        fontsize=13,
        color=MUTED,
    )


if __name__ == "__main__":
    main()

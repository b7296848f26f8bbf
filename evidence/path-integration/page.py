"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``heading.png``; ``--check`` only says whether they are fresh."""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from anlage.learning.assay import Assay, input_only  # noqa: E402
from anlage.study.canvas import MUTED, arm_colour, axes, sheet, write  # noqa: E402
from anlage.study.judge import final, judge  # noqa: E402
from anlage.study.question import Question, read_question  # noqa: E402
from anlage.study.statistics import Contrast  # noqa: E402
from anlage.study.trial import CONNECTOME, Record  # noqa: E402
from finding import Finding, claim, stamp, table  # noqa: E402
from ledger import records  # noqa: E402

SCORE = "angle_error_deg"
RADII = (0.8, 0.95)
PORTS = {"biological": "sensory in, motor out", "all": "all neurons"}
SHOWN = 0.95
"""The radius whose contrasts stand in the table of all claims."""


def level(radius: float, ports: str) -> str:
    """The name of a level, as contrasts carry it."""
    return f"spectral_radius = {radius:g}, ports = {ports}"


def scores(found: list[Record], arm: str, radius: float, ports: str) -> np.ndarray:
    """Errors in degrees, by seed."""
    here = [record for record in found if record["level"] == {"spectral_radius": radius, "ports": ports}]
    return final(here, arm, SCORE)


def effects(found: list[Record], contrasts: list[Contrast], arms: tuple[str, ...]) -> str:
    """Mean errors at every level; of controls, the effect size of the connectome too, bold with a verdict."""
    rows = []
    for radius in RADII:
        for ports, said in PORTS.items():
            cells = [f"{scores(found, CONNECTOME, radius, ports).mean():.1f}"]
            for arm in arms:
                (one,) = (c for c in contrasts if c.control == arm and c.level == level(radius, ports))
                effect = f"{-one.effect_size:+.1f}"
                effect = f"**{effect}**" if one.verdict in ("better", "worse") else effect
                cells.append(f"{one.control_mean:.1f} ({effect})")
            rows.append([f"{radius:g}, {said}", *cells])
    return table(["radius, ports", "connectome", *arms], rows)


def draw(found: list[Record], arms: tuple[str, ...], alone: float) -> Figure:
    """A panel per ports; errors of every graph of every arm over the radius."""
    figure = sheet(1000, 420)
    page = axes(figure, 0, 0, 1000, 420)
    page.set(xlim=(0, 1000), ylim=(420, 0))
    page.axis("off")
    write(page, 30, 34, "Where am I heading? The worm's wiring is asked", fontsize=19, weight="bold")
    said = "Mean angle between heading and answer over 50 moments; a mark per graph and seed, bars are means."
    write(page, 30, 60, said, color=MUTED)
    for number, (ports, name) in enumerate(PORTS.items()):
        ax = axes(figure, 70 + 470 * number, 120, 420, 220)
        for place, radius in enumerate(RADII):
            for row, arm in enumerate((CONNECTOME, *arms)):
                values = scores(found, arm, radius, ports)
                x = place + 0.2 * (row - 1.5)
                ax.scatter(x + np.linspace(-0.06, 0.06, len(values)), values, s=13, color=arm_colour(row), alpha=0.6,
                           linewidths=0, label=arm if place == 0 else None)  # fmt: skip
                ax.plot([x - 0.08, x + 0.08], [values.mean()] * 2, color=arm_colour(row), linewidth=3)
        ax.axhline(90, color=MUTED, linewidth=1, linestyle=":")
        ax.axhline(alone, color=MUTED, linewidth=1, linestyle="--")
        if number == 0:
            ax.text(1.45, 90.5, "knows nothing", fontsize=11, color=MUTED, ha="right", va="bottom")
            ax.text(
                1.45, 62, "dashed: the input of the moment, no network", fontsize=11, color=MUTED, ha="right", va="top"
            )
            ax.legend(
                frameon=False, fontsize=11.5, ncols=4, loc="upper left", bbox_to_anchor=(-0.02, -0.2), handletextpad=0.1
            )
        ax.set(xticks=range(len(RADII)), xticklabels=[f"radius {radius:g}" for radius in RADII], ylim=(0, 96))
        ax.set_title(f"{name}: error in degrees", fontsize=12.5, loc="left")
    return figure


def finding() -> Finding:
    """The page."""
    question: Question = read_question((HERE / "question.toml").read_text("utf-8"), "question.toml")
    found = records(question, HERE / "results" / "scores.json")
    contrasts = judge(question, found)
    arms = question.comparison.arms if question.comparison else ()
    recipe = question.recipe
    alone = input_only(recipe)[SCORE] if isinstance(recipe, Assay) else 90.0
    won = [c for c in contrasts if c.verdict == "better"]
    page = (HERE / "page.template.md").read_text("utf-8").format(
        effects=effects(found, contrasts, arms), alone=alone, won=len(won), lost=sum(c.verdict == "worse" for c in contrasts),
        n=len(contrasts),
    )  # fmt: skip
    known = [
        claim(c, f"heading, {'own ports' if ports == 'biological' else said}", higher_is_better=False)
        for ports, said in PORTS.items()
        for c in contrasts
        if c.level == level(SHOWN, ports)
    ]
    drawn = stamp((HERE / "results").glob("*.json"))
    return Finding(HERE, page, known, lambda: draw(found, arms, alone), "heading.png", drawn)


if __name__ == "__main__":
    finding().main()

"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``heading.png``; ``--check`` only says whether they are fresh."""

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "scripts"), str(HERE)]
import heading_ring as ring  # noqa: E402
from heading_questions import question  # noqa: E402

from anlage.learning.assay import Assay, input_only  # noqa: E402
from anlage.study.canvas import INK, MUTED, arm_colour, axes, sheet, write  # noqa: E402
from anlage.study.judge import final, judge  # noqa: E402
from anlage.study.statistics import Contrast  # noqa: E402
from anlage.study.trial import CONNECTOME, Record  # noqa: E402
from finding import Finding, claim, stamp, table  # noqa: E402
from ledger import records  # noqa: E402

SCORE = ring.SCORE
RADII = (0.8, 0.95)
NEURONS = {"scores": "tanh", "rectified": "rectified"}
PORTS = {"biological": "sensory in, motor out", "all": "all neurons"}
SHOWN = 0.95
"""The radius whose contrasts stand in the table of all claims."""
SETTINGS = {"own": "the ring's interface", "drawn": "a drawn interface", "tanh": "tanh, no thresholds"}
DECIDED = ("better", "worse")
WRITTEN_FOR = {"own": {"better"}, "drawn": {"no difference found"}, "tanh": {"no difference found"}}
"""What the prose says of the ring against its rewires; of the worm it says that nothing is better or worse."""


class Worm:
    """The worm's answers with one kind of neuron, and what the test makes of them."""

    def __init__(self, results: str) -> None:
        self.question = question(results)
        self.found: list[Record] = records(self.question, HERE / "results" / f"{results}.json")
        self.contrasts = judge(self.question, self.found)
        self.arms = self.question.comparison.arms if self.question.comparison else ()

    def scores(self, arm: str, radius: float, ports: str) -> np.ndarray:
        """Errors in degrees, by seed."""
        here = [record for record in self.found if record["level"] == {"spectral_radius": radius, "ports": ports}]
        return final(here, arm, SCORE)

    def contrast(self, control: str, radius: float, ports: str) -> Contrast:
        """Against a control at a level."""
        level = f"spectral_radius = {radius:g}, ports = {ports}"
        (one,) = (c for c in self.contrasts if (c.control, c.level) == (control, level))
        return one


def cell(contrast: Contrast) -> str:
    """The control's mean error, and by how many of its standard deviations the wiring does better, bold with a verdict."""
    effect = f"{-contrast.effect_size:+.1f}"
    return f"{contrast.control_mean:.1f} ({f'**{effect}**' if contrast.verdict in DECIDED else effect})"


def worm_table(worms: dict[str, Worm]) -> str:
    """Mean errors of the worm and its controls at every level."""
    rows = []
    for results, worm in worms.items():
        for radius in RADII:
            for ports, said in PORTS.items():
                own = f"{worm.scores(CONNECTOME, radius, ports).mean():.1f}"
                cells = [cell(worm.contrast(arm, radius, ports)) for arm in worm.arms]
                rows.append([f"{NEURONS[results]}, {radius:g}, {said}", own, *cells])
    return table(["neurons, radius, ports", "worm", *worms["scores"].arms], rows)


def ring_table() -> str:
    """Mean errors of the ring and its rewires in every setting; below each, with all neurons read."""
    asked, _ = ring.asked()
    rows = []
    for setting, said in SETTINGS.items():
        whole = ring.errors(setting, ring.RING)
        still = ring.errors(setting, "unshifted")[0].mean()
        rows.append([said, f"{whole[0].mean():.1f}", *map(cell, ring.found(setting)), f"{still:.1f}"])
        every = [ring.errors(setting, arm, "all neurons") for arm in (*asked["controls"], "unshifted")]
        best = [f"{e.min(0).mean():.1f}" for e in every[:-1]]
        own = ring.errors(setting, ring.RING, "all neurons")[0].mean()
        rows.append([f"{said}, all neurons read", f"{own:.1f}", *best, f"{every[-1][0].mean():.1f}"])
    return table(["setting", "ring", *asked["controls"], "ring without shift"], rows)


def marks(ax: Axes, groups: list[str], columns: list[list[np.ndarray]], colours: list[str]) -> None:
    """Groups of columns of marks with their means as bars."""
    width = 0.8 / len(columns[0])
    for place, group in enumerate(columns):
        for row, values in enumerate(group):
            x = place + width * (row - (len(group) - 1) / 2)
            spread = np.linspace(-0.3, 0.3, len(values)) * width
            ax.scatter(x + spread, values, s=11, color=colours[row], alpha=0.6, linewidths=0)
            ax.plot([x - 0.4 * width, x + 0.4 * width], [values.mean()] * 2, color=colours[row], linewidth=3)
    ax.axhline(90, color=MUTED, linewidth=1, linestyle=":")
    ax.set(xticks=range(len(groups)), xticklabels=groups, ylim=(0, 108), xlim=(-0.55, len(groups) - 0.45))


def draw_bump(ax: Axes) -> None:
    """Activity of the heading neurons along one walk, and the heading itself."""
    asked, _ = ring.asked()
    rate, truth = ring.walk(asked)
    ax.imshow(
        np.vstack([rate, rate[:1]]), aspect="auto", origin="lower", cmap="Greys", extent=(0.5, 50.5, -11.25, 371.25)
    )
    jump = np.where(np.abs(np.diff(truth)) > 180)[0] + 1
    for part, x in zip(np.split(truth, jump), np.split(np.arange(1, len(truth) + 1), jump), strict=True):
        ax.plot(x, part, color=arm_colour(0), linewidth=2)
    ax.set(yticks=[0, 90, 180, 270, 360], xticks=[1, 25, 50])
    ax.set_xlabel("moment", color=MUTED, fontsize=11)


def draw(worms: dict[str, Worm], alone: float, floor: float) -> Figure:
    """Above the ring: its bump on one walk, and every error; below the worm, by ports and kind of neuron."""
    figure = sheet(1000, 830)
    page = axes(figure, 0, 0, 1000, 830)
    page.set(xlim=(0, 1000), ylim=(830, 0))
    page.axis("off")
    write(page, 30, 34, "Where am I heading? A made ring, and the worm's wiring", fontsize=19, weight="bold")
    said = (
        "Mean angle between heading and answer over 50 moments, in degrees; a mark per graph and seed, bars are means."
    )
    write(page, 30, 60, said, color=MUTED)
    draw_bump(axes(figure, 70, 130, 240, 235))
    write(page, 70, 108, "Bump (grey) and heading, degrees", fontsize=12.5)
    asked, _ = ring.asked()
    names = [ring.RING, *asked["controls"]]
    columns = [[ring.errors(s, ring.RING)[0], *(ring.errors(s, arm).min(0) for arm in names[1:])] for s in SETTINGS]
    colours = [arm_colour(row) for row in range(len(names))]
    ax = axes(figure, 380, 130, 580, 235)
    marks(ax, list(SETTINGS.values()), columns, colours)
    ax.plot([1.55, 2.45], [floor] * 2, color=INK, linewidth=1.2, linestyle="--")
    ax.text(2.0, floor - 2, "no wiring goes below", fontsize=11, color=MUTED, ha="center", va="top")
    ax.text(-0.5, 98, "dotted: knows nothing", fontsize=11, color=MUTED, va="bottom")
    write(page, 380, 108, "The ring, and each of its rewires at the radius that suits it best", fontsize=12.5)
    for number, (ports, name) in enumerate(PORTS.items()):
        ax = axes(figure, 70 + 470 * number, 475, 420, 235)
        groups = [(results, radius) for results in worms for radius in RADII]
        columns = [[worms[w].scores(arm, r, ports) for arm in (CONNECTOME, *worms[w].arms)] for w, r in groups]
        marks(ax, [f"{NEURONS[w]},\nradius {r:g}" for w, r in groups], columns, colours)
        ax.axhline(alone, color=MUTED, linewidth=1, linestyle="--")
        ax.plot([-0.5, 1.5], [floor] * 2, color=INK, linewidth=1.2, linestyle="--")
        if number == 0:
            ax.text(0.5, floor - 2, "no wiring goes below", fontsize=11, color=MUTED, ha="center", va="top")
            ax.text(3.45, 58, "dashed: the input of the moment, no network", fontsize=11, color=MUTED, ha="right")
        write(page, 70 + 470 * number, 453, f"The worm: {name}", fontsize=12.5)
    for row, arm in enumerate(["ring, worm", *asked["controls"]]):
        page.scatter([78 + 190 * row], [795], s=40, color=colours[row])
        write(page, 90 + 190 * row, 800, arm, fontsize=12)
    return figure


def finding() -> Finding:
    """The page."""
    worms = {results: Worm(results) for results in NEURONS}
    recipe, (asked, _) = worms["scores"].question.recipe, ring.asked()
    alone = input_only(recipe)[SCORE] if isinstance(recipe, Assay) else 90.0
    floor = ring.odd_floor(asked["task"])
    verdicts = {setting: {c.verdict for c in ring.found(setting)} for setting in SETTINGS}
    told = [c for worm in worms.values() for c in worm.contrasts]
    if verdicts != WRITTEN_FOR or any(c.verdict in DECIDED for c in told):
        sys.exit(f"The page was not written for {verdicts} and the worm's verdicts; rewrite it.")
    errors = {setting: ring.errors(setting, ring.RING)[0].mean() for setting in SETTINGS}
    spread = {setting: ring.errors(setting, ring.RING)[0].std(ddof=1) for setting in SETTINGS}
    best = {s: min(ring.errors(s, arm).min(0).mean() for arm in asked["controls"]) for s in SETTINGS}
    page = (HERE / "page.template.md").read_text("utf-8").format(
        worm=worm_table(worms), ring=ring_table(), alone=alone, floor=floor, error=errors, best=best, spread=spread, n=len(told),
        detuned=ring.errors("own", ring.RING).mean(1),
    )  # fmt: skip
    known = [
        claim(
            worm.contrast(arm, SHOWN, ports),
            f"heading, {'own ports' if ports == 'biological' else said}, {NEURONS[results]}",
            higher_is_better=False,
        )
        for results, worm in worms.items()
        for ports, said in PORTS.items()
        for arm in worm.arms
    ]
    drawn = stamp((HERE / "results").glob("*.json"))
    return Finding(HERE, page, known, lambda: draw(worms, alone, floor), "heading.png", drawn)


if __name__ == "__main__":
    finding().main()

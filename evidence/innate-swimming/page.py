"""The tables of page.md, called through cog, and its picture: python evidence/innate-swimming/page.py"""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from run import ONE_GRAPH, TANKS, arms_of, question, read

from anlage.connectome.library import load
from anlage.experience.life import watch
from anlage.experience.swimmer import Swimmer
from anlage.learning.checkpoint import write_atomic, write_text
from anlage.network.reflex import GRID, Reflex
from anlage.seed import Seed
from anlage.study.account import p_value
from anlage.study.canvas import ARM, MUTED, SMALL, axes, png, sheet, write
from anlage.study.statistics import Contrast, bootstrap_interval
from anlage.study.swim import CONNECTOME, LADDER, MEASURED, Rung, Swim, compare_swims, posture
from anlage.study.swim_figure import draw_map, draw_moments, draw_scores, draw_waves
from anlage.study.swim_report import SAYS
from anlage.topology.motor import motor

SEED = question()["seed"]


def arms(tank: str) -> dict[str, list[Swim]]:
    """Finished arms of a tank; arms of many graphs cut to the number that all of them have."""
    found = {name: swims for name in arms_of(tank) if (swims := read(tank, name))}
    many = [len(swims) for name, swims in found.items() if name not in (*ONE_GRAPH, CONNECTOME)]
    least = min(many, default=0)
    return {name: swims if name in ONE_GRAPH else swims[:least] for name, swims in found.items()}


def found(tank: str) -> dict[str, Contrast]:
    """The contrasts of a tank by arm."""
    return {contrast.control: contrast for contrast in compare_swims(arms(tank), SEED)}


def verdict() -> str:
    """What was declared beforehand, answered."""
    contrasts, primary = found("six"), question()["primary"]["arms"]
    missed = [name for name in primary if contrasts[name].verdict != "better"]
    if not missed:
        return f"**Supported**, as declared: better than each of {len(primary)} kinds of rewiring."
    return f"**Not supported**, as declared: not better than {', '.join(f'`{name}`' for name in missed)}."


def score_of(tank: str, name: str) -> str:
    """Mean score of an arm, for a sentence."""
    return f"{np.mean([swim.score for swim in arms(tank)[name]]):.0f}"


def score_table(tank: str) -> str:
    """Every arm of a tank."""
    contrasts, rows = (
        found(tank),
        [
            "| arm | what is lost | graphs | score (95 % interval) | tuned | connectome minus arm | lie lower | p (Holm) "
            "| verdict |",
            "|---|---|---:|---:|---:|---:|---:|---:|---|",
        ],
    )
    for name, swims in arms(tank).items():
        score = np.array([swim.score for swim in swims])
        low, high = bootstrap_interval(score, Seed(SEED).child("interval").rng())
        tuned, graphs = np.mean([max(swim.tuning) for swim in swims]), len({swim.graph for swim in swims})
        cells = ["", "", "", ""]
        if (contrast := contrasts.get(name)) and graphs > 1:
            cells = [
                f"{contrast.difference:+.0f} ({contrast.interval[0]:+.0f} to {contrast.interval[1]:+.0f})",
                f"{contrast.percentile:.0f} %",
                p_value(contrast.p_holm),
                contrast.verdict,
            ]
        elif contrast:
            cells[0] = f"{contrast.difference:+.0f} ({contrast.interval[0]:+.0f} to {contrast.interval[1]:+.0f})"
            cells[3] = "one graph"
        shown = f"{score.mean():.0f} ({low:.0f} to {high:.0f})"
        rows.append(f"| `{name}` | {SAYS[name]} | {graphs} | {shown} | {tuned:.0f} | {' | '.join(cells)} |")
    return "\n".join(rows)


def tank_table() -> str:
    """The connectome and the other arms in every tank."""
    names = [CONNECTOME, *question()["others"]["arms"], *question()["others"]["fixed"], "wave"]
    rows = [f"| tank | graphs | {' | '.join(f'`{name}`' for name in names)} |", "|---|---:|" + "---:|" * len(names)]
    for tank in TANKS:
        of = arms(tank)
        if len(of) < 2:
            rows.append(f"| {tank} | not run | " + " | ".join("" for _ in names) + " |")
            continue
        contrasts, cells = found(tank), []
        for name in names:
            beaten = name in contrasts and contrasts[name].n_graphs > 1 and contrasts[name].verdict == "better"
            cells.append(f"{score_of(tank, name)}{' *' if beaten else ''}" if name in of else "not run")
        rows.append(f"| {tank} | {len(of[CONNECTOME])} | {' | '.join(cells)} |")
    return "\n".join(rows)


def chosen_table() -> str:
    """Which settings the connectome and the other arms chose."""
    head = " | ".join(f"gain {a.stretch:.0f}, reach {a.reach_rows}" for a in GRID)
    rows = [f"| arm | {head} |", "|---|" + "---:|" * len(GRID)]
    for name in (CONNECTOME, *question()["others"]["arms"], "even-map", "without-inhibition"):
        counts = np.bincount([swim.chosen for swim in arms("six")[name]], minlength=len(GRID))
        rows.append(f"| `{name}` | {' | '.join(map(str, counts))} |")
    return "\n".join(rows)


def picture() -> bytes:
    """The circuit, and the swim and the wave along the body, as measured and rewired."""
    of, circuit = arms("six"), motor(load("worm"))
    rewired = next(rung for rung in LADDER if rung.name == "projections-permuted")
    trial = sorted(of[rewired.name], key=lambda swim: swim.score)[len(of[rewired.name]) // 2].index
    figure = sheet(940, 770)
    ax = axes(figure, 130, 44, 790, 230)
    draw_map(ax, circuit)
    write(
        ax,
        -3.6,
        -1.6,
        "The motor wiring of the worm, head to tail: 49 neurons, 24 rows of muscle on either side",
        weight="bold",
    )
    write(ax, 12.5, 8.9, "muscle row", ha="center", color=MUTED, fontsize=SMALL)
    for place, (rung, colour, words) in enumerate(
        ((MEASURED, ARM[0], "as measured"), (rewired, ARM[1], "who projects where permuted, the graph of middle score"))
    ):
        film, made = _film(rung, of[rung.name][trial], circuit)
        top = 360 + 205 * place
        swim = axes(figure, 20, top, 560, 150)
        draw_moments(swim, film, colour)
        swim.set_xlim(-2.4, 0.45)
        swim.set_xticks([-2, -1, 0], ["2 m", "1 m", "0"])
        _above(swim, f"{words}: {film.reward.sum():.0f} of 1,000")
        wave = axes(figure, 640, top, 280, 150)
        draw_waves(wave, made, film)
        _above(wave, "muscles, last 6 s (orange: dorsal)")
    return png(figure)


def _film(rung: Rung, swim: Swim, circuit):
    made = rung.circuit(circuit, Seed(SEED).child(rung.name).child(swim.index).rng())
    return watch(Swimmer(), Reflex([made], [GRID[swim.chosen]], 5), posture(SEED, swim.index, 1)), made


def _above(ax, text: str) -> None:
    ax.set_title(text, loc="left", fontsize=13, fontweight="bold")


def contrasts_of() -> str:
    """The contrasts of the declared tank, for the table of all claims."""
    several = [c for c in found("six").values() if c.n_graphs > 1]
    return json.dumps([{**c.to_json(), "higher_is_better": True} for c in several], indent=1) + "\n"


def main() -> None:
    """Draw the pictures beside the page, and write its contrasts."""
    here = Path(__file__).parent
    write_text(here / "claims.json", contrasts_of())
    write_atomic(here / "swim.png", picture())
    write_atomic(here / "scores.png", png(draw_scores(arms("six"), list(found("six").values()))))


if __name__ == "__main__":
    main()

"""The report of bodies that wirings learned to move: one HTML file, its learning curves drawn in it."""

from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy import ndarray

from anlage.connectome.library import load
from anlage.learning.checkpoint import write_text
from anlage.learning.ppo import RECENT
from anlage.seed import Seed
from anlage.study.account import Table
from anlage.study.born import EVEN
from anlage.study.born import REWIRED as PROJECTIONS
from anlage.study.canvas import LINE, MUTED, SMALL, arm_colour, axes, page_colours, sheet, svg, write
from anlage.study.practice import EXAM, PERCEPTRON, REWIRED, PracticeRun
from anlage.study.sources import GYMNASIUM, MUJOCO, PPO, RAO, STATISTICS
from anlage.study.statistics import bootstrap_interval
from anlage.study.trial import CONNECTOME

SAYS = {
    CONNECTOME: "nothing: the wiring as measured",
    REWIRED: "who reaches whom; every neuron keeps its numbers of edges in and out",
    PERCEPTRON: "all wiring and all memory: as many trained numbers in two layers",
}
INNATE_SAYS = {
    CONNECTOME: SAYS[CONNECTOME],
    PROJECTIONS: "which neuron of a class projects where",
    EVEN: "everything measured: an even map, as a textbook draws it",
    PERCEPTRON: "all wiring: two layers of 64, born knowing nothing",
}
REFERENCES = """@inproceedings{schulman2016high,
  author = {Schulman, John and Moritz, Philipp and Levine, Sergey and Jordan, Michael I. and Abbeel, Pieter},
  title = {High-dimensional continuous control using generalized advantage estimation},
  booktitle = {International Conference on Learning Representations}, year = {2016}
}"""
WIDTH, HEIGHT, LEFT, NAMES = 920, 340, 70, 220


def practice_sentences(held: PracticeRun) -> list[str]:
    """What was found, in a few sentences."""
    plan, mine = held.plan, held.scores(CONNECTOME)
    lost = {arm: int(np.isnan(held.scores(arm)).sum()) for arm in plan.arms}
    wiring = "motor wiring" if plan.innate else "wiring"
    said = [
        f"After {plan.steps:,} steps of practice the {wiring} of {load(plan.connectome).source.title} earns "
        f"{np.nanmean(mine):,.0f} in {plan.body_words}, the mean of {len(mine)} trial{'s' * (len(mine) != 1)}."
        if np.isfinite(mine).any()
        else f"Learning diverged in every trial of the connectome in {plan.body_words}."
    ]
    if plan.innate:
        listed = ", ".join(f"{arm} {_mean(held.before(arm))} ({_mean(held.scores(arm))})" for arm in plan.arms)
        said.append(f"Before practice, and after it in brackets, each arm earned: {listed}.")
    said += [contrast.sentence for contrast in held.contrasts]
    said += [
        f"Learning diverged in {n} trial{'s' * (n != 1)} of {arm}; they have no score." for arm, n in lost.items() if n
    ]
    return said


def draw_curves(held: PracticeRun) -> Figure:
    """Every trial's returns while it practised, and the mean of each arm."""
    figure = sheet(WIDTH, HEIGHT)
    ax = axes(figure, LEFT, 40, WIDTH - LEFT - NAMES, HEIGHT - 100)
    ax.spines["left"].set_visible(True)
    ax.spines["left"].set_color(LINE)
    ends = []
    for number, arm in reversed(list(enumerate(held.plan.arms))):
        colour, curves = arm_colour(number), [np.array(r["curve"]).T for r in held.records[arm] if r["curve"]]
        if not curves:
            continue
        for step, earned in curves:
            ax.plot(step, earned, color=colour, lw=0.8, alpha=0.4)
        step = curves[0][0]
        mean = np.mean([np.interp(step, *curve) for curve in curves], axis=0)
        ax.plot(step, mean, color=colour, lw=2.6 if arm == CONNECTOME else 1.8, zorder=4)
        ends.append((float(mean[-1]), arm, colour))
    ax.set_xlim(0, held.plan.steps)
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    _name(ax, ends)
    place = {"transform": ax.transAxes, "va": "center"}
    write(ax, -0.08, 1.11, f"return of a life while practising, mean of the last {RECENT}", weight="bold", **place)
    write(ax, 0.5, -0.19, "steps of all bodies together", color=MUTED, fontsize=SMALL, ha="center", **place)
    return figure


def draw_rise(held: PracticeRun) -> Figure:
    """Every innate trial's exam before and after practice, and the mean of each arm."""
    figure = sheet(WIDTH, HEIGHT)
    ax = axes(figure, LEFT, 40, WIDTH - LEFT - 20, HEIGHT - 100)
    ax.spines["left"].set_visible(True)
    ax.spines["left"].set_color(LINE)
    for number, arm in enumerate(held.plan.arms):
        colour, x = arm_colour(number), np.array([number, number + 0.5])
        ends = np.stack([held.before(arm), held.scores(arm)])
        ends = ends[:, np.isfinite(ends).all(0)]
        ax.plot(x, ends, color=colour, lw=0.8, alpha=0.5, clip_on=False)
        if ends.size:
            ax.plot(x, ends.mean(1), "o-", color=colour, lw=2.8, ms=7, clip_on=False)
        below = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "center"}
        write(ax, number + 0.25, -0.1, arm, color=colour, weight="bold", **below)
        words = " to ".join(f"{mean:,.0f}" for mean in ends.mean(1)) if ends.size else "diverged"
        write(ax, number + 0.25, -0.19, words, color=MUTED, fontsize=SMALL, **below)
    ax.set(ylim=(0, 1000), xlim=(-0.2, len(held.plan.arms) - 0.3), xticks=[])
    place = {"transform": ax.transAxes, "va": "center"}
    write(ax, -0.06, 1.11, f"exam before and after {held.plan.steps:,} steps of practice", weight="bold", **place)
    return figure


def rise_picture(held: PracticeRun) -> Markup:
    """``draw_rise`` for a page."""
    words = f"Exams before and after practice. {' '.join(practice_sentences(held))}"
    return svg(draw_rise(held), "practice-rise", words, least=700)


def curve_picture(held: PracticeRun) -> Markup:
    """``draw_curves`` for a page; empty when no life came to its end."""
    if not any(record["curve"] for records in held.records.values() for record in records):
        return Markup("")
    words = f"Learning curves. {' '.join(practice_sentences(held))}"
    return svg(draw_curves(held), "practice-curves", words, least=700)


def _name(ax: object, ends: list[tuple[float, str, str]]) -> None:
    """Names beside the ends of the curves, moved apart where these are close."""
    low, high = ax.get_ylim()  # type: ignore[attr-defined]
    gap, below = (high - low) / 14, -np.inf
    for value, arm, colour in sorted(ends):
        below = max(value, below + gap)
        x = ax.get_xlim()[1] * 1.015  # type: ignore[attr-defined]
        write(ax, x, below, f"{arm.replace('-', ' ')} {value:,.0f}", color=colour, va="center", weight="bold")  # type: ignore[arg-type]


def practice_table(held: PracticeRun) -> Table:
    """Every arm with its exam and how the connectome stands to it."""
    found = {contrast.control: contrast for contrast in held.contrasts}
    rows, innate = [], held.plan.innate
    says = INNATE_SAYS if innate else SAYS
    for arm in held.plan.arms:
        earned, contrast = held.scores(arm), found.get(arm)
        finite = earned[np.isfinite(earned)]
        interval = bootstrap_interval(finite, Seed(0).rng()) if len(finite) > 1 else (np.nan, np.nan)
        rows.append(
            (
                arm,
                says[arm],
                f"{held.records[arm][0]['trained']:,}",
                f"{len(finite)}",
                *([_mean(held.before(arm))] if innate else []),
                f"{finite.mean():,.0f}" if len(finite) else "–",
                f"{interval[0]:,.0f} to {interval[1]:,.0f}" if len(finite) > 1 else "–",
                f"{contrast.difference:+,.0f}" if contrast else "",
                contrast.verdict if contrast else "",
            )
        )
    head = (
        "arm",
        "what is lost",
        "trained numbers",
        "trials",
        *(["before practice"] if innate else []),
        "score",
        "95 % interval",
        "connectome minus arm",
        "verdict",
    )
    return Table(head, tuple(rows))


def _mean(values: Float[ndarray, " trial"]) -> str:
    finite = values[np.isfinite(values)]
    return f"{finite.mean():,.0f}" if len(finite) else "–"


def write_practice_report(held: PracticeRun, path: Path) -> Path:
    """Write the report, and return its path; the same trials give the same bytes."""
    template = files("anlage.study").joinpath("practice.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    said, source = practice_sentences(held), load(held.plan.connectome).source
    content = {
        "style": Markup(page_colours()),
        "name": source.title,
        "body": held.plan.body_words,
        "lead": said[0],
        "found": said[1:],
        "curves": curve_picture(held),
        "rise": rise_picture(held) if held.plan.innate else "",
        "arms_table": practice_table(held),
        "exam": EXAM,
        "innate": held.plan.innate,
        "bibtex": "\n\n".join([source.bibtex.strip(), PPO, REFERENCES, GYMNASIUM, MUJOCO, RAO, STATISTICS]),
    }
    write_text(path, page.from_string(template).render(content))
    return path

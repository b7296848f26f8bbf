"""The report of an agent that plans by what it has learned: one HTML file, every life of every arm drawn in it."""

from importlib.resources import files
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from anlage.experience.odour import Odours
from anlage.learning.checkpoint import write_text
from anlage.seed import Seed
from anlage.study.account import Table
from anlage.study.canvas import ARM, BAND, INK, LINE, MUTED, SMALL, axes, page_colours, sheet, svg, write
from anlage.study.foresight import ARMS, PLANNER, ForesightRun, Gain, gains
from anlage.study.sources import BOOTSTRAP, DM_CONTROL, GYMNASIUM, LARVAL_SMELL, MUJOCO, PPO, SIGREG
from anlage.study.statistics import bootstrap_interval

REFERENCES = """@article{friston2017active,
  author = {Friston, Karl and FitzGerald, Thomas and Rigoli, Francesco and Schwartenbeck, Philipp and Pezzulo, Giovanni},
  title = {Active inference: a process theory}, journal = {Neural Computation}, volume = {29}, pages = {1--49}, year = {2017}
}
@article{tschantz2020reinforcement,
  author = {Tschantz, Alexander and Millidge, Beren and Seth, Anil K. and Buckley, Christopher L.},
  title = {Reinforcement learning through active inference}, journal = {arXiv:2002.12636}, year = {2020}
}
@book{rubinstein2004cross,
  author = {Rubinstein, Reuven Y. and Kroese, Dirk P.}, title = {The cross-entropy method},
  publisher = {Springer}, year = {2004}
}"""
BODIES = {
    "pendulum": (GYMNASIUM,),
    "swimmer": (DM_CONTROL, MUJOCO),
    "dish": (Odours.source.bibtex.strip(), LARVAL_SMELL),
}
"""What stands behind each body."""
WIDTH, NAMES, ROW, TOP, RIGHT = 960, 190, 30, 108, 220
SHARES_AGENT = ("brief planner", "policy", "policy, longer", "random shooting", "random values")


def foresight_sentences(run: ForesightRun) -> list[str]:
    """What was found, in a few sentences."""
    plan, own = run.plan, run.success(PLANNER).mean()
    n, steps = plan.trials * plan.lives, plan.steps
    said = [
        f"After {steps:,} steps in the {plan.body} and without having read a reward, the planner succeeds in {own:.0%} of {n} "
        f"li{'ves' if n != 1 else 'fe'}; a life succeeds that earns more than {plan.preference.enough:g}."
    ]
    found = gains(run)
    more, less = [g.arm for g in found if g.interval[0] > 0], [g.arm for g in found if g.interval[1] < 0]
    level = [g.arm for g in found if g.arm not in (*more, *less)]
    parts = (("It earns more than ", more), ("It earns less than ", less), ("It is not told apart from ", level))
    said += [f"{words}{listed(arms)}." for words, arms in parts if arms]
    if plan.trials < 2:
        said.append("One agent of every kind is an example and no comparison; give --trials 5 or more.")
    return said


def listed(words: list[str]) -> str:
    """Some words as a sentence has them; those with a comma keep theirs, and are set off by semicolons."""
    mark = "; " if any("," in word for word in words) else ", "
    return mark.join(words[:-1]) + " and " * (len(words) > 1) + words[-1]


def foresight_table(run: ForesightRun) -> Table:
    """Every arm with what it earned and what that took."""
    differences: dict[str, Gain] = {gain.arm: gain for gain in gains(run)}
    rows = []
    for arm in run.plan.arms:
        gain = differences.get(arm)
        rows.append(
            (
                arm,
                ARMS[arm].format(longer=run.plan.longer),
                _mean(run.returns(arm).mean(1)),
                f"{run.success(arm).mean():.0%}",
                f"{run.cpu_ms(arm):.1f}",
                f"{gain.difference:+,.0f} ({gain.interval[0]:+,.0f} to {gain.interval[1]:+,.0f})" if gain else "",
                f"{gain.p:.3f}" if gain else "",
            )
        )
    head = ("arm", "what it is", "return", "success", "ms an action", "planner minus arm", "p (sign flip)")
    return Table(head, tuple(rows))


def _mean(value: np.ndarray) -> str:
    if len(value) < 2:
        return f"{round(value.mean()):,}"
    low, high = bootstrap_interval(value, Seed(0).rng())
    return f"{round(value.mean()):,} ({round(low):,} to {round(high):,})"  # whole numbers: there is no -0


def draw_foresight(run: ForesightRun) -> Figure:
    """Every arm on a line: its lives, its mean, how often it succeeded and what a step took."""
    arms = run.plan.arms
    height = TOP + ROW * len(arms) + 52
    figure = sheet(WIDTH, height)
    page = axes(figure, 0, 0, WIDTH, height)
    page.set(xlim=(0, WIDTH), ylim=(height, 0))
    page.axis("off")
    write(page, 20, 30, f"What foresight buys in the {run.plan.body}", fontsize=19, weight="bold")
    said = "Blue: the agent of the planner, acting otherwise. Black: other agents, and what stands in their place."
    write(page, 20, 54, said, color=MUTED)
    ax = axes(figure, NAMES, TOP, WIDTH - NAMES - RIGHT, ROW * len(arms))
    enough = run.plan.preference.enough
    every = np.concatenate([[enough], *(run.returns(arm).ravel() for arm in arms)])
    around = 0.03 * (every.max() - every.min())
    left, right = float(every.min() - around), float(every.max() + around)
    ax.set(xlim=(left, right), ylim=(len(arms) - 0.5, -0.5), yticks=[])
    ax.axvspan(enough, right, color=BAND, linewidth=0)
    for place, arm in enumerate(arms):
        returns, colour = run.returns(arm), _colour(arm)
        for trial, lives in enumerate(returns):
            y = place + 0.3 * ((trial + 0.5) / len(returns) - 0.5) * 2
            ax.scatter(lives, np.full(len(lives), y), s=13, color=colour, alpha=0.4, linewidths=0)
        ax.plot([returns.mean()] * 2, [place - 0.36, place + 0.36], color=colour, lw=3)
        y = TOP + ROW * (place + 0.5)
        bold = "bold" if arm == PLANNER else "normal"
        write(page, NAMES - 12, y, arm, ha="right", va="center", color=colour, weight=bold)
        for x, text in ((WIDTH - 148, f"{run.success(arm).mean():.0%}"), (WIDTH - 20, f"{run.cpu_ms(arm):.1f} ms")):
            write(page, x, y, text, ha="right", va="center", weight=bold)
    ax.set_xlabel("return of a life; dots: lives, one row per seed; bars: means", color=MUTED, fontsize=SMALL)
    for x, text in ((WIDTH - 148, "succeeded"), (WIDTH - 20, "CPU per action")):
        write(page, x, TOP - 14, text, ha="right", color=MUTED, fontsize=SMALL)
    write(ax, enough, -0.72, f"success: more than {enough:g} →", ha="right", color=MUTED, fontsize=SMALL)
    for place in range(1, len(arms)):
        if (arms[place - 1] in (PLANNER, *SHARES_AGENT)) and arms[place] not in SHARES_AGENT:
            ax.axhline(place - 0.5, color=LINE, lw=1)
    return figure


def _colour(arm: str) -> str:
    return ARM[0] if arm == PLANNER else ARM[1] if arm in SHARES_AGENT else INK


def growth_table(run: ForesightRun) -> Table:
    """How the planners grew up: of every life the mean over agents."""
    rows = []
    told = [record["chapters"] for record in run.records[PLANNER]]
    for life in range(len(told[0])):
        one = [chapters[life] for chapters in told]

        def mean(name: str, form: str, one: list[dict[str, float]] = one) -> str:
            values = [chapter[name] for chapter in one]
            return "" if None in values else format(np.mean(values), form)

        acted = one[0]["kind"] == "acts"
        parts = [mean("pragmatic", ".2f"), mean("epistemic", ".2f")] if acted else ["", ""]
        figures = [mean("score", ",.0f"), *parts, mean("policy_score", ",.0f")]
        rows.append(
            (
                str(life + 1),
                one[0]["kind"],
                *figures,
                mean("surprise", ".4f"),
                mean("rank", ".1f"),
                mean("probe", ".3f"),
            )
        )
    head = ("life", "", "return", "pragmatic", "epistemic", "policy", "surprise", "rank", "probe")
    return Table(head, tuple(rows))


def references(body: str) -> str:
    """What a run in a body stands on, as BibTeX."""
    return "\n\n".join([REFERENCES, SIGREG, PPO, BOOTSTRAP, *BODIES.get(body, ())])


def write_foresight_report(run: ForesightRun, path: Path) -> Path:
    """Write the report, and return its path; the same trials give the same bytes."""
    template = files("anlage.study").joinpath("foresight.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    said = foresight_sentences(run)
    content = {
        "style": Markup(page_colours()),
        "body": run.plan.body,
        "lead": said[0],
        "found": said[1:],
        "picture": svg(draw_foresight(run), "foresight", f"Every life of every arm. {' '.join(said)}", least=760),
        "arms_table": foresight_table(run),
        "growth": growth_table(run),
        "bibtex": references(run.plan.body),
    }
    write_text(path, page.from_string(template).render(content))
    return path

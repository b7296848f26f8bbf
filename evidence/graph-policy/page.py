"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``graphs.png``; ``--check`` only says whether they are fresh."""

import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "scripts"), str(HERE)]
from graph_trials import ASKED, DECIDING, GRU, MLP, QUESTION, UNWEIGHTED  # noqa: E402

from anlage.seed import Seed  # noqa: E402
from anlage.study.canvas import ARM, BAND, LINE, MUTED, axes, sheet, write  # noqa: E402
from anlage.study.judge import weighed  # noqa: E402
from anlage.study.outcome import Outcome  # noqa: E402
from anlage.study.statistics import Contrast, Pair  # noqa: E402
from anlage.study.trial import CONNECTOME  # noqa: E402
from finding import Finding, claim, stamp, table, verdict_table  # noqa: E402

ARMS: list[str] = QUESTION["arms"]
LIVES: list[int] = QUESTION["demonstrations"]["lives"]
STAGES = (*(str(n) for n in LIVES), "again")
"""What a pupil had been shown: so many lives, or all of them and its own."""
MARGIN = {"error": QUESTION["primary"]["margin"], "score": 50.0}
NULL = "no difference found"
WRITTEN_FOR = {"degree-preserving": NULL, "erdos-renyi": NULL, "weight-permuted": NULL, MLP: "worse"}
"""The verdicts on the primary outcome that the prose was written for."""
ENGINEERED = (MLP, GRU)
KINDS = {
    CONNECTOME: CONNECTOME,
    "its weights, other graphs": "erdos-renyi",
    "weights of 1 (dashed)": f"erdos-renyi{UNWEIGHTED}",
    "no wiring: interface-only,": "interface-only",
    "   mlp and gru (dotted)": MLP,
}
"""What the legend says, and an arm of that kind."""


@cache
def trials(arm: str) -> dict[int, dict[str, Any]]:
    """The finished trials of an arm, by index."""
    found = {index: ASKED.read(f"{name}-{index:02d}") for name, index in ASKED.trials() if name == arm}
    return {index: record for index, record in found.items() if record is not None}


def by_index(arm: str, what: str, stage: str) -> dict[int, float]:
    """``error`` or ``score`` of every trial of an arm."""
    place = -1 if stage == "again" else LIVES.index(int(stage))
    return {index: [*trial["cloned"], trial["again"]][place][what] for index, trial in trials(arm).items()}


def values(arm: str, what: str, stage: str) -> np.ndarray:
    """The same, as numbers alone."""
    return np.array(list(by_index(arm, what, stage).values()))


def outcome(what: str) -> Outcome:
    """Where the scale ends: at a pupil that always does the same, and at one that does what the expert does."""
    return Outcome("error", False, 0.98, 0.001) if what == "error" else Outcome("score", True, 50.0, 990.0)


def contrasts(what: str, stage: str) -> list[Contrast]:
    """The connectome against every other arm; Holm over the arms."""
    here, pairs = by_index(CONNECTOME, what, stage), []
    for arm in ARMS[1:]:
        there, engineered = by_index(arm, what, stage), arm in ENGINEERED
        both = sorted(here.keys() & there.keys())
        graphs = len(both) if engineered else len({trials(arm)[index]["graph"] for index in both})
        mine, other = (np.array([each[index] for index in both]) for each in (here, there))
        pairs.append(Pair(outcome(what), arm, mine, other, graphs, MARGIN[what], None, engineered=engineered))
    return weighed(pairs, Seed(QUESTION["seed"]).child(what).child(stage))


def answer(verdicts: Mapping[str, str]) -> str:
    """What becomes of the claim, by the rule of the question, from the verdicts on the primary outcome."""
    won = [verdicts[arm] == "better" for arm in DECIDING[1:]]
    return "supported" if all(won) else "partly" if any(won) else "not supported"


def percent(arm: str, stage: str) -> str:
    """The mean error of an arm in percent of the expert's variance."""
    return f"{100 * values(arm, 'error', stage).mean():.2f} %"


def spread(numbers: np.ndarray, digits: int) -> str:
    """Mean and standard deviation."""
    return f"{numbers.mean():.{digits}f} ± {numbers.std(ddof=1):.{digits}f}"


def means(what: str, digits: int) -> str:
    """Every arm after every stage."""
    head = ["arm", "trials", *(f"{n} lives" for n in LIVES), "asked again"]
    rows = (
        [arm, str(len(trials(arm))), *(spread(values(arm, what, stage), digits) for stage in STAGES)] for arm in ARMS
    )
    return table(head, rows)


def graphs() -> str:
    """What is alike and what is not: the graphs as the networks begin with them."""
    rows = []
    for arm in ARMS:
        found = list(trials(arm).values())
        cells = [f"{found[0]['trained']:,}"]
        if arm in ENGINEERED:
            rows.append([arm, *cells, "–", "–", "–", "–"])
            continue
        radius, walks, strength = (
            np.mean([trial[name] for trial in found]) for name in ("spectral_radius", "edges_on_walks", "strength")
        )
        cells += [f"{found[0]['edges']:,}", f"{radius:.2f}", f"{strength:,.0f}", f"{walks:,.0f}"]
        rows.append([arm, *cells])
    head = ["arm", "trained numbers", "edges", "spectral radius", "sum of weights", "edges on walks of at most 3"]
    return table(head, rows)


def missing(short: Mapping[str, int]) -> str:
    """What was declared and is not run, in a sentence or two."""
    if not short:
        return "Everything that was declared was run."
    said = ", ".join(f"`{arm}` {n}" for arm, n in short.items())
    return (
        f"Of {QUESTION['trials']} trials each: {said}.\n"
        "The time was over; what the answer depends on was run first. An arm with fewer than 20 is described and gets no\n"
        "verdict. `run.py` goes on where it was."
    )


def kind(arm: str) -> str:
    """Colour of an arm: the connectome, a graph with its weights, one without, no wiring."""
    if arm == CONNECTOME:
        return ARM[0]
    return ARM[3] if arm.endswith(UNWEIGHTED) else ARM[1] if arm not in (*ENGINEERED, "interface-only") else ARM[2]


def draw() -> Figure:
    """Every trial as a dot, by arm: the error and what the pupil earns alone; and how both came with more demonstrations."""
    figure = sheet(1080, 720)
    page = axes(figure, 0, 0, 1080, 720)
    page.set(xlim=(0, 1080), ylim=(720, 0))
    page.axis("off")
    write(page, 30, 36, "Does a graph imitate better because it is a brain's?", fontsize=19, weight="bold")
    said = f"Up to {QUESTION['trials']} graphs or seeds of an arm, each a dot; bars: means; band: connectome, mean ± 1 s.d."
    write(page, 30, 62, said, color=MUTED)
    rng = np.random.default_rng(0)
    columns = (
        ("error", "error against the expert, % of its variance  ← better", 100.0),
        ("score", "what the pupil earns alone, of 1,000  better →", 1.0),
    )
    for number, (what, title, unit) in enumerate(columns):
        ax = axes(figure, 260 + 415 * number, 108, 375, 290)
        _strips(ax, what, unit, rng, named=number == 0)
        ax.set_title(f"{title.split('  ')[0]}, from {LIVES[-1]} lives", fontsize=12.5, loc="left")
        ax.set_xlabel(title.split("  ")[1], color=MUTED, fontsize=12, loc="left" if what == "error" else "right")
        _curves(axes(figure, 260 + 415 * number, 500, 375, 170), what, unit)
    write(page, 30, 492, "means, as more is shown", weight="bold")
    for line, (word, arm) in enumerate(KINDS.items()):
        write(page, 30, 516 + 19 * line, word, color=kind(arm), fontsize=12)
    write(page, 30, 640, "again: corrected in lives", color=MUTED, fontsize=12)
    write(page, 30, 656, "that the pupil itself led", color=MUTED, fontsize=12)
    return figure


def _strips(ax: Axes, what: str, unit: float, rng: np.random.Generator, *, named: bool) -> None:
    here = unit * values(CONNECTOME, what, str(LIVES[-1]))
    ax.axvspan(here.mean() - here.std(ddof=1), here.mean() + here.std(ddof=1), color=BAND, lw=0)
    for row, arm in enumerate(ARMS):
        found = unit * values(arm, what, str(LIVES[-1]))
        ax.scatter(found, row + rng.uniform(-0.2, 0.2, len(found)), s=15, color=kind(arm), alpha=0.5, lw=0)
        ax.plot([found.mean()] * 2, [row - 0.36, row + 0.36], color=kind(arm), lw=2.6)
        if named:
            write(ax, -0.03, row, arm, transform=ax.get_yaxis_transform(), ha="right", va="center", color=kind(arm))
    ax.set(ylim=(len(ARMS) - 0.4, -0.6), yticks=[])


def _curves(ax: Axes, what: str, unit: float) -> None:
    place = np.arange(len(STAGES))
    for arm in reversed(ARMS):
        middle = [unit * values(arm, what, stage).mean() for stage in STAGES]
        style = "--" if arm.endswith(UNWEIGHTED) else ":" if arm in ENGINEERED else "-"
        ax.plot(place, middle, style, color=kind(arm), lw=3.0 if arm == CONNECTOME else 1.5, marker="o", ms=3.5)
    ax.set(xticks=place, xlim=(-0.15, len(STAGES) - 0.85))
    ax.set_xticklabels([*(f"{n} lives" for n in LIVES), "again"])
    ax.spines["left"].set_visible(True)
    ax.spines["left"].set_color(LINE)


def finding() -> Finding:
    """The page."""
    short = {arm: len(trials(arm)) for arm in ARMS if len(trials(arm)) < QUESTION["trials"]}
    if lacking := [arm for arm in DECIDING if arm in short]:
        sys.exit(f"Not all is run that decides: {', '.join(lacking)}; type python evidence/graph-policy/run.py.")
    last = str(LIVES[-1])
    found = {(what, stage): contrasts(what, stage) for what in ("error", "score") for stage in (last, "again")}
    primary = {c.control: c.verdict for c in found["error", last]}
    if wrong := [arm for arm, verdict in WRITTEN_FOR.items() if primary[arm] != verdict]:
        sys.exit(f"The page was written for {WRITTEN_FOR}, which is not what {', '.join(wrong)} say; rewrite it.")
    if not tomllib.loads((HERE / "claim.toml").read_text("utf-8"))["answer"].startswith(answer(primary)):
        sys.exit(
            f"By the rule of the question the claim is {answer(primary)}, and claim.toml says something else; rewrite it."
        )
    words = ASKED.read("school") or {}
    page = (
        (HERE / "page.template.md")
        .read_text("utf-8")
        .format(
            missing=missing(short),
            errors=means("error", 4),
            scores=means("score", 0),
            graphs=graphs(),
            primary=verdict_table(found["error", last]),
            error_again=verdict_table(found["error", "again"]),
            score=verdict_table(found["score", last], 0),
            score_again=verdict_table(found["score", "again"], 0),
            expert=f"{words['expert']:.0f}",
            neurons=words["neurons"],
            edges=f"{words['edges']:,}",
            inputs=words["ports"]["input"],
            outputs=words["ports"]["output"],
            **{f"{arm.replace('-', '_')}_error": percent(arm, last) for arm in ARMS},
            **{f"{arm.replace('-', '_')}_again": percent(arm, "again") for arm in ARMS},
        )
    )
    known = [claim(c, f"error from {last} lives", higher_is_better=False) for c in found["error", last]]
    return Finding(HERE, page, known, draw, "graphs.png", stamp(ASKED.results.glob("*.json")))


if __name__ == "__main__":
    finding().main()

"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``practice.png``; ``--check`` only says whether they are fresh."""

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
from practice_trials import ASKED, QUESTION, cloning, practice  # noqa: E402

from anlage.seed import Seed  # noqa: E402
from anlage.study.canvas import ARM, BAND, INK, LINE, MUTED, axes, sheet, write  # noqa: E402
from anlage.study.judge import weighed  # noqa: E402
from anlage.study.outcome import Outcome  # noqa: E402
from anlage.study.statistics import Contrast, Pair, bootstrap_interval  # noqa: E402
from anlage.study.trial import CONNECTOME  # noqa: E402
from finding import Finding, claim, stamp, table, verdict_table  # noqa: E402

ARMS: list[str] = QUESTION["arms"]
DECIDING = cloning.DECIDING[1:]
"""The arms that the answer depends on."""
OUTCOME = Outcome("score", True, 50.0, 990.0)
AFTER, ALONG = "score after practice", "mean score along practice"
NULL = "no difference found"
WRITTEN_FOR = {**dict.fromkeys(DECIDING, NULL), cloning.MLP: "undecided"}
"""The verdicts on the primary outcome that the prose was written for."""
FLOOR = 400
"""Scores below are drawn at the lower edge."""


@cache
def trials(arm: str) -> dict[int, dict[str, Any]]:
    """The finished trials of an arm, by index."""
    found = {index: ASKED.read(f"{name}-{index:02d}") for name, index in ASKED.trials() if name == arm}
    return {index: record for index, record in found.items() if record is not None}


def curves(arm: str) -> np.ndarray:
    """What every pupil of an arm earned in each exam; shape ``(trial, exam)``."""
    return np.array([[score for _, score in trial["curve"]] for trial in trials(arm).values()])


def steps() -> np.ndarray:
    """After how many steps of practice the exams were."""
    return np.array([step for step, _ in trials(CONNECTOME)[0]["curve"]])


def values(arm: str, what: str) -> np.ndarray:
    """One number of every pupil: its last score, or the area under its curve over the length of practice."""
    scores = curves(arm)
    return scores[:, -1] if what == AFTER else np.trapezoid(scores, steps(), axis=1) / np.ptp(steps())


def contrasts(what: str) -> list[Contrast]:
    """The connectome against every other arm, in trials that both have; Holm over the arms."""
    mine, pairs = dict(zip(trials(CONNECTOME), values(CONNECTOME, what), strict=True)), []
    for arm in ARMS[1:]:
        other = dict(zip(trials(arm), values(arm, what), strict=True))
        both = sorted(mine.keys() & other.keys())
        graphs = len(both) if arm == cloning.MLP else len({trials(arm)[index]["graph"] for index in both})
        here, there = (np.array([each[index] for index in both]) for each in (mine, other))
        margin = QUESTION["primary"]["margin"]
        pairs.append(Pair(OUTCOME, arm, here, there, graphs, margin, None, engineered=arm == cloning.MLP))
    return weighed(pairs, Seed(QUESTION["seed"]).child(what))


def answer(verdicts: Mapping[str, str]) -> str:
    """What becomes of the claim, by the rule of the question, from the verdicts on the primary outcome."""
    won = [verdicts[arm] == "better" for arm in DECIDING]
    return "supported" if all(won) else "partly" if any(won) else "not supported"


def strangers() -> list[str]:
    """Trials that did not begin as their twins in evidence/graph-policy, to the hundredth of a point."""
    place = cloning.QUESTION["demonstrations"]["lives"].index(QUESTION["lives"])
    wrong = []
    for arm in ARMS:
        for index, trial in trials(arm).items():
            twin = cloning.ASKED.read(f"{arm}-{index:02d}")
            if twin is None or twin["cloned"][place]["score"] != trial["curve"][0][1]:
                wrong.append(f"{arm}-{index:02d}")
    return wrong


def spread(numbers: np.ndarray) -> str:
    """Mean and standard deviation."""
    return f"{numbers.mean():.0f} ± {numbers.std(ddof=1):.0f}"


def means() -> str:
    """Every arm: before and after, along practice, what was added, and how many rose."""
    rows = []
    for arm in ARMS:
        scores = curves(arm)
        added = scores[:, -1] - scores[:, 0]
        low, high = bootstrap_interval(added, Seed(0).rng())
        rose = f"{int((added > 0).sum())} of {len(added)}"
        gain = f"{added.mean():+.0f} ({low:+.0f} to {high:+.0f})"
        along = f"{values(arm, ALONG).mean():.0f}"
        worst = f"{scores[:, 0].min():.0f}, {scores[:, -1].min():.0f}"
        rows.append([arm, str(len(scores)), spread(scores[:, 0]), spread(scores[:, -1]), along, gain, rose, worst])
    head = [
        "arm",
        "trials",
        "cloned",
        "after practice",
        "along practice",
        "added (95 %)",
        "rose",
        "worst before, after",
    ]
    return table(head, rows)


def missing() -> str:
    """What was declared and is not run, in a sentence or two."""
    short = {arm: len(trials(arm)) for arm in ARMS if len(trials(arm)) < QUESTION["trials"]}
    if not short:
        return "Everything that was declared was run."
    said = ", ".join(f"`{arm}` {n}" for arm, n in short.items())
    return f"Of {QUESTION['trials']} trials each: {said}. The time was over; `run.py` goes on where it was."


def draw() -> Figure:
    """A panel per arm, with the curve of every pupil; beside them what each earns after practice."""
    figure = sheet(1080, 570)
    page = axes(figure, 0, 0, 1080, 570)
    page.set(xlim=(0, 1080), ylim=(570, 0))
    page.axis("off")
    write(page, 30, 36, "After imitation, practice: does a brain's graph get further?", fontsize=19, weight="bold")
    lines = (
        f"Thin: one pupil each, cloned from {QUESTION['lives']} lives of the expert, then practising; below {FLOOR} at the edge. "
        "Thick: mean of its arm, ± 1 s.d.",
        "Dashed: mean of the connectome. Dotted: the expert. Grey: only the critic learns.",
    )
    for row, line in enumerate(lines):
        write(page, 30, 62 + 19 * row, line, color=MUTED)
    for number, arm in enumerate(ARMS):
        ax = axes(figure, 70 + 250 * (number % 3), 132 + 225 * (number // 3), 218, 160)
        _curves(ax, arm)
        if number % 3 == 0:
            ax.set_ylabel("score alone, of 1,000", color=MUTED, fontsize=12)
        else:
            ax.set_yticklabels([])
        if number >= 3:
            ax.set_xlabel("steps of practice", color=MUTED, fontsize=12)
    _strips(axes(figure, 845, 132, 205, 385))
    return figure


def expert() -> float:
    """What the expert earns in the same exam."""
    return float((ASKED.read("school") or {})["expert"])


def colour(arm: str) -> str:
    """The connectome, a graph with its weights, or no wiring."""
    return ARM[0] if arm == CONNECTOME else ARM[2] if arm in (cloning.MLP, "interface-only") else ARM[1]


def _curves(ax: Axes, arm: str) -> None:
    time, scores = steps() / 1000, curves(arm)
    middle, sd = scores.mean(0), scores.std(0, ddof=1)
    ax.axvspan(0, time[-1] * practice(arm).settle / practice(arm).iterations, color=BAND, lw=0)
    ax.fill_between(time, middle - sd, middle + sd, color=colour(arm), alpha=0.16, lw=0)
    ax.plot(time, np.maximum(scores, FLOOR).T, color=colour(arm), lw=0.7, alpha=0.5)
    ax.plot(time, curves(CONNECTOME).mean(0), "--", color=INK, lw=1.2)
    ax.plot(time, middle, color=colour(arm), lw=2.6)
    ax.axhline(expert(), color=INK, lw=1.2, ls=":")
    ax.set(xlim=(0, time[-1]), ylim=(FLOOR, 930), yticks=[FLOOR, 600, 800, 900], xticks=[0, 6, 12, 18, 24])
    ax.set_xticklabels(["0", "6k", "12k", "18k", "24k"])
    ax.set_title(arm, color=colour(arm), fontsize=13, loc="left")
    ax.spines["left"].set_visible(True)
    ax.spines["left"].set_color(LINE)


def _strips(ax: Axes) -> None:
    rng, here = np.random.default_rng(0), values(CONNECTOME, AFTER)
    ax.axvspan(here.mean() - here.std(ddof=1), here.mean() + here.std(ddof=1), color=BAND, lw=0)
    for row, arm in enumerate(ARMS):
        found = values(arm, AFTER)
        ax.scatter(found, row + rng.uniform(-0.16, 0.16, len(found)), s=15, color=colour(arm), alpha=0.5, lw=0)
        ax.plot([found.mean()] * 2, [row - 0.28, row + 0.28], color=colour(arm), lw=2.6)
        write(ax, 0, row - 0.36, arm, transform=ax.get_yaxis_transform(), color=colour(arm), fontsize=12)
    ax.set(ylim=(len(ARMS) - 0.6, -0.6), yticks=[])
    ax.set_title("after practice", fontsize=13, loc="left")
    ax.set_xlabel("score alone  better →", color=MUTED, fontsize=12, loc="right")


def finding() -> Finding:
    """The page."""
    found = {what: contrasts(what) for what in (AFTER, ALONG)}
    primary = {c.control: c.verdict for c in found[AFTER]}
    if wrong := [arm for arm, verdict in WRITTEN_FOR.items() if primary[arm] != verdict]:
        sys.exit(f"The page was written for {WRITTEN_FOR}, which is not what {', '.join(wrong)} say; rewrite it.")
    if not tomllib.loads((HERE / "claim.toml").read_text("utf-8"))["answer"].startswith(answer(primary)):
        sys.exit(
            f"By the rule of the question the claim is {answer(primary)}, and claim.toml says otherwise; rewrite it."
        )
    if wrong := strangers():
        sys.exit(f"{', '.join(wrong)} did not begin as in evidence/graph-policy; run them again with its expert.")
    added = {arm: curves(arm)[:, -1] - curves(arm)[:, 0] for arm in ARMS}
    page = (
        (HERE / "page.template.md")
        .read_text("utf-8")
        .format(
            missing=missing(),
            means=means(),
            primary=verdict_table(found[AFTER], 0),
            along=verdict_table(found[ALONG], 0),
            expert=f"{expert():.0f}",
            rose=sum(int((each > 0).sum()) for each in added.values()),
            pupils=sum(len(each) for each in added.values()),
            near=sum(int(((each >= 800) & (each <= 880)).sum()) for each in (values(arm, AFTER) for arm in ARMS)),
            **{f"{arm.replace('-', '_')}_before": f"{curves(arm)[:, 0].mean():.0f}" for arm in ARMS},
            **{f"{arm.replace('-', '_')}_after": f"{curves(arm)[:, -1].mean():.0f}" for arm in ARMS},
        )
    )
    known = [claim(c, AFTER, higher_is_better=True) for c in found[AFTER]]
    return Finding(HERE, page, known, draw, "practice.png", stamp(ASKED.results.glob("*.json")))


if __name__ == "__main__":
    finding().main()

"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``practice.png``; ``--check`` only says whether they are fresh."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "scripts"), str(HERE)]
from innate_trials import QUESTION, finished  # noqa: E402

from anlage.seed import Seed  # noqa: E402
from anlage.study.born import EVEN, PERCEPTRON, REWIRED  # noqa: E402
from anlage.study.canvas import LINE, MUTED, arm_colour, axes, sheet, write  # noqa: E402
from anlage.study.outcome import Outcome  # noqa: E402
from anlage.study.statistics import Contrast, Pair, bootstrap_interval, family  # noqa: E402
from anlage.study.trial import CONNECTOME  # noqa: E402
from finding import Finding, claim, stamp, table, verdict_table  # noqa: E402

ARMS, LONG = (CONNECTOME, REWIRED, EVEN, PERCEPTRON), "long-mlp"
MARGIN: float = QUESTION["outcome"]["margin"]
OUTCOME = Outcome("score", True, 30.0, 990.0)
WRITTEN_FOR = {REWIRED: "better", PERCEPTRON: "better"}
"""The verdicts that the prose says."""


def trials(arm: str) -> list[dict[str, Any]]:
    """The trials of an arm, by index."""
    done = finished(arm)
    return [done[key] for key in sorted(done, key=int)]


def values(arm: str, what: str) -> np.ndarray:
    """``before`` or ``score`` of every trial."""
    return np.array([trial[what] for trial in trials(arm)], dtype=float)


def contrasts(what: str) -> list[Contrast]:
    """The connectome against the two arms of the question, before or after practice."""
    mine, pairs = values(CONNECTOME, what), []
    for arm in (REWIRED, PERCEPTRON):
        other = values(arm, what)
        engineered = arm == PERCEPTRON
        pairs.append(Pair(OUTCOME, arm, mine, other, len(other), MARGIN, None, engineered=engineered))
    return family(pairs, Seed(QUESTION["seed"]).child(what).rng())


def mean(numbers: np.ndarray, sign: str = "") -> str:
    """Mean and its interval over trials."""
    low, high = bootstrap_interval(numbers, Seed(0).rng())
    return f"{numbers.mean():{sign}.0f} ({low:{sign}.0f} to {high:{sign}.0f})"


def means() -> str:
    """Before and after, and what practice added, of every arm."""
    lines = []
    for arm in (*ARMS, LONG):
        before, after = values(arm, "before"), values(arm, "score")
        rose = f"{int((after > before).sum())} of {len(after)}"
        said = f"{PERCEPTRON}, {QUESTION['long_steps']:,} steps" if arm == LONG else arm
        trained = f"{trials(arm)[0]['trained']:,}"
        lines.append([said, trained, str(len(after)), mean(before), mean(after), mean(after - before, "+"), rose])
    head = ["arm", "trained numbers", "trials", "before (95 %)", "after (95 %)", "added (95 %)", "trials that rose"]
    return table(head, lines)


def overtaken() -> tuple[int, list[int]]:
    """The connectome's mean score before practice, and the steps after which each long perceptron earned it while practising."""
    level = float(values(CONNECTOME, "before").mean())
    steps = [[step for step, earned in trial["curve"] if earned >= level] for trial in trials(LONG)]
    return round(level), [int(each[0]) for each in steps if each]


def draw() -> Figure:
    """Every trial before and after practice; the long perceptrons beside what the connectome is born with."""
    figure = sheet(1000, 480)
    page = axes(figure, 0, 0, 1000, 480)
    page.set(xlim=(0, 1000), ylim=(480, 0))
    page.axis("off")
    write(page, 30, 34, "What is a reflex worth to whoever practises?", fontsize=19, weight="bold")
    write(
        page,
        30,
        60,
        "Score of 1,000. Left: exams without chance, thin: single trials. Right: while practising, mean of the last 20 lives.",
        color=MUTED,
    )
    left = axes(figure, 70, 115, 470, 290)
    for place, arm in enumerate(ARMS):
        before, after = values(arm, "before"), values(arm, "score")
        x = np.array([place, place + 0.55])
        left.plot(x, np.stack([before, after]), color=arm_colour(place), lw=0.8, alpha=0.5, clip_on=False)
        left.plot(x, [before.mean(), after.mean()], "o-", color=arm_colour(place), lw=3, ms=7, clip_on=False)
        write(left, place + 0.27, -75, arm, color=arm_colour(place), ha="center", weight="bold", fontsize=11.5)
    left.set(ylim=(0, 1000), xlim=(-0.15, len(ARMS) - 0.3), xticks=[])
    steps = QUESTION["steps"]
    left.set_title(f"before and after {steps:,} steps", fontsize=12.5, loc="left")
    right = axes(figure, 620, 115, 350, 290)
    level = values(CONNECTOME, "before").mean()
    for trial in trials(LONG):
        right.plot(*np.array(trial["curve"]).T, color=arm_colour(3), lw=1.8)
    right.axhline(level, color=arm_colour(0), lw=2)
    write(right, 3000, level + 38, "the reflex, without practice", color=arm_colour(0))
    right.axvline(steps, color=MUTED, lw=1, ls=":")
    right.set(ylim=(0, 1000), xlim=(0, QUESTION["long_steps"]), xticks=[steps, 80_000, QUESTION["long_steps"]])
    right.set_xticklabels([f"{n:,}" for n in (steps, 80_000, QUESTION["long_steps"])])
    right.set_title("perceptrons that go on practising", fontsize=12.5, loc="left")
    right.set_xlabel("steps", color=MUTED)
    for ax in (left, right):
        ax.spines["left"].set_visible(True)
        ax.spines["left"].set_color(LINE)
    return figure


def finding() -> Finding:
    """The page."""
    wanted: dict[str, int] = QUESTION["trials"]
    short = {arm: n for arm, n in wanted.items() if len(trials(arm)) < n}
    if short:
        sys.exit(f"Not all that was declared is run: {', '.join(short)}; type python evidence/innate-practice/run.py.")
    after, before = contrasts("score"), contrasts("before")
    if wrong := [c.control for c in after if c.verdict != WRITTEN_FOR[c.control]]:
        sys.exit(f"The page was written for {WRITTEN_FOR}, which is not what {', '.join(wrong)} say; rewrite it.")
    level, steps = overtaken()
    late = ", ".join(f"{step:,}" for step in sorted(steps))
    text = (HERE / "page.template.md").read_text("utf-8")
    page = text.format(
        means=means(),
        after=verdict_table(after, 0),
        before=verdict_table(before, 0),
        level=level,
        overtaken=f"{len(steps)} of {len(trials(LONG))} perceptrons" + (f" (after {late})" if steps else ""),
    )
    known = [claim(c, "score after practice", higher_is_better=True) for c in after]
    return Finding(HERE, page, known, draw, "practice.png", stamp((HERE / "results").glob("*.json")))


if __name__ == "__main__":
    finding().main()

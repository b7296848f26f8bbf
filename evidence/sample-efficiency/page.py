"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``examples.png``; ``--check`` only says whether they are fresh."""

import sys
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from anlage.seed import Seed  # noqa: E402
from anlage.study.canvas import LINE, MUTED, arm_colour, axes, sheet, write  # noqa: E402
from anlage.study.learning_curve import examples_to, log_area  # noqa: E402
from anlage.study.outcome import Outcome  # noqa: E402
from anlage.study.statistics import Contrast, Pair, family  # noqa: E402
from anlage.study.trial import CONNECTOME  # noqa: E402
from finding import Finding, claim, stamp, table, verdict_table  # noqa: E402
from ledger import Row, read  # noqa: E402

TEXT = (HERE / "question.toml").read_bytes()
QUESTION = tomllib.loads(TEXT.decode())
EXAMPLES: list[int] = QUESTION["examples"]
ARMS = (CONNECTOME, *QUESTION["controls"], "input", *QUESTION["networks"])
WIRED = ("degree-preserving", "weight-permuted")
"""The controls that the claim is about."""
WRITTEN_FOR = "not supported"
"""What the prose says of every task."""
NAMES = {
    "digits": "digits, on the sensory neurons of the worm",
    "odours": "odours, on the larva's left mushroom body",
}


def curves(rows: list[Row], arm: str) -> np.ndarray:
    """Accuracy at every number of examples of every network of an arm; shape (index, number)."""
    mine = sorted((row for row in rows if row["arm"] == arm), key=lambda row: row["index"])
    return np.array([[row[f"at {n}"] for n in EXAMPLES] for row in mine])


def areas(rows: list[Row], arm: str) -> np.ndarray:
    """The mean accuracy over log N of every network of an arm, by index."""
    return np.array([log_area(EXAMPLES, curve.tolist()) for curve in curves(rows, arm)])


def judged(rows: list[Row], task: str) -> list[Contrast]:
    """The connectome against every other arm but the input alone; Holm over the arms."""
    chance = float(np.mean([row["chance"] for row in rows]))
    outcome = Outcome("mean accuracy", True, chance + 0.02 * (1 - chance), 1 - 0.02 * (1 - chance))
    pairs = []
    for arm in ARMS[1:]:
        if arm != "input":
            graphs = {row["graph"] or row["index"] for row in rows if row["arm"] == arm}
            engineered = arm in QUESTION["networks"]
            mine = areas(rows, CONNECTOME), areas(rows, arm)
            pairs.append(Pair(outcome, arm, *mine, len(graphs), 0.0, None, engineered=engineered))
    return family(pairs, Seed(QUESTION["seed"]).child(task).rng())


def answer(found: list[Contrast]) -> str:
    """What becomes of the claim on a task, by the rule of the question."""
    verdicts = {c.control: c.verdict for c in found}
    won = sum(verdicts[control] == "better" for control in WIRED)
    return ("not supported", "partly", "supported")[won if verdicts["interface-only"] == "better" else 0]


def means(rows: list[Row]) -> str:
    """Mean accuracy at every number, and the examples that the mean curve needs for half of what there is to reach."""
    chance, oracle = (float(np.mean([row[end] for row in rows])) for end in ("chance", "oracle"))
    half, lines = (chance + oracle) / 2, []
    for arm in ARMS:
        curve = curves(rows, arm).mean(0)
        needed = examples_to(half, EXAMPLES, curve.tolist())
        lines.append([arm, *(f"{value:.3f}" for value in curve), "never" if needed is None else f"{needed:.0f}"])
    return table(["", *(f"N = {n:,}" for n in EXAMPLES), f"examples to {half:.2f}"], lines)


def draw(everything: Mapping[str, list[Row]]) -> Figure:
    """A panel per task: accuracy over the number of examples, means of arms and every network on the connectome."""
    figure = sheet(1000, 500)
    page, wide_each = axes(figure, 0, 0, 1000, 500), 960 // max(1, len(everything))
    page.set(xlim=(0, 1000), ylim=(500, 0))
    page.axis("off")
    write(page, 30, 34, "How many examples does it take?", fontsize=19, weight="bold")
    said = (
        "Accuracy on new ones. Lines: means of 20; thin: every network on the connectome; dotted: chance and reference."
    )
    write(page, 30, 60, said, color=MUTED)
    for number, (task, rows) in enumerate(everything.items()):
        ax = axes(figure, 70 + wide_each * number, 115, wide_each - 60, 270)
        for place, arm in reversed(list(enumerate(ARMS))):
            many = curves(rows, arm)
            if arm == CONNECTOME:
                ax.plot(EXAMPLES, many.T, color=arm_colour(0), linewidth=0.5, alpha=0.3)
            dash = "-" if place <= len(QUESTION["controls"]) else "--"
            wide, label = (2.8 if place == 0 else 1.7), arm if number == 0 else None
            ax.plot(
                EXAMPLES, many.mean(0), dash, color=arm_colour(place), linewidth=wide, marker="o", ms=3.5, label=label
            )
        for end in ("chance", "oracle"):
            ax.axhline(float(np.mean([row[end] for row in rows])), color=MUTED, linestyle=":", linewidth=1)
        ax.set_xscale("log")
        ax.set(ylim=(0, 1.02), xticks=EXAMPLES, xticklabels=[f"{n:,}" for n in EXAMPLES])
        ax.minorticks_off()
        ax.spines["left"].set_visible(True)
        ax.spines["left"].set_color(LINE)
        ax.set_xlabel("examples", color=MUTED, fontsize=12)
        ax.set_title(NAMES[task], fontsize=12.5, loc="left")
    handles, labels = figure.axes[1].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], frameon=False, fontsize=12, ncols=7, loc="lower center")
    return figure


def finding() -> Finding:
    """The page."""
    identity = sha256(TEXT).hexdigest()[:16]
    both = {task: read(HERE / "results" / f"{task}.json", identity) for task in QUESTION["tasks"]}
    everything = {task: rows for task, rows in both.items() if len(rows) == QUESTION["graphs"] * len(ARMS)}
    found = {task: judged(rows, task) for task, rows in everything.items()}
    parts = [
        f"## {NAMES[task].capitalize()}: {answer(found[task])}\n\n{verdict_table(found[task])}\n\n{means(rows)}"
        for task, rows in everything.items()
    ]
    if wrong := [task for task in found if answer(found[task]) != WRITTEN_FOR]:
        sys.exit(f"The page was written for {WRITTEN_FOR!r}, which is not what {wrong} say; rewrite it.")
    absent = [task for task in QUESTION["tasks"] if task not in everything]
    missing = f"\n**Declared, and not run to its end:** {', '.join(absent)}.\n" if absent else ""
    page = (HERE / "page.template.md").read_text("utf-8").format(tasks="\n\n".join(parts), missing=missing)
    known = [
        claim(c, f"mean accuracy, {task}", higher_is_better=True)
        for task, contrasts in found.items()
        for c in contrasts
        if c.control in (*WIRED, "interface-only")
    ]
    return Finding(
        HERE, page, known, lambda: draw(everything), "examples.png", stamp((HERE / "results").glob("*.json"))
    )


if __name__ == "__main__":
    finding().main()

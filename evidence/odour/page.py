"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``odour.png``; ``--check`` only says whether they are fresh."""

import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from anlage.seed import Seed  # noqa: E402
from anlage.study.canvas import MUTED, arm_colour, axes, sheet, write  # noqa: E402
from anlage.study.outcome import Outcome  # noqa: E402
from anlage.study.statistics import Contrast, bootstrap_interval, contrasts  # noqa: E402
from finding import Finding, claim, stamp, table, verdict_table  # noqa: E402
from ledger import Row, read  # noqa: E402

CONTROLS = ("degree-preserving", "block-preserving", "weight-permuted", "random-projection")
TASKS = {"identity": "accuracy on single odours", "mixture": "both parts of mixtures named"}


def results() -> list[Row]:
    """Every row of the ledger, which must answer this question."""
    identity = sha256((HERE / "question.toml").read_bytes()).hexdigest()[:16]
    return read(HERE / "results" / "scores.json", identity)


def column(rows: list[Row], arm: str, name: str) -> np.ndarray:
    """A score of an arm, by index."""
    found: np.ndarray = np.array([row[name] for row in sorted(rows, key=lambda row: row["index"]) if row["arm"] == arm])
    return found


def judged(rows: list[Row], task: str, readout: str, controls: tuple[str, ...] = CONTROLS) -> list[Contrast]:
    """The connectome against every control; Holm over the controls."""
    name = f"{task} {readout}"
    outcome = Outcome(name, True, float(column(rows, "connectome", f"{task} chance").mean()) + 0.02, 0.98)
    scores = {control: column(rows, control, name) for control in controls}
    return contrasts(outcome, column(rows, "connectome", name), scores, 0.0, Seed(0).child(name).rng())


def scale_table(rows: list[Row]) -> str:
    """Means beside the readout of the receptors themselves, and Bayes' rule."""
    lines = []
    for task in TASKS:
        mine, raw = column(rows, "connectome", f"{task} kc"), column(rows, "raw", f"{task} kc")
        low, high = bootstrap_interval(mine - raw, Seed(0).child(f"raw {task}").rng())
        means = [column(rows, "connectome", f"{task} {name}").mean() for name in ("chance", "oracle")]
        cells = [means[0], raw.mean(), mine.mean(), means[1]]
        lines.append(
            [task, *(f"{cell:.3f}" for cell in cells), f"{(mine - raw).mean():+.3f} ({low:+.3f} to {high:+.3f})"]
        )
    return table(["task", "chance", "receptors alone", "connectome", "Bayes' rule", "connectome less receptors"], lines)


def draw(rows: list[Row]) -> Figure:
    """Every graph and seed of every arm, as the difference from the connectome on the same odours."""
    figure = sheet(1000, 400)
    page = axes(figure, 0, 0, 1000, 400)
    page.set(xlim=(0, 1000), ylim=(400, 0))
    page.axis("off")
    write(page, 30, 34, "The larva's olfactory circuit names odours", fontsize=19, weight="bold")
    write(
        page,
        30,
        60,
        "Read from its Kenyon cells. A dot: one graph, less the connectome on the same odours; bars: means.",
        color=MUTED,
    )
    arms = (*CONTROLS, "raw")
    for number, (task, said) in enumerate(TASKS.items()):
        ax = axes(figure, 190 + 410 * number, 110, 380, 220)
        mine = column(rows, "connectome", f"{task} kc")
        for row, arm in enumerate(arms):
            d = column(rows, arm, f"{task} kc") - mine
            jitter = np.linspace(-0.22, 0.22, len(d))
            ax.scatter(d, row + jitter, s=16, color=arm_colour(row + 1), alpha=0.7, linewidths=0)
            ax.plot([d.mean()] * 2, [row - 0.33, row + 0.33], color=arm_colour(row + 1), linewidth=3)
        ax.axvline(0, color=arm_colour(0), linewidth=2.4)
        names = [*CONTROLS, "receptors alone"]
        ax.set(ylim=(len(arms) - 0.4, -0.6), yticks=range(len(arms)), yticklabels=names if number == 0 else [])
        ax.tick_params(axis="y", length=0, labelsize=12.5)
        ax.set_title(f"{said} (connectome {mine.mean():.2f})", fontsize=12.5, loc="left", color=arm_colour(0))
        ax.set_xlabel("← worse than the connectome    better →", color=MUTED, fontsize=12)
    return figure


def finding() -> Finding:
    """The page."""
    rows = results()
    first = {task: judged(rows, task, "kc") for task in TASKS}
    second = [c for task in TASKS for c in judged(rows, task, "mbon", CONTROLS[:3])]
    text = (HERE / "page.template.md").read_text("utf-8")
    page = text.format(
        verdicts=verdict_table([c for found in first.values() for c in found]),
        output_neurons=verdict_table(second),
        scale=scale_table(rows),
    )
    known = [claim(c, task, higher_is_better=True) for task, found in first.items() for c in found]
    return Finding(HERE, page, known, lambda: draw(rows), "odour.png", stamp((HERE / "results").glob("*.json")))


if __name__ == "__main__":
    finding().main()

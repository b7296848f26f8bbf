"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``overfit.png``; ``--check`` only says whether they are fresh."""

import sys
import tomllib
from hashlib import sha256
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from anlage.seed import Seed  # noqa: E402
from anlage.study.canvas import MUTED, arm_colour, axes, sheet, write  # noqa: E402
from anlage.study.outcome import Outcome  # noqa: E402
from anlage.study.statistics import Contrast, contrasts  # noqa: E402
from finding import Finding, claim, stamp, table, verdict_table  # noqa: E402
from ledger import Row, read  # noqa: E402

TEXT = (HERE / "question.toml").read_bytes()
QUESTION = tomllib.loads(TEXT.decode())
ARMS = tuple(QUESTION["arms"])
PENALTIES = tuple(f"{penalty:g}" for penalty in QUESTION["penalties"])
LEAST = PENALTIES[0]
LATER = "1e-06"
"""The penalty looked at afterwards: the smallest at which gaps are not ruled by single orbits."""
OTHERS = ("degree-preserving", "weight-permuted", "ends-permuted")
"""The arms against which a gain would be the wiring's."""


def column(rows: list[Row], arm: str, name: str) -> np.ndarray:
    """A number of every graph of an arm, by index; ``gap P`` is the test less the training error with that penalty."""
    if name.startswith("gap "):
        penalty = name.removeprefix("gap ")
        return column(rows, arm, f"test {penalty}") - column(rows, arm, f"train {penalty}")
    found: np.ndarray = np.array([row[name] for row in sorted(rows, key=lambda r: r["index"]) if row["arm"] == arm])
    return found


def judged(rows: list[Row], name: str) -> list[Contrast]:
    """The connectome against every other arm; Holm over the arms."""
    outcome = Outcome(name, False, np.inf, -np.inf)
    scores = {arm: column(rows, arm, name) for arm in ARMS[1:]}
    return contrasts(outcome, column(rows, ARMS[0], name), scores, 0.0, Seed(QUESTION["seed"]).child(name).rng())


def answer(gap: list[Contrast], tuned: list[Contrast]) -> dict[str, bool]:
    """The three parts of the claim, as declared."""
    better = {c.control: c.verdict == "better" for c in gap}
    best = {c.control: c.verdict == "better" for c in tuned}
    return {
        "reproduced": better["random"],
        "wiring": all(better[arm] for arm in OTHERS),
        "worth it": all(best[arm] for arm in OTHERS),
    }


def sweep(rows: list[Row]) -> str:
    """Mean test error, and the gap in brackets, with every penalty; the directions that the activity fills."""
    lines = []
    for arm in ARMS:
        cells = [
            f"{column(rows, arm, f'test {p}').mean():.3f} ({column(rows, arm, f'gap {p}').mean():+.3f})"
            for p in (*PENALTIES, "tuned")
        ]
        lines.append([arm, f"{column(rows, arm, 'directions').mean():.1f}", *cells])
    return table(["arm", "directions", *PENALTIES, "tuned"], lines)


def draw(rows: list[Row]) -> Figure:
    """Left: test and training error over the penalty. Right: the gap against the directions that the activity fills."""
    figure = sheet(1000, 520)
    page = axes(figure, 0, 0, 1000, 520)
    page.set(xlim=(0, 1000), ylim=(520, 0))
    page.axis("off")
    write(page, 30, 34, "Three bodies: who overfits?", fontsize=19, weight="bold")
    said = "500 neurons of the larva, frozen, and eight other wirings; NRMSE of a ridge readout, means of 20 graphs and seeds."
    write(page, 30, 60, said, color=MUTED)
    one, other = axes(figure, 70, 120, 400, 320), axes(figure, 560, 120, 400, 320)
    x = np.log10(QUESTION["penalties"])
    for number, arm in reversed(list(enumerate(ARMS))):
        colour, wide = arm_colour(number), 2.8 if number == 0 else 1.4
        for part, dash in (("test", "-"), ("train", ":")):
            means = [column(rows, arm, f"{part} {penalty}").mean() for penalty in PENALTIES]
            one.plot(x, means, dash, color=colour, linewidth=wide)
        at, gap = column(rows, arm, "directions"), column(rows, arm, f"gap {LATER}")
        other.scatter(at, gap, s=20, color=colour, alpha=0.75, linewidths=0, marker="os^Dv<>PX"[number], label=arm)
    one.set_xticks(x, [f"1e{value:.0f}" for value in x])
    one.set_xlabel("ridge penalty, in units of a column's mean square", color=MUTED, fontsize=12)
    one.set_title("error: solid on new orbits, dotted on those fitted", fontsize=12.5, loc="left")
    other.set_xlabel("directions that the activity fills (participation ratio)", color=MUTED, fontsize=12)
    other.set_title(f"gap at the penalty {LATER}, a mark per graph", fontsize=12.5, loc="left")
    handles, labels = other.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], frameon=False, fontsize=11, ncols=5, loc="lower center")
    return figure


def finding() -> Finding:
    """The page."""
    rows = read(HERE / "results" / "scores.json", sha256(TEXT).hexdigest()[:16])
    gap, tuned = judged(rows, f"gap {LEAST}"), judged(rows, "test tuned")
    parts = answer(gap, tuned)
    declared = table(["part of the claim", "found"], [[name, "yes" if true else "no"] for name, true in parts.items()])
    text = (HERE / "page.template.md").read_text("utf-8")
    page = text.format(
        declared=declared,
        gap=verdict_table(gap),
        tuned=verdict_table(tuned),
        sweep=sweep(rows),
        late=verdict_table(judged(rows, f"gap {LATER}")),
    )
    shown = ("random", *OTHERS)
    known = [
        claim(c, name, higher_is_better=False)
        for name, found in (("gap, unregularised", gap), ("best error", tuned))
        for c in found
        if c.control in shown
    ]
    return Finding(HERE, page, known, lambda: draw(rows), "overfit.png", stamp((HERE / "results").glob("*.json")))


if __name__ == "__main__":
    finding().main()

"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``lessons.png``; ``--check`` only says whether they are fresh."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "scripts"), str(HERE)]
from continual_questions import BESIDE, WIRINGS, beside, question  # noqa: E402

from anlage.errors import AnlageError  # noqa: E402
from anlage.study.canvas import INK, MUTED, PAPER, arm_colour, axes, sheet, write  # noqa: E402
from anlage.study.judge import final, judge  # noqa: E402
from anlage.study.question import Comparison  # noqa: E402
from anlage.study.statistics import WELCH, Contrast  # noqa: E402
from anlage.study.trial import CONNECTOME, Record  # noqa: E402
from finding import Finding, claim, stamp, table  # noqa: E402
from ledger import records  # noqa: E402

WRITTEN_FOR = "not supported"
"""What the prose says of every wiring."""
SCENARIOS = {"class": "which of the ten digits", "domain": "which of the two of the lesson"}
LEARNERS = ("naive", "replay")
WIRED = ("degree-preserving", "weight-permuted")
"""The controls that the claim is about."""
MEASURES = ("accuracy", "anytime_accuracy", "forgetting", "backward_transfer", "forward_transfer")
FEWER = {"joint": MEASURES[:1], "class": MEASURES[:-1]}
"""What can be measured of lessons learned at once, and of new classes, which nobody can name before."""


def level(scenario: str, learner: str) -> str:
    """The name of a level, as contrasts carry it."""
    return f"readout.scenario = {scenario}, readout.learner = {learner}"


def here(found: list[Record], scenario: str, learner: str) -> list[Record]:
    """The records of one level."""
    wanted = {"readout.scenario": scenario, "readout.learner": learner}
    return [record for record in found if record["level"] in (wanted, {"readout.scenario": scenario})]


def one(found: list[Contrast], scenario: str, learner: str, control: str, outcome: str) -> Contrast:
    """The contrast with a control at a level."""
    (contrast,) = (c for c in found if (c.level, c.control, c.outcome) == (level(scenario, learner), control, outcome))
    return contrast


def answer(found: list[Contrast]) -> str:
    """What becomes of the claim about a wiring, by the rule of the question."""
    best = 0
    for scenario in SCENARIOS:
        verdicts = {c: [one(found, scenario, "naive", c, o).verdict for o in ("forgetting", "accuracy")] for c in WIRED}
        best = max(best, sum(kept == "better" and named != "worse" for kept, named in verdicts.values()))
    return {0: "not supported", 1: "partly", 2: "supported"}[best]


def contrast_table(found: list[Contrast], arms: tuple[str, ...]) -> str:
    """A line per level and arm: accuracy and forgetting, the difference with its interval, and the verdict."""
    head = [
        "asked, learner",
        "against",
        "accuracy",
        "difference (95 %)",
        "verdict",
        "forgetting",
        "difference (95 %)",
        "verdict",
    ]
    rows = []
    for scenario in SCENARIOS:
        for learner in LEARNERS:
            for arm in arms:
                cells = []
                for outcome in ("accuracy", "forgetting"):
                    c = one(found, scenario, learner, arm, outcome)
                    low, high = c.interval
                    cells += [
                        f"{c.connectome_mean:.3f} / {c.control_mean:.3f}",
                        f"{c.difference:+.3f} ({low:+.3f} to {high:+.3f})",
                    ]
                    cells.append(c.verdict)
                rows.append([f"{scenario}, {learner}", arm, *cells])
    return table(head, rows)


def scale_table(everything: dict[str, dict[str, list[Record]]]) -> str:
    """What the learners reach, on the connectome and by a perceptron."""
    rows = []
    for wiring, parts in everything.items():
        for scenario in SCENARIOS:
            for learner in (*LEARNERS, *BESIDE[wiring]):
                part = here(parts.get("asked" if learner in LEARNERS else learner, []), scenario, learner)
                for arm in (CONNECTOME, "mlp"):
                    if not any(record["arm"] == arm for record in part):
                        continue
                    known = FEWER.get(learner, FEWER.get(scenario, MEASURES))
                    values = [f"{final(part, arm, m).mean():.3f}" if m in known else "–" for m in MEASURES]
                    rows.append([f"{wiring if arm == CONNECTOME else arm}, {scenario}, {learner}", *values])
    return table(["", "ACC", "anytime", "forgetting", "BWT", "FWT"], rows)


def forward(everything: dict[str, dict[str, list[Record]]]) -> dict[str, float]:
    """Forward transfer of every arm with each learner: the mean furthest from 0, and the least and largest deviation of seeds."""
    each = []
    for parts in everything.values():
        for learner in LEARNERS:
            part = here(parts["asked"], "domain", learner)
            each += [final(part, arm, "forward_transfer") for arm in sorted({str(record["arm"]) for record in part})]
    deviations = [float(values.std(ddof=1)) for values in each]
    return {"most": max(abs(v.mean()) for v in each), "least_sd": min(deviations), "most_sd": max(deviations)}


def panel(ax: Axes, parts: dict[str, list[Record]], scenario: str, arms: list[str]) -> None:
    """Accuracy after the last lesson: a mark per network, hollow for the naive learner, full for replay; means as bars."""
    for row, arm in enumerate(arms):
        colour = arm_colour(row)
        for learner, lift in (("naive", 0.16), ("replay", -0.16)):
            values = final(here(parts["asked"], scenario, learner), arm, "accuracy")
            y = row + lift + np.linspace(-0.1, 0.1, len(values))
            face = PAPER if learner == "naive" else colour
            ax.scatter(values, y, s=16, color=face, edgecolors=colour, linewidths=0.9, alpha=0.85, zorder=3)
            ax.plot([values.mean()] * 2, [row + lift - 0.15, row + lift + 0.15], color=INK, linewidth=2.2, zorder=4)
    whole = final(here(parts["joint"], scenario, "joint"), CONNECTOME, "accuracy").mean()
    ax.axvline(float(whole), color=MUTED, linestyle="--", linewidth=1)
    chance = np.mean([float(str(record["chance"])) for record in here(parts["asked"], scenario, "naive")])
    ax.axvline(float(chance), color=MUTED, linestyle=":", linewidth=1)
    for x, said in ((float(whole), "at once"), (float(chance), "chance")):
        write(ax, x, -0.62, said, fontsize=11, color=MUTED, ha="center", va="bottom")
    for learner in LEARNERS if scenario == "class" else ():
        mean = final(here(parts["asked"], scenario, learner), CONNECTOME, "accuracy").mean()
        write(ax, float(mean) - (0.06 if learner == "replay" else -0.06), -0.62, learner, fontsize=11, va="bottom",
              color=arm_colour(0), ha="right" if learner == "replay" else "left")  # fmt: skip
    ax.set(xlim=(0, 1.02), ylim=(len(arms) - 0.5, -0.6), yticks=range(len(arms)))
    ax.tick_params(axis="y", length=0, labelsize=12.5)


def draw(everything: dict[str, dict[str, list[Record]]]) -> Figure:
    """A row of panels per wiring, a column per scenario."""
    height = 120 + 240 * len(everything)
    figure = sheet(1000, height)
    page = axes(figure, 0, 0, 1000, height)
    page.set(xlim=(0, 1000), ylim=(height, 0))
    page.axis("off")
    write(page, 30, 34, "Five lessons in turn: what is left of them after the last", fontsize=19, weight="bold")
    said = "Mean accuracy on all five, a mark per graph or seed, bars: means. Hollow: naive; full: with 100 remembered digits."
    write(page, 30, 60, said, color=MUTED)
    for line, (wiring, parts) in enumerate(everything.items()):
        arms = list(dict.fromkeys(str(record["arm"]) for record in parts["asked"]))
        for column, (scenario, asked) in enumerate(SCENARIOS.items()):
            ax = axes(figure, 170 + 420 * column, 136 + 240 * line, 380, 175)
            panel(ax, parts, scenario, arms)
            ax.set_yticklabels(arms if column == 0 else [])
            ax.set_title(f"{wiring}: {asked}", fontsize=12.5, loc="left", pad=20)
    return figure


def read_all() -> dict[str, dict[str, list[Record]]]:
    """Wiring -> part -> records, of every part that is finished; of a wiring without the question itself there is none."""
    found: dict[str, dict[str, list[Record]]] = {}
    for wiring in WIRINGS:
        asked = {"asked": question(wiring), **{learner: beside(wiring, learner) for learner in BESIDE[wiring]}}
        for part, each in asked.items():
            path = HERE / "results" / (f"{wiring}.json" if part == "asked" else f"{wiring}-{part}.json")
            with suppress(AnlageError):  # some trials are missing
                found.setdefault(wiring, {})[part] = records(each, path)
    return {wiring: parts for wiring, parts in found.items() if {"asked", "joint"} <= set(parts)}


def missing(everything: dict[str, dict[str, list[Record]]]) -> str:
    """What was declared and is not finished, in a sentence."""
    absent = [wiring for wiring in WIRINGS if wiring not in everything]
    for wiring, parts in everything.items():
        absent += [f"{learner} on the {wiring}" for learner in BESIDE[wiring] if learner not in parts]
    return f"\n**Declared, and not run to its end:** {'; '.join(absent)}.\n" if absent else ""


def means(found: list[Contrast], learner: str, control: str, outcome: str) -> tuple[str, str]:
    """The connectome's mean and that of a control, with new classes."""
    c = one(found, "class", learner, control, outcome)
    return f"{c.connectome_mean:.2f}", f"{c.control_mean:.2f}"


def finding() -> Finding:
    """The page."""
    everything = read_all()
    judged = {wiring: judge(question(wiring), parts["asked"]) for wiring, parts in everything.items()}
    arms = {wiring: cast(Comparison, question(wiring).comparison).arms for wiring in everything}
    tables = [
        f"### {wiring}: {answer(found)}\n\n{contrast_table(found, arms[wiring])}" for wiring, found in judged.items()
    ]
    contrasts = [c for found in judged.values() for c in found if c.test != WELCH]
    text = (HERE / "page.template.md").read_text("utf-8")
    answers = {wiring: answer(found) for wiring, found in judged.items()}
    if wrong := [wiring for wiring, said in answers.items() if said != WRITTEN_FOR]:
        sys.exit(f"The page was written for {WRITTEN_FOR!r}, which is not what {wrong} say; rewrite it.")
    larva = judged["mushroom-body-left"]
    page = text.format(
        verdict=f"Of {len(contrasts)} contrasts with graphs, {sum(c.verdict == 'better' for c in contrasts)} are better.",
        lost=means(larva, "naive", "degree-preserving", "forgetting"),
        known=means(larva, "naive", "degree-preserving", "accuracy"),
        kept=means(larva, "replay", "degree-preserving", "accuracy"),
        bare=means(larva, "replay", "interface-only", "accuracy"),
        permuted=means(larva, "replay", "weight-permuted", "accuracy"),
        contrasts="\n\n".join(tables),
        scale=scale_table(everything),
        forward=forward(everything),
        missing=missing(everything),
    )
    known = [
        claim(
            one(found, scenario, "naive", control, "forgetting"),
            f"{wiring.removesuffix('-left').replace('-', ' ')}, {scenario}",
            higher_is_better=False,
        )
        for wiring, found in judged.items()
        for scenario in SCENARIOS
        for control in WIRED
    ]
    return Finding(HERE, page, known, lambda: draw(everything), "lessons.png", stamp((HERE / "results").glob("*.json")))


if __name__ == "__main__":
    finding().main()

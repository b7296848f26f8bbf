"""Make page.md and mismatch.png from question.toml and results/.

python evidence/laminar-mismatch/page.py
"""

import json
import tomllib
from hashlib import sha256
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy import stats

from anlage.learning.checkpoint import write_atomic, write_text
from anlage.study.canvas import ARM, BAND, INK, MUTED, PAPER, SMALL, axes, png, sheet, write

FOLDER = Path(__file__).parent
LAYERS = {"L23E": "layer 2/3", "L4E": "layer 4", "L5E": "layer 5", "L6E": "layer 6"}
DOES = {
    "deep-predicts": {"L23E": "compares", "L4E": "input", "L5E": "predicts", "L6E": "predicts"},
    "superficial-predicts": {"L23E": "predicts", "L4E": "input", "L5E": "compares, input", "L6E": ""},
}
EVENTS = {"mismatch": ("mismatch", "expected"), "omission": ("omission", "pause")}
ARTICLE = {"mismatch": "a mismatch", "omission": "an omission"}
COLOUR = {"microcircuit": ARM[0], "block-preserving": ARM[1], "degree-preserving": ARM[3]}


class Results:
    """All records by arm, preset and seed; only seeds that every arm has."""

    def __init__(self) -> None:
        text = (FOLDER / "question.toml").read_bytes()
        self.question, identity = tomllib.loads(text.decode()), sha256(text).hexdigest()[:12]
        found = [json.loads(path.read_text()) for path in sorted((FOLDER / "results").glob("*.json"))]
        found = [record for record in found if record["question"] == identity]
        self.records = {(r["arm"], r["preset"], r["seed"]): r for r in found}
        self.arms, self.presets = self.question["wiring"]["arms"], self.question["wiring"]["presets"]
        every = [(arm, preset) for arm in self.arms for preset in self.presets]
        self.seeds = [s for s in self.question["seeds"] if all((*each, s) in self.records for each in every)]

    def index(self, arm: str, preset: str, event: str, layer: str) -> np.ndarray:
        """The declared index of one layer, after learning minus before, by seed."""
        one, other = EVENTS[event]

        def at(record: dict, when: str) -> float:
            r, e = record[when][one][layer], record[when][other][layer]
            return (r - e) / (r + e) if r + e else 0.0

        records = [self.records[arm, preset, seed] for seed in self.seeds]
        return np.array([at(record, "after") - at(record, "before") for record in records])

    def contrast(self, arm: str, event: str) -> np.ndarray:
        """(layer 2/3 minus layer 5) under deep-predicts, minus the same under superficial-predicts, by seed."""
        deep, superficial = (
            self.index(arm, preset, event, "L23E") - self.index(arm, preset, event, "L5E") for preset in DOES
        )
        return deep - superficial

    def errors(self, arm: str, preset: str, when: str) -> np.ndarray:
        """Relative squared error of the next input at expected moments, by seed."""
        return np.array([self.records[arm, preset, seed][when]["relative_error"] for seed in self.seeds])


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean and its 95 % t interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def told(values: np.ndarray) -> str:
    """The same in a table."""
    mean, low, high = interval(values)
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def panel(ax: Axes, results: Results, preset: str, event: str) -> None:
    """Index of every layer: dots are seeds, bars means and intervals, arms one below the other."""
    for i, layer in enumerate(LAYERS):
        if "compares" in DOES[preset][layer]:
            ax.axhspan(i - 0.45, i + 0.45, color=BAND, lw=0, zorder=0)
        for shift, (arm, colour) in zip((-0.24, 0, 0.24), COLOUR.items(), strict=True):
            values = results.index(arm, preset, event, layer)
            mean, low, high = interval(values)
            ax.plot(values, np.full(len(values), i + shift), "o", color=colour, ms=4, alpha=0.35, mew=0)
            ax.plot([low, high], [i + shift] * 2, color=colour, lw=2)
            ax.plot([mean], [i + shift], "D", color=colour, ms=5)
    ax.axvline(0, color=INK, lw=1)
    ax.set_ylim(3.55, -0.55)
    ax.yaxis.set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(4))


def picture(results: Results) -> bytes:
    """A panel for each preset and event."""
    figure = sheet(1000, 720)
    figure.set_facecolor(PAPER)
    columns: dict[str, list[Axes]] = {event: [] for event in EVENTS}
    for row, preset in enumerate(DOES):
        for column, event in enumerate(EVENTS):
            ax = axes(figure, 190 + column * 410, 120 + row * 305, 370, 215)
            panel(ax, results, preset, event)
            columns[event].append(ax)
            write(ax, 0, 1.06, f"{preset}: {event}", weight="bold", transform=ax.transAxes)
            ax.set_xlabel("index, learned minus untrained", color=MUTED, fontsize=SMALL)
        first = columns["mismatch"][row]
        for i, (layer, words) in enumerate(LAYERS.items()):
            place = {"ha": "right", "va": "center", "transform": first.get_yaxis_transform()}
            write(first, -0.04, i - 0.13, words, weight="bold", **place)
            write(first, -0.04, i + 0.18, DOES[preset][layer], fontsize=SMALL, color=MUTED, **place)
    for both in columns.values():  # one scale per event; the two events differ too much to share one
        low, high = min(ax.get_xlim()[0] for ax in both), max(ax.get_xlim()[1] for ax in both)
        for ax in both:
            ax.set_xlim(low, high)
    head = axes(figure, 20, 12, 960, 70)
    head.axis("off")
    place = {"transform": head.transAxes, "va": "center"}
    write(head, 0, 0.85, "What excitatory neurons of each layer answer to a broken regularity", weight="bold", **place)
    note = "Mismatch: a stimulus where another was due, against where it was due. Omission: silence for it, against a pause."
    write(head, 0, 0.5, note, fontsize=SMALL, color=MUTED, **place)
    for x, (arm, colour) in zip((0, 0.14, 0.3), COLOUR.items(), strict=True):
        write(head, x, 0.12, f"◆ {arm}", color=colour, fontsize=SMALL, weight="bold", **place)
    write(
        head,
        0.47,
        0.12,
        "dots: seeds; bars: 95 % intervals; shaded: the layer taught to compare",
        fontsize=SMALL,
        color=MUTED,
        **place,
    )
    return png(figure)


def hypothesis(r: Results) -> list[str]:
    """Each part of the hypothesis, and whether its interval says so."""
    lines = []
    for preset, layer in (("deep-predicts", "L23E"), ("superficial-predicts", "L5E")):
        for event in EVENTS:
            values = r.index("microcircuit", preset, event, layer)
            _, low, high = interval(values)
            word = "more" if low > 0 else "less" if high < 0 else "neither more nor less, as far as can be told"
            lines.append(
                f"- Under `{preset}`, {LAYERS[layer]}, which compares, answers {ARTICLE[event]} **{word}**: {told(values)}."
            )
    _, low, high = interval(r.contrast("microcircuit", "omission"))
    word = "tell" if low > 0 else "do not tell"
    lines.append(
        f"- Omissions **{word}** the presets apart by the same difference: {told(r.contrast('microcircuit', 'omission'))}."
    )
    apart = r.contrast("degree-preserving", "mismatch") - r.contrast("microcircuit", "mismatch")
    _, low, high = interval(apart)
    word = "weakens it" if high < 0 else "strengthens it" if low > 0 else "changes nothing that could be seen"
    lines.append(f"- Giving up the layers (degree-preserving rewiring) **{word}**: {told(apart)}.")
    return lines


def tables(r: Results) -> list[str]:
    """The contrasts, what was learned, and every layer's index on the microcircuit."""
    lines = ["| wiring | mismatch | minus microcircuit | omission |", "|---|---:|---:|---:|"]
    first = r.contrast("microcircuit", "mismatch")
    for arm in r.arms:
        here = r.contrast(arm, "mismatch")
        apart = "" if arm == "microcircuit" else told(here - first)
        lines.append(f"| {arm} | {told(here)} | {apart} | {told(r.contrast(arm, 'omission'))} |")
    lines += [
        "",
        "Relative squared error of the next input at regular moments (1: no better than the mean), by preset:",
        "",
    ]
    lines += ["| wiring | preset | untrained | learned |", "|---|---|---:|---:|"]
    for arm in r.arms:
        for preset in r.presets:
            before, after = (r.errors(arm, preset, when) for when in ("before", "after"))
            lines.append(
                f"| {arm} | {preset} | {before.mean():.2f} | {after.mean():.2f} ({after.min():.2f} to {after.max():.2f}) |"
            )
    lines += [
        "",
        "Every layer's index on the microcircuit:",
        "",
        "| preset | layer | does | mismatch | omission |",
        "|---|---|---|---:|---:|",
    ]
    for preset in r.presets:
        for layer, words in LAYERS.items():
            cells = [told(r.index("microcircuit", preset, event, layer)) for event in EVENTS]
            lines.append(f"| {preset} | {words} | {DOES[preset][layer]} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Write both."""
    r = Results()
    primary = interval(r.contrast("microcircuit", "mismatch"))
    verdict = "supported" if primary[1] > 0 and len(r.seeds) == len(r.question["seeds"]) else "not supported"
    missing = (
        ""
        if len(r.seeds) == len(r.question["seeds"])
        else f" Only {len(r.seeds)} of {len(r.question['seeds'])} seeds were run."
    )
    lines = [
        "<!-- Made by `python evidence/laminar-mismatch/page.py`; do not edit. -->",
        "",
        "# Who predicts, who compares: what a broken regularity tells",
        "",
        "The question and its rule are in [question.toml](question.toml), committed before the runs; `python "
        "evidence/laminar-mismatch/run.py`",
        "makes the results.",
        "",
        f"Over {len(r.seeds)} seeds the presets differ in (mismatch in layer 2/3 minus layer 5) by",
        f"{told(r.contrast('microcircuit', 'mismatch'))}. By the declared rule the primary outcome is",
        f"**{verdict}**.{missing} The rest of the hypothesis, part by part:",
        "",
        *hypothesis(r),
        "",
        "![Index of every layer at mismatch and omission, both presets, three wirings](mismatch.png)",
        "",
        "Difference between the presets, mean over seeds with its 95 % t interval:",
        "",
        *tables(r),
        "",
        "- **Partly put in.** The comparing neurons were taught to report the error. That they answer it is no discovery;",
        "  what the other layers do, and how much of it the wiring decides, is what was asked.",
        "- **A check.** The microcircuit is itself a draw from a block model, so block-preserving rewiring is another draw of",
        "  nearly the same wiring. A difference from it would be a false alarm.",
        "- **What this is not**: a model of an animal. About 310 rate neurons, three stimuli, 150 steps of learning by gradient;",
        "  inhibition is no stronger than excitation. Which preset a cortex has is decided by recordings, not by this.",
        "",
    ]
    write_text(FOLDER / "page.md", "\n".join(lines))
    write_atomic(FOLDER / "mismatch.png", picture(r))


if __name__ == "__main__":
    main()

"""Make page.md and collapse.png from question.toml and results/.

python evidence/nepa-collapse/page.py
"""

import json
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from anlage.learning.checkpoint import write_atomic, write_text
from anlage.study.canvas import ARM, BAND, INK, MUTED, PAPER, SMALL, axes, png, sheet, write

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
from run import questions  # noqa: E402

CLAIMED = ("nepa", "no-stop-gradient", "no-shift")
PLACED = ("sigreg", "vicreg", "infonce", "multistep")
COLOUR = dict(zip((*CLAIMED, *PLACED), (INK, ARM[0], ARM[3], ARM[1], ARM[2], ARM[5], ARM[4]), strict=True))
MEASURES = ("effective_rank", "embedding_probe")


def results(network: str) -> tuple[dict, dict[str, list[list[dict]]], float]:
    """The question about a network, the curves of every arm by seed, the probe on raw pixels. Whole seeds only."""
    question, identity = questions()[network]
    found = [json.loads(path.read_text()) for path in sorted((FOLDER / "results").glob("*.json"))]
    found = [record for record in found if record["question"] == identity]
    whole = [s for s in question["seeds"] if sum(r["seed"] == s for r in found) == len(question["arms"])]
    curves = {
        a: [r["curve"] for s in whole for r in found if (r["arm"], r["seed"]) == (a, s)] for a in question["arms"]
    }
    return question | {"whole": whole}, curves, found[0]["raw_probe"]


def ends(curves: list[list[dict]], measure: str, at: int = -1) -> np.ndarray:
    """One number per seed."""
    return np.array([curve[at][measure] for curve in curves])


def span(values: np.ndarray, digits: int) -> str:
    """The mean and the range."""
    return f"{values.mean():.{digits}f} ({values.min():.{digits}f} to {values.max():.{digits}f})"


def table(curves: dict) -> str:
    """Every arm at its end, after the untrained network."""
    lines = [
        "| objective | effective rank of the embedding | probe on the embedding | probe on the output neurons | rank of their "
        "activity | spread | loss |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    untrained = curves["nepa"]

    def row(name: str, part: list, at: int) -> str:
        cells = [span(ends(part, "effective_rank", at), 1), span(ends(part, "embedding_probe", at), 3)]
        cells += [span(ends(part, "probe_accuracy", at), 3), f"{ends(part, 'state_rank', at).mean():.1f}"]
        cells += [f"{ends(part, 'embedding_spread', at).mean():.2f}"]
        cells += ["" if at == 0 else f"{ends(part, 'loss').mean():.3f}"]
        return f"| {name} | " + " | ".join(cells) + " |"

    lines.append(row("*untrained*", untrained, 0))
    return "\n".join(lines + [row(f"`{arm}`", part, -1) for arm, part in curves.items()])


def orderings(curves: dict) -> list[tuple[str, int, int]]:
    """Each declared ordering: what it says, in how many seeds it holds, of how many."""
    found = []
    for arm in CLAIMED[1:]:
        for measure, word in zip(MEASURES, ("rank", "probe"), strict=True):
            held = ends(curves[arm], measure) < ends(curves["nepa"], measure)
            found.append((f"`{arm}` below `nepa` in {word}", int(held.sum()), len(held)))
    for arm in (a for a in PLACED if a in curves):
        held = ends(curves[arm], "effective_rank") > ends(curves["no-stop-gradient"], "effective_rank")
        found.append((f"`{arm}` above `no-stop-gradient` in rank", int(held.sum()), len(held)))
    return found


def named(arms: list[str]) -> str:
    """Names in a sentence."""
    return ", ".join(f"`{arm}`" for arm in arms) or "no arm"


def alarms(curves: dict) -> list[str]:
    """Arms that grow would have stopped, in at least one seed."""
    rung = []
    for arm, part in curves.items():
        low = (ends(part, "effective_rank") < 0.25 * ends(part, "effective_rank", 0)) | (
            ends(part, "embedding_spread") < 0.05 * ends(part, "embedding_spread", 0)
        )
        rung += [f"`{arm}` ({low.sum()} of {len(low)})"] if low.any() else []
    return rung


def panel(ax: Axes, curves: dict, measure: str) -> None:
    """Every seed of every arm as a dot, its mean as a bar; what the untrained networks have, dashed and shaded."""
    for i, arm in enumerate((*CLAIMED, *PLACED)):
        if arm not in curves:
            write(
                ax,
                0.02,
                i,
                "cannot be asked",
                va="center",
                color=MUTED,
                fontsize=SMALL,
                transform=ax.get_yaxis_transform(),
            )
            continue
        values = ends(curves[arm], measure)
        ax.plot(values, np.full(len(values), i), "o", color=COLOUR[arm], ms=6, alpha=0.55, mew=0)
        ax.plot([values.mean()] * 2, [i - 0.3, i + 0.3], color=COLOUR[arm], lw=3)
    untrained = ends(curves["nepa"], measure, 0)
    ax.axvspan(untrained.min(), untrained.max(), color=BAND, lw=0, zorder=0)
    ax.axvline(untrained.mean(), color=MUTED, lw=1, ls=(0, (4, 3)))
    ax.set_ylim(len(COLOUR) - 0.4, -0.6)
    ax.yaxis.set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5))


def picture(found: dict[str, dict], raw: float) -> bytes:
    """Rank and probe of every arm after learning, beside the untrained networks: the wiring above, the transformer below."""
    figure = sheet(1000, 720)
    figure.set_facecolor(PAPER)
    rows = {"wiring": "Mushroom body", "transformer": "Transformer, as many parameters"}
    columns = (
        ("effective_rank", "Effective rank of the embedding, of 16"),
        ("embedding_probe", "What a linear probe reads from it"),
    )
    for down, (network, title) in enumerate(rows.items()):
        beside = [axes(figure, left, 110 + 310 * down, 370, 240) for left in (175, 590)]
        for ax, (measure, words) in zip(beside, columns, strict=True):
            panel(ax, found[network], measure)
            values = [ends(part, measure) for curves in found.values() for part in curves.values()]
            low, high = min(v.min() for v in values), max(v.max() for v in values)
            ax.set_xlim(low - 0.06 * (high - low), high + 0.06 * (high - low))
            if not down:
                write(ax, 0, 1.17, words, weight="bold", transform=ax.transAxes)
            else:
                label = "directions in use" if measure == "effective_rank" else "share of held-out digits named right"
                ax.set_xlabel(label, color=MUTED, fontsize=SMALL)
        write(beside[0], 0, 1.05, title, color=MUTED, transform=beside[0].transAxes)
        for i, arm in enumerate((*CLAIMED, *PLACED)):
            place = {"ha": "right", "va": "center", "transform": beside[0].get_yaxis_transform()}
            write(beside[0], -0.03, i, arm, color=COLOUR[arm], weight="bold", **place)
        if not down:
            note = f"Dots: seeds; upright bar: mean; dashed and shaded: untrained networks. The probe on raw pixels: {raw:.2f}."
            write(beside[0], -0.4, 1.33, note, fontsize=SMALL, color=MUTED, transform=beside[0].transAxes)
    return png(figure)


def held_table(held: list[tuple[str, int, int]]) -> list[str]:
    """Each ordering, and in how many seeds it holds."""
    return [
        "| ordering | seeds in which it holds |",
        "|---|---:|",
        *(f"| {what} | {n} of {of} |" for what, n, of in held),
    ]


def missing(question: dict) -> str:
    """What was declared and not run."""
    done, asked = len(question["whole"]), len(question["seeds"])
    return "" if done == asked else f" Only {done} of the {asked} declared seeds were run."


def wiring(question: dict, curves: dict, raw: float) -> list[str]:
    """What was found on the wiring."""
    held = orderings(curves)
    whole = len(question["whole"]) == len(question["seeds"])
    verdict = "supported" if whole and all(n == of for _, n, of in held[:4]) else "not supported as a whole"
    untrained = ends(curves["nepa"], "embedding_probe", 0)
    better = [a for a, part in curves.items() if (ends(part, "embedding_probe") > untrained).all()]
    worse = [a for a, part in curves.items() if (ends(part, "embedding_probe") < untrained).all()]
    return [
        "By the declared rule (an ordering holds when it holds in all seeds) the claim is "
        f"**{verdict}**.{missing(question)}",
        "",
        *held_table(held),
        "",
        "![Rank of the embedding, and what a probe reads from it](collapse.png)",
        "",
        f"Every arm after {question['steps']} steps, mean and range over seeds; raw pixels give the probe {raw:.3f}:",
        "",
        table(curves),
        "",
        "- **Against the untrained network of the same seed** the probe on the embedding reads more in every seed from "
        f"{named(better)}, and less in every seed from {named(worse)}.",
        f"- **`grow` would have stopped** {', '.join(alarms(curves)) or 'no arm'} for collapse.",
        "- **Losses cannot be compared** between objectives, and within the cosine family a lower one is a symptom: the arms "
        "without a part score best by it.",
        "- **What this is**: one small wiring, one linear embedding, sixteen patches of a digit, minutes of learning. It says "
        "which parts keep an embedding alive here, not what they are worth at scale.",
        "",
    ]


def transformer(question: dict, curves: dict) -> list[str]:
    """What was found with the network that the claim was made with."""
    held = orderings(curves)
    asked = [(what, n, of) for what, n, of in held if what != "`no-shift` below `nepa` in rank"]
    whole = len(question["whole"]) == len(question["seeds"])
    verdict = "supported" if whole and all(n == of for _, n, of in asked) else "not supported as a whole"
    return [
        "## The same of a causal transformer",
        "",
        "The claim comes from a transformer with QK-normalisation, rotary positions and LayerScale. Here is one with as many "
        "trained parameters as the network on the wiring, the same encoder and the same images; asked in "
        f"[transformer.toml](transformer.toml) before it was run. Its hypothesis is **{verdict}**.{missing(question)}",
        "",
        *held_table(held),
        "",
        "Whether `no-shift` ends with a lower rank was left open. `multistep` goes on from the state that a network shows, which "
        "is not all of a transformer's, so it cannot be asked. In the place of output neurons stands the normalised last layer.",
        "",
        table(curves),
        "",
        f"`grow` would have stopped {', '.join(alarms(curves)) or 'no arm'} for collapse.",
        "",
    ]


def main() -> None:
    """Write both."""
    question, curves, raw = results("wiring")
    other, others, _ = results("transformer")
    lines = [
        "<!-- Made by `python evidence/nepa-collapse/page.py`; do not edit. -->",
        "",
        "# What is next-embedding prediction without its parts?",
        "",
        "The question and its rule are in [question.toml](question.toml), committed before the runs; `python "
        "evidence/nepa-collapse/run.py` makes the results.",
        "",
        *wiring(question, curves, raw),
        *transformer(other, others),
    ]
    write_text(FOLDER / "page.md", "\n".join(lines))
    write_atomic(FOLDER / "collapse.png", picture({"wiring": curves, "transformer": others}, raw))


if __name__ == "__main__":
    main()

"""Make page.md and collapse.png from question.toml and results/.

python evidence/nepa-collapse/page.py
"""

import json
import tomllib
from hashlib import sha256
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from anlage.learning.checkpoint import write_atomic, write_text
from anlage.study.canvas import ARM, BAND, INK, MUTED, PAPER, SMALL, axes, png, sheet, write

FOLDER = Path(__file__).parent
CLAIMED = ("nepa", "no-stop-gradient", "no-shift")
PLACED = ("sigreg", "vicreg", "infonce", "multistep")
COLOUR = dict(zip((*CLAIMED, *PLACED), (INK, ARM[0], ARM[3], ARM[1], ARM[2], ARM[5], ARM[4]), strict=True))
MEASURES = ("effective_rank", "embedding_probe")


def results() -> tuple[dict, dict[str, list[list[dict]]], float]:
    """The question, the curves of every arm by seed, and what the probe reads from raw pixels. Whole seeds only."""
    text = (FOLDER / "question.toml").read_bytes()
    question, identity = tomllib.loads(text.decode()), sha256(text).hexdigest()[:12]
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
    for arm in PLACED:
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


def panel(ax: Axes, curves: dict, measure: str, title: str, label: str) -> None:
    """Every seed of every arm as a dot, its mean as a bar; what the untrained networks have, dashed and shaded."""
    for i, (arm, part) in enumerate(curves.items()):
        values = ends(part, measure)
        ax.plot(values, np.full(len(values), i), "o", color=COLOUR[arm], ms=6, alpha=0.55, mew=0)
        ax.plot([values.mean()] * 2, [i - 0.3, i + 0.3], color=COLOUR[arm], lw=3)
    untrained = ends(curves["nepa"], measure, 0)
    ax.axvspan(untrained.min(), untrained.max(), color=BAND, lw=0, zorder=0)
    ax.axvline(untrained.mean(), color=MUTED, lw=1, ls=(0, (4, 3)))
    ax.set_ylim(len(curves) - 0.4, -0.6)
    ax.yaxis.set_visible(False)
    write(ax, 0, 1.05, title, weight="bold", transform=ax.transAxes)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel(label, color=MUTED, fontsize=SMALL)


def picture(curves: dict, raw: float) -> bytes:
    """Rank and probe of every arm after learning, beside the untrained networks."""
    figure = sheet(1000, 430)
    figure.set_facecolor(PAPER)
    left, right = axes(figure, 175, 70, 370, 290), axes(figure, 590, 70, 370, 290)
    panel(left, curves, "effective_rank", "Effective rank of the embedding, of 16", "directions in use")
    panel(right, curves, "embedding_probe", "What a linear probe reads from it", "share of held-out digits named right")
    for i, arm in enumerate(curves):
        place = {"ha": "right", "va": "center", "transform": left.get_yaxis_transform()}
        write(left, -0.03, i, arm, color=COLOUR[arm], weight="bold", **place)
    note = f"Dots: seeds; upright bar: mean; dashed and shaded: the untrained networks. The probe on raw pixels: {raw:.2f}."
    write(left, -0.4, 1.15, note, fontsize=SMALL, color=MUTED, transform=left.transAxes)
    return png(figure)


def main() -> None:
    """Write both."""
    question, curves, raw = results()
    done, asked = question["whole"], question["seeds"]
    held = orderings(curves)
    untrained = ends(curves["nepa"], "embedding_probe", 0)
    better = [a for a, part in curves.items() if (ends(part, "embedding_probe") > untrained).all()]
    worse = [a for a, part in curves.items() if (ends(part, "embedding_probe") < untrained).all()]
    verdict = (
        "supported" if all(n == of for _, n, of in held[:4]) and len(done) == len(asked) else "not supported as a whole"
    )
    missing = "" if len(done) == len(asked) else f" Only {len(done)} of the {len(asked)} declared seeds were run."
    lines = [
        "<!-- Made by `python evidence/nepa-collapse/page.py`; do not edit. -->",
        "",
        "# What is next-embedding prediction without its parts?",
        "",
        "The question and its rule are in [question.toml](question.toml), committed before the runs; `python "
        "evidence/nepa-collapse/run.py` makes the results.",
        "",
        f"By the declared rule (an ordering holds when it holds in all seeds) the claim is **{verdict}**.{missing}",
        "",
        "| ordering | seeds in which it holds |",
        "|---|---:|",
        *(f"| {what} | {n} of {of} |" for what, n, of in held),
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
    write_text(FOLDER / "page.md", "\n".join(lines))
    write_atomic(FOLDER / "collapse.png", picture(curves, raw))


if __name__ == "__main__":
    main()

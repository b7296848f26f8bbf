"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``kept.png``; ``--check`` only says whether they are fresh."""

import sys
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from anlage.learning.retention import share_kept  # noqa: E402
from anlage.seed import Seed  # noqa: E402
from anlage.study.canvas import LINE, MUTED, arm_colour, axes, sheet, write  # noqa: E402
from anlage.study.outcome import Outcome  # noqa: E402
from anlage.study.statistics import Contrast, Pair, family  # noqa: E402
from anlage.study.trial import CONNECTOME  # noqa: E402
from finding import Finding, claim, stamp, table, verdict_table  # noqa: E402
from ledger import Row, read  # noqa: E402

TEXT = (HERE / "question.toml").read_bytes()
QUESTION = tomllib.loads(TEXT.decode())
WRITTEN_FOR = "not supported"
"""What the prose says of every wiring."""
PICTURES = ("noise", "blur", "occlusion", "contrast")
GRADES: Mapping[str, tuple[str, ...]] = {
    **{kind: tuple(f"{kind} {s:g}" for s in strengths) for kind, strengths in QUESTION["strengths"].items()},
    "silenced": tuple(f"silenced {share:g}" for share in QUESTION["lost"]),
    "longer": tuple(f"longer {times}" for times in QUESTION["times"]),
}
"""Condition -> its columns, mildest first."""
OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "pictures": PICTURES,
    "dead pixels": ("dead-pixels",),
    "silenced": ("silenced",),
    "longer": ("longer",),
}
"""Outcome -> the conditions it is the mean of; ``clean`` is the accuracy itself."""
WIRED = ("degree-preserving", "weight-permuted")
"""The controls that the claim is about."""


def arms(rows: list[Row]) -> list[str]:
    """The arms of a wiring, in the order of the question."""
    return list(dict.fromkeys(row["arm"] for row in rows))


def grades(row: Row, kinds: tuple[str, ...]) -> list[float]:
    """The share kept at every strength, mean over the kinds; empty for a network that knows no such condition."""
    chance, columns = QUESTION["chance"], zip(*(GRADES[kind] for kind in kinds), strict=True)
    return [
        float(np.mean([share_kept(row[name], row["clean"], chance) for name in names]))
        for names in columns
        if row[names[0]] is not None
    ]


def outcome(rows: list[Row], arm: str, name: str) -> np.ndarray:
    """The outcome of every network of an arm, by index; NaN where there is none."""
    mine = sorted((row for row in rows if row["arm"] == arm), key=lambda row: row["index"])
    found = [[row["clean"]] if name == "clean" else grades(row, OUTCOMES[name]) or [np.nan] for row in mine]
    return np.array([np.mean(each) for each in found])


def judged(rows: list[Row], name: str) -> list[Contrast]:
    """The connectome against every other arm; Holm over the arms."""
    here = outcome(rows, CONNECTOME, name)
    scale = Outcome(name, True, QUESTION["chance"] + 0.018 if name == "clean" else -np.inf, np.inf)
    pairs = []
    for arm in arms(rows)[1:]:
        scores, engineered = outcome(rows, arm, name), arm in QUESTION["networks"]
        graphs = {row["graph"] or row["index"] for row in rows if row["arm"] == arm}
        if np.isfinite(scores).all():
            pairs.append(Pair(scale, arm, here, scores, len(graphs), 0.0, None, engineered=engineered))
    return family(pairs, Seed(QUESTION["seed"]).child(name).rng())


def answer(found: Mapping[str, list[Contrast]]) -> str:
    """What becomes of the claim about a wiring, by the rule of the question."""

    def won(name: str) -> bool:
        verdicts = {c.control: c.verdict for c in found[name]}
        return all(verdicts[control] == "better" for control in (*WIRED, "interface-only"))

    return "supported" if won("pictures") else "partly" if any(won(name) for name in OUTCOMES) else "not supported"


def means(everything: Mapping[str, list[Row]]) -> str:
    """Clean accuracy and the share kept under every condition, means over networks."""
    lines = []
    for wiring, rows in everything.items():
        for arm in arms(rows):
            mine = [row for row in rows if row["arm"] == arm]
            kept = [[v for row in mine for v in grades(row, (kind,))] for kind in GRADES]
            cells = [f"{np.mean(each):.2f}" if each else "–" for each in kept]
            lines.append([f"{wiring}, {arm}", f"{outcome(rows, arm, 'clean').mean():.3f}", *cells])
    return table(["", "clean accuracy", *(kind.replace("-", " ") for kind in GRADES)], lines)


def draw(everything: Mapping[str, list[Row]]) -> Figure:
    """A row of panels per wiring, a column per outcome: the share kept at every grade."""
    height = 165 + 250 * len(everything)
    figure = sheet(1000, height)
    page = axes(figure, 0, 0, 1000, height)
    page.set(xlim=(0, 1000), ylim=(height, 0))
    page.axis("off")
    write(
        page, 30, 34, "What is kept when the world, or the network, is no longer as it was", fontsize=19, weight="bold"
    )
    said = "Share of the clean accuracy above chance. Lines: means of 20 networks; thin: every one on the connectome."
    write(page, 30, 60, said, color=MUTED)
    titles = ("noise, blur, cover, contrast", "dead pixels", "silent input neurons", "shown for longer")
    ticks = (range(1, 5), QUESTION["strengths"]["dead-pixels"], QUESTION["lost"], QUESTION["times"])
    for line, (wiring, rows) in enumerate(everything.items()):
        for column, kinds in enumerate(OUTCOMES.values()):
            ax = axes(figure, 70 + 235 * column, 128 + 250 * line, 200, 165)
            for number, arm in reversed(list(enumerate(arms(rows)))):
                curves = [grades(row, kinds) for row in rows if row["arm"] == arm]
                if not curves[0]:
                    continue
                x = np.arange(len(curves[0]) + 1)
                if number == 0:
                    for curve in curves:
                        ax.plot(x, [1, *curve], color=arm_colour(0), linewidth=0.5, alpha=0.35)
                wide, label = (2.8 if number == 0 else 1.7), arm if line == column == 0 else None
                ax.plot(
                    x,
                    [1, *np.mean(curves, axis=0)],
                    color=arm_colour(number),
                    linewidth=wide,
                    marker="o",
                    ms=3,
                    label=label,
                )
            ax.set(ylim=(0, 1.05), yticks=(0, 0.25, 0.5, 0.75, 1), xticks=x)
            words = [f"{tick:g}" for tick in ticks[column]]
            ax.set_xticklabels(["clean", *words] if column == 0 else ["1" if column == 3 else "0", *words])
            ax.set_yticklabels(("0", "0.25", "0.5", "0.75", "1"))
            ax.spines["left"].set_visible(True)
            ax.spines["left"].set_color(LINE)
            ax.set_title(titles[column], fontsize=12.5, loc="left")
            if line == len(everything) - 1:
                ax.set_xlabel(
                    ("grade", "share of pixels", "share of neurons", "times as long")[column], color=MUTED, fontsize=12
                )
        write(page, 30, 98 + 250 * line, wiring, fontsize=12.5, weight="bold")
    handles, labels = figure.axes[1].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], frameon=False, fontsize=12, ncols=6, loc="lower center")
    return figure


def finding() -> Finding:
    """The page."""
    identity = sha256(TEXT).hexdigest()[:16]
    both = {w: read(HERE / "results" / f"{w}.json", identity) for w in QUESTION["wirings"]}
    everything = {w: rows for w, rows in both.items() if rows and len(rows) == QUESTION["graphs"] * len(arms(rows))}
    found = {w: {name: judged(rows, name) for name in ("clean", *OUTCOMES)} for w, rows in everything.items()}
    parts = [
        f"## {w}: {answer(by)}\n\n" + verdict_table([c for each in by.values() for c in each])
        for w, by in found.items()
    ]
    if wrong := [w for w, by in found.items() if answer(by) != WRITTEN_FOR]:
        sys.exit(f"The page was written for {WRITTEN_FOR!r}, which is not what {wrong} say; rewrite it.")
    absent = [w for w in QUESTION["wirings"] if w not in everything]
    missing = f"\n**Declared, and not run to its end:** {', '.join(absent)}.\n" if absent else ""
    text = (HERE / "page.template.md").read_text("utf-8")
    kept = {
        c.control: (f"{c.connectome_mean:.2f}", f"{c.control_mean:.2f}") for c in found["mushroom-body-left"]["longer"]
    }
    page = text.format(
        verdicts="\n\n".join(parts),
        means=means(everything),
        missing=missing,
        longer=kept["degree-preserving"],
        permuted=kept["weight-permuted"],
    )
    known = [
        claim(c, f"{name}, {wiring.removesuffix('-left').replace('-', ' ')}", higher_is_better=True)
        for wiring, by in found.items()
        for name in OUTCOMES
        for c in by[name]
        if c.control in WIRED
    ]
    return Finding(HERE, page, known, lambda: draw(everything), "kept.png", stamp((HERE / "results").glob("*.json")))


if __name__ == "__main__":
    finding().main()

"""Write ``page.md`` and its figure from ``results/``; with ``--check``, say whether they are what the results say.

python evidence/input-confinement/page.py
"""

import json
import sys
import tomllib
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy import ndarray

from anlage.learning.checkpoint import write_text
from anlage.seed import Seed
from anlage.study.figure import swarm
from anlage.study.outcome import Outcome
from anlage.study.statistics import MIN_GRAPHS, Contrast, contrasts

HERE = Path(__file__).parent
RESULTS, FIGURE = HERE / "results", "confinement.svg"
PARTS = ("ports-rewired", "inner-rewired")
SHARE = Outcome("recruited share", higher_is_better=False, floor=1.01, ceiling=-0.01)
WORDS = {
    "weight-permuted": "only which edge is strong",
    "degree-preserving": "who meets whom; degrees stay",
    "block-preserving": "the same; degrees with each role stay",
    "class-preserving": "the same; degrees with each class and side stay",
    "strength-preserving": "who meets whom; degrees and strengths stay",
    "reciprocity-preserving": "who meets whom; degrees and mutual pairs stay",
    "modularity-preserving": "who meets whom; degrees with each community stay",
    "ports-rewired": "only whom the sensory neurons reach",
    "inner-rewired": "only what lies behind them",
}
WRITTEN_FOR = [f"{kept}-preserving" for kept in ("degree", "block", "class", "reciprocity", "modularity")]
"""Controls that the larva was more confined than when the prose of page.template.md was written."""
RED, GREY = "#c44f00", "#59626c"


def read_results() -> dict[str, Any]:
    """The question, its checksum, a fingerprint of all results, and the graphs of every arm."""
    text = (HERE / "question.toml").read_bytes()
    question, identity = tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]
    files = sorted(RESULTS.glob("*.json"))
    records = {path.stem: json.loads(path.read_text("utf-8")) for path in files}
    if foreign := sorted(stem for stem, record in records.items() if record["question"] != identity):
        sys.exit(f"The results {', '.join(foreign)} answer another question; delete them, then run run.py.")
    fingerprint = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    arms = [*question["family"]["controls"], *PARTS]
    graphs = {arm: [] for arm in arms} | {stem: record["graphs"] for stem, record in records.items()}
    return {
        "question": question,
        "fingerprint": fingerprint,
        "graphs": graphs,
        "versions": records["larva"]["versions"],
    }


def column(results: dict[str, Any], arm: str, setting: str = "declared", name: str = "active 0.1") -> ndarray:
    """One number per graph of an arm."""
    return np.array([graph[setting][name] for graph in results["graphs"][arm]])


def judge(results: dict[str, Any], setting: str = "declared", name: str = "active 0.1") -> dict[str, Contrast]:
    """The larva against every control of the family; Holm over them. Arms of different size are judged one by one."""
    family = results["question"]["family"]["controls"]
    (larva,) = column(results, "larva", setting, name)
    graphs = {arm: column(results, arm, setting, name) for arm in family}
    most = max(map(len, graphs.values()))
    # Controls with fewer graphs are padded, for contrasts leaves NaN out; its count of lost trials is that of the padding.
    padded = {arm: np.append(values, np.full(most - len(values), np.nan)) for arm, values in graphs.items()}
    rng = Seed(results["question"]["seed"]).child("page").child(setting).child(name).rng()
    found = contrasts(SHARE, np.full(most, larva), padded, 0.0, rng)
    return {c.control: replace(c, lost=0, sentence=c.sentence.split(f" {c.lost} of {most} pairs")[0]) for c in found}


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first two to the right."""
    rule = ["---", "---"] + ["---:"] * (len(head) - 2)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def p(value: float) -> str:
    """A p value to three digits, never as zero."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def answer_table(results: dict[str, Any], found: dict[str, Contrast]) -> str:
    """The family."""
    rows = []
    for arm, c in found.items():
        graphs = f"{c.n_graphs} of {results['question']['graphs'][arm]}"
        if not c.counted:
            rows.append([f"`{arm}`", WORDS[arm], graphs, *[""] * 4, "not run yet"])
            continue
        difference = f"{c.difference:+.3f} ({c.interval[0]:+.3f} to {c.interval[1]:+.3f})"
        verdict = {"better": "more confined", "worse": "less confined"}.get(c.verdict, c.verdict)
        rows.append(
            [
                f"`{arm}`",
                WORDS[arm],
                graphs,
                f"{c.control_mean:.3f}",
                difference,
                f"{c.percentile:.0f}",
                p(c.p_holm),
                verdict,
            ]
        )
    head = [
        "control",
        "what moves",
        "graphs",
        "mean",
        "larva less control (95 %)",
        "percentile",
        "p (Holm)",
        "the larva is",
    ]
    return table(head, rows)


def parts_table(results: dict[str, Any]) -> str:
    """What is left of the difference when only one part of the edges is rewired."""
    (larva,), whole = column(results, "larva"), column(results, "degree-preserving").mean()
    rows = []
    for arm in PARTS:
        values = column(results, arm)
        extent = f"{values.min():.3f} to {values.max():.3f}"
        share = f"{(values.mean() - larva) / (whole - larva):.0%}"
        rows.append([f"`{arm}`", WORDS[arm], str(len(values)), f"{values.mean():.3f}", extent, share])
    return table(["arm", "what moves", "graphs", "mean", "range", "of the way to degree-preserving"], rows)


def sweep_table(results: dict[str, Any]) -> str:
    """Every measure and setting: the larva, the mean of each control, and whether the larva is outside all of its graphs."""
    family = [arm for arm in results["question"]["family"]["controls"] if results["graphs"][arm]]
    cases = [("declared", name) for name in results["graphs"]["larva"][0]["declared"]]
    cases += [(s, "active 0.1") for s in results["graphs"]["larva"][0] if s not in ("declared", "senses", "reach")]
    cases += [("reach", name) for name in results["graphs"]["larva"][0]["reach"]]
    rows = []
    for setting, name in cases:
        (larva,) = column(results, "larva", setting, name)
        cells = []
        for arm in family:
            values = column(results, arm, setting, name)
            mark = "**" if larva < values.min() else "*" if larva > values.max() else ""
            cells.append(f"{mark}{values.mean():.3f}{mark}")
        rows.append([setting, name, f"{larva:.3f}", *cells])
    return table(["setting", "measure", "larva", *family], rows)


def senses_table(results: dict[str, Any]) -> str:
    """The primary measure of every sense, against degree-preserving and class-preserving rewires."""
    rows = []
    for sense, larva in results["graphs"]["larva"][0]["senses"].items():
        cells = []
        for arm in ("degree-preserving", "class-preserving"):
            values = column(results, arm, "senses", sense)
            cells += [f"{values.mean():.3f}", f"{100 * (values < larva).mean():.0f}"]
        rows.append([sense, f"{larva:.3f}", *cells])
    return table(["sense", "larva", "degree-preserving", "percentile", "class-preserving", "percentile"], rows)


def draw(results: dict[str, Any]) -> Figure:
    """Every arm as a row of dots, the larva as a line through all of them."""
    arms = [*results["question"]["family"]["controls"], *PARTS]
    (larva,) = column(results, "larva")
    figure = Figure(figsize=(8.2, 0.52 * len(arms) + 1.5), layout="constrained")
    axes = figure.add_subplot()
    arms = [arm for arm in arms if results["graphs"][arm]]
    most = max(column(results, arm).max() for arm in arms)
    for row, arm in enumerate(arms):
        values = column(results, arm)
        offset = swarm(values / (1.05 * most) * 420, 2.2, 13) / 40
        axes.plot(values, row + offset, ".", color=GREY if arm not in PARTS else "#0067a5", ms=4.5, alpha=0.75, mew=0)
    axes.axvline(larva, color=RED, lw=1.6)
    axes.text(larva, -0.75, f"larva {larva:.3f}", color=RED, ha="center", va="bottom", fontweight="bold")
    axes.set_yticks(range(len(arms)), [f"{arm}\n{WORDS[arm]}" for arm in arms], fontsize=7.5)
    axes.axhline(len(arms) - len(PARTS) - 0.5, color="#d8d4cb", lw=1)
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.set_xlim(0, 1.05 * most)
    axes.set_xlabel("share of the core that responds to a smell (one dot: one graph)")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    return figure


def render(results: dict[str, Any]) -> str:
    """The whole page."""
    found = judge(results)
    (larva,) = column(results, "larva")
    if few := [arm for arm, c in found.items() if 0 < c.n_graphs < MIN_GRAPHS]:
        sys.exit(f"Too few graphs of {', '.join(few)} for a verdict; run run.py again.")
    beaten = [arm for arm, c in found.items() if c.verdict == "better"]
    if beaten != WRITTEN_FOR:
        sys.exit(f"The larva is more confined than {beaten}, but the prose was written for {WRITTEN_FOR}; rewrite it.")
    others = {a: c.verdict if c.counted else "not run yet" for a, c in found.items() if a not in beaten}
    short = {
        a: len(g)
        for a, g in results["graphs"].items()
        if a != "larva" and len(g) < results["question"]["graphs"].get(a, 100)
    }
    values = {
        "claim": results["question"]["claim"],
        "verdict": "Supported against every rung" if len(beaten) == len(found) else "Not supported beyond every rung",
        "beaten": ", ".join(f"`{arm}`" for arm in beaten) or "none",
        "not_beaten": ", ".join(f"`{a}` ({words})" for a, words in others.items()) or "none",
        "larva": larva,
        "reach": {arm: column(results, arm, "reach", "2 hops").mean() for arm in ("larva", "strength-preserving")},
        "mean": {arm: column(results, arm).mean() for arm, graphs in results["graphs"].items() if graphs},
        "short": "All graphs that were declared are here." if not short else
        "Not all graphs that were declared have been run: " + ", ".join(f"{n} of `{arm}`" for arm, n in short.items())
        + ". They are run in order of their seeds, and none was left out; `run.py` goes on where it stopped.",
        "answer_table": answer_table(results, found),
        "parts_table": parts_table(results),
        "sweep_table": sweep_table(results),
        "senses_table": senses_table(results),
        "fingerprint": results["fingerprint"],
        "versions": ", ".join(f"{name} {version}" for name, version in results["versions"].items()),
    }  # fmt: skip
    return (HERE / "page.template.md").read_text("utf-8").format(**values)


def contrasts_of(results: dict[str, Any]) -> str:
    """The contrasts of the family, for the table of all claims."""
    found = judge(results).values()
    return json.dumps([{**c.to_json(), "higher_is_better": False} for c in found], indent=1) + "\n"


def stale() -> list[str]:
    """Names of the page, of the contrasts and of the figure that are not what the results say."""
    results, figure = read_results(), HERE / FIGURE
    wanted = {"page.md": render(results), "claims.json": contrasts_of(results)}
    wrong = [
        name for name, text in wanted.items() if not (HERE / name).exists() or (HERE / name).read_text("utf-8") != text
    ]
    drawn = figure.exists() and results["fingerprint"] in figure.read_text("utf-8")
    return wrong + ([] if drawn else [figure.name])


def main() -> None:
    """Write the page and its figure, or check them."""
    if "--check" in sys.argv[1:]:
        if wrong := stale():
            sys.exit(f"{', '.join(wrong)} are not what the results say; run page.py.")
        print("page.md and its figure are what the results say.")
        return
    results = read_results()
    write_text(HERE / "page.md", render(results))
    write_text(HERE / "claims.json", contrasts_of(results))
    with mpl.rc_context({"svg.hashsalt": "anlage", "svg.fonttype": "none", "font.size": 9}):
        about = {"Date": None, "Description": f"results {results['fingerprint']}"}
        draw(results).savefig(HERE / FIGURE, metadata=about)


if __name__ == "__main__":
    main()

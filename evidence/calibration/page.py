"""Write ``page.md`` and its figure from ``results/``; with ``--check``, say whether they are what the results say.

python evidence/calibration/page.py
"""

import json
import sys
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest

from anlage.learning.checkpoint import write_text

HERE = Path(__file__).parent
RESULTS, FIGURE = HERE / "results", "calibration.svg"
ENSEMBLES = ("normal", "heavy-tailed", "skewed", "skewed-down", "real")
COLOURS = dict(zip(ENSEMBLES, ("#1d2126", "#c44f00", "#0067a5", "#00805d", "#8a2461"), strict=True))
RULES = {
    "single-case": "single-case test, one contrast",
    "rank": "rank among the controls (percentile), one contrast",
    "holm": "difference found in a study of three controls (Holm)",
    "supported": "claim supported in such a study",
    "equivalent": "equivalent, though off by the whole margin",
    "sign-flip": "sign flips, one graph against itself",
    "naive": "sign flips against an ensemble (not used)",
}


def read_results() -> dict[str, Any]:
    """The question, a fingerprint of all results, and the record of every ensemble."""
    text = (HERE / "question.toml").read_bytes()
    question, identity = tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]
    files = [path for name in ENSEMBLES if (path := RESULTS / f"{name}.json").exists()]
    records = {path.stem: json.loads(path.read_text("utf-8")) for path in files}
    if foreign := sorted(stem for stem, record in records.items() if record["question"] != identity):
        sys.exit(f"The results {', '.join(foreign)} answer another question; delete them, then run run.py.")
    fingerprint = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    return {"question": question, "fingerprint": fingerprint, "records": records}


def rate(count: int, studies: int) -> tuple[float, float, float]:
    """A rate and its 95 % interval (Clopper & Pearson 1934)."""
    low, high = binomtest(count, studies).proportion_ci(0.95, "exact")
    return count / studies, float(low), float(high)


def calibrated(results: dict[str, Any], rule: str, ensemble: str) -> bool:
    """Whether the interval of the rate reaches the level of the rule, or lies below."""
    count = results["records"][ensemble]["null"][rule]
    return bool(rate(count, results["question"]["studies"])[1] <= results["question"]["rules"][rule]["level"])


def rates_table(results: dict[str, Any]) -> str:
    """Rate and interval of every rule on every ensemble, in per cent; bold where it is beyond its level."""
    rows = [["rule", "at most", *(name.replace("-", " ") for name in results["records"])]]
    rows.append(["---"] + ["---:"] * (len(rows[0]) - 1))
    for rule, text in RULES.items():
        cells = []
        for name in results["records"]:
            got, low, high = rate(results["records"][name]["null"][rule], results["question"]["studies"])
            mark = "" if calibrated(results, rule, name) else "**"
            cells.append(f"{mark}{100 * got:.1f} ({100 * low:.1f} to {100 * high:.1f}){mark}")
        rows.append([text, f"{100 * results['question']['rules'][rule]['level']:.1f}", *cells])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def power_table(results: dict[str, Any]) -> str:
    """Share of studies that find an effect, better and worse, beside the power that is printed before a run."""
    effects = [str(effect) for effect in results["question"]["power"]["effects"]]
    studies, first = results["question"]["studies"], results["records"]["normal"]
    rows = [["effect", *effects], ["---", *["---:"] * len(effects)]]
    rows.append(["foretold", *(f"{100 * first['foretold'][effect]:.0f}" for effect in effects)])
    for name, record in results["records"].items():
        if not (found := record.get("found")):
            continue
        shown = [f"{100 * sum(found[effect].values()) / studies:.0f}" for effect in effects]
        rows.append([name.replace("-", " "), *shown])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def draw(results: dict[str, Any]) -> Figure:
    """Left: rates with intervals against their levels. Right: power, foretold and found."""
    figure = Figure(figsize=(10.4, 4.7), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    _rates(results, left)
    _powers(results, right)
    handles = [left.plot([], [], "o-", color=COLOURS[name], ms=4)[0] for name in results["records"]]
    words = [f"{name.replace('-', ' ')} scores" for name in results["records"]]
    figure.legend(handles, words, loc="outside upper center", ncols=5, frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _rates(results: dict[str, Any], axes: Axes) -> None:
    shown = [rule for rule in RULES if rule != "naive"]
    for row, rule in enumerate(shown):
        level = results["question"]["rules"][rule]["level"]
        axes.plot([100 * level] * 2, [row - 0.4, row + 0.4], color="#59626c", lw=1.4, ls=(0, (3, 2)))
        for i, name in enumerate(results["records"]):
            got, low, high = rate(results["records"][name]["null"][rule], results["question"]["studies"])
            y = row + 0.13 * (i - 2)
            axes.plot([100 * low, 100 * high], [y, y], color=COLOURS[name], lw=1.3)
            axes.plot(100 * got, y, "o", color=COLOURS[name], ms=3.8, mew=0)
    axes.set_yticks(range(len(shown)), [RULES[rule].replace(", ", ",\n") for rule in shown], fontsize=8)
    axes.set_ylim(len(shown) - 0.45, -0.55)
    axes.set_xlim(0, None)
    axes.set_xlabel("called in so many per cent of studies without effect\n(dashes: at most promised; bars: 95 %)")


def _powers(results: dict[str, Any], axes: Axes) -> None:
    question, effects = results["question"], results["question"]["power"]["effects"]
    foretold = results["records"]["normal"]["foretold"]
    axes.plot(effects, [100 * foretold[str(e)] for e in effects], color="#59626c", lw=5, alpha=0.3)
    for name, record in results["records"].items():
        if not (found := record.get("found")):
            continue
        y = [100 * sum(found[str(e)].values()) / question["studies"] for e in effects]
        axes.plot(effects, y, "o-", color=COLOURS[name], ms=3, lw=1.2, label=name.replace("-", " "))
    axes.plot([], [], color="#59626c", lw=5, alpha=0.3, label="foretold by anlage")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    axes.set_xlabel("distance of the wiring from its controls\n(standard deviations of the differences)")
    axes.set_ylabel("found in so many per cent of studies")


def render(results: dict[str, Any]) -> str:
    """The whole page."""
    used = [rule for rule in RULES if rule != "naive"]
    beyond = [
        f"{RULES[rule]} on {name.replace('-', ' ')} scores "
        f"({100 * results['records'][name]['null'][rule] / results['question']['studies']:.1f} %)"
        for rule in used
        for name in results["records"]
        if not calibrated(results, rule, name)
    ]
    studies = results["question"]["studies"]
    values = {
        "verdict": "**Every rule that decides keeps its promise** on all ensembles."
        if not beyond
        else f"**Not every rule keeps its promise everywhere.** Beyond it: {'; '.join(beyond)}. Everything else is within.",
        "rates_table": rates_table(results),
        "power_table": power_table(results),
        "studies": studies,
        "powerless": "".join(
            f" Not run yet: {name.replace('-', ' ')} scores."
            for name, record in results["records"].items()
            if "found" not in record
        ),
        "missing": "".join(
            f" Not run yet: {name.replace('-', ' ')} scores." for name in ENSEMBLES if name not in results["records"]
        ),
        "tails": ", ".join(
            f"{100 * sum(results['records'][name]['found']['3'].values()) / studies:.0f} % ({name.replace('-', ' ')})"
            for name in ("heavy-tailed", "skewed", "skewed-down")
        ),
        "sure": f"{100 * results['records']['normal']['foretold']['3']:.0f} %",
        "graphs": results["question"]["graphs"],
        "naive": "{:.0f} to {:.0f} %".format(
            *(
                100 * f(results["records"][name]["null"]["naive"] / studies for name in results["records"])
                for f in (min, max)
            )
        ),
        "equal": ", ".join(
            f"{100 * results['records'][n]['null']['no difference equivalent'] / studies:.0f} % ({n.replace('-', ' ')})"
            for n in results["records"]
        ),
        "fingerprint": results["fingerprint"],
        "versions": ", ".join(f"{k} {v}" for k, v in results["records"]["normal"]["versions"].items()),
    }
    return (HERE / "page.template.md").read_text("utf-8").format(**values)


def stale() -> list[str]:
    """Names of the page and figure that are not what the results say."""
    results, page, figure = read_results(), HERE / "page.md", HERE / FIGURE
    wrong = [] if page.exists() and page.read_text("utf-8") == render(results) else [page.name]
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
    with mpl.rc_context({"svg.hashsalt": "anlage", "svg.fonttype": "none", "font.size": 9}):
        about = {"Date": None, "Description": f"results {results['fingerprint']}"}
        draw(results).savefig(HERE / FIGURE, metadata=about)


if __name__ == "__main__":
    main()

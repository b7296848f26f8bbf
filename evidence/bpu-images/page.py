"""Turn ``results/`` into page.md, claims.json and its pictures; ``--check`` only says whether they are what the results say.

The prose was written for one verdict. When new results give another, this script refuses: no page contradicts its numbers.
"""

import json
import sys
import tomllib
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from bpu_curves import Curves, curves, directions_of, draw_curves, said_of_curves
from bpu_images import CURVES, FACTORS, HERE, edges, levels_of, part_of, question, read_results, scores
from numpy import ndarray

from anlage.learning.checkpoint import write_text
from anlage.seed import Seed
from anlage.study.canvas import ARM, BAND, INK, LINE, MUTED, PAPER, SMALL, axes, sheet, write
from anlage.study.judge import judge
from anlage.study.statistics import Contrast, bootstrap_interval

WRITTEN_FOR = "no difference"
WORDS = {
    "connectome": "connectome",
    "degree-preserving": "degree-preserving",
    "weight-permuted": "weight-permuted",
    "erdos-renyi": "erdos-renyi",
    "interface-only": "interface-only",
    "unscaled": "perceptron, frozen middle as published",
    "he": "perceptron, the same middle scaled",
    "mlp": "perceptron, all trained",
}
PICTURES = ("images.svg", "curves.svg")
PERCEPTRONS = ("unscaled", "he", "mlp")
WHOLE: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def complete(results: dict[str, Any]) -> list[str]:
    """The controls of T = 2 that have all their graphs."""
    arms = [*results["question"]["two-steps"]["arms"][1:], *results["question"]["further-arms"]["arms"]]
    n = results["question"]["two-steps"]["graphs"]
    return [arm for arm in arms if len(scores(results, part_of(results, arm), arm)) == n]


def contrasts_of(results: dict[str, Any]) -> list[Contrast]:
    """The connectome against every complete control of T = 2, judged by the library as one family."""
    arms = ["connectome", *complete(results)]
    both = [*results["two-steps"]["records"], *results.get("further-arms", {"records": []})["records"]]
    return judge(question("two-steps", arms), [r for r in both if r["arm"] in arms])


def verdict(found: list[Contrast]) -> str:
    """By the rule of the question, in the words of the table of all claims; the bare interface is no graph."""
    said = {c.verdict for c in found if c.control != "interface-only"}
    if said == {"better"}:
        return "supported"
    if said == {"equivalent"}:
        return "equivalent"
    return "no difference" if said <= {"no difference found", "equivalent"} else "not supported"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def spread(values: ndarray) -> str:
    """Mean and standard deviation in percent."""
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}" if len(values) > 1 else f"{values.mean():.2f}"


def two_steps_table(results: dict[str, Any]) -> str:
    """Every arm of T = 2 that was trained on a wiring."""
    found = {c.control: c for c in contrasts_of(results)}
    here = scores(results, "two-steps", "connectome")
    rows = [["connectome", "1", f"{edges(results, 'two-steps', 'connectome'):,.0f}", spread(here), "", "", "", ""]]
    for arm, c in found.items():
        part, low, high = part_of(results, arm), *(100 * end for end in c.interval)
        gap = f"{100 * c.difference:+.2f} ({low:+.2f} to {high:+.2f})"
        size = f"{c.effect_size:+.1f} ({c.effect_interval[0]:+.1f} to {c.effect_interval[1]:+.1f})"
        p = "< 0.001" if c.p_holm < 0.001 else f"{c.p_holm:.2f}"
        mean_edges = f"{edges(results, part, arm):,.0f}"
        rows.append([arm, str(c.n_graphs), mean_edges, spread(scores(results, part, arm)), gap, size, p, c.verdict])
    head = ["wiring", "graphs", "edges that can matter", "accuracy (%)", "connectome minus it (points)"]
    return table([*head, "in sd of graphs", "p (Holm)", "verdict"], rows)


def frozen_table(results: dict[str, Any]) -> str:
    """The perceptrons, and how far the connectome is from each."""
    here, rows = scores(results, "two-steps", "connectome"), []
    for arm in PERCEPTRONS:
        given = scores(results, "frozen-middle", arm)
        one = next(r for r in results["frozen-middle"]["records"] if r["arm"] == arm)
        gap = here[: len(given)] - given
        low, high = bootstrap_interval(gap, Seed(0).child("page").child(arm).rng())
        size = [f"{one['trained_parameters']:,}", str(one["width"])]
        rows.append([WORDS[arm], *size, spread(given), f"{gap.mean():+.2f} ({low:+.2f} to {high:+.2f})"])
    head = ["network", "trained parameters", "width", "accuracy (%)", "larva at T = 2 minus it (points)"]
    return table(head, rows)


def scale_effect(results: dict[str, Any]) -> tuple[float, float, float]:
    """Accuracy by He minus unscaled, in points, with its 95 % bootstrap interval over seeds."""
    he, unscaled = (scores(results, "frozen-middle", arm) for arm in ("he", "unscaled"))
    gap = he - unscaled
    return float(gap.mean()), *bootstrap_interval(gap, Seed(0).child("page").child("scale").rng())


def audit_table(results: dict[str, Any]) -> str:
    """What of the larva can influence the readout after T steps."""
    whole, rows = results["audit"], []
    for steps, reach in whole["steps"].items():
        rows.append([steps, f"{reach['edges']:,}", f"{reach['edges'] / whole['edges']:.1%}", f"{reach['neurons']:,}"])
    return table(["T", f"edges of {whole['edges']:,}", "share", f"neurons of {whole['neurons']:,}"], rows)


def level_table(found: Curves, name: str) -> str:
    """Accuracy of every arm at every level, with the number of graphs that were run."""
    rows, levels = [], list(next(iter(found.values())))
    for arm, runs in found.items():
        rows.append([arm, *(f"{spread(one)} ({len(one)})" if len(one) else "not run" for one in runs.values())])
    return table(["wiring", *(f"{name} = {level}" for level in levels)], rows)


def directions_table(results: dict[str, Any]) -> str:
    """What the powers of the weights leave of the inputs."""
    found = directions_of(results)
    rows = [[arm, *(f"{number:.0f}" for number in one.values())] for arm, one in found.items()]
    return table(["wiring", *(f"T = {steps}" for steps in found["connectome"])], rows)


def missing(results: dict[str, Any]) -> str:
    """What was declared and has no results, in a sentence."""
    gone = []
    for part in ("two-steps", "further-arms", "frozen-middle", "more-steps", "expansion", *CURVES):
        words = results["question"][part]
        levels = [len(levels_of(words, name)) for name in FACTORS if name in words]
        runs = words.get("graphs", words.get("seeds")) * (levels[0] if levels else 1)
        short = {arm: len(scores(results, part, arm)) for arm in words["arms"]}
        some = [f"`{arm}` {there}" for arm, there in short.items() if 0 < there < runs]
        if none := [f"`{arm}`" for arm, there in short.items() if not there]:
            gone.append(f"{part}: {', '.join(none)}")
        if some:
            gone.append(f"{part}, of {runs} runs each: {', '.join(some)}")
    if not gone:
        return "Everything that was declared was run."
    return f"Not run, or not in full, when this was written: {'; '.join(gone)}. `run.py` goes on where it was."


def render(results: dict[str, Any]) -> str:
    """The whole page."""
    found = contrasts_of(results)
    if (said := verdict(found)) != WRITTEN_FOR:
        sys.exit(f"The verdict is {said!r}, but the prose of page.md was written for {WRITTEN_FOR!r}; rewrite it.")
    answer = tomllib.loads((HERE / "claim.toml").read_text("utf-8"))["answer"]
    if not answer.startswith(said):
        sys.exit(f"claim.toml answers {answer!r}, but the verdict is {said!r}; rewrite it.")
    effect, low, high = scale_effect(results)
    whole = results["audit"]
    pools = whole["pools"]
    values = {
        "two_steps": two_steps_table(results),
        "frozen": frozen_table(results),
        "audit": audit_table(results),
        "more_steps": level_table(curves(results, "T"), "T"),
        "expansion": level_table(curves(results, "F"), "F"),
        "directions": directions_table(results),
        **said_of_curves(results),
        "missing": missing(results),
        "effect": f"{effect:.1f} points (95 % interval {low:.1f} to {high:.1f})",
        "expected": "as was expected" if effect >= 2 and low > 0 else "less than the two points that were expected",
        "inter": f"{whole['neurons'] - pools['input'] - pools['output']:,}",
        "inputs": pools["input"],
        "outputs": pools["output"],
        "edges": f"{whole['steps']['2']['edges']:,} of {whole['edges']:,}",
        "n": len(scores(results, "two-steps", "connectome")),
        "bare": next(
            f"{-100 * c.difference:.1f} points more (the larva: {c.verdict})"
            for c in found
            if c.control == "interface-only"
        ),
        "detectable": f"{100 * max(c.detectable for c in found if c.control != 'interface-only'):.1f}",
        "degree_gap": f"{100 * found[0].difference:.2f}",
        "degree_share": f"{found[0].percentile:.0f} %",
        "degree_edges": f"{edges(results, 'two-steps', 'degree-preserving'):,.0f}",
        "own_edges": f"{edges(results, 'two-steps', 'connectome'):,.0f}",
        "identity": results["identity"],
        "fingerprint": results["fingerprint"],
        "versions": ", ".join(f"{k} {v}" for k, v in results["frozen-middle"]["versions"].items()),
    }
    blocks = (HERE / "page.template.md").read_text("utf-8").format(**values).split("\n\n")
    return "\n\n".join(b if b.startswith(("|", "#", "    ", "![", "- ")) else wrap(b) for b in blocks).strip() + "\n"


def wrap(block: str) -> str:
    """Prose in lines of at most 120 characters."""
    return fill(" ".join(block.split()), 120, **WHOLE)


def draw(results: dict[str, Any], path: Path) -> None:
    """Every run as a dot, by arm; beside it how much of the larva can matter. The file carries the results' fingerprint."""
    arms = [a for a in WORDS if part_of(results, a) and a != "interface-only"]
    figure = sheet(980, 150 + 34 * len(arms))
    figure.set_facecolor(PAPER)
    ax = axes(figure, 282, 84, 400, 34 * len(arms))
    here = scores(results, "two-steps", "connectome")
    ax.axvspan(here.mean() - here.std(ddof=1), here.mean() + here.std(ddof=1), color=BAND, lw=0)
    rng = np.random.default_rng(0)
    everything = []
    for y, arm in enumerate(arms):
        values = scores(results, part_of(results, arm), arm)
        everything.append(values)
        colour = ARM[0] if arm == "connectome" else ARM[3] if arm in PERCEPTRONS else ARM[1]
        ax.scatter(values, y + rng.uniform(-0.2, 0.2, len(values)), s=16, color=colour, alpha=0.55, lw=0)
        ax.plot([values.mean()] * 2, [y - 0.33, y + 0.33], color=colour, lw=2.4)
        ax.text(
            -0.02, y, WORDS[arm], transform=ax.get_yaxis_transform(), ha="right", va="center", color=INK, fontsize=13
        )
        ax.text(
            1.02, y, f"{values.mean():.1f}", transform=ax.get_yaxis_transform(), va="center", color=colour, fontsize=13
        )
    low, high = min(v.min() for v in everything), max(v.max() for v in everything)
    ax.set(ylim=(len(arms) - 0.4, -0.6), yticks=[], xlim=(low - 0.3, high + 0.3))
    ax.set_xlabel("MNIST test images named right (%); every dot a run, bars the means", color=MUTED, fontsize=SMALL)
    title = {"weight": "bold", "transform": ax.transAxes}
    write(ax, -0.66, 1.0 + 44 / (34 * len(arms)), "Frozen larval brain, its rewires, and perceptrons as large", **title)
    note = "larva: T = 2, band: mean and standard deviation; all with as many trained parameters"
    write(ax, -0.66, 1.0 + 18 / (34 * len(arms)), note, fontsize=SMALL, color=MUTED, transform=ax.transAxes)
    _draw_reach(axes(figure, 770, 84, 180, 34 * len(arms)), results["audit"])
    figure.savefig(path, format="svg", metadata={"Date": None, "Description": f"results {results['fingerprint']}"})


def _draw_reach(ax: Any, whole: dict[str, Any]) -> None:
    """Share of the larva's edges that can influence what is read, by number of steps."""
    steps = list(whole["steps"])
    share = [100 * reach["edges"] / whole["edges"] for reach in whole["steps"].values()]
    ax.bar(range(len(steps)), share, color=[ARM[0] if s == "2" else LINE for s in steps], width=0.7)
    for x, value in enumerate(share):
        ax.text(x, value + 2, f"{value:.0f}" if value >= 10 else f"{value:.1f}", ha="center", color=MUTED, fontsize=11)
    ax.set(xticks=range(len(steps)), xticklabels=steps, yticks=[], ylim=(0, 108))
    ax.set_xlabel("steps T (the paper's code: 2)", color=MUTED, fontsize=SMALL)
    height = ax.get_position().height * ax.figure.get_size_inches()[1] * 72
    write(ax, 0, 1 + 44 / height, "Edges that can matter", weight="bold", transform=ax.transAxes)
    write(ax, 0, 1 + 18 / height, "% of the larva's", fontsize=SMALL, color=MUTED, transform=ax.transAxes)


def stale() -> list[str]:
    """Names of the page, the contrasts and the pictures, where they are not what the results say."""
    results = read_results()
    wanted = {"page.md": render(results), "claims.json": claims(results)}
    texts = {name: (HERE / name).read_text("utf-8") if (HERE / name).exists() else "" for name in (*wanted, *PICTURES)}
    wrong = [name for name, text in wanted.items() if texts[name] != text]
    return wrong + [name for name in PICTURES if results["fingerprint"] not in texts[name]]


def claims(results: dict[str, Any]) -> str:
    """The contrasts for the table of all claims. The bare interface makes one graph only: no place among deviations."""
    found = [c.to_json() for c in contrasts_of(results)]
    for one in found:
        one["effect_interval"] = None if one["control"] == "interface-only" else one["effect_interval"]
    return json.dumps(found, indent=1) + "\n"


def main() -> None:
    """Write the page, the contrasts and the pictures, or check them."""
    if "--check" in sys.argv[1:]:
        if wrong := stale():
            sys.exit(f"{', '.join(wrong)} are not what the results say; run page.py.")
        print("page.md, claims.json and both pictures are what the results say.")
        return
    results = read_results()
    write_text(HERE / "page.md", render(results))
    write_text(HERE / "claims.json", claims(results))
    draw(results, HERE / "images.svg")
    draw_curves(results, HERE / "curves.svg")


if __name__ == "__main__":
    main()

"""Turn ``results/`` into ``page.md`` and its figures; ``--check`` only says whether they are what the results say.

The prose was written for one verdict. When new results give another, this script refuses: no page contradicts its numbers.
"""

import json
import re
import sys
import tomllib
from hashlib import sha256
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from signal_figures import FIGURES, draw

from anlage.learning.checkpoint import write_text
from anlage.seed import Seed
from anlage.study.outcome import Outcome
from anlage.study.statistics import Contrast, contrasts

HERE = Path(__file__).parent
RESULTS = HERE / "results"
WRITTEN_FOR = "partly"
FLOOR = {"average-precision": 0.0, "spearman-magnitude": 0.0, "spearman-signed": -1.0}


def read_results() -> dict[str, Any]:
    """The question, its checksum, a fingerprint of all results, and every result by the stem of its file."""
    text = (HERE / "question.toml").read_bytes()
    files = sorted(RESULTS.glob("*.json"))
    results = {path.stem: json.loads(path.read_text("utf-8")) for path in files}
    question, identity = tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]
    wanted = {f"{m}--{c}" for m, rules in question["models"].items() for c in rules["controls"]} | {
        "connectome",
        "afterwards",
    }
    if missing := sorted(wanted - set(results)):
        sys.exit(f"There are no results called {', '.join(missing)}; run run.py, then afterwards.py.")
    if foreign := sorted(stem for stem in wanted if results[stem]["question"] != identity):
        sys.exit(
            f"The results {', '.join(foreign)} answer another question; delete them, then run run.py and afterwards.py."
        )
    fingerprint = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    return {"question": question, "identity": identity, "fingerprint": fingerprint, **results}


def judge(results: dict[str, Any], model: str, outcome: str) -> list[Contrast]:
    """The connectome against every control of a model, by one outcome; Holm over these controls. Done once per outcome."""
    known: dict[tuple[str, str], list[Contrast]] = results.setdefault("judged", {})
    if (model, outcome) not in known:
        question, names = results["question"], results["question"]["models"][model]["controls"]
        value = results["connectome"]["scores"][model][outcome]
        ensembles = {name: np.array([g[outcome] for g in results[f"{model}--{name}"]["graphs"]]) for name in names}
        scale = Outcome(outcome, higher_is_better=True, floor=FLOOR.get(outcome, 0.5), ceiling=0.99)
        rng = Seed(question["seed"]).child("page").child(model).child(outcome).rng()
        margin = question["primary"]["margin"] if outcome.startswith("auroc") else 0.0
        known[model, outcome] = contrasts(scale, np.full(question["graphs"], value), ensembles, margin, rng)
    return known[model, outcome]


def verdict(primary: list[Contrast]) -> str:
    """The verdict by the rules of the question."""
    better = {c.control for c in primary if c.verdict == "better"}
    if len(better) == len(primary):
        return "supported"
    return "partly" if "degree-preserving" in better else "not supported"


def p(value: float) -> str:
    """A p value to three digits, never as zero."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def percentile(value: float) -> str:
    """A percentile as a whole number."""
    return f"{value:.0f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def primary_table(primary: list[Contrast]) -> str:
    """One row per control."""
    rows = [
        [c.control, f"{c.connectome_mean:.3f}", f"{c.control_mean:.3f}", percentile(c.percentile), f"{c.difference:+.3f}",
         f"{c.interval[0]:+.3f} to {c.interval[1]:+.3f}", p(c.p_holm), c.verdict]
        for c in primary
    ]  # fmt: skip
    head = [
        "control",
        "connectome",
        "ensemble mean",
        "percentile",
        "difference",
        "95 % interval",
        "p (Holm)",
        "verdict",
    ]
    return table(head, rows)


def comparator_table(results: dict[str, Any]) -> str:
    """One row per simpler predictor, the propagation model first."""
    own = results["connectome"]["scores"][results["question"]["primary"]["model"]]
    keys = ("auroc", "auroc-strata", "auroc-within-stimulated", "auroc-indirect")
    rows = [["**propagation**", *(f"{own[k]:.3f}" for k in keys), "", "", ""]]
    for name, c in results["connectome"]["comparators"].items():
        low, high = c["interval"]
        scores = [f"{c['scores'][k]:.3f}" for k in keys]
        rows.append([name, *scores, f"{c['difference']:+.3f}", f"{low:+.3f} to {high:+.3f}", p(c["p_holm"])])
    head = ["predictor", "AUROC", "trials and distance alike", "same stimulated neuron", "no direct edge",
            "propagation minus this", "95 % interval", "p (Holm)"]  # fmt: skip
    return table(head, rows)


def outcome_table(results: dict[str, Any], model: str, controls: list[str]) -> str:
    """Every outcome of one model against some of its controls; p after Holm over all controls of that model."""
    rows = []
    for outcome in results["connectome"]["scores"][model]:
        if "@" not in outcome:
            by = {c.control: c for c in judge(results, model, outcome)}
            cells = [f"{by[n].control_mean:.3f} ({percentile(by[n].percentile)}; {p(by[n].p_holm)})" for n in controls]
            rows.append([outcome, f"{by[controls[0]].connectome_mean:.3f}", *cells])
    return table(["outcome", "connectome", *controls], rows)


def model_table(results: dict[str, Any]) -> str:
    """The other models by AUROC, and with signs by the signed correlation, against their controls."""
    rows = []
    for model in results["question"]["models"]:
        outcomes = [
            o for o in ("auroc", "auroc-strata", "spearman-signed") if o in results["connectome"]["scores"][model]
        ]
        for outcome in outcomes:
            by = {c.control: c for c in judge(results, model, outcome)}
            cells = [
                f"{by[n].control_mean:.3f} ({percentile(by[n].percentile)}; {p(by[n].p_holm)})" if n in by else ""
                for n in OTHERS
            ]
            rows.append([f"{model}, {outcome}", f"{next(iter(by.values())).connectome_mean:.3f}", *cells])
    return table(["model, outcome", "connectome", *OTHERS], rows)


OTHERS = ["degree-preserving", "places", "weight-permuted", "edge-sign-permuted"]


def render(results: dict[str, Any]) -> str:
    """The whole page."""
    question = results["question"]
    name = question["primary"]["model"]
    primary = judge(results, name, "auroc")
    if (found := verdict(primary)) != WRITTEN_FOR:
        sys.exit(f"The verdict is {found!r}, but the prose of page.md was written for {WRITTEN_FOR!r}; rewrite it.")
    by = {c.control: c for c in primary}
    strata = {c.control: c for c in judge(results, name, "auroc-strata")}
    indirect = {c.control: c for c in judge(results, name, "auroc-indirect")}
    late, own = results["afterwards"], results["connectome"]
    radii = {r: own["scores"][name][f"auroc@{r}"] for r in question["model"]["radii"]}
    values: dict[str, Any] = {
        "c": own["scores"][name],
        "o": own["comparators"],
        "d": own["data"],
        "ref": own["references"],
        "by": by,
        "strata": strata,
        "indirect": indirect,
        "late": late,
        "late_mean": {k: float(np.mean(v)) for k, v in late["controls"].items()},
        "late_below": {k: int((np.array(v) < late["connectome"]).sum()) for k, v in late["controls"].items()},
        "rate": own["data"]["responding_by_trials"],
        "radii": ", ".join(f"{v:.3f} at {r}" for r, v in radii.items()),
        "versions": ", ".join(f"{k} {v}" for k, v in own["versions"].items()),
        "graphs": question["graphs"],
        "known": {c.control: c for c in judge(results, "log-predicted-signs", "spearman-signed")},
        "known_strata": {c.control: c for c in judge(results, "log-predicted-signs", "auroc-strata")},
        "gaba": {c.control: c for c in judge(results, "log-gaba-signs", "spearman-signed")},
        "count": {c.control: c for c in judge(results, "count-unsigned", "auroc")},
        "chemical": {c.control: c for c in judge(results, "log-chemical", "auroc")},
        "p_strata": p(strata["places"].p_holm),
        "against_places": won_and_lost(results, name, "places"),
        "identity": results["identity"],
        "fingerprint": results["fingerprint"],
        "primary_table": primary_table(primary),
        "comparator_table": comparator_table(results),
        "outcome_table": outcome_table(results, name, ["degree-preserving", "places", "weight-permuted"]),
        "model_table": model_table(results),
    }
    blocks = (HERE / "page.template.md").read_text("utf-8").format(**values).split("\n\n")
    return "\n\n".join(block if block.startswith(VERBATIM) else wrap(block) for block in blocks).strip() + "\n"


VERBATIM = ("|", "#", "    ", "![", "<!--")


def wrap(block: str) -> str:
    """Prose, or a list of prose, in lines of at most 120 characters."""
    items = re.split(r"\n(?=- )", block)
    return "\n".join(
        fill(" ".join(i.split()), 120, subsequent_indent="  " * i.startswith("- "), **WHOLE) for i in items
    )


WHOLE: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def won_and_lost(results: dict[str, Any], model: str, control: str) -> str:
    """The secondary outcomes of a model by their verdict against one control."""
    names: dict[str, list[str]] = {"better": [], "worse": [], "": []}
    for outcome in results["question"]["secondary"]:
        if outcome in results["connectome"]["scores"][model]:
            found = {c.control: c.verdict for c in judge(results, model, outcome)}[control]
            names[found if found in names else ""].append(outcome)
    return (
        f"better on {len(names['better'])} ({', '.join(names['better'])}), worse on {len(names['worse'])} "
        f"({', '.join(names['worse'])}), no difference on {len(names[''])}"
    )


def contrasts_of(results: dict[str, Any]) -> str:
    """The contrasts of the primary outcome, for the table of all claims."""
    primary = judge(results, results["question"]["primary"]["model"], "auroc")
    return json.dumps([{**c.to_json(), "higher_is_better": True} for c in primary], indent=1) + "\n"


def stale() -> list[str]:
    """Names of the page, of the contrasts and of figures that are not what the results say."""
    results = read_results()
    wanted = {"page.md": render(results), "claims.json": contrasts_of(results)}
    wrong = [
        name for name, text in wanted.items() if not (HERE / name).exists() or (HERE / name).read_text("utf-8") != text
    ]
    for figure in FIGURES:
        path = HERE / figure
        if not path.exists() or results["fingerprint"] not in path.read_text("utf-8"):
            wrong.append(figure)
    return wrong


def main() -> None:
    """Write the page and its figures, or check them."""
    if "--check" in sys.argv[1:]:
        if wrong := stale():
            sys.exit(f"{', '.join(wrong)} are not what the results say; run page.py.")
        print("page.md and its figures are what the results say.")
        return
    results = read_results()
    write_text(HERE / "page.md", render(results))
    write_text(HERE / "claims.json", contrasts_of(results))
    draw(results, HERE)


if __name__ == "__main__":
    main()

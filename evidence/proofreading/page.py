"""Turn ``results/`` into ``page.md`` and its figures; ``--check`` only says whether they are what the results say.

The prose was written for one verdict. When new results give another, this script refuses: no page contradicts its numbers.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy import ndarray
from proofreading_figures import FIGURES, column, draw

from anlage.learning.checkpoint import write_text
from anlage.seed import Seed
from anlage.study.outcome import Outcome
from anlage.study.statistics import Contrast, bootstrap_interval, contrasts, holm

HERE = Path(__file__).parent
RESULTS = HERE / "results"
WRITTEN_FOR = "not supported"
ENDS = {
    "worm-signals": (0.5, 0.99),
    "worm-memory": (0.0, 60.0),
    "larva-memory": (0.0, 60.0),
    "larva-smell": (-1.0, 0.0),
}
"""Floor and ceiling of every score."""
APART = ("truth", "rewired", "afterwards")


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What the results say about one task. ``kept`` and the intervals are shares of the difference from the rewires."""

    name: str
    animal: str
    contrast: Contrast
    p_holm: float
    kept: dict[str, float]
    interval: dict[str, tuple[float, float]]
    near_enough: dict[str, bool]

    @property
    def answers(self) -> bool:
        """Whether the task tells the true wiring from its rewires."""
        return self.p_holm < 0.05


def read_results() -> dict[str, Any]:
    """The question, its checksum, a fingerprint of all results, and every result by the stem of its file."""
    text = (HERE / "question.toml").read_bytes()
    files = sorted(RESULTS.glob("*.json"))
    results = {path.stem: json.loads(path.read_text("utf-8")) for path in files}
    question, identity = tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]
    if foreign := sorted(stem for stem, result in results.items() if result["question"] != identity):
        sys.exit(f"The results {', '.join(foreign)} answer another question; delete them, then run run.py.")
    fingerprint = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    return {"question": question, "identity": identity, "fingerprint": fingerprint, **results}


def share_kept(results: dict[str, Any], animal: str, task: str, arm: str) -> ndarray:
    """Every graph's score, as a share of the way from the mean of the rewires to the truth."""
    base, truth = column(results, animal, "rewired", task).mean(), column(results, animal, "truth", task)[0]
    kept: ndarray = (column(results, animal, arm, task) - base) / (truth - base)
    return kept


def judge(results: dict[str, Any]) -> list[Task]:
    """Every task of the question; Holm over them."""
    question = results["question"]
    found = []
    for name, rules in question["tasks"].items():
        animal, rng = rules["animal"], Seed(question["seed"]).child("page").child(name).rng()
        rewired, truth = column(results, animal, "rewired", name), column(results, animal, "truth", name)[0]
        outcome = Outcome(name, True, *ENDS[name])
        (contrast,) = contrasts(outcome, np.full(len(rewired), truth), {"degree-preserving": rewired}, 0.0, rng)
        arms = [stem.split("--")[1] for stem in results if stem.startswith(f"{animal}--")]
        kept = {arm: share_kept(results, animal, name, arm) for arm in arms if arm not in APART}
        intervals = {arm: bootstrap_interval(values, rng) for arm, values in kept.items()}
        enough = {
            level: intervals[f"level-{level}"][0] >= question["verdict"]["near_enough"] for level in question["levels"]
        }
        means = {arm: float(values.mean()) for arm, values in kept.items()}
        found.append(Task(name, animal, contrast, 1.0, means, intervals, enough))
    corrected = holm(np.array([task.contrast.p for task in found]))
    return [
        Task(t.name, t.animal, t.contrast, float(p), t.kept, t.interval, t.near_enough)
        for t, p in zip(found, corrected, strict=True)
    ]


def verdict(tasks: Iterable[Any]) -> str:
    """The verdict by the rules of the question."""
    able = [task for task in tasks if task.answers]
    if not able:
        return "no task can answer"
    return "supported" if all(t.near_enough[level] for t in able for level in "123") else "not supported"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def p(value: float) -> str:
    """A p value to three digits, never as zero."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def answer_table(tasks: list[Task]) -> str:
    """Whether each task tells the true wiring from its rewires."""
    rows = []
    for t in tasks:
        c = t.contrast
        better = "better" if c.difference > 0 else "worse"
        rows.append([t.name, f"{c.connectome_mean:.3f}", f"{c.control_mean:.3f}", f"{c.percentile:.0f}", p(t.p_holm),
                     f"yes: truth {better}" if t.answers else "no"])  # fmt: skip
    return table(["task", "truth", "mean of rewires", "percentile", "p (Holm)", "can answer"], rows)


def level_table(results: dict[str, Any], tasks: list[Task]) -> str:
    """Share kept at every level, and what the level is."""
    question = results["question"]
    rows = []
    for level, rates in question["levels"].items():
        arm = f"level-{level}"
        cells = [
            " / ".join(
                f"{100 * column(results, a, arm, q).mean():.0f}" for q in ("synapses", "edge_recall", "edge_precision")
            )
            for a in ("worm", "larva")
        ]
        shares = [_interval(t.kept[arm], t.interval[arm], bold=t.near_enough[level]) for t in tasks]
        rows.append([level, f"{rates['recall']:.0%}".rstrip(), *cells, *shares])
    head = ["level", "recall, precision", "worm: synapses / edges found / edges true (%)", "larva: same"]
    return table(head + [t.name for t in tasks], rows)


def _interval(mean: float, interval: tuple[float, float], *, bold: bool = False) -> str:
    text = f"{mean:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"
    return f"**{text}**" if bold else text


def alone_table(results: dict[str, Any], tasks: list[Task]) -> str:
    """One kind of error at a time: edits that would repair it, and share kept."""
    question = results["question"]
    names = {"split_rate": "splits (and fragments attached wrongly)", "merge_rate": "fused neurons", "recall": "missed synapses",
             "precision": "false synapses", "blind": "all, blind to size"}  # fmt: skip
    arms = {f"level-{question['alone']['level']}": "all"} | {f"alone-{a}": names[a] for a in question["alone"]["arms"]}
    rows = []
    for arm, text in arms.items():
        spent = [f"{column(results, a, arm, 'edits').mean():,.0f}" for a in ("worm", "larva")]
        rows.append([text, *spent, *(_interval(t.kept[arm], t.interval[arm]) for t in tasks)])
    return table(["errors", "edits, worm", "edits, larva", *(t.name for t in tasks)], rows)


def order_difference(results: dict[str, Any], task: Task, share: float) -> tuple[float, tuple[float, float]]:
    """Share kept, largest first less random, of the same reconstructions after the same edits; and its interval."""
    d = share_kept(results, task.animal, task.name, f"largest-{share}") - share_kept(
        results, task.animal, task.name, f"random-{share}"
    )
    return float(d.mean()), bootstrap_interval(d, Seed(results["question"]["seed"]).child(f"order-{task.name}").rng())


def order_sentence(results: dict[str, Any], tasks: list[Task]) -> str:
    """Whether repairing the largest errors first may be claimed to buy more, by the rule of the question."""
    intervals = {t.name: order_difference(results, t, 0.25)[1] for t in tasks if t.answers}
    better = [name for name, (low, _) in intervals.items() if low > 0]
    worse = [name for name, (_, high) in intervals.items() if high < 0]
    claim = "is" if len(better) == len(intervals) else "is not"
    return (
        f"After a quarter of the edits largest first is ahead on {', '.join(better) or 'no task'} and behind on "
        f"{', '.join(worse) or 'none'}; by the declared rule, which asks for all, it {claim} claimed to buy more."
    )


def late(results: dict[str, Any], task: Task) -> dict[str, ndarray]:
    """Scores of the graphs of ``afterwards.py``, by level and fewest synapses of an edge."""
    scores = results[f"{task.animal}--afterwards"]["scores"]
    return {arm: np.array([graph[task.name] for graph in graphs]) for arm, graphs in scores.items()}


def _placed(results: dict[str, Any], task: Task, scores: ndarray) -> float:
    """The mean of scores as a share of the way from the rewires of every edge to the truth with every edge."""
    base = column(results, task.animal, "rewired", task.name).mean()
    return float((scores.mean() - base) / (column(results, task.animal, "truth", task.name)[0] - base))


def afterwards_table(results: dict[str, Any], tasks: list[Task]) -> str:
    """What leaving weak edges out does to truth and reconstructions."""
    rows = []
    for what, whole in (("truth", None), ("3", "level-3"), ("5", "level-5")):
        text = what if whole is None else f"level {what}"
        rows.append([f"{text}, every edge", *(f"{t.kept[whole] if whole else 1:.2f}" for t in tasks)])
        for how in ("2", "3", "5") if whole is None else ("2", "3", "5", "rewired"):
            cells = [f"{_placed(results, t, late(results, t)[f'{what}-{how}']):.2f}" for t in tasks]
            rows.append([f"{text}, rewired" if how == "rewired" else f"{text}, edges of {how} or more", *cells])
    return table(["wiring", *(t.name for t in tasks)], rows)


def repair_table(results: dict[str, Any], tasks: list[Task]) -> str:
    """Share kept after so many edits, in either order."""
    rules = results["question"]["proofreading"]
    start = f"level-{rules['level']}"
    rows = [["none", *(_interval(t.kept[start], t.interval[start]) for t in tasks)]]
    for order in rules["orders"]:
        for share in rules["shares"]:
            arm = f"{order}-{share}"
            text = f"{share:.0%} of the edits, {'largest first' if order == 'largest' else order}"
            rows.append([text, *(_interval(t.kept[arm], t.interval[arm]) for t in tasks)])
    rows.append(["largest less random at 25%", *(_interval(*order_difference(results, t, 0.25)) for t in tasks)])
    return table(["repaired", *(t.name for t in tasks)], rows)


def wiring_table(results: dict[str, Any], animal: str) -> str:
    """Every wiring quantity at every level, and of the rewires."""
    question = results["question"]
    arms = [f"level-{level}" for level in question["levels"]] + ["rewired"]
    rows = [
        [name.replace("_", " "), *(f"{column(results, animal, arm, name).mean():.2f}" for arm in arms)]
        for name in question["wiring"]
    ]
    return table([animal, *question["levels"], "rewired"], rows)


def render(results: dict[str, Any]) -> str:
    """The whole page."""
    tasks = judge(results)
    if (found := verdict(tasks)) != WRITTEN_FOR:
        sys.exit(f"The verdict is {found!r}, but the prose of page.md was written for {WRITTEN_FOR!r}; rewrite it.")
    kept3 = [t.kept["level-3"] for t in tasks]
    enough = {level: [t.name for t in tasks if t.near_enough[level]] for level in results["question"]["levels"]}
    placed = {t.name: {k: _placed(results, t, v) for k, v in late(results, t).items()} for t in tasks}
    values: dict[str, Any] = {
        "t": {t.name: t for t in tasks},
        "lost": {t.name: 1 - t.kept["alone-merge_rate"] for t in tasks},
        "mean": _Means(results),
        "low3": min(kept3),
        "high3": max(kept3),
        "enough1": ", ".join(enough["1"]) or "none",
        "enough2": ", ".join(enough["2"]) or "none",
        "order": order_sentence(results, tasks),
        "answer_table": answer_table(tasks),
        "level_table": level_table(results, tasks),
        "alone_table": alone_table(results, tasks),
        "repair_table": repair_table(results, tasks),
        "worm_table": wiring_table(results, "worm"),
        "larva_table": wiring_table(results, "larva"),
        "afterwards_table": afterwards_table(results, tasks),
        "late": placed,
        "lead": {t.name: t.kept["level-3"] - placed[t.name]["3-rewired"] for t in tasks},
        "identity": results["identity"],
        "fingerprint": results["fingerprint"],
        "versions": ", ".join(f"{k} {v}" for k, v in results["worm--truth"]["versions"].items()),
    }
    blocks = (HERE / "page.template.md").read_text("utf-8").format(**values).split("\n\n")
    return "\n\n".join(block if block.startswith(VERBATIM) else wrap(block) for block in blocks).strip() + "\n"


class _Means:
    """``mean[worm/level-3/edits]`` in the template."""

    def __init__(self, results: dict[str, Any]) -> None:
        self.results = results

    def __getitem__(self, key: str) -> float:
        animal, arm, name = key.split("/")
        return float(column(self.results, animal, arm, name).mean())


VERBATIM = ("|", "#", "    ", "![", "<!--")
WHOLE: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def wrap(block: str) -> str:
    """Prose, or a list of prose, in lines of at most 120 characters."""
    items = re.split(r"\n(?=- )", block)
    return "\n".join(
        fill(" ".join(i.split()), 120, subsequent_indent="  " * i.startswith("- "), **WHOLE) for i in items
    )


def contrasts_of(results: dict[str, Any]) -> str:
    """The true wirings against their rewires, task by task, for the table of all claims; p after Holm over the tasks."""
    found = [{**t.contrast.to_json(), "p_holm": t.p_holm, "higher_is_better": True} for t in judge(results)]
    return json.dumps(found, indent=1) + "\n"


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

"""Turn ``results/`` into ``page.md``, ``claims.json`` and two figures; ``--check`` only says whether they are fresh."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
import foreseen  # noqa: E402
from anlage.learning.checkpoint import read_json  # noqa: E402
from anlage.study.foresight import PLANNER, ForesightPlan, ForesightRun, gains  # noqa: E402
from anlage.study.foresight_report import draw_foresight  # noqa: E402
from finding import Finding, stamp  # noqa: E402

QUESTION = tomllib.loads((HERE / "question.toml").read_text("utf-8"))
BODIES = ("swimmer", "dish")
WRITTEN_FOR = {"swimmer": "supported", "dish": "partly"}
"""What the prose says of the claim."""
LEVEL = {"swimmer": {"no epistemic term", "ppo, longer"}, "dish": {"brief planner", "ppo, longer"}}
"""Arms that it calls not told apart from the planner; it calls the planner ahead of all others."""


def finished(body: str) -> ForesightRun:
    """What was run in a body. Raises ``AnlageError`` while trials are missing."""
    return foreseen.finished(ForesightPlan(**QUESTION[body]), HERE / "results" / body)


def answer(run: ForesightRun) -> str:
    """What becomes of the claim in a body."""
    return foreseen.answer(run, QUESTION["rule"]["enough_share"])


def said(run: ForesightRun) -> dict[str, str]:
    """Every figure that the prose names of a body."""
    body = run.plan.body
    words = {
        f"{body}_arms": foreseen.arms(run),
        f"{body}_paired": foreseen.paired(run),
        f"{body}_growth": foreseen.grown(run),
        f"{body}_growing": foreseen.while_growing(run),
        f"{body}_probe": foreseen.probes(run),
        f"{body}_success": f"{run.success(PLANNER).mean():.0%}",
        f"{body}_steps": f"{run.plan.steps:,}",
        f"{body}_longer_steps": f"{run.plan.steps * run.plan.longer:,}",
    }
    for arm in run.plan.arms:
        words[f"{body}_{arm.replace(' ', '_').replace(',', '')}"] = f"{round(run.returns(arm).mean()):,}"
    for gain in gains(run):
        low, high = gain.interval
        words[f"{body}_minus_{gain.arm.replace(' ', '_').replace(',', '')}"] = f"{low:+,.0f} to {high:+,.0f}"
    return words


def finding() -> Finding:
    """The page."""
    runs = {body: finished(body) for body in BODIES}
    if (found := {body: answer(run) for body, run in runs.items()}) != WRITTEN_FOR:
        sys.exit(f"The page was written for {WRITTEN_FOR}, but the results say {found}; rewrite it.")
    for body, run in runs.items():
        low = {gain.arm: gain.interval[0] for gain in gains(run)}
        if {arm for arm, least in low.items() if least <= 0} != LEVEL[body]:
            sys.exit(f"The page was written for {LEVEL[body]} beside the planner in the {body}; rewrite it.")
    parts = {name: text for run in runs.values() for name, text in said(run).items()}
    yardsticks = read_json(HERE / "results" / "yardsticks.json", lambda _: True) or {}
    parts |= {name.replace(" ", "_"): f"{float(str(share)):.2f}" for name, share in yardsticks.items()}
    page = (HERE / "page.template.md").read_text("utf-8").format(**parts)
    pictures = {f"{body}.png": (lambda run=run: draw_foresight(run)) for body, run in runs.items()}
    (first, draw), *others = pictures.items()
    return Finding(HERE, page, [], draw, first, stamp((HERE / "results").rglob("*.json")), dict(others))


if __name__ == "__main__":
    finding().main()

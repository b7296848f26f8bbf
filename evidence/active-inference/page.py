"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``foresight.png``; ``--check`` only says whether they are fresh."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from anlage.errors import AnlageError  # noqa: E402
from anlage.study.foresight import PLANNER, ForesightPlan, ForesightRun, ForesightTrial, gains  # noqa: E402
from anlage.study.foresight_report import draw_foresight, foresight_table, growth_table  # noqa: E402
from finding import Finding, stamp, table  # noqa: E402

QUESTION = tomllib.loads((HERE / "question.toml").read_text("utf-8"))
WRITTEN_FOR = "supported"
"""What the prose says."""


def finished() -> ForesightRun:
    """What was run. Raises ``AnlageError`` while trials are missing."""
    asked = ForesightPlan(**{name: value for name, value in QUESTION.items() if name != "enough_share"})
    records = {
        maker: [ForesightTrial(asked, maker, i, str(HERE / "results")).kept() for i in range(asked.trials)]
        for maker in asked.makers
    }
    if missing := sum(record is None for of in records.values() for record in of):
        raise AnlageError(f"{missing} trials are missing; finish them with run.py.")
    return ForesightRun(asked, {maker: [r for r in of if r is not None] for maker, of in records.items()})


def answer(run: ForesightRun) -> str:
    """What becomes of the claim, by the rule of the question."""
    against = {gain.arm: gain.interval[0] > 0 for gain in gains(run)}
    held = [against[arm] for arm in ("random values", "untrained model", "random actions")]
    held.append(bool(run.success(PLANNER).mean() >= QUESTION["enough_share"]))
    return "supported" if all(held) else "partly" if any(held) else "not supported"


def points(share: float) -> str:
    """A share in points of a hundred, without a sign that is not there."""
    return f"{round(100 * share):+d}"


def paired(run: ForesightRun) -> str:
    """Planner minus arm, in returns and in successes."""
    rows = []
    for earned, succeeded in zip(gains(run), gains(run, "success"), strict=True):
        low, high = succeeded.interval
        rows.append(
            [
                earned.arm,
                f"{earned.difference:+,.0f} ({earned.interval[0]:+,.0f} to {earned.interval[1]:+,.0f})",
                f"{earned.p:.3f}",
                " ".join([points(succeeded.difference), f"({points(low)} to {points(high)})"]),
            ]
        )
    return table(["planner minus", "return (95 % interval)", "p (sign flip)", "success, points (95 % interval)"], rows)


def arms(run: ForesightRun) -> str:
    """Every arm."""
    rows = [[arm, earned, done, ms] for arm, _, earned, done, ms, *_ in foresight_table(run).rows]
    return table(["arm", "return of a life (95 % interval)", "success", "ms a step"], rows)


def grown(run: ForesightRun) -> str:
    """How the planners grew up, and of how many of their lives by plans they made a success."""
    told = growth_table(run)
    return table(told.head, told.rows)


def while_growing(run: ForesightRun) -> str:
    """Successes among the lives by plans while agents grew: per agent."""
    enough = run.plan.preference.enough
    acted = [[c["score"] > enough for c in r["chapters"] if c["kind"] == "acts"] for r in run.records[PLANNER]]
    return ", ".join(f"{sum(one)}" for one in acted)


def finding() -> Finding:
    """The page."""
    run = finished()
    if (found := answer(run)) != WRITTEN_FOR:
        sys.exit(f"The page was written for {WRITTEN_FOR!r}, but the results say {found!r}; rewrite it.")
    probes = [record["chapters"][-1]["probe"] for record in run.records[PLANNER]]
    page = (HERE / "page.template.md").read_text("utf-8")
    parts = {
        "arms": arms(run),
        "paired": paired(run),
        "growth": grown(run),
        "growing": while_growing(run),
        "success": f"{run.success(PLANNER).mean():.0%}",
        "probe": f"{min(probes):.2f} to {max(probes):.2f}",
    }
    results = stamp((HERE / "results").glob("*.json"))
    return Finding(HERE, page.format(**parts), [], lambda: draw_foresight(run), "foresight.png", results)


if __name__ == "__main__":
    finding().main()

"""What pages about foresight share: the finished runs, and their tables."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from anlage.errors import AnlageError  # noqa: E402
from anlage.study.foresight import PLANNER, ForesightPlan, ForesightRun, ForesightTrial, gains  # noqa: E402
from anlage.study.foresight_report import foresight_table, growth_table  # noqa: E402
from finding import table  # noqa: E402


def finished(asked: ForesightPlan, folder: Path) -> ForesightRun:
    """What was run. Raises ``AnlageError`` while trials are missing."""
    records = {
        maker: [ForesightTrial(asked, maker, i, str(folder)).kept() for i in range(asked.trials)]
        for maker in asked.makers
    }
    if missing := sum(record is None for of in records.values() for record in of):
        raise AnlageError(f"{missing} trials are missing in {folder}; finish them with run.py.")
    return ForesightRun(asked, {maker: [r for r in of if r is not None] for maker, of in records.items()})


def answer(run: ForesightRun, enough_share: float) -> str:
    """What becomes of the claim, by the rule of the questions."""
    against = {gain.arm: gain.interval[0] > 0 for gain in gains(run)}
    held = [against[arm] for arm in ("random values", "untrained model", "random actions")]
    held.append(bool(run.success(PLANNER).mean() >= enough_share))
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
    return table(["arm", "return of a life (95 % interval)", "success", "ms an action"], rows)


def grown(run: ForesightRun) -> str:
    """How the planners grew up, and of how many of their lives by plans they made a success."""
    told = growth_table(run)
    return table(told.head, told.rows)


def while_growing(run: ForesightRun) -> str:
    """Successes among the lives by plans while agents grew: per agent."""
    enough = run.plan.preference.enough
    acted = [[c["score"] > enough for c in r["chapters"] if c["kind"] == "acts"] for r in run.records[PLANNER]]
    return ", ".join(f"{sum(one)}" for one in acted)


def probes(run: ForesightRun) -> str:
    """The least and the greatest share of observations that is linear in embeddings, at the end, over planners."""
    found = [record["chapters"][-1]["probe"] for record in run.records[PLANNER]]
    return f"{min(found):.2f} to {max(found):.2f}"

"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``foresight.png``; ``--check`` only says whether they are fresh."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
import foreseen  # noqa: E402
from anlage.study.foresight import PLANNER, ForesightPlan, ForesightRun  # noqa: E402
from anlage.study.foresight_report import draw_foresight  # noqa: E402
from finding import Finding, stamp  # noqa: E402
from foreseen import arms  # noqa: E402

QUESTION = tomllib.loads((HERE / "question.toml").read_text("utf-8"))
WRITTEN_FOR = "supported"
"""What the prose says."""
__all__ = ["arms", "finished"]


def finished() -> ForesightRun:
    """What was run. Raises ``AnlageError`` while trials are missing."""
    asked = {name: value for name, value in QUESTION.items() if name != "enough_share"}
    return foreseen.finished(ForesightPlan(**asked), HERE / "results")


def answer(run: ForesightRun) -> str:
    """What becomes of the claim."""
    return foreseen.answer(run, QUESTION["enough_share"])


def finding() -> Finding:
    """The page."""
    run = finished()
    if (found := answer(run)) != WRITTEN_FOR:
        sys.exit(f"The page was written for {WRITTEN_FOR!r}, but the results say {found!r}; rewrite it.")
    page = (HERE / "page.template.md").read_text("utf-8")
    parts = {
        "arms": arms(run),
        "paired": foreseen.paired(run),
        "growth": foreseen.grown(run),
        "growing": foreseen.while_growing(run),
        "success": f"{run.success(PLANNER).mean():.0%}",
        "probe": foreseen.probes(run),
    }
    results = stamp((HERE / "results").glob("*.json"))
    return Finding(HERE, page.format(**parts), [], lambda: draw_foresight(run), "foresight.png", results)


if __name__ == "__main__":
    finding().main()

"""Answer ``question.toml`` into ``results/``, one file per trial; an interrupted run goes on. About 15 CPU minutes."""

import sys
import tomllib
from pathlib import Path

from anlage.study.foresight import ForesightPlan, carry_out_foresight

HERE = Path(__file__).parent


def plan() -> ForesightPlan:
    """What was declared."""
    question = tomllib.loads((HERE / "question.toml").read_text("utf-8"))
    return ForesightPlan(**{name: value for name, value in question.items() if name != "enough_share"})


def main() -> None:
    """Every trial, one after another."""
    carry_out_foresight(plan(), HERE / "results", progress=lambda *said: sys.stderr.write(f"{said}\n") and None)


if __name__ == "__main__":
    main()

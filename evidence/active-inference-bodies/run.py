"""Answer ``question.toml`` into ``results/``, one file per trial; an interrupted run goes on.

``python evidence/active-inference-bodies/run.py [BODY] [--backwards]``; half an hour of processor time for the swimmer, an hour
for the dish. A second process that goes backwards meets the first.
"""

import sys
import tomllib
from pathlib import Path

import numpy as np

from anlage.experience.arena import Arena, assay
from anlage.experience.arena_behaviour import RandomWalk, RunAndTurn, TrueGradient
from anlage.experience.arena_body import Larva
from anlage.experience.arena_score import approach, forage
from anlage.learning.checkpoint import write_json
from anlage.study.foresight import ForesightPlan, ForesightTrial

HERE = Path(__file__).parent
BODIES = ("swimmer", "dish")


def plan(body: str) -> ForesightPlan:
    """What was declared for a body."""
    return ForesightPlan(**tomllib.loads((HERE / "question.toml").read_text("utf-8"))[body])


def trials(body: str) -> list[ForesightTrial]:
    """Every trial of a body, seed by seed."""
    asked = plan(body)
    return [
        ForesightTrial(asked, maker, index, str(HERE / "results" / body))
        for index in range(asked.trials)
        for maker in asked.makers
    ]


def yardsticks() -> dict[str, float]:
    """What needs no model earns in the dish, as a share of all that can be earned: approach, mean of 64 larvae, each alone."""
    body, rng = Larva(step_s=0.5), np.random.default_rng
    arena = Arena(assay(body.name), body, n_worlds=64)
    lived = {
        kind.name: forage(arena, kind(), [rng(i) for i in range(64)], 300.0)
        for kind in (RandomWalk, RunAndTurn, TrueGradient)
    }
    return {name: round(approach(track, (30.0, 0.0), rng(1)).value, 3) for name, track in lived.items()}


def main() -> None:
    """Every trial that is not kept yet, one after another."""
    words = sys.argv[1:]
    write_json(HERE / "results" / "yardsticks.json", yardsticks())
    for body in [word for word in words if word in BODIES] or BODIES:
        for trial in trials(body)[:: -1 if "--backwards" in words else 1]:
            if trial.kept() is None:
                (HERE / "results" / body).mkdir(parents=True, exist_ok=True)
                record = trial.run()
                trial.keep(record)
                print(body, trial.maker, trial.index, {a: r["returns"] for a, r in record["arms"].items()}, flush=True)


if __name__ == "__main__":
    main()

"""What ``question.toml`` declares, made to run: the clones of evidence/graph-policy, their practice, and exams on the way."""

import math
import sys
from pathlib import Path
from typing import Any

import torch

from anlage.learning.ppo import Practice, practise
from anlage.seed import Seed

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "graph-policy"), str(HERE.parents[1] / "scripts")]
import graph_trials as cloning  # noqa: E402

from declared import Declared  # noqa: E402

ASKED = Declared.of(HERE)
QUESTION = ASKED.words
ROOT = Seed(QUESTION["seed"])


def practice(arm: str) -> Practice:
    """As much for everybody, at the rate of one's kind."""
    words = dict(QUESTION["practice"])
    words.pop("spread")
    rate, segment = (each.get(arm, each["graph"]) for each in (words.pop("rates"), words.pop("segment")))
    return Practice(**words, learning_rate=rate, segment=segment)


def trial(arm: str, index: int, given: cloning.School) -> dict[str, Any]:
    """One pupil: cloned as it was in evidence/graph-policy, then practising; what it earns alone now and then."""
    shown = cloning.first(given.shown, QUESTION["lives"])
    policy, seen = cloning.pupil_of(arm, index, shown, cloning.ROOT.child("lesson").child(index))
    with torch.no_grad():
        policy.log_sd.fill_(math.log(QUESTION["practice"]["spread"]))
    seen, how = seen.settled(), practice(arm)
    every = QUESTION["exam"]["every"] * how.bodies * how.stretch
    curve = [[0, cloning.exam(policy, seen)]]

    def exam(steps: int, total: int) -> None:
        if steps % every == 0 or steps == total:
            curve.append([steps, cloning.exam(policy, seen)])

    worlds = [cloning.open_body() for _ in range(how.bodies)]
    done = practise(policy, worlds, how, ROOT.child("practice").child(index), seen=seen, progress=exam)
    lived = [round(entry["return"], 1) for entry in done.curve if "return" in entry]
    graph = {} if arm == cloning.MLP else {"graph": cloning.graph(arm, index)[0].fingerprint}
    return {**graph, "curve": curve, "lived": lived}

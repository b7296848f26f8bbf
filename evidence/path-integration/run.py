"""Answer the three questions of this folder into ``results/``; an interrupted run goes on where it was. About eight minutes."""

import sys
from pathlib import Path

from anlage.study.question import Question, read_question

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "scripts"), str(HERE)]
from heading_ring import run as run_ring  # noqa: E402

from ledger import answer  # noqa: E402

ASKED = {"scores": "question.toml", "rectified": "rectified.toml"}
"""Results -> the question about the worm that they answer."""


def question(results: str = "scores") -> Question:
    """A question about the worm as ``anlage compare`` would ask it."""
    return read_question((HERE / ASKED[results]).read_text("utf-8"), ASKED[results])


if __name__ == "__main__":
    for results in ASKED:
        answer(question(results), HERE / "results" / f"{results}.json")
    run_ring()

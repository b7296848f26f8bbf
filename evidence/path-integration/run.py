"""Answer ``question.toml`` into ``results/scores.json``; an interrupted run goes on where it was. About two minutes."""

import sys
from pathlib import Path

from anlage.study.question import Question, read_question

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from ledger import answer  # noqa: E402


def question() -> Question:
    """The question as ``anlage compare`` would ask it."""
    return read_question((HERE / "question.toml").read_text("utf-8"), "question.toml")


if __name__ == "__main__":
    answer(question(), HERE / "results" / "scores.json")

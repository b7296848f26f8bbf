"""What is asked of the worm, as questions that ``anlage compare`` could ask."""

from pathlib import Path

from anlage.study.question import Question, read_question

HERE = Path(__file__).parent
ASKED = {"scores": "question.toml", "rectified": "rectified.toml"}
"""Results -> the question that they answer."""


def question(results: str) -> Question:
    """A question about the worm."""
    return read_question((HERE / ASKED[results]).read_text("utf-8"), ASKED[results])

"""Claims: questions, trials, statistics, reports."""

from anlage.study.question import Comparison, Question
from anlage.study.run import Run, carry_out, read_run

__all__ = ["Comparison", "Question", "Run", "carry_out", "read_run"]

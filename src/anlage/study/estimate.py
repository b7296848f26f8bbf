"""How long a study will take, told from a few steps of its first trial."""

from collections.abc import Callable
from contextlib import suppress

from anlage.learning.assay import Assay, assay
from anlage.learning.grow import grow
from anlage.study.factor import grid
from anlage.study.question import Question
from anlage.study.trial import trials

SOME = 12
"""Steps to time; those before the first are not counted, because much is made ready in it."""


class _Enough(Exception):
    """Thrown out of a trial whose first steps were timed."""


def seconds(question: Question, workers: int, clock: Callable[[], float]) -> float:
    """Seconds that all trials of a question will take about, without drawing controls and without measuring on the way.

    ``clock`` gives seconds from anywhere. Writes nothing; an assay with a closed readout is run once.
    """
    recipe, marks, total = question.at(question.cells[0]), [clock()], 1

    def progress(done: int, of: int) -> None:
        nonlocal total
        total = of
        marks.append(clock())
        if done >= SOME:
            raise _Enough

    with suppress(_Enough):
        if isinstance(recipe, Assay):
            assay(recipe, progress=progress)
        else:
            grow(recipe, progress=progress)
    counted = len(marks) - 2
    one = (marks[-1] - marks[1]) / counted * total if counted > 0 else clock() - marks[0]
    compared = question.comparison
    times = len(grid(compared.factors)) + 1 if compared and compared.tuned else 1
    return one * times * len(trials(question)) / workers

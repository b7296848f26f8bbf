"""Answer ``question.toml`` into ``results/``; an interrupted run goes on where it was. About ten minutes of processor time."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "scripts"), str(HERE)]
from continual_questions import BESIDE, WIRINGS, beside, question  # noqa: E402

from ledger import answer  # noqa: E402


def main() -> None:
    """Every trial of both wirings."""
    for wiring in WIRINGS:
        answer(question(wiring), HERE / "results" / f"{wiring}.json")
        for learner in BESIDE[wiring]:
            answer(beside(wiring, learner), HERE / "results" / f"{wiring}-{learner}.json")


if __name__ == "__main__":
    main()

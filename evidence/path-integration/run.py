"""Answer the three questions of this folder into ``results/``; an interrupted run goes on where it was. About eight minutes."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "scripts"), str(HERE)]
from heading_questions import ASKED, question  # noqa: E402
from heading_ring import run as run_ring  # noqa: E402

from ledger import answer  # noqa: E402

if __name__ == "__main__":
    for results in ASKED:
        answer(question(results), HERE / "results" / f"{results}.json")
    run_ring()

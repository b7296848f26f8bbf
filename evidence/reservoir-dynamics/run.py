"""Answer ``question.toml`` into ``results/``, a file per task; an interrupted run goes on where it was.

``python evidence/reservoir-dynamics/run.py [TASK ...]``, then ``page.py``. About ten minutes on one core for the worm
and 20 for the larva, whose tasks are called larva-TASK and need its data.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]
from dynamics_questions import afterwards, larva_afterwards, questions  # noqa: E402

from ledger import answer  # noqa: E402


def main() -> None:
    """Every task named, or all."""
    asked = {
        **questions(),
        "afterwards": afterwards(),
        **{f"larva-{task}": q for task, q in questions("larva").items()},
        **{f"larva-afterwards-{name}": q for name, q in larva_afterwards().items()},
    }
    for task in sys.argv[1:] or asked:
        answer(asked[task], HERE / "results" / f"{task}.json")
        print(f"{task}: done", flush=True)


if __name__ == "__main__":
    main()

"""Oracle and chance of every task as it comes, over five draws: benchmarks/results/tasks.json.

    python benchmarks/tasks.py

Tasks whose data are not here are left out and named.
"""

import json
from pathlib import Path

import numpy as np

from anlage.errors import DataMissing
from anlage.experience import TASKS

RESULT = Path(__file__).parent / "results" / "tasks.json"
DRAWS = 5


def main() -> None:
    """Open every task, score and write."""
    rows: dict[str, object] = {}
    for word, cls in TASKS.items():
        try:
            problems = [cls().open(np.random.default_rng(draw)) for draw in range(DRAWS)]
        except DataMissing as missing:
            print(missing)
            continue
        first = problems[0]
        rows[word] = {
            "input": first.train.shape[2],
            "time": first.train.shape[1],
            "washout": first.washout,
            "moments_asked": first.train_answer.shape[1],
            "output": first.train_answer.shape[2],
            "train": len(first.train),
            "test": len(first.test),
            "measure": first.primary,
            "oracle": [round(problem.oracle, 4) for problem in problems],
            "chance": [round(problem.chance, 4) for problem in problems],
        }
        print(word, rows[word])
    RESULT.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

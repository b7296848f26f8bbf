"""Run the trials that question.toml declares: python evidence/backflips/run.py [PART ...]

Every finished part is written at once to results/, every demonstration to runs/backflips, and is not made again. About 20
minutes of processor time.
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from flips import ASKED, PARTS, read, trials


def main() -> None:
    """Run what is missing, part by part."""
    torch.set_num_threads(1)
    if wrong := set(sys.argv[1:]) - set(PARTS):
        sys.exit(f"There is no part called {', '.join(sorted(wrong))}; there are {', '.join(PARTS)}.")
    for part in sys.argv[1:] or PARTS:
        for index in range(trials(part)):
            if read(part, index) is None:
                record = PARTS[part](index)
                ASKED.keep(f"{part}-{index}", record)
                told = record["curve"][-1] if "curve" in record else record["turns"]
                print(part, index, told, {k: v for k, v in record.items() if "cpu" in k}, flush=True)


if __name__ == "__main__":
    main()

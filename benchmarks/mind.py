"""Keep what `anlage grow recipes/mind.toml` found: python benchmarks/mind.py runs/mind, once it is finished."""

import json
import sys
from pathlib import Path

from anlage.mind import read_grown
from machine import describe

RESULT = Path(__file__).parent / "results" / "mind.json"


def main() -> None:
    """The untrained and the grown mind, and the size of every area."""
    grown = read_grown(Path(sys.argv[1]))
    size = {n: {"neurons": a.topology.n_neurons, "edges": a.topology.n_edges} for n, a in grown.mind.parts.items()}
    schedule = grown.recipe.schedule
    kept = {
        "recipe": grown.recipe.identity,
        "days": schedule.days,
        "word_at": grown.recipe.experience.word_at,
        "size": size,
        "first": grown.curve[0],
        "last": grown.curve[-1],
        "machine": describe(),
    }
    RESULT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()

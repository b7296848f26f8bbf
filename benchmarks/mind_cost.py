"""What a larger mind costs, and what it came to: python benchmarks/mind_cost.py recipes/mind-speech.toml

It is grown in one process, from the beginning, into runs/NAME; the result goes into results/NAME.json.
"""

import json
import sys
import time
from pathlib import Path

from anlage.cli.meter import Meter
from anlage.mind import grow_mind, read_mind
from anlage.study.mind_report import write_mind_report
from machine import describe

MEASURES = ("prediction_error", "persistence_error", "effective_rank")


def main() -> None:
    """Grow it, and keep what it took."""
    recipe = read_mind(Path(sys.argv[1]).read_text("utf-8"))
    folder = Path("runs") / recipe.name
    wall_s, cpu_s = time.monotonic(), time.process_time()
    grown = grow_mind(recipe, folder, progress=Meter())
    write_mind_report(grown, folder)
    wall_s, cpu_s = time.monotonic() - wall_s, time.process_time() - cpu_s
    first, last = grown.curve[0]["areas"], grown.curve[-1]["areas"]
    areas = {
        name: {
            "wiring": part.plan.title,
            "neurons": part.topology.n_neurons,
            "edges": part.topology.n_edges,
            "untrained_error": first[name]["prediction_error"],
            **{measure: last[name][measure] for measure in MEASURES},
        }
        for name, part in grown.mind.parts.items()
    }
    kept = {"recipe": recipe.identity, "cpu_s": cpu_s, "wall_s": wall_s, "areas": areas, "machine": describe()}
    path = Path(__file__).parent / "results" / f"{recipe.name}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()

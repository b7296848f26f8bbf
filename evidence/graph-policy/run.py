"""Run the trials that question.toml declares: python evidence/graph-policy/run.py [--backwards]

Every finished trial is written at once to results/, and is not run again; the expert is kept in runs/graph-policy. About half an
hour of processor time; a second process that goes backwards meets the first in the middle.
"""

import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from graph_trials import ASKED, DECIDING, PORTS, imitation, part, school  # noqa: E402

ROOM = HERE.parents[1] / "runs" / "graph-policy"


def _turn(arm: str) -> int:
    """What the answer depends on comes first, in case the time is over before all is run; then the bare interface."""
    return 0 if arm in DECIDING else 1 if arm == "interface-only" else 2


def main() -> None:
    """Run what is missing."""
    ROOM.mkdir(parents=True, exist_ok=True)
    given = school(ROOM)
    whole = part()
    ports = {"input": len(whole.group(PORTS.input)), "output": len(whole.group(PORTS.output))}
    facts = {"expert": given.score, "neurons": whole.n_neurons, "edges": whole.n_edges, "ports": ports}
    versions = {name: version(name) for name in ("torch", "numpy", "mujoco")}
    ASKED.keep("school", {**facts, "versions": versions})
    way = -1 if "--backwards" in sys.argv[1:] else 1
    for arm, index in sorted(ASKED.trials(), key=lambda trial: (_turn(trial[0]), way * trial[1])):
        name = f"{arm}-{index:02d}"
        if ASKED.read(name) is None:
            record = imitation(arm, index, given)
            ASKED.keep(name, record)
            print(name, [each["error"] for each in record["cloned"]], record["again"], flush=True)


if __name__ == "__main__":
    main()

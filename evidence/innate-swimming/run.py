"""Run the arms that question.toml declares: python evidence/innate-swimming/run.py [--tank NAME] [--graphs N] [--arm NAME ...]

What results/ holds already is kept, and only what is missing is run; every finished arm is written at once.
"""

import argparse
import json
import tomllib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from anlage.connectome.library import load
from anlage.experience.swimmer import Fluid
from anlage.learning.checkpoint import write_text
from anlage.study.swim import BARE, FIXED, LADDER, MEASURED, WAVE, Rung, Swim, Tank, read_swim, trials, wave_trials
from anlage.topology.motor import motor

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TANKS = {
    "six": ("worm", Tank()),
    "twelve": ("worm", Tank(12)),
    "thin": ("worm", Tank(6, Fluid(900.0))),
    "thick": ("worm", Tank(6, Fluid(9000.0))),
    "male": ("worm-male", Tank()),
}
ARMS = {rung.name: rung for rung in (MEASURED, *LADDER, BARE, *FIXED)}
ONE_GRAPH = (*(rung.name for rung in FIXED), WAVE)


def question() -> dict[str, Any]:
    """What was declared."""
    return tomllib.loads((HERE / "question.toml").read_text("utf-8"))


def checksum() -> str:
    """sha256 of the declaration."""
    return sha256((HERE / "question.toml").read_bytes()).hexdigest()


def arms_of(tank: str) -> list[str]:
    """Arms that a tank has, the connectome first."""
    others = question()["others"]
    return [*ARMS, WAVE] if tank == "six" else ["connectome", *others["arms"], *others["fixed"], WAVE]


def read(tank: str, arm: str) -> list[Swim]:
    """Finished trials of an arm; none before it was run. Raises ``SystemExit`` when they belong to another declaration."""
    path = RESULTS / f"{tank}--{arm}.json"
    if not path.exists():
        return []
    kept = json.loads(path.read_text("utf-8"))
    if kept["question"] != checksum():
        raise SystemExit(f"{path.name} belongs to another question.toml; delete it and run again.")
    return [read_swim(record) for record in kept["trials"]]


def carry_out(tank: str, arm: str, n: int) -> None:
    """Run what is missing of the first ``n`` trials of an arm."""
    done, seed = read(tank, arm), question()["seed"]
    missing = range(len(done), n)
    if not missing:
        return
    connectome, water = TANKS[tank]
    rung: Rung | None = ARMS.get(arm)
    new = trials(rung, motor(load(connectome)), water, missing, seed) if rung else wave_trials(water, missing, seed)
    record = {"question": checksum(), "tank": tank, "arm": arm, "trials": [swim.to_json() for swim in (*done, *new)]}
    text = json.dumps(record, indent=1).replace("\n    ", " ").replace("\n   }", " }")
    write_text(RESULTS / f"{tank}--{arm}.json", text + "\n")
    scores = [swim.score for swim in (*done, *new)]
    print(f"{tank} {arm}: {len(scores)} trials, mean {sum(scores) / len(scores):.0f}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tank", choices=[*TANKS], default="six")
    parser.add_argument("--graphs", type=int, default=question()["graphs"]["at_least"])
    parser.add_argument("--arm", nargs="*", default=[])
    given = parser.parse_args(arguments)
    for arm in given.arm or arms_of(given.tank):
        carry_out(given.tank, arm, question()["graphs"]["fixed"] if arm in ONE_GRAPH else given.graphs)


if __name__ == "__main__":
    main()

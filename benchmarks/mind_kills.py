"""Kill a growing mind twenty times at random moments, let it finish, and compare it with one that nobody touched.

    python benchmarks/mind_kills.py

The mind of recipes/mind.toml, with five short days. What it was at when it was killed is told through memory that it shares.
"""

import json
import mmap
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

import anlage.mind.grow as growing
from anlage.experience import PairedWorld
from anlage.mind import Area, GrownMind, Mind, MindRecipe, Nights, Received, grow_mind, read_mind
from machine import describe

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results" / "mind_kills.json"
KILLS, SEED = 20, 0
SHORT = Nights(days=5, sequences=32, steps=20, batch=16, learning_rate=0.003)


def contents(folder: Path) -> dict[str, object]:
    """Everything that a mind keeps: measures as bytes, checkpoints as what they say of themselves and all their numbers."""
    kept: dict[str, object] = {path.name: path.read_bytes() for path in folder.glob("days/*.json")}
    for path in folder.glob("nights/*.safetensors"):
        with safe_open(path, framework="np") as file:
            numbers = {name: file.get_tensor(name).tobytes() for name in sorted(file.keys())}
            kept[path.name] = (file.metadata(), numbers)
    return kept


def tell(board: mmap.mmap) -> None:
    """Let whatever is done from here on be written on a board that the parent reads."""

    def write(words: str) -> None:
        board[:64] = words.encode().ljust(64)

    measure, learn = growing.measure, Area.learn

    def measuring(mind: Mind, world: PairedWorld) -> dict[str, object]:
        write("evening")
        found = measure(mind, world)
        write("day")
        return found

    def learning(
        area: Area, received: Received, night: int, progress: Callable[[int, int], None] | None = None
    ) -> None:
        write(f"night of {area.plan.name}")
        learn(area, received, night, progress)

    growing.measure, Area.learn = measuring, learning  # type: ignore[attr-defined, method-assign]


def killed(recipe: MindRecipe, folder: Path, after_s: float) -> str | None:
    """Grow in a child that is killed after a while: what it was at, or None when it had come to its end."""
    board = mmap.mmap(-1, 64)
    board[:64] = b"start".ljust(64)
    child = os.fork()
    if not child:
        tell(board)
        grow_mind(recipe, folder, resume=True)
        os._exit(0)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    died = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    return board[:64].decode().strip() if died else None


def same(one: GrownMind, other: GrownMind) -> bool:
    """Whether two minds have the same curve and the same numbers."""
    pairs = zip(one.mind.parts.values(), other.mind.parts.values(), strict=True)
    memories = [(a.memory(), b.memory()) for a, b in pairs]
    return one.curve == other.curve and all(torch.equal(a[k], b[k]) for a, b in memories for k in a)


def main() -> None:
    """Kill, go on, compare, keep."""
    recipe = replace(read_mind((ROOT / "recipes" / "mind.toml").read_text("utf-8")), schedule=SHORT)
    torch.set_num_threads(1)
    rng, kills = np.random.default_rng(SEED), []
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        start = time.monotonic()
        whole = grow_mind(recipe, Path(one))
        took_s = time.monotonic() - start
        while len(kills) < KILLS:
            # A third of a day on average, and what is lost is done again: there is something left for the last kill.
            at = killed(recipe, Path(other), float(rng.uniform(0, took_s / 14)))
            if at is None:
                break
            kills.append(at)
            print(len(kills), at, flush=True)
        again = grow_mind(recipe, Path(other), resume=True)
        kept_one, kept_other = contents(Path(one)), contents(Path(other))
        print(
            "folders differ in",
            [n for n in kept_one.keys() | kept_other.keys() if kept_one.get(n) != kept_other.get(n)],
        )
        identical = same(whole, again) and kept_one == kept_other
    kept = {"kills": kills, "identical": identical, "days": SHORT.days, "machine": describe()}
    RESULT.write_text(json.dumps(kept, indent=1) + "\n")
    print(json.dumps(kept))


if __name__ == "__main__":
    main()

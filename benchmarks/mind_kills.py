"""Kill a growing mind in every stage of its days and at random moments, let it finish, and compare it with an untouched one.

    python benchmarks/mind_kills.py

The mind of recipes/mind.toml, with eight short days. What it was at when it was killed is told through memory that it shares.
"""

import json
import mmap
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

import anlage.mind.grow as growing
from anlage.experience import PairedWorld
from anlage.mind import Area, GrownMind, Life, Mind, MindRecipe, Nights, Received, grow_mind, read_mind
from anlage.mind.recipe import WORKSPACE
from anlage.trace import Episode
from machine import describe

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results" / "mind_kills.json"
SEED = 0
ROUNDS, RANDOM = 2, 8
"""Kills in each stage, and at moments that nobody chose."""
ANY = "any"
SHORT = Nights(days=8, sequences=32, steps=20, batch=16, learning_rate=0.003)


def contents(folder: Path) -> dict[str, object]:
    """Everything that a mind keeps: measures as bytes, checkpoints as what they say of themselves and all their numbers."""
    kept: dict[str, object] = {path.name: path.read_bytes() for path in folder.glob("days/*.json")}
    for path in folder.glob("nights/*.safetensors"):
        with safe_open(path, framework="np") as file:
            numbers = {name: file.get_tensor(name).tobytes() for name in sorted(file.keys())}
            kept[path.name] = (file.metadata(), numbers)
    return kept


def tell(write: Callable[[str], None]) -> None:
    """Let whatever is done from here on in this process be told: evenings, days, and nights of areas."""
    measure, live, learn = growing.measure, Mind.live, Area.learn
    stage = "start"

    def at(now: str) -> None:
        nonlocal stage
        stage = now
        write(now)

    def measuring(mind: Mind, world: PairedWorld) -> dict[str, object]:
        at("evening")
        found = measure(mind, world)
        at("between")
        return found

    def living(mind: Mind, episode: Episode) -> Life:
        if stage != "evening":  # which lives through held-out lives
            at("day")
        return live(mind, episode)

    def learning(
        area: Area, received: Received, night: int, progress: Callable[[int, int], None] | None = None
    ) -> None:
        at(f"night of {area.plan.name}")
        learn(area, received, night, progress)

    growing.measure, Mind.live, Area.learn = measuring, living, learning  # type: ignore[attr-defined, method-assign, assignment]


class Clock:
    """How long each stage lasts in the process that it is told by, in seconds."""

    def __init__(self) -> None:
        self.stage, self.began = "start", time.monotonic()
        self.lasts: dict[str, float] = {}

    def __call__(self, stage: str) -> None:
        """A stage begins, and the one before it is over."""
        now = time.monotonic()
        self.lasts[self.stage] = now - self.began
        self.stage, self.began = stage, now


def killed(recipe: MindRecipe, folder: Path, aim: str, after_s: float) -> str | None:
    """Grow in a child that is killed so long after it came to a stage: what it was at, None if it came to its end before."""
    board = mmap.mmap(-1, 64)

    def write(words: str) -> None:
        board[:64] = words.encode().ljust(64)

    write("start")
    child = os.fork()
    if not child:
        tell(write)
        grow_mind(recipe, folder, resume=True)
        os._exit(0)
    while aim not in (ANY, board[:64].decode().strip()):
        if os.waitpid(child, os.WNOHANG)[0]:
            return None
        time.sleep(0.0005)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    died = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    return board[:64].decode().strip() if died else None


def plan(recipe: MindRecipe, lasts: dict[str, float], took_s: float) -> Iterator[tuple[str, float]]:
    """What is aimed at, and how long after it began."""
    rng = np.random.default_rng(SEED)
    nights = [f"night of {name}" for name in (*(area.name for area in recipe.areas), WORKSPACE)]
    for stage in ["start", "evening", "day", *nights] * ROUNDS:
        # A process that has opened the world once starts sooner.
        yield stage, float(rng.uniform(0, lasts[stage] / (20 if stage == "start" else 2)))
    for _ in range(RANDOM):
        # Half a day on average, and what is lost is done again: there is something left for the last kill.
        yield ANY, float(rng.uniform(0, took_s / SHORT.days))


def same(one: GrownMind, other: GrownMind) -> bool:
    """Whether two minds have the same curve and the same numbers."""
    pairs = zip(one.mind.parts.values(), other.mind.parts.values(), strict=True)
    memories = [(a.memory(), b.memory()) for a, b in pairs]
    return one.curve == other.curve and all(torch.equal(a[k], b[k]) for a, b in memories for k in a)


def main() -> None:
    """Kill, go on, compare, keep."""
    recipe = replace(read_mind((ROOT / "recipes" / "mind.toml").read_text("utf-8")), schedule=SHORT)
    torch.set_num_threads(1)
    kills, aimed = [], 0
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        clock, start = Clock(), time.monotonic()
        tell(clock)
        whole = grow_mind(recipe, Path(one))
        took_s = time.monotonic() - start
        for aim, after_s in plan(recipe, clock.lasts, took_s):
            at = killed(recipe, Path(other), aim, after_s)
            if at is None:
                break
            kills.append(at)
            aimed += at == aim
            print(len(kills), at, "" if aim in (at, ANY) else f"(aimed at {aim})", flush=True)
        again = grow_mind(recipe, Path(other), resume=True)
        kept_one, kept_other = contents(Path(one)), contents(Path(other))
        differing = [n for n in kept_one.keys() | kept_other.keys() if kept_one.get(n) != kept_other.get(n)]
        print("folders differ in", differing)
        identical = same(whole, again) and not differing
    kept = {"kills": kills, "aimed": aimed, "identical": identical, "days": SHORT.days, "machine": describe()}
    RESULT.write_text(json.dumps(kept, indent=1) + "\n")
    print(json.dumps(kept))


if __name__ == "__main__":
    main()

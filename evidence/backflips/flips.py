"""What ``question.toml`` declares, and how one trial of each part of it is made."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from anlage.experience.flip import Flip
from anlage.experience.world import SEED_BITS
from anlage.learning.checkpoint import read_checkpoint, write_checkpoint
from anlage.learning.imitate import Apprenticeship, Demonstrations, Expert, demonstrate, imitate
from anlage.learning.policy import Layers, Mover, Policy
from anlage.learning.ppo import Practice, practise
from anlage.learning.running import Running
from anlage.mind.path_integral import PathIntegral, PlanningExpert
from anlage.seed import Seed

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from declared import Declared, Record  # noqa: E402

ROOM = HERE.parents[1] / "runs" / "backflips"
ASKED = Declared.of(HERE)
QUESTION = ASKED.words
BODIES, STRETCH, WIDTHS = 4, 512, (64, 64)
EVERY = 5 * BODIES * STRETCH
"""Steps of practice between exams; four times as many in a longer practice."""
PRACTICE = Practice(bodies=BODIES, stretch=STRETCH, segment=1, epochs=5, batch=256)


def planner(index: int) -> Record:
    """A life of acting by plans."""
    seed, start, worlds = stream(index), time.process_time(), flips(1)
    turns, film = lived(PlanningExpert(PathIntegral(), worlds, seed.child("plans").rng()), worlds, seed.child("exam"))
    return {"turns": turns, "cpu_s": round(time.process_time() - start, 1), **({"film": film} if index == 0 else {})}


def taught(index: int) -> Record:
    """Cloning, then practice from there on; an exam after cloning and while practising."""
    demonstrations, watched = demonstrated()
    seed, start = stream(index), time.process_time()
    policy = pupil(seed, QUESTION["taught_spread"])
    how = Apprenticeship(QUESTION["updates"], batch=3, learning_rate=QUESTION["cloning_rate"])
    seen, errors = imitate(policy, demonstrations, how, seed.child("cloning"))
    cloned = round(time.process_time() - start, 1)
    found = practised(policy, seen.settled(), QUESTION["steps"], QUESTION["taught_rate"], index)
    error = round(float(np.mean(errors[-50:])), 4)
    return {"cpu_s_demonstrating": watched, "cpu_s_cloning": cloned, "error": error, **found}


def alone(index: int) -> Record:
    """Practice and nothing else, for as many steps."""
    return practised(
        pupil(stream(index), 1.0), Running(Flip.n_observed), QUESTION["steps"], PRACTICE.learning_rate, index
    )


def longer(index: int) -> Record:
    """The same, for the CPU time of demonstrating and cloning on top."""
    policy, steps = pupil(stream(index), 1.0), QUESTION["longer_steps"]
    return practised(policy, Running(Flip.n_observed), steps, PRACTICE.learning_rate, index)


PARTS: dict[str, Callable[[int], Record]] = {"planner": planner, "taught": taught, "alone": alone, "longer": longer}


def trials(part: str) -> int:
    """How many were declared."""
    return int(QUESTION["longer_trials" if part == "longer" else "trials"])


def stream(index: int) -> Seed:
    """All chance of a trial; every part of it begins its exams in the same postures."""
    return Seed(QUESTION["seed"]).child(index)


def flips(n: int) -> list[Flip]:
    """Bodies side by side."""
    return [Flip() for _ in range(n)]


def pupil(seed: Seed, spread: float) -> Policy:
    """Two layers of tanh, the same at birth whether taught or not."""
    generator = torch.Generator().manual_seed(seed.child("policy").integer)
    return Policy(Layers(Flip.n_observed, Flip.n_action, WIDTHS, generator, 0.01), Flip.n_action, sd=spread)


def demonstrated() -> tuple[Demonstrations, float]:
    """The lives of the planner, half of them led astray by chance, and the CPU seconds that they took; each is kept."""
    found, cpu = [], 0.0
    for number in range(QUESTION["demonstrations"]):
        path = ROOM / f"life-{number}.safetensors"
        if not path.exists():
            seed, start, worlds = Seed(QUESTION["seed"]).child("life").child(number), time.process_time(), flips(1)
            expert = PlanningExpert(PathIntegral(), worlds, seed.child("plans").rng())
            one = demonstrate(expert, worlds, seed, stray=number % 2 * QUESTION["stray"])
            tensors = {"observation": torch.from_numpy(one.observation), "action": torch.from_numpy(one.action)}
            write_checkpoint(path, ASKED.checksum, tensors, {"cpu_s": time.process_time() - start})
        tensors, told = read_checkpoint(path, ASKED.checksum)
        cpu += float(told["cpu_s"])  # type: ignore[arg-type]
        found.append((tensors["observation"].numpy(), tensors["action"].numpy()))
    observation, action = (np.concatenate(each) for each in zip(*found, strict=True))
    return Demonstrations(observation, action, np.ones(observation.shape[:2], bool)), round(cpu, 1)


def practised(policy: Policy, seen: Running, steps: int, rate: float, index: int) -> Record:
    """PPO, with exams before it, now and then, and at its end; films of the first and of the last."""
    worlds, seed = flips(QUESTION["lives"]), stream(index)
    practice = replace(PRACTICE, steps=steps, learning_rate=rate)
    every = EVERY if steps == QUESTION["steps"] else 4 * EVERY
    curve: list[list[Any]] = []
    films: dict[str, list[Any]] = {}
    examining = 0.0

    def exam(done: int, total: int) -> None:
        nonlocal examining
        if done % every == 0 or done == total:
            start = time.process_time()
            turns, film = lived(meant(policy, seen, len(worlds)), worlds, seed.child("exam"))
            curve.append([done, turns])
            if done in (0, total):
                films.update({f"film_{done}": film})
            examining += time.process_time() - start

    exam(0, steps)
    start, examining = time.process_time(), 0.0
    practise(policy, flips(BODIES), practice, seed.child("practice"), seen=seen, progress=exam)
    cpu = time.process_time() - start - examining
    return {"cpu_s_practising": round(cpu, 1), "curve": curve, **(films if index == 0 else {})}


def meant(policy: Policy, seen: Running, n: int) -> Expert:
    """What a policy does without chance."""
    mover = Mover(policy.network, n)

    def act(observation: ndarray) -> ndarray:
        intent = mover.step(torch.from_numpy(seen.normal(observation).astype(np.float32)))
        return policy.law.action(intent).double().numpy()

    return act


def lived(mind: Expert, worlds: Sequence[Flip], seed: Seed) -> tuple[list[float], list[list[float]]]:
    """One life in every world: how often each turned over backwards, and every posture of the first."""
    begins = enumerate(worlds)
    observation = np.stack([world.begin(seed.child(i).integer % (1 << SEED_BITS)) for i, world in begins])
    film = [worlds[0].posture()]
    for _ in range(Flip.limit):
        action = mind(observation)
        observation = np.stack([world.step(each)[0] for world, each in zip(worlds, action, strict=True)])
        film.append(worlds[0].posture())
    return [round(world.turns, 3) for world in worlds], np.round(film, 3).tolist()


def read(part: str, index: int) -> Record | None:
    """A finished trial; one of another declaration does not count."""
    return ASKED.read(f"{part}-{index}")

"""Practising here against Stable-Baselines3: what is learned, and what a step costs.

    python benchmarks/ppo.py curves three-link-swimmer 100000 5
    python benchmarks/ppo.py curves half-cheetah 300000 5
    python benchmarks/ppo.py curves swimmer 160000 10
    python benchmarks/ppo.py speed
    python benchmarks/ppo.py bodies

Everything is written to results/ppo.json as it is finished, and what is there is not run again. One thread.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, VecNormalize

from anlage.experience.bodies import GYMNASIUM, open_world
from anlage.experience.world import Lives, World
from anlage.learning.policy import Layers, Policy, motor_network
from anlage.learning.ppo import Practice, practise
from anlage.learning.recipe import Blueprint, PortChoice
from anlage.network import DenseRecurrent, Leaky, LearningNetwork, Physiology, scale
from anlage.network.dense import square_matrix
from anlage.seed import Seed
from engines.record import pretty
from machine import RESULTS, describe

RESULT = RESULTS / "ppo.json"
DISCOUNT = {"three-link-swimmer": 0.9999}
"""Discounts of tasks that need another than 0.99 (those of the tuned settings that Stable-Baselines3's authors publish)."""
BATCH = {"half-cheetah": 256, "swimmer": 256}
"""Minibatches other than of 64 (a quarter of the updates: what it takes to go far enough to see the cheetah run)."""
BODIES = {"swimmer": 8}
"""Bodies side by side where they are not four."""
REPEATS = 7


class Surroundings(gymnasium.Env):  # type: ignore[type-arg]
    """One of our worlds as Gymnasium has it."""

    def __init__(self, world: World) -> None:
        self._world, self._age = world, 0
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (world.n_observed,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (world.n_action,), np.float32)

    def reset(self, *, seed: int | None = None, options: object = None):  # type: ignore[no-untyped-def]
        """A new life."""
        super().reset(seed=seed, options=options)  # type: ignore[arg-type]
        self._age = 0
        return self._world.begin(int(self.np_random.integers(2**31))), {}

    def step(self, action):  # type: ignore[no-untyped-def]
        """One step of it."""
        self._age += 1
        observation, reward, terminated = self._world.step(np.float64(action))
        return observation, reward, terminated, not terminated and self._age >= self._world.limit, {}


def surroundings(name: str) -> gymnasium.Env:  # type: ignore[type-arg]
    """A world by its name: Gymnasium's own where it is one of theirs."""
    return gymnasium.make(GYMNASIUM[name]) if name in GYMNASIUM else Surroundings(open_world(name))


def kept() -> dict[str, object]:
    """What was finished before."""
    return json.loads(RESULT.read_text()) if RESULT.exists() else {}


def keep(part: str, content: object) -> None:
    """Write a part beside what was finished before."""
    results = {"machine": describe() | {"gymnasium": gymnasium.__version__}, **kept(), part: content}
    RESULT.write_text(pretty(results, 3))


def matched(name: str, steps: int) -> Practice:
    """Stable-Baselines3's usual settings, with bodies that take 512 steps."""
    discount, batch = DISCOUNT.get(name, 0.99), BATCH.get(name, 64)
    common = {"learning_rate": 3e-4, "discount": discount, "trace": 0.95, "clip": 0.2, "gradient_norm": 0.5}
    return Practice(steps, bodies=BODIES.get(name, 4), stretch=512, segment=1, epochs=10, batch=batch, **common)


def policy_of(world: World, network: LearningNetwork, sd: float = 1.0) -> Policy:
    """A policy for a world."""
    return Policy(network, world.n_action, sd=sd)


def ours(worlds: Sequence[World], practice: Practice, seed: int) -> tuple[list[list[float]], float]:
    """Every life that ended (step, return), and CPU seconds."""
    generator = torch.Generator().manual_seed(Seed(seed).child("policy").integer)
    network = Layers(worlds[0].n_observed, worlds[0].n_action, (64, 64), generator, 0.01)
    start = time.process_time()
    done = practise(policy_of(worlds[0], network), worlds, practice, Seed(seed))
    return [[life.step, life.total] for life in done.lives], time.process_time() - start


class Watch(BaseCallback):
    """Notes every life that ends."""

    def __init__(self) -> None:
        super().__init__()
        self.lives: list[list[float]] = []

    def _on_step(self) -> bool:
        self.lives += [[self.num_timesteps, float(i["episode"]["r"])] for i in self.locals["infos"] if "episode" in i]
        return True


def baselines(make: Callable[[], object], practice: Practice, seed: int) -> tuple[list[list[float]], float]:
    """The same of Stable-Baselines3, with the same settings."""
    side: VecEnv = VecMonitor(DummyVecEnv([make] * practice.bodies))  # type: ignore[list-item]
    side = VecNormalize(side, gamma=practice.discount)
    side.seed(seed)
    learner = PPO(
        "MlpPolicy",
        side,
        n_steps=practice.stretch,
        batch_size=practice.batch,
        n_epochs=practice.epochs,
        learning_rate=practice.learning_rate,
        gamma=practice.discount,
        seed=seed,
        device="cpu",
    )
    watch, start = Watch(), time.process_time()
    learner.learn(practice.iterations * practice.bodies * practice.stretch, callback=watch)
    return watch.lives, time.process_time() - start


def curves(name: str, steps: int, seeds: int) -> None:
    """Learning curves of both, seed by seed."""
    practice = matched(name, steps)
    done: dict[str, dict[str, object]] = kept().get(f"curves {name}", {})  # type: ignore[assignment]
    for seed in range(seeds):
        for library in ("anlage", "stable-baselines3"):
            if f"{library} {seed}" in done:
                continue
            if library == "anlage":
                lives, cpu = ours([open_world(name) for _ in range(practice.bodies)], practice, seed)
            else:
                lives, cpu = baselines(lambda: surroundings(name), practice, seed)
            lives = [[int(step), round(total, 2)] for step, total in lives]
            done[f"{library} {seed}"] = {"cpu_s": round(cpu, 1), "lives": lives}
            keep(f"curves {name}", done | {"steps": practice.iterations * practice.bodies * practice.stretch})
            print(
                name,
                library,
                seed,
                f"{np.mean([r for s, r in lives if s > 0.8 * steps]):.1f}",
                f"{cpu:.0f} s",
                flush=True,
            )


def wired(world: World, generator: torch.Generator) -> LearningNetwork:
    """The worm's 302 neurons: every one hears, motor neurons move."""
    topology = scale(Blueprint(kinds=("chemical",)).topology(), 0.9)[0]
    size = (world.n_observed, world.n_action)
    return motor_network(
        topology, PortChoice(("all",), ("output",)), size, Physiology(Leaky(0.5), 1, "free"), generator
    )


def speed() -> None:
    """Environment steps per CPU second, learning included: arms in turn, one after another, several times."""
    practice = Practice(4096, bodies=8, stretch=256, segment=32, epochs=6, batch=256)
    flat = Practice(4096, bodies=8, stretch=256, segment=1, epochs=6, batch=256)

    def run(make: Callable[[World, torch.Generator], LearningNetwork], practice: Practice) -> float:
        worlds = [open_world("swimmer") for _ in range(8)]
        policy = policy_of(worlds[0], make(worlds[0], torch.Generator().manual_seed(0)), 0.5)
        start = time.process_time()
        practise(policy, worlds, practice, Seed(0))
        return 4096 / (time.process_time() - start)

    def dense(world: World, generator: torch.Generator) -> LearningNetwork:
        matrix = square_matrix(302, "orthogonal", 0.9, generator)
        return DenseRecurrent(world.n_observed, world.n_action, matrix, Leaky(0.5), 1, generator)

    def physics() -> float:
        lives, rng = Lives([open_world("swimmer") for _ in range(8)], Seed(0)), np.random.default_rng(0)
        start = time.process_time()
        for _ in range(512):
            lives.step(rng.uniform(-1, 1, (8, 5)))
        return 4096 / (time.process_time() - start)

    arms: dict[str, Callable[[], float]] = {
        "body alone, no policy": physics,
        "worm's wiring, 302 neurons": lambda: run(wired, practice),
        "302 neurons, dense, by autograd": lambda: run(dense, practice),
        "layers 64-64": lambda: run(lambda w, g: Layers(w.n_observed, w.n_action, (64, 64), g, 0.01), flat),
        "layers 64-64, Stable-Baselines3": lambda: 4096 / baselines(lambda: surroundings("swimmer"), flat, 0)[1],
    }
    found: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(REPEATS):
        for name, arm in arms.items():
            found[name].append(arm())
            print(name, f"{found[name][-1]:.0f}", flush=True)
    keep(
        "speed",
        {name: {"steps_per_cpu_s": median(rates), "runs": [round(r) for r in rates]} for name, rates in found.items()},
    )


def bodies() -> None:
    """Steps per second of the clock of eight cheetahs: one after another here, and Gymnasium's two ways."""
    names = {
        "Lives": lambda: Lives([open_world("half-cheetah") for _ in range(8)], Seed(0)),
        "SyncVectorEnv": lambda: gymnasium.make_vec("HalfCheetah-v5", 8, vectorization_mode="sync"),
        "AsyncVectorEnv": lambda: gymnasium.make_vec("HalfCheetah-v5", 8, vectorization_mode="async"),
    }
    found: dict[str, list[float]] = {name: [] for name in names}
    actions = np.random.default_rng(0).uniform(-1, 1, (250, 8, 6)).astype(np.float32)
    sides = {name: make() for name, make in names.items()}
    for name, side in sides.items():
        if name != "Lives":
            side.reset(seed=0)
    for _ in range(2 * REPEATS):
        for name, side in sides.items():
            start = time.perf_counter()
            for action in actions:
                side.step(action)
            found[name].append(2000 / (time.perf_counter() - start))
    for name, side in sides.items():
        if name != "Lives":
            side.close()
    keep(
        "bodies",
        {name: {"steps_per_s": median(rates), "runs": [round(r) for r in rates]} for name, rates in found.items()},
    )
    print({name: round(median(rates)) for name, rates in found.items()})


def main() -> None:
    """Run the part that was asked for."""
    torch.set_num_threads(1)
    RESULTS.mkdir(exist_ok=True)
    match sys.argv[1:]:
        case ["curves", name, steps, seeds]:
            curves(name, int(steps), int(seeds))
        case ["speed"]:
            speed()
        case ["bodies"]:
            bodies()
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()

"""Steps of animals per CPU second in the arena, against a loop over NumPy larvae: benchmarks/results/arena.json.

    python benchmarks/arena.py

Random actions, one drop of odour and food, 42 olfactory and 12 other senses, a life of 40 steps. The loop is what one would write
first, one object per larva; it agrees with the arena before anything is timed. One thread.
"""

import numpy as np
import torch
from scipy.special import k0

from anlage.experience.arena import Arena
from anlage.experience.arena_body import Larva
from anlage.experience.arena_field import Dish, Drop, Scene
from anlage.experience.arena_sense import HILL, LarvaNose
from machine import cpu_ms, keep

AGENTS, STEPS = 1024, 40
MEASURED = {"a": np.linspace(0, 0.9, 21)}
WALLS, DROP = Dish(), Drop(30.0, 0.0, "a", food_s=1e6)
SCENE = Scene(WALLS, (DROP,))


class OneLarva:
    """A larva in a dish, in NumPy: the arena's equations, one animal at a time."""

    def __init__(self, place: np.ndarray, heading: float) -> None:
        self.place, self.heading, self.bend, self.food = place.astype(float), heading, 0.0, DROP.food_s
        self.z = MEASURED["a"] / (1 - MEASURED["a"])

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float]:
        """What is sensed after one step, and what was eaten."""
        forward, turn = np.clip(action[0], 0, 1) * 0.1, np.clip(action[1], -1, 1) * np.deg2rad(24)
        head = self.heading + np.clip(self.bend + turn, -np.deg2rad(120), np.deg2rad(120))
        self.place = self.place + forward * np.array([np.cos(head), np.sin(head)])
        self.heading += forward / 2 * np.sin(head - self.heading)
        self.bend = head - self.heading
        distance = np.hypot(*self.place)
        if distance > WALLS.radius_mm:
            normal = np.arctan2(self.place[1], self.place[0])
            if np.cos(self.heading - normal) > 0:
                self.heading = 2 * normal + np.pi - self.heading
            self.place *= 2 * WALLS.radius_mm / distance - 1
        ahead = np.array([np.cos(self.heading + self.bend), np.sin(self.heading + self.bend)])
        nose, aside = self.place + 2 * ahead, 0.05 * np.array([-ahead[1], ahead[0]])
        at_it = np.hypot(nose[0] - DROP.x_mm, nose[1] - DROP.y_mm) <= DROP.radius_mm
        eaten = min(self.food, 0.1) if at_it else 0.0
        share = (self.food - eaten) / DROP.food_s
        self.food -= eaten
        smell, touch = [], []
        for organ in (nose + aside, nose - aside):
            r = max(np.hypot(organ[0] - DROP.x_mm, organ[1] - DROP.y_mm), DROP.radius_mm)
            z = self.z * (share * k0(r / 15) / k0(DROP.radius_mm / 15)) ** HILL
            smell.append(z / (1 + z))
            touch.append(float(np.hypot(*organ) > WALLS.radius_mm))
        food = float(at_it and self.food > 0)
        return np.concatenate([*smell, np.zeros(6), touch, [food, food], np.zeros(2)]), eaten / 0.1


def arena_of(worlds: int, agents: int) -> Arena:
    """An arena at its start."""
    arena = Arena(SCENE, Larva(), worlds, agents, LarvaNose(SCENE.odours, MEASURED))
    arena.start([np.random.default_rng(i) for i in range(worlds)])
    return arena


def agree(actions: torch.Tensor) -> float:
    """Largest difference of what 8 larvae sense, the loop against the arena."""
    arena = arena_of(AGENTS, 1)
    pose = arena.now.pose
    loop = [OneLarva(pose.place[i, 0].numpy(), float(pose.heading[i, 0])) for i in range(8)]
    worst = 0.0
    for action in actions:
        sense, _ = arena.step(action)
        for i, larva in enumerate(loop):
            worst = max(worst, float(np.abs(larva.step(action[i, 0].numpy())[0] - sense[i, 0].numpy()).max()))
    return worst


def main() -> None:
    """Check, time and write."""
    torch.set_num_threads(1)
    actions = torch.rand(STEPS, AGENTS, 1, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    results: dict[str, object] = {"agents": AGENTS, "largest difference of senses": agree(actions)}

    def rate(worlds: int, agents: int) -> float:
        arena, shaped = arena_of(worlds, agents), actions.reshape(STEPS, worlds, agents, 2)
        return AGENTS * STEPS / cpu_ms(lambda: [arena.step(action) for action in shaped], runs=5) * 1000

    rows = {
        f"{worlds} worlds of {agents}": round(rate(worlds, agents))
        for worlds, agents in ((1024, 1), (16, 64), (1, 1024))
    }
    pose = arena_of(AGENTS, 1).now.pose
    loop = [OneLarva(pose.place[i, 0].numpy(), float(pose.heading[i, 0])) for i in range(64)]
    plain = actions[:, :64, 0].numpy()
    rows["loop over NumPy larvae"] = round(
        64
        * STEPS
        / cpu_ms(lambda: [[one.step(a) for one, a in zip(loop, row, strict=True)] for row in plain], runs=3)
        * 1000
    )
    results["steps of an animal per CPU second"] = rows
    keep("arena", results)


if __name__ == "__main__":
    main()

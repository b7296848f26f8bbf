"""The arena for learners of others: Gymnasium for one animal and for many worlds, PettingZoo for many animals in one world.

Observations are the arena's senses, 0 to 1; actions (forward, turn), each -1 to 1; the reward of a step is what was eaten, as a
share of the fill. A life is truncated after so many seconds and never terminates. This module needs the extra ``arena``.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, final

import numpy as np
import torch
from numpy import ndarray

from anlage.errors import DependencyMissing
from anlage.experience.arena import Arena
from anlage.experience.arena_body import Crawler
from anlage.experience.arena_field import Scene
from anlage.experience.arena_sense import Nose

try:
    import gymnasium
    import pettingzoo
    from gymnasium.vector import AutoresetMode
    from gymnasium.vector.utils import batch_space
except ImportError as missing:
    raise DependencyMissing(
        "This view of the arena needs the packages gymnasium and pettingzoo, which are not both installed; type: pip install "
        "'anlage[arena]'."
    ) from missing

SECONDS = 300.0
"""How long a life lasts unless said otherwise, s: five minutes, as a larval assay."""


def _spaces(arena: Arena) -> tuple[Any, Any]:
    seen = gymnasium.spaces.Box(0.0, 1.0, (len(arena.senses),), np.float32)
    return seen, gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)


def _shown(sense: torch.Tensor) -> ndarray:
    return sense.numpy().astype(np.float32)


@final
class ForageEnv(gymnasium.Env[ndarray, ndarray]):
    """One animal in one world."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(
        self, scene: Scene, body: Crawler | None = None, seconds: float = SECONDS, nose: Nose | None = None
    ) -> None:
        self.arena = Arena(scene, body, nose=nose)
        self.observation_space, self.action_space = _spaces(self.arena)
        self._steps, self._step = max(1, round(seconds / self.arena.body.step_s)), 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ndarray, dict[str, Any]]:
        """Begin a new life."""
        super().reset(seed=seed, options=options)
        self._step = 0
        return _shown(self.arena.start([self.np_random]))[0, 0], {}

    def step(self, action: ndarray) -> tuple[ndarray, float, bool, bool, dict[str, Any]]:
        """One step; what is sensed and what was eaten."""
        self._step += 1
        given = torch.from_numpy(np.asarray(action, np.float32)).reshape(1, 1, 2)
        sense, eaten = self.arena.step(given)
        return _shown(sense)[0, 0], float(eaten[0, 0]), False, self._step >= self._steps, {}


@final
class ForageVectorEnv(gymnasium.vector.VectorEnv[ndarray, ndarray, ndarray]):
    """Many worlds with one animal each, stepped together; a world that is over begins anew at the next step."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self,
        num_envs: int,
        scene: Scene,
        body: Crawler | None = None,
        seconds: float = SECONDS,
        nose: Nose | None = None,
    ) -> None:
        self.arena, self.num_envs = Arena(scene, body, num_envs, nose=nose), num_envs
        self.single_observation_space, self.single_action_space = _spaces(self.arena)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._steps = max(1, round(seconds / self.arena.body.step_s))
        self._age, self._rngs = np.zeros(num_envs, dtype=np.int64), [np.random.default_rng(i) for i in range(num_envs)]

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ndarray, dict[str, Any]]:
        """Begin all lives anew; world ``i`` is seeded with ``seed + i``, as Gymnasium's own vectors are, or with ``seed[i]``."""
        del options
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed or [None] * self.num_envs
        for i, one in enumerate(seeds):
            if one is not None:
                self._rngs[i] = gymnasium.utils.seeding.np_random(one)[0]
        self._age[:] = 0
        return _shown(self.arena.start(self._rngs))[:, 0], {}

    def step(self, actions: ndarray) -> tuple[ndarray, ndarray, ndarray, ndarray, dict[str, Any]]:
        """One step of every world; those that were over begin anew instead, and earn nothing."""
        over = np.flatnonzero(self._age >= self._steps)
        given = torch.from_numpy(np.asarray(actions, np.float32)).reshape(self.num_envs, 1, 2)
        sense, eaten = self.arena.step(given)
        self._age += 1
        reward = eaten[:, 0].numpy().astype(np.float64)
        if len(over):
            sense = self.arena.start([self._rngs[i] for i in over], over.tolist())
            self._age[over], reward[over] = 0, 0.0
        return _shown(sense)[:, 0], reward, np.zeros(self.num_envs, bool), self._age >= self._steps, {}


@final
class ForageParallelEnv(pettingzoo.ParallelEnv[str, ndarray, ndarray]):
    """Many animals in one world, that share its food and feel one another."""

    metadata: ClassVar[dict[str, Any]] = {"name": "anlage_arena_v0", "render_modes": []}

    def __init__(
        self,
        n_agents: int,
        scene: Scene,
        body: Crawler | None = None,
        seconds: float = SECONDS,
        nose: Nose | None = None,
    ) -> None:
        self.arena = Arena(scene, body, n_agents=n_agents, nose=nose)
        self.possible_agents = [f"{self.arena.body.name}_{i}" for i in range(n_agents)]
        self.agents: list[str] = []
        spaces = _spaces(self.arena)
        self.observation_spaces = dict.fromkeys(self.possible_agents, spaces[0])
        self.action_spaces = dict.fromkeys(self.possible_agents, spaces[1])
        self._steps, self._step = max(1, round(seconds / self.arena.body.step_s)), 0
        self._rng = np.random.default_rng(0)

    def observation_space(self, agent: str) -> Any:
        """Senses, 0 to 1."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """Forward and turn, -1 to 1."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, ndarray], dict[str, dict[str, Any]]]:
        """Begin new lives for all."""
        del options
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self._step, self.agents = 0, list(self.possible_agents)
        return self._told(_shown(self.arena.start([self._rng]))[0]), {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, ndarray]
    ) -> tuple[dict[str, ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """One step of all."""
        self._step += 1
        given = np.stack([np.asarray(actions[agent], np.float32) for agent in self.possible_agents])
        sense, eaten = self.arena.step(torch.from_numpy(given)[None])
        over = self._step >= self._steps
        agents = self.possible_agents
        every: tuple[Any, ...] = (
            self._told(_shown(sense)[0]),
            {agent: float(eaten[0, i]) for i, agent in enumerate(agents)},
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, over),
            {agent: {} for agent in agents},
        )
        if over:
            self.agents = []
        return every

    def _told(self, sense: ndarray) -> dict[str, ndarray]:
        return {agent: sense[i] for i, agent in enumerate(self.possible_agents)}

"""A life of active inference: explore, learn to foresee, then act so that what is foreseen is what is preferred.

No reward is read. The world hands one out at every step; here it is only added up for whoever looks on. Whatever acts and learns
gets observations and its own actions, and one preferred observation.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from anlage.errors import RecipeError
from anlage.experience.world import World
from anlage.mind.imagination import Imagination, Lived, Rehearsal
from anlage.mind.planner import Deliberation, Goal, Plan, Planner
from anlage.mind.policy import AmortisedPolicy
from anlage.objective.gauge import effective_rank
from anlage.seed import Seed

HELD = 10
"""Steps that a random action is kept for, unless said otherwise: what changes at every step averages out, and moves little."""


@final
@dataclass(frozen=True, slots=True)
class Upbringing:
    """How an agent grows up: lives of random action, a long rehearsal, then lives of planned action and short ones.

    ``perception``: whether its encoder goes on learning after the first rehearsal, which is known to spoil preferences.
    ``shuffled``: a control, whose rehearsals show every life with the actions of another order.
    """

    explore: int = 3
    act: int = 5
    first: Rehearsal = field(default_factory=lambda: Rehearsal(800))
    later: Rehearsal = field(default_factory=lambda: Rehearsal(400))
    perception: bool = False
    shuffled: bool = False

    def __post_init__(self) -> None:
        if self.explore < 1 or self.act < 1:
            raise RecipeError(
                f"{self.explore} lives of exploring and {self.act} of acting were asked for; give 1 or more."
            )


@final
@dataclass(frozen=True, slots=True)
class Chapter:
    """One life as it is told afterwards.

    ``score``: the sum of the world's rewards, which the agent never sees. ``surprise``: mean squared error of the predictions one
    step ahead, before the rehearsal of this life. ``pragmatic`` and ``epistemic``: mean promise of the plans, in nats per moment
    ahead. ``rank``: effective rank of all embeddings. ``probe``: share of the variance of observations that is linear in them.
    ``policy_score``: the score of the amortised policy learned from all plans so far, in a life of its own.
    """

    kind: str
    score: float
    surprise: float
    pragmatic: float
    epistemic: float
    rank: float
    probe: float
    imagined: int
    policy_score: float


@final
class Agent:
    """A world model with a planner, an amortised policy, and a preferred observation.

    ``goal``: not a number where what is observed may be anything; the others are then read from embeddings by the linear map that
    fits all that was lived so far, and preferred with a standard deviation of ``sd``. ``kept``: steps for which it repeats an
    action drawn by chance.

    Embeddings have one axis more than is observed: with many more they fill these by folding, and then what is far from the goal
    can lie near it.
    """

    def __init__(
        self,
        world: World,
        goal: Float[ndarray, " input"],
        upbringing: Upbringing,
        planner: Planner,
        seed: Seed,
        *,
        sd: float = 1.0,
        kept: int = HELD,
    ) -> None:
        if np.shape(goal) != (world.n_observed,):
            raise RecipeError(
                f"The preferred observation has shape {np.shape(goal)}, but {world.name!r} shows {world.n_observed} numbers."
            )
        self.world, self.upbringing, self.planner, self.seed = world, upbringing, planner, seed
        self.goal, self.sd, self.kept = torch.as_tensor(np.asarray(goal), dtype=torch.float32), sd, kept
        self.wanted = ~self.goal.isnan()
        self.model = Imagination(
            world.n_observed,
            world.n_action,
            generator(seed.child("model")),
            n_latent=world.n_observed + 1,
            beside=not bool(self.wanted.all()),
        )
        self.policy = AmortisedPolicy(self.model.n_latent, world.n_action, generator(seed.child("policy")))
        self._lives: list[Lived] = []
        self._planned: list[Lived] = []

    def grow(self, progress: Callable[[int, int], None] | None = None) -> list[Chapter]:
        """The whole upbringing, life after life."""
        told, total = [], self.upbringing.explore + self.upbringing.act
        for life in range(total):
            told.append(self._life(life))
            if progress is not None:
                progress(life + 1, total)
        return told

    def deliberation(self, draws: torch.Generator) -> Deliberation:
        """Slow, serial acting: plans by what it has learned so far; good for one life."""
        return Deliberation(self.planner, self.model, self.model.embed, self.preferred(), draws)

    @torch.no_grad()
    def preferred(self) -> Goal:
        """What it prefers, as it embeds it now. Raises ``RecipeError`` where that is to be read and nothing was lived yet."""
        if bool(self.wanted.all()):
            return Goal(self.model.embed(self.goal), sd=self.sd)
        if not self._lives:
            raise RecipeError(
                "Nothing was lived so far, so nothing can be read from embeddings; let the agent wander first."
            )
        seen = torch.cat([life.observation for life in self._lives])
        columns = torch.cat([self.model.embed(seen), torch.ones(len(seen), 1)], 1).double()
        found = torch.linalg.lstsq(columns, seen[:, self.wanted].double(), driver="gelsd").solution.float()
        return Goal(self.goal[self.wanted] - found[-1], found[:-1], self.sd)

    def wander(self) -> None:
        """Only explore, and learn nothing: what an agent as born has lived when it first plans."""
        for life in range(self.upbringing.explore):
            self._lives.append(self._explored(self.seed.child("life").child(life))[0])

    def _explored(self, seed: Seed) -> tuple[Lived, float]:
        return live(self.world, seed, by_chance(self.world.n_action, generator(seed.child("action")), self.kept))

    @torch.no_grad()
    def at_once(self, observed: Float[Tensor, " input"]) -> Float[Tensor, " action"]:
        """Fast acting: what the amortised policy does."""
        return self.policy(self.model.embed(observed))  # type: ignore[no-any-return]

    def imitate(self, draws: torch.Generator, updates: int = 400) -> float:
        """Let the amortised policy learn from all that was done by plans; what is left of its error."""
        if not self._planned:
            raise RecipeError(
                "Nothing was done by plans so far, so there is nothing to imitate; let the agent grow first."
            )
        with torch.no_grad():
            latent = torch.cat([self.model.embed(life.observation[:-1]) for life in self._planned])
        return self.policy.imitate(latent, torch.cat([life.action for life in self._planned]), draws, updates=updates)

    def _life(self, life: int) -> Chapter:
        explores, seed = life < self.upbringing.explore, self.seed.child("life").child(life)
        plans: list[Plan] = []
        if explores:
            lived, score = self._explored(seed)
        else:
            deliberation = self.deliberation(generator(seed.child("action")))
            plans = deliberation.plans
            lived, score = live(self.world, seed, deliberation)
            self._planned.append(lived)
        self._lives.append(lived)
        surprise = float(self.model.surprise([lived]).square().mean())
        self._learn(life, generator(seed.child("rehearsal")))
        ahead = max(1, len(plans)) * self.planner.horizon
        with torch.no_grad():
            seen = torch.cat([each.observation for each in self._lives])
            embedded = self.model.embed(seen)
        return Chapter(
            kind="explores" if explores else "acts",
            score=score,
            surprise=surprise,
            pragmatic=sum(plan.pragmatic for plan in plans) / ahead,
            epistemic=sum(plan.epistemic for plan in plans) / ahead,
            rank=effective_rank(embedded),
            probe=explained(seen, embedded),
            imagined=sum(plan.imagined for plan in plans),
            policy_score=float("nan") if explores else self._policy_score(seed.child("policy")),
        )

    def _learn(self, life: int, draws: torch.Generator) -> None:
        rules, last_explored = self.upbringing, self.upbringing.explore - 1
        if life < last_explored:
            return
        lives = [shuffled(each, draws) for each in self._lives] if rules.shuffled else self._lives
        rehearsal = rules.first if life == last_explored else rules.later
        self.model.learn(lives, rehearsal, draws, perception=life == last_explored or rules.perception)

    def _policy_score(self, seed: Seed) -> float:
        self.imitate(generator(seed))
        return live(self.world, seed, self.at_once)[1]


def live(world: World, seed: Seed, act: Callable[[Tensor], Tensor]) -> tuple[Lived, float]:
    """One life, from a beginning drawn from ``seed``: what was lived, and the sum of rewards for whoever looks on."""
    observed = [world.begin(seed.child("begin").integer % (1 << 31))]
    done, score = [], 0.0
    for _ in range(world.limit):
        action = act(torch.as_tensor(observed[-1], dtype=torch.float32))
        seen, reward, over = world.step(action.double().numpy())
        observed.append(seen)
        done.append(action)
        score += reward
        if over:
            break
    return Lived(torch.as_tensor(np.stack(observed), dtype=torch.float32), torch.stack(done)), score


def by_chance(n_action: int, draws: torch.Generator, kept: int = HELD) -> Callable[[Tensor], Tensor]:
    """Acting without looking: every number anywhere in its range, kept for so many steps; good for one life."""
    done: list[Tensor] = []

    def act(_: Tensor) -> Tensor:
        new = len(done) % kept == 0
        done.append(torch.rand(n_action, generator=draws) * 2 - 1 if new else done[-1])
        return done[-1]

    return act


def shuffled(life: Lived, draws: torch.Generator) -> Lived:
    """The same life as if its actions had been done in another order: they no longer tell what comes next."""
    return Lived(life.observation, life.action[torch.randperm(len(life.action), generator=draws)])


def explained(target: Float[Tensor, "moment input"], by: Float[Tensor, "moment latent"]) -> float:
    """Share of the variance of a target that is linear in what stands beside it, in the sample itself."""
    columns = torch.cat([by, torch.ones(len(by), 1)], dim=1).double()
    left = target.double() - columns @ torch.linalg.lstsq(columns, target.double(), driver="gelsd").solution
    around = target.double() - target.double().mean(0)
    return 1 - float(left.square().sum() / around.square().sum().clamp_min(1e-30))


def generator(seed: Seed) -> torch.Generator:
    """A stream of torch's numbers."""
    return torch.Generator().manual_seed(seed.integer)

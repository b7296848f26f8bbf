"""What foresight buys: an agent that plans by what it has learned, beside what is faster, knows more, or has learned nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import isfinite
from pathlib import Path
from time import process_time
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from anlage.errors import RecipeError, UnknownName
from anlage.experience.bodies import open_world
from anlage.experience.pendulum import KnownPendulum
from anlage.experience.preference import PREFERENCES, Held, InUnits, Preference
from anlage.experience.world import World
from anlage.learning.checkpoint import read_json, write_json
from anlage.learning.policy import Layers, Policy
from anlage.learning.ppo import Practice, practise
from anlage.mind.active import Agent, Upbringing, by_chance, generator, live
from anlage.mind.imagination import Rehearsal
from anlage.mind.planner import Confused, Deliberation, Goal, Planner
from anlage.seed import Seed
from anlage.study.compare import one_thread, through
from anlage.study.statistics import bootstrap_interval, sign_flip_p
from anlage.study.trial import Record

PLANNER = "planner"
KNOWN = {"pendulum": KnownPendulum}
"""Bodies whose equations are written down here."""
FULL = Planner()
BRIEF = Planner(candidates=24, elites=4, iterations=1)
"""A twentieth of the thinking."""
SHOOTING = Planner(candidates=FULL.candidates * FULL.iterations, elites=1, iterations=1)
"""As many imagined steps as ``FULL``, but no course depends on another one."""
PPO, PPO_LONGER = "ppo", "ppo, longer"
PRACTICE = Practice(segment=1, epochs=10, last_rate=0.1)
"""How a policy without memory practises, unless said otherwise: on one seed it made an expert of a swimmer, on others less."""
PRACTICES = {"pendulum": Practice(1, 4, 400, 1, 10, 64, learning_rate=1e-3, discount=0.9)}
"""Most constants as RL Baselines3 Zoo has them."""
ARMS = {
    PLANNER: "plans by what it has learned, curious",
    "brief planner": "the same agent, a twentieth of the thinking",
    "policy": "the same agent, without thinking: what its plans left behind",
    "policy, longer": "the same, having imitated for about as long as the planner thinks over a life",
    "random shooting": "the same agent, as many courses, none improved",
    "random values": "the same agent, planning by what other courses would bring",
    "no epistemic term": "another agent, not curious",
    "untrained model": "another agent, its networks as born",
    "known physics": "plans by the true equations, to the same observation",
    PPO: "as many steps in the world, and the reward",
    PPO_LONGER: "{longer} times as many steps, and the reward",
    "random actions": "acts by chance",
}
"""Every arm and what it is; ``longer`` is a plan's."""
MAKERS: Mapping[str, tuple[str, ...]] = {
    PLANNER: ("planner", "brief planner", "policy", "policy, longer", "random shooting", "random values"),
    **{arm: (arm,) for arm in tuple(ARMS)[6:]},
}
"""What is made once, and the arms that are examined with it."""
LONGER = 3000
"""Updates of a policy that take about as long as planning one life of the pendulum."""


@final
@dataclass(frozen=True, slots=True)
class ForesightPlan:
    """What is tried: in which body, with how many agents of every kind, and over how many lives each is examined.

    ``rehearse``: updates after exploring, half as many after each later life, from windows of ``ahead`` actions. ``longer``: how
    many times the steps of the agent ``ppo, longer`` has.

    Raises ``RecipeError`` for fewer than one of anything, ``UnknownName`` for a body of which nothing is preferred.
    """

    body: str
    trials: int = 1
    lives: int = 3
    seed: int = 0
    explore: int = 3
    act: int = 5
    rehearse: int = 800
    ahead: int = 3
    longer: int = 20

    def __post_init__(self) -> None:
        if self.body not in PREFERENCES:
            raise UnknownName("body with a preference", self.body, PREFERENCES)
        for name in ("trials", "lives", "explore", "act", "rehearse", "ahead", "longer"):
            if (value := getattr(self, name)) < 1:
                raise RecipeError(f"{name} is {value}, but must be 1 or more.")

    @property
    def preference(self) -> Preference:
        """What the body is to be like."""
        return PREFERENCES[self.body]

    def world(self, *, held: bool = True) -> World:
        """The body, observed in the units of the preference; its actions last as the preference says, or one step."""
        opened = open_world(self.body)
        return InUnits(Held(opened, self.preference.held) if held else opened, self.preference.unit)

    @property
    def steps(self) -> int:
        """How many steps of the world the agent lives while it grows."""
        return (self.explore + self.act) * self.world(held=False).limit

    @property
    def makers(self) -> tuple[str, ...]:
        """What there is to examine; of some bodies no equations are known."""
        return tuple(maker for maker in MAKERS if maker != "known physics" or self.body in KNOWN)

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm."""
        return tuple(arm for maker in self.makers for arm in MAKERS[maker])


GROWTH: Mapping[str, Mapping[str, int]] = {
    "swimmer": {"explore": 8, "act": 6, "rehearse": 2000, "ahead": 6},
    "dish": {"explore": 8, "act": 5, "rehearse": 3000, "ahead": 10, "longer": 10},
}
"""How long an agent grows up in a body, where that is not as in the pendulum."""


def foresight_plan(body: str, trials: int, lives: int, seed: int) -> ForesightPlan:
    """What is tried in a body unless a study says otherwise. Raises as ``ForesightPlan`` does."""
    return ForesightPlan(body, trials, lives, seed, **GROWTH.get(body, {}))


@final
@dataclass(frozen=True, slots=True)
class ForesightTrial:
    """One agent, or whatever stands in its place, from one seed. Trial ``i`` of every arm begins its lives alike."""

    plan: ForesightPlan
    maker: str
    index: int
    folder: str

    @property
    def identity(self) -> dict[str, object]:
        """What must be the same for a kept record to be this one's; how many trials there are is not."""
        said = {**asdict(self.plan), "maker": self.maker, "index": self.index}
        del said["trials"]
        said["preference"] = _as_a_file_has(asdict(self.plan.preference))
        if self.maker in (PPO, PPO_LONGER):
            said["practice"] = _as_a_file_has(PRACTICES.get(self.plan.body, PRACTICE).words)
        if self.maker == PLANNER:
            said["imitating_for_longer"] = LONGER
        return said | {"planners": [asdict(each) for each in (FULL, BRIEF, SHOOTING)]}

    def run(self) -> Record:
        """Grow what is to be examined, and examine it."""
        practised = self.maker in (PPO, PPO_LONGER)
        world = self.plan.world(held=not practised)
        stream = Seed(self.plan.seed).child("trial").child(self.index)
        with one_thread():
            told, acting = self._made(world, stream)
            arms = {arm: self._examined(world, stream.child("exam"), arm, act) for arm, act in acting}
        return {"identity": self.identity, "chapters": told, "arms": arms}

    def _examined(self, world: World, stream: Seed, arm: str, act: "Acting") -> dict[str, object]:
        """Some lives never lived before; ``cpu_ms``: what one action of the arm and what came of it took."""
        returns, steps, began = [], 0, process_time()
        for life in range(self.plan.lives):
            draws = generator(stream.child(arm).child(life))
            lived, earned = live(world, stream.child("life").child(life), act(draws))
            returns.append(round(earned, 2))
            steps += len(lived.action)
        return {"returns": returns, "cpu_ms": round(1000 * (process_time() - began) / steps, 3)}

    def _made(self, world: World, stream: Seed) -> tuple[list[dict[str, object]], Iterator[tuple[str, "Acting"]]]:
        """The story of what was grown, and every arm with its way of acting, new for each life."""
        plan, wanted = self.plan, self.plan.preference
        if self.maker in (PPO, PPO_LONGER):
            return [], iter([(self.maker, _practised(plan, stream, 1 if self.maker == PPO else plan.longer))])
        if self.maker == "random actions":
            return [], iter([(self.maker, lambda draws: by_chance(world.n_action, draws, wanted.kept))])
        if self.maker == "known physics":
            known, goal = KNOWN[plan.body](), Goal(torch.as_tensor(wanted.goal, dtype=torch.float32), sd=wanted.sd)
            return [], iter([(self.maker, lambda draws: Deliberation(FULL, known, lambda seen: seen, goal, draws))])
        planner = replace(FULL, curiosity=0.0) if self.maker == "no epistemic term" else FULL
        first, later = (Rehearsal(n, plan.ahead) for n in (plan.rehearse, plan.rehearse // 2))
        rules, seed = Upbringing(plan.explore, plan.act, first, later), stream.child("agent")
        agent = Agent(world, wanted.goal, rules, planner, seed, sd=wanted.sd, kept=wanted.kept)
        if self.maker == "untrained model":
            agent.wander()
            return [], iter([(self.maker, agent.deliberation)])
        told = [asdict(chapter) for chapter in agent.grow()]
        kept = [{k: None if isinstance(v, float) and not isfinite(v) else v for k, v in one.items()} for one in told]
        if self.maker != PLANNER:
            return kept, iter([(self.maker, agent.deliberation)])
        return kept, _arms_of(agent, stream)

    @property
    def _path(self) -> Path:
        return Path(self.folder) / f"{self.maker.replace(',', '').replace(' ', '-')}-{self.index}.json"

    def kept(self) -> Record | None:
        """The record that the folder holds of this very trial."""
        return read_json(self._path, lambda record: record.get("identity") == self.identity)

    def keep(self, record: Record) -> None:
        """Leave a record for the next run."""
        write_json(self._path, record)


def _as_a_file_has(words: Mapping[str, object]) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in words.items()}


Acting = Callable[[torch.Generator], Callable[[Tensor], Tensor]]
"""Chance -> what is done about what is observed, for one life."""


def _arms_of(agent: Agent, stream: Seed) -> Iterator[tuple[str, Acting]]:
    """The ways in which one grown agent can act."""
    goal = agent.preferred()

    def by(planner: Planner, *, keeps: bool = True) -> Acting:
        return lambda draws: Deliberation(planner, agent.model, agent.model.embed, goal, draws, keeps=keeps)

    yield PLANNER, agent.deliberation
    yield "brief planner", by(BRIEF)
    yield "policy", lambda _: agent.at_once
    yield "random shooting", by(SHOOTING, keeps=False)
    yield (
        "random values",
        lambda draws: Deliberation(FULL, Confused(agent.model, draws), agent.model.embed, goal, draws),
    )
    before = deepcopy(agent.policy)
    agent.imitate(generator(stream.child("longer")), LONGER)
    yield "policy, longer", lambda _: agent.at_once
    agent.policy = before


def _practised(plan: ForesightPlan, stream: Seed, times: int) -> Acting:
    """A policy of two layers that learned by reward, a step of the world at a time; constants in ``PRACTICES``."""
    world, steps = plan.world(held=False), times * plan.steps
    practice = PRACTICES.get(plan.body, PRACTICE)
    stretch = min(practice.stretch, -(-steps // (2 * practice.bodies)))
    practice = replace(practice, steps=steps, stretch=stretch)
    network = Layers(world.n_observed, world.n_action, (64, 64), generator(stream.child("policy")), 0.01)
    policy = Policy(network, world.n_action, sd=0.6)
    done = practise(
        policy, [plan.world(held=False) for _ in range(practice.bodies)], practice, stream.child("practice")
    )

    @torch.no_grad()
    def act(observed: Tensor) -> Tensor:
        shown = torch.as_tensor(done.seen.normal(observed.double().numpy()[None]), dtype=torch.float32)
        return policy.law.action(network.unroll(shown.unsqueeze(1))[1][0, 0])

    return lambda _: act


@final
@dataclass(frozen=True, slots=True, eq=False)
class ForesightRun:
    """Finished trials: the record of every maker by index."""

    plan: ForesightPlan
    records: Mapping[str, Sequence[Mapping[str, Any]]]

    def returns(self, arm: str) -> Float[ndarray, "trial life"]:
        """What every life of every trial earned."""
        return np.array([record["arms"][arm]["returns"] for record in self._of(arm)], dtype=float)

    def success(self, arm: str) -> Float[ndarray, " trial"]:
        """Share of each trial's lives that earned enough."""
        return np.asarray((self.returns(arm) > self.plan.preference.enough).mean(1))

    def cpu_ms(self, arm: str) -> float:
        """Processor time of an action, the world's own included: median over trials."""
        return float(np.median([record["arms"][arm]["cpu_ms"] for record in self._of(arm)]))

    def _of(self, arm: str) -> Sequence[Mapping[str, Any]]:
        return self.records[next(maker for maker in self.plan.makers if arm in MAKERS[maker])]


@final
@dataclass(frozen=True, slots=True)
class Gain:
    """What the planner has over an arm, paired by seed: mean, 95 % bootstrap interval over seeds, and the exact sign-flip p."""

    arm: str
    difference: float
    interval: tuple[float, float]
    p: float


def gains(run: ForesightRun, of: str = "returns") -> list[Gain]:
    """The planner against every other arm, in ``returns`` or in ``success``; none of a single trial."""
    measure: Callable[[str], ndarray] = run.success if of == "success" else lambda arm: run.returns(arm).mean(1)
    rng, found = Seed(run.plan.seed).child("bootstrap").rng(), []
    for arm in run.plan.arms:
        if arm != PLANNER and run.plan.trials > 1:
            d = measure(PLANNER) - measure(arm)
            found.append(Gain(arm, float(d.mean()), bootstrap_interval(d, rng), sign_flip_p(d, rng)))
    return found


def carry_out_foresight(
    plan: ForesightPlan, folder: Path, *, workers: int = 1, progress: Callable[[str, int, int], None] | None = None
) -> ForesightRun:
    """Every trial; those that the folder holds are taken as they are.

    Raises ``UnknownName`` for an unknown body, ``DependencyMissing`` without the extra ``body``.
    """
    plan.world()  # what is wrong with the body is said before anything is run
    wanted = [ForesightTrial(plan, maker, index, str(folder)) for index in range(plan.trials) for maker in plan.makers]
    found = through(wanted, workers=workers, progress=partial(progress, "trials") if progress else None)
    records = {maker: [found[trial] for trial in wanted if trial.maker == maker] for maker in plan.makers}
    return ForesightRun(plan, records)

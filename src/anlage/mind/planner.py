"""Action as inference: the course of actions whose imagined future is worth most, found by the cross-entropy method."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import RecipeError


@runtime_checkable
class Imagines(Protocol):
    """What a planner needs of a world model."""

    n_action: int
    noise: Float[Tensor, " latent"]

    def imagine(
        self, latent: Float[Tensor, "*latent"], action: Float[Tensor, "candidate moment action"]
    ) -> Float[Tensor, "predictor candidate moment latent"]:
        """Where each predictor sees each course of actions lead."""
        ...


@final
@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A course of actions and what it promises, in nats, summed over its moments.

    ``pragmatic``: expected log preference, up to a constant. ``epistemic``: what the predictors would learn about one another.
    ``imagined``: how many single steps were imagined to find it, which is what thinking costs.
    """

    action: Float[Tensor, "moment action"]
    pragmatic: float
    epistemic: float
    imagined: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """What is preferred of an embedding: to lie at ``value``, in every axis with the standard deviation ``sd``.

    With a ``reading``, a linear map, it is what this map makes of an embedding that is to be ``value``; the rest may be anything.
    """

    value: Float[Tensor, " wanted"]
    reading: Float[Tensor, "latent wanted"] | None = None
    sd: float = 1.0

    def worth(self, mean: Float[Tensor, "candidate moment latent"]) -> Float[Tensor, "candidate moment"]:
        """Log preference of what is foreseen, in nats, up to a constant."""
        read = mean if self.reading is None else mean @ self.reading
        return -((read - self.value) / self.sd).square().sum(-1) / 2


@final
@dataclass(frozen=True, slots=True)
class Planner:
    """Minimises expected free energy over courses of ``horizon`` actions, each number of them -1 to 1.

    A moment's pragmatic worth is the log preference (``Goal.worth``) of the mean of the predictors. Its epistemic worth is ``sum
    log(1 + spread / noise) / 2`` over the axes, the information that seeing it gives about which predictor is right, were their
    predictions normal (after Tschantz et al. 2020, arXiv 2002.12636).
    ``curiosity`` weighs the second; 1 is the expected free energy itself, 0 leaves curiosity out. The search is the cross-entropy
    method (Rubinstein & Kroese 2004): ``candidates`` courses are drawn, the ``elites`` best make the next distribution.

    Raises ``RecipeError`` for numbers below one, or more elites than candidates.
    """

    horizon: int = 18
    candidates: int = 160
    elites: int = 16
    iterations: int = 3
    curiosity: float = 1.0

    def __post_init__(self) -> None:
        if min(self.horizon, self.candidates, self.elites, self.iterations) < 1 or self.elites > self.candidates:
            raise RecipeError(
                f"A planner of {self.horizon} moments, {self.candidates} candidates, {self.elites} elites and {self.iterations} "
                "iterations was asked for; all must be 1 or more, and the elites at most as many as the candidates."
            )

    @torch.no_grad()
    def plan(
        self,
        model: Imagines,
        latent: Float[Tensor, " latent"],
        goal: Goal,
        generator: torch.Generator,
        before: Plan | None = None,
    ) -> Plan:
        """The best course from here; ``before`` is the plan one moment ago, whose rest is taken as a start."""
        mean = torch.zeros(self.horizon, model.n_action)
        if before is not None:
            mean[:-1] = before.action[1:]
        deviation = torch.ones_like(mean)
        for _ in range(self.iterations):
            drawn = torch.randn(self.candidates, *mean.shape, generator=generator)
            courses = (mean + deviation * drawn).clamp(-1, 1)
            pragmatic, epistemic = self.worth(model, latent, goal, courses)
            best = (pragmatic + self.curiosity * epistemic).topk(self.elites).indices
            mean, deviation = courses[best].mean(0), courses[best].std(0, correction=0) + 0.05
        imagined = self.iterations * self.candidates * self.horizon
        return Plan(mean, float(pragmatic[best].mean()), float(epistemic[best].mean()), imagined)

    def worth(
        self, model: Imagines, latent: Tensor, goal: Goal, courses: Float[Tensor, "candidate moment action"]
    ) -> tuple[Float[Tensor, " candidate"], Float[Tensor, " candidate"]]:
        """Pragmatic and epistemic worth of each course, in nats."""
        seen = model.imagine(latent, courses)
        mean = seen.mean(0)
        spread = (seen - mean).square().mean(0)  # not ``var``, which is slow over so short an axis
        epistemic = torch.log1p(spread / model.noise).sum(-1) / 2
        return goal.worth(mean).sum(1), epistemic.sum(1)


@final
class Deliberation:
    """One life of acting by plans: from what is observed a plan is made, and its first action done.

    ``embed``: what an observation is to the model. ``keeps``: whether a plan goes on from the one before it. ``plans``: all that
    were made.
    """

    def __init__(
        self,
        planner: Planner,
        model: Imagines,
        embed: Callable[[Tensor], Tensor],
        goal: Goal,
        generator: torch.Generator,
        *,
        keeps: bool = True,
    ) -> None:
        self.planner, self.model, self._embed, self._generator, self._keeps = planner, model, embed, generator, keeps
        self._goal, self.plans = goal, list[Plan]()

    @torch.no_grad()
    def __call__(self, observed: Float[Tensor, " input"]) -> Float[Tensor, " action"]:
        """What is done about it."""
        before = self.plans[-1] if self.plans and self._keeps else None
        latent = self._embed(observed)
        self.plans.append(self.planner.plan(self.model, latent, self._goal, self._generator, before))
        return self.plans[-1].action[0]


@final
class Confused:
    """A control: imagines as its model does, but shows every course of actions where another one leads.

    What plans promise is then as often high as low, and tells nothing about them; the thinking costs as much.
    """

    def __init__(self, model: Imagines, generator: torch.Generator) -> None:
        self.n_action, self.noise, self._model, self._generator = model.n_action, model.noise, model, generator

    def imagine(
        self, latent: Float[Tensor, "*latent"], action: Float[Tensor, "candidate moment action"]
    ) -> Float[Tensor, "predictor candidate moment latent"]:
        """The futures of all courses, dealt out to them by chance."""
        dealt = torch.randperm(len(action), generator=self._generator)
        return self._model.imagine(latent, action)[:, dealt]

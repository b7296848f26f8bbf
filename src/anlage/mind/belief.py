"""Perception as the update of a belief, action as the choice of the future that is worth most: active inference over few states.

After Friston et al. 2017 (Neural Comput 29:1) and Da Costa et al. 2020 (J Math Psychol 99:102447). All is exact: states are few
enough to be enumerated, so nothing is approximated by mean fields.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import RecipeError

TOLERANCE = 1e-6
"""By how much probabilities may miss a sum of one."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class DiscreteModel:
    """What an agent takes to be true of its world: how states lead to outcomes, how moves change states, and what it prefers.

    ``likelihood``: per sense, the probability of each outcome in each state, shape ``(outcome, state)``. ``transition``: of
    each next state, per move and state, shape ``(move, next, state)``. ``preference``: per sense, how much each outcome is
    preferred, in nats; a constant that is added changes no choice. ``prior``: of each state at the start.

    Raises ``RecipeError`` for probabilities that are none or shapes that do not fit.
    """

    likelihood: tuple[Float[ndarray, "_ state"], ...]
    transition: Float[ndarray, "move state state"]
    preference: tuple[Float[ndarray, " _"], ...]
    prior: Float[ndarray, " state"]

    def __post_init__(self) -> None:
        for name, table in (("prior", self.prior), *(("likelihood", each) for each in self.likelihood)):
            _demand_probabilities(name, table, 0)
        _demand_probabilities("transition", self.transition, 1)
        states = {len(self.prior), *self.transition.shape[1:], *(each.shape[1] for each in self.likelihood)}
        outcomes = [each.shape[0] for each in self.likelihood], [len(each) for each in self.preference]
        if len(states) > 1 or outcomes[0] != outcomes[1]:
            raise RecipeError(
                f"The parts of a model speak of {sorted(states)} states, of {outcomes[0]} outcomes that are likely and of "
                f"{outcomes[1]} that are preferred; these numbers must agree."
            )

    @property
    def n_moves(self) -> int:
        """Moves to choose from."""
        return len(self.transition)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan promises, in nats: how far it leads to what is preferred, and how much it will tell.

    Their sum is the negative expected free energy. ``pragmatic``: expected preference of the outcomes; ``epistemic``: expected
    information of the outcomes about the states.
    """

    pragmatic: float
    epistemic: float


def perceive(
    model: DiscreteModel, belief: Float[ndarray, " state"], outcome: Sequence[int | None]
) -> Float[ndarray, " state"]:
    """The belief after outcomes, one per sense, by Bayes' rule; ``None`` where a sense was silent.

    Raises ``RecipeError`` for outcomes that the belief holds impossible.
    """
    if len(outcome) != len(model.likelihood):
        raise RecipeError(f"{len(outcome)} outcomes were given for {len(model.likelihood)} senses.")
    for likelihood, found in zip(model.likelihood, outcome, strict=True):
        belief = belief if found is None else belief * likelihood[found]
    total = belief.sum()
    if not total > 0:
        raise RecipeError(
            f"The outcomes {list(outcome)} are impossible under the belief; give the model a chance of them."
        )
    return np.asarray(belief / total)


def anticipate(model: DiscreteModel, belief: Float[ndarray, " state"], move: int) -> Float[ndarray, " state"]:
    """The belief about where a move leads, before anything is perceived there."""
    return np.asarray(model.transition[move] @ belief)


def foresee(model: DiscreteModel, belief: Float[ndarray, " state"], plan: Iterable[int]) -> Outlook:
    """What is to be expected of the moves of a plan, taken one after another without looking in between."""
    pragmatic = epistemic = 0.0
    for move in plan:
        belief = anticipate(model, belief, move)
        for likelihood, preference in zip(model.likelihood, model.preference, strict=True):
            outcome = likelihood @ belief
            pragmatic += float(outcome @ preference)
            epistemic += _entropy(outcome) - float(belief @ [_entropy(column) for column in likelihood.T])
    return Outlook(pragmatic, epistemic)


def choose(
    model: DiscreteModel, belief: Float[ndarray, " state"], horizon: int, *, curiosity: float = 1.0
) -> tuple[int, Outlook]:
    """The first move of the best plan of that many moves, and what the plan promises.

    A plan is worth ``pragmatic + curiosity * epistemic``; of equals (to a millionth of a nat) the first in order is taken.
    Raises ``RecipeError`` for no horizon.
    """
    if horizon < 1:
        raise RecipeError(f"The horizon is {horizon} moves, but a plan needs one at least.")
    best: tuple[int, Outlook, float] | None = None
    for plan in product(range(model.n_moves), repeat=horizon):
        outlook = foresee(model, belief, plan)
        worth = outlook.pragmatic + curiosity * outlook.epistemic
        if best is None or worth > best[2] + TOLERANCE:
            best = plan[0], outlook, worth
    if best is None:
        raise RecipeError("The model has no moves to choose from.")
    return best[:2]


def _entropy(probability: Float[ndarray, " outcome"]) -> float:
    some = probability[probability > 0]
    return -float(some @ np.log(some))


def _demand_probabilities(name: str, table: ndarray, axis: int) -> None:
    if (table < 0).any() or (np.abs(table.sum(axis) - 1) > TOLERANCE).any():
        raise RecipeError(f"The {name} must hold probabilities that add up to one along axis {axis}; these do not.")

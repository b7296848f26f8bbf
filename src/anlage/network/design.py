"""Networks without a wiring, built as dear as another one: the width is found whose cost comes nearest to a budget."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, get_args, runtime_checkable

import torch

from anlage.errors import RecipeError, UnknownName
from anlage.network.budget import Budget
from anlage.network.network import LearningNetwork

Match = Literal["parameters", "multiply_adds", "both"]
"""What is to cost as much as in the other network: trained parameters, multiply-adds per observation, or each of them."""

NEAR = 0.05
"""Costs further apart than this share are not called equal."""


@runtime_checkable
class Design(Protocol):
    """How a network without a wiring is built. A small frozen dataclass, written into questions."""

    name: ClassVar[str]

    @property
    def match(self) -> Match:
        """What it is to have in common with the budget it is given."""
        ...

    def build(self, n_latent_in: int, n_latent_out: int, budget: Budget, generator: torch.Generator) -> LearningNetwork:
        """A network from embeddings of one width to predictions of another, its cost within 5 % of ``budget``.

        ``budget`` is that of a network without its encoder, which every arm of a study has alike. How near it came is
        ``apart(budget(None, network), budget, match)``. Raises ``RecipeError`` when no width comes so near.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cost:
    """The two numbers that are matched."""

    trained_parameters: int
    multiply_adds: int


def demand_sound(design: Design, *at_least_one: str) -> None:
    """Raise ``UnknownName`` for an unknown ``match``, ``RecipeError`` when one of the named fields is below 1."""
    if design.match not in get_args(Match):
        raise UnknownName("match of a design", design.match, get_args(Match))
    for name in at_least_one:
        if (value := getattr(design, name)) < 1:
            raise RecipeError(f"{name} of {design.name} is {value}, but must be at least 1.")


def apart(cost: Cost | Budget, budget: Cost | Budget, match: Match) -> float:
    """The largest difference of what is matched, as a share of ``budget``."""
    return max(abs(share) for share in _excess(cost, budget, match))


def nearest(cost: Callable[[int], Cost], budget: Cost | Budget, match: Match) -> int:
    """The size, from 1, whose cost lies least ``apart`` from a budget; ``cost`` must grow with its argument.

    Of two rising differences a and b, the larger of |a| and |b| is least where a + b changes its sign.
    """
    high = 1
    while sum(_excess(cost(high), budget, match)) < 0:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(_excess(cost(middle), budget, match)) < 0 else (low, middle)
    return min((size for size in (low, high) if size), key=lambda size: apart(cost(size), budget, match))


def demand_near(name: str, cost: Cost, budget: Budget, match: Match) -> None:
    """Raise ``RecipeError`` when the nearest cost that a design can have is not near."""
    if apart(cost, budget, match) > NEAR:
        raise RecipeError(
            f"No {name} comes within {NEAR:.0%} of {_told(budget, match)}; the nearest has {_told(cost, match)}: choose another "
            f"match than {match!r}, other layers or ticks, or a larger wiring to compare with."
        )


def _quantities(cost: Cost | Budget, match: Match) -> dict[str, int]:
    both = {"parameters": cost.trained_parameters, "multiply_adds": cost.multiply_adds}
    return both if match == "both" else {match: both[match]}


def _excess(cost: Cost | Budget, budget: Cost | Budget, match: Match) -> list[float]:
    """By which share each matched quantity exceeds the budget."""
    wanted = _quantities(budget, match)
    return [value / max(wanted[name], 1) - 1 for name, value in _quantities(cost, match).items()]


def _told(cost: Cost | Budget, match: Match) -> str:
    words = {"parameters": "trained parameters", "multiply_adds": "multiply-adds per observation"}
    return " and ".join(f"{value:,} {words[name]}" for name, value in _quantities(cost, match).items())

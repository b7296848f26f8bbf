"""Settings of a recipe that a comparison goes through, so that no claim rests on one of them alone."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from anlage.errors import RecipeError
from anlage.learning.assay import Assay
from anlage.learning.recipe import PortChoice, Recipe
from anlage.learning.table import Kinds, from_table, to_table
from anlage.topology.topology import ALL

Level = bool | int | float | str | tuple[str, ...]
"""One value of a factor: a number, a word, or names of groups."""

MOST_CELLS = 100
"""Cells of a grid; a hundred, with 20 graphs and two controls, are 6,000 trials already."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A key of the recipe by its path, as in ``physiology.ticks``, and the values it takes in turn.

    The factor ``ports`` has two levels of its own: ``biological``, the recipe's own ports, and ``all``: every neuron receives
    the input and is read.
    """

    path: str
    levels: tuple[Level, ...]

    def __post_init__(self) -> None:
        if self.path in ("name", "seed"):
            raise RecipeError(f"comparison.factors has {self.path!r}, but the {self.path} of a recipe is no factor.")
        if len(self.levels) < 2 or len(set(map(repr, self.levels))) < len(self.levels):
            raise RecipeError(
                f"comparison.factors.{self.path} has the levels {list(self.levels)}, but a factor needs two or more that differ."
            )


@dataclass(frozen=True, slots=True)
class Cell:
    """One level of every factor. A question without factors has one cell, which chooses nothing."""

    number: int = 0
    chosen: tuple[tuple[str, Level], ...] = ()

    @property
    def name(self) -> str:
        """The levels in words, as in ``spectral_radius = 0.9``; empty when nothing is chosen."""
        return ", ".join(f"{path} = {shown(level)}" for path, level in self.chosen)

    @property
    def plain(self) -> dict[str, object]:
        """The levels by path, as records hold them."""
        return {path: list(level) if isinstance(level, tuple) else level for path, level in self.chosen}

    def of(self, recipe: Recipe | Assay, kinds: Mapping[type, Kinds]) -> Recipe | Assay:
        """The recipe with these levels.

        Raises ``UnknownName`` for a path that is no key of the recipe, ``RecipeError`` for a value that the key cannot have.
        """
        for path, level in self.chosen:
            if path == "ports" and isinstance(level, str):
                recipe = replace(recipe, ports=_ports(recipe.ports, level))
                continue
            table = to_table(recipe, kinds)
            *parents, last = path.split(".")
            at = table
            for key in parents:
                below = at.setdefault(key, {})
                if not isinstance(below, dict):
                    raise RecipeError(f"comparison.factors.{path}: {key} is no table of the recipe; check the path.")
                at = below
            at[last] = list(level) if isinstance(level, tuple) else level
            recipe = from_table(type(recipe), table, "recipe", kinds)
        return recipe


def grid(factors: Sequence[Factor]) -> list[Cell]:
    """Every combination of levels, the last factor fastest.

    Raises ``RecipeError`` where one path is named twice, or there are more than ``MOST_CELLS``.
    """
    paths = [factor.path for factor in factors]
    if doubled := {path for path in paths if paths.count(path) > 1}:
        raise RecipeError(f"comparison.factors names {sorted(doubled)} more than once.")
    combined = itertools.product(*(factor.levels for factor in factors))
    cells = [
        Cell(number, tuple(zip(paths, levels, strict=True)))
        for number, levels in enumerate(itertools.islice(combined, MOST_CELLS + 1))
    ]
    if len(cells) > MOST_CELLS:
        raise RecipeError(f"comparison.factors makes more than {MOST_CELLS} cells; take fewer levels or fewer factors.")
    return cells


def read_factors(table: object, where: str) -> tuple[Factor, ...]:
    """Factors from a TOML table of paths and lists. Raises ``RecipeError`` for anything else."""
    if not isinstance(table, dict):
        raise RecipeError(
            f"{where} is {table!r}, but must be a table of keys of the recipe, each with a list of levels."
        )
    factors = []
    for path, levels in _flat(table):
        if not isinstance(levels, list):
            raise RecipeError(f"{where}.{path} is {levels!r}, but must be a list of levels.")
        factors.append(Factor(path, tuple(_level(level, f"{where}.{path}") for level in levels)))
    return tuple(factors)


def write_factors(factors: Sequence[Factor]) -> dict[str, object]:
    """The TOML table of factors; the inverse of ``read_factors``."""
    return {
        factor.path: [list(level) if isinstance(level, tuple) else level for level in factor.levels]
        for factor in factors
    }


def shown(level: Level) -> str:
    """A level as it is written in a sentence."""
    return " + ".join(level) if isinstance(level, tuple) else f"{level:g}" if isinstance(level, float) else str(level)


def _flat(table: dict[str, object], above: str = "") -> list[tuple[str, object]]:
    """Paths and lists; whoever forgets the quotes around a path with a point has written a table below a table."""
    found: list[tuple[str, object]] = []
    for key, value in table.items():
        path = f"{above}{key}"
        found += _flat(cast("dict[str, object]", value), f"{path}.") if isinstance(value, dict) else [(path, value)]
    return found


def _level(level: object, where: str) -> Level:
    if isinstance(level, list) and all(isinstance(item, str) for item in level):
        return tuple(level)
    if isinstance(level, bool | int | float | str):
        return level
    raise RecipeError(f"{where} has the level {level!r}, but a level is a number, a word, or a list of words.")


def _ports(own: PortChoice, word: str) -> PortChoice:
    if word == "biological":
        return own
    if word == ALL:
        return PortChoice((ALL,), (ALL,))
    raise RecipeError(
        f"comparison.factors.ports has the level {word!r}, but the levels of ports are 'biological', the recipe's own, and "
        "'all'; other ports are factors called ports.input and ports.output."
    )

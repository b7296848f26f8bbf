"""Topology + objective + experience; or topology + task + readout."""

from anlage.learning.assay import Assay, Assayed, assay
from anlage.learning.grow import Grown, grow
from anlage.learning.readout import Gradient, InTurn, Ridge
from anlage.learning.recipe import Blueprint, PortChoice, Recipe, Schedule, read_recipe

__all__ = [
    "Assay",
    "Assayed",
    "Blueprint",
    "Gradient",
    "Grown",
    "InTurn",
    "PortChoice",
    "Recipe",
    "Ridge",
    "Schedule",
    "assay",
    "grow",
    "read_recipe",
]

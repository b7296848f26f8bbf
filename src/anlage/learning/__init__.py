"""Topology + objective + experience."""

from anlage.learning.grow import Grown, grow
from anlage.learning.recipe import Blueprint, PortChoice, Recipe, Schedule, read_recipe

__all__ = ["Blueprint", "Grown", "PortChoice", "Recipe", "Schedule", "grow", "read_recipe"]

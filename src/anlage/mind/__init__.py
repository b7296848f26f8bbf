"""Areas that each predict what they sense, messages between them, and a workspace. No global error."""

from anlage.mind.area import Area, Received
from anlage.mind.grow import GrownMind, grow_mind, read_grown
from anlage.mind.mind import Life, Mind
from anlage.mind.recipe import AreaPlan, MindRecipe, Nights, WorkspacePlan, read_mind
from anlage.mind.workspace import Workspace

__all__ = [
    "Area",
    "AreaPlan",
    "GrownMind",
    "Life",
    "Mind",
    "MindRecipe",
    "Nights",
    "Received",
    "Workspace",
    "WorkspacePlan",
    "grow_mind",
    "read_grown",
    "read_mind",
]

"""Areas that each predict what they sense, without a global error; and agents that act by what they foresee."""

from anlage.mind.active import Agent, Chapter, Upbringing
from anlage.mind.area import Area, Received
from anlage.mind.belief import DiscreteModel, Outlook
from anlage.mind.grow import GrownMind, grow_mind, read_grown
from anlage.mind.imagination import Imagination, Lived, Rehearsal
from anlage.mind.mind import Life, Mind
from anlage.mind.planner import Confused, Deliberation, Goal, Plan, Planner
from anlage.mind.policy import AmortisedPolicy
from anlage.mind.recipe import AreaPlan, MindRecipe, Nights, WorkspacePlan, read_mind
from anlage.mind.workspace import Workspace

__all__ = [
    "Agent",
    "AmortisedPolicy",
    "Area",
    "AreaPlan",
    "Chapter",
    "Confused",
    "Deliberation",
    "DiscreteModel",
    "Goal",
    "GrownMind",
    "Imagination",
    "Life",
    "Lived",
    "Mind",
    "MindRecipe",
    "Nights",
    "Outlook",
    "Plan",
    "Planner",
    "Received",
    "Rehearsal",
    "Upbringing",
    "Workspace",
    "WorkspacePlan",
    "grow_mind",
    "read_grown",
    "read_mind",
]

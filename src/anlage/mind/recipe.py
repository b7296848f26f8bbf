"""One file, one mind: its areas, its workspace, its world, and how many days it lives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from anlage.connectome.library import load
from anlage.errors import RecipeError, UnknownName
from anlage.experience import Paired, SharedExperience, Watched
from anlage.learning.recipe import KINDS as LEARNING_KINDS
from anlage.learning.recipe import Blueprint, PortChoice, parse
from anlage.learning.table import Kinds, from_table, to_table, toml
from anlage.network import Physiology
from anlage.objective import Objective, SigregPrediction
from anlage.topology import Topology, build
from anlage.topology.function import function_part

PAIRED = "paired"
"""The world that a recipe means when it does not say which."""
KINDS: Mapping[type, Kinds] = {
    Objective: LEARNING_KINDS[Objective],
    SharedExperience: {PAIRED: Paired, "watched": Watched},
}
WORKSPACE = "workspace"
Broadcast = Literal["on", "off", "shuffled"]


@dataclass(frozen=True, slots=True)
class AreaPlan:
    """One area: its wiring, what it senses, and where in it the context arrives.

    ``sense``: one modality of the world, or names of areas that stand before this one.
    ``part``: one part of its connectome, divided by function (``anlage divide``), instead of the whole; its groups ``entry`` and
    ``exit`` are its ports to the rest of the brain.
    ``context``: groups of neurons that hear the broadcast, each number reaching each of them with probability ``context_share``.
    """

    name: str
    sense: tuple[str, ...]
    topology: Blueprint = field(default_factory=Blueprint)
    ports: PortChoice = field(default_factory=PortChoice)
    context: tuple[str, ...] = ("inter",)
    context_share: float = 0.25
    physiology: Physiology = field(default_factory=Physiology)
    spectral_radius: float = 0.9
    latent: int = 4
    objective: Objective = field(default_factory=SigregPrediction)
    part: str = ""

    def __post_init__(self) -> None:
        if not self.name or not all(c.isalnum() or c in "-_" for c in self.name):
            raise RecipeError(f"An area is called {self.name!r}, but a name is made of letters, digits, '-' and '_'.")
        if self.latent < 2:
            raise RecipeError(f"latent of the area {self.name} is {self.latent}, but must be at least 2.")
        if not 0 <= self.context_share <= 1:
            raise RecipeError(
                f"context_share of the area {self.name} is {self.context_share}, but must lie between 0 and 1."
            )

    @property
    def title(self) -> str:
        """What it is wired like, in a few words."""
        larger = f" × {self.topology.expand:g}" if self.topology.expand != 1 else ""
        return self.topology.connectome + (f", {self.part}" if self.part else "") + larger

    def wiring(self) -> Topology:
        """The topology as measured, not yet expanded; raises ``UnknownName`` for a part that the connectome does not have."""
        whole = self.topology.topology()
        return function_part(whole, build(load(self.topology.connectome)), self.part) if self.part else whole

    @property
    def n_message(self) -> int:
        """Numbers that the area tells others: what arrived, beside what it expects next."""
        return 2 * self.latent


@dataclass(frozen=True, slots=True)
class WorkspacePlan:
    """The frontal area and its long-range wires.

    ``width``: channels that it reads, and output neurons whose activity it broadcasts; 0 for a mind without a workspace.
    ``sparsity``: the share of all messages that each channel is wired to.
    ``temperature``: of the softmax over surprises by which areas compete; small ones let the winner take all.
    ``broadcast``: ``off`` says nothing to the areas, ``shuffled`` says what belongs to another sequence of the batch.
    """

    width: int = 8
    sparsity: float = 0.25
    temperature: float = 0.5
    broadcast: Broadcast = "on"
    topology: Blueprint = field(default_factory=Blueprint)
    ports: PortChoice = field(default_factory=PortChoice)
    physiology: Physiology = field(default_factory=Physiology)
    spectral_radius: float = 0.9
    latent: int = 4
    objective: Objective = field(default_factory=SigregPrediction)

    def __post_init__(self) -> None:
        if self.width < 0:
            raise RecipeError(f"workspace.width is {self.width}, but must be 0, for no workspace, or more.")
        if not 0 < self.sparsity <= 1:
            raise RecipeError(f"workspace.sparsity is {self.sparsity}, but must lie above 0 and at most at 1.")
        if not 0 < self.temperature < float("inf"):
            raise RecipeError(f"workspace.temperature is {self.temperature}, but must be a positive number.")
        if self.width and self.latent > self.width:
            raise RecipeError(
                f"workspace.latent is {self.latent}, but {self.width} channels cannot fill an embedding wider than they are; "
                "choose a smaller latent or more width."
            )

    def as_area(self) -> AreaPlan:
        """The same as the plan of an area, which senses what its wires bring."""
        return AreaPlan(
            WORKSPACE,
            (),
            self.topology,
            self.ports,
            physiology=self.physiology,
            spectral_radius=self.spectral_radius,
            latent=self.latent,
            objective=self.objective,
        )


@dataclass(frozen=True, slots=True)
class Nights:
    """Days and nights: ``days`` of ``sequences`` lived sequences each, and what every area does in the night after each.

    ``steps`` updates with ``batch`` of the day's sequences: AdamW, gradient norm clipped at 1.
    """

    days: int = 8
    sequences: int = 512
    steps: int = 60
    batch: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        for name, least in (("days", 1), ("sequences", 2), ("steps", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise RecipeError(f"schedule.{name} is {getattr(self, name)}, but must be at least {least}.")
        if not 0 < self.learning_rate < 10 or not 0 <= self.weight_decay < 10:
            raise RecipeError(
                f"schedule.learning_rate is {self.learning_rate} and weight_decay {self.weight_decay}; both must be small "
                "positive numbers."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MindRecipe:
    """Everything that decides a mind. Two runs of one recipe on one machine give the same numbers."""

    name: str
    areas: tuple[AreaPlan, ...]
    workspace: WorkspacePlan = field(default_factory=WorkspacePlan)
    schedule: Nights = field(default_factory=Nights)
    experience: SharedExperience = field(default_factory=Paired)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.name or not all(c.isalnum() or c in "-_" for c in self.name):
            raise RecipeError(f"The name of a mind is {self.name!r}, but is made of letters, digits, '-' and '_'.")
        if not self.areas:
            raise RecipeError("A mind needs at least one area; add a table [[areas]].")
        names, modalities = [area.name for area in self.areas], self.experience.modalities
        for number, area in enumerate(self.areas):
            if area.name in names[:number] or area.name in (WORKSPACE, *modalities):
                raise RecipeError(
                    f"Two things are called {area.name!r}; an area's name is its own, not that of another area, of the "
                    f"{WORKSPACE}, or of a modality ({', '.join(modalities)})."
                )
            _demand_sense(area, names, number, modalities)

    def area(self, name: str) -> AreaPlan:
        """The plan of one area, or of the workspace; raises ``UnknownName``."""
        plans = {area.name: area for area in self.areas} | {WORKSPACE: self.workspace.as_area()}
        if name not in plans:
            raise UnknownName("area", name, plans)
        return plans[name]

    def n_input(self, plan: AreaPlan, n_observed: Mapping[str, int]) -> int:
        """Numbers that an area senses at a moment; ``n_observed``: those of each modality."""
        if plan.name == WORKSPACE:
            return self.workspace.width
        return sum(n_observed[s] if s in n_observed else self.area(s).n_message for s in plan.sense)

    def to_toml(self) -> str:
        """This recipe as TOML text; ``read_mind`` gives it back."""
        return _toml(to_table(self, KINDS))

    @property
    def identity(self) -> str:
        """Checksum of everything in the recipe that is not as it is by default, 16 hexadecimal digits."""
        return sha256(_toml(to_table(self, KINDS, defaults=False)).encode()).hexdigest()[:16]


def _demand_sense(area: AreaPlan, names: list[str], number: int, modalities: tuple[str, ...]) -> None:
    """Raise ``RecipeError`` or ``UnknownName`` unless an area senses one modality, or areas that stand before it."""
    if not area.sense:
        raise RecipeError(f"The area {area.name} senses nothing; give it a modality or other areas to sense.")
    for sense in area.sense:
        if sense == area.name:
            raise RecipeError(f"The area {area.name} senses itself; its recurrence does that already, so leave it out.")
        if sense in names[number:]:
            raise RecipeError(
                f"The area {area.name} senses {sense}, which stands after it; areas sense only those before them, so that no "
                "circle arises: move it up, or let the workspace carry the way back."
            )
        if sense not in (*modalities, *names):
            raise UnknownName(f"sense of the area {area.name}", sense, (*modalities, *names))
    if len(area.sense) > 1 and set(area.sense) & set(modalities):
        raise RecipeError(
            f"The area {area.name} senses {' and '.join(area.sense)}; an area senses one modality or several areas, so give "
            "each modality an area and let this one sense them."
        )
    if len(set(area.sense)) < len(area.sense):
        raise RecipeError(f"The area {area.name} senses one of {', '.join(area.sense)} twice; name each once.")


def _toml(table: dict[str, Any]) -> str:
    """TOML with every area a table of its own."""
    areas, world = table.pop("areas"), table.get("experience", {})
    if world.get("kind") == PAIRED:  # as recipes were written before there was another
        del world["kind"]
    body = toml(table)
    for area in areas:
        body += toml(area, ("areas",)).replace("\n[areas]", "\n[[areas]]", 1)
    return body


def is_mind(text: str, where: str = "recipe") -> bool:
    """Whether TOML text describes a mind rather than one network: it has ``[[areas]]``."""
    return "areas" in parse(text, where)


def read_mind(text: str, where: str = "recipe") -> MindRecipe:
    """A recipe from TOML text.

    Raises ``RecipeError`` for text that is not TOML, a value of the wrong type, a circle of areas or an area that senses itself,
    ``UnknownName`` for an unknown key, kind or sense.
    """
    table = parse(text, where)
    if isinstance(world := table.get("experience"), dict):
        world.setdefault("kind", PAIRED)
    return from_table(MindRecipe, table, where, KINDS)

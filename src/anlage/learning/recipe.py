"""One file, one recipe: the wiring, the objective, the experience, and how long."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from anlage.connectome.library import load
from anlage.errors import RecipeError
from anlage.experience import Digits, Mnist, SpokenDigits, Swimming, Text
from anlage.experience.catalogue import TASKS
from anlage.experience.chess_games import ChessGames
from anlage.experience.experience import RecordedExperience, Recording
from anlage.experience.problem import Task
from anlage.experience.video import Video
from anlage.learning.readout import Gradient, InTurn, Readout, Ridge
from anlage.learning.table import Kinds, from_table, to_table, toml
from anlage.network import Physiology
from anlage.objective import (
    ContrastivePrediction,
    CosinePrediction,
    MultistepPrediction,
    Objective,
    SigregPrediction,
    VicregPrediction,
)
from anlage.seed import Seed
from anlage.topology import Topology, build, expand
from anlage.topology.build import SignRule, WeightRule

KINDS: Mapping[type, Kinds] = {
    Objective: {
        "cosine": CosinePrediction,
        "infonce": ContrastivePrediction,
        "multistep": MultistepPrediction,
        "sigreg": SigregPrediction,
        "vicreg": VicregPrediction,
    },
    RecordedExperience: {
        "chess": ChessGames,
        "digits": Digits,
        "mnist": Mnist,
        "spoken-digits": SpokenDigits,
        "swimming": Swimming,
        "text": Text,
        "video": Video,
    },
}
ASSAY_KINDS: Mapping[type, Kinds] = {
    Task: TASKS,
    Readout: {"ridge": Ridge, "gradient": Gradient, "in-turn": InTurn},
}


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Which connectome, and the decisions that turn it into a topology; see ``anlage.topology.build``.

    ``expand``: grow the topology this much larger, but only after a control was drawn from it; see ``anlage.topology.expand``.
    """

    connectome: str = "worm"
    kinds: tuple[str, ...] = ("chemical", "gap_junction")
    compartments: tuple[str, ...] = ()
    min_synapses: float = 0.0
    signs: SignRule = "known"
    weights: WeightRule = "log"
    expand: float = 1.0

    def topology(self) -> Topology:
        """The topology that this describes, as measured: not yet expanded."""
        return build(
            load(self.connectome),
            kinds=self.kinds,
            compartments=self.compartments,
            min_synapses=self.min_synapses,
            signs=self.signs,
            weights=self.weights,
        )

    def expanded(self, topology: Topology, seed: Seed) -> Topology:
        """The topology, or a control of it, as large as a network is to have it; each seed draws other newcomers."""
        if self.expand == 1:
            return topology
        return expand(topology, self.expand, seed.child("expansion").rng()).topology


@dataclass(frozen=True, slots=True)
class PortChoice:
    """Names of the groups that receive the input and of those that are read; ``all`` is every neuron."""

    input: tuple[str, ...] = ("input",)
    output: tuple[str, ...] = ("output",)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn: AdamW, gradient norm clipped at 1."""

    steps: int = 250
    batch: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    log_every: int = 50

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "log_every"):
            if getattr(self, name) < 1:
                raise RecipeError(f"schedule.{name} is {getattr(self, name)}, but must be at least 1.")
        if not 0 < self.learning_rate < 10 or not 0 <= self.weight_decay < 10:
            raise RecipeError(
                f"schedule.learning_rate is {self.learning_rate} and weight_decay {self.weight_decay}; both must be small "
                "positive numbers."
            )


def demand_name(name: str) -> None:
    """Raise ``RecipeError`` for a name that cannot be that of a folder."""
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise RecipeError(f"The name of a recipe is {name!r}, but must be made of letters, digits, '-' and '_'.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides a run. Two runs of one recipe on one machine give the same numbers."""

    name: str
    topology: Blueprint = field(default_factory=Blueprint)
    ports: PortChoice = field(default_factory=PortChoice)
    physiology: Physiology = field(default_factory=Physiology)
    spectral_radius: float = 0.9
    latent: int = 4
    objective: Objective = field(default_factory=SigregPrediction)
    experience: RecordedExperience = field(default_factory=Digits)
    schedule: Schedule = field(default_factory=Schedule)
    seed: int = 0

    def __post_init__(self) -> None:
        demand_name(self.name)
        if self.latent < 2:
            raise RecipeError(
                f"latent is {self.latent}, but must be at least 2: one number cannot be told from a collapsed embedding."
            )
        if not 0 < self.spectral_radius < float("inf"):
            raise RecipeError(f"spectral_radius is {self.spectral_radius}, but must be a positive number.")

    def open_experience(self) -> Recording:
        """The recording to learn from.

        Raises ``RecipeError`` when the embedding is wider than the observation: a linear encoder cannot fill such a space, and a
        regulariser that asks for it would never be satisfied.
        """
        recording = self.experience.open()
        if self.latent > recording.n_input:
            raise RecipeError(
                f"latent is {self.latent}, but one observation has only {recording.n_input} numbers; a linear embedding cannot "
                "be wider than what it embeds, so choose a smaller latent or a larger patch."
            )
        return recording

    def to_toml(self) -> str:
        """This recipe as TOML text; ``read_recipe`` gives it back."""
        return toml(to_table(self, KINDS))

    @property
    def identity(self) -> str:
        """Checksum of everything in the recipe that is not as it is by default, 16 hexadecimal digits."""
        return sha256(toml(to_table(self, KINDS, defaults=False)).encode()).hexdigest()[:16]


def parse(text: str, where: str) -> dict[str, object]:
    """The TOML table in ``text``; ``where`` names it in the message of a ``RecipeError``."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where} is not valid TOML: {error}.") from error


def read_recipe(text: str, where: str = "recipe") -> Recipe:
    """A recipe from TOML text.

    Raises ``RecipeError`` for text that is not TOML or has a value of the wrong type, ``UnknownName`` for an unknown key or kind.
    """
    return from_table(Recipe, parse(text, where), where, KINDS)

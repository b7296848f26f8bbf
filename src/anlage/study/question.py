"""A question, declared before the runs: which recipe, against which controls, judged by what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from anlage.errors import RecipeError, UnknownName
from anlage.learning.recipe import KINDS, Recipe, parse
from anlage.learning.table import Kinds, from_table, to_table, toml
from anlage.study.statistics import OUTCOMES
from anlage.topology import (
    BinaryWeights,
    BlockPreserving,
    Control,
    DegreePreserving,
    ErdosRenyi,
    InterfaceOnly,
    LengthPreserving,
    ModularityPreserving,
    NoRecurrence,
    PermuteEdgeSigns,
    PermuteEnds,
    PermuteNeuronSigns,
    PermuteSignedWeights,
    PermuteWeights,
    RandomProjection,
    RankMatched,
    ReciprocityPreserving,
    SpectrumMatched,
    StrengthPreserving,
)

CONTROLS: Kinds = {
    control.name: control
    for control in (
        ErdosRenyi,
        DegreePreserving,
        StrengthPreserving,
        ReciprocityPreserving,
        ModularityPreserving,
        BlockPreserving,
        LengthPreserving,
        PermuteWeights,
        PermuteSignedWeights,
        BinaryWeights,
        PermuteEdgeSigns,
        PermuteNeuronSigns,
        PermuteEnds,
        SpectrumMatched,
        RankMatched,
        NoRecurrence,
        RandomProjection,
        InterfaceOnly,
    )
}
QUESTION_KINDS: Mapping[type, Kinds] = {**KINDS, Control: CONTROLS}


FIRST_CONTROLS = (DegreePreserving(), PermuteWeights())
"""What no controls meant when questions were first given identities: those that name these keep theirs (decision 16)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The arms beside the connectome, and how they are judged.

    ``graphs``: control graphs per arm, and seeds of the connectome; graph ``i`` and the connectome share seed ``i``.
    ``outcomes``: measures to judge by, the first one is primary. ``margin``: differences below it count as none, outcome by
    outcome and in its units; 0, or nothing, for no margin. In TOML a single number is the primary outcome's.
    """

    controls: tuple[Control, ...] = field(
        default=(*FIRST_CONTROLS, InterfaceOnly()), metadata={"first": FIRST_CONTROLS}
    )
    graphs: int = 20
    outcomes: tuple[str, ...] = ("prediction_error", "probe_accuracy")
    margin: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.controls:
            raise RecipeError("comparison.controls is empty, but a comparison needs at least one control.")
        names = [control.name for control in self.controls]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise RecipeError(f"comparison.controls names {sorted(doubled)} more than once; each control is one arm.")
        if self.graphs < 2:
            raise RecipeError(
                f"comparison.graphs is {self.graphs}, but intervals need at least 2 (a verdict needs 20)."
            )
        for margin in self.margin:
            if not 0 <= margin < float("inf"):
                raise RecipeError(f"comparison.margin is {margin}, but must be a finite number of at least 0.")
        declared = [float(margin) for margin in self.margin]
        while (
            declared and declared[-1] == 0
        ):  # no margin is written in one way only, or one question had two identities
            declared.pop()
        object.__setattr__(self, "margin", tuple(declared))
        if len(self.margin) > len(self.outcomes):
            raise RecipeError(
                f"comparison.margin has {len(self.margin)} numbers, but there are {len(self.outcomes)} outcomes; give one for "
                "each, in their order."
            )
        if not self.outcomes:
            raise RecipeError("comparison.outcomes is empty, but a comparison is judged by at least one outcome.")
        for outcome in self.outcomes:
            if outcome not in OUTCOMES:
                raise UnknownName("outcome", outcome, OUTCOMES)

    def margin_of(self, outcome: str) -> float:
        """The margin declared for an outcome, 0 without one."""
        return float(dict(zip(self.outcomes, self.margin, strict=False)).get(outcome, 0.0))


@dataclass(frozen=True, slots=True)
class Question:
    """What was the wiring worth, for this recipe? One TOML file: the recipe's keys and a table ``comparison``."""

    recipe: Recipe = field(default_factory=lambda: Recipe(name="worm-digits"))
    comparison: Comparison | None = field(default_factory=Comparison)

    def to_toml(self) -> str:
        """This question as TOML text; ``read_question`` gives it back."""
        table = to_table(self.recipe, QUESTION_KINDS)
        if self.comparison:
            table["comparison"] = to_table(self.comparison, QUESTION_KINDS)
        return toml(table)

    @property
    def identity(self) -> str:
        """Checksum of everything in the question that is not as it is by default; every result carries it.

        The version of the library is no part of it, but of every record.
        """
        table = to_table(self.recipe, QUESTION_KINDS, defaults=False)
        if self.comparison:
            table["comparison"] = to_table(self.comparison, QUESTION_KINDS, defaults=False)
        return sha256(toml(table).encode()).hexdigest()[:16]


def read_question(text: str, where: str = "recipe") -> Question:
    """A question from TOML text; a recipe without a table ``comparison`` compares nothing.

    Raises ``RecipeError`` or ``UnknownName`` for text that is no recipe.
    """
    table = parse(text, where)
    comparison = table.pop("comparison", None)
    recipe = from_table(Recipe, table, where, QUESTION_KINDS)
    if comparison is None:
        return Question(recipe, None)
    if not isinstance(comparison, dict):
        raise RecipeError(f"{where}.comparison is {comparison!r}, but must be a table.")
    return Question(recipe, from_table(Comparison, comparison, f"{where}.comparison", QUESTION_KINDS))

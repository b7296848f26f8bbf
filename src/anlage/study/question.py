"""A question, declared before the runs: which recipe, against which controls, judged by what."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from anlage.errors import RecipeError, UnknownName
from anlage.learning.assay import Assay
from anlage.learning.recipe import ASSAY_KINDS, KINDS, Recipe, parse
from anlage.learning.table import Kinds, from_table, to_table, toml
from anlage.network import DenseDesign, Design, GatedDesign, PerceptronDesign, SparseDesign, TransformerDesign
from anlage.study.factor import Cell, Factor, grid, read_factors, write_factors
from anlage.study.outcome import GROWN, OUTCOMES
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
DESIGNS: Kinds = {
    design.name: design for design in (PerceptronDesign, GatedDesign, TransformerDesign, DenseDesign, SparseDesign)
}
QUESTION_KINDS: Mapping[type, Kinds] = {**KINDS, **ASSAY_KINDS, Control: CONTROLS, Design: DESIGNS}


FIRST_CONTROLS = (DegreePreserving(), PermuteWeights())
"""What no controls meant when questions were first given identities: those that name these keep theirs (decision 16)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The arms beside the connectome, and how they are judged.

    ``graphs``: control graphs per arm, and seeds of the connectome; graph ``i`` and the connectome share seed ``i``.
    ``outcomes``: measures to judge by, the first one is primary. ``margin``: differences below it count as none, outcome by
    outcome and in its units; 0, or nothing, for no margin. In TOML a single number is the primary outcome's.
    ``factors``: settings of the recipe to go through; every arm gets every level with the same seeds, claims are made per level,
    and Holm's correction goes over all of them. ``tuned``: instead, every trial uses the level that scores best on a part of the
    training data left out, so that each arm is judged at its own best, all with the same budget of tuning.
    ``networks``: arms without a wiring, one network per seed, grown or trained by gradient like the wiring's.
    """

    controls: tuple[Control, ...] = field(
        default=(*FIRST_CONTROLS, InterfaceOnly()), metadata={"first": FIRST_CONTROLS}
    )
    graphs: int = 20
    outcomes: tuple[str, ...] = ("prediction_error", "probe_accuracy")
    margin: tuple[float, ...] = ()
    factors: tuple[Factor, ...] = ()
    tuned: bool = False
    networks: tuple[Design, ...] = ()

    def __post_init__(self) -> None:
        if not self.controls and not self.networks:
            raise RecipeError("comparison.controls is empty, but a comparison needs at least one control.")
        grid(self.factors)
        names = list(self.arms)
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

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the controls, then of the networks."""
        return (*(control.name for control in self.controls), *(design.name for design in self.networks))

    def margin_of(self, outcome: str) -> float:
        """The margin declared for an outcome, 0 without one."""
        return float(dict(zip(self.outcomes, self.margin, strict=False)).get(outcome, 0.0))


@dataclass(frozen=True, slots=True)
class Question:
    """What was the wiring worth, for this recipe? One TOML file: the recipe's keys and a table ``comparison``."""

    recipe: Recipe | Assay = field(default_factory=lambda: Recipe(name="worm-digits"))
    comparison: Comparison | None = field(default_factory=Comparison)

    def __post_init__(self) -> None:
        compared, recipe, grown = self.comparison, self.recipe, isinstance(self.recipe, Recipe)
        if compared is None:
            return
        for outcome in compared.outcomes:
            if (outcome in GROWN) != grown:
                known = [name for name in OUTCOMES if (name in GROWN) == grown]
                raise RecipeError(
                    f"comparison.outcomes names {outcome!r}, but {self.recipe.name} is "
                    f"{'grown' if grown else 'an assay'}, judged by {' or '.join(known)}; name one of these."
                )
        if compared.networks and isinstance(recipe, Assay) and not recipe.readout.learns:
            raise RecipeError(
                "comparison.networks are trained by gradient, but this recipe fits a ridge readout; leave them out, or give the "
                "recipe the gradient readout."
            )
        if compared.tuned and grown:
            raise RecipeError(
                "comparison.tuned chooses levels by scores on a task, but this recipe grows by prediction; leave it out: "
                "claims are then made at every level."
            )
        if compared.tuned and not compared.factors:
            raise RecipeError("comparison.tuned is set, but comparison.factors names no levels to choose among.")
        for cell in grid(
            compared.factors
        ):  # so that a level that cannot be fails now, and not in the middle of the study
            self.at(cell)

    @property
    def cells(self) -> list[Cell]:
        """Every combination of levels that claims are made for: one, empty, where there are no factors or they are tuned."""
        return [Cell()] if self.comparison is None or self.comparison.tuned else grid(self.comparison.factors)

    def at(self, cell: Cell) -> Recipe | Assay:
        """The recipe at a combination of levels."""
        return cell.of(self.recipe, QUESTION_KINDS)

    def to_toml(self) -> str:
        """This question as TOML text; ``read_question`` gives it back."""
        return toml(self._table(defaults=True))

    def _table(self, *, defaults: bool) -> dict[str, object]:
        table = to_table(self.recipe, QUESTION_KINDS, defaults=defaults)
        if self.comparison:
            compared = to_table(self.comparison, QUESTION_KINDS, defaults=defaults)
            # What is not used is not written: questions from before there were factors stay as they were.
            for name in ("tuned", "networks"):
                if not getattr(self.comparison, name):
                    compared.pop(name, None)
            compared.pop("factors", None)
            if self.comparison.factors:
                compared["factors"] = write_factors(self.comparison.factors)
            table["comparison"] = compared
        return table

    @property
    def identity(self) -> str:
        """Checksum of everything in the question that is not as it is by default; every result carries it.

        The version of the library is no part of it, but of every record.
        """
        return sha256(toml(self._table(defaults=False)).encode()).hexdigest()[:16]


def read_question(text: str, where: str = "recipe") -> Question:
    """A question from TOML text; a recipe without a table ``comparison`` compares nothing, one with a ``task`` is an assay.

    Raises ``RecipeError`` or ``UnknownName`` for text that is no recipe.
    """
    table = parse(text, where)
    comparison = table.pop("comparison", None)
    kind: type[Recipe | Assay] = Assay if "task" in table else Recipe
    recipe = from_table(kind, table, where, QUESTION_KINDS)
    if comparison is None:
        return Question(recipe, None)
    if not isinstance(comparison, dict):
        raise RecipeError(f"{where}.comparison is {comparison!r}, but must be a table.")
    factors = read_factors(comparison.pop("factors", {}), f"{where}.comparison.factors")
    compared = from_table(Comparison, comparison, f"{where}.comparison", QUESTION_KINDS)
    return Question(recipe, replace(compared, factors=factors) if factors else compared)

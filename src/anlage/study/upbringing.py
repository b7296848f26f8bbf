"""How a wiring that swims untrained grows up: it learns to expect what its own swimming feels like, and then practises.

Both are small here, to be watched in minutes: too few graphs for a verdict. Studies of their own ask the same with enough.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import final

from markupsafe import Markup

from anlage.errors import AnlageError
from anlage.experience.swimming import Swimming
from anlage.learning.recipe import Blueprint, PortChoice, Recipe, Schedule
from anlage.study.arm import arms
from anlage.study.figure import Reference, curve_figure
from anlage.study.practice import PracticePlan, carry_out_practice
from anlage.study.practice_report import practice_sentences, rise_picture
from anlage.study.question import Comparison, Question
from anlage.study.run import carry_out
from anlage.topology import DegreePreserving

Progress = Callable[[str, int, int], None]

FELT = Recipe(
    name="worm-swimming",
    topology=Blueprint("worm"),
    ports=PortChoice(("cell_type:DB", "cell_type:VB", "cell_type:DVA", "cell_type:PVD"), ("class:motorneuron",)),
    latent=8,
    experience=Swimming(),
    schedule=Schedule(steps=300, log_every=100),
)
"""What the whole nervous system learns from what its motor wiring did: ``recipes/worm-swimming.toml``."""


@final
@dataclass(frozen=True, slots=True)
class Childhood:
    """How much is learned: rewired graphs, and steps of practice with as many."""

    graphs: int = 3
    steps: int = 20_000
    felt: Recipe = field(default_factory=lambda: FELT)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.graphs < 2 or self.steps < 1:
            raise AnlageError(
                f"Growing up with {self.graphs} graphs and {self.steps} steps of practice shows nothing; take at least 2 and 1."
            )


@dataclass(frozen=True, slots=True)
class Chapter:
    """One part of growing up, as the report tells it. ``small``: a figure that need not fill the page."""

    title: str
    said: tuple[str, ...]
    figure: Markup
    caption: str
    small: bool = False


def expects(childhood: Childhood, folder: Path, *, workers: int = 1, progress: Progress | None = None) -> Chapter:
    """Learn to predict the next embedding of what is felt and done while swimming; no reward, no label.

    Raises ``DependencyMissing`` without MuJoCo, ``RecipeError`` when the folder holds another question's answer.
    """
    compared = Comparison((DegreePreserving(),), childhood.graphs, ("prediction_error",))
    felt = replace(childhood.felt, seed=childhood.seed)
    run = carry_out(Question(felt, compared), folder, resume=True, workers=workers, progress=progress)
    every = arms(run)
    mine = every[0]
    before, after, still = (
        float(value.mean())
        for value in (
            mine.untrained["prediction_error"],
            mine.final["prediction_error"],
            mine.final["persistence_error"],
        )
    )
    said = (
        f"The whole nervous system then learns what its own swimming feels like: from what is felt and done it predicts the next "
        f"embedding. On swims kept back its error falls from {before:.3f} to {after:.3f}; to expect no change errs by "
        f"{still:.3f}.",
        *(contrast.sentence for contrast in run.contrasts),
    )
    picture = curve_figure(every, "prediction_error", Reference(still, f"predicting no change: {still:.3f}"))
    caption = (
        f"Error of prediction in embeddings, {len(mine.index)} seeds of the measured wiring and as many rewired ones with all "
        f"degrees kept; bands hold the middle 80 % of them."
    )
    return Chapter("It learns what swimming feels like", said, picture, caption, small=True)


def practises(childhood: Childhood, folder: Path, *, workers: int = 1, progress: Progress | None = None) -> Chapter:
    """Practise for reward from the reflex that it was born with, beside a rewired reflex, an even map and a perceptron."""
    plan = PracticePlan("worm", "swimmer", childhood.steps, childhood.graphs, childhood.seed, innate=True)
    held = carry_out_practice(plan, folder, workers=workers, progress=progress)
    caption = (
        "Thin lines: one trial each, in lives without chance, before and after. The circuits learn the strengths of the "
        "synapses that they have; the perceptron begins knowing nothing."
    )
    return Chapter("It practises", tuple(practice_sentences(held)), rise_picture(held), caption)

"""What arms are compared by: each measure, which way is better, and where its scale ends."""

from dataclasses import dataclass, replace
from math import inf

from anlage.experience.measure import MEASURES

GROWN = ("prediction_error", "probe_accuracy")
"""The outcomes of a network grown by prediction; those of an assay are the scores of its task."""
CLOSE = 0.02
"""Share of the way from chance to the oracle that counts as having arrived at either."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A measure that a study compares arms by, where its scale ends, and which way is better."""

    name: str
    higher_is_better: bool
    floor: float
    ceiling: float


OUTCOMES = {
    "prediction_error": Outcome("prediction_error", higher_is_better=False, floor=0.98, ceiling=0.02),
    "probe_accuracy": Outcome("probe_accuracy", higher_is_better=True, floor=0.02, ceiling=0.99),
    **{name: Outcome(name, True, -inf, inf) for name in ("anytime_accuracy", "backward_transfer", "forward_transfer")},
    "forgetting": Outcome("forgetting", higher_is_better=False, floor=inf, ceiling=-inf),
    **{
        name: Outcome(name, measure.better == "higher", *((-inf, inf) if measure.better == "higher" else (inf, -inf)))
        for name, measure in MEASURES.items()
    },
}
"""At the floor nothing was learned, at the ceiling nothing is left to learn; neither tells arms apart. The probe's floor lies
this much above chance, which depends on the recording: see ``above``. That of a score depends on its task: see ``between``."""


def above(outcome: Outcome, chance: float) -> Outcome:
    """The outcome with its floor at chance, where it has a chance level: the probe's does."""
    return replace(outcome, floor=outcome.floor + chance) if outcome.name == "probe_accuracy" else outcome


def between(outcome: Outcome, chance: float, oracle: float) -> Outcome:
    """The outcome of a task of which the trivial and the best value are known.

    Where an oracle is a reference solver, the scale does not end at it but at answers without fault.
    """
    perfect = MEASURES[outcome.name].perfect  # type: ignore[index]
    best = oracle if perfect is None else perfect
    room = CLOSE * (best - chance)
    return replace(outcome, floor=chance + room, ceiling=best - room)

"""One arm of a finished run: its trials gathered into arrays, for figures and tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.errors import Diverged
from anlage.learning.recipe import Recipe
from anlage.study.factor import Cell
from anlage.study.run import Run
from anlage.study.trial import CONNECTOME, finished
from anlage.topology import Control


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """All trials of one arm that came to their end, by ``index``; those that diverged are left out.

    ``number`` is 0 for the connectome, and counts the controls from 1 in the order of the question; it decides the colour.
    ``step`` is shared by all trials; ``curve`` holds each measure as an array ``(trial, step)``.
    """

    name: str
    number: int
    control: Control | None
    index: Int[ndarray, " trial"]
    step: Float[ndarray, " step"]
    curve: Mapping[str, Float[ndarray, "trial step"]]
    records: tuple[Mapping[str, Any], ...]

    @property
    def untrained(self) -> Mapping[str, Float[ndarray, " trial"]]:
        """Every measure before the first step."""
        return {name: values[:, 0] for name, values in self.curve.items()}

    @property
    def final(self) -> Mapping[str, Float[ndarray, " trial"]]:
        """Every measure after the last step."""
        return {name: values[:, -1] for name, values in self.curve.items()}

    def minus(self, other: "Arm", measure: str) -> Float[ndarray, " pair"]:
        """Differences after the last step between trials of the two arms that share an index, and so a seed."""
        _, here, there = np.intersect1d(self.index, other.index, return_indices=True)
        return np.asarray(self.final[measure][here] - other.final[measure][there])


MEASURES = ("prediction_error", "persistence_error", "effective_rank", "state_rank", "probe_accuracy")
"""What every entry of the curve of a grown network holds; that of an assay holds the scores of its task."""


def arms(run: Run, cell: Cell | None = None) -> list[Arm]:
    """The arms of a run of which a trial came to its end, at the levels of ``cell``, or the first that can: the connectome, the
    controls in the order of the question, the networks.

    Raises ``Diverged`` when learning diverged in every trial on the connectome.
    """
    comparison = run.question.comparison
    controls = {control.name: control for control in (comparison.controls if comparison else ())}
    found = []
    every = finished(run.records)
    if cell is None:  # the first at which the connectome came to its end
        levels = next((r.get("level", {}) for r in every if r["arm"] == CONNECTOME), {})
    else:
        levels = cell.plain
    here = [record for record in every if record.get("level", {}) == levels]
    for number, name in enumerate((CONNECTOME, *(comparison.arms if comparison else ()))):
        records = cast(list[Mapping[str, Any]], [r for r in here if r["arm"] == name])
        if not records and name == CONNECTOME:
            raise Diverged(f"Learning diverged in every trial on the connectome; the records in {run.folder} say why.")
        if not records:
            continue
        records = sorted(records, key=lambda record: int(record["index"]))
        curves = [record["curve"] for record in records]
        step = np.array([entry["step"] for entry in curves[0]], dtype=float)
        curve = {
            m: np.array([[entry[m] for entry in c] for c in curves], dtype=float) for m in _measures(run, curves[0][-1])
        }
        index = np.array([int(record["index"]) for record in records])
        found.append(Arm(name, number, controls.get(name), index, step, curve, tuple(records)))
    return found


def arms_at(run: Run, cell: Cell) -> list[Arm]:
    """The arms at the levels of one cell; none where learning diverged in every trial on the connectome there."""
    try:
        return arms(run, cell)
    except Diverged:
        return []


def _measures(run: Run, entry: Mapping[str, object]) -> tuple[str, ...]:
    """The measures of a curve that every entry holds."""
    return MEASURES if isinstance(run.question.recipe, Recipe) else tuple(m for m in entry if m not in ("step", "loss"))

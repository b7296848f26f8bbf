"""Synapses as points in a scan: where the sending side is, where the receiving side is, and how sure the annotation was."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.columns import column_names, read_columns
from anlage.connectome.volume import Grid
from anlage.errors import ConnectomeError, UnknownName

UNITS = ("nm", "um", "voxel")


@dataclass(frozen=True, slots=True, eq=False)
class Synapses:
    """One row per annotated synapse, points in nanometres along x, y, z; ``score`` is empty where there is none.

    Raises ``ConnectomeError`` when lengths differ or a coordinate or score is not a number.
    """

    pre_nm: Float[ndarray, "synapse 3"]
    post_nm: Float[ndarray, "synapse 3"]
    score: Float[ndarray, " scored"]

    def __post_init__(self) -> None:
        n = len(self.pre_nm)
        if len(self.post_nm) != n or len(self.score) not in (0, n):
            raise ConnectomeError(
                f"{n} points of sending sides, {len(self.post_nm)} of receiving sides and {len(self.score)} scores: every "
                "synapse has one of each, or none has a score."
            )
        for what, column in (("pre", self.pre_nm), ("post", self.post_nm), ("score", self.score)):
            if n and not np.isfinite(column).all():
                row = int(np.flatnonzero(~np.isfinite(column.reshape(len(column), -1)).all(axis=1))[0])
                raise ConnectomeError(f"Synapse {row + 1} has no finite {what}; fill it in or take the row out.")

    def __len__(self) -> int:
        return len(self.pre_nm)


def read_synapses(path: Path, grid: Grid, unit: str | None = None) -> Synapses:
    """Synapses out of a table with columns ``pre_x`` ... ``post_z``, and ``score`` where it has one.

    The columns say their unit, as ``pre_x_nm``, ``pre_x_um`` or ``pre_x_voxel``, or ``unit`` does. A voxel coordinate is counted
    from the corner of the volume that ``grid`` places, whole at the corner of a voxel.

    Raises what ``read_columns`` raises, and ``ConnectomeError`` for a table without rows or unit.
    """
    pre, post = (_points(path, f"{end}_", grid, unit) for end in ("pre", "post"))
    if not len(pre):
        raise ConnectomeError(f"{path} has a header but no synapse below it; export the annotations again.")
    scored = "score" in column_names(path)
    return Synapses(pre, post, read_columns(path, {"score": "float64"})["score"] if scored else np.zeros(0))


def read_somata(path: Path, grid: Grid, unit: str | None = None) -> Float[ndarray, "soma 3"]:
    """Points out of a table with columns ``x``, ``y``, ``z``, units as in ``read_synapses``; nm."""
    points = _points(path, "", grid, unit)
    if not np.isfinite(points).all():
        raise ConnectomeError(
            f"{path} has a soma without a number along each of x, y and z; fill it in or take it out."
        )
    return points


def _points(path: Path, prefix: str, grid: Grid, unit: str | None) -> Float[ndarray, "point 3"]:
    present = column_names(path)
    stated = [u for u in UNITS if f"{prefix}x_{u}" in present]
    if unit is None and not stated and f"{prefix}x" in present:
        raise ConnectomeError(
            f"{path} does not say in which unit {prefix}x, {prefix}y and {prefix}z are; call them {prefix}x_nm and so on, or add "
            f"--unit with one of {', '.join(UNITS)}."
        )
    suffix = f"_{stated[0]}" if stated and f"{prefix}x" not in present else ""
    if suffix and unit not in (None, stated[0]):
        raise ConnectomeError(
            f"{path} says that {prefix}x is in {stated[0]}, but the unit given is {unit}; leave it out."
        )
    names = [f"{prefix}{axis}{suffix}" for axis in "xyz"]
    columns = read_columns(path, dict.fromkeys(names, "float64"))
    return in_nm(np.stack([columns[name] for name in names], axis=1), unit or stated[0], grid)


def in_nm(points: Float[ndarray, "point 3"], unit: str, grid: Grid) -> Float[ndarray, "point 3"]:
    """Points given in ``unit`` in nanometres. Raises ``UnknownName`` for another unit."""
    if unit not in UNITS:
        raise UnknownName("unit", unit, UNITS)
    if unit == "voxel":
        return np.asarray(points * np.array(grid.voxel_nm) + np.array(grid.offset_nm))
    return points * (1e3 if unit == "um" else 1.0)

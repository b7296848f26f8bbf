"""What was measured: which pairs are scored, whether they respond, and everything about them that no model says."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from anlage.connectome.connectome import Connectome
from anlage.connectome.fetch import data_folders, find_data
from anlage.errors import AnlageError, DataMissing


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The scored pairs, one entry each. ``responder`` is a row of the connectome, ``column`` an entry of ``stimulated``."""

    stimulated: Int[ndarray, " column"]
    responder: Int[ndarray, " pair"]
    column: Int[ndarray, " pair"]
    dff: Float[ndarray, " pair"]
    responds: Bool[ndarray, " pair"]
    near_zero: Bool[ndarray, " pair"]
    occ: Int[ndarray, " pair"]
    distance_um: Float[ndarray, " pair"]
    direct: Bool[ndarray, " pair"]
    homologous: Bool[ndarray, " pair"]
    somatic: Bool[ndarray, " pair"]
    stratum: Int[ndarray, " pair"]

    @property
    def sender(self) -> Int[ndarray, " pair"]:
        """Row of the stimulated neuron of every pair."""
        rows: ndarray = self.stimulated[self.column]
        return rows


def match(names: Iterable[str], known: Iterable[str], unmatched: Iterable[str] = ()) -> Int[ndarray, " name"]:
    """The row of every name in ``known``, -1 for the ``unmatched``; VB01 is VB1. Any other unknown name is an error."""
    row = {name: i for i, name in enumerate(known)} | dict.fromkeys(unmatched, -1)
    plain = [re.sub(r"(?<=[A-Z])0+(?=[1-9])", "", str(name).strip().upper()) for name in names]
    if foreign := sorted(set(plain) - set(row)):
        raise AnlageError(
            f"The wiring has no neurons called {', '.join(foreign)}; add them to data.unmatched or correct them."
        )
    return np.array([row[name] for name in plain])


def read_measured(question: Mapping[str, Any]) -> dict[str, ndarray]:
    """The arrays of the response file; raises ``DataMissing`` without it, ``AnlageError`` when it seems transposed."""
    relative = question["data"]["file"]
    if (path := find_data(relative)) is None:
        raise DataMissing(
            f"{relative} is not in {' nor in '.join(map(str, data_folders()))}; set ANLAGE_DATA to a folder that holds it, or "
            "save arrays dff, q, q_eq, occ and neuron of wormneuroatlas 0.0.7.3 (GPL, so not shipped here) under that name."
        )
    with np.load(path, allow_pickle=False) as file:
        measured = {name: file[name] for name in ("neuron", "dff", "q", "q_eq", "occ")}
    in_columns, in_rows = diagonal_is_largest(measured["occ"])
    if in_columns < 0.99 or in_rows > 0.5:
        raise AnlageError(
            f"In {path.name} the diagonal holds the largest count of {in_columns:.0%} of the columns and {in_rows:.0%} of the "
            "rows, but columns must be stimulated neurons; transpose the matrices."
        )
    return measured


def diagonal_is_largest(occ: Int[ndarray, "i j"]) -> tuple[float, float]:
    """Share of columns, and of rows, whose diagonal count is their largest; over neurons with a diagonal count."""
    own = np.diag(occ)
    return tuple(float((own == occ.max(axis))[own > 0].mean()) for axis in (0, 1))  # type: ignore[return-value]


def scored_pairs(
    question: Mapping[str, Any], measured: Mapping[str, ndarray], brain: Connectome
) -> tuple[Pairs, Int[ndarray, " name"]]:
    """The pairs that the question includes, and the row in the connectome of every measured name (-1 for none)."""
    data, table = question["data"], brain.neurons
    row = match(measured["neuron"], table.name, data["unmatched"])
    use = (measured["occ"] >= 1) & np.isfinite(measured["q"]) & np.isfinite(measured["dff"])
    use &= (row[:, None] >= 0) & (row[None, :] >= 0) & ~np.eye(len(row), dtype=bool)
    i, j = np.nonzero(use)
    stimulated, column = np.unique(row[j], return_inverse=True)
    post, pre, occ = row[i], row[j], measured["occ"][use].astype(np.int64)
    distance = np.linalg.norm(table.xyz_um[post] - table.xyz_um[pre], axis=1)
    fifth = np.searchsorted(
        np.quantile(distance, np.arange(1, data["distance_strata"]) / data["distance_strata"]), distance
    )
    linked = np.zeros((brain.n_neurons, brain.n_neurons), dtype=bool)
    linked[brain.post, brain.pre] = True
    gap = brain.kind.is_("gap_junction")
    linked[brain.pre[gap], brain.post[gap]] = True
    somatic = table.region.is_("somatic")
    pairs = Pairs(
        stimulated=stimulated,
        responder=post,
        column=column,
        dff=measured["dff"][use].astype(float),
        responds=measured["q"][use] < data["responding"],
        near_zero=measured["q_eq"][use] < data["confident"],
        occ=occ,
        distance_um=distance,
        direct=linked[post, pre],
        homologous=table.pair_id[post] == pre,
        somatic=somatic[post] & somatic[pre],
        stratum=np.digitize(occ, data["occ_edges"]) * data["distance_strata"] + fifth,
    )
    return pairs, row

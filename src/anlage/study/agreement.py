"""How much a division agrees with an annotation, and how much of that neurons with the same degrees would show by chance."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from sklearn.metrics.cluster import expected_mutual_information

from anlage.connectome.connectome import Categorical
from anlage.errors import AnlageError
from anlage.topology import Topology
from anlage.topology.quantity import degrees


@dataclass(frozen=True, slots=True)
class Agreement:
    """Adjusted mutual information of two labellings: 1 when equal, 0 as expected by chance for the sizes of their groups.

    ``null_mean`` and ``null_most`` are the mean and the largest of the null; ``p`` is the share of the null, the value itself
    included, that reaches the value, so it is never 0. ``n_neurons`` had both labels.
    """

    value: float
    null_mean: float
    null_most: float
    p: float
    n_neurons: int


def agreement(
    label: Int[ndarray, " neuron"],
    other: Int[ndarray, " neuron"],
    rng: np.random.Generator,
    *,
    strata: Int[ndarray, " neuron"] | None = None,
    permutations: int = 999,
) -> Agreement:
    """Adjusted mutual information (Vinh, Epps & Bailey 2010, JMLR 11:2837) against labels dealt out at random.

    Permuting keeps the sizes of all groups. With ``strata``, labels are permuted among neurons of the same stratum only (of like
    degrees, of one side): the null then has all the agreement that the strata explain, and its mean is no longer 0.

    Raises ``AnlageError`` when fewer than two neurons or labels are there, or ``permutations`` is below 1.
    """
    if permutations < 1:
        raise AnlageError(f"permutations is {permutations}, but a null needs at least 1.")
    _, a = np.unique(label, return_inverse=True)
    _, b = np.unique(other, return_inverse=True)
    if len(a) < 2 or a.max() < 1 or b.max() < 1:
        raise AnlageError("Agreement needs at least two parts and two labels; one group agrees with everything.")
    stratum = np.zeros(len(a), dtype=np.int64) if strata is None else strata
    table = _table(a, b)
    expected = float(expected_mutual_information(table, len(a)))
    most = (_entropy(table.sum(axis=1)) + _entropy(table.sum(axis=0))) / 2

    def adjusted(permuted: Int[ndarray, " neuron"]) -> float:
        return (_mutual_information(_table(a, permuted)) - expected) / max(most - expected, 1e-12)

    place = np.argsort(stratum, kind="stable")
    null = np.empty(permutations)
    for i in range(permutations):
        permuted = np.empty_like(b)
        permuted[place] = b[np.lexsort((rng.random(len(b)), stratum))]
        null[i] = adjusted(permuted)
    value = adjusted(b)
    reached = int((null >= value - 1e-12).sum())
    return Agreement(value, float(null.mean()), float(null.max()), (1 + reached) / (1 + permutations), len(a))


def labelled(column: Categorical) -> Int[ndarray, " _"]:
    """Rows that the source has a label for."""
    named = np.array([label not in ("", "unknown") for label in column.labels])
    return np.flatnonzero(named[column.codes])


def degree_strata(topology: Topology, bins: int = 10) -> Int[ndarray, " neuron"]:
    """Neurons of like in- and out-degree: the quantile of each, as one number below ``bins**2``."""

    def quantile(degree: Int[ndarray, " neuron"]) -> Int[ndarray, " neuron"]:
        # Equal degrees share a quantile, whatever the order of the neurons.
        rank = np.searchsorted(np.sort(degree), degree, side="left")
        return np.asarray(rank * bins // len(degree))

    return np.asarray(quantile(degrees(topology, "post")) * bins + quantile(degrees(topology, "pre")))


@dataclass(frozen=True, slots=True)
class Symmetry:
    """How many homologous pairs fall into one part, beside the share expected if partners were any two neurons of the pairs."""

    n_pairs: int
    together: float
    by_chance: float


def symmetry(label: Int[ndarray, " neuron"], pair_id: Int[ndarray, " neuron"]) -> Symmetry | None:
    """Share of homologous pairs in one part; ``pair_id`` is the row of the other neuron or -1. None without any pair."""
    row = np.flatnonzero(pair_id >= 0)
    if not len(row):
        return None
    # A pair may be named by both of its neurons, or by one.
    pairs = np.unique(np.sort(np.stack([row, pair_id[row]]), axis=0), axis=1)
    one, other = label[pairs]
    share = np.bincount(label[pairs].ravel()) / pairs.size
    return Symmetry(pairs.shape[1], float((one == other).mean()), float((share**2).sum()))


def _table(a: Int[ndarray, " neuron"], b: Int[ndarray, " neuron"]) -> Int[ndarray, "part class"]:
    shape = int(a.max()) + 1, int(b.max()) + 1
    return np.asarray(np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape))


def _entropy(counts: Int[ndarray, "*shape"]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _mutual_information(table: Int[ndarray, "part class"]) -> float:
    return _entropy(table.sum(axis=1)) + _entropy(table.sum(axis=0)) - _entropy(table)

"""How much of a known truth a segmentation and its connectome recover."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.connectome.connectome import Connectome
from anlage.connectome.volume import Volume, block_shape, boxes, whole_labels
from anlage.errors import ConnectomeError


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Voxels that carry ``truth[i]`` in one volume and ``found[i]`` in another; every pair that occurs, once."""

    truth: Int[ndarray, " pair"]
    found: Int[ndarray, " pair"]
    voxels: Int[ndarray, " pair"]

    def information(self) -> tuple[float, float]:
        """Variation of information, bits, as its part from splits H(found | truth) and from merges H(truth | found).

        Meila 2007, Journal of Multivariate Analysis 98:873; the parts as in Nunez-Iglesias et al. 2013, PLoS ONE 8:e71715.
        Voxels without a true label are left out; a missing found label is one more segment.
        """
        real = self.truth != 0
        n = self.voxels[real].astype(np.float64)
        if not n.sum():
            raise ConnectomeError("No voxel has a true label, so there is nothing to compare with.")
        joint = n / n.sum()
        parts = []
        for given in (self.truth[real], self.found[real]):
            _, inverse = np.unique(given, return_inverse=True)
            share = np.bincount(inverse, weights=joint)
            parts.append(float(np.sum(joint * np.log2(share[inverse] / joint))))
        return parts[0], parts[1]

    def match(self) -> dict[int, int]:
        """Found segment -> true neuron, for pairs of which each overlaps most with the other; background matches nothing.

        Equal overlaps are decided for the smaller label.
        """
        real = (self.truth != 0) & (self.found != 0)
        truth, found, voxels = self.truth[real], self.found[real], self.voxels[real]
        order = np.lexsort((found, truth, -voxels))
        best_of_found: dict[int, int] = {}
        best_of_truth: dict[int, int] = {}
        for t, f in zip(truth[order].tolist(), found[order].tolist(), strict=True):
            best_of_found.setdefault(f, t)
            best_of_truth.setdefault(t, f)
        return {f: t for f, t in best_of_found.items() if best_of_truth[t] == f}


def overlap(truth: Volume, found: Volume) -> Overlap:
    """Count how often two labels meet, block by block. Raises ``ConnectomeError`` when the volumes differ in shape."""
    if truth.shape != found.shape:
        raise ConnectomeError(
            f"The true volume has {truth.shape} voxels, the found one {found.shape}; compare volumes of one shape."
        )
    rows, counts = np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)
    for box in boxes(truth.shape, block_shape(truth)):
        (a, i), (b, j) = (np.unique(whole_labels(v.read(box)), return_inverse=True) for v in (truth, found))
        key, n = np.unique(i.ravel() * len(b) + j.ravel(), return_counts=True)
        rows = np.concatenate([rows, np.stack([a[key // len(b)], b[key % len(b)]], axis=1)])
        rows, inverse = np.unique(rows, axis=0, return_inverse=True)
        total = np.zeros(len(rows), dtype=np.int64)
        np.add.at(total, inverse.ravel(), np.concatenate([counts, n]))
        counts = total
    return Overlap(rows[:, 0], rows[:, 1], counts)


@dataclass(frozen=True, slots=True)
class Edits:
    """What turns a found connectome into the true one when its neurons are matched: each count is one operation apiece.

    ``weights_wrong`` edges are there with another synapse count, ``synapses_wrong`` is by how much in all;
    ``edges_right`` edges are in both, whatever their count.
    """

    neurons_missed: int
    neurons_false: int
    edges_missed: int
    edges_false: int
    weights_wrong: int
    synapses_wrong: float
    edges_right: int

    @property
    def distance(self) -> int:
        """Graph edit distance for this matching, every operation at cost 1: an upper bound on the least over all matchings."""
        return self.neurons_missed + self.neurons_false + self.edges_missed + self.edges_false + self.weights_wrong

    @property
    def precision(self) -> float:
        """Share of found edges that are true; NaN without any."""
        found = self.edges_right + self.edges_false
        return self.edges_right / found if found else float("nan")

    @property
    def recall(self) -> float:
        """Share of true edges that are found; NaN without any."""
        true = self.edges_right + self.edges_missed
        return self.edges_right / true if true else float("nan")


def edits(truth: Connectome, found: Connectome, match: Mapping[int, int]) -> Edits:
    """Compare connectomes whose neurons are matched, id of ``found`` -> id of ``truth``, at most one to one.

    A neuron without a match is missed or false, and so is each of its edges. Kinds and signs are not compared.
    """
    if len(set(match.values())) != len(match):
        raise ConnectomeError("The match gives one true neuron to two found ones; match them one to one.")
    ids = set(truth.neurons.id.tolist())
    present = {f: t for f, t in match.items() if t in ids}
    right = _edges(truth)
    named = {i: ("true", present[i]) if i in present else ("false", i) for i in found.neurons.id.tolist()}
    here = {(named[a], named[b]): n for (a, b), n in _edges(found).items()}
    there = {(("true", a), ("true", b)): n for (a, b), n in right.items()}
    both = here.keys() & there.keys()
    matched = sum(kind == "true" for kind, _ in named.values())
    off = [abs(here[edge] - there[edge]) for edge in both]
    return Edits(
        neurons_missed=truth.n_neurons - matched,
        neurons_false=found.n_neurons - matched,
        edges_missed=len(there) - len(both),
        edges_false=len(here) - len(both),
        weights_wrong=sum(difference > 0 for difference in off),
        synapses_wrong=float(sum(off)),
        edges_right=len(both),
    )


def _edges(c: Connectome) -> dict[tuple[int, int], float]:
    """Synapses by the ids of both ends."""
    total: dict[tuple[int, int], float] = {}
    ids = c.neurons.id
    for pre, post, n in zip(ids[c.pre].tolist(), ids[c.post].tolist(), c.synapse_count.tolist(), strict=True):
        total[pre, post] = total.get((pre, post), 0.0) + n
    return total

"""Dividing a wiring by its structure alone: communities, and what every search for structure shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csr_matrix

from anlage.errors import AnlageError, TopologyError
from anlage.seed import Seed
from anlage.topology.divide import Assignment
from anlage.topology.topology import Step, Topology

REFERENCE = "Blondel et al. 2008, J Stat Mech P10008; Dugue & Perez 2015, hal-01231784"

NEAR = 0.05
"""Difference in agreement between runs that is not worth a higher resolution."""


@final
@dataclass(frozen=True, slots=True)
class Communities:
    """Divide into communities: neurons more strongly connected with one another than their strengths suggest.

    The Louvain algorithm on the modularity of Dugue & Perez for directed graphs, as scikit-network has it; each run takes the
    neurons in an order of its own, and nothing else is random. Weights count by magnitude: a negative modularity (Gomez et al.
    2009, Phys Rev E 80:016114) would drive apart what inhibits one another, but an inhibitory interneuron belongs to the circuit
    it inhibits. ``BlockModel`` uses signs.

    Every resolution is tried from ``runs`` starts, and those that do not divide in every run are left out. The runs of a
    resolution agree with one another by some mean adjusted Rand index; the lowest resolution within ``NEAR`` of the best is
    taken, because very small parts agree easily, and of its runs the one that agrees best with the others.
    """

    resolutions: tuple[float, ...] = (0.5, 0.7, 1.0, 1.4, 2.0)
    runs: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.runs < 2:
            raise TopologyError(f"runs is {self.runs}, but agreement between runs needs at least 2.")
        if not self.resolutions or min(self.resolutions) <= 0:
            raise TopologyError(f"The resolutions are {self.resolutions}; give at least one, all above 0.")

    def __call__(self, topology: Topology) -> Assignment:
        """The community of every neuron, the largest first.

        Raises ``AnlageError`` without scikit-network, ``TopologyError`` when no resolution divides the wiring in every run.
        """
        found = {resolution: self._runs(topology, resolution) for resolution in self.resolutions}
        divided = {r: stability(labels) for r, labels in found.items() if min(label.max() for label in labels) > 0}
        if not divided:
            raise TopologyError(
                f"No resolution of {self.resolutions} divides this wiring in every run; give larger ones, or use the block model."
            )
        best = max(agreed.mean() for agreed in divided.values())
        resolution = min(r for r, agreed in divided.items() if agreed.mean() >= best - NEAR)
        label = found[resolution][int(divided[resolution].argmax())]
        arguments = {
            "resolution": resolution,
            "runs": self.runs,
            "agreement_of_runs": round(float(divided[resolution].mean()), 3),
            "agreement_by_resolution": {r: round(float(mean.mean()), 3) for r, mean in divided.items()},
        }
        return Assignment(part_names(label), label, Step("by communities", arguments, REFERENCE))

    def _runs(self, topology: Topology, resolution: float) -> list[Int[ndarray, " neuron"]]:
        try:
            from sknetwork.clustering import Louvain
        except ImportError as error:
            raise AnlageError(
                "Communities are found by scikit-network, which is not installed; install it with "
                "`pip install 'anlage[communities]'`, or use the block model, which needs nothing more."
            ) from error
        sender_first = csr_matrix(abs(topology.csr()).T)
        stream = Seed(self.seed).child("communities").child(str(resolution))
        settings = {"modularity": "dugue", "shuffle_nodes": True, "return_probs": False, "return_aggregate": False}
        starts = [stream.child(run).integer % 2**32 for run in range(self.runs)]
        return [
            numbered(Louvain(resolution, random_state=start, **settings).fit_predict(sender_first)) for start in starts
        ]


def part_names(label: Int[ndarray, " neuron"]) -> tuple[str, ...]:
    """Names of parts that have none of their own: ``part 1`` ..."""
    return tuple(f"part {number + 1}" for number in range(int(label.max()) + 1))


def numbered(label: Int[ndarray, " neuron"]) -> Int[ndarray, " neuron"]:
    """The same parts numbered by size, the largest first, without gaps; equal sizes in order of their first neuron."""
    _, first, label, sizes = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    place = np.empty(len(sizes), dtype=np.int64)
    place[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return np.asarray(place[label])


def stability(labels: Sequence[Int[ndarray, " neuron"]]) -> Float[ndarray, " sample"]:
    """How well each of several divisions agrees with the others: its mean adjusted Rand index with them; shape ``(sample,)``."""
    n = len(labels)
    index = np.zeros((n, n))
    for i, j in combinations(range(n), 2):
        index[i, j] = index[j, i] = adjusted_rand(labels[i], labels[j])
    return np.asarray(index.sum(axis=1) / max(1, n - 1))


def adjusted_rand(one: Int[ndarray, " neuron"], other: Int[ndarray, " neuron"]) -> float:
    """Agreement of two divisions about which pairs of neurons belong together: 1 for equal ones, 0 as expected by chance.

    Hubert & Arabie 1985, J Classif 2:193.
    """

    def pairs(counts: Int[ndarray, " _"]) -> float:
        return float((counts * (counts - 1) / 2).sum())

    together = np.unique(np.stack([one, other]), axis=1, return_counts=True)[1]
    a, b = (pairs(np.unique(label, return_counts=True)[1]) for label in (one, other))
    expected = a * b / max(1.0, pairs(np.array([len(one)])))
    most = (a + b) / 2
    return 1.0 if most == expected else (pairs(together) - expected) / (most - expected)

"""Controls that keep singular values and no neuron's place."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import ControlError
from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity
from anlage.topology.topology import Step, Topology

LARGEST_DENSE = 4000
"""Neurons beyond which a full matrix (16 million edges) is no use as an arm of a study."""


@final
@dataclass(frozen=True, slots=True)
class SpectrumMatched:
    """The same singular values on random singular vectors: every neuron reaches every other, and no edge is left of the wiring.

    The result is dense: a study pays for n^2 edges, so it is refused beyond 4,000 neurons. An arm with it has more weights to
    learn than the connectome: read the budget before reading a difference.
    """

    name: ClassVar[str] = "spectrum-matched"
    keeps: ClassVar[frozenset[Quantity]] = frozenset({q.N_NEURONS, q.SINGULAR_VALUES, q.FROBENIUS})
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.N_EDGES, q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """Random rotations before and after the matrix (Haar; Mezzadri 2007, Notices AMS 54:592)."""
        _demand_small(topology, self.name)
        n = topology.n_neurons
        before, after = _frame(n, n, rng), _frame(n, n, rng)
        matrix = before @ (topology.csr() @ after)
        return _dense(topology, Step(self.name, {}, "Mezzadri 2007, Notices AMS 54:592"), matrix)


@final
@dataclass(frozen=True, slots=True)
class RankMatched:
    """A random matrix of the same effective rank and Frobenius norm: as many directions, all alike, and no wiring.

    The effective rank is the participation ratio of the squared singular values. Dense, like ``spectrum-matched``.
    """

    name: ClassVar[str] = "rank-matched"
    keeps: ClassVar[frozenset[Quantity]] = frozenset({q.N_NEURONS, q.EFFECTIVE_RANK, q.FROBENIUS})
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.N_EDGES, q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """``rank - 1`` equal singular values and one smaller, chosen so that both quantities come out exactly."""
        _demand_small(topology, self.name)
        ratio = q.participation_ratio(topology)
        rank = max(1, int(np.ceil(ratio - 1e-9)))
        # Squares 1, ..., 1, x have the ratio (m + x)^2 / (m + x^2) with m = rank - 1: a quadratic in x, its root in (0, 1].
        m = rank - 1
        x = (m - np.sqrt(max(0.0, ratio * m * (rank - ratio)))) / (ratio - 1) if m else 1.0
        square = np.append(np.ones(m), x)
        values = np.sqrt(square * (topology.weight**2).sum() / square.sum())
        matrix = (_frame(topology.n_neurons, rank, rng) * values) @ _frame(topology.n_neurons, rank, rng).T
        step = Step(self.name, {"effective_rank": round(ratio, 2)}, "Gao et al. 2017, bioRxiv 214262")
        return _dense(topology, step, matrix)


@final
@dataclass(frozen=True, slots=True)
class PermuteEnds:
    """Rows and columns of the matrix permuted, each by itself: the sparse graph with the same singular values.

    Senders and receivers get new names independently: degrees and weights stay as multisets, and who is who, every cycle and the
    wiring of the ports are lost. Published work calls this permuted weights; it is not (docs/controls.md).
    """

    name: ClassVar[str] = "ends-permuted"
    keeps: ClassVar[frozenset[Quantity]] = frozenset(
        {
            q.N_NEURONS,
            q.N_EDGES,
            q.SINGULAR_VALUES,
            q.WEIGHT_MULTISET,
            q.IN_DEGREES,
            q.OUT_DEGREES,
            q.NEURON_SIGN_COUNTS,
        }
    )
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One pair of permutations."""
        pre, post = rng.permutation(topology.n_neurons), rng.permutation(topology.n_neurons)
        return topology.rewired(Step(self.name), pre[topology.pre], post[topology.post], topology.weight)


def _frame(n: int, k: int, rng: np.random.Generator) -> Float[ndarray, "n k"]:
    """``k`` orthonormal columns of length ``n``, uniform over all such frames."""
    frame, triangle = np.linalg.qr(rng.standard_normal((n, k)))
    return frame * np.sign(np.diag(triangle))


def _dense(topology: Topology, step: Step, matrix: Float[ndarray, "n n"]) -> Topology:
    """Every entry of ``matrix`` as an edge, self-loops too."""
    post, pre = (index.ravel() for index in np.indices(matrix.shape, dtype=np.int32))
    return topology.rewired(step, pre, post, matrix.ravel())


def _demand_small(topology: Topology, name: str) -> None:
    if topology.n_neurons > LARGEST_DENSE:
        raise ControlError(
            f"The control {name!r} makes a full matrix, and {topology.n_neurons:,} neurons are more than the {LARGEST_DENSE:,} "
            "for which that is of use; take a part of the connectome, or ends-permuted, which is sparse."
        )

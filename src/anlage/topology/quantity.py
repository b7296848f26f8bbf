"""What can be measured on a wiring, and therefore kept or destroyed by a control."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from scipy.sparse import csr_array, sparray
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigs, svds

from anlage.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class Quantity:
    """A named measurement. Two wirings have the same quantity when every entry agrees within ``tolerance`` (relative).

    With ``as_set`` the entries (or rows) are elements without a place of their own, and those that have no equal on the other
    side count as changed. With ``as_whole`` the entries may differ by ``tolerance`` together: the sum of their differences over
    the sum of what was there before.
    """

    name: str
    measure: Callable[[Topology], ndarray]
    tolerance: float = 0.0
    as_set: bool = False
    as_whole: bool = False

    def __call__(self, topology: Topology) -> ndarray:
        """The measured array; its meaning and shape are described where the quantity is defined."""
        return self.measure(topology)

    def __str__(self) -> str:
        return self.name

    def changed(self, before: ndarray, after: ndarray) -> float:
        """Share of entries that differ between two measurements; 1.0 when even the shapes differ."""
        if self.as_set:
            return _unshared(before, after)
        if before.shape != after.shape:
            return 1.0
        if not before.size:
            return 0.0
        if self.as_whole:
            off = self.off(before, after)
            return off if off > self.tolerance else 0.0
        return float((~np.isclose(before, after, rtol=self.tolerance, atol=1e-12)).mean())

    def off(self, before: ndarray, after: ndarray) -> float:
        """How far two measurements of one shape are apart as wholes, relative to the first."""
        apart, size = float(np.abs(after - before).sum()), float(np.abs(before).sum())
        return apart / size if size else float(apart > 0)


def _unshared(before: ndarray, after: ndarray) -> float:
    """Share of the elements of the larger set that the other does not have; rows of two numbers count as one element."""
    if before.ndim == 2:
        before, after = (rows[:, 0] + 1j * rows[:, 1] for rows in (before, after))
    larger = max(len(before), len(after))
    return 1 - len(np.intersect1d(before, after)) / larger if larger else 0.0


def degrees(topology: Topology, end: str) -> Int[ndarray, " neuron"]:
    """Number of edges at each neuron's ``pre`` (outgoing) or ``post`` (incoming) end."""
    return np.bincount(getattr(topology, end), minlength=topology.n_neurons)


def strengths(topology: Topology, end: str) -> ndarray:
    """Sum of absolute weights at each neuron's ``pre`` or ``post`` end; shape ``(neuron,)``."""
    return np.bincount(getattr(topology, end), weights=np.abs(topology.weight), minlength=topology.n_neurons)


def signed_in_strengths(topology: Topology) -> ndarray:
    """Sums of positive, then of negative weights that arrive at each neuron; shape ``(2 * neuron,)``."""
    n = topology.n_neurons
    return np.bincount(topology.post + n * (topology.weight < 0), weights=topology.weight, minlength=2 * n)


def mutual(topology: Topology) -> ndarray:
    """Which edges, self-loops left out, have a reverse edge; shape ``(edge,)``, boolean."""
    reverse = topology.pre.astype(np.int64) * topology.n_neurons + topology.post
    return np.asarray(np.isin(reverse, topology.key()) & ~topology.self_loops())


def mutual_degrees(topology: Topology) -> Int[ndarray, " neuron"]:
    """Number of partners of each neuron that it both reaches and is reached by."""
    return np.bincount(topology.pre[mutual(topology)], minlength=topology.n_neurons)


def participation_ratio(topology: Topology) -> float:
    """Effective rank of the weight matrix: the participation ratio of its squared singular values, 1 to ``n_neurons``.

    (sum s^2)^2 / sum s^4, from norms alone, without a decomposition (Gao et al. 2017, bioRxiv 214262). 0 without edges.
    """
    if not topology.n_edges:
        return 0.0
    dense = density(topology) > 0.1
    matrix = topology.dense() if dense else topology.csr()
    gram = matrix.T @ matrix
    return float((topology.weight**2).sum() ** 2 / ((gram if dense else gram.data) ** 2).sum())


def reciprocity(topology: Topology) -> float:
    """Share of edges, self-loops left out, whose reverse edge exists."""
    keys = topology.key()[~topology.self_loops()]
    reverse = (keys % topology.n_neurons) * topology.n_neurons + keys // topology.n_neurons
    return float(np.isin(reverse, keys).mean()) if len(keys) else 0.0


def density(topology: Topology) -> float:
    """Share of ordered pairs, self-pairs included, that have an edge."""
    return topology.n_edges / topology.n_neurons**2


def spectral_radius(topology: Topology) -> float:
    """Largest absolute eigenvalue of the directed, signed matrix, by a non-symmetric solver.

    Eigenvalues of a directed graph are those of its strongly connected components, so components are solved one by one:
    dense below 400 neurons, Arnoldi iteration (ARPACK) above, dense again where that does not converge (as on a long ring,
    whose eigenvalues are all equally large). A graph without cycles has radius 0.
    """
    matrix = topology.csr()
    n_parts, part = connected_components(matrix, directed=True, connection="strong")
    sizes = np.bincount(part, minlength=n_parts)
    # A self-loop is an eigenvalue only where the neuron is a component by itself.
    radius = float(np.abs(matrix.diagonal()[sizes[part] == 1]).max(initial=0.0))
    for label in np.flatnonzero(sizes > 1):
        rows = np.flatnonzero(part == label)
        radius = max(radius, float(np.abs(_eigenvalues(matrix[rows][:, rows])).max()))
    return radius


def _eigenvalues(block: csr_array) -> ndarray:
    """All eigenvalues of a small block; the four largest of a large one."""
    n = block.shape[0]
    if n >= 400:
        # A fixed start vector makes the iteration, and so every scaled weight, the same on every run.
        start = np.random.default_rng(0).standard_normal(n)
        try:
            return np.asarray(eigs(block, k=4, which="LM", v0=start, return_eigenvectors=False))
        except ArpackNoConvergence:
            pass
    return np.linalg.eigvals(block.toarray())


def singular_values(topology: Topology, k: int = 32) -> ndarray:
    """The ``k`` largest singular values of the weight matrix, descending; shape ``(k,)``, or ``(neuron,)`` when fewer."""
    if topology.n_neurons <= 600:
        return np.linalg.svd(topology.dense(), compute_uv=False)[:k]
    start = np.random.default_rng(0).standard_normal(topology.n_neurons)
    return np.sort(svds(topology.csr(), k=k, v0=start, return_singular_vectors=False))[::-1]


TRIADS = ("021D", "021U", "021C", "111D", "111U", "030T", "030C", "201", "120D", "120U", "120C", "210", "300")


def motif_counts(topology: Topology) -> Int[ndarray, " 13"]:
    """Number of triads of each connected type, in the order of ``TRIADS``; self-loops are left out.

    Names follow Holland & Leinhardt 1970 (Am J Sociol 76:492). Closed triads come from sparse matrix products over mutual
    (``m``) and one-way (``s``) pairs; open ones from degrees, less the closed triads that contain them.
    """
    off = ~topology.self_loops()
    shape = (topology.n_neurons, topology.n_neurons)
    # Sender in rows here, so that (a @ b)[i, k] counts walks i -> j -> k.
    graph = csr_array((np.ones(off.sum(), dtype=np.int64), (topology.pre[off], topology.post[off])), shape=shape)
    m = graph.multiply(graph.T).tocsr()
    s = (graph - m).tocsr()
    s.eliminate_zeros()

    def meet(product: sparray, mask: sparray) -> int:
        return int(product.multiply(mask).sum())

    ss, mm = s @ s, m @ m
    t030T, t030C = meet(ss, s), meet(ss, s.T) // 3
    t120D, t120U, t120C = meet(s.T @ s, m) // 2, meet(s @ s.T, m) // 2, meet(ss, m)
    t210, t300 = meet(mm, s), meet(mm, m) // 6
    out, into, both = (np.asarray(d, dtype=np.int64) for d in (s.sum(axis=1), s.sum(axis=0), m.sum(axis=1)))
    t021D = int((out * (out - 1) // 2).sum()) - t030T - t120D
    t021U = int((into * (into - 1) // 2).sum()) - t030T - t120U
    t021C = int((out * into).sum()) - t030T - 3 * t030C - t120C
    t111U = int((both * out).sum()) - 2 * t120U - t120C - t210
    t111D = int((both * into).sum()) - 2 * t120D - t120C - t210
    t201 = int((both * (both - 1) // 2).sum()) - t210 - 3 * t300
    counts = [t021D, t021U, t021C, t111D, t111U, t030T, t030C, t201, t120D, t120U, t120C, t210, t300]
    return np.array(counts, dtype=np.int64)


def block_matrix(topology: Topology, names: tuple[str, ...]) -> Int[ndarray, "block block"]:
    """Edges between groups, ``(post, pre)``; the neurons of no named group form the last block.

    A neuron in several of the named groups counts for the first.
    """
    block = blocks(topology, names)
    n = len(names) + 1
    flat = block[topology.post] * n + block[topology.pre]
    return np.bincount(flat, minlength=n * n).reshape(n, n)


def block_degrees(topology: Topology, names: tuple[str, ...]) -> Int[ndarray, "neuron ends"]:
    """Edges of each neuron to, then from, each block; shape ``(neuron, 2 * (len(names) + 1))``."""
    block, n = blocks(topology, names), len(names) + 1
    to = np.bincount(topology.pre.astype(np.int64) * n + block[topology.post], minlength=n * topology.n_neurons)
    by = np.bincount(topology.post.astype(np.int64) * n + block[topology.pre], minlength=n * topology.n_neurons)
    return np.concatenate([to.reshape(-1, n), by.reshape(-1, n)], axis=1)


def blocks(topology: Topology, names: tuple[str, ...]) -> Int[ndarray, " neuron"]:
    """Number of the first named group that each neuron belongs to, or ``len(names)``."""
    block = np.full(topology.n_neurons, len(names))
    for i, name in reversed(list(enumerate(names))):
        block[topology.group((name,))] = i
    return block


def cyclic_edges(topology: Topology) -> ndarray:
    """Which edges lie on a directed cycle (self-loops included); shape ``(edge,)``, boolean."""
    _, part = connected_components(topology.csr(), directed=True, connection="strong")
    return np.asarray(part[topology.pre] == part[topology.post])


def _outgoing_weights(topology: Topology) -> ndarray:
    """Every neuron's outgoing weights, sorted within the neuron; shape ``(edge, 2)`` of neuron and weight."""
    order = np.lexsort((topology.weight, topology.pre))
    return np.stack([topology.pre[order], topology.weight[order]], axis=1)


def _neuron_sign(topology: Topology) -> ndarray:
    """+1 or -1 for a neuron whose outgoing weights all have that sign, 0 for mixed, 2 for none; shape ``(neuron,)``."""
    n = topology.n_neurons
    plus = np.bincount(topology.pre, weights=topology.weight > 0, minlength=n) > 0
    minus = np.bincount(topology.pre, weights=topology.weight < 0, minlength=n) > 0
    return np.select([plus & minus, plus, minus], [0, 1, -1], default=2)


N_NEURONS = Quantity("number of neurons", lambda t: np.array(t.n_neurons))
N_EDGES = Quantity("number of edges", lambda t: np.array(t.n_edges))
EDGE_SET = Quantity("set of edges", lambda t: t.key(), as_set=True)
SELF_LOOPS = Quantity("set of self-loops", lambda t: t.key()[t.self_loops()], as_set=True)
IN_DEGREE = Quantity("in-degree of each neuron", lambda t: degrees(t, "post"))
OUT_DEGREE = Quantity("out-degree of each neuron", lambda t: degrees(t, "pre"))
IN_STRENGTH = Quantity("in-strength of each neuron", lambda t: strengths(t, "post"), 1e-9)
OUT_STRENGTH = Quantity("out-strength of each neuron", lambda t: strengths(t, "pre"), 1e-9)
SIGNED_IN_STRENGTH = Quantity(
    "excitatory and inhibitory in-strength of each neuron", signed_in_strengths, 0.01, as_whole=True
)
IN_DEGREES = Quantity("multiset of in-degrees", lambda t: np.sort(degrees(t, "post")))
OUT_DEGREES = Quantity("multiset of out-degrees", lambda t: np.sort(degrees(t, "pre")))
OUTGOING_WEIGHTS = Quantity("outgoing weights of each neuron", _outgoing_weights)
WEIGHT_MULTISET = Quantity("multiset of weights", lambda t: np.sort(t.weight))
MAGNITUDE_MULTISET = Quantity("multiset of weight magnitudes", lambda t: np.sort(np.abs(t.weight)))
WEIGHT_PLACEMENT = Quantity("weight of each edge", lambda t: np.stack([t.key(), t.weight], axis=1), as_set=True)
MAGNITUDE_PLACEMENT = Quantity(
    "magnitude of each edge", lambda t: np.stack([t.key(), np.abs(t.weight)], axis=1), as_set=True
)
SIGN_COUNTS = Quantity(
    "number of positive and negative edges", lambda t: np.array([(t.weight > 0).sum(), (t.weight < 0).sum()])
)
SIGNED_TOTALS = Quantity(
    "sums of positive and of negative weights",
    lambda t: np.array([t.weight[t.weight > 0].sum(), t.weight[t.weight < 0].sum()]),
    1e-9,
)
SIGN_PLACEMENT = Quantity("sign of each edge", lambda t: np.stack([t.key(), np.sign(t.weight)], axis=1), as_set=True)
NEURON_SIGN = Quantity("sign of each neuron (Dale)", _neuron_sign)
NEURON_SIGN_COUNTS = Quantity("number of neurons of each sign", lambda t: np.bincount(_neuron_sign(t) + 1, minlength=4))
RECIPROCITY = Quantity("reciprocity", lambda t: np.array(reciprocity(t)), 1e-9)
MUTUAL_DEGREE = Quantity("mutual pairs of each neuron", mutual_degrees)
EFFECTIVE_RANK = Quantity("effective rank of the weights", lambda t: np.array(participation_ratio(t)), 1e-6)
FROBENIUS = Quantity("Frobenius norm of the weights", lambda t: np.array(np.linalg.norm(t.weight)), 1e-9)
SPECTRAL_RADIUS = Quantity("spectral radius", lambda t: np.array(spectral_radius(t)), 1e-6)
SINGULAR_VALUES = Quantity("leading singular values", singular_values, 1e-6)
MOTIFS = Quantity("motif counts", motif_counts)
CYCLIC_EDGES = Quantity("number of edges on cycles", lambda t: np.array(cyclic_edges(t).sum()))


@dataclass(frozen=True, slots=True)
class _BlockMeasure:
    """Picklable, hashable measurement over one set of blocks."""

    measure: Callable[[Topology, tuple[str, ...]], ndarray]
    names: tuple[str, ...]

    def __call__(self, topology: Topology) -> ndarray:
        return self.measure(topology, self.names)


@dataclass(frozen=True, slots=True)
class _Indirect:
    """Number of edges beside those from one port to the other."""

    into: tuple[str, ...]
    out: tuple[str, ...]

    def __call__(self, topology: Topology) -> ndarray:
        straight = np.isin(topology.pre, topology.group(self.into)) & np.isin(topology.post, topology.group(self.out))
        return np.asarray((~straight).sum())


def indirect_quantity(into: tuple[str, ...], out: tuple[str, ...]) -> Quantity:
    """The edges beside those from one port to the other, as a quantity that a control can remove."""
    name = f"number of edges that do not run from {' + '.join(into)} to {' + '.join(out)}"
    return Quantity(name, _Indirect(into, out))


def block_quantity(names: tuple[str, ...]) -> Quantity:
    """The block matrix over these groups, as a quantity that a control can keep."""
    return Quantity(f"edges between {', '.join(names)} and the rest", _BlockMeasure(block_matrix, names))


def block_degree_quantity(names: tuple[str, ...]) -> Quantity:
    """Every neuron's degrees with each of these groups, as a quantity that a control can keep."""
    return Quantity(f"degrees of each neuron with {', '.join(names)} and the rest", _BlockMeasure(block_degrees, names))

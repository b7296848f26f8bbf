"""The record of a wiring: which neuron reaches which, how strongly, and every decision that made it so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.sparse import csr_array

from anlage.errors import TopologyError, UnknownName

ALL = "all"
"""The group that every topology has: all of its neurons."""


@dataclass(frozen=True, slots=True)
class Step:
    """One decision in the history of a topology: the function, its arguments and results, and where it is described."""

    function: str
    arguments: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    reference: str = ""

    def __str__(self) -> str:
        return f"{self.function}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """A directed weighted graph, at most one edge per ordered pair of neurons.

    Edges are kept in post-major order (by ``post``, then ``pre``): edge ``i`` is the ``i``-th stored entry of the sparse
    matrix of shape ``(post, pre)``. Use ``Topology.of`` to build one from edges in any order. ``xyz_um`` has where each neuron's
    soma lies, in micrometres, NaN where nobody knows; ``None`` where that holds for all.

    Raises ``TopologyError`` when edges are unordered, doubled or point outside, or a weight is not finite.
    """

    n_neurons: int
    pre: Int[ndarray, " edge"]
    post: Int[ndarray, " edge"]
    weight: Float[ndarray, " edge"]
    groups: Mapping[str, Int[ndarray, " _"]] = field(default_factory=lambda: MappingProxyType({}))
    history: tuple[Step, ...] = ()
    xyz_um: Float[ndarray, "neuron 3"] | None = None

    def __post_init__(self) -> None:
        if not len(self.pre) == len(self.post) == len(self.weight):
            raise TopologyError(
                f"A topology needs as many pre as post and weight entries, not "
                f"{len(self.pre)}, {len(self.post)} and {len(self.weight)}."
            )
        for what, rows in (("pre", self.pre), ("post", self.post), *self.groups.items()):
            if len(rows) and not 0 <= rows.min() <= rows.max() < self.n_neurons:
                raise TopologyError(
                    f"{what!r} names neurons {rows.min()} to {rows.max()}, but the topology has neurons "
                    f"0 to {self.n_neurons - 1}."
                )
        if bad := int((~np.isfinite(self.weight)).sum()):
            raise TopologyError(
                f"{bad} of {len(self.weight)} weights are not finite; remove or repair those edges first."
            )
        if self.xyz_um is not None and self.xyz_um.shape != (self.n_neurons, 3):
            raise TopologyError(
                f"xyz_um has shape {self.xyz_um.shape}, but {self.n_neurons} neurons need ({self.n_neurons}, 3)."
            )
        keys = self.key()
        if not (np.diff(keys) > 0).all():
            raise TopologyError(
                "The edges of a topology must be unique and in post-major order; use Topology.of to sort them."
            )

    @classmethod
    def of(
        cls,
        n_neurons: int,
        pre: Int[ndarray, " edge"],
        post: Int[ndarray, " edge"],
        weight: Float[ndarray, " edge"],
        *,
        groups: Mapping[str, Int[ndarray, " _"]] | None = None,
        history: tuple[Step, ...] = (),
        xyz_um: Float[ndarray, "neuron 3"] | None = None,
    ) -> "Topology":
        """A topology from edges in any order; edges between the same ordered pair are an error."""
        order = np.lexsort((pre, post))
        return cls(
            n_neurons,
            pre[order].astype(np.int32),
            post[order].astype(np.int32),
            weight[order].astype(np.float64),
            MappingProxyType(dict(groups or {})),
            history,
            xyz_um,
        )

    def __repr__(self) -> str:
        made = " -> ".join(step.function for step in self.history)
        return f"<Topology of {self.n_neurons:,} neurons and {self.n_edges:,} edges: {made or 'from edges'}>"

    @property
    def n_edges(self) -> int:
        """Number of directed edges."""
        return len(self.pre)

    def key(self) -> Int[ndarray, " edge"]:
        """One integer per edge, unique to its ordered pair: ``post * n_neurons + pre``."""
        key: ndarray = self.post.astype(np.int64) * self.n_neurons + self.pre
        return key

    @property
    def fingerprint(self) -> str:
        """Checksum of every edge and weight, 16 hexadecimal digits: equal graphs have equal ones."""
        return sha256(self.key().tobytes() + self.weight.tobytes()).hexdigest()[:16]

    def csr(self) -> csr_array:
        """The sparse matrix of shape ``(post, pre)``; its data are ``weight``, in order."""
        indptr = np.searchsorted(self.post, np.arange(self.n_neurons + 1))
        return csr_array((self.weight, self.pre, indptr), shape=(self.n_neurons, self.n_neurons))

    def dense(self) -> Float[ndarray, "neuron neuron"]:
        """The matrix of shape ``(post, pre)``, like ``nn.Linear``; for small graphs only."""
        matrix = np.zeros((self.n_neurons, self.n_neurons))
        matrix[self.post, self.pre] = self.weight
        return matrix

    def group(self, names: Iterable[str]) -> Int[ndarray, " member"]:
        """The sorted union of groups; ``all`` is every neuron.

        Raises ``UnknownName`` for an unknown group and ``TopologyError`` when the union is empty.
        """
        names = tuple(names)
        rows = []
        for name in names:
            if name == ALL:
                rows.append(np.arange(self.n_neurons))
            elif name in self.groups:
                rows.append(self.groups[name])
            else:
                raise UnknownName("group of neurons", name, (ALL, *self.groups))
        members = np.unique(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.int64)
        if not len(members):
            raise TopologyError(
                f"The group {' + '.join(names) or '(none)'} has no neurons here; name a group with members, for example 'all'."
            )
        return members.astype(np.int64)

    def rewired(
        self,
        step: Step,
        pre: Int[ndarray, " edge2"],
        post: Int[ndarray, " edge2"],
        weight: Float[ndarray, " edge2"],
    ) -> "Topology":
        """The same neurons and groups with other edges, ``step`` added to the history."""
        history = (*self.history, step)
        return Topology.of(self.n_neurons, pre, post, weight, groups=self.groups, history=history, xyz_um=self.xyz_um)

    def reweighted(self, step: Step, weight: Float[ndarray, " edge"]) -> "Topology":
        """The same edges with other weights, ``step`` added to the history."""
        return replace(self, weight=weight, history=(*self.history, step))

    def self_loops(self) -> Bool[ndarray, " edge"]:
        """Which edges start and end at the same neuron."""
        return np.asarray(self.pre == self.post)

"""A connectome as it looks with errors in it, synapse by synapse."""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from anlage.connectome.connectome import Categorical, Connectome, NeuronTable
from anlage.connectome.source import Source
from anlage.errors import ConnectomeError

Orphans = Literal["lost", "kept"]


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """What is wrong with a reconstruction, against the connectome that it was drawn from.

    Synapses are numbered in the order of the true edges (and of their compartments). ``pre_fragment`` and ``post_fragment`` give
    the fragment that the sending and the receiving end of each synapse broke off with, or -1. Fragment ``k`` is a piece of
    neuron ``fragment_of[k]`` and was given to ``fragment_at[k]``: -1 for an orphan, ``fragment_of[k]`` once it is mended.
    ``fusion`` holds pairs of fused neurons, ``missed`` the synapses not seen. False synapse ``i`` was seen beside a true one of
    edge ``false_edge[i]``, with its sender, kind and compartment ``false_part[i]``, and was given to neuron ``false_post[i]``.
    """

    orphans: Orphans
    fragment_of: Int[ndarray, " fragment"]
    fragment_at: Int[ndarray, " fragment"]
    pre_fragment: Int[ndarray, " synapse"]
    post_fragment: Int[ndarray, " synapse"]
    fusion: Int[ndarray, "fusion 2"]
    missed: Int[ndarray, " missed"]
    false_edge: Int[ndarray, " false"]
    false_part: Int[ndarray, " false"]
    false_post: Int[ndarray, " false"]

    @property
    def n_splits(self) -> int:
        """Fragments that are not with their neuron: each needs to be merged back."""
        return int((self.fragment_at != self.fragment_of).sum())

    @property
    def n_merges(self) -> int:
        """Fused neurons, and fragments attached to a wrong neuron: each needs to be split off."""
        return len(self.fusion) + int(((self.fragment_at >= 0) & (self.fragment_at != self.fragment_of)).sum())

    @property
    def n_edits(self) -> int:
        """Edits that repair everything: one per split, merge, missed synapse and false synapse."""
        return self.n_splits + self.n_merges + len(self.missed) + len(self.false_edge)

    def __str__(self) -> str:
        return (
            f"{self.n_splits:,} splits, {self.n_merges:,} merges, {len(self.missed):,} missed and {len(self.false_edge):,} "
            f"false synapses; {self.n_edits:,} edits repair them"
        )


def reconstruct(connectome: Connectome, errors: Errors) -> Connectome:
    """The true connectome as it looks with these errors; without any, exactly the connectome.

    Synapses that moved join the edge of that kind between their new ends where the truth has one, and keep its sign; otherwise
    they make a new edge, with sign and transmitter of the true edge that most of them come from. Effectors stay as they are.
    """
    row, part = synapses(connectome)
    n = connectome.n_neurons
    orphan = errors.fragment_at < 0
    kept = orphan & (errors.orphans == "kept")
    owner = np.where(kept, n + np.cumsum(kept) - 1, errors.fragment_at)
    body = _bodies(errors.fusion, np.bincount(np.concatenate([connectome.pre[row], connectome.post[row]]), minlength=n))
    body = np.concatenate([body, np.arange(n, n + kept.sum()), [-1]])  # the last is what -1, nobody, looks up
    ends = []
    for true, fragment in ((connectome.pre[row], errors.pre_fragment), (connectome.post[row], errors.post_fragment)):
        ends.append(body[np.where(fragment < 0, true, np.concatenate([owner, [-1]])[fragment])])
    seen = (ends[0] >= 0) & (ends[1] >= 0)
    seen[errors.missed] = False
    pre = np.concatenate([ends[0][seen], body[connectome.pre[errors.false_edge]]])
    post = np.concatenate([ends[1][seen], body[errors.false_post]])
    row = np.concatenate([row[seen], errors.false_edge])
    part = np.concatenate([part[seen], errors.false_part])
    made = replace(
        connectome,
        neurons=_with_orphans(connectome.neurons, errors, np.flatnonzero(kept)),
        source=_marked(connectome, errors),
    )
    edge, model, edge_pre, edge_post = _edges(connectome, row, pre, post, n + int(kept.sum()))
    return _with_edges(made, model, edge_pre, edge_post, edge, part)


def _edges(
    connectome: Connectome, row: Int[ndarray, " seen"], pre: Int[ndarray, " seen"], post: Int[ndarray, " seen"], n: int
) -> tuple[Int[ndarray, " seen"], Int[ndarray, " edge"], Int[ndarray, " edge"], Int[ndarray, " edge"]]:
    """The edge of every synapse between its ends of today; then of every edge its model among the true ones, pre and post.

    ``row`` is the true edge that the synapse is of, or beside. Edges are the true ones, some without synapses, then new ones.
    """
    n_rows = len(connectome.pre)
    stays = (pre == connectome.pre[row]) & (post == connectome.post[row])
    key = _pair_key(connectome, row, pre, post, n)
    true_key = _pair_key(connectome, np.arange(n_rows), connectome.pre, connectome.post, n)
    known, at = np.unique(true_key, return_index=True)
    nearest = np.minimum(np.searchsorted(known, key), len(known) - 1)
    new = ~stays & (known[nearest] != key)
    fresh, number = np.unique(key[new], return_inverse=True)
    edge = np.where(stays, row, at[nearest])
    edge[new] = n_rows + number
    pair = fresh % n**2
    return (
        edge,
        np.concatenate([np.arange(n_rows), _most_common(number, row[new])]),
        np.concatenate([connectome.pre, pair // n]).astype(connectome.pre.dtype),
        np.concatenate([connectome.post, pair % n]).astype(connectome.post.dtype),
    )


def synapses(connectome: Connectome) -> tuple[Int[ndarray, " synapse"], Int[ndarray, " synapse"]]:
    """Edge and compartment number of every synapse; raises ``ConnectomeError`` where nothing can go wrong."""
    count = connectome.synapse_count
    if connectome.n_neurons < 3 or not len(count):
        raise ConnectomeError(
            f"{connectome.name} has {connectome.n_neurons} neurons and {len(count)} edges; errors need three neurons and an edge."
        )
    if not np.array_equal(count, np.round(count)):
        raise ConnectomeError(
            f"{connectome.name} has synapse counts that are not whole, such as {count[count != np.round(count)][0]}; errors "
            "happen to single synapses, so take one animal or one repeat instead of a mean."
        )
    parts = np.stack(list(connectome.compartments.values()) or [count], axis=1).astype(np.int64)
    flat = np.repeat(np.arange(parts.size), parts.ravel())
    return flat // parts.shape[1], flat % parts.shape[1]


def _bodies(fusion: Int[ndarray, "fusion 2"], n_ends: Int[ndarray, " neuron"]) -> Int[ndarray, " neuron"]:
    """The neuron that stands for each neuron's body: the one with most synaptic ends, the first of equals."""
    n = len(n_ends)
    graph = coo_array((np.ones(len(fusion)), (fusion[:, 0], fusion[:, 1])), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    order = np.lexsort((np.arange(n), -n_ends, part))
    _, first = np.unique(part[order], return_index=True)
    representative: ndarray = order[first][part]
    return representative


def _pair_key(connectome: Connectome, row: ndarray, pre: ndarray, post: ndarray, n: int) -> Int[ndarray, " row"]:
    """One integer per kind and pair of neurons; gap junctions have no direction."""
    swap = connectome.kind.is_("gap_junction")[row] & (pre > post)
    first, last = np.where(swap, post, pre), np.where(swap, pre, post)
    return np.asarray((connectome.kind.codes[row].astype(np.int64) * n + first) * n + last)


def _most_common(group: Int[ndarray, " item"], value: Int[ndarray, " item"]) -> Int[ndarray, " group"]:
    """The value that occurs most often in each group, the smallest of equals."""
    (pairs, times) = np.unique(np.stack([group, value]), axis=1, return_counts=True)
    order = np.lexsort((pairs[1], -times, pairs[0]))
    _, first = np.unique(pairs[0][order], return_index=True)
    common: ndarray = pairs[1][order][first]
    return common


def _with_edges(
    connectome: Connectome, model: ndarray, pre: ndarray, post: ndarray, edge: ndarray, part: ndarray
) -> Connectome:
    """The same neurons with the edges that have synapses; edge ``i`` is like the true edge ``model[i]``."""
    count = np.bincount(edge, minlength=len(model))
    use = np.flatnonzero(count)
    like = model[use]

    def column(labels: Categorical) -> Categorical:
        return Categorical(labels.codes[like], labels.labels)

    names, n_parts = list(connectome.compartments), max(1, len(connectome.compartments))
    split = np.bincount(edge * n_parts + part, minlength=len(model) * n_parts).reshape(-1, n_parts)[use]
    return replace(
        connectome,
        pre=pre[use],
        post=post[use],
        synapse_count=count[use].astype(connectome.synapse_count.dtype),
        kind=column(connectome.kind),
        sign=connectome.sign[like],
        sign_source=column(connectome.sign_source),
        transmitter=column(connectome.transmitter),
        compartments=MappingProxyType(
            {name: split[:, i].astype(connectome.compartments[name].dtype) for i, name in enumerate(names)}
        ),
    )


def _with_orphans(neurons: NeuronTable, errors: Errors, fragment: Int[ndarray, " kept"]) -> NeuronTable:
    """The neuron table with one more row, of which nothing is known, for each of these fragments."""
    if not len(fragment):
        return neurons
    unknown = {
        column: _lengthened(getattr(neurons, column), len(fragment))
        for column in ("role", "side", "neuron_class", "cell_type", "modality", "region")
    }
    names = tuple(f"{neurons.name[errors.fragment_of[k]]} fragment {k}" for k in fragment)
    return NeuronTable(
        id=np.concatenate([neurons.id, neurons.id.max() + 1 + fragment]),
        name=neurons.name + names,
        pair_id=np.concatenate([neurons.pair_id, np.full(len(fragment), -1)]),
        xyz_um=np.concatenate([neurons.xyz_um, np.full((len(fragment), 3), np.nan)]),
        **unknown,
    )


def _lengthened(column: Categorical, n: int) -> Categorical:
    """The column with ``n`` more rows: ``unknown`` where that is a label, otherwise empty."""
    labels = column.labels
    blank = "unknown" if "unknown" in labels else ""
    if blank not in labels:
        labels = (*labels, blank)
    return Categorical(np.concatenate([column.codes, np.full(n, labels.index(blank))]), labels)


def _marked(connectome: Connectome, errors: Errors) -> Source:
    """The source, which says that errors were made."""
    if not errors.n_edits:
        return connectome.source
    lossy = f"{connectome.source.lossy} Errors of reconstruction were simulated: {errors}.".strip()
    return replace(connectome.source, lossy=lossy)

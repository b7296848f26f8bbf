"""What a reconstruction gets wrong, drawn at stated rates and counted by the edits that repair it.

A connectome has no branches, so where neurites are thin is not known. What stands in for thickness is the number of synapses
that ride on the same edge. In larval reconstructions 96 % of the errors were twigs left out, and connections of many synapses
survived because these sit on several twigs (Schneider-Mizell et al. 2016, eLife 5:e12059); errors here therefore prefer weak
edges, as much as ``bias`` says. The kinds of error are those of Reilly et al. 2018 (Front Neuroinform 12:74): deleted and
inserted synapses, splits and merges. They put merges and insertions where membranes touch. Here two neurons count as close in
proportion to how often they share a partner: two steps along synapses, in either direction, lead from one to the other.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.connectome.connectome import Connectome
from anlage.connectome.reconstruct import Errors, Orphans, reconstruct, synapses
from anlage.errors import ConnectomeError, UnknownName

WALKS = 16
"""Walks tried from a neuron before a close one is replaced by any other; only small cut-off groups need more."""


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """A reconstruction of a known connectome, with errors at these rates; the default makes none.

    ``split_rate``: fragments that break off, per neuron, on average; a neuron with more synaptic ends breaks more often.
    ``fragment_ends``: mean synaptic ends on a fragment (geometric, so most are smaller). A neuron never loses its last end.
    ``attached``: share of the fragments that a wrong neuron gets. The others are ``orphans``: ``lost`` with their synapses, or
    ``kept`` as neurons of their own at the end of the neuron table.
    ``merge_rate``: share of the neurons that are fused with another one, close to them. The one with most synaptic ends gets
    everything; the others keep their rows and ids, so that ports stay defined, but have no synapses.
    ``recall``: share of the synapses that are seen. ``precision``: share of what is seen that is a synapse. A false synapse lies
    beside a true one: same sender, and a receiver close to the true one.
    ``bias``: how errors prefer what is small. A synapse on an edge of n synapses is missed, or breaks off, in proportion to
    n^-bias, and a neuron of n ends is fused so; at 0 size does not count.

    Calling it raises ``ConnectomeError`` when a rate is out of range, or when the connectome has fewer than three neurons, no
    edge, or counts that are not whole.
    """

    split_rate: float = 0.0
    merge_rate: float = 0.0
    recall: float = 1.0
    precision: float = 1.0
    attached: float = 0.0
    fragment_ends: float = 5.0
    bias: float = 0.5
    orphans: Orphans = "lost"

    def __post_init__(self) -> None:
        limits = {"split_rate": (0, np.inf), "fragment_ends": (1, np.inf), "bias": (0, np.inf)}
        for name in ("split_rate", "merge_rate", "recall", "precision", "attached", "fragment_ends", "bias"):
            value, (low, high) = getattr(self, name), limits.get(name, (0, 1))
            if not low <= value <= high or not np.isfinite(value) or (name == "precision" and value == 0):
                raise ConnectomeError(
                    f"The {name} of an error model is {value}, but must be a finite number of at least {low}"
                    f"{f' and at most {high}' if np.isfinite(high) else ''}{', and not 0' if name == 'precision' else ''}."
                )
        if self.orphans not in get_args(Orphans):
            raise UnknownName("treatment of orphans", self.orphans, get_args(Orphans))

    def __call__(self, connectome: Connectome, rng: np.random.Generator) -> tuple[Connectome, Errors]:
        """The reconstruction and its errors; needs memory for every synapse, not just every edge."""
        row, part = synapses(connectome)
        contacts = _Contacts(connectome, row)
        size = np.bincount(row)[row]
        fragment_of, fragment_at, pre_fragment, post_fragment = self._fragments(contacts, size, rng)
        drawn = np.flatnonzero(contacts.n_ends)
        drawn = drawn[rng.random(len(drawn)) < _falling(self.merge_rate, contacts.n_ends[drawn], self.bias)]
        fusion = _fuse(contacts, drawn, rng)
        missed = np.flatnonzero(rng.random(len(row)) < _falling(1 - self.recall, size, self.bias))
        n_seen = len(row) - len(missed)
        n_false = int(rng.negative_binomial(n_seen, self.precision)) if self.precision < 1 and n_seen else 0
        beside = rng.integers(len(row), size=n_false)
        edge = row[beside]
        errors = Errors(
            orphans=self.orphans,
            fragment_of=fragment_of,
            fragment_at=fragment_at,
            pre_fragment=pre_fragment,
            post_fragment=post_fragment,
            fusion=fusion,
            missed=missed,
            false_edge=edge,
            false_part=part[beside],
            false_post=contacts.close_to(connectome.post[edge], connectome.pre[edge], rng),
        )
        return reconstruct(connectome, errors), errors

    def _fragments(
        self, contacts: "_Contacts", size: Int[ndarray, " synapse"], rng: np.random.Generator
    ) -> tuple[ndarray, ndarray, ndarray, ndarray]:
        """Neuron and receiver of every fragment, and the fragment of both ends of every synapse."""
        n_ends = contacts.n_ends
        pieces = rng.poisson(self.split_rate * len(n_ends) * n_ends / n_ends.sum())
        of = np.repeat(np.arange(len(n_ends)), pieces)
        # The pieces of a neuron are cut one after the other from a list of its ends, weak edges first on average.
        stop = np.cumsum(rng.geometric(1 / self.fragment_ends, size=len(of)))
        first_piece = (np.cumsum(pieces) - pieces)[of]
        stop = np.minimum(stop - np.concatenate([[0], stop])[first_piece], n_ends[of] - 1)
        start = np.concatenate([[0], stop])[:-1] * (np.arange(len(of)) > first_piece)
        whole = stop > start
        of, start, length = of[whole], start[whole], (stop - start)[whole]
        # Exponential waiting times at rates size^-bias: their order is a weighted draw without replacement.
        wait = rng.exponential(size=2 * len(size)) * np.tile(size, 2).astype(np.float64) ** self.bias
        listed = np.lexsort((wait, contacts.owner))
        place = np.arange(length.sum()) + np.repeat(contacts.first[of] + start - (np.cumsum(length) - length), length)
        fragment = np.full(2 * len(size), -1)
        fragment[listed[place]] = np.repeat(np.arange(len(of)), length)
        at = np.where(rng.random(len(of)) < self.attached, contacts.close_to(of, of, rng), -1)
        return of, at, fragment[: len(size)], fragment[len(size) :]


class _Contacts:
    """Who meets whom, synapse by synapse; the ends of all synapses are numbered, sending ones first."""

    def __init__(self, connectome: Connectome, row: Int[ndarray, " synapse"]) -> None:
        pre, post = connectome.pre[row], connectome.post[row]
        self.owner = np.concatenate([pre, post])
        self.n_ends = np.bincount(self.owner, minlength=connectome.n_neurons)
        self.first = np.cumsum(self.n_ends) - self.n_ends
        self._partner = np.concatenate([post, pre])[np.argsort(self.owner, kind="stable")]

    def _partners(self, neuron: Int[ndarray, " row"], rng: np.random.Generator) -> Int[ndarray, " row"]:
        """The neuron at the other side of a random synapse of each neuron."""
        partner: ndarray = self._partner[
            self.first[neuron] + (rng.random(len(neuron)) * self.n_ends[neuron]).astype(int)
        ]
        return partner

    def close_to(
        self, neuron: Int[ndarray, " row"], other_than: Int[ndarray, " row"], rng: np.random.Generator
    ) -> Int[ndarray, " row"]:
        """A partner of a partner of each neuron, and neither itself nor ``other_than``; every neuron must have a synapse."""
        found = np.array(neuron)
        for walk in range(10**6):
            wrong = np.flatnonzero((found == neuron) | (found == other_than))
            if not len(wrong):
                break
            if walk < WALKS:
                found[wrong] = self._partners(self._partners(neuron[wrong], rng), rng)
            else:
                found[wrong] = rng.integers(len(self.n_ends), size=len(wrong))
        return found


def _falling(mean: float, size: Int[ndarray, " item"], bias: float) -> Float[ndarray, " item"]:
    """Probabilities of this mean in proportion to ``size ** -bias``, none above 1."""
    weight = size.astype(np.float64) ** -bias
    descending = np.sort(weight)[::-1]
    # With the k most likely certain, the others share what is left of the mean; the first k that leaves none above 1 is right.
    left = mean * len(size) - np.arange(len(size))
    factor = np.maximum(left, 0) / np.cumsum(descending[::-1])[::-1]
    fits = np.flatnonzero(factor * descending <= 1)
    return np.minimum(1.0, weight * (factor[fits[0]] if len(fits) else np.inf))


def _fuse(contacts: _Contacts, drawn: Int[ndarray, " neuron"], rng: np.random.Generator) -> Int[ndarray, "fusion 2"]:
    """A partner in another body for each of the neurons, so that every fusion joins two bodies."""
    body = np.arange(len(contacts.n_ends))
    pairs = []
    for neuron in rng.permutation(drawn):
        one = np.full(WALKS, neuron)
        close = contacts.close_to(one, one, rng)
        close = close[body[close] != body[neuron]]
        if not len(close):
            close = rng.permutation(np.flatnonzero((contacts.n_ends > 0) & (body != body[neuron])))
        if len(close):
            pairs.append((int(neuron), int(close[0])))
            body[body == body[close[0]]] = body[neuron]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)

"""A control that keeps how much each neuron sends and receives, and moves who it is sent to and received from."""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from anlage.errors import ControlError
from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity
from anlage.topology.rewire import DegreePreserving, swapped
from anlage.topology.topology import Step, Topology

SWEEPS = 80
"""Proposals of each kind per edge, in all, of the annealing."""
COLDEST = 1e-4
"""Temperature at the end, relative to the variance of the weights at the beginning; it falls geometrically."""
LARGEST_TABLE = 10_000
"""Neurons up to which the table of who reaches whom (100 MB then) is kept, and edges move in the annealing too."""


@final
@dataclass(frozen=True, slots=True)
class StrengthPreserving:
    """Degree-preserving rewiring that keeps strengths too: each neuron's excitation and inhibition received, and all it sends.

    Edges swap targets with edges of their own sign. Then simulated annealing exchanges weights among each neuron's edges, and
    targets among edges, until every neuron receives as much excitation and as much inhibition as before. Exactly would leave
    hardly another graph: a share ``tolerance`` of all strength may be off. Outgoing weights, so Dale's law too, are kept exactly.
    """

    swaps_per_edge: float = 10.0
    tolerance: float = 0.02

    name: ClassVar[str] = "strength-preserving"
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.EDGE_SET})

    @property
    def keeps(self) -> frozenset[Quantity]:
        """All that degree-preserving rewiring keeps, out-strengths, and signed in-strengths within the tolerance."""
        return DegreePreserving.keeps | {q.OUT_STRENGTH, replace(q.SIGNED_IN_STRENGTH, tolerance=self.tolerance)}

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph; raises ``ControlError`` where annealing leaves more strength misplaced than the tolerance."""
        if not 0 < self.tolerance < 1:
            raise ControlError(f"The control {self.name!r} needs a tolerance between 0 and 1, not {self.tolerance}.")
        made = swapped(topology, (topology.weight < 0).astype(np.int64), self.swaps_per_edge, rng, self.name)
        post, weight = _annealed(made, q.signed_in_strengths(topology), rng)
        told, between = dict(made.history[-1].arguments), topology.key()[~topology.self_loops()]
        made = topology.rewired(made.history[-1], made.pre, post, weight)
        off = q.SIGNED_IN_STRENGTH.off(q.signed_in_strengths(topology), q.signed_in_strengths(made))
        if off > self.tolerance:
            raise ControlError(
                f"The control {self.name!r} left {off:.1%} of all strength at other neurons, and may leave {self.tolerance:.1%}: "
                "too few weights fit here; raise its tolerance, or use degree-preserving."
            )
        told["overlap_at_end"] = round(float(np.isin(between, made.key()).mean()), 4)
        reference = "Rubinov & Sporns 2011, NeuroImage 56:2068; Kirkpatrick, Gelatt & Vecchi 1983, Science 220:671"
        step = Step(self.name, {**told, "misplaced_strength": round(off, 6)}, reference)
        return replace(made, history=(*topology.history, step))


def _annealed(
    topology: Topology, wanted: Float[ndarray, " sum"], rng: np.random.Generator
) -> tuple[Int[ndarray, " edge"], Float[ndarray, " edge"]]:
    """Targets and weights after annealing towards ``wanted`` signed in-strengths; who sends, and the sign, stay with the edge.

    Many exchanges are proposed at once; of those that meet at a neuron one is judged, so that each is judged on true sums.
    """
    n, pre, post, weight = topology.n_neurons, topology.pre, topology.post.astype(np.int64), topology.weight.copy()
    part, movable = n * (weight < 0).astype(np.int64), ~topology.self_loops()
    excess = q.signed_in_strengths(topology) - wanted
    hands = [_hands(pre + part, movable)]
    if n <= LARGEST_TABLE:
        hands.append(_hands(part, movable))
        table = np.zeros((n, n), dtype=bool)
        table[post, pre] = True
    batch, taken, numbers = max(1, n // 4), np.zeros(n, dtype=np.int64), np.arange(max(1, n // 4))
    heat, rounds = float(weight.var()) + 1e-12, SWEEPS * len(weight) // batch + 1
    for number in range(rounds):
        order, start, length = hands[number % len(hands)]
        card = rng.integers(len(order), size=batch)
        one, other = order[card], order[start[card] + rng.integers(length[card])]
        at, to = post[one], post[other]
        taken[at], taken[to] = numbers, numbers
        free = (taken[at] == numbers) & (taken[to] == numbers) & (at != to)
        moves = number % len(hands) == 1
        if moves:
            free &= (pre[one] != to) & (pre[other] != at) & ~table[to, pre[one]] & ~table[at, pre[other]]
        gain = weight[other] - weight[one]
        rise = 2 * gain * (excess[at + part[one]] - excess[to + part[one]] + gain)
        cold = heat * COLDEST ** (number / rounds)
        go = free & (rng.random(batch) < np.exp(-np.maximum(rise, 0) / cold))
        one, other, at, to, gain = one[go], other[go], at[go], to[go], gain[go]
        excess[at + part[one]] += gain
        excess[to + part[one]] -= gain
        if moves:
            table[at, pre[one]] = table[to, pre[other]] = False
            table[to, pre[one]] = table[at, pre[other]] = True
            post[one], post[other] = to, at
        else:
            weight[one], weight[other] = weight[other], weight[one]
    return post, weight


def _hands(
    owner: Int[ndarray, " edge"], movable: Bool[ndarray, " edge"]
) -> tuple[Int[ndarray, " card"], Int[ndarray, " card"], Int[ndarray, " card"]]:
    """Movable edges sorted by owner, and for each of them where its owner's edges start and how many there are."""
    order = np.flatnonzero(movable)
    order = order[np.argsort(owner[order], kind="stable")]
    ranked = owner[order]
    start = np.searchsorted(ranked, ranked)
    return order, start, np.searchsorted(ranked, ranked, side="right") - start

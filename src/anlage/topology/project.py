"""Controls of who projects where: of the edges from some groups onto others, all else left alone.

Made for motor neurons and the muscles they reach, where the question is what the map from neurons to places along the body is
worth. Each acts on the edges from ``senders`` to ``targets`` only, and within each named group only, so that classes, signs and
sides stay what they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from anlage.errors import ControlError
from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity
from anlage.topology.topology import Step, Topology


@final
@dataclass(frozen=True, slots=True)
class PermuteProjections:
    """Whole projections dealt out again among the neurons of each class: who projects where.

    Every profile of targets stays whole and with its class, so each target hears as much from each class as before, from others.
    """

    senders: tuple[str, ...]
    targets: tuple[str, ...]
    name: str = "projections-permuted"

    @property
    def keeps(self) -> frozenset[Quantity]:
        """What each target receives, and every other edge."""
        shared = {q.N_NEURONS, q.N_EDGES, q.IN_DEGREE, q.IN_STRENGTH, q.SIGNED_IN_STRENGTH, q.WEIGHT_MULTISET}
        return frozenset(shared | {_elsewhere(self.senders, self.targets)})

    @property
    def destroys(self) -> frozenset[Quantity]:
        """Which neuron it comes from."""
        return frozenset({q.EDGE_SET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One permutation of the members of every class."""
        chosen, pre = _between(topology, self.senders, self.targets, self.name), topology.pre.copy()
        for name in self.senders:
            members = topology.groups[name]
            stand_in = np.arange(topology.n_neurons)
            stand_in[members] = rng.permutation(members)
            mine = chosen & np.isin(topology.pre, members)
            pre[mine] = stand_in[topology.pre[mine]]
        return topology.rewired(Step(self.name, {"senders": self.senders}), pre, topology.post, topology.weight)


@final
@dataclass(frozen=True, slots=True)
class PermuteTargets:
    """The edges of each neuron dealt out again among the members of the target group they ended in: where each projects.

    Every neuron keeps how many targets of a group it reaches and how strongly; neighbours no longer go together.
    """

    senders: tuple[str, ...]
    targets: tuple[str, ...]
    name: ClassVar[str] = "targets-permuted"

    @property
    def keeps(self) -> frozenset[Quantity]:
        """What each neuron sends, and every other edge."""
        return _sent(self.senders, self.targets)

    @property
    def destroys(self) -> frozenset[Quantity]:
        """Whom it reaches."""
        return frozenset({q.EDGE_SET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One permutation of the target group per neuron."""
        return _moved(
            topology, self.senders, self.targets, Step(self.name), lambda row, size: rng.permutation(size)[row]
        )


@final
@dataclass(frozen=True, slots=True)
class ShiftTargets:
    """Each neuron's whole projection moved by ``rows`` places along the target group, forward or back at random.

    Where there is no room one way it moves the other. What neighbouring targets share stays; where along the line does not.
    """

    rows: int
    senders: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def name(self) -> str:
        """Short name."""
        return f"shifted-by-{self.rows}"

    @property
    def keeps(self) -> frozenset[Quantity]:
        """What each neuron sends, and every other edge."""
        return _sent(self.senders, self.targets)

    @property
    def destroys(self) -> frozenset[Quantity]:
        """Whom it reaches."""
        return frozenset({q.EDGE_SET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One direction per neuron. Raises ``ControlError`` where a projection is too long to be moved either way."""

        def shift(row: Int[ndarray, " edge"], size: int) -> Int[ndarray, " edge"]:
            ways = [way for way in (self.rows, -self.rows) if row.min() + way >= 0 and row.max() + way < size]
            if not ways:
                raise ControlError(
                    f"A projection onto places {row.min() + 1} to {row.max() + 1} of {size} cannot be moved by {self.rows} "
                    "either way; shift by fewer."
                )
            return row + ways[int(rng.integers(len(ways)))]

        return _moved(topology, self.senders, self.targets, Step(self.name), shift)


@final
@dataclass(frozen=True, slots=True)
class RelabelTargets:
    """The places of the target groups permuted, alike in every group and for every neuron.

    Who shares targets with whom stays; where along the line those targets are does not. Groups must be of one size.
    """

    senders: tuple[str, ...]
    targets: tuple[str, ...]
    name: ClassVar[str] = "places-relabelled"

    @property
    def keeps(self) -> frozenset[Quantity]:
        """What each neuron sends, and how much different targets receive."""
        return _sent(self.senders, self.targets) | {q.IN_DEGREES}

    @property
    def destroys(self) -> frozenset[Quantity]:
        """Which target that is."""
        return frozenset({q.EDGE_SET})

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One permutation of the places."""
        sizes = {len(topology.group((name,))) for name in self.targets}
        if len(sizes) != 1:
            raise ControlError(
                f"Places are permuted alike in groups of one size, but {', '.join(self.targets)} have {sorted(sizes)} members."
            )
        place = rng.permutation(sizes.pop())
        return _moved(topology, self.senders, self.targets, Step(self.name), lambda row, _: place[row])


@final
@dataclass(frozen=True, slots=True)
class Lesion:
    """Some groups cut off: every edge from and to their neurons is removed."""

    groups: tuple[str, ...]

    keeps: ClassVar[frozenset[Quantity]] = frozenset({q.N_NEURONS})
    destroys: ClassVar[frozenset[Quantity]] = frozenset({q.N_EDGES, q.EDGE_SET})

    @property
    def name(self) -> str:
        """Short name."""
        return f"without-{'-'.join(self.groups).replace(' ', '-')}"

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """The rest; ``rng`` is not used, the result is always the same."""
        del rng
        cut = topology.group(self.groups)
        stay = ~(np.isin(topology.pre, cut) | np.isin(topology.post, cut))
        if stay.all():
            raise ControlError(f"The neurons of {', '.join(self.groups)} have no edges, so there is nothing to cut.")
        step = Step(self.name, {"edges_removed": int((~stay).sum())})
        return topology.rewired(step, topology.pre[stay], topology.post[stay], topology.weight[stay])


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """Picklable, hashable measurement: the edges that do not go from these groups to those."""

    senders: tuple[str, ...]
    targets: tuple[str, ...]

    def __call__(self, topology: Topology) -> ndarray:
        rest = ~_ends(topology, self.senders, self.targets)
        return np.stack([topology.key()[rest], topology.weight[rest]], axis=1)


def _elsewhere(senders: tuple[str, ...], targets: tuple[str, ...]) -> Quantity:
    return Quantity(
        f"edges other than from {', '.join(senders)} to {', '.join(targets)}", _Elsewhere(senders, targets), as_set=True
    )


def _sent(senders: tuple[str, ...], targets: tuple[str, ...]) -> frozenset[Quantity]:
    shared = {q.N_NEURONS, q.N_EDGES, q.OUT_DEGREE, q.OUT_STRENGTH, q.OUTGOING_WEIGHTS, q.WEIGHT_MULTISET}
    return frozenset(shared | {_elsewhere(senders, targets)})


def _ends(topology: Topology, senders: tuple[str, ...], targets: tuple[str, ...]) -> Bool[ndarray, " edge"]:
    return np.isin(topology.pre, topology.group(senders)) & np.isin(topology.post, topology.group(targets))


def _between(
    topology: Topology, senders: tuple[str, ...], targets: tuple[str, ...], name: str
) -> Bool[ndarray, " edge"]:
    """Which edges go from the senders to the targets; at least one must."""
    chosen = _ends(topology, senders, targets)
    if not chosen.any():
        raise ControlError(
            f"The control {name!r} acts on edges from {', '.join(senders)} to {', '.join(targets)}, and there is none here."
        )
    return chosen


def _moved(
    topology: Topology,
    senders: tuple[str, ...],
    targets: tuple[str, ...],
    step: Step,
    place: Callable[[Int[ndarray, " edge"], int], Int[ndarray, " edge"]],
) -> Topology:
    """Every neuron's edges into each target group put where ``place`` says, given their places and the size of the group."""
    chosen, post = _between(topology, senders, targets, step.function), topology.post.copy()
    for name in targets:
        members = topology.groups[name]
        position = np.full(topology.n_neurons, -1)
        position[members] = np.arange(len(members))
        into = chosen & (position[topology.post] >= 0)
        for neuron in np.unique(topology.pre[into]):
            mine = into & (topology.pre == neuron)
            post[mine] = members[place(position[topology.post[mine]], len(members))]
    return topology.rewired(step, topology.pre, post, topology.weight)

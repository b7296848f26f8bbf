"""From what was measured to a wiring: which edges, which sign, which strength, which groups."""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.connectome.connectome import Connectome, NeuronTable
from anlage.errors import TopologyError, UnknownName
from anlage.topology.topology import Step, Topology

SignRule = Literal["known", "transmitter", "none"]
WeightRule = Literal["count", "log", "binary"]

TRANSMITTER_SIGN: Mapping[str, int] = {"GABA": -1}
"""Fast effect taken as typical of a transmitter. GABA -1: Schuske et al. 2004, Trends Neurosci 27:407 (worm; exceptions exist).

Every other transmitter acts through receptors of both signs in worm and fly: +1 is then an assumption, and is counted as one. So
is the sign of an edge that releases GABA together with something else.
"""


def build(
    connectome: Connectome,
    *,
    kinds: Iterable[str] = ("chemical", "gap_junction"),
    compartments: Iterable[str] = (),
    min_synapses: float = 0,
    signs: SignRule = "known",
    weights: WeightRule = "count",
) -> Topology:
    """A topology from a connectome; each argument is a decision and is written into the history.

    ``kinds``: edge kinds to use; a gap junction becomes one edge each way. Edges of several kinds between the same ordered
    pair are added together.
    ``compartments``: use only these parts of the synapse counts (for example ``("axo-dendritic",)``); empty means all.
    ``min_synapses``: drop edges with fewer synapses than this, after the selection above and before kinds are merged.
    ``signs``: ``known`` uses the connectome's signs, ``transmitter`` the sign typical of the released transmitter, ``none`` makes
    every edge positive. Edges whose sign nobody knows become positive; their share is recorded as ``assumed_sign_share``.
    ``weights``: synapse ``count``, ``log`` (ln(1 + count)), or ``binary``.

    Raises ``UnknownName`` for an unknown kind or compartment or rule and ``TopologyError`` when no edge is left.
    """
    kinds, compartments = tuple(kinds), tuple(compartments)
    use = np.zeros(len(connectome.pre), dtype=bool)
    for kind in kinds:
        use |= connectome.kind.is_(kind)
    count = _counts(connectome, compartments)
    use &= count >= max(min_synapses, np.finfo(float).tiny)
    if not use.any():
        raise TopologyError(
            f"No edge of {connectome.name} is left with kinds {kinds}, compartments {compartments or 'all'} and at least "
            f"{min_synapses} synapses; choose among the kinds it has: {', '.join(connectome.kind.counts()) or '(none)'}."
        )
    for what, rule, known in (("sign rule", signs, get_args(SignRule)), ("weight rule", weights, get_args(WeightRule))):
        if rule not in known:
            raise UnknownName(what, rule, known)
    sign, assumed = _signs(connectome, signs)
    both_ways = use & connectome.kind.is_("gap_junction") & (connectome.pre != connectome.post)
    pre = np.concatenate([connectome.pre[use], connectome.post[both_ways]])
    post = np.concatenate([connectome.post[use], connectome.pre[both_ways]])
    count, sign, assumed = (np.concatenate([column[use], column[both_ways]]) for column in (count, sign, assumed))
    strength = {"count": count, "log": np.log1p(count), "binary": np.ones_like(count)}[weights]
    pre, post, weight, cancelled = _merge(connectome.n_neurons, pre, post, sign * strength)
    step = Step(
        "build",
        {
            "connectome": connectome.name,
            "kinds": kinds,
            "compartments": compartments,
            "min_synapses": min_synapses,
            "signs": signs,
            "weights": weights,
            "assumed_sign_share": round(float(assumed.mean()), 4),
            "cancelled_edges": cancelled,
        },
        connectome.source.key,
    )
    groups, xyz_um = neuron_groups(connectome.neurons), connectome.neurons.xyz_um
    placed = xyz_um if np.isfinite(xyz_um).all(axis=1).any() else None
    return Topology.of(connectome.n_neurons, pre, post, weight, groups=groups, history=(step,), xyz_um=placed)


def neuron_groups(neurons: NeuronTable) -> dict[str, Int[ndarray, " _"]]:
    """Index sets from a neuron table: the roles by name, every other column as ``column:label``."""
    groups = {role: np.flatnonzero(neurons.role.is_(role)) for role in neurons.role.labels}
    for column in ("neuron_class", "cell_type", "modality", "region", "side"):
        values = getattr(neurons, column)
        short = column.removeprefix("neuron_")
        groups |= {f"{short}:{label}": np.flatnonzero(values.is_(label)) for label in values.labels if label}
    return {name: rows for name, rows in groups.items() if len(rows)}


def _counts(connectome: Connectome, compartments: tuple[str, ...]) -> Float[ndarray, " edge"]:
    for name in compartments:
        if name not in connectome.compartments:
            known = tuple(connectome.compartments) or ("(none: this connectome does not split its synapses)",)
            raise UnknownName(f"compartment of {connectome.name}", name, known)
    if not compartments:
        return connectome.synapse_count.astype(np.float64)
    parts = np.stack([connectome.compartments[name] for name in compartments]).astype(np.float64)
    return np.asarray(parts.sum(axis=0))


def _signs(connectome: Connectome, rule: SignRule) -> tuple[Int[ndarray, " edge"], Float[ndarray, " edge"]]:
    """Sign of every edge, and 1.0 where that sign is an assumption."""
    n_edges = len(connectome.pre)
    if rule == "none":
        return np.ones(n_edges, dtype=np.int64), np.ones(n_edges)
    if rule == "known":
        sign = connectome.sign.astype(np.int64)
        assumed = (sign == 0) | connectome.sign_source.is_("assumed")
    else:
        table = np.array([TRANSMITTER_SIGN.get(label, 0) for label in connectome.transmitter.labels])
        sign = table[connectome.transmitter.codes]
        assumed = sign != -1
    # An electrical synapse passes current of either sign along its gradient; to first order it is excitatory, by physics.
    gap = connectome.kind.is_("gap_junction")
    return np.where(gap | (sign == 0), 1, sign), np.where(gap, 0.0, assumed.astype(np.float64))


def _merge(
    n_neurons: int, pre: Int[ndarray, " edge"], post: Int[ndarray, " edge"], weight: Float[ndarray, " edge"]
) -> tuple[Int[ndarray, " pair"], Int[ndarray, " pair"], Float[ndarray, " pair"], int]:
    """Add the weights of edges between the same ordered pair; an exact cancellation leaves no edge, and is counted."""
    keys, inverse = np.unique(post.astype(np.int64) * n_neurons + pre, return_inverse=True)
    total = np.bincount(inverse, weights=weight, minlength=len(keys))
    left = total != 0
    keys, total = keys[left], total[left]
    return keys % n_neurons, keys // n_neurons, total, int((~left).sum())

"""A control that keeps communities, found in the wiring itself, and moves who meets whom within and between them."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from scipy.sparse import csr_array

from anlage.topology.quantity import Quantity
from anlage.topology.rewire import DegreePreserving, Rule, swapped
from anlage.topology.topology import Topology


def communities(topology: Topology) -> Int[ndarray, " neuron"]:
    """Community of each neuron, numbered from 0: a local maximum of the directed modularity of edges, weights aside.

    Louvain (Blondel et al. 2008, J Stat Mech P10008) with the directed modularity of Leicht & Newman 2008 (Phys Rev Lett
    100:118703). Neurons are visited in their order, so the same graph always gives the same communities.
    """
    n = topology.n_neurons
    graph = csr_array((np.ones(topology.n_edges), (topology.post, topology.pre)), shape=(n, n))
    member = np.arange(n)
    while True:
        merged = _local_maximum(graph)
        member, n_merged = merged[member], int(merged.max(initial=-1)) + 1
        if n_merged == graph.shape[0]:
            return member
        choose = csr_array((np.ones(len(merged)), (merged, np.arange(len(merged)))), shape=(n_merged, len(merged)))
        graph = csr_array(choose @ graph @ choose.T)


def _local_maximum(graph: csr_array) -> Int[ndarray, " node"]:
    """Each node moves to the community that gains most, until none gains; communities are numbered from 0."""
    n, total = graph.shape[0], graph.sum()
    into, out = (np.asarray(graph.sum(axis=axis)).ravel() for axis in (1, 0))
    both = csr_array(graph + graph.T)
    member, into_of, out_of = np.arange(n), into.copy(), out.copy()
    moved = total > 0
    while moved:
        moved = False
        for node in range(n):
            row = slice(both.indptr[node], both.indptr[node + 1])
            near, tie = both.indices[row], both.data[row]
            near, tie = near[near != node], tie[near != node]
            if not len(near):
                continue
            home = member[node]
            into_of[home] -= into[node]
            out_of[home] -= out[node]
            place, which = np.unique(np.append(member[near], home), return_inverse=True)
            gain = np.bincount(which, weights=np.append(tie, 0.0))
            gain -= (out[node] * into_of[place] + into[node] * out_of[place]) / total
            best = place[np.argmax(gain)] if gain.max() > gain[place == home][0] + 1e-9 else home
            moved |= best != home
            member[node] = best
            into_of[best] += into[node]
            out_of[best] += out[node]
    numbers: ndarray = np.unique(member, return_inverse=True)[1]
    return numbers


def modularity(topology: Topology) -> float:
    """Directed modularity of the communities found, -0.5 to 1; 0 without edges."""
    member, m = communities(topology), max(1, topology.n_edges)
    into, out = (np.bincount(member[end]) if len(end) else np.zeros(1) for end in (topology.post, topology.pre))
    size = min(len(into), len(out))
    within = float((member[topology.pre] == member[topology.post]).sum())
    return within / m - float((into[:size] * out[:size]).sum()) / m**2


MODULARITY = Quantity("modularity of the communities found", lambda t: np.array(modularity(t)), 0.05, as_whole=True)


@final
@dataclass(frozen=True, slots=True)
class ModularityPreserving:
    """Degree-preserving rewiring that keeps communities: each neuron's degrees with every community stay as they were.

    Communities are those that Louvain finds in the wiring itself. The number of edges between any two of them stays exactly, and
    the modularity found anew in the rewired graph within 5 %. Clustering within communities is not kept.
    """

    swaps_per_edge: float = 10.0

    name: ClassVar[str] = "modularity-preserving"
    keeps: ClassVar[frozenset[Quantity]] = DegreePreserving.keeps | {MODULARITY}
    destroys: ClassVar[frozenset[Quantity]] = DegreePreserving.destroys

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        """One graph; raises ``ControlError`` where degrees with every community allow no other."""
        member = communities(topology)
        stratum = member[topology.post] * (int(member.max(initial=0)) + 1) + member[topology.pre]
        rule = Rule(None, "Maslov & Sneppen 2002, Science 296:910; Blondel et al. 2008, J Stat Mech P10008")
        return swapped(topology, stratum, self.swaps_per_edge, rng, self.name, rule)

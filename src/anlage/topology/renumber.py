"""The same wiring with its neurons in another order: only speed depends on it."""

from types import MappingProxyType

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from scipy.sparse.csgraph import reverse_cuthill_mckee

from anlage.errors import TopologyError
from anlage.topology.topology import Step, Topology


def renumber(topology: Topology, order: Int[ndarray, " neuron"]) -> Topology:
    """The topology whose neuron ``i`` is ``order[i]`` of this one; groups follow.

    Neurons that talk to one another are best kept near one another: the kernels read activity in blocks of neighbours. Order by
    region (``np.argsort(connectome.neurons.region.code)``, say), or by ``near``. Raises ``TopologyError`` when ``order`` does not
    name every neuron once.
    """
    if order.shape != (topology.n_neurons,) or not np.array_equal(np.sort(order), np.arange(topology.n_neurons)):
        raise TopologyError(
            f"An order must name each of the {topology.n_neurons} neurons once; this one has {len(order)} entries, "
            f"{len(np.unique(order))} of them different."
        )
    place = np.empty(topology.n_neurons, dtype=np.int32)
    place[order] = np.arange(topology.n_neurons, dtype=np.int32)
    groups = {name: np.sort(place[rows]).astype(np.int64) for name, rows in topology.groups.items()}
    return Topology.of(
        topology.n_neurons,
        place[topology.pre],
        place[topology.post],
        topology.weight,
        groups=MappingProxyType(groups),
        history=(*topology.history, Step("renumber")),
        xyz_um=None if topology.xyz_um is None else topology.xyz_um[order],
    )


def near(topology: Topology) -> Int[ndarray, " neuron"]:
    """An order for ``renumber`` that puts connected neurons near one another, where nothing else is known about them.

    Reverse Cuthill-McKee (George & Liu 1981, Computer solution of large sparse positive definite systems).
    """
    order: ndarray = reverse_cuthill_mckee(topology.csr())
    return order.astype(np.int64)

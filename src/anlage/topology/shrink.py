"""Take a representative part of a wiring: a random share of every block, with the edges among it."""

import numpy as np

from anlage.errors import TopologyError
from anlage.topology.resized import Blocks, Resized, apportion, block_numbers, deal, inherited
from anlage.topology.topology import Step, Topology

PORTS = ("input", "output")


def shrink(topology: Topology, share: float, rng: np.random.Generator, *, blocks: Blocks = None) -> Resized:
    """``share`` of the neurons of every block, drawn at random, and exactly the edges among them.

    Densities, and with them shares of edges, are kept up to sampling. Degrees are not: with the neurons on the other side of its
    edges gone, a neuron keeps about ``share`` of them. Sub-sampling says so (``promises``) and corrects nothing.

    ``blocks``: see ``block_numbers``. Neurons stay in their order. Raises ``TopologyError`` for a share that is not above 0 and
    at most 1, or so small that the ``input`` or ``output`` of the animal would be left without a neuron.
    """
    if not 0 < share <= 1:
        raise TopologyError(f"The share to keep is {share}, but must be above 0 and at most 1; use expand for more.")
    block = block_numbers(topology, blocks)
    kept = np.sort(deal(block, apportion(np.bincount(block), share, rng), rng))
    groups = inherited(topology, kept)
    for port in PORTS:
        if len(topology.groups.get(port, ())) and not len(groups[port]):
            raise TopologyError(
                f"A share of {share} of {topology.n_neurons} neurons leaves none of the group {port!r}, so nothing could go in "
                "or come out; keep a larger share."
            )
    row = np.full(topology.n_neurons, -1)
    row[kept] = np.arange(len(kept))
    pre, post = row[topology.pre], row[topology.post]
    stays = (pre >= 0) & (post >= 0)
    step = Step(
        "shrink",
        {
            "share": float(share),
            "neurons": topology.n_neurons,
            "blocks": blocks if isinstance(blocks, tuple) else int(block.max(initial=-1)) + 1,
        },
    )
    smaller = Topology.of(
        len(kept),
        pre[stays],
        post[stays],
        topology.weight[stays],
        groups=groups,
        history=(*topology.history, step),
    )
    return Resized(topology, smaller, kept, block)

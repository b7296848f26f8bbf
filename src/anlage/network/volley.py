"""Spikes crossing their edges: all edges at once, or, while few neurons fire, only the edges of those that did."""

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from anlage.network.crossing import Crossing
from anlage.network.synapse import crossing
from anlage.network.wiring import Wiring

EVENT_SHARE = 0.03
"""Share of all edges below which the edges of the neurons that fired are walked.

Both ways cost the same at about 5 % for one sequence and about 1 % for eight (benchmarks/spiking.py); this lies between.
"""


@final
class Volley:
    """Weights laid out for spikes: the sum of the weights over which spikes reach each neuron.

    Which way was taken shows in the rounding of the sums alone, and not even there while weights are whole numbers, such as
    synapse counts: their sums are exact up to 2^24 in float32. ``event_share`` 0 always crosses all edges, 1 walks nearly always.
    """

    def __init__(self, wiring: Wiring, weight: Float[Tensor, " edge"], event_share: float = EVENT_SHARE) -> None:
        self._wiring, self._weight, self._share = wiring, weight.detach(), event_share
        self._crossing: Crossing | None = None
        self._by_pre: Tensor | None = None

    @property
    def crossing(self) -> Crossing:
        """All edges at once, laid out when first needed."""
        if self._crossing is None:
            self._crossing = crossing(self._wiring, self._weight)
        return self._crossing

    def __call__(self, fired: Int[Tensor, " spike"], batch: int) -> Float[Tensor, "neuron batch"]:
        """What arrives with these spikes; ``fired`` holds their positions in a state of shape ``(neuron, batch)``."""
        pre, lane = fired // batch, fired % batch
        first = self._wiring.pre_start[pre].long()
        n_edges = self._wiring.pre_start[pre + 1].long() - first
        n_walked, n_all = int(n_edges.sum()), self._wiring.n_edges * batch
        arrived = self._weight.new_zeros(self._wiring.n_neurons * batch)
        if n_walked >= self._share * n_all:
            arrived[fired] = 1
            return self.crossing.forward(arrived.view(-1, batch))
        if self._by_pre is None:
            self._by_pre = self._wiring.transposed(self._weight)
        # The edges of each neuron that fired, one after the other: position in the list of walked edges plus an offset.
        offset = first - (n_edges.cumsum(0) - n_edges)
        edge = torch.repeat_interleave(offset, n_edges) + torch.arange(n_walked, device=fired.device)
        post = self._wiring.post_by_pre[edge].long()
        if batch > 1:
            post = post * batch + torch.repeat_interleave(lane, n_edges)
        return arrived.index_add_(0, post, self._by_pre[edge]).view(-1, batch)

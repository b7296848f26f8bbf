"""Index arrays of a topology, each made when it is first needed."""

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csr_array
from torch import Tensor, nn

from anlage.network.kernel import BLOCK, Layout, Rows
from anlage.topology.topology import Topology

Made = TypeVar("Made")


class Wiring(nn.Module):
    """Index arrays of a topology, in both orders.

    Edges are post-major, so the weight vector is the value array of the ``(post, pre)`` matrix in CSR form, with ``post_start``
    and ``pre``; ``weight[by_pre]`` is the value array of its transpose, with ``pre_start`` and ``post_by_pre``.
    """

    post_start: Int[Tensor, " neuron1"]
    pre: Int[Tensor, " edge"]

    def __init__(self, topology: Topology) -> None:
        super().__init__()
        self.n_neurons, self.n_edges = topology.n_neurons, topology.n_edges
        start = np.searchsorted(topology.post, np.arange(self.n_neurons + 1)).astype(np.int32)
        self.register_buffer("post_start", torch.from_numpy(start), persistent=False)
        self.register_buffer("pre", torch.from_numpy(np.array(topology.pre, dtype=np.int32)), persistent=False)
        self._made: dict[str, object] = {}

    def _apply(self, fn: Callable[..., Tensor], recurse: bool = True) -> "Wiring":
        self._made.clear()  # what was made lies on the device that is now left
        return cast(Wiring, super()._apply(fn, recurse))  # type: ignore[no-untyped-call]

    @property
    def rows(self) -> Rows:
        """Edges by receiving neuron."""
        return self._once("rows", lambda: Rows(self.post_start, self.pre))

    @property
    def forward_layout(self) -> Layout:
        """Edges by receiving neuron; those from one block of sending neurons lie together."""
        return self._once("forward", self._forward)

    @property
    def backward_layout(self) -> Layout:
        """Edges by sending neuron; those to one block of receiving neurons lie together."""
        return self._once("backward", self._backward)

    @property
    def pre_start(self) -> Int[Tensor, " neuron1"]:
        """Edges before each neuron, in pre-major order."""
        return self._by_pre()[0]

    @property
    def post_by_pre(self) -> Int[Tensor, " edge"]:
        """The receiving neuron of every edge, in pre-major order."""
        return self._by_pre()[1]

    @property
    def by_pre(self) -> Int[Tensor, " edge"]:
        """The edges in pre-major order."""
        return self._by_pre()[2]

    def transposed(self, weight: Float[Tensor, " edge"]) -> Float[Tensor, " edge"]:
        """The weights in pre-major order."""
        return weight[self.by_pre]

    def _once(self, name: str, make: Callable[[], Made]) -> Made:
        if name not in self._made:
            self._made[name] = make()
        return cast(Made, self._made[name])

    def _by_pre(self) -> tuple[Tensor, Tensor, Tensor]:
        def make() -> tuple[Tensor, Tensor, Tensor]:
            arrays = _transpose(self.post_start.cpu().numpy(), self.pre.cpu().numpy(), 0, self.n_neurons)
            start, other, order = (torch.from_numpy(array).to(self.pre.device) for array in arrays)
            return start, other, order

        return self._once("by_pre", make)

    def _forward(self) -> Layout:
        n, blocks = self.n_neurons, -(-self.n_neurons // BLOCK)
        if blocks <= 1:
            return Layout(self.post_start, self.post_start, _local(self.pre.numpy()), max(n, 1))
        start, pre = self.post_start.numpy(), self.pre.numpy()
        edges = np.empty((blocks, n), dtype=np.int32)
        for first in range(0, n, BLOCK):  # in pieces, to spare memory
            last = min(first + BLOCK, n)
            row = np.repeat(np.arange(last - first), np.diff(start[first : last + 1]))
            cell = row * blocks + pre[start[first] : start[last]] // BLOCK
            edges[:, first:last] = np.bincount(cell, minlength=(last - first) * blocks).reshape(-1, blocks).T
        place = start[:-1] + np.cumsum(edges, axis=0, dtype=np.int32) - edges
        segment = np.concatenate([[0], np.cumsum(edges, dtype=np.int32)]).astype(np.int32)
        read = (pre // BLOCK).astype(np.uint16)
        local = torch.cat([_local(pre[read == block]) for block in range(blocks)])
        return Layout(self.post_start, torch.from_numpy(segment), local, BLOCK, place=torch.from_numpy(place.ravel()))

    def _backward(self) -> Layout:
        n, start, pre = self.n_neurons, self.post_start.numpy(), self.pre.numpy()
        blocks = max(1, -(-n // BLOCK))
        segment = np.zeros(blocks * n + 1, dtype=np.int32)
        other = np.empty(self.n_edges, dtype=np.uint16)
        order = np.empty(self.n_edges, dtype=np.int32)
        edges_of = np.zeros(n + 1, dtype=np.int32)
        for block in range(blocks):
            first, last = block * BLOCK, min((block + 1) * BLOCK, n)
            there = slice(start[first], start[last])
            begin, other[there], order[there] = _transpose(start, pre, first, last)
            segment[block * n : (block + 1) * n + 1] = begin + start[first]
            edges_of += begin
        starts, cuts, local, named = (torch.from_numpy(array) for array in (edges_of, segment, other, order))
        return Layout(starts, cuts, local, min(BLOCK, max(n, 1)), order=named)


def _transpose(start: ndarray, pre: ndarray, first: int, last: int) -> tuple[ndarray, ndarray, ndarray]:
    """Edges onto the neurons ``first`` to ``last`` in pre-major order: starts, receiving neurons from ``first`` on, edges."""
    there = slice(start[first], start[last])
    edges = np.arange(there.start, there.stop, dtype=np.int32)
    size = (last - first, len(start) - 1)
    matrix = csr_array((edges, pre[there], start[first : last + 1] - start[first]), shape=size).tocsc()
    return matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data


def _local(neuron: ndarray) -> Tensor:
    return torch.from_numpy((neuron % BLOCK).astype(np.uint16))

"""What to expect of a wiring that was made larger or smaller, worked out without the code that made it."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy import ndarray
from scipy.stats import binom

from anlage.topology import quantity as q
from anlage.topology.promise import LEVEL, Promise, Promises, Z, distance, exact, normal, unpromised
from anlage.topology.resized import Resized, rank
from anlage.topology.topology import Topology

REDRAWS = 200
"""Parts drawn again to see how much a part of its size varies."""

FLOWS = {"post": "in", "pre": "out"}


def certify_expansion(resized: Resized) -> Promises:
    """What ``expand`` promises, measured on one result of it.

    Intervals allow for two kinds of chance: which neurons of a block have one newcomer more than others, and that numbers of
    edges are whole. For a whole factor only the second is left.
    """
    made, original = resized.topology, resized.original
    step = made.history[-1].arguments
    n, n_new = original.n_neurons, made.n_neurons - original.n_neurons
    rows = [
        exact("neurons", n, round(float(str(step["factor"])) * n), made.n_neurons),
        exact("edges among the originals that differ", 0, 0, _changes(resized, np.arange(n))),
    ]
    if n_new:
        rows.append(exact("newcomers with other degrees than their parent", 0, 0, _other_degrees(resized).sum()))
        if step["signs"] == "neuron":
            rows.append(exact("newcomers that send other weights than their parent", 0, 0, _other_weights(resized)))
    if n_new and not original.self_loops().all():
        rows += _Expectation(resized).rows()
        for end, flow in FLOWS.items():
            one, other = (q.degrees(t, end) for t in (original, made))
            rows.append(distance(f"{flow}-degree of newcomers", one, other[n:], n_new))
        rows.append(distance("weights that newcomers send", original.weight, made.weight[made.pre >= n], n_new))
    return Promises("expand", (*rows, *unpromised(original, made)))


def _changes(resized: Resized, rows: Int[ndarray, " row"]) -> int:
    """Edges among neurons of the original, at ``rows`` of the result, that are new, gone, or of another weight."""
    before, after = resized.original, resized.topology
    original, own = np.zeros(before.n_neurons, dtype=bool), np.zeros(after.n_neurons, dtype=bool)
    original[resized.parent[rows]] = own[rows] = True
    here, there = original[before.pre] & original[before.post], own[after.pre] & own[after.post]
    parent = resized.parent.astype(np.int64)
    keys = before.key()[here], parent[after.post[there]] * before.n_neurons + parent[after.pre[there]]
    both, one, other = np.intersect1d(*keys, assume_unique=True, return_indices=True)
    reweighted = before.weight[here][one] != after.weight[there][other]
    return len(keys[0]) + len(keys[1]) - 2 * len(both) + int(reweighted.sum())


def _other_degrees(resized: Resized) -> Bool[ndarray, " new"]:
    """Which newcomers have not exactly their parent's number of edges out, in and both ways with every block."""
    made, original, n = resized.topology, resized.original, resized.original.n_neurons
    label, n_blocks = resized.block[resized.parent], int(resized.block.max()) + 1
    mutual = {id(t): _mutual(t) for t in (made, original)}
    other = np.zeros(made.n_neurons - n, dtype=bool)
    for here, there, use in (("pre", "post", None), ("post", "pre", None), ("pre", "post", mutual)):
        table = []
        for t in (made, original):
            edges = slice(None) if use is None else use[id(t)]
            neuron, block = getattr(t, here)[edges].astype(np.int64), label[getattr(t, there)[edges]]
            table.append(np.bincount(neuron * n_blocks + block, minlength=t.n_neurons * n_blocks).reshape(-1, n_blocks))
        other |= (table[0][n:] != table[1][resized.parent[n:]]).any(axis=1)
    return other


def _other_weights(resized: Resized) -> int:
    """Newcomers that do not send exactly the weights that their parent sends to every block."""
    made, original, n = resized.topology, resized.original, resized.original.n_neurons
    label, parent = resized.block[resized.parent], resized.parent[n:]
    ours, theirs = (np.lexsort((t.weight, label[t.post], t.pre)) for t in (made, original))
    count, wanted = q.degrees(made, "pre")[n:], q.degrees(original, "pre")
    alike = count == wanted[parent]
    first = np.cumsum(wanted) - wanted
    ours = ours[made.pre[ours] >= n][np.repeat(alike, count)]
    theirs = theirs[np.repeat(first[parent[alike]], count[alike]) + rank(count[alike])]
    differ = (made.weight[ours] != original.weight[theirs]) | (label[made.post[ours]] != label[original.post[theirs]])
    return int((~alike).sum()) + len(np.unique(made.pre[ours][differ]))


def _mutual(topology: Topology) -> Bool[ndarray, " edge"]:
    """Which edges, self-loops left out, have a reverse edge."""
    reverse = topology.pre.astype(np.int64) * topology.n_neurons + topology.post
    return np.asarray(np.isin(reverse, topology.key()) & ~topology.self_loops())


def _inhibitory(topology: Topology) -> Bool[ndarray, " edge"]:
    return np.asarray(topology.weight < 0)


class _Expectation:
    """Numbers of edges after an expansion, given the sizes of its blocks.

    With ``a`` newcomers per original in one block and ``b`` in the other, an edge between the two becomes
    ``1 + a + b - c`` edges: itself, one at each newcomer, and those between newcomers, ``c = ab / (1 + (a + b) / 2)``, not
    counted twice. Self-loops are left out, and come one per newcomer of a neuron that has one.
    """

    def __init__(self, resized: Resized) -> None:
        self.before, self.after, self.block = resized.original, resized.topology, resized.block
        self.label = resized.block[resized.parent]
        self.size = np.bincount(self.block)
        self.added = np.bincount(self.label) - self.size
        a = self.added / self.size
        self.among = np.outer(a, a) / (1 + np.add.outer(a, a) / 2)
        self.growth = 1 + np.add.outer(a, a) - self.among
        self.onto_originals = {"post": a[None, :] - self.among, "pre": a[:, None] - self.among}
        self.proper = {id(t): ~t.self_loops() for t in (self.before, self.after)}
        # How edges among newcomers follow the ends that newcomers bring, at the mean growth.
        mean = self.added.sum() / self.size.sum()
        self.slope = mean / (1 + mean) - mean**2 / (2 * (1 + mean) ** 2)
        # A number of ties is rounded up or down, which moves one edge or, for ties both ways, two.
        self.rounding = 0.75 * (self.between(self.before) > 0).sum()

    def between(self, topology: Topology, use: Shaped[ndarray, " edge"] | float = 1.0) -> Float[ndarray, "block block"]:
        """Edges between blocks, ``(post, pre)``, self-loops left out; those of ``use`` only."""
        k = len(self.size)
        code = self.label[topology.post] * k + self.label[topology.pre]
        return np.bincount(code, weights=self.proper[id(topology)] * use, minlength=k * k).reshape(k, k)

    def variances(self, value: Shaped[ndarray, " neuron"]) -> Float[ndarray, " block"]:
        """By block, the variance of the sum over newcomers of their parents' ``value``.

        All is fixed but which neurons have one newcomer more than others: a simple random sample without replacement.
        """
        mean = np.bincount(self.block, value) / self.size
        spread = np.bincount(self.block, (value - mean[self.block]) ** 2) / np.maximum(1, self.size - 1)
        extra = self.added % self.size
        return np.asarray(spread * extra * (self.size - extra) / self.size)

    def ends(
        self, use: Shaped[ndarray, " edge"] | float = 1.0, at: tuple[str, ...] = ("pre", "post")
    ) -> Float[ndarray, " neuron"]:
        """Edges at each neuron of the original, self-loops left out, each counted as ``use`` says."""
        t, weights = self.before, self.proper[id(self.before)] * use
        return np.asarray(np.sum([np.bincount(getattr(t, end), weights, t.n_neurons) for end in at], axis=0))

    def rows(self) -> list[Promise]:
        """Every promise about numbers of edges."""
        return [
            self.edges(),
            self.block_pairs(),
            *(row for end in FLOWS for row in self.mean_degrees(end)),
            *(
                [self.share("share of inhibitory edges", _inhibitory, dealt=True)]
                if _inhibitory(self.before).any()
                else []
            ),
            self.share("reciprocity", _mutual, dealt=False),
            self.loops(),
        ]

    def edges(self) -> Promise:
        """All edges."""
        before, after = self.between(self.before), self.between(self.after)
        variance = (1 - self.slope) ** 2 * self.variances(self.ends()).sum() + self.rounding
        expected = (before * self.growth).sum()
        return normal("edges without self-loops", before.sum(), expected, variance**0.5, after.sum())

    def block_pairs(self) -> Promise:
        """How many pairs of blocks have more or fewer edges than an interval of their own allows."""
        before, after = self.between(self.before), self.between(self.after)
        variance = np.zeros(before.shape)
        for h in range(len(self.size)):
            variance[h] += self.variances(self.ends(self.block[self.before.post] == h, ("pre",)))
            variance[:, h] += self.variances(self.ends(self.block[self.before.pre] == h, ("post",)))
        sd = np.sqrt((1 - self.slope) ** 2 * variance + 0.75)
        far = np.abs(after - before * self.growth) > np.where(before > 0, Z * sd + 1, 0)
        n_pairs = int((before > 0).sum())
        most = float(binom.ppf(LEVEL, n_pairs, 1 - LEVEL))
        return Promise(
            f"pairs of blocks, of {n_pairs:,}, with edges outside their interval",
            0.0,
            float(far.sum()),
            (1 - LEVEL) * n_pairs,
            (0.0, most),
        )

    def mean_degrees(self, end: str) -> list[Promise]:
        """Mean in-degree (``post``) or out-degree (``pre``) of newcomers, and of the originals, self-loops included."""
        n, n_new, flow = self.before.n_neurons, self.added.sum(), FLOWS[end]
        before, after = (q.degrees(t, end) for t in (self.before, self.after))
        mean = np.bincount(self.block, before) / self.size
        newcomers = normal(
            f"mean {flow}-degree of newcomers",
            before.mean(),
            (self.added * mean).sum() / n_new,
            self.variances(before).sum() ** 0.5 / n_new,
            after[n:].mean(),
        )
        more = (self.between(self.before) * self.onto_originals[end]).sum()
        far = self.variances(self.ends(1.0, ("pre",) if end == "post" else ("post",))).sum()
        near = self.variances(self.ends(1.0, (end,))).sum()
        variance = (1 - self.slope) ** 2 * far + self.slope**2 * near + self.rounding
        originals = normal(
            f"mean {flow}-degree of the originals",
            before.mean(),
            before.mean() + more / n,
            variance**0.5 / n,
            after[:n].mean(),
        )
        return [newcomers, originals]

    def share(self, name: str, mark: Callable[[Topology], ndarray], *, dealt: bool) -> Promise:
        """Share of marked edges; where marks are ``dealt`` out with weights, each new edge may draw one by chance."""
        before, after = (mark(t)[self.proper[id(t)]].mean() for t in (self.before, self.after))
        edges = self.between(self.before) * self.growth
        expected = (self.between(self.before, mark(self.before)) * self.growth).sum() / edges.sum()
        variance = (1 - self.slope) ** 2 * self.variances(self.ends(mark(self.before) - expected)).sum() + self.rounding
        if dealt:
            variance += (edges.sum() - self.proper[id(self.before)].sum()) * expected * (1 - expected)
        return normal(name, before, expected, variance**0.5 / edges.sum(), after)

    def loops(self) -> Promise:
        """Self-loops, which newcomers have where their parents do."""
        loop = self.before.self_loops()
        looping = np.bincount(self.before.pre, loop, self.before.n_neurons)
        expected = loop.sum() + (self.added * np.bincount(self.block, looping) / self.size).sum()
        sd = self.variances(looping).sum() ** 0.5
        return normal("self-loops", loop.sum(), expected, sd, self.after.self_loops().sum())


def certify_shrinkage(resized: Resized) -> Promises:
    """What ``shrink`` promises, measured on one result of it.

    Standard deviations are those of other parts of the same size, drawn block by block like the one at hand.
    """
    before, after, block = resized.original, resized.topology, resized.block
    size, kept = np.bincount(block), np.bincount(block[resized.parent], minlength=int(block.max()) + 1)
    share = float(str(after.history[-1].arguments["share"]))
    # Two neurons of one block are drawn together less often than two of different blocks.
    together = np.outer(kept, kept) / np.outer(size, size)
    np.fill_diagonal(together, kept * (kept - 1) / np.maximum(1, size * (size - 1)))
    proper = ~before.self_loops()
    likely = (together[block[before.pre], block[before.post]] * proper).sum()
    (whole,), (part,) = (_induced(t, np.ones((1, t.n_neurons), dtype=bool)) for t in (before, after))
    others = _induced(before, _other_parts(block, kept, np.random.default_rng(0)))  # the same intervals on every run
    expected = np.array([likely, *whole[1:]])
    rows = [
        exact("neurons", before.n_neurons, round(share * before.n_neurons), after.n_neurons),
        exact("edges among the kept that differ", 0, 0, _changes(resized, np.arange(after.n_neurons))),
        Promise(
            "largest departure of a block from its share",
            0.0,
            float(np.abs(kept - share * size).max()),
            0.0,
            (0.0, 1.0),
        ),
        *map(normal, INDUCED, whole, expected, others.std(axis=0), part),
    ]
    return Promises("shrink", (*rows, *unpromised(before, after)))


INDUCED = ("edges without self-loops", "share of inhibitory edges", "reciprocity", "mean magnitude of a weight")


def _other_parts(
    block: Int[ndarray, " neuron"], kept: Int[ndarray, " block"], rng: np.random.Generator
) -> Bool[ndarray, "draw neuron"]:
    """Members of parts with as many neurons of each block."""
    size = np.bincount(block)
    chosen = np.flatnonzero(rank(size) < np.repeat(kept, size))
    order = np.argsort(block + rng.random((REDRAWS, len(block))), axis=1)  # block after block, at random within each
    member = np.zeros(order.shape, dtype=bool)
    np.put_along_axis(member, order[:, chosen], True, axis=1)
    return member


def _induced(topology: Topology, members: Bool[ndarray, "draw neuron"]) -> Float[ndarray, "draw 4"]:
    """The quantities of ``INDUCED`` on the edges among some neurons; 0 where there are none."""
    proper, mutual, found = ~topology.self_loops(), _mutual(topology), np.zeros((len(members), len(INDUCED)))
    for row, member in zip(found, members, strict=True):
        use = member[topology.pre] & member[topology.post] & proper
        if use.any():
            weight = topology.weight[use]
            row[:] = use.sum(), (weight < 0).mean(), mutual[use].mean(), np.abs(weight).mean()
    return found

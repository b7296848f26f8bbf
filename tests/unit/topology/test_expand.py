"""Expansions against counts by hand, other code's graphs, and many draws."""

from functools import cache

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare, ks_2samp

from anlage.connectome.library import load
from anlage.errors import TopologyError, UnknownName
from anlage.topology import (
    DegreePreserving,
    ErdosRenyi,
    Resized,
    Topology,
    build,
    certify,
    certify_expansion,
    expand,
)
from anlage.topology import quantity as q
from anlage.topology.resized import apportion, block_numbers, deal

FACTORS = (1.01, 1.2, 1.5, 2.0, 2.5, 7.0)
ROLES = ("input", "inter", "output")


@cache
def wiring(name: str) -> Topology:
    if name == "worm-chemical":
        return build(load("worm"), kinds=("chemical",), signs="transmitter")
    return planted() if name == "planted" else build(load(name))


def planted(n: int = 240, seed: int = 5) -> Topology:
    """Two blocks with heavy-tailed degrees, mutual pairs, self-loops, and neurons of one sign each."""
    rng = np.random.default_rng(seed)
    block, fame = np.arange(n) % 2, rng.pareto(2.0, (2, n)) + 0.3
    rate = np.array([[4.0, 1.0], [0.5, 2.0]])[np.ix_(block, block)] * np.outer(fame[0], fame[1]) / n
    graph = rng.random((n, n)) < 1 - np.exp(-rate)  # (post, pre)
    graph |= graph.T & (rng.random((n, n)) < 0.3)
    post, pre = np.nonzero(graph)
    sign = np.where(rng.random(n) < 0.3, -1, 1)
    groups = {"input": np.arange(0, n, 2), "output": np.arange(1, n, 2), "some": np.arange(0, n, 7)}
    return Topology.of(n, pre, post, sign[pre] * rng.integers(1, 9, len(pre)).astype(float), groups=groups)


def edges(topology: Topology) -> dict[tuple[int, int], float]:
    ends = zip(topology.pre.tolist(), topology.post.tolist(), strict=True)
    return dict(zip(ends, topology.weight.tolist(), strict=True))


def blocks_of(resized: Resized) -> np.ndarray:
    return resized.block[resized.parent]


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("name", ["worm", "worm-chemical", "mushroom-body-left", "planted"])
def test_an_expansion_keeps_every_promise(name: str, factor: float) -> None:
    resized = expand(wiring(name), factor, np.random.default_rng(3))
    assert resized.topology.history[-1].arguments["ties_given_up"] == 0
    certify_expansion(resized).demand()


@pytest.mark.parametrize("factor", [1.0, 1.5, 3.0])
def test_the_original_comes_first_with_exactly_its_edges_and_weights(factor: float) -> None:
    topology = wiring("worm")
    made = expand(topology, factor, np.random.default_rng(0)).topology
    n, all_edges = topology.n_neurons, edges(made)
    assert len(all_edges) == made.n_edges  # no ordered pair twice
    assert {ends: w for ends, w in all_edges.items() if max(ends) < n} == edges(topology)


def test_a_factor_of_one_gives_the_identical_wiring() -> None:
    topology = wiring("worm")
    made = expand(topology, 1.0, np.random.default_rng(0)).topology
    assert made.fingerprint == topology.fingerprint and made.n_neurons == topology.n_neurons
    assert {k: v.tolist() for k, v in made.groups.items()} == {k: v.tolist() for k, v in topology.groups.items()}


def test_the_same_generator_gives_the_same_wiring_and_another_one_another() -> None:
    one, two, other = (expand(wiring("worm"), 1.7, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.topology.fingerprint == two.topology.fingerprint != other.topology.fingerprint
    np.testing.assert_array_equal(one.parent, two.parent)


@pytest.mark.parametrize("factor", [1.2, 1.5, 4.0])
def test_every_newcomer_has_its_parents_edges_with_every_block(factor: float) -> None:
    """Counted neuron by neuron with NetworkX: out, in, and both ways."""
    topology = wiring("planted")
    resized = expand(topology, factor, np.random.default_rng(8), blocks=("input", "output"))
    before, after = (nx.DiGraph(list(edges(t))) for t in (topology, resized.topology))
    label = blocks_of(resized)
    for graph, size in ((before, topology.n_neurons), (after, resized.topology.n_neurons)):
        graph.add_nodes_from(range(size))

    def ends(graph: nx.DiGraph, neuron: int) -> list[list[int]]:
        out, into = set(graph.successors(neuron)), set(graph.predecessors(neuron))
        return [np.bincount(label[list(met)], minlength=2).tolist() for met in (out, into, out & into)]

    for neuron in range(topology.n_neurons, resized.topology.n_neurons):
        assert ends(after, neuron) == ends(before, int(resized.parent[neuron]))


def test_the_number_of_edges_between_blocks_is_the_one_worked_out_by_hand() -> None:
    """Three times larger: an edge of the original becomes itself, 2 + 2 at newcomers, less those at two, 2 * 2 / 3."""
    topology = wiring("planted")
    for seed in range(5):
        resized = expand(topology, 3.0, np.random.default_rng(seed), blocks=("input", "output"))
        before, after = (
            q.block_matrix(
                Topology.of(t.n_neurons, t.pre[u], t.post[u], t.weight[u], groups=t.groups), ("input", "output")
            )
            for t in (topology, resized.topology)
            for u in [~t.self_loops()]
        )
        # One-way and mutual ties are rounded apart; a tie both ways within a block counts twice.
        assert (np.abs(after - before * (5 - 4 / 3)) <= 3).all()


def test_a_newcomer_has_its_parents_groups_and_blocks_grow_in_proportion() -> None:
    topology = wiring("planted")
    resized = expand(topology, 2.37, np.random.default_rng(0), blocks=("input", "output"))
    made, n = resized.topology, topology.n_neurons
    assert made.n_neurons == round(2.37 * n)
    for name, rows in topology.groups.items():
        assert made.groups[name].tolist() == [i for i, p in enumerate(resized.parent) if p in set(rows.tolist())]
    for name in ("input", "output"):
        assert abs(len(made.groups[name]) - 2.37 * n / 2) < 1
    children = np.bincount(resized.parent, minlength=n)
    assert set(children.tolist()) == {2, 3}  # itself, and one or two newcomers


def test_for_a_whole_factor_neuron_i_takes_after_neuron_i_modulo_n() -> None:
    resized = expand(wiring("worm"), 4.0, np.random.default_rng(0))
    np.testing.assert_array_equal(resized.parent, np.arange(4 * 302) % 302)


def test_degree_distributions_of_newcomers_are_those_of_the_original() -> None:
    topology = wiring("planted")
    resized = expand(topology, 5.0, np.random.default_rng(0))
    for end in ("pre", "post"):
        before, after = (q.degrees(t, end) for t in (topology, resized.topology))
        assert ks_2samp(before, after[topology.n_neurons :]).statistic < 1e-12
        # The originals keep their edges and meet newcomers too, 2 - 1/5 times as many in all.
        loops = topology.self_loops().sum()
        expected = before.sum() + (before.sum() - loops) * 0.8
        assert after[: topology.n_neurons].sum() == pytest.approx(expected, abs=6)


def test_per_neuron_every_newcomer_sends_the_weights_of_its_parent_and_so_keeps_dales_law() -> None:
    topology = wiring("worm-chemical")
    resized = expand(topology, 2.5, np.random.default_rng(1))
    made = resized.topology
    sent = [sorted(made.weight[made.pre == i].tolist()) for i in range(made.n_neurons)]
    theirs = [sorted(topology.weight[topology.pre == i].tolist()) for i in range(topology.n_neurons)]
    assert all(sent[i] == theirs[resized.parent[i]] for i in range(topology.n_neurons, made.n_neurons))
    sign = q.NEURON_SIGN(made)
    assert not (sign == 0).any() and (sign == -1).any()
    np.testing.assert_array_equal(sign, q.NEURON_SIGN(topology)[resized.parent])


def test_per_edge_weights_are_dealt_out_between_two_blocks_and_dales_law_is_lost() -> None:
    topology = wiring("planted")
    resized = expand(topology, 5.0, np.random.default_rng(1), blocks=("input", "output"), signs="edge")
    made, label = resized.topology, blocks_of(resized)
    assert (q.NEURON_SIGN(topology) != 0).all() and (q.NEURON_SIGN(made) == 0).sum() > 0.3 * made.n_neurons
    assert made.history[-1].arguments["signs"] == "edge"
    new = (made.pre >= 240) | (made.post >= 240)
    for g in range(2):
        for h in range(2):
            use = [(label[t.pre] == g) & (label[t.post] == h) & (t.pre != t.post) for t in (topology, made)]
            old, fresh = topology.weight[use[0]], made.weight[use[1] & new]
            # Dealt evenly: every weight as often as any other, but for the remainder.
            assert ks_2samp(old, fresh).statistic < 0.02
    certify_expansion(resized).demand()


def test_who_meets_a_newcomer_is_random_in_proportion_to_the_edges_it_has() -> None:
    """The newcomers of neuron 3 send one edge each, as it does; targets of their block have 1, 2 and 3 edges to get."""
    pre = np.array([0, 0, 1, 0, 1, 2, 0, 1, 2, 3])
    post = np.array([4, 5, 5, 6, 6, 6, 7, 7, 7, 7])
    star = Topology.of(8, pre, post, np.ones(10))
    labels = np.array([0, 1, 1, 1, 2, 2, 2, 2])
    met, rng = np.zeros(4, dtype=int), np.random.default_rng(0)
    for _ in range(60):
        made = expand(star, 5.0, rng, blocks=labels).topology
        for child in range(8 + 3, 40, 8):
            (target,) = made.post[made.pre == child]
            met[target % 8 - 4] += 1
    # From block 1 (neurons 1, 2, 3) the targets 5, 6, 7 have 1, 2 and 3 edges, and so have their newcomers.
    assert met[0] == 0
    assert chisquare(met[1:], 240 * np.array([1, 2, 3]) / 6).pvalue > 0.01


def test_whom_a_newcomer_meets_does_not_depend_on_whom_its_parent_meets() -> None:
    """Six separate pairs: a newcomer of the first of each pair meets a neuron of any pair, equally often."""
    n = np.arange(6)
    pairs = Topology.of(12, n, n + 6, np.ones(6))
    met, rng = np.zeros((2, 6), dtype=int), np.random.default_rng(2)
    for _ in range(40):
        made = expand(pairs, 4.0, rng, blocks=np.arange(12) // 6).topology
        for kind, rows in enumerate((made.post < 12, made.post >= 12)):
            own = rows & (made.pre >= 12)
            met[kind] += np.bincount((made.post[own] % 12 - 6 - made.pre[own] % 12) % 6, minlength=6)
    assert all(chisquare(row).pvalue > 0.01 for row in met)


def test_newcomers_meet_originals_and_newcomers_in_proportion_to_their_numbers() -> None:
    """At factor 4, three of four possible partners are newcomers, for edges in both directions."""
    topology = wiring("planted")
    made = expand(topology, 4.0, np.random.default_rng(0)).topology
    n = topology.n_neurons
    for one, other in ((made.pre, made.post), (made.post, made.pre)):
        assert (other[(one >= n) & (one != other)] >= n).mean() == pytest.approx(0.75, abs=0.003)


def test_mutual_pairs_and_self_loops_keep_their_share() -> None:
    topology = wiring("worm")
    made = expand(topology, 6.0, np.random.default_rng(0)).topology
    graphs = [nx.DiGraph([ends for ends in edges(t) if ends[0] != ends[1]]) for t in (topology, made)]
    assert nx.reciprocity(graphs[1]) == pytest.approx(nx.reciprocity(graphs[0]), abs=1e-3)
    assert made.self_loops().sum() == 6 * topology.self_loops().sum()
    loop = made.self_loops() & (made.pre >= 302)
    weights = edges(topology)
    assert all(weights[i % 302, i % 302] == w for i, w in zip(made.pre[loop], made.weight[loop], strict=True))


@pytest.mark.parametrize("control", [DegreePreserving(2.0), ErdosRenyi()])
def test_a_control_is_drawn_first_and_expanded_like_the_connectome(control: DegreePreserving | ErdosRenyi) -> None:
    topology, rng = wiring("worm-chemical"), np.random.default_rng(0)
    drawn = control(topology, rng)
    certify(control, topology, drawn).demand()
    resized = expand(drawn, 2.5, rng)
    certify_expansion(resized).demand()
    assert [step.function for step in resized.topology.history] == ["build", control.name, "expand"]
    assert resized.topology.n_neurons == expand(topology, 2.5, rng).topology.n_neurons
    kept = edges(resized.topology)
    assert all(kept[ends] == w for ends, w in edges(drawn).items())


def test_what_was_rewired_away_does_not_come_back_with_the_expansion() -> None:
    """Expanded Erdos-Renyi graphs have an Erdos-Renyi graph's narrow degrees, not the connectome's heavy tail."""
    topology, rng = wiring("planted"), np.random.default_rng(0)
    heavy, narrow = (
        q.degrees(expand(t, 3.0, rng).topology, "pre")[240:].std() for t in (topology, ErdosRenyi()(topology, rng))
    )
    assert heavy > 2 * narrow


def test_intervals_are_missed_no_more_often_than_they_say() -> None:
    """Fractional factors leave much to chance: how far each quantity lies from its expectation, in interval half-widths."""
    topology, shares = planted(80), []
    for seed in range(40):
        certificate = certify_expansion(expand(topology, 1.6, np.random.default_rng(seed)))
        assert not certificate.broken
        rows = {row.quantity: row for row in certificate.rows if row.interval and "mean" in row.quantity}
        shares.append([(r.found - r.expected) / (r.interval[1] - r.expected) for r in rows.values()])  # type: ignore[index]
    spread = np.std(shares, axis=0) * 3.2905  # 1 where the standard deviation is right
    newcomers, originals = spread[[0, 2]], spread[[1, 3]]
    assert (newcomers > 0.65).all() and (newcomers < 1.35).all()  # exact, but for only 40 draws
    assert (originals > 0.2).all() and (originals < 1.1).all()  # rounding is bounded, not known
    assert np.abs(np.mean(shares, axis=0)).max() < 0.2


BROKEN = {
    "edges among the originals that differ": lambda t: drop(t, (t.pre < 240) & (t.post < 240)),
    "newcomers with other degrees than their parent": lambda t: drop(t, t.pre >= 240),
    "newcomers that send other weights": lambda t: t.reweighted(t.history[-1], np.where(t.pre == 300, 100.0, t.weight)),
    "mean out-degree of newcomers": lambda t: drop(t, t.pre >= 240, half=True),
    "reciprocity": lambda t: drop(t, t.pre < t.post, half=True),
    "self-loops": lambda t: drop(t, t.self_loops(), half=True),
    "share of inhibitory edges": lambda t: t.reweighted(t.history[-1], np.where(t.pre >= 240, abs(t.weight), t.weight)),
    "in-degree of newcomers, distance": lambda t: drop(t, t.post >= 240, half=True),
}


def drop(topology: Topology, rows: np.ndarray, *, half: bool = False) -> Topology:
    """Without the first of these edges, or the first half of them."""
    places = np.flatnonzero(rows)
    stay = np.ones(topology.n_edges, dtype=bool)
    stay[places[: len(places) // 2 if half else 1]] = False
    return topology.rewired(topology.history[-1], topology.pre[stay], topology.post[stay], topology.weight[stay])


@pytest.mark.parametrize("quantity", BROKEN)
def test_a_broken_promise_is_found_and_named(quantity: str) -> None:
    resized = expand(wiring("planted"), 3.0, np.random.default_rng(0))
    certify_expansion(resized).demand()
    spoiled = Resized(resized.original, BROKEN[quantity](resized.topology), resized.parent, resized.block)
    with pytest.raises(TopologyError, match=f"What expand made is not what it promises: .*{quantity}"):
        certify_expansion(spoiled).demand()


def test_a_block_is_a_class_on_a_side_unless_told_otherwise() -> None:
    topology = wiring("worm")
    classes, sides = (
        [next((g for g, rows in topology.groups.items() if g.startswith(kind) and i in rows), "") for i in range(302)]
        for kind in ("class:", "side:")
    )
    number = block_numbers(topology, None)
    pairs = set(zip(number.tolist(), classes, sides, strict=True))
    assert len(pairs) == len({p[0] for p in pairs}) == len({p[1:] for p in pairs}) == number.max() + 1
    assert block_numbers(topology, ROLES).max() == 3  # three roles and the rest
    assert block_numbers(topology, np.arange(302) // 151 * 7).tolist() == (np.arange(302) // 151).tolist()


def test_sizes_are_apportioned_by_largest_remainder_and_ties_broken_by_chance() -> None:
    size = np.array([10, 3, 7])
    assert apportion(size, 1.25, np.random.default_rng(0)).tolist() == [12, 4, 9]  # 12.5, 3.75, 8.75; 25 in all
    assert apportion(size, 1.1, np.random.default_rng(0)).tolist() == [11, 3, 8]
    ones = sum(apportion(np.ones(4, dtype=int), 1.5, np.random.default_rng(seed)) for seed in range(400))
    assert chisquare(np.asarray(ones) - 400).pvalue > 0.01


def test_dealing_gives_everyone_as_many_give_or_take_one_and_the_rest_by_chance() -> None:
    group, rng = np.array([0, 1, 0, 0, 1]), np.random.default_rng(0)
    counts = np.zeros(5, dtype=int)
    for _ in range(300):
        dealt = deal(group, np.array([4, 5]), rng)
        assert group[dealt].tolist() == [0] * 4 + [1] * 5
        once = np.bincount(dealt, minlength=5)
        assert sorted(once[group == 0]) == [1, 1, 2] and sorted(once[group == 1]) == [2, 3]
        counts += once
    assert chisquare(counts[group == 0] - 300).pvalue > 0.01 and chisquare(counts[group == 1] - 600).pvalue > 0.01


@pytest.mark.parametrize("factor", [0.99, 0.0, -2.0, float("nan"), float("inf")])
def test_a_factor_below_one_or_none_at_all_is_refused(factor: float) -> None:
    with pytest.raises(TopologyError, match="must be a finite number of at least 1; use shrink for less"):
        expand(wiring("worm"), factor, np.random.default_rng(0))


def test_unknown_blocks_and_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean 'input'"):
        expand(wiring("worm"), 2.0, np.random.default_rng(0), blocks=("inptu",))
    with pytest.raises(TopologyError, match="given for 3 neurons, but the topology has 302"):
        expand(wiring("worm"), 2.0, np.random.default_rng(0), blocks=np.arange(3))
    with pytest.raises(UnknownName, match="unit of signs called 'edges'; did you mean 'edge'"):
        unchecked = expand.__wrapped__ if hasattr(expand, "__wrapped__") else expand
        unchecked(wiring("worm"), 2.0, np.random.default_rng(0), signs="edges")


@pytest.mark.parametrize(
    ("n", "pairs"),
    [(5, []), (1, []), (1, [(0, 0)]), (2, [(0, 1), (1, 0)]), (3, [(a, b) for a in range(3) for b in range(3)])],
)
@pytest.mark.parametrize("factor", [1.3, 2.0, 5.0])
def test_empty_tiny_and_complete_wirings_can_be_expanded(n: int, pairs: list[tuple[int, int]], factor: float) -> None:
    ends = np.array(pairs, dtype=int).reshape(-1, 2)
    topology = Topology.of(n, ends[:, 0], ends[:, 1], np.ones(len(pairs)))
    resized = expand(topology, factor, np.random.default_rng(0))
    assert resized.topology.n_neurons == round(factor * n)
    exact = [row for row in certify_expansion(resized).rows if row.interval and row.interval[0] == row.interval[1]]
    assert all(row.kept for row in exact)

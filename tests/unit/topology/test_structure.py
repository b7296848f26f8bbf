"""Structure found against structure planted; the description length against the rules of probability, term by term."""

from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_rand_score

from anlage.connectome.library import load
from anlage.errors import AnlageError, TopologyError
from anlage.topology import Topology, build
from anlage.topology import blockmodel as bm
from anlage.topology.blockmodel import BlockModel, description_length, sign_layers
from anlage.topology.divide import divide
from anlage.topology.structure import Communities, adjusted_rand, numbered, stability

RATES = np.array(
    [[0.02, 0.02, 0.30, 0.02], [0.30, 0.02, 0.02, 0.02], [0.02, 0.30, 0.02, 0.02], [0.02, 0.02, 0.02, 0.30]]
)
"""Chance of an edge, (post, pre): a directed cycle of three groups whose neurons never meet their own, and a fourth that does."""
ASSORTATIVE = np.full((4, 4), 0.02) + 0.38 * np.eye(4)


def planted(rates: np.ndarray, sign: np.ndarray, seed: int, n: int = 160) -> tuple[Topology, np.ndarray]:
    """A graph whose neurons differ fivefold in degree, within four groups of unequal size."""
    rng = np.random.default_rng(seed)
    label = np.sort(rng.choice(4, size=n, p=[0.35, 0.25, 0.2, 0.2]))
    into, out = rng.uniform(0.3, 1.5, size=(2, n))
    chance = rates[label][:, label] * np.outer(into, out)
    post, pre = np.nonzero(rng.random((n, n)) < chance)
    return Topology.of(n, pre, post, sign[label[post], label[pre]]), label


POSITIVE = np.ones((4, 4))


@pytest.mark.parametrize("rates", [RATES, ASSORTATIVE])
@pytest.mark.parametrize("seed", range(2))
def test_planted_groups_are_found_whatever_they_have_in_common(rates: np.ndarray, seed: int) -> None:
    topology, label = planted(rates, POSITIVE, seed)
    found = BlockModel(runs=2, seed=seed)(topology)
    assert adjusted_rand_score(label, found.label) > 0.9
    assert len(found.names) == 4
    layers = sign_layers(topology)
    assert description_length(layers, found.label) <= description_length(layers, label) + 1e-9
    assert found.step.arguments["nats"] == pytest.approx(description_length(layers, found.label), abs=0.1)


def test_groups_that_differ_in_the_sign_of_their_edges_alone_are_found_by_sign() -> None:
    sign = np.where(np.add.outer(np.arange(4), np.arange(4)) % 2, -1.0, 1.0)
    topology, label = planted(np.full((4, 4), 0.2), sign, 0, n=90)
    odd = label % 2
    assert adjusted_rand_score(odd, BlockModel(runs=1)(topology).label) > 0.95
    unsigned = Topology.of(topology.n_neurons, topology.pre, topology.post, np.abs(topology.weight))
    assert abs(adjusted_rand_score(odd, BlockModel(runs=1)(unsigned).label)) < 0.05


def test_degrees_alone_are_no_structure() -> None:
    topology, _ = planted(np.full((4, 4), 0.15), POSITIVE, 1, n=90)
    assert BlockModel(runs=1)(topology).names == ("part 1",)


def test_a_number_of_parts_can_be_asked_for() -> None:
    topology, _ = planted(RATES, POSITIVE, 0, n=90)
    assert len(BlockModel(n_parts=7, runs=1)(topology).names) == 7
    assert len(BlockModel(n_parts=2, runs=1)(topology).names) == 2


def test_the_same_seed_finds_the_same_parts_and_names_them_by_size() -> None:
    topology, _ = planted(RATES, POSITIVE, 0, n=90)
    one, other = BlockModel(runs=1)(topology).label, BlockModel(runs=1)(topology).label
    assert np.array_equal(one, other)
    assert (np.diff(np.bincount(one)) <= 0).all()


def test_the_probabilities_of_all_divisions_and_all_graphs_add_up_to_one() -> None:
    n, n_edges = 3, 2
    total = 0.0
    for cells in combinations_with_replacement(range(n * n), n_edges):
        counts = np.bincount(cells, minlength=n * n).reshape(n, n).astype(float)
        for label in product(range(n), repeat=n):
            if set(label) == set(range(max(label) + 1)):
                total += np.exp(-description_length([csr_array(counts)], np.array(label)))
    assert total == pytest.approx(1, abs=1e-9)


def test_two_layers_cost_what_they_cost_alone_but_for_the_division_they_share() -> None:
    rng = np.random.default_rng(0)
    one, other = (csr_array((rng.random((6, 6)) < 0.4).astype(float)) for _ in range(2))
    label = np.array([0, 0, 1, 1, 2, 2])
    empty = csr_array((6, 6))
    apart = description_length([one], label) + description_length([other], label)
    assert description_length([one, other], label) == pytest.approx(apart - description_length([empty], label))


def graph(seed: int) -> tuple[tuple[csr_array, ...], np.ndarray]:
    """A signed graph of 24 neurons with self-loops, and a division of it."""
    rng = np.random.default_rng(seed)
    post, pre = np.nonzero(rng.random((24, 24)) < 0.3)
    return sign_layers(Topology.of(24, pre, post, rng.choice([-1.0, 1.0], len(pre)))), np.arange(24) % 5


def test_the_cost_of_a_merge_is_the_difference_of_two_description_lengths() -> None:
    layers, label = graph(0)
    between, sizes = [bm._between(layer, label) for layer in layers], np.bincount(label).astype(float)
    cost = bm._merge_cost(between, sizes)
    brute = {
        (a, b): description_length(layers, numbered(np.where(label == b, a, label))) for a in range(5) for b in range(a)
    }
    offset = {pair: length - cost[pair] for pair, length in brute.items()}
    assert np.ptp(list(offset.values())) == pytest.approx(0, abs=1e-8)


def test_the_cost_of_a_move_is_the_difference_of_two_description_lengths() -> None:
    layers, label = graph(1)
    for neuron in range(24):
        rest = np.delete(np.arange(24), neuron)
        sizes = np.bincount(label[rest], minlength=5).astype(float)
        cost, lf = -np.log(sizes + 1), bm._lf(np.arange(500))
        for layer in layers:
            full = layer.toarray().astype(int)
            member = np.eye(5, dtype=int)[label]
            without = full.copy()
            without[neuron] = without[:, neuron] = 0
            edges = (
                full[neuron, rest] @ member[rest],
                full[rest, neuron] @ member[rest],
                int(full[neuron, neuron]),
            )
            cost += bm._arrival_cost(member.T @ without @ member, sizes, edges, lf)
        brute = []
        for part in range(5):
            moved = label.copy()
            moved[neuron] = part
            brute.append(description_length(layers, moved))
        assert np.ptp(np.array(brute) - cost) == pytest.approx(0, abs=1e-8)


def test_where_the_search_ends_no_move_of_one_neuron_helps() -> None:
    layers, label = graph(2)
    settled = bm._settle(layers, label, np.random.default_rng(0))
    length = description_length(layers, settled)
    assert length < description_length(layers, label)
    for neuron, part in product(range(24), range(settled.max() + 1)):
        moved = settled.copy()
        moved[neuron] = part
        if len(set(moved)) == settled.max() + 1:
            assert description_length(layers, moved) >= length - 1e-8


def test_the_classes_of_the_mushroom_body_are_found_though_their_neurons_do_not_meet_one_another() -> None:
    connectome = load("mushroom-body-left")
    division = divide(build(connectome), BlockModel(runs=1))
    classes = connectome.neurons.neuron_class
    kenyon = classes.is_("kenyon")
    for part in division.parts:
        share = kenyon[part.members].mean()
        assert share < 0.15 or share > 0.85, f"{part.name} mixes Kenyon cells with others"


@pytest.mark.parametrize("seed", range(3))
def test_communities_are_found_where_neurons_meet_their_own(seed: int) -> None:
    pytest.importorskip("sknetwork", reason="communities need scikit-network")
    topology, label = planted(ASSORTATIVE, POSITIVE, seed)
    found = Communities(runs=4, seed=seed)(topology)
    assert adjusted_rand_score(label, found.label) > 0.9
    assert found.step.arguments["agreement_of_runs"] > 0.9


def test_communities_are_blind_to_a_cycle_of_groups_that_the_block_model_sees() -> None:
    pytest.importorskip("sknetwork", reason="communities need scikit-network")
    topology, label = planted(RATES, POSITIVE, 0)
    assert adjusted_rand_score(label, Communities(runs=4)(topology).label) < 0.6


def test_the_same_seed_gives_the_same_communities_however_often_and_another_seed_may_give_others() -> None:
    pytest.importorskip("sknetwork", reason="communities need scikit-network")
    topology = build(load("mushroom-body-left"))
    found = [Communities((1.0,), runs=2, seed=seed)._runs(topology, 1.0) for seed in (0, 1, 0, 0)]
    assert all(np.array_equal(found[0], again) for again in found[2:])
    assert not np.array_equal(found[0], found[1])
    rule = Communities((1.0, 2.0), runs=3, seed=5)
    one, other = rule(topology), rule(topology)
    assert np.array_equal(one.label, other.label) and one.step == other.step


def test_the_lowest_resolution_is_taken_whose_runs_agree_nearly_as_well_as_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight neurons and three runs, whose agreement is known."""
    halves = np.repeat([0, 1], 4)

    def runs(rule: Communities, _topology: Topology, resolution: float) -> list[np.ndarray]:
        made = [halves.copy() for _ in range(3)]
        match resolution:
            case 0.5:  # one run does not divide
                made[1][:] = 0
            case 0.7:  # one run has a neuron elsewhere
                made[2][0] = 1
        return made

    monkeypatch.setattr(Communities, "_runs", runs)
    topology = Topology.of(8, np.arange(8), np.roll(np.arange(8), 1), np.ones(8))
    found = Communities((0.5, 0.7, 1.0, 1.4), runs=3)(topology)
    once = adjusted_rand_score(halves, [1, *halves[1:]])
    assert found.step.arguments["agreement_by_resolution"] == {
        0.7: round((1 + 2 * once) / 3, 3),
        1.0: 1.0,
        1.4: 1.0,
    }
    assert found.step.arguments["resolution"] == 1.0
    assert Communities((0.7, 1.4), runs=3)(topology).step.arguments["resolution"] == 1.4
    monkeypatch.setattr("anlage.topology.structure.NEAR", 0.5)
    assert Communities((0.7, 1.4), runs=3)(topology).step.arguments["resolution"] == 0.7
    # Of the runs of 0.7 the odd one is not taken.
    assert np.array_equal(Communities((0.7,), runs=3)(topology).label, halves)


def test_communities_do_not_look_at_signs() -> None:
    pytest.importorskip("sknetwork", reason="communities need scikit-network")
    topology, _ = planted(ASSORTATIVE, POSITIVE, 0)
    signed = Topology.of(topology.n_neurons, topology.pre, topology.post, np.where(topology.pre % 3, 1.0, -1.0))
    rule = Communities(runs=3)
    assert np.array_equal(rule(topology).label, rule(signed).label)


def test_without_scikit_network_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sknetwork.clustering", None)
    with pytest.raises(AnlageError, match=r"pip install 'anlage\[communities\]'"):
        Communities()(planted(RATES, POSITIVE, 0)[0])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda: BlockModel(runs=0), "runs is 0"),
        (lambda: BlockModel(n_parts=0), "n_parts is 0"),
        (lambda: Communities(runs=1), "runs is 1"),
        (lambda: Communities(resolutions=(0.0,)), "all above 0"),
        (
            lambda: BlockModel(n_parts=200)(planted(RATES, POSITIVE, 0)[0]),
            "160 neurons cannot be divided into 200 parts",
        ),
        (lambda: BlockModel()(Topology.of(3, *np.zeros((2, 0), int), np.zeros(0))), "There is no edge"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(rule: object, said: str) -> None:
    with pytest.raises(TopologyError, match=said):
        rule()  # type: ignore[operator]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_smallest_graphs_are_divided_without_complaint(n: int) -> None:
    topology = Topology.of(n, np.arange(n), np.roll(np.arange(n), 1), np.ones(n))
    assert len(BlockModel(runs=1)(topology).label) == n


def test_the_adjusted_rand_index_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = [rng.integers(k, size=50) for k in (1, 2, 5, 50)]
    for one, other in product(labels, repeat=2):
        assert adjusted_rand(one, other) == pytest.approx(adjusted_rand_score(one, other))
    assert stability([labels[1], labels[1], labels[1]]) == pytest.approx([1, 1, 1])

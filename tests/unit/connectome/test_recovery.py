"""How much of a truth was recovered: closed forms, scikit-image and NetworkX as oracles; phantoms and the baseline on them."""

import sys
from dataclasses import replace
from itertools import pairwise, product
from math import log2

import networkx as nx
import numpy as np
import pytest
from numpy import ndarray
from scipy import ndimage

from anlage.connectome.connectome import Categorical, Connectome
from anlage.connectome.membrane import Baseline, agglomerate, boundaries, matching, segment_block, segment_membrane
from anlage.connectome.phantom import Tissue, phantom
from anlage.connectome.recovery import edits, overlap
from anlage.connectome.roster import Edges, Labels, chemical, neuron_table
from anlage.connectome.segment import OWN_DATA, Rules, connect
from anlage.connectome.volume import ArrayVolume, Grid
from anlage.errors import ConnectomeError, DependencyMissing
from anlage.seed import Seed

SMALL = Tissue(shape=(64, 64, 32), neurons=12, synapses=150, spurious=80)


def compared(truth: ndarray, found: ndarray, chunk: tuple[int, int, int] = (64, 64, 64)) -> tuple[float, float]:
    return overlap(ArrayVolume(truth, chunk), ArrayVolume(found, chunk)).information()


def wiring(n: int, count: dict[tuple[int, int], int]) -> Connectome:
    """Neurons 1 to ``n``."""
    pre, post = (np.array([pair[i] - 1 for pair in count], dtype=np.int64) for i in range(2))
    edges = Edges(pre, post, np.array(list(count.values()), dtype=np.int64), 0, 0)
    ids = np.arange(1, n + 1)
    table = neuron_table(ids, Labels(name=list(map(str, ids)), role=["unknown"] * n))
    return chemical("six", table, edges, Categorical.of([""] * n), OWN_DATA)


def test_variation_of_information_has_its_closed_forms() -> None:
    truth = np.repeat(np.arange(1, 5), 16).reshape(4, 4, 4)
    whole = np.ones_like(truth)
    assert compared(truth, truth) == (0, 0)
    assert compared(truth, whole) == (0, 2)  # four equal neurons in one segment: log2(4) bits of merge
    assert compared(whole, truth) == (2, 0)
    assert compared(truth, truth % 3) == (
        0,
        pytest.approx(0.5),
    )  # two of four neurons share a label: half of it, one bit
    with_background = np.where(truth == 4, 0, truth)
    assert compared(with_background, whole) == (0, pytest.approx(log2(3)))  # what has no true label is left out


@pytest.mark.parametrize("chunk", [(64, 64, 64), (16, 16, 16)])
def test_variation_of_information_is_scikit_images(chunk: tuple[int, int, int]) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(0)
    truth = np.kron(rng.integers(1, 30, (10, 12, 8)), np.ones((8, 8, 8), dtype=np.int64))
    found = np.where(rng.random(truth.shape) < 0.3, rng.integers(1, 7, truth.shape), truth // 2)
    split, merge = compared(truth, found, chunk)
    # Theirs are H(image1 | image0) and H(image0 | image1).
    assert (split, merge) == pytest.approx(tuple(metrics.variation_of_information(truth, found)))
    assert split > 0.5 and merge > 0.5 and abs(split - merge) > 0.1


def test_neurons_are_matched_by_mutually_largest_overlap() -> None:
    truth = np.array([1] * 10 + [2] * 10 + [3] * 4 + [0] * 6).reshape(30, 1, 1)
    found = np.array([7] * 6 + [8] * 4 + [9] * 14 + [5] * 6).reshape(30, 1, 1)
    # 9 covers 2 (10 voxels) and 3 (4): it is 2, and 3 has nothing; 8 is a piece of 1, which is 7's; 5 lies on no neuron.
    assert overlap(ArrayVolume(truth), ArrayVolume(found)).match() == {7: 1, 9: 2}


def test_edits_are_counted_by_hand() -> None:
    truth = wiring(4, {(1, 2): 3, (2, 3): 1, (3, 4): 2})
    found = wiring(5, {(1, 2): 5, (3, 2): 1, (4, 5): 2, (2, 3): 1})
    e = edits(truth, found, {1: 1, 2: 2, 3: 3, 4: 4})
    assert (e.neurons_missed, e.neurons_false, e.edges_missed, e.edges_false, e.weights_wrong) == (0, 1, 1, 2, 1)
    assert (e.synapses_wrong, e.edges_right, e.distance) == (2, 2, 5)
    assert (e.precision, e.recall) == (2 / 4, 2 / 3)
    fewer = edits(truth, found, {1: 1, 2: 2})  # edges of neurons without a match are missed and false
    assert (fewer.neurons_missed, fewer.neurons_false, fewer.edges_missed, fewer.edges_false) == (2, 3, 2, 3)
    assert edits(truth, truth, {i: i for i in range(1, 5)}).distance == 0
    with pytest.raises(ConnectomeError, match="one true neuron to two"):
        edits(truth, found, {1: 1, 2: 1})


def test_the_distance_is_networkx_graph_edit_distance_minimised_over_matchings() -> None:
    rng = np.random.default_rng(1)
    for _ in range(6):
        graphs, wirings = [], []
        for n in (3, 4):
            count = {
                (a, b): int(rng.integers(1, 3))
                for a, b in product(range(1, n + 1), repeat=2)
                if a != b and rng.random() < 0.5
            }
            count[1, 2] = 1
            graph = nx.DiGraph()
            graph.add_nodes_from(range(1, n + 1))
            graph.add_weighted_edges_from([(a, b, w) for (a, b), w in count.items()])
            graphs.append(graph)
            wirings.append(wiring(n, count))
        ours = []
        for images in product([None, 1, 2, 3], repeat=4):
            match = {f: t for f, t in zip(range(1, 5), images, strict=True) if t is not None}
            if len(set(match.values())) == len(match):
                ours.append(edits(wirings[0], wirings[1], match).distance)
        theirs = nx.graph_edit_distance(*graphs, edge_match=lambda a, b: a["weight"] == b["weight"])
        assert min(ours) == theirs
        assert max(ours) > theirs


def test_volumes_of_two_shapes_are_not_compared() -> None:
    a, b = (ArrayVolume(np.ones((2, 2, n), dtype=np.int64)) for n in (2, 3))
    with pytest.raises(ConnectomeError, match="compare volumes of one shape"):
        overlap(a, b)
    with pytest.raises(ConnectomeError, match="No voxel has a true label"):
        compared(np.zeros((2, 2, 2), dtype=np.int64), np.ones((2, 2, 2), dtype=np.int64))


def test_a_phantom_is_what_it_says() -> None:
    p = phantom(SMALL, Seed(3).rng())
    assert 8 <= p.labels.max() <= 12 and p.labels.min() == 1
    pre, post = (p.labels[tuple(np.floor(p.grid.places(x)).astype(int).T)] for x in (p.true.pre_nm, p.true.post_nm))
    assert len(pre) == 150 and (pre != post).all()
    wired = set(zip(pre.tolist(), post.tolist(), strict=True))
    assert not wired & {(b, a) for a, b in wired}  # every pair is wired one way
    # Synapses lie across a contact: the way from one side to the other is twice the depth.
    assert np.linalg.norm(p.true.pre_nm - p.true.post_nm, axis=1) == pytest.approx(2 * SMALL.depth_nm)
    assert len(p.annotated) == 230 and len(p.true.score) == 0
    real, spurious = p.annotated.score[:150], p.annotated.score[150:]
    assert abs(real.mean() - 5 / 7) < 0.05 and abs(spurious.mean() - 2 / 7) < 0.07  # means of their beta distributions
    edge = np.zeros(p.labels.shape, dtype=bool)
    for axis in range(3):
        edge |= (
            np.take(p.labels, np.minimum(np.arange(p.labels.shape[axis]) + 1, p.labels.shape[axis] - 1), axis)
            != p.labels
        )
    assert p.membrane[edge].mean() > 0.5 > 0.25 > p.membrane[~ndimage.binary_dilation(edge, iterations=3)].mean()
    for label in range(1, p.labels.max() + 1):
        sizes = np.bincount(ndimage.label(p.labels == label, np.ones((3, 3, 3)))[0].ravel())[1:]
        assert sizes.max() > 0.9 * sizes.sum()  # a neurite is one piece, but for voxels at its edges


def test_a_phantom_is_a_function_of_its_seed() -> None:
    a, b, c = (phantom(SMALL, Seed(seed).rng()) for seed in (3, 3, 4))
    assert np.array_equal(a.membrane, b.membrane) and np.array_equal(a.annotated.pre_nm, b.annotated.pre_nm)
    assert not np.array_equal(a.labels, c.labels)
    with pytest.raises(ConnectomeError, match="two neurites or more"):
        replace(SMALL, neurons=1)


def test_true_labels_and_true_points_give_the_true_connectome_back() -> None:
    p = phantom(SMALL, Seed(3).rng())
    volume = ArrayVolume(p.labels, (16, 16, 16))
    pre, post = (p.labels[tuple(np.floor(p.grid.places(x)).astype(int).T)] for x in (p.true.pre_nm, p.true.post_nm))
    pairs, n = np.unique(np.stack([pre, post], axis=1), axis=0, return_counts=True)
    c = connect(volume, p.grid, p.true, name="p")
    assert np.array_equal(np.stack([c.neurons.id[c.pre], c.neurons.id[c.post]], axis=1), pairs)
    assert np.array_equal(c.synapse_count, n)


def test_boundaries_are_measured_by_area_and_mean() -> None:
    labels = np.ones((2, 2, 2), dtype=np.int64)
    labels[1] = 2
    labels[1, 1, 1] = 3
    probability = np.zeros((2, 2, 2))
    probability[1, 0, 0] = 1.0
    pairs, total, area = boundaries(labels, probability, (2.0, 3.0, 5.0))
    assert pairs.tolist() == [[1, 2], [1, 3], [2, 3]]
    assert area.tolist() == [3 * 15, 15, 10 + 6]  # faces across x are 3 x 5, across y 2 x 5, across z 2 x 3 nm²
    assert total.tolist() == [15 / 2, 0, 0]


def slow_agglomeration(n: int, pairs: ndarray, total: ndarray, area: ndarray, join: float) -> list[set[int]]:
    """Measure every pair of groups anew after each union."""
    groups = [{i} for i in range(1, n + 1)]
    while True:
        best = None
        for i, a in enumerate(groups):
            for b in groups[i + 1 :]:
                rows = [k for k, (u, v) in enumerate(pairs) if (u in a and v in b) or (u in b and v in a)]
                if rows and (mean := total[rows].sum() / area[rows].sum()) < join and (best is None or mean < best[0]):
                    best = mean, a, b
        if best is None:
            return groups
        _, a, b = best
        groups = [g for g in groups if g not in (a, b)] + [a | b]


def test_agglomeration_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(5)
    for join in (0.0, 0.3, 0.5, 1.0):
        pairs = np.array([(a, b) for a in range(1, 13) for b in range(a + 1, 13) if rng.random() < 0.35])
        area = rng.integers(1, 9, len(pairs)).astype(float)
        total = rng.random(len(pairs)) * area
        new = agglomerate(12, pairs, total, area, join)
        groups = {frozenset(np.flatnonzero(new == label).tolist()) for label in range(1, new.max() + 1)}
        assert groups == {frozenset(g) for g in slow_agglomeration(12, pairs, total, area, join)}
        assert new[0] == 0 and all(b - a <= 1 for a, b in pairwise(np.maximum.accumulate(new).tolist()))


def walls(shape: tuple[int, int, int] = (60, 40, 24)) -> tuple[ndarray, ndarray]:
    """Three tubes along x with membranes of certainty between, and what they should become."""
    truth = np.ones(shape, dtype=np.int64)
    truth[:, 14:], truth[:, 27:] = 2, 3
    membrane = np.zeros(shape, dtype=np.float32)
    membrane[:, 13:15] = membrane[:, 26:28] = 1
    return truth, membrane


@pytest.mark.parametrize("block", [(256, 256, 128), (24, 40, 24), (20, 16, 24), (17, 13, 11)])
def test_tubes_are_found_whole_whatever_the_blocks(block: tuple[int, int, int]) -> None:
    pytest.importorskip("skimage")
    truth, membrane = walls()
    found = np.zeros(truth.shape, dtype=np.int64)
    rules = Baseline(block=block, overlap=(5, 4, 4), seed_nm=20.0)
    assert segment_membrane(ArrayVolume(membrane), Grid((10.0, 10.0, 10.0)), found, rules) == 3
    met = overlap(ArrayVolume(truth), ArrayVolume(found))
    assert len(met.match()) == 3 and sorted(np.unique(found)) == [1, 2, 3]
    assert sum(met.information()) < 0.4  # within a voxel of the middle of the wall


def test_bytes_are_probabilities_too_and_other_numbers_are_refused() -> None:
    pytest.importorskip("skimage")
    _, membrane = walls()
    grid, rules = Grid((10.0, 10.0, 10.0)), Baseline(seed_nm=20.0)
    labels = [np.zeros(membrane.shape, dtype=np.int64) for _ in range(2)]
    for found, values in zip(labels, (membrane, (membrane * 255).astype(np.uint8)), strict=True):
        segment_membrane(ArrayVolume(values), grid, found, rules)
    assert np.array_equal(*labels)
    with pytest.raises(ConnectomeError, match=r"from 0\.0 to 7\.0 of type float32, but a probability"):
        segment_membrane(ArrayVolume(membrane * 7), grid, labels[0], rules)
    with pytest.raises(ConnectomeError, match="less than half a block"):
        Baseline(block=(8, 8, 8), overlap=(4, 4, 4))
    with pytest.raises(ConnectomeError, match="probabilities lie between"):
        Baseline(join=1.5)


def test_pieces_are_the_same_when_they_share_most_of_both() -> None:
    pytest.importorskip("skimage")
    one, other = np.zeros((2, 12, 1, 1), dtype=np.int64)
    one[:] = 1
    one[5:7] = 2  # the label 1 passes through this place twice
    other[:5], other[5:8], other[8:] = 4, 5, 6
    # 1's first piece is 4 (5 of 5), its second shares 4 of 5 with 6, 2 shares 2 of 3 with 5.
    assert matching(one, other, 0.5).tolist() == [[1, 4], [1, 6], [2, 5]]
    assert matching(one, other, 0.75).tolist() == [[1, 4], [1, 6]]


def test_blocks_cost_little_and_agglomeration_gains_much() -> None:
    pytest.importorskip("skimage")
    p = phantom(SMALL, Seed(3).rng())
    truth = connect(ArrayVolume(p.labels), p.grid, p.true, name="truth")
    recall, information = {}, {}
    for name, rules in {
        "baseline": Baseline(),
        "blocks": Baseline(block=(40, 40, 20), overlap=(12, 12, 6)),
        "watershed": Baseline(join=0.0),
    }.items():
        found = np.zeros(p.labels.shape, dtype=np.int64)
        n = segment_membrane(ArrayVolume(p.membrane), p.grid, found, rules)
        assert n == found.max() and found.min() == 1
        met = overlap(ArrayVolume(p.labels), ArrayVolume(found))
        c = connect(ArrayVolume(found), p.grid, p.annotated, Rules(threshold=0.4), name=name)
        recall[name], information[name] = edits(truth, c, met.match()).recall, sum(met.information())
    assert recall["baseline"] > recall["watershed"]
    assert information["watershed"] > 2 * information["baseline"]
    assert information["blocks"] < information["baseline"] + 0.5


def test_a_block_without_membrane_or_without_cytoplasm_is_one_segment() -> None:
    pytest.importorskip("skimage")
    for value in (0.0, 1.0):
        assert (segment_block(np.full((5, 5, 5), value), (1.0, 1.0, 1.0), Baseline()) == 1).all()


def test_without_scikit_image_the_error_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.measure", None)
    with pytest.raises(DependencyMissing, match=r"pip install 'anlage\[scan\]'"):
        segment_block(walls()[1], (1.0, 1.0, 1.0), Baseline())

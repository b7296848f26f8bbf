import numpy as np
import pytest
from numpy import ndarray

from anlage.errors import TopologyError, UnknownName
from anlage.topology import Step, Topology


def graph(edges: list[tuple[int, int]], weight: list[float] | None = None, n: int = 4, **groups: list[int]) -> Topology:
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    named = {name: np.array(rows, dtype=np.int64) for name, rows in groups.items()}
    return Topology.of(n, ends[:, 0], ends[:, 1], np.array(weight or [1.0] * len(edges)), groups=named)


def test_edges_in_any_order_become_the_same_post_major_topology() -> None:
    one = graph([(0, 1), (3, 0), (2, 1)], [1.0, 2.0, 3.0])
    other = graph([(2, 1), (0, 1), (3, 0)], [3.0, 1.0, 2.0])
    for topology in (one, other):
        assert topology.post.tolist() == [0, 1, 1] and topology.pre.tolist() == [3, 0, 2]
        assert topology.weight.tolist() == [2.0, 1.0, 3.0]


def test_dense_and_sparse_matrices_have_the_receiver_in_rows() -> None:
    topology = graph([(0, 1), (3, 0), (2, 2)], [5.0, 6.0, 7.0])
    expected = np.zeros((4, 4))
    expected[1, 0], expected[0, 3], expected[2, 2] = 5.0, 6.0, 7.0
    np.testing.assert_array_equal(topology.dense(), expected)
    np.testing.assert_array_equal(topology.csr().toarray(), expected)
    np.testing.assert_array_equal(topology.csr().data, topology.weight)


@pytest.mark.parametrize(
    ("pre", "post", "weight", "sentence"),
    [
        ([0, 1], [1, 2], [1.0, float("nan")], "1 of 2 weights are not finite"),
        ([0, 1], [1, 2], [float("inf"), float("nan")], "2 of 2 weights are not finite"),
        ([0, 0], [1, 1], [1.0, 2.0], "must be unique"),
        ([0, 9], [1, 2], [1.0, 2.0], "'pre' names neurons 0 to 9"),
        ([0, 1], [-1, 2], [1.0, 2.0], "'post' names neurons -1 to 2"),
    ],
)
def test_impossible_edges_are_refused_in_one_sentence(
    pre: list[int], post: list[int], weight: list[float], sentence: str
) -> None:
    with pytest.raises(TopologyError, match=sentence):
        Topology.of(4, np.array(pre), np.array(post), np.array(weight))


def test_unordered_edges_are_refused_by_the_constructor_and_sent_to_the_factory() -> None:
    with pytest.raises(TopologyError, match=r"use Topology\.of to sort"):
        Topology(4, np.array([0, 1]), np.array([2, 1]), np.array([1.0, 1.0]))


def test_a_group_that_points_outside_is_refused() -> None:
    with pytest.raises(TopologyError, match="'input' names neurons 2 to 4"):
        graph([(0, 1)], input=[2, 4])


def test_a_group_is_the_sorted_union_of_its_names_without_repeats() -> None:
    topology = graph([(0, 1)], a=[3, 1], b=[1, 0])
    assert topology.group(("a", "b")).tolist() == [0, 1, 3]
    assert topology.group(("all",)).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("names", [(), ("nobody",)])
def test_an_empty_group_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(TopologyError, match="has no neurons here"):
        graph([(0, 1)], nobody=[]).group(names)


def test_an_unknown_group_is_answered_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownName, match="did you mean 'output'"):
        graph([(0, 1)], output=[1]).group(("outputs",))


def test_a_step_is_printed_as_the_call_that_it_was() -> None:
    assert (
        str(Step("build", {"kinds": ("chemical",), "min_synapses": 2})) == "build(kinds=('chemical',), min_synapses=2)"
    )


def test_reweighting_keeps_the_edges_and_adds_to_the_history() -> None:
    before = graph([(0, 1), (1, 2)], [1.0, 2.0], input=[0])
    after = before.reweighted(Step("double"), before.weight * 2)
    kept: tuple[ndarray, ...] = (after.pre, after.post)
    assert all(np.array_equal(*pair) for pair in zip(kept, (before.pre, before.post), strict=True))
    assert after.weight.tolist() == [2.0, 4.0] and before.weight.tolist() == [1.0, 2.0]
    assert [str(step) for step in after.history] == ["double()"] and before.history == ()
    assert after.groups["input"].tolist() == [0]

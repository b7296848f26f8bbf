"""Renumbering against permuted matrices."""

import numpy as np
import pytest

from anlage.errors import TopologyError
from anlage.topology import Topology
from anlage.topology.renumber import near, renumber


def test_renumbering_permutes_rows_columns_and_groups_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    post, pre = np.nonzero(rng.random((9, 9)) < 0.4)
    topology = Topology.of(9, pre, post, rng.normal(size=len(pre)), groups={"input": np.array([1, 4, 7])})
    order = rng.permutation(9)
    other = renumber(topology, order)
    np.testing.assert_array_equal(other.dense(), topology.dense()[np.ix_(order, order)])
    assert set(order[other.groups["input"]]) == {1, 4, 7}
    assert renumber(other, np.argsort(order)).fingerprint == topology.fingerprint
    assert other.history[-1].function == "renumber"


def test_near_brings_a_shuffled_chain_back_in_line() -> None:
    order = np.random.default_rng(1).permutation(50)
    chain = renumber(Topology.of(50, np.arange(49), np.arange(1, 50), np.ones(49)), order)
    assert np.abs(chain.pre - chain.post).max() > 10
    lined = renumber(chain, near(chain))
    assert np.abs(lined.pre - lined.post).max() == 1


@pytest.mark.parametrize("order", [np.arange(4), np.array([0, 1, 1]), np.array([0, 1, 3])])
def test_an_order_that_is_none_is_refused(order: np.ndarray) -> None:
    with pytest.raises(TopologyError, match="must name each of the 3 neurons once"):
        renumber(Topology.of(3, np.array([0]), np.array([1]), np.ones(1)), order)

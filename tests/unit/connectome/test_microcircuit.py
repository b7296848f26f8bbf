"""The microcircuit against the numbers of the paper and of its reference implementation."""

import numpy as np
import pytest
from scipy.stats import binom

from anlage.connectome.library import load
from anlage.connectome.microcircuit import POPULATIONS, PROBABILITY, microcircuit, n_synapses
from anlage.errors import ConnectomeError, TopologyError, UnknownName
from anlage.learning import read_recipe
from anlage.topology import Topology, build, shrink
from anlage.topology.laminar import DEEP_PREDICTS, LAMINAR, Roles


def test_at_full_size_it_is_the_published_network() -> None:
    """77,169 neurons and about 0.3 billion synapses (Potjans & Diesmann 2014, abstract and table 5)."""
    size = np.array(list(POPULATIONS.values()))
    assert size.sum() == 77_169
    assert n_synapses(size).sum() == pytest.approx(0.3e9, rel=0.01)


def test_the_number_of_synapses_leaves_pairs_apart_as_often_as_published() -> None:
    """The chance that none of K uniform draws falls on a pair, by the binomial distribution."""
    size = np.array([12, 30, 40, 9, 50, 20, 60, 25])
    apart = binom.pmf(0, n_synapses(size), 1 / np.multiply.outer(size, size))
    assert np.allclose(1 - apart, PROBABILITY, atol=0.003)


def test_every_pair_of_populations_is_wired_as_often_as_published() -> None:
    """Over draws the share of wired pairs is the published probability, within four binomial standard errors."""
    draws = [microcircuit(0.01, np.random.default_rng(seed)) for seed in range(4)]
    population = draws[0].neurons.neuron_class.codes
    size = np.bincount(population)
    wired = sum(np.bincount(population[c.post] * 8 + population[c.pre], minlength=64) for c in draws).reshape(8, 8)
    pairs = 4 * np.multiply.outer(size, size)
    p = np.array(PROBABILITY)
    assert (np.abs(wired / pairs - p) <= 4 * np.sqrt(p * (1 - p) / pairs) + 0.5 / np.multiply.outer(size, size)).all()


def test_synapses_are_counted_and_signed_by_who_sends_them() -> None:
    c = load("microcircuit")
    size = np.array([max(1, round(0.01 * n)) for n in POPULATIONS.values()])
    assert c.n_neurons == size.sum() == 771
    assert c.synapse_count.sum() == n_synapses(size).sum()
    sends = np.array(list(POPULATIONS))[c.neurons.neuron_class.codes[c.pre]]
    assert all((name[-1] == "I") == (sign == -1) for name, sign in zip(sends, c.sign, strict=True))
    assert np.array_equal(c.transmitter.is_("GABA"), c.sign == -1)


def test_without_a_stream_it_is_one_draw_and_with_one_another() -> None:
    assert np.array_equal(load("microcircuit").pre, microcircuit().pre)
    other = microcircuit(rng=np.random.default_rng(1))
    assert len(other.pre) != len(microcircuit().pre) or not np.array_equal(other.pre, microcircuit().pre)


def test_smaller_ones_keep_the_proportions() -> None:
    topology = build(microcircuit(0.01))
    smaller = shrink(topology, 0.4, np.random.default_rng(0)).topology
    for name in POPULATIONS:
        assert len(smaller.groups[f"class:{name}"]) == pytest.approx(0.4 * len(topology.groups[f"class:{name}"]), abs=1)


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ConnectomeError, match="above 0 and at most 1"):
        microcircuit(share)


@pytest.mark.parametrize("name", LAMINAR)
def test_both_presets_name_groups_that_the_microcircuit_has_and_are_ports_of_a_recipe(name: str) -> None:
    roles = LAMINAR[name]
    topology = build(load("microcircuit"))
    roles.demand(topology)
    text = f'name = "x"\ntopology = {{ connectome = "microcircuit" }}\n[ports]\ninput = {list(roles.input)}\n'
    recipe = read_recipe(text + f"output = {list(roles.predict)}\n")
    assert (recipe.ports.input, recipe.ports.output) == (roles.input, roles.predict)
    assert recipe.topology.topology().n_neurons == 771


def test_the_presets_disagree_on_who_predicts() -> None:
    deep, superficial = (set(roles.predict) for roles in LAMINAR.values())
    assert not deep & superficial


def test_roles_are_refused_on_a_wiring_without_layers() -> None:
    with pytest.raises(UnknownName, match="region:L4"):
        DEEP_PREDICTS.demand(build(load("worm")))
    nobody = Topology.of(1, np.zeros(0, int), np.zeros(0, int), np.zeros(0), groups={"x": np.zeros(0, np.int64)})
    with pytest.raises(TopologyError, match="no neurons"):
        Roles(("x",), ("x",), ("x",), "").demand(nobody)

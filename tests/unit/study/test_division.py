"""The account of parts against counting by hand, the picture against its own marks, and every part as a network of its own."""

import numpy as np
import pytest
import torch

from anlage.connectome.library import load
from anlage.errors import DataMissing
from anlage.network import Physiology, RecurrentNetwork
from anlage.study.canvas import png
from anlage.study.division import depth, part_accounts, part_record, part_table, sides
from anlage.study.division_figure import division_figure, layout, shown
from anlage.topology import Topology, build
from anlage.topology.divide import Annotation, Division, divide
from anlage.topology.function import LARVA, modalities


def chain() -> Division:
    """Input 0 -> 1 -> 2 -> output 3, back from 2 to 1, and 4 by itself; parts a = {0, 1}, b = {2, 3}, others = {4}."""
    groups = {
        "input": np.array([0]),
        "output": np.array([3]),
        "half:a": np.array([0, 1]),
        "half:b": np.array([2, 3]),
        "class:x": np.array([0, 1, 2]),
        "side:left": np.array([0, 2]),
        "side:right": np.array([1]),
    }
    pre, post, weight = np.array([0, 1, 2, 2]), np.array([1, 2, 3, 1]), np.array([5.0, -3.0, 2.0, 1.0])
    return divide(Topology.of(5, pre, post, weight, groups=groups), Annotation("half"))


def test_parts_are_counted_as_by_hand() -> None:
    a, b, others = part_accounts(chain())
    assert (a.name, a.neurons, a.entry, a.exit, a.inside, a.arriving, a.leaving) == ("a", 2, 2, 1, 1, 1, 1)
    assert (b.neurons, b.entry, b.exit, b.inside, b.arriving, b.leaving) == (2, 1, 2, 1, 1, 1)
    assert (a.hops, a.from_input, a.to_output, a.mostly) == (0, 0.5, 2.5, "x 100%")
    assert (b.from_input, b.to_output, b.mostly) == (2.5, 0.5, "x 50%")
    assert (others.entry, others.exit, others.hops, others.mostly) == (0, 0, -1, "")
    assert np.isnan([others.from_input, others.to_output]).all()
    assert depth(chain()) == pytest.approx([0.5 / 3, 2.5 / 3, 0.5])
    assert sides(chain()).tolist() == [[1, 1], [1.5, 0.5], [0.5, 0.5]]


def test_the_table_has_a_line_for_every_part() -> None:
    head, *lines = part_table(chain())
    assert head.split()[:4] == ["part", "neurons", "entry", "exit"]
    assert [line.split()[0] for line in lines] == ["a", "b", "others"]
    assert lines[2].split()[-3:] == ["none", "-", "-"]


def test_the_record_names_every_neuron_once_by_its_id() -> None:
    ids = np.array([11, 22, 33, 44, 55])
    parts = part_record(chain(), ids)["parts"]
    assert sorted(i for part in parts for i in part["neurons"]) == ids.tolist()  # type: ignore[attr-defined]
    assert parts[0]["exit"] == [22]  # type: ignore[index]


def test_flows_are_drawn_from_their_share_on_and_every_part_has_its_strongest() -> None:
    assert shown(chain()).tolist() == [[False, True, False], [True, False, False], [False, False, False]]


@pytest.mark.parametrize("by", ["role", "class", "cell_type"])
def test_no_disc_leaves_the_sheet_or_covers_another_and_columns_follow_depth(by: str) -> None:
    division = divide(build(load("worm")), Annotation(by))
    place = layout(division)
    at = depth(division)
    for i in range(len(at)):
        for j in range(i):
            if by != "cell_type":  # 118 parts are drawn as a matrix
                gap = np.hypot(place.x[i] - place.x[j], place.y[i] - place.y[j])
                assert gap >= place.radius[i] + place.radius[j]
            assert not (at[i] < at[j] and place.column[i] > place.column[j])


@pytest.mark.parametrize("by", ["role", "cell_type"])
def test_the_picture_is_the_same_bytes_every_time_and_names_its_parts(by: str) -> None:
    division = divide(build(load("worm")), Annotation(by))
    figure = division_figure(division, "the worm")
    assert png(figure) == png(division_figure(division, "the worm"))
    said = {text.get_text() for ax in figure.axes for text in ax.texts}
    assert "the worm" in said
    assert (set(division.names) <= said) == (by == "role")


@pytest.mark.parametrize("name", ["worm", "larva"])
def test_every_part_with_ports_runs_as_a_network_of_its_own(name: str) -> None:
    try:
        topology = build(load(name), weights="log")
    except DataMissing as missing:
        pytest.skip(str(missing))
    division = divide(topology, LARVA if name == "larva" else modalities(topology))
    ran = []
    for part in division.parts:
        if not len(part.entry) or not len(part.exit):
            continue
        generator = torch.Generator().manual_seed(0)
        network = RecurrentNetwork(part.topology, ("entry",), ("exit",), 5, Physiology(), generator)
        assert network.ports.input.tolist() == part.entry.tolist()
        state, prediction = network.step(network.start(2), torch.ones(2, 5))
        assert state.activity.shape == (2, len(part.members))
        assert prediction.shape == (2, 5)
        assert torch.isfinite(prediction).all()
        ran.append(part.name)
    assert len(ran) >= len(division.parts) - 1

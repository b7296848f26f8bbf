from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from anlage import load
from anlage.connectome import SIGN_SOURCES, Categorical, Connectome
from anlage.connectome.census import class_rows, degrees, division, edges_by_role, signs_by_source


@pytest.fixture(scope="module")
def worm() -> Connectome:
    return load("worm")


def test_degrees_are_those_of_a_multigraph(worm: Connectome) -> None:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(worm.n_neurons))
    gap = worm.kind.is_("gap_junction")
    for a, b, both in zip(worm.pre.tolist(), worm.post.tolist(), gap.tolist(), strict=True):
        graph.add_edge(a, b)
        if both and a != b:
            graph.add_edge(b, a)
    sent, received = degrees(worm)
    assert sent.tolist() == [graph.out_degree(i) for i in range(worm.n_neurons)]
    assert received.tolist() == [graph.in_degree(i) for i in range(worm.n_neurons)]


def test_every_neuron_is_in_one_row_and_has_one_role(worm: Connectome) -> None:
    rows = class_rows(worm)
    assert {row.name: row.n_neurons for row in rows} == worm.neurons.neuron_class.counts()
    assert [row.n_neurons for row in rows] == sorted((row.n_neurons for row in rows), reverse=True)
    for role, n in worm.neurons.role.counts().items():
        assert sum(row.by_role.get(role, 0) for row in rows) == n
    sent, _ = degrees(worm)
    assert rows[0].median_out == np.median(sent[worm.neurons.neuron_class.is_(rows[0].name)])


def test_edges_between_roles_are_counted_one_by_one(worm: Connectome) -> None:
    label = [worm.neurons.role.labels[code] for code in worm.neurons.role.codes]
    expected: dict[tuple[str, str], int] = {}
    for a, b in zip(worm.pre.tolist(), worm.post.tolist(), strict=True):
        expected[label[a], label[b]] = expected.get((label[a], label[b]), 0) + 1
    assert edges_by_role(worm) == expected


def test_signs_are_counted_by_who_says_so(worm: Connectome) -> None:
    positive, negative = int((worm.sign > 0).sum()), int((worm.sign < 0).sum())
    assert signs_by_source(worm) == {"predicted": (positive, negative)}
    measured = np.where(worm.sign < 0, SIGN_SOURCES.index("measured"), worm.sign_source.codes)
    mixed = replace(worm, sign_source=Categorical(measured, SIGN_SOURCES))
    assert signs_by_source(mixed) == {"measured": (0, negative), "predicted": (positive, 0)}


def test_cell_types_divide_where_no_class_is_named() -> None:
    assert division(load("worm"))[0] == "class"
    eye = load("optic-lobe-1")
    assert division(eye) == ("cell type", eye.neurons.cell_type)

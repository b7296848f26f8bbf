"""From a hand-made connectome of five neurons to its wiring, every number worked out on paper."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from anlage.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, NeuronTable, Source
from anlage.errors import TopologyError, UnknownName
from anlage.topology import Topology, build

NEURONS = NeuronTable(
    id=np.arange(5),
    name=tuple("abcde"),
    role=Categorical.of(["input", "inter", "inter", "output", "unknown"], ROLES),
    side=Categorical.of(["left", "left", "right", "right", "unpaired"]),
    neuron_class=Categorical.of(["sensory", "", "", "motor", ""]),
    cell_type=Categorical.of([""] * 5),
    modality=Categorical.of(["smell", "", "", "", ""]),
    region=Categorical.of([""] * 5),
    pair_id=np.full(5, -1),
    xyz_um=np.full((5, 3), np.nan),
)
# pre, post, synapses, kind, sign, source of the sign, transmitter, axo-dendritic part
ROWS = [
    (0, 1, 3, "chemical", 1, "measured", "acetylcholine", 3),
    (1, 2, 5, "chemical", -1, "predicted", "GABA", 1),
    (1, 2, 2, "gap_junction", 0, "none", "", 0),
    (2, 3, 4, "chemical", 0, "none", "glutamate", 4),
    (3, 3, 6, "gap_junction", 0, "none", "", 0),
    (4, 0, 1, "extrasynaptic", 0, "none", "serotonin", 0),
    (3, 4, 1, "chemical", 1, "assumed", "acetylcholine+GABA", 0),
]


def connectome() -> Connectome:
    pre, post, count, kind, sign, source, transmitter, dendritic = zip(*ROWS, strict=True)
    counts, parts = np.array(count), np.array(dendritic)
    return Connectome(
        "toy",
        NEURONS,
        np.array(pre),
        np.array(post),
        counts,
        Categorical.of(kind, KINDS),
        np.array(sign),
        Categorical.of(source, SIGN_SOURCES),
        Categorical.of(transmitter),
        Source("toy2026", "A toy", "1", "CC0", "here", "@misc{toy2026}"),
        {"axo-dendritic": parts, "axo-axonic": counts - parts},
    )


def edges(topology: Topology) -> dict[tuple[int, int], float]:
    return dict(
        zip(zip(topology.pre.tolist(), topology.post.tolist(), strict=True), topology.weight.tolist(), strict=True)
    )


def test_a_gap_junction_becomes_one_edge_each_way_and_joins_the_chemical_edge_beside_it() -> None:
    assert edges(build(connectome())) == {
        (0, 1): 3.0,
        (1, 2): -5.0 + 2.0,
        (2, 1): 2.0,
        (2, 3): 4.0,
        (3, 3): 6.0,  # a gap junction with itself counts once
        (3, 4): 1.0,
    }


def test_kinds_are_chosen_by_name() -> None:
    assert set(edges(build(connectome(), kinds=("chemical",)))) == {(0, 1), (1, 2), (2, 3), (3, 4)}
    assert edges(build(connectome(), kinds=("extrasynaptic",))) == {(4, 0): 1.0}


def test_a_kind_left_out_of_the_merge_changes_the_weight_beside_it() -> None:
    assert edges(build(connectome(), kinds=("chemical",)))[1, 2] == -5.0


def test_edges_that_cancel_exactly_leave_no_edge() -> None:
    toy = connectome()
    toy = replace(toy, synapse_count=np.where(np.arange(7) == 2, 5, toy.synapse_count), compartments={})
    assert (1, 2) not in edges(build(toy)) and (2, 1) in edges(build(toy))


def test_the_threshold_is_on_synapses_before_kinds_are_merged() -> None:
    assert edges(build(connectome(), min_synapses=4.0)) == {(1, 2): -5.0, (2, 3): 4.0, (3, 3): 6.0}


def test_compartments_choose_part_of_the_synapses_and_come_before_the_threshold() -> None:
    assert edges(build(connectome(), compartments=("axo-dendritic",))) == {(0, 1): 3.0, (1, 2): -1.0, (2, 3): 4.0}
    assert edges(build(connectome(), compartments=("axo-dendritic",), min_synapses=2.0)) == {(0, 1): 3.0, (2, 3): 4.0}
    both = build(connectome(), compartments=("axo-dendritic", "axo-axonic"))
    assert edges(both) == edges(build(connectome()))


@pytest.mark.parametrize(
    ("rule", "sign", "share"),
    [
        # Used edges, gap junctions twice unless with themselves: 0-1, 1-2, gap 1-2, gap 2-1, 2-3, gap 3-3, 3-4: seven.
        ("known", {(0, 1): 1, (1, 2): -1, (2, 3): 1, (3, 4): 1}, 2 / 7),  # 2-3 unknown, 3-4 assumed by the source
        ("transmitter", {(0, 1): 1, (1, 2): -1, (2, 3): 1, (3, 4): 1}, 3 / 7),  # only GABA alone has a sign
    ],
)
def test_signs_follow_the_rule_and_the_assumed_share_is_recorded(
    rule: str, sign: dict[tuple[int, int], int], share: float
) -> None:
    topology = build(connectome(), signs=rule)
    found = edges(topology)
    assert all(np.sign(found[pair]) == s for pair, s in sign.items())
    assert topology.history[0].arguments["assumed_sign_share"] == pytest.approx(share, abs=1e-4)


def test_without_a_sign_rule_every_edge_is_positive_and_every_sign_an_assumption() -> None:
    topology = build(connectome(), signs="none")
    assert (topology.weight > 0).all() and edges(topology)[1, 2] == 7.0
    assert topology.history[0].arguments["assumed_sign_share"] == 1.0


def test_weights_are_counts_logarithms_or_ones() -> None:
    chemical = {"kinds": ("chemical",)}
    assert edges(build(connectome(), weights="binary", **chemical)) == {(0, 1): 1, (1, 2): -1, (2, 3): 1, (3, 4): 1}
    logarithmic = edges(build(connectome(), weights="log", **chemical))
    assert logarithmic[1, 2] == pytest.approx(-np.log(1 + 5)) and logarithmic[3, 4] == pytest.approx(np.log(2))


def test_a_mean_count_below_one_keeps_its_edge_and_its_sign_under_every_weight_rule() -> None:
    toy = replace(connectome(), synapse_count=np.full(7, 0.25), compartments={})
    for rule in ("count", "log", "binary"):
        topology = build(toy, signs="none", weights=rule)
        assert topology.n_edges == 6 and (topology.weight > 0).all()


def test_a_misspelt_rule_is_answered_with_the_nearest() -> None:
    unchecked = inspect.unwrap(build)  # users have no type checks at run time
    with pytest.raises(UnknownName, match="'known'"):
        unchecked(connectome(), signs="knwon")
    with pytest.raises(UnknownName, match="'count'"):
        unchecked(connectome(), weights="counts")


def test_groups_are_roles_and_labelled_columns_without_empty_ones() -> None:
    groups = {name: rows.tolist() for name, rows in build(connectome()).groups.items()}
    assert groups == {
        "unknown": [4],
        "input": [0],
        "inter": [1, 2],
        "output": [3],
        "class:motor": [3],
        "class:sensory": [0],
        "modality:smell": [0],
        "side:left": [0, 1],
        "side:right": [2, 3],
        "side:unpaired": [4],
    }


def test_every_decision_is_in_the_history() -> None:
    topology = build(connectome(), kinds=["chemical"], min_synapses=2.0, signs="none", weights="log")
    (step,) = topology.history
    assert step.reference == "toy2026" and step.function == "build"
    assert dict(step.arguments) == {
        "connectome": "toy",
        "kinds": ("chemical",),
        "compartments": (),
        "min_synapses": 2.0,
        "cancelled_edges": 0,
        "signs": "none",
        "weights": "log",
        "assumed_sign_share": 1.0,
    }


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'chemical'"):
        build(connectome(), kinds=("chemicals",))
    with pytest.raises(UnknownName, match="did you mean 'axo-dendritic'"):
        build(connectome(), compartments=("axodendritic",))
    with pytest.raises(UnknownName, match="does not split its synapses"):
        build(replace(connectome(), compartments={}), compartments=("axo-dendritic",))


def test_a_selection_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(TopologyError, match="No edge of toy is left"):
        build(connectome(), min_synapses=99.0)

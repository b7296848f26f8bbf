"""The optic lobe against the published counts, a brute-force expansion, and a copy kept outside the repository."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from anlage.connectome.connectome import Connectome
from anlage.connectome.optic_lobe import optic_lobe, optic_lobe_columns, trained_optic_lobes
from anlage.connectome.store import read_embedded
from anlage.errors import ConnectomeError

DATA = Path(os.environ.get("ANLAGE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
SPECIFICATION = DATA / "optic_lobe_flyvis" / "fib25-fib19_v2.2.json.gz"
ENSEMBLE = DATA / "optic_lobe_flyvis" / "flyvis_ensemble50.npz"


@pytest.fixture(scope="module")
def lobe() -> Connectome:
    return optic_lobe()


def present(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return path


def brute_force(radius: int, fill_gaps: bool) -> dict[tuple[str, str], tuple[float, int]]:
    """Edges by name of pre and post, one Python loop per neuron and offset."""
    data = read_embedded("optic_lobe")
    names = data["type_name"].tolist()
    stride = dict(zip(names, data["type_stride"].tolist(), strict=True))

    def exists(kind: str, u: int, v: int) -> bool:
        inside = max(abs(u), abs(v), abs(u + v)) <= radius
        return inside and u % stride[kind][0] == 0 and v % stride[kind][1] == 0

    edges = {}
    columns = ("offset_pair", "offset_du", "offset_dv", "offset_n_syn", "offset_filled")
    for pair, du, dv, n_syn, filled in zip(*(data[c].tolist() for c in columns), strict=True):
        pre, post = names[data["pair_pre"][pair]], names[data["pair_post"][pair]]
        for u in range(-radius, radius + 1):
            for v in range(-radius, radius + 1):
                if exists(pre, u, v) and exists(post, u + du, v + dv) and (fill_gaps or not filled):
                    key = (f"{pre}({u},{v})", f"{post}({u + du},{v + dv})")
                    assert key not in edges
                    edges[key] = (n_syn, int(data["pair_sign"][pair]))
    return edges


@pytest.mark.parametrize(("radius", "fill_gaps"), [(0, False), (1, False), (2, False), (2, True)])
def test_the_expansion_equals_one_loop_per_neuron_and_offset(radius: int, fill_gaps: bool) -> None:
    lobe = optic_lobe(radius, fill_gaps)
    name = lobe.neurons.name
    rows = zip(lobe.pre, lobe.post, lobe.synapse_count, lobe.sign, strict=True)
    found = {(name[a], name[b]): (float(n), int(s)) for a, b, n, s in rows}
    assert len(found) == len(lobe.pre)
    assert found == brute_force(radius, fill_gaps)


def test_radius_15_has_the_published_721_columns_and_45669_neurons(lobe: Connectome) -> None:
    assert lobe.n_neurons == 45_669
    assert len(lobe.neurons.cell_type.counts()) == 65
    assert len(np.unique(optic_lobe_columns(15), axis=0)) == 721


def test_filling_the_gaps_gives_the_edges_of_the_paper_and_leaving_them_the_reported_ones(lobe: Connectome) -> None:
    assert len(lobe.pre) == 1_357_269
    filled = optic_lobe(15, fill_gaps=True)
    assert len(filled.pre) == 1_513_231  # "1.51 million" in Lappalainen et al. 2024
    assert filled.synapse_count.sum() - lobe.synapse_count.sum() == pytest.approx(1_513_231 - 1_357_269)


def test_filled_offsets_lie_in_the_hull_of_the_reported_ones_and_leave_no_hole_inside() -> None:
    data = read_embedded("optic_lobe")
    offset = np.stack([data["offset_du"], data["offset_dv"]], axis=1).astype(int)
    n_filled = 0
    for pair in np.unique(data["offset_pair"][data["offset_filled"]]):
        here = data["offset_pair"] == pair
        reported = offset[here & ~data["offset_filled"]]
        added = set(map(tuple, offset[here & data["offset_filled"]].tolist()))
        hull = ConvexHull(reported).equations
        (low, high) = reported.min(axis=0), reported.max(axis=0)
        box = np.mgrid[low[0] : high[0] + 1, low[1] : high[1] + 1].reshape(2, -1).T
        outside = (box @ hull[:, :2].T + hull[:, 2]).max(axis=1)
        known = set(map(tuple, reported.tolist()))
        assert added <= set(map(tuple, box[outside < 1e-9].tolist())) - known
        assert set(map(tuple, box[outside < -1e-9].tolist())) - known <= added
        n_filled += len(added)
    assert n_filled == 238


def test_photoreceptors_are_inputs_and_34_types_are_outputs(lobe: Connectome) -> None:
    types = np.array(lobe.neurons.cell_type.labels)
    kind = {
        role: set(types[np.unique(lobe.neurons.cell_type.codes[lobe.neurons.role.is_(role)])])
        for role in ("input", "output")
    }
    assert kind["input"] == {f"R{i}" for i in range(1, 9)}
    assert len(kind["output"]) == 34
    assert lobe.neurons.role.counts() == {"input": 8 * 721, "inter": 15_387, "output": 34 * 721}
    assert lobe.neurons.modality.counts() == {"": 45_669 - 8 * 721, "visual": 8 * 721}


def test_every_edge_is_signed_and_signs_without_a_reference_are_called_assumed(lobe: Connectome) -> None:
    data = read_embedded("optic_lobe")
    assert ((data["pair_sign"] == 1).sum(), (data["pair_sign"] == -1).sum()) == (377, 228)
    assert (data["pair_sign"][data["pair_reference"] == ""] == 1).all()
    assert (data["pair_reference"] == "").sum() == 267
    assert np.abs(lobe.sign).min() == 1
    assert set(lobe.sign_source.counts()) == {"predicted", "assumed"}
    assert (lobe.sign[lobe.sign_source.is_("assumed")] == 1).all()


def test_the_columns_are_hexagonal_and_follow_the_neurons() -> None:
    lobe, columns = optic_lobe(2), optic_lobe_columns(2)
    named = [tuple(map(int, name[name.rindex("(") + 1 : -1].split(","))) for name in lobe.neurons.name]
    assert named == list(map(tuple, columns.tolist()))
    assert np.abs(columns.sum(axis=1)).max() <= 2
    assert len(columns) == 63 * 19 + 2 * 3  # two of the 65 types skip columns by (3, 2)


def test_a_negative_radius_is_refused_in_one_sentence() -> None:
    with pytest.raises(ConnectomeError, match="cannot reach -1 columns"):
        optic_lobe(-1)


def test_types_pairs_and_offsets_equal_the_copy_kept_outside_the_repository() -> None:
    with gzip.open(present(SPECIFICATION), "rt", encoding="utf-8") as lines:
        kept = json.load(lines)
    data = read_embedded("optic_lobe")
    types = data["type_name"].tolist()
    assert types == [node["name"] for node in kept["nodes"]]
    assert data["type_stride"].tolist() == [node["pattern"][1] for node in kept["nodes"]]
    reported = ~data["offset_filled"]
    columns = [data[c][reported].tolist() for c in ("offset_pair", "offset_du", "offset_dv", "offset_n_syn")]
    expected = [(i, *o[0], o[1]) for i, edge in enumerate(kept["edges"]) for o in edge["offsets"]]
    assert list(zip(*columns, strict=True)) == expected
    for i, edge in enumerate(kept["edges"]):
        assert (types[data["pair_pre"][i]], types[data["pair_post"][i]]) == (edge["src"], edge["tar"])
        assert data["pair_sign"][i] == edge["alpha"]


def test_fifty_trained_models_have_one_parameter_per_type_or_pair() -> None:
    trained = trained_optic_lobes()
    assert trained.bias.shape == trained.time_const_s.shape == (50, 65)
    assert trained.strength.shape == (50, 604)
    assert len(trained.group_pair) == 2_355
    assert trained.strength.min() >= 0 and trained.time_const_s.min() > 0
    assert "lappalainen2024" in trained.source.bibtex


def test_the_trained_models_have_exactly_the_wiring_of_the_filled_optic_lobe() -> None:
    trained, radius = trained_optic_lobes(), 4
    lobe, columns = optic_lobe(radius, fill_gaps=True), optic_lobe_columns(radius)
    cell_type = lobe.neurons.cell_type.codes
    step = columns[lobe.post] - columns[lobe.pre]
    edge = np.stack([cell_type[lobe.pre], cell_type[lobe.post], step[:, 0], step[:, 1]], axis=1)
    kinds, first = np.unique(edge, axis=0, return_index=True)
    found = {tuple(k): (lobe.synapse_count[i], lobe.sign[i]) for k, i in zip(kinds.tolist(), first, strict=True)}
    pair = trained.group_pair
    group = np.stack([trained.pair_pre[pair], trained.pair_post[pair], trained.group_du, trained.group_dv], axis=1)
    weights = zip(trained.group_n_syn, trained.pair_sign[pair], strict=True)
    expected = dict(zip(map(tuple, group.tolist()), weights, strict=True))
    assert set(found) <= set(expected)
    assert all(found[k][0] == pytest.approx(expected[k][0], rel=1e-5) for k in found)
    assert all(found[k][1] == expected[k][1] for k in found)


def test_the_trained_parameters_equal_the_copy_kept_outside_the_repository() -> None:
    trained = trained_optic_lobes()
    with np.load(present(ENSEMBLE), allow_pickle=False) as kept:
        for ours in (
            "bias",
            "time_const_s",
            "strength",
            "pair_sign",
            "group_pair",
            "group_du",
            "group_dv",
            "group_n_syn",
        ):
            np.testing.assert_array_equal(getattr(trained, ours), kept[ours])
        np.testing.assert_array_equal(trained.pair_pre, kept["pair_source"])
        np.testing.assert_array_equal(trained.pair_post, kept["pair_target"])

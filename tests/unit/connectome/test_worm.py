"""The worm against published counts, textbook neurons, and a copy kept outside the repository."""

import csv
import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anlage.connectome.connectome import Connectome
from anlage.connectome.store import read_embedded
from anlage.connectome.worm import witvliet, worm, worm_annotations, worm_male, worm_monoamine, worm_peptide
from anlage.errors import ConnectomeError

DATA = Path(os.environ.get("ANLAGE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "celegans"

# Witvliet et al. 2021 as released with cect: neurons and chemical edges of animals 1 to 8.
SERIES = [(161, 675), (162, 865), (162, 887), (168, 1_011), (174, 1_324), (175, 1_315), (181, 1_944), (180, 1_933)]


@pytest.fixture(scope="module")
def herm() -> Connectome:
    return worm()


def kept(name: str) -> Path:
    if not (path := DATA / name).exists():
        pytest.skip(f"{path} is not on this machine")
    return path


def edges(connectome: Connectome, kind: str) -> np.ndarray:
    rows = connectome.kind.is_(kind)
    return np.stack([connectome.pre[rows], connectome.post[rows], connectome.synapse_count[rows]])


def row(connectome: Connectome, name: str) -> int:
    return connectome.neurons.name.index(name)


def test_the_hermaphrodite_has_the_published_numbers_of_neurons_and_edges(herm: Connectome) -> None:
    assert herm.n_neurons == 302
    assert herm.kind.counts() == {"chemical": 3_709, "gap_junction": 1_105}
    assert edges(herm, "chemical")[2].sum() == 20_965
    assert herm.effectors is not None
    assert len(herm.effectors.pre) == 1_170
    assert len(herm.effectors.name) == 171


def test_the_male_has_edges_onto_muscles_and_other_cells() -> None:
    male = worm_male()
    assert male.effectors is not None
    assert (len(male.effectors.pre), len(male.effectors.name)) == (1_258, 204)
    assert sum(re.fullmatch(r"M[DV][LR]\d\d", name) is not None for name in male.effectors.name) == 95


def test_gap_junctions_are_unordered_pairs_that_are_stored_once(herm: Connectome) -> None:
    a, b, _ = edges(herm, "gap_junction")
    assert (a <= b).all()
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == 1_105
    assert (a == b).sum() == 14


def test_signs_are_predicted_for_the_1705_edges_that_fenyves_2020_predicts(herm: Connectome) -> None:
    chemical = herm.kind.is_("chemical")
    assert herm.sign_source.counts() == {"none": 4_814 - 1_705, "predicted": 1_705}
    assert ((herm.sign > 0).sum(), (herm.sign < 0).sum()) == (1_296, 409)
    assert not herm.sign[~chemical].any()
    assert np.array_equal(herm.sign != 0, herm.sign_source.is_("predicted"))


def test_transmitters_are_known_for_3269_chemical_edges_and_two_for_274(herm: Connectome) -> None:
    counts = herm.transmitter.counts()
    assert counts.pop("") == 4_814 - 3_269
    assert sum(counts.values()) == 3_269
    assert sum(n for label, n in counts.items() if "+" in label) == 274


def test_dd_and_vd_motor_neurons_release_gaba_and_inhibit(herm: Connectome) -> None:
    cell_type = np.array(herm.neurons.cell_type.labels)[herm.neurons.cell_type.codes]
    for kind in ("DD", "VD"):
        here = (cell_type[herm.pre] == kind) & herm.kind.is_("chemical")
        released = {herm.transmitter.labels[code] for code in herm.transmitter.codes[here]}
        assert released and all("GABA" in label for label in released)


def test_roles_follow_the_categories_of_cook_2019(herm: Connectome) -> None:
    assert herm.neurons.neuron_class.counts() == {
        "sensory": 83,
        "interneuron": 89,
        "motorneuron": 123,
        "polymodal": 5,
        "unknown": 2,
    }
    assert herm.neurons.role.counts() == {"unknown": 2, "input": 83, "inter": 89, "output": 128}
    roles = dict(zip(herm.neurons.name, herm.neurons.role.codes, strict=True))
    labels = herm.neurons.role.labels
    known = {"ASHL": "input", "PLML": "input", "AVAL": "inter", "AIYR": "inter", "VA5": "output", "CANL": "unknown"}
    assert {name: labels[roles[name]] for name in known} == known


def test_the_names_fall_into_the_118_classes_of_white_1986(herm: Connectome) -> None:
    sizes = herm.neurons.cell_type.counts()
    assert len(sizes) == 118
    known = {"AVA": 2, "RMD": 6, "RME": 4, "SAB": 3, "IL1": 6, "RID": 1, "RIV": 2, "VB": 11, "DVA": 1, "I1": 2}
    assert {kind: sizes[kind] for kind in known} == known


def test_homologues_point_at_each_other_across_the_midline(herm: Connectome) -> None:
    pairs = herm.neurons.pair_id
    paired = np.flatnonzero(pairs >= 0)
    assert len(paired) == 198
    assert np.array_equal(pairs[pairs[paired]], paired)
    assert pairs[row(herm, "AVAL")] == row(herm, "AVAR")
    assert pairs[row(herm, "DVA")] == -1
    assert herm.neurons.side.counts() == {"left": 99, "right": 99, "unpaired": 104}
    left = herm.neurons.side.is_("left")
    assert np.array_equal(np.sort(pairs[left]), np.flatnonzero(herm.neurons.side.is_("right")))


def test_somata_lie_where_anatomy_puts_them_in_micrometres(herm: Connectome) -> None:
    xyz = herm.neurons.xyz_um
    assert np.isfinite(xyz).all()
    assert 600 < np.ptp(xyz[:, 1]) < 900  # an adult is about 1 mm long, its neurons reach from head to tail
    left, right = herm.neurons.side.is_("left"), herm.neurons.side.is_("right")
    assert np.median(xyz[left, 0]) > np.median(xyz[right, 0])
    assert xyz[row(herm, "PLML"), 1] - xyz[row(herm, "ASHL"), 1] > 500  # tail touch neuron, head amphid neuron


def test_modalities_are_given_where_the_source_names_them_and_only_to_sensory_neurons(herm: Connectome) -> None:
    modality = dict(
        zip(herm.neurons.name, (herm.neurons.modality.labels[c] for c in herm.neurons.modality.codes), strict=True)
    )
    known = {
        "AFDL": "thermosensory",
        "ASEL": "chemosensory",
        "PHAL": "chemosensory",
        "ASHR": "nociceptive",
        "PLML": "mechanosensory",
        "BAGL": "gas",
        "IL2L": "",
        "AVAL": "",
    }
    assert {name: modality[name] for name in known} == known
    assert not (herm.neurons.modality.codes[~herm.neurons.role.is_("input")] != modality_code(herm, "")).any()


def modality_code(connectome: Connectome, label: str) -> int:
    return connectome.neurons.modality.labels.index(label)


def test_twenty_neurons_belong_to_the_pharynx_and_hardly_any_chemical_edge_leaves_it(herm: Connectome) -> None:
    assert herm.neurons.region.counts() == {"pharynx": 20, "somatic": 282}
    pharynx = herm.neurons.region.is_("pharynx")
    crossing = (pharynx[herm.pre] != pharynx[herm.post]) & herm.kind.is_("chemical")
    assert crossing.sum() < 0.01 * 3_709


def test_the_male_has_the_published_numbers_and_its_own_neurons() -> None:
    male = worm_male()
    assert male.n_neurons == 381
    assert male.kind.counts() == {"chemical": 4_048, "gap_junction": 1_303}
    assert "CEMDL" in male.neurons.name and "HSNL" not in male.neurons.name and "VC1" not in male.neurons.name
    assert np.isnan(male.neurons.xyz_um).all()


@pytest.mark.parametrize("animal", range(1, 9))
def test_each_animal_of_the_series_has_the_published_numbers(animal: int) -> None:
    brain = witvliet(animal)
    assert (brain.n_neurons, brain.kind.counts()["chemical"]) == SERIES[animal - 1]
    a, b, _ = edges(brain, "gap_junction")
    assert (a <= b).all()


@pytest.mark.parametrize("animal", [0, 9, -1])
def test_there_is_no_animal_before_the_first_or_after_the_eighth(animal: int) -> None:
    with pytest.raises(ConnectomeError, match="choose one of 1 to 8"):
        witvliet(animal)


def test_a_neuron_has_the_same_id_role_and_type_in_every_animal(herm: Connectome) -> None:
    columns = ("role", "neuron_class", "cell_type", "side", "modality", "region")
    for other in (worm_male(), witvliet(1), witvliet(8), worm_monoamine(), worm_peptide()):
        for name in set(other.neurons.name) & set(herm.neurons.name):
            i, j = row(other, name), row(herm, name)
            assert other.neurons.id[i] == herm.neurons.id[j]
            for column in columns:
                ours, theirs = getattr(other.neurons, column), getattr(herm.neurons, column)
                assert ours.labels[ours.codes[i]] == theirs.labels[theirs.codes[j]]


def test_monoamine_edges_leave_the_neurons_that_make_the_monoamine() -> None:
    layer = worm_monoamine()
    assert layer.n_neurons == 237
    assert layer.kind.counts() == {"extrasynaptic": 1_952}
    assert layer.transmitter.counts() == {"dopamine": 1_176, "octopamine": 56, "serotonin": 492, "tyramine": 228}
    assert set(layer.synapse_count.tolist()) == {1}
    senders = {
        t: {layer.neurons.name[i] for i in layer.pre[layer.transmitter.is_(t)]} for t in ("dopamine", "octopamine")
    }
    # Eight dopaminergic neurons (Sulston 1975) and the two octopaminergic RIC (Alkema 2005).
    assert senders["dopamine"] == {"CEPDL", "CEPDR", "CEPVL", "CEPVR", "ADEL", "ADER", "PDEL", "PDER"}
    assert senders["octopamine"] == {"RICL", "RICR"}


def test_the_short_range_peptide_layer_has_its_published_31417_edges() -> None:
    layer = worm_peptide()
    assert layer.n_neurons == 302
    assert layer.kind.counts() == {"extrasynaptic": 31_417}
    assert layer.transmitter.counts() == {"neuropeptide": 31_417}


@pytest.mark.parametrize("read", [worm, worm_male, worm_monoamine, worm_peptide, lambda: witvliet(3)])
def test_every_source_can_be_cited_and_says_what_is_lossy(read: Callable[[], Connectome]) -> None:
    source = read().source
    assert source.bibtex.count("@article{") >= 1
    assert source.bibtex.count("{") == source.bibtex.count("}")
    assert source.lossy and source.licence.startswith("MIT") and len(source.sha256) == 64


def test_annotations_follow_the_rows_of_the_connectome_they_are_asked_for() -> None:
    brain = witvliet(2)
    columns = worm_annotations(brain)
    i = row(brain, "AVAL")
    assert {k: v.labels[v.codes[i]] for k, v in columns.items()} == {
        "sublayer": "interneurons_1",
        "wormatlas_type": "Layer 1 interneuron",
        "description": "Ventral cord interneuron",
        "lineage": "AB alppaaapa",
        "transmitter": "ACh",
    }


def test_the_hermaphrodite_equals_the_copy_kept_outside_the_repository(herm: Connectome) -> None:
    with np.load(kept("cook2019_herm.npz"), allow_pickle=False) as copy:
        assert list(herm.neurons.name) == copy["neuron"].tolist()
        chemical = np.stack([copy["chem_pre"], copy["chem_post"], copy["chem_count"]])
        gaps = np.stack([copy["gap_a"], copy["gap_b"], copy["gap_count"]])
        np.testing.assert_array_equal(edges(herm, "chemical"), chemical)
        np.testing.assert_array_equal(edges(herm, "gap_junction"), gaps)
        np.testing.assert_array_equal(herm.sign[:3_709], copy["chem_sign"])
        released = [herm.transmitter.labels[c].lower() for c in herm.transmitter.codes[:3_709]]
        assert all(copy["nt_label"][t].lower() in r for t, r in zip(copy["chem_nt"], released, strict=True))
        assert herm.effectors is not None
        np.testing.assert_array_equal(herm.effectors.pre, copy["nmj_pre"])
        np.testing.assert_array_equal(herm.effectors.target, copy["nmj_post"])
        np.testing.assert_array_equal(herm.effectors.synapse_count, copy["nmj_count"])
        assert list(herm.effectors.name) == copy["nonneuron"].tolist()


def test_the_neuron_table_equals_the_copy_kept_outside_the_repository(herm: Connectome) -> None:
    with gzip.open(kept("neurons.csv.gz"), "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    table = read_embedded("worm_neurons")
    columns = ("neuron", "category", "subcategory", "wormatlas_type", "classification", "lineage", "side")
    for column in columns:
        assert table[column][:302].tolist() == [r[column] for r in rows]
    assert herm.neurons.region.is_("pharynx").tolist() == [r["pharyngeal"] == "True" for r in rows]
    expected = np.array([[float(r[axis]) for axis in ("x_um", "y_um", "z_um")] for r in rows])
    np.testing.assert_array_equal(herm.neurons.xyz_um, expected)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("worm_male", "cook2019_male.npz"),
        ("worm_witvliet", "witvliet2021_series8.npz"),
        ("worm_extrasynaptic", "extrasynaptic.npz"),
    ],
)
def test_the_other_layers_equal_the_copies_kept_outside_the_repository(ours: str, theirs: str) -> None:
    arrays = read_embedded(ours)
    with np.load(kept(theirs), allow_pickle=False) as copy:
        added = {"nmj", "nonneuron"} if ours == "worm_male" else set()  # the copy has no edges onto muscles
        assert set(arrays) == set(copy) | added
        for key in copy:
            np.testing.assert_array_equal(arrays[key], copy[key])

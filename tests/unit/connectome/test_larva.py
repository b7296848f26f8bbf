import csv
import gzip
import io
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from anlage.connectome import Categorical, Connectome
from anlage.connectome.fetch import fetch, find_data
from anlage.connectome.larva import larva, read_larva
from anlage.connectome.release import RELEASES, Release, RemoteFile
from anlage.connectome.supplement import COMPARTMENTS, NEURON_COLUMNS, convert_s1
from anlage.errors import IntegrityError

needs_larva = pytest.mark.skipif(
    find_data("larval_drosophila/edges.npz") is None,
    reason="the larval connectome is not here: `anlage fetch larva`, or set ANLAGE_DATA",
)


@pytest.fixture(scope="module")
def brain() -> Connectome:
    return larva()


@needs_larva
def test_the_larval_brain_has_the_published_counts(brain: Connectome) -> None:
    assert (brain.n_neurons, len(brain.pre), brain.synapse_count.sum()) == (2952, 110_677, 352_611)
    assert brain.synapse_count.max() == 121
    assert len(np.unique(brain.pre * brain.n_neurons + brain.post)) == 110_677
    assert brain.synapse_count[brain.pre == brain.post].sum() == 783
    assert {label: (part.sum(), np.count_nonzero(part)) for label, part in brain.compartments.items()} == {
        "axo-axonic": (90_800, 40_636),
        "axo-dendritic": (234_958, 63_545),
        "dendro-axonic": (6_438, 3_722),
        "dendro-dendritic": (20_415, 9_019),
    }


@needs_larva
def test_both_published_selections_of_inputs_and_outputs_are_possible(brain: Connectome) -> None:
    neurons = brain.neurons
    assert neurons.role.counts() == {"input": 464, "inter": 2068, "output": 420}
    types = neurons.neuron_class.counts()
    assert types["sensory"] == 430
    assert types["DN-SEZ"] + types["RGN"] == 218
    assert types["DN-SEZ"] + types["RGN"] + types["DN-VNC"] == 400
    assert sum(n for label, n in types.items() if label) == 2606
    sensory = neurons.neuron_class.is_("sensory")
    axo_dendritic = brain.compartments["axo-dendritic"]
    assert not axo_dendritic[sensory[brain.post]].any(), "nothing feeds axo-dendritically into the sensory neurons"


@needs_larva
def test_every_sensory_neuron_has_its_published_modality(brain: Connectome) -> None:
    neurons = brain.neurons
    counts = neurons.modality.counts()
    assert counts.pop("") == 2952 - 464
    assert counts == {
        "gustatory-external": 131,
        "gustatory-pharyngeal": 107,
        "gut": 85,
        "olfactory": 42,
        "visual": 29,
        "respiratory": 26,
        "thermo-cold": 6,
        "thermo-warm": 4,
        "mechano-Ch": 12,
        "noci": 12,
        "proprio": 8,
        "mechano-II/III": 2,
    }
    assert np.array_equal(~neurons.modality.is_(""), neurons.role.is_("input"))
    assert neurons.cell_type.counts()["ORN"] == 42
    assert np.array_equal(neurons.cell_type.is_("ORN"), neurons.modality.is_("olfactory"))


@needs_larva
def test_homologous_pairs_point_at_each_other_across_the_midline(brain: Connectome) -> None:
    pair, side = brain.neurons.pair_id, brain.neurons.side
    paired = np.flatnonzero(pair >= 0)
    assert len(paired) == 2806  # of 2,812 published pairs, six have a partner that is not part of S1
    assert np.array_equal(pair[pair[paired]], paired)
    assert not (side.codes[paired] == side.codes[pair[paired]]).any()
    assert side.counts() == {"left": 1471, "right": 1479, "unpaired": 2}


@needs_larva
def test_no_sign_is_claimed_and_the_source_is_named(brain: Connectome) -> None:
    assert not brain.sign.any()
    assert brain.sign_shares()["none"] == 1.0
    assert np.isnan(brain.neurons.xyz_um).all()
    path = find_data("larval_drosophila/edges.npz")
    assert path is not None
    assert brain.source.sha256 == sha256(path.read_bytes()).hexdigest()
    assert "10.1126/science.add9330" in brain.source.bibtex


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = find_data("larval_drosophila/edges.npz")
    assert source is not None
    folder = tmp_path / "larval_drosophila"
    folder.mkdir()
    for name in ("edges.npz", "neurons.csv.gz"):
        shutil.copyfile(source.parent / name, folder / name)
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path))
    return folder


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def foreign(path: Path) -> None:
    path.write_bytes(b"<html>not found</html>")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def of_another_kind(path: Path) -> None:
    if path.suffix == ".npz":
        np.savez(path, something=np.arange(3))
    else:
        path.write_bytes(gzip.compress(b"something\n3\n"))


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@needs_larva
@pytest.mark.parametrize("name", ["edges.npz", "neurons.csv.gz"])
@pytest.mark.parametrize("damage", [truncated, foreign, emptied, of_another_kind, flipped])
def test_a_damaged_file_is_named(copy: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(copy / name)
    with pytest.raises(IntegrityError, match=f"larval_drosophila/{name.replace('.', '[.]')}"):
        larva()


@needs_larva
def test_a_copy_with_other_counts_is_refused(copy: Path) -> None:
    arrays = dict(np.load(copy / "edges.npz"))
    fewer = {name: column if name == "neuron_id" else column[1:] for name, column in arrays.items()}
    np.savez(copy / "edges.npz", **fewer)
    with pytest.raises(IntegrityError, match="110,676 edges and 352,610 synapses instead of the published"):
        larva()
    np.savez(copy / "edges.npz", **(arrays | {"neuron_id": arrays["neuron_id"][::-1]}))
    with pytest.raises(IntegrityError, match="its neurons are not those of"):
        larva()


# Six neurons in the format of the release: (pre, post) -> synapses per compartment; every file in an order of its own.
IDS = (29, 501, 77, 40045, 3954014, 8000)
EDGES = {
    (29, 501): {"aa": 1, "ad": 2},
    (501, 29): {"da": 3},
    (77, 77): {"dd": 4},
    (40045, 29): {"ad": 121},
    (3954014, 501): {"aa": 5, "ad": 6, "da": 7, "dd": 8},
}
ORDERS = {
    "all-all": IDS,
    "aa": (8000, 77, 29, 3954014, 501, 40045),
    "ad": (501, 29, 8000, 40045, 77, 3954014),
    "da": (3954014, 40045, 29, 77, 501, 8000),
    "dd": (77, 8000, 40045, 501, 3954014, 29),
}
ANNOTATIONS = """left_id,right_id,celltype,additional_annotations,level_7_cluster
40045,3954014,sensory,olfactory,2
no pair,29,KC,KC,42
501,no pair,ascending,A00c_a6; noci,7
77,999,PN,gut 2nd_order PN,54
"""
METADATA = """,name,sink,brain_neurons,class1,class2,simple_group,io,hemisphere,pair,pair_id,lineage,axon_output,\
axon_input,dendrite_output,dendrite_input,axon_lat,sum_walk_sort
40045,22c ORN left,x,False,sens,ORN,sensories,input,L,3954014,1093,unk,329.0,39.0,0.0,1.0,ipsi,0.0
123456,not part of S1,x,False,unk,,unk,inter,L,-1,-1,unk,0.0,0.0,0.0,174.0,unk,
3954014,22c ORN right,x,False,sens,ORN,sensories,input,R,40045,1093,unk,1.0,2.0,3.0,4.0,ipsi,0.0
29,KC #0,x,True,KC,4claw,KCs,inter,R,-1,-1,MBNB A ,190.0,109.0,28.0,94.0,ipsi,0.36
501,"comma, name",x,True,A00c,,ascendings,input,L,-1,-1,unk,0.0,0.0,0.0,0.0,bi,0.1
77,relay,x,True,unk,,PNs,output,C,999,5,DALd,0.0,0.0,0.0,0.0,contra,1.0
8000,unnamed,x,True,unk,,unk,inter,L,-1,-1,unk,0.0,0.0,0.0,0.0,unk,
"""


def matrix(part: str, edges: dict[tuple[int, int], dict[str, int]] = EDGES) -> str:
    order = ORDERS[part]
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(["", *order])
    for pre in order:
        row = [edges.get((pre, post), {}) for post in order]
        writer.writerow([pre, *(float(sum(c.values()) if part == "all-all" else c.get(part, 0)) for c in row)])
    return lines.getvalue()


def write_release(folder: Path, **replaced: str) -> tuple[Path, Path]:
    entries = {f"{part}_connectivity_matrix.csv": matrix(part) for part in ORDERS} | {"annotations.csv": ANNOTATIONS}
    with ZipFile(folder / "s1.zip", "w") as archive:
        archive.writestr("__MACOSX/Supplementary-Data-S1/._annotations.csv", b"\x00\x05\x16\x07")
        for name, text in (entries | replaced).items():
            if text:
                archive.writestr(f"Supplementary-Data-S1/{name}", text)
    (folder / "meta.csv").write_text(METADATA, encoding="utf-8")
    return folder / "s1.zip", folder / "meta.csv"


def test_the_release_is_aligned_by_id_although_every_file_has_its_own_order(tmp_path: Path) -> None:
    arrays, table = convert_s1(*write_release(tmp_path))
    ids = sorted(IDS)
    assert arrays["neuron_id"].tolist() == ids
    found = {
        (ids[pre], ids[post]): {part: int(arrays[f"count_{part}"][edge]) for part in COMPARTMENTS}
        for edge, (pre, post) in enumerate(zip(arrays["pre"], arrays["post"], strict=True))
    }
    assert found == {edge: dict.fromkeys(COMPARTMENTS, 0) | parts for edge, parts in EDGES.items()}
    assert arrays["count"].tolist() == [sum(EDGES[edge].values()) for edge in found]
    assert list(found) == sorted(EDGES)
    rows = {row["neuron_id"]: row for row in table}
    assert [row["neuron_id"] for row in table] == [str(i) for i in ids]
    assert {tuple(row) for row in table} == {NEURON_COLUMNS}
    assert rows["40045"] == {
        "neuron_id": "40045",
        "name": "22c ORN left",
        "hemisphere": "L",
        "io": "input",
        "celltype": "sensory",
        "annotation": "olfactory",
        "cluster_level7": "2",
        "group": "sensories",
        "class1": "sens",
        "class2": "ORN",
        "lineage": "unk",
        "axon_laterality": "ipsi",
        "pair_neuron_id": "3954014",
        "brain_neuron": "False",
        "signal_flow": "0.0",
        "total_axon_input": "39.0",
        "total_dendrite_input": "1.0",
        "total_axon_output": "329.0",
        "total_dendrite_output": "0.0",
    }
    assert (rows["29"]["lineage"], rows["29"]["pair_neuron_id"], rows["29"]["celltype"]) == ("MBNB A", "", "KC")
    assert (rows["8000"]["celltype"], rows["8000"]["annotation"], rows["8000"]["cluster_level7"]) == ("", "", "")


@needs_larva
def test_the_clean_copy_at_hand_has_the_columns_that_conversion_produces() -> None:
    path = find_data("larval_drosophila/neurons.csv.gz")
    assert path is not None
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        assert tuple(next(csv.reader(lines))) == NEURON_COLUMNS
    assert set(np.load(path.with_name("edges.npz"))) == {
        *("neuron_id", "pre", "post", "count", "count_aa", "count_ad", "count_da", "count_dd")
    }


def labels(column: Categorical) -> list[str]:
    return [column.labels[code] for code in column.codes]


def test_the_fetched_release_reads_as_a_connectome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "larval_drosophila" / "raw"
    raw.mkdir(parents=True)
    files = tuple(
        RemoteFile("http://127.0.0.1:9/", sha256(p.read_bytes()).hexdigest(), p.stat().st_size, p.name)
        for p in write_release(raw)
    )
    known = RELEASES["larva"]
    small = Release(known.name, known.folder, known.source, files, known.notice, known.convert)
    monkeypatch.setattr("anlage.connectome.fetch.RELEASES", {"larva": small})
    home = fetch("larva", folder=tmp_path)
    brain = read_larva(home / "edges.npz", home / "neurons.csv.gz")
    neurons = brain.neurons
    assert neurons.id.tolist() == sorted(IDS)
    assert neurons.name[2] == "comma, name"
    assert labels(neurons.role) == ["inter", "output", "input", "inter", "input", "input"]
    assert labels(neurons.side) == ["right", "unpaired", "left", "left", "left", "right"]
    assert labels(neurons.modality) == ["", "", "noci", "", "olfactory", "olfactory"]
    assert labels(neurons.cell_type) == ["4claw", "", "A00c", "", "ORN", "ORN"]
    assert neurons.pair_id.tolist() == [-1, -1, -1, -1, 5, 4]
    assert brain.synapse_count.sum() == sum(sum(parts.values()) for parts in EDGES.values())
    with pytest.raises(IntegrityError, match="holds 6 neurons, 5 edges and 157 synapses instead of the published"):
        monkeypatch.setenv("ANLAGE_DATA", str(tmp_path))
        larva()


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"dd_connectivity_matrix.csv": ""}, "no entry called dd_connectivity_matrix.csv"),
        ({"aa_connectivity_matrix.csv": matrix("aa", {})}, "do not add up to 'all-all' for 2 pairs"),
        ({"aa_connectivity_matrix.csv": matrix("aa").replace("8000", "8001")}, "hold different neurons"),
        ({"aa_connectivity_matrix.csv": matrix("aa").replace("5.0", "5.5")}, "no number of synapses"),
        ({"aa_connectivity_matrix.csv": matrix("aa").replace("5.0", "-5.0")}, "no number of synapses"),
        ({"aa_connectivity_matrix.csv": matrix("aa").replace("5.0", "five")}, "could not convert"),
        ({"aa_connectivity_matrix.csv": matrix("aa")[:-20]}, "cells instead of 6"),
        ({"aa_connectivity_matrix.csv": matrix("aa").rsplit("\r\n", 2)[0]}, "6 columns and 5 rows for 6 neurons"),
        ({"annotations.csv": "left_id,right_id\n29,501\n"}, "celltype"),
    ],
)
def test_a_release_that_is_not_what_it_claims_is_refused(tmp_path: Path, replaced: dict[str, str], said: str) -> None:
    with pytest.raises(IntegrityError, match=said) as caught:
        convert_s1(*write_release(tmp_path, **replaced))
    assert "s1.zip" in str(caught.value)


def test_a_blank_cell_is_no_synapse(tmp_path: Path) -> None:
    blank = {f"{part}_connectivity_matrix.csv": matrix(part).replace("0.0", "") for part in ("aa", "dd")}
    arrays, _ = convert_s1(*write_release(tmp_path, **blank))
    assert arrays["count_aa"].sum() == 6


def test_a_truncated_zip_and_metadata_without_a_neuron_are_named(tmp_path: Path) -> None:
    zip_path, metadata = write_release(tmp_path)
    whole = zip_path.read_bytes()
    zip_path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IntegrityError, match=r"s1\.zip is truncated, damaged or not the file"):
        convert_s1(zip_path, metadata)
    zip_path.write_bytes(whole)
    metadata.write_text("\n".join(line for line in METADATA.splitlines() if not line.startswith("77,")))
    with pytest.raises(IntegrityError, match=r"meta\.csv .*no row for neuron 77"):
        convert_s1(zip_path, metadata)

"""Readers of the releases, each on a small file of its real format: column for column, with the traps inside."""

import gzip
import io
import re
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from anlage.connectome import Connectome
from anlage.connectome.clean import fold, unfold
from anlage.connectome.fetch import fetch
from anlage.connectome.flywire import read_flywire, read_flywire_lif
from anlage.connectome.hemibrain import read_hemibrain
from anlage.connectome.library import load
from anlage.connectome.male_cns import read_male_cns
from anlage.connectome.microns import read_microns
from anlage.connectome.nerve_cord import read_banc, read_manc
from anlage.connectome.release import RELEASES, Release
from anlage.connectome.remote import RemoteFile
from anlage.connectome.roster import edges_between
from anlage.errors import ConnectomeError, DataMissing, IntegrityError

pa = pytest.importorskip("pyarrow", reason="reading releases needs anlage[tables]")
from pyarrow import feather, parquet  # noqa: E402

# FlyWire ids that are neighbours, so that a double could not tell them apart.
R = [720_575_940_600_000_001 + i for i in range(5)]
Files = tuple[Path, ...]


def text(path: Path, lines: Sequence[str]) -> Path:
    content = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


def arrow(path: Path, **columns: object) -> Path:
    feather.write_feather(pa.table(columns), path)
    return path


def archive(path: Path, members: dict[str, Sequence[str]]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, lines in members.items():
            data = ("\n".join(lines) + "\n").encode()
            info = tarfile.TarInfo(f"exported-traced-adjacencies-v1.2/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def hemibrain_files(folder: Path) -> Files:
    nothing = [None] * 4
    return (
        archive(
            folder / "exported-traced-adjacencies-v1.2.tar.gz",
            {
                "traced-neurons.csv": [
                    "bodyId,type,instance",
                    "1003,EPG,EPG(PB08)_L7",
                    "1001,PFL3,PFL3_L*",
                    "1002,PFL3,PFL3_R",
                    "1004,,",
                ],
                "traced-total-connections.csv": [
                    "bodyId_pre,bodyId_post,weight",
                    *("1001,1002,12", "1001,1001,3", "1002,1003,40", "1003,1001,7", "1004,1001,1", "5555,1001,9"),
                ],
                "traced-roi-connections.csv": ["bodyId_pre,bodyId_post,roi,weight", "1001,1002,LAL(R),10"],
            },
        ),
        arrow(
            folder / "hemibrain_121_meta.feather",
            hemibrain_121_id=["1001", "1002", "1003", "9999"],
            instance=["PFL3_L*", "PFL3_R", "EPG(PB08)_L7", "x"],
            cell_type=["PFL3", "PFL3", "EPG", "x"],
            region=["central_brain"] * 4,
            hemilineage=nothing,
            nerve=nothing,
            flow=["efferent", "intrinsic", "afferent", "intrinsic"],
            super_class=["central_brain_intrinsic"] * 4,
            cell_class=["central_complex_output_neuron", None, None, None],
            cell_sub_class=nothing,
            neurotransmitter_predicted=["acetylcholine", "gaba", "neither", None],
            neurotransmitter_score=["0.9", "0.8", "0.7", None],
            status=["Traced"] * 4,
            cropped=[False] * 4,
        ),
        text(
            folder / "Supplemental_file5_hemibrain_meta.csv",
            [
                "bodyId,instance,type,morphology_type,cell_class,notes,cellBodyFiber,side,somaLocation,pre,post,pre_con2,"
                "cropped,fbbt_id",
                '1001,PFL3_L*,PFL3,PFL3,CX,,PDM14,left,"3844,14565,15568",395.0,1068.0,4802.0,False,FBbt_1',
                "1003,EPG,EPG,EPG,CX,,,na,,62.0,366.0,426.0,False,",
                "9999,x,x,x,,,,right,,0.0,16.0,0.0,True,",
            ],
        ),
    )


def flywire_files(folder: Path) -> Files:
    return (
        text(
            folder / "neurons.csv.gz",
            [
                "root_id,group,nt_type,nt_type_score,da_avg,ser_avg,gaba_avg,glut_avg,ach_avg,oct_avg",
                f"{R[0]},ME.LO,ACH,0.9,0,0,0,0,0.9,0",
                f"{R[1]},AL,GABA,0.7,0,0,0.7,0,0,0",
                f"{R[2]},AL,DA,0.6,0.6,0,0,0,0,0",
                f"{R[3]},,,,0,0,0,0,0,0",
            ],
        ),
        text(
            folder / "classification.csv.gz",
            [
                "root_id,flow,super_class,class,sub_class,hemilineage,side,nerve",
                f"{R[3]},efferent,descending,,,,center,CV",
                f"{R[1]},intrinsic,central,ALLN,,ALad1,left,",
                f"{R[0]},afferent,sensory,olfactory,,,right,AN",
            ],
        ),
        text(
            folder / "consolidated_cell_types.csv.gz",
            ["root_id,primary_type,additional_type(s)", f"{R[0]},ORN_DM1,", f"{R[3]},DNp01,giant fiber"],
        ),
        text(
            folder / "connections.csv.gz",
            [
                "pre_root_id,post_root_id,neuropil,syn_count,nt_type",
                f"{R[0]},{R[1]},AL_R,3,ACH",
                f"{R[0]},{R[1]},UNASGD,4,ACH",
                f"{R[1]},{R[0]},AL_R,9,GABA",
                f"{R[2]},{R[2]},AL_L,5,DA",
                f"{R[3]},{R[0]},GNG,6,",
                f"{R[4]},{R[0]},GNG,7,ACH",
            ],
        ),
    )


def lif_files(folder: Path) -> Files:
    path = folder / "Connectivity_783.parquet"
    sign = [1, 1, -1, 1]
    pre, post, count = [R[0], R[2], R[1], R[3]], [R[1], R[0], R[2], R[0]], [2, 1, 30, 4]
    parquet.write_table(
        pa.table(
            {
                "Presynaptic_ID": pre,
                "Postsynaptic_ID": post,
                "Presynaptic_Index": [0, 2, 1, 3],
                "Postsynaptic_Index": [1, 0, 2, 0],
                "Connectivity": count,
                "Excitatory": sign,
                "Excitatory x Connectivity": [s * c for s, c in zip(sign, count, strict=True)],
            }
        ),
        path,
    )
    header = (
        "supervoxel_id root_id pos_x pos_y pos_z soma_x soma_y soma_z nucleus_id flow super_class cell_class "
        "cell_sub_class cell_type hemibrain_type ito_lee_hemilineage top_nt top_nt_conf known_nt side nerve"
    )
    rows = [
        f"1 {R[0]} 9 9 9 1000 2000 100 5 afferent sensory olfactory - ORN_DM1 - - acetylcholine 0.9 - right AN",
        f"1 {R[1]} 9 9 9 - - - - intrinsic central ALLN - - lLN2F - gaba 0.8 - left -",
        f"1 {R[2]} 9 9 9 - - - - intrinsic central - - - - - dopamine 0.4 - - -",
    ]
    return (
        path,
        text(folder / "Completeness_783.csv", [",Completed", *(f"{r},True" for r in R)]),
        text(
            folder / "Supplemental_file1_neuron_annotations.tsv",
            ["\t".join(header.split())]
            + ["\t".join("" if cell == "-" else cell for cell in row.split(" ")) for row in rows],
        ),
    )


def male_cns_files(folder: Path) -> Files:
    nothing = [None] * 6
    return (
        arrow(
            folder / "body-annotations-male-cns-v1.0-minconf-0.5.feather",
            bodyId=[10001, 10002, 10003, 10004, 20001, 30001],
            type=["DNp01", "R7", "MN1", None, None, None],
            instance=["DNp01(GF)_R", None, "MN1_L", None, None, None],
            somaSide=["R", None, "L", "M", None, None],
            rootSide=["R", "L", "L", None, None, None],
            superclass=["descending_neuron", "ol_sensory", "vnc_motor", None, None, "cb_intrinsic"],
            **{"class": [None, "visual", None, None, None, None]},
            subclass=nothing,
            status=["Traced", "Traced", "Traced", "Traced", "Glia", None],
            statusLabel=pa.array(["Roughly traced", "Reviewed", "Reviewed", "x", "Glia", "x"]).dictionary_encode(),
            somaNeuromere=[None, None, "T1", None, None, None],
            somaLocation=[[1000, 2000, 3000], None, [1, 2, 3], None, None, None],
            vfbId=nothing,
        ),
        arrow(
            folder / "body-neurotransmitters-male-cns-v1.0.feather",
            body=[10003, 10002, 10001, 30001],
            cell_type=["MN1", "R7", "DNp01", None],
            total_nt_predictions=pa.array([300, 9, 1015, 2], pa.int32()),
            predicted_nt=["unclear", "histamine", "acetylcholine", "unclear"],
            predicted_nt_confidence=[0.3, 0.9, 0.5, 0.2],
            ground_truth=[None, "histamine", None, None],
            consensus_nt=["glutamate", "histamine", "acetylcholine", "unclear"],
        ),
        arrow(
            folder / "connectome-weights-male-cns-v1.0-minconf-0.5-traced-only.feather",
            body_pre=[10001, 10002, 20001, 30001, 10003, 10004],
            body_post=[10003, 10001, 10001, 10002, 10001, 10003],
            weight=[12, 40, 5, 9, 1, 2],
            type_pre=["DNp01", "R7", None, None, "MN1", None],
            type_post=["MN1", "DNp01", "DNp01", "R7", "DNp01", "MN1"],
        ),
    )


def banc_files(folder: Path) -> Files:
    ids = [str(r) for r in (*R, R[4] + 1)]
    return (
        arrow(
            folder / "banc_888_meta.feather",
            banc_888_id=ids,
            root_id=ids,
            proofread=["TRUE", "TRUE", "FALSE", "TRUE", "TRUE", "FALSE"],
            roughly_proofread=["FALSE", "FALSE", "TRUE", "FALSE", "FALSE", "FALSE"],
            super_class=["descending", "sensory", "motor", None, "glia", "motor"],
            cell_class=["descending_neuron", None, None, None, None, None],
            cell_type=["DNp01", "SNpp50", "MNad07", None, None, "x"],
            side=["left", "right", "midline", None, "left", None],
            region=["central_brain", "ventral_nerve_cord", "ventral_nerve_cord", None, None, None],
            flow=["intrinsic", "afferent", "efferent", None, None, None],
            neurotransmitter_predicted=["acetylcholine", "gaba", "tyramine", None, None, None],
            neurotransmitter_score=[0.9, 0.8, 0.7, None, None, None],
        ),
        arrow(
            folder / "banc_888_edgelist_simple_v2.feather",
            pre=[ids[0], ids[1], ids[4], ids[2], ids[0], ids[5]],
            post=[ids[1], ids[2], ids[0], ids[2], ids[3], ids[1]],
            count=pa.array([12, 7, 30, 4, 9, 2], pa.int32()),
            norm=[0.1] * 6,
            post_count=pa.array([1] * 6, pa.int32()),
            pre_count=pa.array([1] * 6, pa.int32()),
        ),
    )


def manc_files(folder: Path) -> Files:
    ids = ["10000", "10001", "10002"]
    return (
        arrow(
            folder / "manc_121_meta.feather",
            manc_121_id=ids,
            region=["neck_connective", "ventral_nerve_cord", "ventral_nerve_cord"],
            side=["right", "left", None],
            hemilineage=[None, "20A.22A", "TBD"],
            nerve=[None] * 3,
            flow=["efferent", "intrinsic", "afferent"],
            super_class=["descending", "ventral_nerve_cord_intrinsic", "sensory"],
            cell_class=[None, None, "chordotonal_organ_neuron"],
            cell_sub_class=[None] * 3,
            cell_type=["DNp01", "IN20A", "SNpp50"],
            neurotransmitter_predicted=["acetylcholine", "unclear", "glutamate"],
        ),
        arrow(  # 14223 is a glia body, which the other table leaves out
            folder / "manc_121_simple_edgelist.feather",
            pre=["10000", "10001", "14223", "10002"],
            post=["10001", "10002", "10001", "10001"],
            count=pa.array([12, 7, 4, 2], pa.int32()),
            norm=[0.1] * 4,
            total_input=pa.array([1] * 4, pa.int32()),
        ),
    )


def microns_files(folder: Path) -> Files:
    return (
        text(
            folder / "soma_valence_v185.csv",
            ["pt_root_id,pt_position,cell_type", *(f'{r},"[1 2 3]",{t}' for r, t in zip(R, "eeiee", strict=True))],
        ),
        text(
            folder / "soma_subgraph_synapses_spines_v185.csv",
            [
                "id,pre_root_id,post_root_id,cleft_vx,spine_vol_um3",
                *(f"{i},{R[a]},{R[b]},100,0.1" for i, (a, b) in enumerate([(0, 1), (0, 1), (1, 0), (3, 3)])),
            ],
        ),
    )


READERS: dict[str, tuple[Callable[[Path], Files], Callable[..., Connectome]]] = {
    "hemibrain": (hemibrain_files, read_hemibrain),
    "flywire": (flywire_files, read_flywire),
    "flywire-lif": (lif_files, read_flywire_lif),
    "male-cns": (male_cns_files, read_male_cns),
    "banc": (banc_files, read_banc),
    "manc": (manc_files, read_manc),
    "microns-l23": (microns_files, read_microns),
}


def seen(c: Connectome) -> list[tuple[int, int, int, str, int, str]]:
    """Every edge as ids, count, transmitter, sign and who says so."""
    ids = c.neurons.id
    return [
        (int(ids[a]), int(ids[b]), int(n), c.transmitter.labels[t], int(s), c.sign_source.labels[o])
        for a, b, n, t, s, o in zip(
            c.pre, c.post, c.synapse_count, c.transmitter.codes, c.sign, c.sign_source.codes, strict=True
        )
    ]


def column(c: Connectome, name: str) -> list[str]:
    values = getattr(c.neurons, name)
    return [values.labels[code] for code in values.codes]


def test_hemibrain_has_its_traced_neurons_and_the_edges_between_them(tmp_path: Path) -> None:
    c = read_hemibrain(*hemibrain_files(tmp_path))
    assert c.neurons.id.tolist() == [1003, 1001, 1002, 1004]
    assert c.neurons.name == ("EPG(PB08)_L7", "PFL3_L*", "PFL3_R", "1004")
    assert column(c, "role") == ["input", "output", "inter", "unknown"]
    assert column(c, "side") == ["", "left", "", ""]
    brain, output = "central_brain_intrinsic", "central_complex_output_neuron"
    assert column(c, "neuron_class") == [brain, output, brain, ""]
    assert column(c, "cell_type") == ["EPG", "PFL3", "PFL3", ""]
    np.testing.assert_allclose(c.neurons.xyz_um[1], [30.752, 116.52, 124.544])  # 8 nm voxels
    assert np.isnan(c.neurons.xyz_um[[0, 2, 3]]).all()
    assert column(c, "region") == ["central_brain", "central_brain", "central_brain", ""]
    assert sorted(seen(c)) == [
        (1001, 1001, 3, "acetylcholine", 1, "predicted"),
        (1001, 1002, 12, "acetylcholine", 1, "predicted"),
        (1002, 1003, 40, "GABA", -1, "predicted"),
        (1003, 1001, 7, "", 0, "none"),
        (1004, 1001, 1, "", 0, "none"),
    ]
    assert c.source.lossy.endswith(" 1 published rows with a partner outside the neuron table are left out.")


def test_flywire_adds_the_neuropils_of_a_pair_and_tells_neighbouring_ids_apart(tmp_path: Path) -> None:
    c = read_flywire(*flywire_files(tmp_path))
    assert c.neurons.id.tolist() == R[:4]
    assert column(c, "role") == ["input", "inter", "unknown", "output"]
    assert column(c, "side") == ["right", "left", "", "unpaired"]
    assert column(c, "neuron_class") == ["olfactory", "ALLN", "", "descending"]
    assert column(c, "modality") == ["olfactory", "", "", ""]
    assert column(c, "cell_type") == ["ORN_DM1", "", "", "DNp01"]
    assert column(c, "region") == ["ME.LO", "AL", "AL", ""]
    assert seen(c) == [
        (R[0], R[1], 7, "acetylcholine", 1, "predicted"),
        (R[1], R[0], 9, "GABA", -1, "predicted"),
        (R[2], R[2], 5, "dopamine", 0, "none"),
        (R[3], R[0], 6, "", 0, "none"),
    ]
    assert "1 published rows with a partner outside" in c.source.lossy
    assert "1 rows repeat a pair" in c.source.lossy


def test_the_signs_of_shiu_are_predicted_only_where_a_transmitter_says_the_same(tmp_path: Path) -> None:
    c = read_flywire_lif(*lif_files(tmp_path))
    assert c.neurons.id.tolist() == R
    assert seen(c) == [
        (R[0], R[1], 2, "acetylcholine", 1, "predicted"),
        (R[1], R[2], 30, "GABA", -1, "predicted"),
        (R[2], R[0], 1, "dopamine", 1, "assumed"),
        (R[3], R[0], 4, "", 1, "assumed"),
    ]
    assert column(c, "cell_type") == ["ORN_DM1", "lLN2F", "", "", ""]
    assert column(c, "modality") == ["olfactory", "", "", "", ""]
    np.testing.assert_allclose(c.neurons.xyz_um[0], [4.0, 8.0, 4.0])  # 4 by 4 by 40 nm voxels
    assert np.isnan(c.neurons.xyz_um[1:]).all()


def test_a_neuron_of_both_signs_is_refused(tmp_path: Path) -> None:
    connectivity, *others = lif_files(tmp_path)
    table = parquet.read_table(connectivity)
    doubled = pa.concat_tables([table, table.slice(0, 1).set_column(5, "Excitatory", pa.array([-1]))])
    parquet.write_table(doubled, connectivity)
    with pytest.raises(IntegrityError, match=rf"neuron {R[0]} is excitatory in some rows and inhibitory in others"):
        read_flywire_lif(connectivity, *others)


def test_male_cns_keeps_traced_bodies_only(tmp_path: Path) -> None:
    c = read_male_cns(*male_cns_files(tmp_path))
    assert c.neurons.id.tolist() == [10001, 10002, 10003, 10004]
    assert c.neurons.name == ("DNp01(GF)_R", "10002", "MN1_L", "10004")
    assert column(c, "role") == ["inter", "input", "output", "unknown"]
    assert column(c, "side") == ["right", "left", "left", "unpaired"]
    assert column(c, "neuron_class") == ["descending_neuron", "visual", "vnc_motor", ""]
    assert column(c, "modality") == ["", "visual", "", ""]
    assert column(c, "region") == ["", "", "T1", ""]
    np.testing.assert_allclose(c.neurons.xyz_um[0], [8.0, 16.0, 24.0])  # 8 nm voxels
    assert np.isnan(c.neurons.xyz_um[1]).all()
    assert seen(c) == [
        (10001, 10003, 12, "acetylcholine", 1, "predicted"),
        (10002, 10001, 40, "histamine", -1, "predicted"),
        (10003, 10001, 1, "glutamate", -1, "predicted"),
        (10004, 10003, 2, "", 0, "none"),
    ]
    assert "2 published rows with a partner outside" in c.source.lossy


def test_banc_keeps_what_is_proofread_and_a_neuron(tmp_path: Path) -> None:
    c = read_banc(*banc_files(tmp_path))
    assert c.neurons.id.tolist() == R[:4]
    assert column(c, "role") == ["inter", "input", "output", "unknown"]
    assert column(c, "side") == ["left", "right", "unpaired", ""]
    assert column(c, "neuron_class") == ["descending_neuron", "sensory", "motor", ""]
    assert seen(c) == [
        (R[0], R[1], 12, "acetylcholine", 1, "predicted"),
        (R[0], R[3], 9, "acetylcholine", 1, "predicted"),
        (R[1], R[2], 7, "GABA", -1, "predicted"),
        (R[2], R[2], 4, "tyramine", 0, "none"),
    ]


def test_manc_leaves_out_glia_that_only_the_edges_know(tmp_path: Path) -> None:
    c = read_manc(*manc_files(tmp_path))
    assert column(c, "role") == ["output", "inter", "input"]
    assert column(c, "neuron_class") == ["descending", "ventral_nerve_cord_intrinsic", "chordotonal_organ_neuron"]
    assert seen(c) == [
        (10000, 10001, 12, "acetylcholine", 1, "predicted"),
        (10001, 10002, 7, "", 0, "none"),
        (10002, 10001, 2, "glutamate", -1, "predicted"),
    ]


def test_microns_counts_the_rows_of_a_pair_as_synapses(tmp_path: Path) -> None:
    c = read_microns(*microns_files(tmp_path))
    assert c.neurons.id.tolist() == [R[0], R[1], R[3], R[4]]
    assert [edge[:3] for edge in seen(c)] == [(R[0], R[1], 2), (R[1], R[0], 1), (R[3], R[3], 1)]
    assert set(c.sign) == {1}
    assert column(c, "role") == ["unknown"] * 4


@pytest.mark.parametrize("name", READERS)
def test_a_clean_copy_is_the_same_connectome(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, read = READERS[name]
    whole = read(*write(tmp_path))
    pinned = RELEASES[name]
    # Files that have arrived are taken as they are; nothing here may touch the network.
    monkeypatch.setattr("anlage.connectome.fetch.download", lambda file, folder, **_: tmp_path / file.file_name)
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path))
    home = fetch(name, folder=tmp_path)
    assert home == tmp_path / pinned.folder
    again = load(name)
    assert seen(again) == seen(whole)
    assert again.neurons.name == whole.neurons.name
    assert again.pre.dtype == np.int64
    for values in ("role", "side", "neuron_class", "cell_type", "modality", "region"):
        assert column(again, values) == column(whole, values)
    np.testing.assert_array_equal(again.neurons.xyz_um, whole.neurons.xyz_um)
    assert again.source.lossy == whole.source.lossy
    assert re.fullmatch("[0-9a-f]{64}", again.source.sha256)
    assert again.name == whole.name == name


@pytest.mark.parametrize("name", READERS)
def test_every_file_of_a_release_is_missed_when_it_is_another(name: str, tmp_path: Path) -> None:
    write, read = READERS[name]
    files = write(tmp_path)
    assert [path.name for path in files] == [file.file_name for file in RELEASES[name].files]
    for path in files:
        kept = path.read_bytes()
        path.write_bytes(b"<html>sign in</html>")
        with pytest.raises(ConnectomeError, match=re.escape(path.name)):
            read(*files)
        path.write_bytes(kept)
    read(*files)


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "said"),
    [
        (
            "flywire",
            3,
            "syn_count",
            "synapses",
            r"connections\.csv\.gz has no column called 'syn_count'; its columns are pre_root_id",
        ),
        (
            "flywire",
            0,
            "nt_type,",
            "nt,",
            r"neurons\.csv\.gz has no column called 'nt_type'; its columns are root_id, group, nt",
        ),
        ("flywire", 3, ",9,", ",0,", r"connections\.csv\.gz holds a pair with 0 synapses, but counts must be positive"),
        ("flywire", 0, f"{R[1]},", f"{R[0]},", rf"neurons\.csv\.gz lists the neuron {R[0]} 2 times"),
        ("flywire", 3, "7205", "8205", r"connections\.csv\.gz has no row between two neurons of the neuron table"),
        ("microns-l23", 0, ",e", ",g", r"soma_valence_v185\.csv holds no neuron that is part of the release"),
    ],
)
def test_a_defect_is_one_sentence_that_names_file_and_column(
    name: str, file: int, old: str, new: str, said: str, tmp_path: Path
) -> None:
    write, read = READERS[name]
    files = write(tmp_path)
    packed = files[file].suffix == ".gz"
    content = files[file].read_bytes()
    content = (gzip.decompress(content) if packed else content).replace(old.encode(), new.encode())
    files[file].write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ConnectomeError, match=said) as caught:
        read(*files)
    assert "\n" not in str(caught.value)


def test_an_archive_without_its_table_is_named(tmp_path: Path) -> None:
    path, *others = hemibrain_files(tmp_path)
    archive(path, {"traced-neurons.csv": ["bodyId,type,instance", "1,a,b"]})
    with pytest.raises(
        IntegrityError, match=r"v1\.2\.tar\.gz .*no entry called traced-total-connections\.csv.*fetch hemibrain"
    ):
        read_hemibrain(path, *others)


def test_a_release_that_is_not_here_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    with pytest.raises(DataMissing, match=r"hemibrain/edges\.npz is not in .*; run `anlage fetch hemibrain`"):
        load("hemibrain")


def test_edges_agree_with_a_plain_loop(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    ids = rng.permutation(2**60 + np.arange(12))
    pre, post = (rng.choice(np.r_[ids[:8], 2**60 + 99], 200) for _ in range(2))
    count = rng.integers(1, 9, 200)
    expected: dict[tuple[int, int], int] = {}
    row_of = {int(i): row for row, i in enumerate(ids)}
    for a, b, n in zip(pre.tolist(), post.tolist(), count.tolist(), strict=True):
        if a in row_of and b in row_of:
            expected[row_of[a], row_of[b]] = expected.get((row_of[a], row_of[b]), 0) + n
    found = edges_between(tmp_path, ids, pre, post, count)
    assert list(zip(found.pre.tolist(), found.post.tolist(), strict=True)) == sorted(expected)
    assert found.count.tolist() == [expected[pair] for pair in sorted(expected)]
    assert found.left_out == sum(
        a not in row_of or b not in row_of for a, b in zip(pre.tolist(), post.tolist(), strict=True)
    )
    assert found.left_out + found.merged + len(found.pre) == 200


def test_a_damaged_copy_is_one_sentence(tmp_path: Path) -> None:
    whole = read_manc(*manc_files(tmp_path))
    arrays, table = unfold(whole)
    edges, neurons = tmp_path / "edges.npz", tmp_path / "neurons.csv.gz"
    np.savez(edges, **arrays)

    def write(rows: Sequence[dict[str, str]]) -> None:
        text(neurons, [",".join(rows[0]), *(",".join(row.values()) for row in rows)])

    write(table)
    assert seen(fold(edges, neurons, RELEASES["manc"])) == seen(whole)
    write(table[:2])
    with pytest.raises(IntegrityError, match=r"edges\.npz .*its neurons are not those of .*`anlage fetch manc`"):
        fold(edges, neurons, RELEASES["manc"])
    np.savez(edges, **{name: array for name, array in arrays.items() if name != "sign"})
    with pytest.raises(IntegrityError, match=r"edges\.npz has no arrays called sign"):
        fold(edges, neurons, RELEASES["manc"])
    assert isinstance(RELEASES["manc"], Release)
    assert isinstance(RELEASES["manc"].files[0], RemoteFile)

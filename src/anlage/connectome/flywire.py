"""The brain of an adult female fly, FlyWire 783 (Dorkenwald, Schlegel et al. 2024): as Codex offers it, and with signs."""

from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.connectome.clean import Unfolded, unfold
from anlage.connectome.columns import read_columns
from anlage.connectome.connectome import Connectome
from anlage.connectome.remote import Release, RemoteFile
from anlage.connectome.roster import (
    FLOW_ROLES,
    FLY_SIGN,
    SIDES,
    Labels,
    aligned,
    chemical,
    edges_between,
    first_known,
    neuron_table,
    translated,
    transmitters,
    unique_ids,
)
from anlage.connectome.source import Source
from anlage.errors import IntegrityError

VOXEL_UM = (0.004, 0.004, 0.040)  # of the volume that FlyWire annotates: Zheng et al. 2018, Cell 174:730
SENSING = ("sensory", "sensory_ascending")  # super classes whose class names what they sense


def read_flywire(neurons: Path, classification: Path, cell_types: Path, connections: Path) -> Connectome:
    """Read the tables of Codex: ``neurons``, ``classification``, ``consolidated_cell_types`` and ``connections`` (.csv.gz).

    ``region`` is the published pair of neuropils with most input and output, such as ``ME.LO``. ``connections`` has a row per
    pair and neuropil, and only pairs with at least 5 synapses in all; their rows are added. The transmitter is the one
    predicted for the neuron. Raises ``IntegrityError`` when a file is damaged, foreign, or lacks a column.
    """
    listed = read_columns(neurons, {"root_id": "int64", "group": "str", "nt_type": "str"})
    ids = unique_ids(neurons, listed["root_id"])
    wanted = ("flow", "super_class", "class", "side")
    table = read_columns(classification, {"root_id": "int64", **dict.fromkeys(wanted, "str")})
    known = {column: aligned(ids, table["root_id"], table[column]) for column in wanted}
    types = read_columns(cell_types, {"root_id": "int64", "primary_type": "str"})
    rows = read_columns(connections, dict.fromkeys(("pre_root_id", "post_root_id", "syn_count"), "int64"))
    edges = edges_between(connections, ids, rows["pre_root_id"], rows["post_root_id"], rows["syn_count"])
    labels = Labels(
        name=ids.astype(str),
        role=translated(known["flow"], FLOW_ROLES, "unknown"),
        side=translated(known["side"], SIDES),
        neuron_class=first_known(known["class"], known["super_class"]),
        cell_type=aligned(ids, types["root_id"], types["primary_type"]),
        modality=np.where(np.isin(known["super_class"], SENSING), known["class"], ""),
        region=listed["group"],
    )
    return chemical("flywire", neuron_table(ids, labels), edges, transmitters(listed["nt_type"]), FLYWIRE.source)


def read_flywire_lif(connectivity: Path, completeness: Path, annotations: Path) -> Connectome:
    """Read the signed wiring of Shiu et al. 2024: ``Connectivity_783.parquet``, ``Completeness_783.csv`` and
    ``Supplemental_file1_neuron_annotations.tsv``.

    The sign is theirs. Its source is ``predicted`` where it is that of the transmitter predicted for the neuron, and ``assumed``
    elsewhere: they take amines and neurons without a prediction as excitatory. Positions are those of the somata, where known.
    Raises ``IntegrityError`` when a file is damaged, foreign, or lacks a column.
    """
    ids = unique_ids(completeness, read_columns(completeness, {"": "int64"})[""])
    wanted = ("flow", "super_class", "cell_class", "cell_type", "hemibrain_type", "side", "top_nt")
    axes = ("soma_x", "soma_y", "soma_z")
    table = read_columns(
        annotations, {"root_id": "int64", **dict.fromkeys(wanted, "str"), **dict.fromkeys(axes, "float64")}
    )
    known = {column: aligned(ids, table["root_id"], table[column]) for column in wanted}
    xyz = np.stack([aligned(ids, table["root_id"], table[axis], np.nan) for axis in axes], axis=1) * VOXEL_UM
    names = ("Presynaptic_ID", "Postsynaptic_ID", "Connectivity", "Excitatory")
    rows = read_columns(connectivity, dict.fromkeys(names, "int64"))
    edges = edges_between(connectivity, ids, rows["Presynaptic_ID"], rows["Postsynaptic_ID"], rows["Connectivity"])
    labels = Labels(
        name=ids.astype(str),
        role=translated(known["flow"], FLOW_ROLES, "unknown"),
        side=translated(known["side"], SIDES),
        neuron_class=first_known(known["cell_class"], known["super_class"]),
        cell_type=first_known(known["cell_type"], known["hemibrain_type"]),
        modality=np.where(np.isin(known["super_class"], SENSING), known["cell_class"], ""),
    )
    released = transmitters(known["top_nt"])
    sign = _sign_of_neuron(connectivity, ids, rows["Presynaptic_ID"], rows["Excitatory"])
    typical = np.array([FLY_SIGN.get(label, 0) for label in released.labels])[released.codes]
    return chemical(
        "flywire-lif",
        neuron_table(ids, labels, xyz),
        edges,
        released,
        FLYWIRE_LIF.source,
        sign=sign[edges.pre],
        assumed=(typical != sign)[edges.pre],
    )


def _sign_of_neuron(
    path: Path, ids: Int[ndarray, " neuron"], pre: Int[ndarray, " row"], sign: Int[ndarray, " row"]
) -> Int[ndarray, " neuron"]:
    """The one sign of all edges of each neuron, 0 for a neuron without any."""
    if not np.isin(sign, (-1, 1)).all():
        raise IntegrityError(f"{path}: column 'Excitatory' must be 1 or -1 in every row; the file is another version.")
    row_of = np.argsort(ids)
    place = row_of[np.minimum(np.searchsorted(ids, pre, sorter=row_of), len(ids) - 1)]
    mine = ids[place] == pre
    lowest, highest = np.ones(len(ids), np.int8), -np.ones(len(ids), np.int8)
    np.minimum.at(lowest, place[mine], sign[mine].astype(np.int8))
    np.maximum.at(highest, place[mine], sign[mine].astype(np.int8))
    if (both := lowest < highest).any():
        raise IntegrityError(
            f"{path}: neuron {ids[both][0]} is excitatory in some rows and inhibitory in others; the file is another version."
        )
    return np.where(lowest == highest, lowest, 0).astype(np.int8)


def _convert(*files: Path) -> Unfolded:
    return unfold(read_flywire(*files))


def _convert_lif(*files: Path) -> Unfolded:
    return unfold(read_flywire_lif(*files))


BUCKET = "https://storage.googleapis.com/flywire-data/codex/data/fafb/783"
FLYWIRE_BIBTEX = r"""@article{dorkenwald2024neuronal,
  author = {Dorkenwald, Sven and Matsliah, Arie and Sterling, Amy R. and Schlegel, Philipp and Yu, Szi-chieh and others},
  title = {Neuronal wiring diagram of an adult brain},
  journal = {Nature}, volume = {634}, pages = {124--138}, year = {2024}, doi = {10.1038/s41586-024-07558-y}
}
@article{schlegel2024whole,
  author = {Schlegel, Philipp and Yin, Yijie and Bates, Alexander S. and Dorkenwald, Sven and Eichler, Katharina and others},
  title = {Whole-brain annotation and multi-connectome cell typing of {Drosophila}},
  journal = {Nature}, volume = {634}, pages = {139--152}, year = {2024}, doi = {10.1038/s41586-024-07686-5}
}
@article{eckstein2024neurotransmitter,
  author = {Eckstein, Nils and Bates, Alexander Shakeel and Champion, Andrew and others},
  title = {Neurotransmitter classification from electron microscopy images at synaptic sites in {Drosophila} melanogaster},
  journal = {Cell}, volume = {187}, pages = {2574--2594}, year = {2024}, doi = {10.1016/j.cell.2024.03.016}
}
@article{zheng2018complete,
  author = {Zheng, Zhihao and Lauritzen, J. Scott and Perlman, Eric and others},
  title = {A complete electron microscopy volume of the brain of adult {Drosophila} melanogaster},
  journal = {Cell}, volume = {174}, pages = {730--743}, year = {2018}, doi = {10.1016/j.cell.2018.06.019}
}
"""
CONFLICT = "CC BY-NC 4.0 (flywire.ai) or CC BY 4.0 (its Zenodo deposits): the two disagree"
ADVICE = (
    "Their licence is stated twice and differently: the project's page says CC BY-NC 4.0, its Zenodo deposits say CC BY 4.0. "
    "Take the stricter one unless you have asked, and do not pass the files on."
)
FLYWIRE = Release(
    name="flywire",
    folder="flywire783",
    what="whole brain of an adult female fly, pairs with 5 synapses or more",
    neurons="139,255",
    edges="2,700,513",
    tables=True,
    source=Source(
        key="flywire783-codex",
        title="Drosophila melanogaster, whole brain of an adult female (FlyWire 783; Dorkenwald et al. 2024)",
        version="783, Codex tables as of February 2026",
        licence=CONFLICT,
        origin="https://codex.flywire.ai",
        bibtex=FLYWIRE_BIBTEX,
        lossy="Only pairs of at least 5 synapses; no electrical synapses. The split of counts over neuropils, lineages, nerves "
        "and positions are left out. Transmitters are predicted from images, six kinds, one per neuron, and signs follow from "
        "them; amines have none. Roles follow the published flow: ascending neurons are inputs, descending ones outputs.",
    ),
    files=tuple(
        RemoteFile(url=f"{BUCKET}/{name}", sha256=digest, bytes=size, file_name=name)
        for name, size, digest in (
            ("neurons.csv.gz", 1_679_884, "6a6b3759e635f0f35a677d169052362131ec61d95f55919298b55c43fce4e719"),
            ("classification.csv.gz", 934_402, "e946b552f4056dfc977707be0674609832c3f64332a22d69dc0d9615e7aae663"),
            (
                "consolidated_cell_types.csv.gz",
                901_707,
                "8aba246d71dc40361677493629972ce3883048c3d02010adc42bda22962a1a2d",
            ),
            ("connections.csv.gz", 50_289_304, "d49dd692e59e153aa3c83f5257bfc0eff51247b86d7bb183386c6d1622c70fc9"),
        )
    ),
    notice=f"FlyWire is by Dorkenwald, Schlegel, Murthy, Seung et al. (Nature 634:124 and 634:139, 2024). {ADVICE}",
    convert=_convert,
)
FLYWIRE_LIF = Release(
    name="flywire-lif",
    folder="flywire783_lif",
    what="whole brain of an adult female fly with the signs of Shiu et al. 2024",
    neurons="138,639",
    edges="15,091,983",
    tables=True,
    source=Source(
        key="flywire783-shiu2024",
        title="Drosophila melanogaster, whole brain of an adult female with signs (FlyWire 783; Shiu et al. 2024)",
        version="Connectivity_783 at 91bdd1e, annotations at a83b277",
        licence=f"MIT (repository of Shiu et al.); the data are FlyWire's: {CONFLICT}; the annotation repository states none",
        origin="https://github.com/philshiu/Drosophila_brain_model",
        bibtex=FLYWIRE_BIBTEX
        + r"""@article{shiu2024drosophila,
  author = {Shiu, Philip K. and Sterne, Gabriella R. and Spiller, Nico and Franconville, Romain and Sandoval, Andrea and others},
  title = {A {Drosophila} computational brain model reveals sensorimotor processing},
  journal = {Nature}, volume = {634}, pages = {210--219}, year = {2024}, doi = {10.1038/s41586-024-07763-9}
}
""",
        lossy="Every pair, down to one synapse; no electrical synapses. Signs are those of Shiu et al.: negative where a "
        "neuron's predicted transmitter is GABA or glutamate, positive elsewhere, which is an assumption for amines and for "
        "neurons without a prediction. Neuropils and lineages are left out. Roles follow the published flow.",
    ),
    files=(
        RemoteFile(
            url=(
                "https://raw.githubusercontent.com/philshiu/Drosophila_brain_model/"
                "91bdd1e7dcf193f3e7ca5a8933497fcef63b7960/Connectivity_783.parquet"
            ),
            sha256="efeb23fb99098e9c390f6869969b2a121a2ee92c833cfc45ecb2c1d8e1af0347",
            bytes=100_804_642,
            file_name="Connectivity_783.parquet",
        ),
        RemoteFile(
            url=(
                "https://raw.githubusercontent.com/philshiu/Drosophila_brain_model/"
                "91bdd1e7dcf193f3e7ca5a8933497fcef63b7960/Completeness_783.csv"
            ),
            sha256="bbb847a4cc2caaa7a16349722d220c087317b946d148d4d592d94d250617a311",
            bytes=3_327_347,
            file_name="Completeness_783.csv",
        ),
        RemoteFile(
            url=(
                "https://raw.githubusercontent.com/flyconnectome/flywire_annotations/"
                "a83b2776d60d5764cef36b927f5f9679c16c47a2/supplemental_files/Supplemental_file1_neuron_annotations.tsv"
            ),
            sha256="b214970b55d2fbe0853bba536fdcb9e28730f4eb7ab06f600491df795da683cd",
            bytes=31_720_298,
            file_name="Supplemental_file1_neuron_annotations.tsv",
        ),
    ),
    notice=(
        "The signed wiring is by Shiu, Sterne, Spiller et al. (Nature 634:210, 2024), whose repository is under the MIT licence; "
        f"the data are FlyWire's (Dorkenwald, Schlegel et al., Nature 634:124 and 634:139, 2024). {ADVICE} The repository of the "
        "annotations states no licence."
    ),
    convert=_convert_lif,
)

"""Brain and nerve cord of an adult male fly, MaleCNS 1.0 (Berg et al. 2026)."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.clean import Unfolded, unfold
from anlage.connectome.columns import read_columns
from anlage.connectome.connectome import Connectome
from anlage.connectome.remote import Release, RemoteFile
from anlage.connectome.roster import (
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
from anlage.connectome.supplement import intact

VOXEL_UM = 0.008  # edge of the voxels that somaLocation counts: 8 nm (male-cns.janelia.org, download)
ROLE_OF_WORD = {"sensory": "input", "motor": "output", "endocrine": "output", "efferent": "output"}


def read_male_cns(annotations: Path, released: Path, weights: Path) -> Connectome:
    """Read the flat files ``body-annotations``, ``body-neurotransmitters`` and ``connectome-weights`` (.feather).

    A neuron is a body whose ``status`` is ``Traced``; the files also list fragments and glia, which are left out. The role
    follows the ``superclass``: sensory ones are inputs, motor, endocrine and efferent ones outputs, all others lie in between;
    ascending and descending neurons do so too, because brain and cord are both here. ``region`` is the neuromere of the soma,
    where it lies in the cord. Raises ``IntegrityError`` when a file is damaged, foreign, or lacks a column.
    """
    wanted = ("status", "type", "instance", "somaSide", "rootSide", "superclass", "class", "somaNeuromere")
    bodies = read_columns(annotations, {"bodyId": "int64", **dict.fromkeys(wanted, "str")})
    traced = bodies["status"] == "Traced"
    known = {column: values[traced] for column, values in bodies.items()}
    ids = unique_ids(annotations, known["bodyId"])
    nt = read_columns(released, {"body": "int64", "consensus_nt": "str"})
    rows = read_columns(weights, dict.fromkeys(("body_pre", "body_post", "weight"), "int64"))
    edges = edges_between(weights, ids, rows["body_pre"], rows["body_post"], rows["weight"])
    roles = [_role(label) for label in known["superclass"]]
    labels = Labels(
        name=first_known(known["instance"], ids.astype(str)),
        role=roles,
        side=first_known(translated(known["somaSide"], SIDES), translated(known["rootSide"], SIDES)),
        neuron_class=first_known(known["class"], known["superclass"]),
        cell_type=known["type"],
        modality=np.where(np.array(roles) == "input", known["class"], ""),
        region=known["somaNeuromere"],
    )
    neurons = neuron_table(ids, labels, _somata(annotations)[traced] * VOXEL_UM)
    transmitter = transmitters(aligned(ids, nt["body"], nt["consensus_nt"]))
    return chemical("male-cns", neurons, edges, transmitter, MALE_CNS.source)


def _role(superclass: str) -> str:
    """Role by the words of a superclass such as ``vnc_sensory`` or ``efferent_ascending``; unknown without one."""
    if not superclass:
        return "unknown"
    return next((role for word, role in ROLE_OF_WORD.items() if word in superclass.split("_")), "inter")


def _somata(annotations: Path) -> Float[ndarray, "body 3"]:
    """Voxel of each soma, NaN without one; the column holds lists, which ``read_columns`` does not read."""
    from pyarrow import feather

    with intact(annotations, "male-cns"):
        places = feather.read_table(annotations).column("somaLocation").to_pylist()
        return np.array([place if place else (np.nan,) * 3 for place in places], dtype=np.float64).reshape(-1, 3)


def _convert(*files: Path) -> Unfolded:
    return unfold(read_male_cns(*files))


FLAT = "https://storage.googleapis.com/flyem-male-cns/v1.0/connectome-data/flat-connectome"
MALE_CNS = Release(
    name="male-cns",
    folder="male_cns",
    what="brain and nerve cord of an adult male fly",
    neurons="165,122",
    edges="25,563,197",
    tables=True,
    source=Source(
        key="male-cns-berg2026",
        title="Drosophila melanogaster, brain and nerve cord of an adult male (Berg et al. 2026)",
        version="MaleCNS 1.0, synapses of confidence 0.5 or more, traced bodies",
        licence="CC BY 4.0",
        origin="https://male-cns.janelia.org",
        bibtex=r"""@article{berg2026sexual,
  author = {Berg, Stuart and Beckett, Isabella R. and Costa, Marta and Schlegel, Philipp and Januszewski, Michal and others},
  title = {Sexual dimorphism in the complete {Drosophila} male central nervous system connectome},
  journal = {Cell}, volume = {189}, number = {18}, pages = {5504--5526.e15}, year = {2026},
  doi = {10.1016/j.cell.2026.08.015}
}
""",
        lossy="More than half of all postsynaptic sites lie on fragments that belong to no traced neuron and are left out. No "
        "electrical synapses. Neuropils, lineages and the types of other animals are left out. Transmitters are predicted from "
        "images, one per neuron, by agreement of neuron and cell type; signs follow from them, amines have none.",
    ),
    files=tuple(
        RemoteFile(url=f"{FLAT}/{name}", sha256=digest, bytes=size, file_name=name)
        for name, size, digest in (
            (
                "body-annotations-male-cns-v1.0-minconf-0.5.feather",
                14_483_314,
                "2177e246113e4cfbf1e7772ec37c6da1955ff22e8063d0b1f833101f99a9a3b2",
            ),
            (
                "body-neurotransmitters-male-cns-v1.0.feather",
                43_282_834,
                "95c9289220663abeb3409f3ad9e5a7f8a53f8093f5139d15502cd08da8879621",
            ),
            (
                "connectome-weights-male-cns-v1.0-minconf-0.5-traced-only.feather",
                508_025_642,
                "9b3beab17bad5f618be3f2c02d3139a8d07b822565919c013f1e5506d93e604b",
            ),
        )
    ),
    notice=(
        "MaleCNS is by Berg, Beckett, Costa, Schlegel, Januszewski et al. (Cell 189:5504, 2026), Janelia FlyEM and partners, "
        "under the licence CC BY 4.0. Cite the paper."
    ),
    convert=_convert,
)

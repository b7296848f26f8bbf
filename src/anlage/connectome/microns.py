"""Pyramidal neurons of layer 2/3 of a mouse's visual cortex: the proofread table of MICrONS phase 1 (Dorkenwald et al. 2022)."""

from pathlib import Path

import numpy as np

from anlage.connectome.clean import Unfolded, unfold
from anlage.connectome.columns import read_columns
from anlage.connectome.connectome import Categorical, Connectome
from anlage.connectome.remote import Release, RemoteFile
from anlage.connectome.roster import Labels, chemical, edges_between, neuron_table, unique_ids
from anlage.connectome.source import Source


def read_microns(somata: Path, synapses: Path) -> Connectome:
    """Read ``soma_valence_v185.csv`` and ``soma_subgraph_synapses_spines_v185.csv``.

    A neuron is a soma of type ``e``, excitatory; the second table has a row per synapse and holds only those between them. Every
    role is ``unknown``. Raises ``IntegrityError`` when a file is damaged, foreign, or lacks a column.
    """
    cells = read_columns(somata, {"pt_root_id": "int64", "cell_type": "str"})
    ids = unique_ids(somata, cells["pt_root_id"][cells["cell_type"] == "e"])
    rows = read_columns(synapses, dict.fromkeys(("pre_root_id", "post_root_id"), "int64"))
    ones = np.ones(len(rows["pre_root_id"]), dtype=np.int64)
    edges = edges_between(synapses, ids, rows["pre_root_id"], rows["post_root_id"], ones)
    n = len(ids)
    labels = Labels(
        name=ids.astype(str), role=["unknown"] * n, neuron_class=["pyramidal"] * n, region=["V1 layer 2/3"] * n
    )
    sign = np.ones(len(edges.pre), dtype=np.int8)
    unknown = Categorical.of([""] * n)
    return chemical("microns-l23", neuron_table(ids, labels), edges, unknown, MICRONS.source, sign=sign)


def _convert(*files: Path) -> Unfolded:
    return unfold(read_microns(*files))


RECORD = "https://zenodo.org/records/3710459/files"
MICRONS = Release(
    name="microns-l23",
    folder="microns_l23",
    what="pyramidal neurons of layer 2/3, mouse visual cortex",
    neurons="362",
    edges="at most 2,000",
    tables=True,
    source=Source(
        key="microns-l23-dorkenwald2022",
        title="Mus musculus, pyramidal neurons of layer 2/3 of primary visual cortex (MICrONS phase 1; Dorkenwald et al. 2022)",
        version="v185, Zenodo 3710459",
        licence="stated on its Zenodo record; read it there before passing the tables on",
        origin="https://doi.org/10.5281/zenodo.3710459",
        bibtex=r"""@article{dorkenwald2022binary,
  author = {Dorkenwald, Sven and Turner, Nicholas L. and Macrina, Thomas and Lee, Kisuk and Lu, Ran and Wu, Jingpeng and others},
  title = {Binary and analog variation of synapses between cortical pyramidal neurons},
  journal = {eLife}, volume = {11}, pages = {e76120}, year = {2022}, doi = {10.7554/eLife.76120}
}
@article{turner2022reconstruction,
  author = {Turner, Nicholas L. and Macrina, Thomas and Bae, J. Alexander and Yang, Runzhe and Wilson, Alyssa M. and others},
  title = {Reconstruction of neocortex: Organelles, compartments, cells, circuits, and activity},
  journal = {Cell}, volume = {185}, pages = {1082--1100.e24}, year = {2022}, doi = {10.1016/j.cell.2022.01.023}
}
""",
        lossy="A sliver of 250 by 140 by 90 micrometres: most inputs of every neuron come from outside and are missing, "
        "inhibitory neurons are left out by the table itself. Positive signs follow from the cell type. Sizes of clefts and "
        "spines, and positions, whose units the table does not state, are left out.",
    ),
    files=(
        RemoteFile(
            url=f"{RECORD}/soma_valence_v185.csv?download=1",
            sha256="",
            md5="a8ce8aa4e5cdf4202caa5ae10411c333",
            bytes=30_881,
            file_name="soma_valence_v185.csv",
        ),
        RemoteFile(
            url=f"{RECORD}/soma_subgraph_synapses_spines_v185.csv?download=1",
            sha256="",
            md5="5bbb8ff59dcad4ccea6d46930920cd04",
            bytes=274_298,
            file_name="soma_subgraph_synapses_spines_v185.csv",
        ),
    ),
    notice=(
        "The table is by Dorkenwald, Turner, Macrina et al. (eLife 11:e76120, 2022) and Turner et al. (Cell 185:1082, 2022). Its "
        "licence is stated on its Zenodo record, https://doi.org/10.5281/zenodo.3710459; read it there, and cite both papers."
    ),
    convert=_convert,
)

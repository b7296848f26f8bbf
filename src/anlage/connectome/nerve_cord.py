"""Two adult flies' nerve cords, from the tables that the BANC project compiles in one form: MANC 1.2.1 and BANC 888."""

from pathlib import Path

import numpy as np

from anlage.connectome.clean import Unfolded, unfold
from anlage.connectome.columns import read_columns
from anlage.connectome.connectome import Connectome
from anlage.connectome.remote import Release, RemoteFile
from anlage.connectome.roster import (
    FLOW_ROLES,
    SIDES,
    Labels,
    chemical,
    edges_between,
    first_known,
    neuron_table,
    translated,
    transmitters,
    unique_ids,
)
from anlage.connectome.source import Source

NO_NEURON = ("glia", "trachea", "not_a_neuron")  # super classes of BANC's table that are other cells, or none


def read_manc(meta: Path, edge_list: Path) -> Connectome:
    """Read ``manc_121_meta.feather`` and ``manc_121_simple_edgelist.feather``.

    Every row of the first is a neuron. Raises ``IntegrityError`` when a file is damaged, foreign, or lacks a column.
    """
    return _read(MANC, meta, edge_list, "manc_121_id", {})


def read_banc(meta: Path, edge_list: Path) -> Connectome:
    """Read ``banc_888_meta.feather`` and ``banc_888_edgelist_simple_v2.feather``.

    A neuron is a row that is proofread, if only roughly, and no glia, trachea or other non-neuron. Raises ``IntegrityError``
    when a file is damaged, foreign, or lacks a column.
    """
    return _read(BANC, meta, edge_list, "banc_888_id", {"proofread": "str", "roughly_proofread": "str"})


def _read(release: Release, meta: Path, edge_list: Path, id_column: str, proofread: dict[str, str]) -> Connectome:
    wanted = ("flow", "super_class", "cell_class", "cell_type", "side", "region", "neurotransmitter_predicted")
    table = read_columns(meta, {id_column: "int64", **dict.fromkeys(wanted, "str"), **proofread})
    kept = ~np.isin(table["super_class"], NO_NEURON)
    if proofread:
        kept &= np.any([np.char.upper(table[column]) == "TRUE" for column in proofread], axis=0)
    known = {column: values[kept] for column, values in table.items()}
    ids = unique_ids(meta, known[id_column])
    rows = read_columns(edge_list, dict.fromkeys(("pre", "post", "count"), "int64"))
    edges = edges_between(edge_list, ids, rows["pre"], rows["post"], rows["count"])
    labels = Labels(
        name=ids.astype(str),
        role=translated(known["flow"], FLOW_ROLES, "unknown"),
        side=translated(known["side"], SIDES),
        neuron_class=first_known(known["cell_class"], known["super_class"]),
        cell_type=first_known(known["cell_type"]),
        region=first_known(known["region"]),
    )
    transmitter = transmitters(known["neurotransmitter_predicted"])
    return chemical(release.name, neuron_table(ids, labels), edges, transmitter, release.source)


def _convert_manc(*files: Path) -> Unfolded:
    return unfold(read_manc(*files))


def _convert_banc(*files: Path) -> Unfolded:
    return unfold(read_banc(*files))


COMPILED = "https://storage.googleapis.com/lee-lab_brain-and-nerve-cord-fly-connectome/compiled_data"
MANC = Release(
    name="manc",
    folder="manc121",
    what="nerve cord of an adult male fly",
    neurons="23,650",
    edges="at most 5,305,354",
    tables=True,
    source=Source(
        key="manc-takemura2024",
        title="Drosophila melanogaster, nerve cord of an adult male (Takemura et al. 2024)",
        version="MANC 1.2.1, as compiled by the BANC project",
        licence="CC BY 4.0",
        origin="https://www.janelia.org/project-team/flyem/manc-connectome",
        bibtex=r"""@article{takemura2024connectome,
  author = {Takemura, Shin-ya and Hayworth, Kenneth J. and Huang, Gary B. and Januszewski, Michal and Lu, Zhiyuan and others},
  title = {A Connectome of the Male {Drosophila} Ventral Nerve Cord},
  journal = {eLife}, volume = {13}, pages = {RP97769}, year = {2024}, doi = {10.7554/eLife.97769}
}
@article{marin2024systematic,
  author = {Marin, Elizabeth C. and Morris, Billy J. and Stuerner, Tomke and Champion, Andrew S. and others},
  title = {Systematic annotation of a complete adult male {Drosophila} nerve cord connectome reveals principles of functional
    organisation},
  journal = {eLife}, volume = {13}, pages = {RP97766}, year = {2024}, doi = {10.7554/eLife.97766}
}
""",
        lossy="Only traced neurons; the cord without the brain, so what descends ends, and what ascends is cut, at the neck. The "
        "compiled counts differ from those that Janelia serves in about 5,000 rows. Transmitters are predicted from images, only "
        "acetylcholine, GABA and glutamate, and signs follow from them. Positions and lineages are left out. Roles follow the "
        "compiled flow.",
    ),
    files=(
        RemoteFile(
            url=f"{COMPILED}/manc_121/manc_121_meta.feather",
            sha256="067c88e687ade67bd1e69b88765b4b21596280618cefde0fa43117d4af4a9439",
            bytes=1_446_722,
            file_name="manc_121_meta.feather",
        ),
        RemoteFile(
            url=f"{COMPILED}/manc_121/manc_121_simple_edgelist.feather",
            sha256="c3f9ca6dc9d100e72299b41136d373ffcd60b328624cbfd6ac145f071e0b28ac",
            bytes=87_386_906,
            file_name="manc_121_simple_edgelist.feather",
        ),
    ),
    notice=(
        "MANC is by Takemura, Hayworth, Huang et al. (eLife 13:RP97769, 2024) and Marin, Morris, Stuerner et al. (eLife "
        "13:RP97766, 2024), Janelia FlyEM, under the licence CC BY 4.0; its tables were compiled by the BANC project. Cite both."
    ),
    convert=_convert_manc,
)
BANC = Release(
    name="banc",
    folder="banc888",
    what="brain and nerve cord of an adult female fly",
    neurons="about 155,900",
    edges="at most 11,752,828",
    tables=True,
    source=Source(
        key="banc-bates2026",
        title="Drosophila melanogaster, brain and nerve cord of an adult female (Bates et al. 2026)",
        version="BANC 888, synapses v2 of the paper; tables as of August 2026",
        licence="CC BY 4.0",
        origin="https://doi.org/10.7910/DVN/7WTH1N",
        bibtex=r"""@article{bates2026distributed,
  author = {Bates, Alexander S. and Phelps, Jasper S. and Kim, M. and Yang, Helen H. and others},
  title = {Distributed control circuits across a brain-and-cord connectome},
  journal = {Nature}, volume = {656}, pages = {957--970}, year = {2026}, doi = {10.1038/s41586-026-10735-w}
}
""",
        lossy="Neurons that are proofread, if only roughly; both antennal nerves are damaged, and the left optic lobe is typed "
        "less than the right. No electrical synapses; compartments, neuropils, positions and lineages are left out. Transmitters "
        "are predicted from images, one per neuron, even where others were verified; signs follow from them, amines have none. "
        "Roles follow the published flow.",
    ),
    files=(
        RemoteFile(
            url=f"{COMPILED}/banc_888/banc_888_meta.feather",
            sha256="86ccf5df0c67419f8c5f43e93a7ed38d23a080e9f7fde26737290252f3780098",
            bytes=57_503_026,
            file_name="banc_888_meta.feather",
        ),
        RemoteFile(
            url=f"{COMPILED}/banc_888/banc_888_edgelist_simple_v2.feather",
            sha256="363fdef3813b72a5e45a42f17034cd5a544b654c838929cecf6e1ce5f60625cb",
            bytes=305_250_378,
            file_name="banc_888_edgelist_simple_v2.feather",
        ),
    ),
    notice=(
        "BANC is by Bates, Phelps, Kim, Yang et al. (Nature 656:957, 2026), under the licence CC BY 4.0. Cite the paper. Its "
        "tables are mended in place after publication, so a checksum may fail one day."
    ),
    convert=_convert_banc,
)

"""Half of the brain of an adult fly (Scheffer et al. 2020), as Janelia exported the traced neurons of version 1.2."""

import shutil
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.clean import Unfolded, unfold
from anlage.connectome.columns import read_columns
from anlage.connectome.connectome import Connectome
from anlage.connectome.remote import Release, RemoteFile
from anlage.connectome.roster import (
    FLOW_ROLES,
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

VOXEL_UM = 0.008  # isotropic: Scheffer et al. 2020, eLife 9:e57443, Methods
COMPILED = "https://storage.googleapis.com/lee-lab_brain-and-nerve-cord-fly-connectome/compiled_data"


def read_hemibrain(archive: Path, compiled: Path, annotations: Path) -> Connectome:
    """Read the published files: ``exported-traced-adjacencies-v1.2.tar.gz``, ``hemibrain_121_meta.feather`` and
    ``Supplemental_file5_hemibrain_meta.csv``.

    The archive decides which neurons there are: those that are traced and not cropped by the edge of the volume. The other two
    say what they are. Raises ``IntegrityError`` when a file is damaged, foreign, or lacks a column.
    """
    with _unpacked(archive) as folder:
        traced = read_columns(folder / "traced-neurons.csv", {"bodyId": "int64", "type": "str", "instance": "str"})
        ids = unique_ids(archive, traced["bodyId"])
        rows = read_columns(
            folder / "traced-total-connections.csv", dict.fromkeys(("bodyId_pre", "bodyId_post", "weight"), "int64")
        )
    edges = edges_between(archive, ids, rows["bodyId_pre"], rows["bodyId_post"], rows["weight"])
    wanted = ("flow", "super_class", "cell_class", "region", "neurotransmitter_predicted")
    meta = read_columns(compiled, {"hemibrain_121_id": "int64", **dict.fromkeys(wanted, "str")})
    known = {column: aligned(ids, meta["hemibrain_121_id"], meta[column]) for column in wanted}
    notes = read_columns(annotations, {"bodyId": "int64", "side": "str", "somaLocation": "str"})
    labels = Labels(
        name=first_known(traced["instance"], ids.astype(str)),
        role=translated(known["flow"], FLOW_ROLES, "unknown"),
        side=translated(aligned(ids, notes["bodyId"], notes["side"]), SIDES),
        neuron_class=first_known(known["cell_class"], known["super_class"]),
        cell_type=traced["type"],
        region=first_known(known["region"]),
    )
    neurons = neuron_table(ids, labels, _somata(aligned(ids, notes["bodyId"], notes["somaLocation"])))
    return chemical("hemibrain", neurons, edges, transmitters(known["neurotransmitter_predicted"]), HEMIBRAIN.source)


def _somata(voxels: Sequence[str] | ndarray) -> Float[ndarray, "neuron 3"]:
    """Position of each soma in micrometres out of texts such as ``3844,14565,15568``, NaN where there is none."""
    places = [text.split(",") if text.count(",") == 2 else ("nan",) * 3 for text in voxels]
    return np.array(places, dtype=np.float64).reshape(-1, 3) * VOXEL_UM


@contextmanager
def _unpacked(archive: Path) -> Iterator[Path]:
    """A folder with the two tables of the archive that are read, gone afterwards."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        with intact(archive, "hemibrain"), tarfile.open(archive, "r:gz") as members:
            for member in members:
                file_name = PurePosixPath(member.name).name
                if file_name in ("traced-neurons.csv", "traced-total-connections.csv"):
                    source = members.extractfile(member)
                    if source is None:
                        raise LookupError(f"{file_name} is not a file")
                    with source, (folder / file_name).open("wb") as sink:
                        shutil.copyfileobj(source, sink)
            for file_name in ("traced-neurons.csv", "traced-total-connections.csv"):
                if not (folder / file_name).exists():
                    raise LookupError(f"no entry called {file_name}")
        yield folder


def _convert(*files: Path) -> Unfolded:
    return unfold(read_hemibrain(*files))


HEMIBRAIN = Release(
    name="hemibrain",
    folder="hemibrain",
    what="half of the central brain of an adult female fly",
    neurons="21,739",
    edges="3,550,403",
    tables=True,
    source=Source(
        key="hemibrain-scheffer2020",
        title="Drosophila melanogaster, half of the adult central brain (Scheffer et al. 2020)",
        version="traced adjacencies v1.2; compiled metadata 1.2.1; annotations v3.1.0",
        licence="CC BY 4.0 (Janelia; compiled metadata); the annotation repository states none",
        origin="https://www.janelia.org/project-team/flyem/hemibrain",
        bibtex=r"""@article{scheffer2020connectome,
  author = {Scheffer, Louis K. and Xu, C. Shan and Januszewski, Michal and Lu, Zhiyuan and Takemura, Shin-ya and others},
  title = {A connectome and analysis of the adult {Drosophila} central brain},
  journal = {eLife}, volume = {9}, pages = {e57443}, year = {2020}, doi = {10.7554/eLife.57443}
}
@article{eckstein2024neurotransmitter,
  author = {Eckstein, Nils and Bates, Alexander Shakeel and Champion, Andrew and others},
  title = {Neurotransmitter classification from electron microscopy images at synaptic sites in {Drosophila} melanogaster},
  journal = {Cell}, volume = {187}, pages = {2574--2594}, year = {2024}, doi = {10.1016/j.cell.2024.03.016}
}
@article{schlegel2024whole,
  author = {Schlegel, Philipp and Yin, Yijie and Bates, Alexander S. and Dorkenwald, Sven and Eichler, Katharina and others},
  title = {Whole-brain annotation and multi-connectome cell typing of {Drosophila}},
  journal = {Nature}, volume = {634}, pages = {139--152}, year = {2024}, doi = {10.1038/s41586-024-07686-5}
}
""",
        lossy="Neurons that the edge of the volume cuts are not in the export, so inputs from outside it are missing. Counts "
        "include synapses of low confidence. Their split over neuropils is left out, as are lineages. "
        "Transmitters are predicted from images, one per neuron, and signs follow from them; amines have none. Roles follow "
        "the published flow (afferent, intrinsic, efferent), and neurons without one are unknown.",
    ),
    files=(
        RemoteFile(
            url="https://storage.googleapis.com/hemibrain/v1.2/exported-traced-adjacencies-v1.2.tar.gz",
            sha256="07d8946eb0c4e3a5cb23d5769c9817847494f9fcadbc0ca239eed7bbd5555cf7",
            bytes=45_872_577,
            file_name="exported-traced-adjacencies-v1.2.tar.gz",
        ),
        RemoteFile(
            url=f"{COMPILED}/hemibrain_121/hemibrain_121_meta.feather",
            sha256="a2775c31450d3a060875bd5690adcb9800d3c9a580a9a919e10829984c79a1d1",
            bytes=2_023_858,
            file_name="hemibrain_121_meta.feather",
        ),
        RemoteFile(
            url=(
                "https://raw.githubusercontent.com/flyconnectome/flywire_annotations/v3.1.0/supplemental_files/"
                "Supplemental_file5_hemibrain_meta.csv"
            ),
            sha256="c9ca8421a5b6a5382348e06a7f62ef452bc78562983deff9ff479e30be2bd2a2",
            bytes=2_634_367,
            file_name="Supplemental_file5_hemibrain_meta.csv",
        ),
    ),
    notice=(
        "The hemibrain is by Scheffer, Xu, Januszewski et al. (eLife 9:e57443, 2020), Janelia FlyEM, under the licence CC BY "
        "4.0. Its compiled metadata are by Bates et al. (BANC project), its sides by Schlegel et al. (Nature 634:139, 2024), "
        "whose repository states no licence. Cite all three."
    ),
    convert=_convert,
)

"""Published data that may be fetched: where they come from, their checksums, licence and citation."""

from collections.abc import Mapping
from types import MappingProxyType

from anlage.connectome.flywire import FLYWIRE, FLYWIRE_LIF
from anlage.connectome.hemibrain import HEMIBRAIN
from anlage.connectome.male_cns import MALE_CNS
from anlage.connectome.microns import MICRONS
from anlage.connectome.nerve_cord import BANC, MANC
from anlage.connectome.remote import Release as Release
from anlage.connectome.remote import RemoteFile as RemoteFile
from anlage.connectome.source import Source
from anlage.connectome.supplement import convert_s1

LARVA_BIBTEX = """\
@article{winding2023connectome,
  title   = {The connectome of an insect brain},
  author  = {Winding, Michael and Pedigo, Benjamin D. and Barnes, Christopher L. and Patsolic, Heather G. and
             Park, Youngser and Kazimiers, Tom and Fushiki, Akira and Andrade, Ingrid V. and Khandelwal, Avinash and
             Valdes-Aleman, Javier and Li, Feng and Randel, Nadine and Barsotti, Elizabeth and Correia, Ana and
             Fetter, Richard D. and Hartenstein, Volker and Priebe, Carey E. and Vogelstein, Joshua T. and
             Cardona, Albert and Zlatic, Marta},
  journal = {Science},
  volume  = {379},
  number  = {6636},
  pages   = {eadd9330},
  year    = {2023},
  doi     = {10.1126/science.add9330}
}
@article{pedigo2023generative,
  title   = {Generative network modeling reveals quantitative definitions of bilateral symmetry exhibited by a whole
             insect brain connectome},
  author  = {Pedigo, Benjamin D. and Powell, Mike and Bridgeford, Eric W. and Winding, Michael and Priebe, Carey E. and
             Vogelstein, Joshua T.},
  journal = {eLife},
  volume  = {12},
  pages   = {e83739},
  year    = {2023},
  doi     = {10.7554/eLife.83739}
}
"""
LARVA_LICENCE = "metadata: MIT; synapse counts: supplement of the paper, no licence stated (its preprint is CC BY 4.0)"
GITHUB_RAW = "https://raw.githubusercontent.com"
LARVA = Release(
    name="larva",
    folder="larval_drosophila",
    what="whole brain of a first-instar fly larva",
    neurons="2,952",
    edges="110,677",
    source=Source(
        key="winding2023",
        title="The connectome of an insect brain: first-instar larva of Drosophila melanogaster",
        version="Supplementary Data S1 at 15e065f, metadata at 2f56a81",
        licence=LARVA_LICENCE,
        origin="https://doi.org/10.1126/science.add9330",
        bibtex=LARVA_BIBTEX,
        lossy=(
            "No transmitter and so no sign is published for any edge; no soma positions; 346 of 2,952 neurons have no "
            "published cell type; lineages, clusters and totals with partners outside the brain are left out."
        ),
    ),
    files=(
        RemoteFile(
            url=(
                f"{GITHUB_RAW}/brain-networks/larval-drosophila-connectome/"
                "15e065f5c29f08c96ccd64ea8fe0f51510629009/Supplementary-Data-S1.zip"
            ),
            sha256="8c1f43809ed5d527ba61b154e377cc21da26383a75eda8aab85ce05607a72a4c",
            bytes=1_107_380,
            file_name="Supplementary-Data-S1.zip",
        ),
        RemoteFile(
            url=(
                f"{GITHUB_RAW}/neurodata/bilateral-connectome/"
                "2f56a81187c364fa461ea8d99c299b2a75e58f69/data/elife/meta_data.csv"
            ),
            sha256="9f393b4c481d31926aa46d031061a559db7999afe76a6ad7d740db43c6f785f4",
            bytes=2_848_654,
            file_name="meta_data.csv",
        ),
    ),
    notice=(
        "The larval connectome is by Winding, Pedigo, Barnes et al. (Science 379:eadd9330, 2023), its metadata are by "
        "Pedigo, Powell, Bridgeford et al. (eLife 12:e83739, 2023). The metadata are under the MIT licence. The "
        "synapse counts are the supplement of the paper, for which no licence is stated; the preprint is CC BY 4.0. "
        "Cite both papers, and ask the authors before you pass the counts on."
    ),
    convert=convert_s1,
)
RELEASES: Mapping[str, Release] = MappingProxyType(
    {release.name: release for release in (LARVA, HEMIBRAIN, MANC, FLYWIRE, FLYWIRE_LIF, MALE_CNS, BANC, MICRONS)}
)

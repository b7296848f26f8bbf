"""Caenorhabditis elegans: both sexes, eight animals from birth to adult, and the two layers that need no synapse."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.connectome.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, Effectors, NeuronTable
from anlage.connectome.source import Source
from anlage.connectome.store import embedded_sha256, read_embedded
from anlage.errors import ConnectomeError

# The five polymodal neurons (MI, NSM, MC) are called motor neurons by the source or synapse onto marginal cells of the
# pharynx: they end on effectors, so they are outputs. CAN has no known function and no role.
ROLE_OF_CATEGORY: Mapping[str, str] = MappingProxyType(
    {
        "sensory": "input",
        "interneuron": "inter",
        "motorneuron": "output",
        "polymodal": "output",
        "unknown": "unknown",
    }
)
SIDES: Mapping[str, str] = MappingProxyType({"L": "left", "R": "right", "U": "unpaired"})

# WormAtlas type -> modality. Amphids are the chemosensory organ; types that name an organ only ("Cephalic") stay empty.
MODALITY_OF_TYPE: Mapping[str, str] = MappingProxyType(
    {
        "Mechanosensory": "mechanosensory",
        "Touch": "mechanosensory",
        "O2, CO2, social signals, touch": "gas",
        "Amphid, nociceptive": "nociceptive",
        "Amphid": "chemosensory",
    }
)

TRANSMITTERS = ("Tyramine", "Octopamine", "Dopamine", "Serotonin")

_COOK = r"""@article{cook2019whole,
  author = {Cook, Steven J. and Jarrell, Travis A. and Brittin, Christopher A. and Wang, Yi and Bloniarz, Adam E. and
    Yakovlev, Maksim A. and Nguyen, Ken C. Q. and Tang, Leo T.-H. and Bayer, Emily A. and Duerr, Janet S. and
    B{\"u}low, Hannes E. and Hobert, Oliver and Hall, David H. and Emmons, Scott W.},
  title = {Whole-animal connectomes of both {Caenorhabditis} elegans sexes},
  journal = {Nature}, volume = {571}, pages = {63--71}, year = {2019}, doi = {10.1038/s41586-019-1352-7}
}
"""
_FENYVES = r"""@article{fenyves2020synaptic,
  author = {Fenyves, B{\'a}nk G. and Szil{\'a}gyi, G{\'a}bor S. and Vassy, Zsolt and S{\H{o}}ti, Csaba and
    Csermely, Peter},
  title = {Synaptic polarity and sign-balance prediction using gene expression data in the {Caenorhabditis} elegans
    chemical synapse neuronal connectome network},
  journal = {PLoS Computational Biology}, volume = {16}, number = {12}, pages = {e1007974}, year = {2020},
  doi = {10.1371/journal.pcbi.1007974}
}
"""
_WANG = r"""@article{wang2024neurotransmitter,
  author = {Wang, Chen and Vidal, Berta and Sural, Surojit and Loer, Curtis and Aguilar, G. Robert and
    Merritt, Daniel M. and Toker, Itai Antoine and Vogt, Merly C. and Cros, Cyril C. and Hobert, Oliver},
  title = {A neurotransmitter atlas of {C.} elegans males and hermaphrodites},
  journal = {eLife}, volume = {13}, pages = {RP95402}, year = {2024}, doi = {10.7554/eLife.95402}
}
"""
_GLEESON = r"""@article{gleeson2018c302,
  author = {Gleeson, Padraig and Lung, David and Grosu, Radu and Hasani, Ramin and Larson, Stephen D.},
  title = {c302: a multiscale framework for modelling the nervous system of {Caenorhabditis} elegans},
  journal = {Philosophical Transactions of the Royal Society B}, volume = {373}, number = {1758}, pages = {20170379},
  year = {2018}, doi = {10.1098/rstb.2017.0379}
}
"""
_WITVLIET = r"""@article{witvliet2021connectomes,
  author = {Witvliet, Daniel and Mulcahy, Ben and Mitchell, James K. and Meirovitch, Yaron and Berger, Daniel R. and
    Wu, Yuelong and Liu, Yufang and Koh, Wan Xian and Parvathala, Rajeev and Holmyard, Douglas and
    Schalek, Richard L. and Shavit, Nir and Chisholm, Andrew D. and Lichtman, Jeff W. and
    Samuel, Aravinthan D. T. and Zhen, Mei},
  title = {Connectomes across development reveal principles of brain maturation},
  journal = {Nature}, volume = {596}, pages = {257--261}, year = {2021}, doi = {10.1038/s41586-021-03778-8}
}
"""
_BENTLEY = r"""@article{bentley2016multilayer,
  author = {Bentley, Barry and Branicky, Robyn and Barnes, Christopher L. and Chew, Yee Lian and Yemini, Eviatar and
    Bullmore, Edward T. and V{\'e}rtes, Petra E. and Schafer, William R.},
  title = {The multilayer connectome of {Caenorhabditis} elegans},
  journal = {PLoS Computational Biology}, volume = {12}, number = {12}, pages = {e1005283}, year = {2016},
  doi = {10.1371/journal.pcbi.1005283}
}
"""
_RIPOLL = r"""@article{ripollsanchez2023neuropeptidergic,
  author = {Ripoll-S{\'a}nchez, Lidia and Watteyne, Jan and Sun, HaoSheng and Fernandez, Robert and Taylor, Seth R. and
    Weinreb, Alexis and Bentley, Barry L. and Hammarlund, Marc and Miller, David M. and Hobert, Oliver and
    Beets, Isabel and V{\'e}rtes, Petra E. and Schafer, William R.},
  title = {The neuropeptidergic connectome of {C.} elegans},
  journal = {Neuron}, volume = {111}, number = {22}, pages = {3570--3589.e5}, year = {2023},
  doi = {10.1016/j.neuron.2023.09.043}
}
"""

_CECT = "https://pypi.org/project/cect/0.3.5"
_TABLE = (
    "Neuron ids are made here (rows of one table of both sexes). Roles follow the categories of Cook et al. 2019; "
    "polymodal pharyngeal neurons count as output. Modality is filled in only where WormAtlas names one, even where "
    "later work disagrees; AFD is called thermosensory after Mori and Ohshima 1995. Cell types are the classes of "
    "White et al. 1986, derived from the neuron names. "
)
_SECTIONS = "Counts are electron-microscopy sections of contact, a measure of number and size of synapses together. "

WORM = Source(
    key="celegans-cook2019",
    title="C. elegans, adult hermaphrodite (Cook et al. 2019)",
    version="cect 0.3.5; c302 0.12.1; Fenyves et al. 2020, S3 table",
    licence="MIT (cect, c302); CC BY 4.0 (Fenyves et al. 2020)",
    origin=_CECT,
    bibtex=_COOK + _WANG + _FENYVES + _GLEESON,
    lossy=_TABLE + _SECTIONS + "Transmitters (Wang et al. 2024) are those the presynaptic neuron makes, two where it "
    "makes two; 440 edges have none. Signs are predicted from transmitter and receptor genes for 1,705 chemical edges "
    "and unknown for the rest. Soma positions come from c302, not from the reconstructed animals.",
)
MALE = Source(
    key="celegans-cook2019-male",
    title="C. elegans, adult male (Cook et al. 2019)",
    version="cect 0.3.5",
    licence="MIT (cect)",
    origin=_CECT,
    bibtex=_COOK,
    lossy=_TABLE + _SECTIONS + "Transmitters, signs and soma positions are left out. Most edges "
    "of the front half onto body-wall muscles have the hermaphrodite's very counts (those of SMB and RMD, DB2 to DB5 and VD1 "
    "to VD7 among them), so the sexes are no two samples there.",
)
WITVLIET = Source(
    key="celegans-witvliet2021",
    title="C. elegans, eight isogenic hermaphrodites from birth to adult (Witvliet et al. 2021)",
    version="cect 0.3.5",
    licence="MIT (cect)",
    origin=_CECT,
    bibtex=_WITVLIET + _COOK,
    lossy=_TABLE + "Only the brain (nerve ring and ventral ganglion) was imaged. Counts are synapses that two of three "
    "annotators agreed on. Transmitters, signs, soma positions and edges onto muscles and glia are left out.",
)
MONOAMINE = Source(
    key="celegans-bentley2016",
    title="C. elegans, monoamine signalling (Bentley et al. 2016)",
    version="cect 0.3.5",
    licence="MIT (cect); CC BY 4.0 (Bentley et al. 2016)",
    origin=_CECT,
    bibtex=_BENTLEY + _COOK + _GLEESON,
    lossy=_TABLE + "An edge says that one neuron makes a monoamine and the other expresses a receptor for it; nothing "
    "was counted, every count is 1. Neurons without such an edge are not listed.",
)
PEPTIDE = Source(
    key="celegans-ripollsanchez2023",
    title="C. elegans, short-range neuropeptide signalling (Ripoll-Sanchez et al. 2023)",
    version="cect 0.3.5",
    licence="MIT (cect); CC BY 4.0 (Ripoll-Sanchez et al. 2023)",
    origin=_CECT,
    bibtex=_RIPOLL + _COOK + _GLEESON,
    lossy=_TABLE + "An edge counts the neuropeptide and receptor pairs that connect two neurons, not synapses; which "
    "peptides they are is left out, and so are the mid-range and long-range models.",
)

# pre, post, count of every edge; their kind; what they release (one label, or one per edge).
_Layer = tuple[Int[ndarray, "3 _"], str, str | Sequence[str]]


def worm() -> Connectome:
    """The adult hermaphrodite: 302 neurons, 3,709 chemical edges and 1,105 gap-junction pairs.

    The 1,170 edges onto muscles and other cells are ``effectors``. Where the presynaptic neuron makes two transmitters
    the label names both, as in ``acetylcholine+glutamate``. Sources: Cook et al. 2019; transmitters Wang et al. 2024;
    signs Fenyves et al. 2020. Raises ``IntegrityError`` when the embedded file is damaged.
    """
    data = read_embedded("worm")
    label = [str(name) if name == "GABA" else str(name).lower() for name in data["nt_label"]]
    pairs = zip(data["chem_nt"].tolist(), data["chem_nt_second"].tolist(), strict=True)
    released = ["+".join(sorted((label[t] for t in pair if t), key=str.lower)) for pair in pairs]
    chemical = np.stack([data["chem_pre"], data["chem_post"], data["chem_count"]])
    gaps = np.stack([data["gap_a"], data["gap_b"], data["gap_count"]])
    sign = np.concatenate([data["chem_sign"], np.zeros(gaps.shape[1], np.int8)])
    effectors = _effectors(data["nonneuron"], np.stack([data["nmj_pre"], data["nmj_post"], data["nmj_count"]]))
    layers: list[_Layer] = [(chemical, "chemical", released), (gaps, "gap_junction", "")]
    neurons = _neurons(_texts(data["neuron"]), placed=True)
    plain = _connectome("worm", neurons, layers, replace(WORM, sha256=embedded_sha256("worm")))
    origin = Categorical(np.where(sign == 0, 0, SIGN_SOURCES.index("predicted")), SIGN_SOURCES)
    return replace(plain, sign=sign, sign_source=origin, effectors=effectors)


def worm_male() -> Connectome:
    """The adult male: 381 neurons, 4,048 chemical edges and 1,303 gap-junction pairs (Cook et al. 2019).

    Its 1,258 edges onto muscles and other cells are ``effectors``.

    Raises ``IntegrityError`` when the embedded file is damaged.
    """
    data = read_embedded("worm_male")
    layers: list[_Layer] = [(data["chem"], "chemical", ""), (data["gap"], "gap_junction", "")]
    source = replace(MALE, sha256=embedded_sha256("worm_male"))
    plain = _connectome("worm-male", _neurons(_texts(data["neuron"])), layers, source)
    return replace(plain, effectors=_effectors(data["nonneuron"], data["nmj"]))


def witvliet(animal: int) -> Connectome:
    """Brain of one of eight hermaphrodites, from ``animal=1`` (birth) to 7 and 8 (adults): 161 to 181 neurons.

    Role and class are those of the neuron of the same name in the adult. Source: Witvliet et al. 2021. Raises
    ``ConnectomeError`` for another number and ``IntegrityError`` when the embedded file is damaged.
    """
    if not 1 <= animal <= 8:
        raise ConnectomeError(
            f"There is no animal {animal} in the series of Witvliet et al. 2021; choose one of 1 to 8."
        )
    data = read_embedded("worm_witvliet")
    layers: list[_Layer] = [(data[f"chem_{animal}"], "chemical", ""), (data[f"gap_{animal}"], "gap_junction", "")]
    source = replace(WITVLIET, sha256=embedded_sha256("worm_witvliet"))
    return _connectome(f"worm-witvliet-{animal}", _neurons(_texts(data[f"neuron_{animal}"])), layers, source)


def worm_monoamine() -> Connectome:
    """Who can hear whose monoamine: 237 neurons, 1,952 extrasynaptic edges in four layers (Bentley et al. 2016).

    ``transmitter`` is tyramine (228 edges), octopamine (56), dopamine (1,176) or serotonin (492). Raises
    ``IntegrityError`` when the embedded file is damaged.
    """
    data = read_embedded("worm_extrasynaptic")
    layers: list[_Layer] = [(data[f"Bentley_{t}_edges"], "extrasynaptic", t.lower()) for t in TRANSMITTERS]
    source = replace(MONOAMINE, sha256=embedded_sha256("worm_extrasynaptic"))
    return _connectome("worm-monoamine", _neurons(_texts(data["Bentley_neuron"]), placed=True), layers, source)


def worm_peptide() -> Connectome:
    """Who can hear whose neuropeptides over a short range: 302 neurons, 31,417 edges (Ripoll-Sanchez et al. 2023).

    Raises ``IntegrityError`` when the embedded file is damaged.
    """
    data = read_embedded("worm_extrasynaptic")
    layers: list[_Layer] = [(data["RipollSanchezShortRange_Peptidergic_edges"], "extrasynaptic", "neuropeptide")]
    source = replace(PEPTIDE, sha256=embedded_sha256("worm_extrasynaptic"))
    neurons = _neurons(_texts(data["RipollSanchezShortRange_neuron"]), placed=True)
    return _connectome("worm-peptide", neurons, layers, source)


def worm_annotations(connectome: Connectome) -> dict[str, Categorical]:
    """What the sources say about each neuron beyond ``NeuronTable``, one column of text each.

    Columns: ``sublayer`` (Cook et al. 2019), ``wormatlas_type``, ``description`` and ``lineage`` (WormAtlas) and
    ``transmitter`` (dominant, Fenyves et al. 2020). ``connectome`` is any that this module returns.
    """
    table = read_embedded("worm_neurons")
    columns = {
        "sublayer": "subcategory",
        "wormatlas_type": "wormatlas_type",
        "description": "classification",
        "lineage": "lineage",
        "transmitter": "dominant_transmitter",
    }
    return {ours: Categorical.of(_texts(table[theirs][connectome.neurons.id])) for ours, theirs in columns.items()}


def _connectome(name: str, neurons: NeuronTable, layers: Sequence[_Layer], source: Source) -> Connectome:
    """A connectome without signs out of its layers."""
    pre, post, count = np.concatenate([rows for rows, _, _ in layers], axis=1).astype(np.int64)
    released: list[str] = []
    for rows, _, what in layers:
        released.extend([what] * rows.shape[1] if isinstance(what, str) else what)
    return Connectome(
        name=name,
        neurons=neurons,
        pre=pre,
        post=post,
        synapse_count=count,
        kind=Categorical.of([kind for rows, kind, _ in layers for _ in range(rows.shape[1])], KINDS),
        sign=np.zeros(len(pre), np.int8),
        sign_source=Categorical(np.zeros(len(pre), np.int16), SIGN_SOURCES),
        transmitter=Categorical.of(released),
        source=source,
    )


def _effectors(names: ndarray, edges: Int[ndarray, "3 _"]) -> Effectors:
    """Edges onto other cells, from rows ``pre, target, count``."""
    pre, target, count = edges.astype(np.int64)
    return Effectors(name=_texts(names), pre=pre, target=target, synapse_count=count)


def _neurons(names: tuple[str, ...], placed: bool = False) -> NeuronTable:
    """Rows of the neuron table for ``names``; ``placed`` fills in the soma positions of the hermaphrodite."""
    table = read_embedded("worm_neurons")
    row_of = {name: row for row, name in enumerate(_texts(table["neuron"]))}
    rows = np.array([row_of[name] for name in names])
    types = _cell_types(_texts(table["neuron"]), _texts(table["side"]))
    category, kind, text, side = (
        _texts(table[column][rows]) for column in ("category", "wormatlas_type", "classification", "side")
    )
    here = {name: row for row, name in enumerate(names)}
    other = {"L": "R", "R": "L"}
    homologue = [here.get(n[:-1] + other[s], -1) if s in other else -1 for n, s in zip(names, side, strict=True)]
    modality = [_modality(*about) for about in zip(category, kind, text, strict=True)]
    pharyngeal = table["pharyngeal"][rows]
    return NeuronTable(
        id=rows,
        name=names,
        role=Categorical.of([ROLE_OF_CATEGORY[c] for c in category], ROLES),
        side=Categorical.of([SIDES[s] for s in side]),
        neuron_class=Categorical.of(category),
        cell_type=Categorical.of([types[row] for row in rows]),
        modality=Categorical.of(modality),
        region=Categorical.of(["pharynx" if p else "somatic" for p in pharyngeal]),
        pair_id=np.array(homologue),
        xyz_um=table["xyz_um"][rows] if placed else np.full((len(names), 3), np.nan),
    )


def _modality(category: str, wormatlas_type: str, description: str) -> str:
    """What a sensory neuron senses, empty where the source does not say."""
    if category != "sensory":
        return ""
    if description == "Amphid finger cell":  # AFD, the thermosensor: Mori and Ohshima 1995, Nature 376:344
        return "thermosensory"
    if wormatlas_type == "Phasmid":
        return "chemosensory" if "chemosensory" in description else ""
    return MODALITY_OF_TYPE.get(wormatlas_type, "")


def _cell_types(names: Sequence[str], side: Sequence[str]) -> list[str]:
    """Class of each neuron by the naming rules of White et al. 1986: without side, number, and dorsal or ventral."""
    stems = [n[:-1] if s != "U" else n for n, s in zip(names, side, strict=True)]
    stems = [re.sub(r"^(AS|CA|CP|DA|DB|DD|VA|VB|VC|VD)\d+$", r"\1", stem) for stem in stems]
    known = set(stems)

    def ventral_or_dorsal(stem: str) -> bool:
        # RID and RIV are two classes, not halves of one: a class name has three letters.
        return len(stem) > 3 and {stem[:-1] + "D", stem[:-1] + "V"} <= known and stem[-1] in "DV"

    return [stem[:-1] if ventral_or_dorsal(stem) else stem for stem in stems]


def _texts(column: ndarray) -> tuple[str, ...]:
    return tuple(str(text) for text in column)

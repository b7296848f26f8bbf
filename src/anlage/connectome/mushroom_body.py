"""The learning centre of the first-instar fly larva, once per hemisphere (Eichler et al. 2017)."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from anlage.connectome.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, NeuronTable
from anlage.connectome.source import Source
from anlage.connectome.store import embedded_sha256, read_embedded
from anlage.errors import UnknownName

# Label of the source -> class and role. "Input" neurons are the modulatory ones that teach the Kenyon cells; what is
# sensed arrives through projection neurons, so only those are inputs.
CLASSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "K": ("kenyon", "inter"),
        "P": ("projection", "input"),
        "O": ("output", "output"),
        "I": ("input", "inter"),
    }
)

EICHLER = Source(
    key="larva-mushroom-body-eichler2017",
    title="Drosophila melanogaster, mushroom body of the first-instar larva (Eichler et al. 2017)",
    version="graspologic 3.4.4",
    licence="MIT (graspologic)",
    origin="https://pypi.org/project/graspologic/3.4.4",
    bibtex=r"""@article{eichler2017complete,
  author = {Eichler, Katharina and Li, Feng and Litwin-Kumar, Ashok and Park, Youngser and Andrade, Ingrid and
    Schneider-Mizell, Casey M. and Saumweber, Timo and Huser, Annina and Eschbach, Claire and Gerber, Bertram and
    Fetter, Richard D. and Truman, James W. and Priebe, Carey E. and Abbott, L. F. and Thum, Andreas S. and
    Zlatic, Marta and Cardona, Albert},
  title = {The complete connectome of a learning and memory centre in an insect brain},
  journal = {Nature}, volume = {548}, pages = {175--182}, year = {2017}, doi = {10.1038/nature23455}
}
""",
    lossy="Names and ids are made here (label and row of the source). Transmitters, signs, modalities, positions and "
    "the homologues on the other side are not in this release. The source does not say which end of its matrix is "
    "presynaptic; rows are, because projection neurons, which Kenyon cells do not contact, have entries in rows only.",
)


def mushroom_body(side: str) -> Connectome:
    """Mushroom body of one hemisphere, ``"left"`` (209 neurons, 7,425 edges) or ``"right"`` (213 and 7,536).

    ``neuron_class`` is kenyon, projection, output or input. Projection neurons carry what is sensed and are inputs,
    output neurons are outputs; Kenyon cells and the modulatory input neurons lie in between.
    Source: Eichler et al. 2017.

    Raises ``UnknownName`` for another side and ``IntegrityError`` when the embedded file is damaged.
    """
    if side not in ("left", "right"):
        raise UnknownName("side of the mushroom body", side, ("left", "right"))
    data = read_embedded("mushroom_body")
    label = [str(letter) for letter in data[f"{side}_label"]]
    pre, post = np.nonzero(data[side])
    n, nothing = len(label), np.zeros(len(pre), np.int16)
    neurons = NeuronTable(
        id=np.arange(n),
        name=tuple(f"{letter}{row}" for row, letter in enumerate(label)),
        role=Categorical.of([CLASSES[letter][1] for letter in label], ROLES),
        side=Categorical.of([side] * n),
        neuron_class=Categorical.of([CLASSES[letter][0] for letter in label]),
        cell_type=Categorical.of([""] * n),
        modality=Categorical.of([""] * n),
        region=Categorical.of(["mushroom body"] * n),
        pair_id=np.full(n, -1),
        xyz_um=np.full((n, 3), np.nan),
    )
    return Connectome(
        name=f"mushroom-body-{side}",
        neurons=neurons,
        pre=pre,
        post=post,
        synapse_count=data[side][pre, post].astype(np.int64),
        kind=Categorical(nothing + KINDS.index("chemical"), KINDS),
        sign=np.zeros(len(pre), np.int8),
        sign_source=Categorical(nothing + SIGN_SOURCES.index("none"), SIGN_SOURCES),
        transmitter=Categorical(nothing, ("",)),
        source=replace(EICHLER, sha256=embedded_sha256("mushroom_body")),
    )

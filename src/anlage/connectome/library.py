"""The connectomes by name, for recipes and the command line; in Python, call their functions."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from anlage.connectome.clean import fold
from anlage.connectome.connectome import Connectome
from anlage.connectome.fetch import require_data
from anlage.connectome.larva import larva
from anlage.connectome.mushroom_body import mushroom_body
from anlage.connectome.optic_lobe import optic_lobe
from anlage.connectome.release import RELEASES
from anlage.connectome.remote import Release
from anlage.connectome.worm import witvliet, worm, worm_male, worm_monoamine, worm_peptide
from anlage.errors import UnknownName


def fetched(release: Release) -> Connectome:
    """The connectome of a release from its clean copy on this machine.

    Raises ``DataMissing``, saying how to get it, without one, and ``IntegrityError`` when a file is damaged or foreign.
    """
    edges, neurons = (
        require_data(f"{release.folder}/{name}", release.name) for name in ("edges.npz", "neurons.csv.gz")
    )
    return fold(edges, neurons, release)


CONNECTOMES: Mapping[str, Callable[[], Connectome]] = MappingProxyType(
    {
        "worm": worm,
        "worm-male": worm_male,
        **{f"worm-witvliet-{animal}": partial(witvliet, animal) for animal in range(1, 9)},
        "worm-monoamine": worm_monoamine,
        "worm-peptide": worm_peptide,
        "mushroom-body-left": partial(mushroom_body, "left"),
        "mushroom-body-right": partial(mushroom_body, "right"),
        "optic-lobe": optic_lobe,
        **{name: partial(fetched, release) for name, release in RELEASES.items()},
        "larva": larva,
    }
)
# Names that need no data folder: their arrays are part of the package.
EMBEDDED: tuple[str, ...] = tuple(name for name in CONNECTOMES if name not in RELEASES)
OPTIC_LOBE = re.compile(r"optic-lobe-([0-9]+)")


def load(name: str) -> Connectome:
    """The connectome called ``name``: one of ``CONNECTOMES``, or ``optic-lobe-<radius>``, radius in columns of the eye.

    Raises ``UnknownName``, which answers with the nearest names, and what the function of the connectome raises.
    """
    if name in CONNECTOMES:
        return CONNECTOMES[name]()
    if sized := OPTIC_LOBE.fullmatch(name):
        return optic_lobe(int(sized[1]))
    raise UnknownName("connectome", name, [*CONNECTOMES, "optic-lobe-<radius>"])

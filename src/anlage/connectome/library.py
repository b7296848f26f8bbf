"""The connectomes by name, for recipes and the command line; in Python, call their functions."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from anlage.connectome import shelf
from anlage.connectome.clean import fold
from anlage.connectome.connectome import Connectome
from anlage.connectome.fetch import require_data
from anlage.connectome.larva import larva
from anlage.connectome.microcircuit import microcircuit
from anlage.connectome.mushroom_body import mushroom_body
from anlage.connectome.optic_lobe import optic_lobe
from anlage.connectome.release import RELEASES
from anlage.connectome.remote import Release
from anlage.connectome.worm import witvliet, worm, worm_male, worm_monoamine, worm_peptide
from anlage.errors import ConnectomeError, UnknownName


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
        "microcircuit": microcircuit,
        **{name: partial(fetched, release) for name, release in RELEASES.items()},
        "larva": larva,
    }
)
# Names that need no data folder: their arrays are part of the package.
EMBEDDED: tuple[str, ...] = tuple(name for name in CONNECTOMES if name not in RELEASES)
OPTIC_LOBE = re.compile(r"optic-lobe-([0-9]+)")


def load(name: str) -> Connectome:
    """The connectome called ``name``: one of ``CONNECTOMES``, ``optic-lobe-<radius>``, radius in columns of the eye, or one
    that was saved here (`anlage import`).

    Raises ``UnknownName``, which answers with the nearest names, and what the function of the connectome raises.
    """
    if name in CONNECTOMES:
        return CONNECTOMES[name]()
    if sized := OPTIC_LOBE.fullmatch(name):
        return optic_lobe(int(sized[1]))
    if saved := shelf.find(name):
        return shelf.read(saved)
    raise UnknownName("connectome", name, [*CONNECTOMES, "optic-lobe-<radius>", *shelf.names()])


def save(connectome: Connectome, *, replace: bool = False) -> Path:
    """Keep a connectome of one's own in the data folder, so that ``load`` finds it by its name; return its file.

    Raises ``ConnectomeError`` for a name that is taken, unless it is to ``replace`` a saved one, and as ``shelf.write`` does.
    """
    check_name(connectome.name, replace=replace)
    return shelf.write(connectome, replace=replace)


def check_name(name: str, *, replace: bool = False) -> None:
    """Raise ``ConnectomeError`` when a connectome of one's own cannot be called ``name``, before work is put into it."""
    if name in CONNECTOMES or OPTIC_LOBE.fullmatch(name):
        raise ConnectomeError(f"{name} is a connectome that comes with anlage; choose another --name.")
    shelf.place_for(name, replace=replace)

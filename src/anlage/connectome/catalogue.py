"""Everything that can be named, what of it is where, and what is left out on purpose and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from anlage.connectome.fetch import can_read, is_fetched
from anlage.connectome.library import EMBEDDED, load
from anlage.connectome.release import RELEASES
from anlage.connectome.remote import Release


@dataclass(frozen=True, slots=True)
class Entry:
    """One connectome: ``size`` is that of the download, ``where`` is ``embedded``, ``here`` or ``to fetch``."""

    name: str
    what: str
    neurons: str
    edges: str
    size: str
    licence: str
    where: str


NOT_OFFERED: Mapping[str, str] = MappingProxyType(
    {
        "microns": "The cubic millimetre of MICrONS (CAVE minnie65_public) has no table of neurons and edges that needs no "
        "account, and changes with every release; `microns-l23` is its smaller, finished sibling. Zenodo 8364070 holds a copy of "
        "release 117 as HDF5.",
        "mouse-oh2014": "The mouse mesoscale matrix (Oh et al. 2014) is a supplement of a Nature paper on data under the Allen "
        "Institute's own terms of use; neither says that it may be passed on.",
        "human-hcp": "Matrices from the Human Connectome Project may be used by those who have agreed to its terms, and passed "
        "on only under them.",
        "human-tvb": "The human matrices of The Virtual Brain come in a package under the GPL-3, which a permissive package "
        "cannot carry; install `tvb-data` yourself.",
        "human-skoch2022": "The matrices of 88 people (Skoch et al. 2022, doi 10.1038/s41597-022-01596-9) are published to be "
        "used, but no checksum of theirs was at hand to pin, and a region is not a neuron: the weight is a share of streamlines.",
        "fanc": "The female nerve cord FANC is published without a stated licence and without a table of cell types.",
    }
)
"""Name under which somebody may look for it -> why it is not here."""


def catalogue() -> list[Entry]:
    """Every connectome: first those in the package, then the releases by size of the download."""
    return [_embedded(name) for name in EMBEDDED] + [_release(each) for each in RELEASES.values()]


def _embedded(name: str) -> Entry:
    connectome = load(name)
    what, n, edges = connectome.source.title, connectome.n_neurons, len(connectome.pre)
    return Entry(name, what, f"{n:,}", f"{edges:,}", "", connectome.source.licence, "embedded")


def _release(release: Release) -> Entry:
    where = "here" if is_fetched(release) else "to fetch"
    if where == "to fetch" and not can_read(release):
        where += " with anlage[tables]"
    size = f"{release.megabytes:,.0f} MB" if release.megabytes >= 1 else f"{release.megabytes:.1f} MB"
    return Entry(release.name, release.what, release.neurons, release.edges, size, release.source.licence, where)

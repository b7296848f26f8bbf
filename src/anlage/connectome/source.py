"""Where something came from, under which licence, and how to cite it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """Provenance of a data set, a control or an objective.

    ``bibtex`` holds complete BibTeX entries. ``lossy`` says in words what the copy here does not hold, or holds only as an
    assumption; an empty string claims that nothing is missing. ``sha256`` is the checksum of the file that was read.
    """

    key: str
    title: str
    version: str
    licence: str
    origin: str
    bibtex: str
    lossy: str = ""
    sha256: str = ""

"""What is known of published data before they are downloaded: addresses, checksums, licence, citation, traps."""

from collections.abc import Callable
from dataclasses import dataclass

from numpy import ndarray

from anlage.connectome.source import Source


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One published file: ``bytes`` is its length, ``sha256`` its checksum, ``md5`` that of a publisher who gives no other."""

    url: str
    sha256: str
    bytes: int
    file_name: str
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A published data set. ``convert`` takes the paths of ``files`` in order and returns edge arrays and neuron table.

    ``folder`` is the folder, relative to a data folder, that holds the clean copy. ``notice`` is to be shown to whoever
    fetches the release: it says who made the data and under which terms they may be used. ``what``, ``neurons`` and ``edges``
    say in a few words how much it is. ``tables`` says whether converting needs the optional packages of ``anlage[tables]``.
    """

    name: str
    folder: str
    source: Source
    files: tuple[RemoteFile, ...]
    notice: str
    convert: Callable[..., tuple[dict[str, ndarray], list[dict[str, str]]]]
    what: str = ""
    neurons: str = ""
    edges: str = ""
    tables: bool = False

    @property
    def megabytes(self) -> float:
        """Size of the download, in units of a million bytes."""
        return sum(file.bytes for file in self.files) / 1e6

"""A declaration, ``question.toml``, and its finished records, kept under its checksum: none of another declaration counts."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self, final

from anlage.learning.checkpoint import read_json, write_json

Record = dict[str, Any]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """A declaration and its records, which are JSON files side by side in ``results``."""

    words: Record
    checksum: str
    results: Path

    @classmethod
    def of(cls, folder: Path) -> Self:
        """That of a finding."""
        text = (folder / "question.toml").read_bytes()
        return cls(tomllib.loads(text.decode()), sha256(text).hexdigest()[:16], folder / "results")

    def trials(self) -> Iterator[tuple[str, int]]:
        """Every trial of the ``arms`` it names, ``trials`` of each: arm and index; trial 0 of every arm first."""
        for index in range(self.words["trials"]):
            yield from ((arm, index) for arm in self.words["arms"])

    def read(self, name: str) -> Record | None:
        """A finished record; None where there is none of this declaration."""
        return read_json(self.results / f"{name}.json", lambda kept: kept.get("question") == self.checksum)

    def keep(self, name: str, record: Record) -> None:
        """Write a finished record."""
        write_json(self.results / f"{name}.json", {"question": self.checksum, **record})

"""What ``question.toml`` declares, and what is finished of it."""

import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from anlage.learning.checkpoint import read_json

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TEXT = (HERE / "question.toml").read_bytes()
QUESTION: dict[str, Any] = tomllib.loads(TEXT.decode())
CHECKSUM = sha256(TEXT).hexdigest()[:16]


def wanted() -> Iterator[tuple[str, int]]:
    """Every trial: its arm as the question calls it, and its index; trial 0 of every arm first."""
    trials: dict[str, int] = QUESTION["trials"]
    for index in range(max(trials.values())):
        yield from ((arm, index) for arm, n in trials.items() if index < n)


def read(arm: str) -> dict[str, Any]:
    """The finished trials of an arm by index; those of another declaration are left out."""
    return read_json(RESULTS / f"{arm}.json", lambda kept: kept.get("question") == CHECKSUM) or {}

"""What ``question.toml`` declares, and what is finished of it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from declared import Declared  # noqa: E402

ASKED = Declared.of(HERE)
QUESTION = ASKED.words


def wanted() -> Iterator[tuple[str, int]]:
    """Every trial: its arm as the question calls it, and its index; trial 0 of every arm first."""
    trials: dict[str, int] = QUESTION["trials"]
    for index in range(max(trials.values())):
        yield from ((arm, index) for arm, n in trials.items() if index < n)


def finished(arm: str) -> dict[str, Any]:
    """The finished trials of an arm by index."""
    return (ASKED.read(arm) or {}).get("trials", {})

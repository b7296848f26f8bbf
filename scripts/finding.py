"""A page of evidence made by one command: the text, the contrasts for the table of all claims, and one picture."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from anlage.learning.checkpoint import write_text
from anlage.study.canvas import PAPER
from anlage.study.statistics import Contrast


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What a folder shows. ``stamp``: checksum of its results, written into the page and the picture."""

    folder: Path
    page: str
    claims: Sequence[dict[str, Any]]
    draw: Callable[[], Figure]
    picture: str
    stamp: str
    further: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    """Pictures besides the first: file name -> how it is drawn."""

    def text(self) -> dict[str, str]:
        """File name -> content of what is text."""
        made = f"<!-- Made by `python evidence/{self.folder.name}/page.py` from results/; do not edit page.md. -->\n\n"
        foot = f"\n\nResults {self.stamp}.\n"
        return {
            "page.md": made + self.page.strip() + foot,
            "claims.json": json.dumps(list(self.claims), indent=1) + "\n",
        }

    def stale(self) -> list[str]:
        """Names of files that are not what the results say."""
        paths = {name: self.folder / name for name in self.text()}
        wrong = [n for n, t in self.text().items() if not paths[n].exists() or paths[n].read_text("utf-8") != t]
        pictures = {name: self.folder / name for name in (self.picture, *self.further)}
        fresh = {n for n, path in pictures.items() if path.exists() and self.stamp.encode() in path.read_bytes()}
        return [*wrong, *(name for name in pictures if name not in fresh)]

    def main(self) -> None:
        """Write everything, or with ``--check`` only say whether it is what the results say."""
        if "--check" in sys.argv[1:]:
            if wrong := self.stale():
                sys.exit(f"{', '.join(wrong)} are not what the results say; run page.py.")
            return
        for name, text in self.text().items():
            write_text(self.folder / name, text)
        metadata = {"Software": None, "Comment": self.stamp}
        for picture, draw in {self.picture: self.draw, **self.further}.items():
            draw().savefig(self.folder / picture, dpi=108, facecolor=PAPER, metadata=metadata)


def stamp(paths: Iterable[Path]) -> str:
    """Checksum of the results."""
    return sha256(b"".join(path.read_bytes() for path in sorted(paths))).hexdigest()[:16]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def verdict_table(found: Iterable[Contrast], digits: int = 4) -> str:
    """One line per contrast."""
    head = ["outcome", "control", "connectome", "control mean", "difference (95 % interval)", "percentile", "p (Holm)"]
    rows = []
    for c in found:
        p = "< 0.001" if c.p_holm < 0.001 else f"{c.p_holm:.3f}"
        low, high = c.interval
        difference = f"{c.difference:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"
        means = f"{c.connectome_mean:.{digits}f}", f"{c.control_mean:.{digits}f}"
        rows.append([c.outcome, c.control, *means, difference, f"{c.percentile:.0f}", p, c.verdict])
    return table([*head, "verdict"], rows)


def claim(contrast: Contrast, outcome: str, *, higher_is_better: bool) -> dict[str, Any]:
    """A contrast as the table of all claims reads it."""
    return {**contrast.to_json(), "outcome": outcome, "higher_is_better": higher_is_better}

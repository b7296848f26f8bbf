"""What the evidence says, in one table and one picture: every claim, who made it, our verdict, and the controls that remove it.

    python scripts/state.py

Each folder of evidence/ has a ``claim.toml`` (the claim in words) and its contrasts, in ``claims.json`` or in the
``result.json`` of ``anlage compare``. The command draws docs/state-of-the-evidence.png; cog makes the tables.
"""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes

from anlage.study.canvas import ARM, BAND, INK, LINE, MUTED, PAPER, axes, sheet, write
from anlage.study.outcome import OUTCOMES

ROOT = Path(__file__).parents[1]
FAR = 7.0
"""Control standard deviations beyond which the picture shows an arrow."""
COLOUR = {"better": ARM[0], "worse": ARM[1]}


@dataclass(frozen=True, slots=True)
class Row:
    """The connectome against one control; ``effect`` in control standard deviations, positive where it does better."""

    outcome: str
    control: str
    n_graphs: int
    effect: float
    interval: tuple[float, float]
    verdict: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One folder of evidence; ``about`` says what its contrasts compare, where that is not the claim itself."""

    folder: str
    claim: str
    made_by: str
    wiring: str
    answer: str
    rows: tuple[Row, ...]
    about: str = ""

    @property
    def link(self) -> str:
        """The claim as a link from docs/."""
        return f"[{self.claim.rstrip('.')}](../evidence/{self.folder}/page.md)"


def claims() -> list[Claim]:
    """Every claim, those that were supported first, then by name of their folders."""
    found = []
    for path in sorted((ROOT / "evidence").glob("*/claim.toml")):
        words = tomllib.loads(path.read_text("utf-8"))
        found.append(Claim(path.parent.name, **words, rows=tuple(_rows(path.parent))))
    order = ("supported", "partly", "no difference", "equivalent", "not supported", "undecided")
    known = {claim.folder: [claim.answer.startswith(word) for word in order] for claim in found}
    if wrong := [folder for folder, kinds in known.items() if not any(kinds)]:
        raise SystemExit(f"The answers of {', '.join(wrong)} begin with none of: {', '.join(order)}.")
    return sorted(found, key=lambda claim: known[claim.folder].index(True))


def _rows(folder: Path) -> list[Row]:
    """The contrasts of a folder; a control with one graph, or without numbers, has no place among standard deviations."""
    own, run = folder / "claims.json", folder / "result.json"
    if not own.exists() and not run.exists():
        return []
    given = json.loads(own.read_text("utf-8")) if own.exists() else json.loads(run.read_text("utf-8"))["contrasts"]
    rows = []
    for one in given:
        if one["effect_interval"] is None:
            continue
        higher = one["higher_is_better"] if "higher_is_better" in one else OUTCOMES[one["outcome"]].higher_is_better
        sign = 1 if higher else -1
        ends = sorted(sign * end for end in one["effect_interval"])
        name = one["outcome"].replace("_", " ")
        rows.append(
            Row(name, one["control"], one["n_graphs"], sign * one["effect_size"], (ends[0], ends[1]), one["verdict"])
        )
    return rows


def front() -> str:
    """Claim and answer, for the front page."""
    rows = ["| claim | answer |", "|---|---|"]
    rows += [f"| [{c.claim.rstrip('.')}](evidence/{c.folder}/page.md) | {c.answer} |" for c in claims()]
    return "\n".join(rows)


def table() -> str:
    """Every claim with its effects and the controls that remove it."""
    head = ("claim", "who made it", "wiring", "our verdict", "effect (95 % interval)", "controls that remove it")
    rows = [_line(head), "|---" * len(head) + "|"]
    rows += [_line((c.link, c.made_by, c.wiring, c.answer, _effects(c), _removing(c))) for c in claims()]
    return "\n".join(rows)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _effects(claim: Claim) -> str:
    """One line per contrast; the outcome is named where there are several."""
    lines = [claim.about] if claim.about else []
    for row in claim.rows:
        low, high = (_number(end) for end in row.interval)
        lines.append(f"{_name(claim, row)}: {_number(row.effect)} ({low} to {high})")
    return "<br>".join(lines) or "–"


def _name(claim: Claim, row: Row) -> str:
    several = len({each.outcome for each in claim.rows}) > 1
    return f"{row.outcome}, {row.control}" if several else row.control


def _removing(claim: Claim) -> str:
    """The controls against which nothing is left of what the connectome has over others."""
    won, names = {r.control for r in claim.rows if r.verdict == "better"}, {r.control for r in claim.rows}
    if claim.about or not names:
        return "–"
    return ", ".join(sorted(names - won)) or "none of these" if won else "there is nothing to remove"


def counts() -> str:
    """How many claims, and how they ended, in a sentence."""
    found = claims()
    won = sum(c.answer.startswith(("supported", "partly")) for c in found)
    return f"{len(found)} claims: {won} supported at least in part, {len(found) - won} not."


def _number(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


LEFT, TOP, ROW, GAP, WIDTH = 330, 96, 19, 34, 980


def main() -> None:
    """Draw every contrast of every claim on one scale."""
    found = [claim for claim in claims() if claim.rows]
    height = TOP + sum(GAP + ROW * len(claim.rows) for claim in found) + 46
    figure = sheet(WIDTH, height)
    figure.set_facecolor(PAPER)
    page = axes(figure, 0, 0, WIDTH, height)
    page.set(xlim=(0, WIDTH), ylim=(height, 0))
    page.axis("off")
    write(page, 20, 30, "What was the wiring worth?", fontsize=19, weight="bold")
    write(
        page,
        20,
        54,
        "Where each connectome lies among graphs of each control, in standard deviations of these.",
        color=MUTED,
    )
    ax = axes(figure, LEFT, TOP, WIDTH - LEFT - 30, height - TOP - 46)
    ax.set(xlim=(-FAR - 0.6, FAR + 0.6), ylim=(height - 46, TOP), yticks=[])
    ax.axvspan(-2.1, 2.1, color=BAND, linewidth=0)
    ax.axvline(0, color=LINE, linewidth=1)
    ax.set_xlabel("standard deviations of the control graphs", color=MUTED, fontsize=12)
    for x, text, side in ((-FAR, "← worse", "left"), (0, "as any control graph", "center"), (FAR, "better →", "right")):
        write(ax, x, TOP - 8, text, ha=side, fontsize=12, color=MUTED)
    y = float(TOP)
    for claim in found:
        y += GAP - 12
        write(page, 20, y, (claim.about or claim.claim).rstrip("."), weight="bold", va="center")
        y += 16
        for row in claim.rows:
            write(page, LEFT - 10, y, _name(claim, row), ha="right", va="center", fontsize=12, color=MUTED)
            _mark(ax, y, row)
            y += ROW
        y -= 4
    figure.savefig(ROOT / "docs" / "state-of-the-evidence.png", dpi=108, facecolor=PAPER)


def _mark(ax: Axes, y: float, row: Row) -> None:
    """A dot with its interval; beyond the edge, an arrow."""
    colour = COLOUR.get(row.verdict, INK)
    if abs(row.effect) > FAR:
        side, where = (1, "right") if row.effect > 0 else (-1, "left")
        ax.scatter([side * FAR], [y], marker=">" if side > 0 else "<", s=46, color=colour, zorder=3)
        write(ax, side * (FAR - 0.3), y, _number(row.effect), ha=where, va="center", fontsize=11.5, color=colour)
        return
    low, high = (min(max(end, -FAR), FAR) for end in row.interval)
    ax.plot([low, high], [y, y], color=colour, linewidth=1.6, alpha=0.55, solid_capstyle="round")
    filled = row.verdict in COLOUR
    ax.scatter([row.effect], [y], s=40, color=colour if filled else PAPER, edgecolors=colour, linewidths=1.4, zorder=3)


if __name__ == "__main__":
    main()

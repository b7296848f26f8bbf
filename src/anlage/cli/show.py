"""The verb that shows a connectome: a table to read and a picture to look at."""

import argparse
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from anlage.cli.verb import Verbs

if TYPE_CHECKING:
    from anlage.connectome import Connectome

MOST_CLASSES = 20
"""Classes that the table lists."""


def _show(args: argparse.Namespace) -> None:
    """Print what a connectome holds and where it comes from, and draw it."""
    from anlage.connectome.library import load
    from anlage.learning.checkpoint import write_atomic
    from anlage.study.wiring_picture import wiring_picture

    c = load(args.connectome)
    print(f"{c.name}: {c.source.title}\n")
    for name, value in _rows(c).items():
        print(f"  {name:<15} {value}")
    print(f"\n{_class_table(c)}\n\n{c.source.bibtex.strip()}")
    path = args.out / f"{c.name}.png"
    write_atomic(path, wiring_picture(c))
    print(f"\npicture: {path}")


def _rows(c: "Connectome") -> dict[str, str]:
    """What the table says, line by line."""
    from anlage.connectome.census import degrees, edges_by_role, signs_by_source

    n_edges = len(c.pre)
    between = sorted(edges_by_role(c).items(), key=lambda item: -item[1])
    sent, received = degrees(c)
    signs = [
        f"{n / n_edges:.1%} {word} ({source})"
        for source, counts in signs_by_source(c).items()
        for n, word in zip(counts, ("positive", "negative"), strict=True)
        if n
    ]
    unknown = c.sign_shares()["none"]
    return {
        "neurons": f"{c.n_neurons:,}",
        "roles": _counts(c.neurons.role.counts()),
        "sides": _counts(c.neurons.side.counts()),
        "edges": _counts(c.kind.counts()),
        "between roles": ", ".join(f"{n:,} {pre} to {post}" for (pre, post), n in between),
        "edges sent": _spread(sent.tolist()),
        "edges received": _spread(received.tolist()),
        "synapse counts": f"{c.synapse_count.sum():,.0f} in all, largest {c.synapse_count.max():,.0f}",
        "compartments": ", ".join(c.compartments) or "not split",
        "effector edges": f"{len(c.effectors.pre):,}" if c.effectors else "none",
        "signs": ", ".join([*signs, *([f"{unknown:.1%} unknown"] if unknown else [])]),
        "version": c.source.version,
        "licence": c.source.licence,
        "origin": c.source.origin,
        "what is lost": c.source.lossy or "nothing known",
    }


def _class_table(c: "Connectome") -> str:
    """Neurons of each class by role, and how many partners they have."""
    from anlage.connectome.census import class_rows, division
    from anlage.connectome.connectome import ROLES

    rows = class_rows(c)
    roles = [role for role in (*ROLES[1:], ROLES[0]) if any(role in row.by_role for row in rows)]
    wide = max(12, *(len(row.name) for row in rows[:MOST_CLASSES]))
    lines = [f"  {division(c)[0]:<{wide}}" + "".join(f"{word:>10}" for word in ("neurons", *roles, "sent", "received"))]
    for row in rows[:MOST_CLASSES]:
        cells = [f"{row.n_neurons:,}", *(f"{row.by_role.get(role, 0):,}" for role in roles)]
        cells += [f"{row.median_out:,.0f}", f"{row.median_in:,.0f}"]
        lines.append(f"  {row.name:<{wide}}" + "".join(f"{cell:>10}" for cell in cells))
    if len(rows) > MOST_CLASSES:
        rest = sum(row.n_neurons for row in rows[MOST_CLASSES:])
        lines.append(f"  and {len(rows) - MOST_CLASSES:,} more with {rest:,} neurons")
    return "\n".join([*lines, "  (sent, received: median number of edges)"])


def _spread(degree: list[int]) -> str:
    return f"median {median(degree):,.0f}, largest {max(degree):,}, none for {degree.count(0):,} neurons"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {label or 'unnamed'}" for label, n in counts.items())


def add(verbs: Verbs) -> None:
    """Offer the verb of this file."""
    show = verbs.add("show", _show)
    show.add_argument("connectome")
    show.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        default=Path("runs/wiring"),
        help="where the picture goes (default: runs/wiring)",
    )

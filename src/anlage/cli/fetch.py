"""The verb that downloads published connectomes, and lists all there are."""

import argparse
from collections.abc import Sequence

from anlage.cli.meter import Meter
from anlage.cli.verb import Verbs
from anlage.errors import AnlageError

WIDEST = 64
"""Characters of a description that the list shows."""


def _fetch(args: argparse.Namespace) -> None:
    """Download a published connectome, after its licence was shown; without a name, list all there are."""
    from anlage.connectome.catalogue import NOT_OFFERED
    from anlage.connectome.fetch import demand_tables, fetch
    from anlage.connectome.library import EMBEDDED
    from anlage.connectome.release import RELEASES
    from anlage.errors import UnknownName

    name = args.release
    if args.list or name is None:
        _print_list()
        return
    if name in EMBEDDED:
        print(f"{name} is part of the package, so there is nothing to fetch: try `anlage show {name}`.")
        return
    if name in NOT_OFFERED:
        raise AnlageError(f"{name} is not offered. {NOT_OFFERED[name]}")
    if name not in RELEASES:
        raise UnknownName("release", name, [*RELEASES, *EMBEDDED])
    release = RELEASES[name]
    print(
        f"{release.source.title}\n{release.neurons} neurons, {release.edges} edges\n\n{release.notice}\n\n"
        f"Licence: {release.source.licence}\nDownload: {release.megabytes:.1f} MB, described at {release.source.origin}\n\n"
        f"Cite:\n{release.source.bibtex}"
    )
    demand_tables(release)
    if not args.yes and not _agreed():
        raise AnlageError("Nothing was downloaded; answer y, or add --yes in a script.")
    print(f"ready: {fetch(name, progress=Meter(), accept_changed=args.accept_changed)}")


def _print_list() -> None:
    """Every connectome with its size, licence and whether it is here."""
    from anlage.connectome.catalogue import NOT_OFFERED, catalogue

    entries = catalogue()
    head = ("name", "what", "neurons", "edges", "download", "where", "licence")
    rows = [(e.name, _cut(e.what), e.neurons, e.edges, e.size, e.where, e.licence) for e in entries]
    print(_aligned([head, *rows], right={2, 3, 4}))
    print(f"\nNot offered, with the reason when asked for: {', '.join(NOT_OFFERED)}.")


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1].rstrip() + "…"


def _aligned(rows: Sequence[Sequence[str]], right: set[int]) -> str:
    """Rows as lines, columns as wide as their longest entry; numbers, in the columns ``right``, end at the same place."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [str.rjust if i in right else str.ljust for i in range(len(widths))]
    lines = ([side(cell, w) for side, cell, w in zip(sides, row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _agreed() -> bool:
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # nobody is there to answer
        return False


def add(verbs: Verbs) -> None:
    """Offer the verb of this file."""
    fetch = verbs.add("fetch", _fetch)
    fetch.add_argument("release", nargs="?", help="name of a release (default: list all)")
    fetch.add_argument("--list", action="store_true", help="list every connectome, here or not")
    fetch.add_argument("--yes", action="store_true", help="do not ask before downloading")
    fetch.add_argument(
        "--accept-changed", action="store_true", help="take files whose checksum is not the pinned one, and record it"
    )

"""The verb that takes in a wiring of one's own."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from anlage.cli.verb import Verbs
from anlage.connectome.finding import CHOICES
from anlage.errors import AnlageError

if TYPE_CHECKING:
    from anlage.connectome.draft import Draft
    from anlage.connectome.plan import Plan


def _import(args: argparse.Namespace) -> None:
    """Make a connectome of one's own out of tables, a matrix, a graph, or what neuPrint or CAVE answer."""
    from anlage.connectome import server
    from anlage.connectome.draft import draft
    from anlage.connectome.library import check_name, save
    from anlage.connectome.material import gather
    from anlage.connectome.shelf import source_of

    if not args.name and not args.dry_run:
        raise AnlageError("The connectome has no name yet; add --name NAME, or --dry-run to look at it first.")
    if args.name and not args.dry_run:
        check_name(args.name, replace=args.replace)
    plan = _plan(args)
    print("reading ...", file=sys.stderr)
    if any(map(server.is_address, args.files)):
        if len(args.files) > 1:
            raise AnlageError(f"{len(args.files)} things were given, one of them a server; give its address alone.")
        material = server.ask(args.files[0], args.neurons, plan=plan)
    else:
        material = gather([Path(file) for file in args.files], args.neurons, plan)
    made = draft(material, plan)
    _show(made, all_findings=args.dry_run)
    if args.write_mapping:
        args.write_mapping.write_text(made.mapping(), encoding="utf-8")
        print(f"mapping: {args.write_mapping}")
    if args.dry_run:
        waiting = sum(finding.open for finding in made.findings)
        print(
            f"dry run: nothing was written; {waiting} choices are needed."
            if waiting
            else "dry run: nothing was written."
        )
        return
    bibtex = args.cite.read_text(encoding="utf-8") if args.cite else ""
    source = source_of(material, args.name, title=args.title, licence=args.licence, bibtex=bibtex)
    place = save(made.connectome(args.name, source), replace=args.replace)
    print(f"ready: {place}\nnext: anlage show {args.name}")


def _plan(args: argparse.Namespace) -> "Plan":
    """The mapping that was given, and over it what was typed."""
    from dataclasses import replace

    from anlage.connectome.plan import Plan, read_plan

    plan = read_plan(args.mapping.read_text(encoding="utf-8"), str(args.mapping)) if args.mapping else Plan()
    typed = {name: getattr(args, name) for name in CHOICES if getattr(args, name) is not None}
    roles = {value: role for value, _, role in (pair.rpartition("=") for pair in args.roles)}
    return replace(plan.with_columns(args.columns), roles={**plan.roles, **roles}, choices={**plan.choices, **typed})


def _show(made: "Draft", *, all_findings: bool) -> None:
    """What was understood: columns, first rows, findings, and what it comes to; an error will name the open findings."""
    for part, columns in (("edges", made.plan.edges), ("neurons", made.plan.neurons)):
        for what, column in columns.items():
            print(f"  {part:<8} {what:<14} is column {column!r}")
    if made.unused:
        print(f"  {'not used':<23} {', '.join(made.unused)}")
    print("\nthe first rows, as understood:")
    for row in made.first_rows:
        print(f"  {row}")
    findings = [finding for finding in made.findings if all_findings or not finding.open]
    print("\nfound:" if findings else "")
    for finding in findings:
        print(f"  {'!' if finding.open else '-'} {finding}")
    edges, neurons = made.edges, made.neurons
    roles = ", ".join(f"{n:,} {role}" for role, n in neurons.role.counts().items())
    print(
        f"\ntogether: {len(neurons):,} neurons ({roles}), {len(edges):,} edges, {edges.count.sum():,g} synapses, "
        f"largest edge {edges.count.max():,g}"
    )


def add(verbs: Verbs) -> None:
    """Offer the verb of this file."""
    verb = verbs.add("import", _import)
    verb.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="tables of edges (csv, tsv, feather, parquet), a matrix (npy, npz, mtx), graphml, neuprint://... or cave://...",
    )
    verb.add_argument("--name", help="what the connectome will be called")
    verb.add_argument("--neurons", type=Path, metavar="FILE", help="table of neurons")
    verb.add_argument("--dry-run", action="store_true", help="show how it is understood, write nothing")
    verb.add_argument("--replace", action="store_true", help="write over a connectome of the same name")
    verb.add_argument(
        "--columns", nargs="+", default=[], metavar="WHAT=COLUMN", help="as pre=source; WHAT= leaves it out"
    )
    verb.add_argument("--roles", nargs="+", default=[], metavar="VALUE=ROLE", help="as sensory=input, motor=output")
    verb.add_argument(
        "--mapping", type=Path, metavar="TOML", help="columns, roles and choices, as --write-mapping writes them"
    )
    verb.add_argument(
        "--write-mapping", type=Path, metavar="TOML", help="write down how it was understood, to be edited"
    )
    verb.add_argument("--title", default="", help="what the data are")
    verb.add_argument("--licence", default="", help="under which terms they may be used")
    verb.add_argument("--cite", type=Path, metavar="BIB", help="file with BibTeX to cite")
    choices = verb.add_argument_group(
        "choices, for what a file leaves open; without one the import is refused and says so"
    )
    for name, choice in CHOICES.items():
        usual = f" (usually {choice.default})" if choice.default else ""
        choices.add_argument(
            "--" + name.replace("_", "-"),
            choices=list(choice.options) or None,
            metavar=None if choice.options else "VALUE",
            help=choice.help + usual,
        )

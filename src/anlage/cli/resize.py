"""The verbs that make a wiring larger or smaller, and print what was kept."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from anlage.cli.verb import Verbs

if TYPE_CHECKING:
    from anlage.topology import Promises, Resized, Topology


def _expand(args: argparse.Namespace) -> None:
    """Expand a wiring by drawing newcomers, and print what was kept of it."""
    from anlage.seed import Seed
    from anlage.topology import certify_expansion, expand

    rng = Seed(args.seed).child("expansion").rng()
    blocks = tuple(args.blocks) if args.blocks else None
    _resize(args, lambda t: expand(t, args.factor, rng, blocks=blocks, signs=args.sign_per), certify_expansion)


def _shrink(args: argparse.Namespace) -> None:
    """Take a random share of every block of a wiring, and print what was kept of it."""
    from anlage.seed import Seed
    from anlage.topology import certify_shrinkage, shrink

    rng = Seed(args.seed).child("reduction").rng()
    blocks = tuple(args.blocks) if args.blocks else None
    _resize(args, lambda t: shrink(t, args.share, rng, blocks=blocks), certify_shrinkage)


def _resize(
    args: argparse.Namespace,
    function: "Callable[[Topology], Resized]",
    certify: "Callable[[Resized], Promises]",
) -> None:
    from anlage.connectome.library import load
    from anlage.topology import build

    resized = function(build(load(args.connectome), kinds=args.kinds, compartments=args.compartments, signs=args.signs))
    for step in resized.topology.history:
        print(step)
    print(f"{resized.topology.n_neurons:,} neurons, {resized.topology.n_edges:,} edges\n")
    certificate = certify(resized)
    print(_table(certificate))
    certificate.demand()


def _table(certificate: "Promises") -> str:
    from anlage.topology.promise import COLUMNS

    lines = [COLUMNS, *(row.words() for row in certificate.rows)]
    width = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(width[0]), *map(str.rjust, line[1:], width[1:])]).rstrip() for line in lines
    )


def add(verbs: Verbs) -> None:
    """Offer the verbs of this file."""
    expand, shrink = verbs.add("expand", _expand), verbs.add("shrink", _shrink)
    for verb in (expand, shrink):
        verb.add_argument("connectome")
    expand.add_argument("--factor", type=float, required=True, metavar="F", help="how many times as many neurons")
    expand.add_argument(
        "--sign-per", choices=["neuron", "edge"], default="neuron", help="what has a sign of its own (default: neuron)"
    )
    shrink.add_argument("--share", type=float, required=True, metavar="S", help="share of the neurons to keep")
    for verb in (expand, shrink):
        verb.add_argument("--blocks", nargs="+", metavar="GROUP", help="groups to keep apart (default: class and side)")
        verb.add_argument("--seed", type=int, default=0)
        verb.add_argument(
            "--kinds", nargs="+", metavar="KIND", default=["chemical", "gap_junction"], help="edges to use"
        )
        verb.add_argument(
            "--compartments", nargs="*", metavar="NAME", default=[], help="synapses to use (default: all)"
        )
        verb.add_argument(
            "--signs", choices=["known", "transmitter", "none"], default="known", help="where signs come from"
        )

"""The verb that puts a wiring into a body."""

import argparse
from pathlib import Path

from anlage.cli.meter import Meter
from anlage.cli.verb import Verbs
from anlage.errors import AnlageError, UnknownName

BODIES = ("swimmer",)


def _live(args: argparse.Namespace) -> None:
    """Let a wiring move a body without any training, against rewired ones, and write the report with the moving body."""
    from anlage.connectome.library import load
    from anlage.experience.swimmer import Swimmer
    from anlage.network.reflex import pools
    from anlage.study.compare import cores
    from anlage.study.swim import CONNECTOME, Tank
    from anlage.study.swim_report import audit_words, sentences, write_swim_report
    from anlage.study.swim_run import carry_out_swims

    if args.body not in BODIES:
        raise UnknownName("body", args.body, BODIES)
    if args.graphs < 2:
        raise AnlageError(f"--graphs is {args.graphs}, but a comparison needs at least 2 rewired graphs per arm.")
    tank = Tank(args.links)
    Swimmer(args.links)  # what is wrong with the body is said before anything is run
    pools(args.links - 1)
    connectome = load(args.connectome)
    folder = args.out or Path("runs") / f"{connectome.name}-{args.body}"
    run = carry_out_swims(connectome, tank, args.graphs, folder, args.seed, workers=cores(), progress=Meter())
    print(f"{connectome.name}: {run.circuit.topology.history[0]}")
    print("\n".join(sentences(run)))
    print(audit_words(run)[0])
    print(f"{len(run.arms[CONNECTOME])} trials; assumed for every arm: B neurons feel the body, the head keeps time")
    print(f"report: {write_swim_report(run, folder / 'report.html')}")


def add(verbs: Verbs) -> None:
    """Offer the verb of this file."""
    verb = verbs.add("live", _live)
    verb.add_argument("connectome", help="one with edges onto muscles: worm or worm-male")
    verb.add_argument("--body", default="swimmer", metavar="NAME", help=f"{', '.join(BODIES)} (default)")
    verb.add_argument("--links", type=int, default=6, metavar="N", help="links of the body (default: 6)")
    verb.add_argument("--graphs", type=int, default=20, metavar="N", help="rewired graphs per arm (default: 20)")
    verb.add_argument("--seed", type=int, default=0, help="of postures and graphs (default: 0)")
    verb.add_argument("--out", type=Path, metavar="FOLDER", help="for results and report (default: runs/NAME-BODY)")

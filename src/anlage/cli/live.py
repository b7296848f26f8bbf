"""The verb that puts a wiring into a body."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from anlage.cli.meter import Meter
from anlage.cli.verb import Verbs
from anlage.errors import AnlageError, UnknownName

if TYPE_CHECKING:
    from anlage.study.upbringing import Chapter

UNTRAINED = ("swimmer", "arena")
"""Where a wiring lives that has learned nothing."""
UNTRAINED_GRAPHS, LEARNING_GRAPHS, FORAGING_GRAPHS = 20, 3, 3


def _live(args: argparse.Namespace) -> None:
    """Let a wiring move a body, untrained or learning, against rewired ones, and write the report with what it did."""
    from anlage.experience.bodies import WORLDS

    if args.innate and (args.learn is None or args.body != "swimmer"):
        raise AnlageError(
            "--innate is about what a swimmer born with its reflex learns; add --learn STEPS, and no other body."
        )
    if args.grow_up and (args.learn is not None or args.body != "swimmer"):
        raise AnlageError("--grow-up is for what swims untrained; leave out --learn and --body.")
    if args.learn is not None:
        _learn(args)
    elif args.body in UNTRAINED:
        (_forage if args.body == "arena" else _swim)(args)
    elif args.body in WORLDS:
        raise AnlageError(f"No untrained wiring can move the body {args.body!r}; let it learn with --learn STEPS.")
    else:
        raise UnknownName("body", args.body, (*WORLDS, "arena"))


def _forage(args: argparse.Namespace) -> None:
    """Let the brain of a larva or a worm smell its way through an arena, untrained, against rewired ones."""
    from anlage.connectome.library import load
    from anlage.study.forage import Plan, body_of, carry_out, sentences
    from anlage.study.forage_report import write_forage_report

    plan = Plan(args.animals, args.seconds, FORAGING_GRAPHS if args.graphs is None else args.graphs, args.seed)
    connectome = load(args.connectome)
    body_of(connectome)  # what is wrong is said before anything is run
    run = carry_out(connectome, plan, Meter())
    for lives in run.arms:
        print(f"{lives.name:<22}{'  '.join(map(str, lives.found))}")
    print("\n".join(sentences(run)))
    folder = args.out or Path("runs") / f"{connectome.name}-{args.body}"
    print(f"report: {write_forage_report(run, folder / 'report.html')}")


def _swim(args: argparse.Namespace) -> None:
    """Let the motor wiring swim, untrained, against rewired ones."""
    from anlage.connectome.library import load
    from anlage.experience.swimmer import Swimmer
    from anlage.network.reflex import pools
    from anlage.study.compare import cores
    from anlage.study.swim import CONNECTOME, Tank
    from anlage.study.swim_report import audit_words, sentences, write_swim_report
    from anlage.study.swim_run import carry_out_swims

    if args.grow_up and (args.connectome, args.links) != ("worm", 6):
        raise AnlageError("Only the worm grows up here, in six links; leave out --links, or --grow-up.")
    graphs = UNTRAINED_GRAPHS if args.graphs is None else args.graphs
    if graphs < 2:
        raise AnlageError(f"--graphs is {graphs}, but a comparison needs at least 2 rewired graphs per arm.")
    tank = Tank(args.links)
    Swimmer(args.links)  # what is wrong with the body is said before anything is run
    pools(args.links - 1)
    connectome = load(args.connectome)
    folder = args.out or Path("runs") / f"{connectome.name}-{args.body}"
    run = carry_out_swims(connectome, tank, graphs, folder, args.seed, workers=cores(), progress=Meter())
    print(f"{connectome.name}: {run.circuit.topology.history[0]}")
    print("\n".join(sentences(run)))
    print(audit_words(run)[0])
    print(f"{len(run.arms[CONNECTOME])} trials; assumed for every arm: B neurons feel the body, the head keeps time")
    chapters = _raised(args, folder) if args.grow_up else ()
    print(f"report: {write_swim_report(run, folder / 'report.html', chapters)}")


def _raised(args: argparse.Namespace, folder: Path) -> "list[Chapter]":
    """What it learns after it could swim."""
    from anlage.study.compare import cores
    from anlage.study.upbringing import Childhood, expects, practises

    childhood, meter, workers = Childhood(seed=args.seed), Meter(), cores()
    print("\nIt learns what swimming feels like ...")
    chapters = [expects(childhood, folder / "felt", workers=workers, progress=meter)]
    print("\n".join(chapters[0].said) + "\n\nIt practises ...")
    chapters.append(practises(childhood, folder / "practised", workers=workers, progress=meter))
    print("\n".join(chapters[1].said))
    return chapters


def _learn(args: argparse.Namespace) -> None:
    """Let the wiring, rewired ones and perceptrons as large practise in the body."""
    from anlage.connectome.library import load
    from anlage.experience.bodies import open_world
    from anlage.study.compare import cores
    from anlage.study.practice import PracticePlan, carry_out_practice
    from anlage.study.practice_report import practice_sentences, write_practice_report
    from anlage.topology.motor import motor

    if args.learn < 1:
        raise AnlageError(f"--learn is {args.learn}, but practice needs at least 1 step; 100000 is a beginning.")
    graphs = LEARNING_GRAPHS if args.graphs is None else args.graphs
    if graphs < 1:
        raise AnlageError(f"--graphs is {graphs}, but every arm needs at least 1 trial.")
    name = load(args.connectome).name
    open_world(args.body, args.links)  # what is wrong with the body is said before anything is run
    folder = args.out or Path("runs") / f"{name}-learns-{args.body}{'-innate' * args.innate}"
    plan = PracticePlan(name, args.body, args.learn, graphs, args.seed, args.links, args.innate)
    if args.innate:
        motor(load(args.connectome))
    held = carry_out_practice(plan, folder, workers=cores(), progress=Meter())
    print("\n".join(practice_sentences(held)))
    print(f"report: {write_practice_report(held, folder / 'report.html')}")


def add(verbs: Verbs) -> None:
    """Offer the verb of this file."""
    verb = verbs.add("live", _live)
    verb.add_argument("connectome", help="worm or worm-male; in the arena larva or worm")
    verb.add_argument(
        "--body", default="swimmer", metavar="NAME", help="swimmer (default), arena; --learn: dish and Gymnasium's too"
    )
    verb.add_argument("--learn", type=int, metavar="STEPS", help="let every arm practise for so many steps (PPO)")
    verb.add_argument("--innate", action="store_true", help="with --learn: begin with the reflex that swims untrained")
    verb.add_argument(
        "--grow-up", action="store_true", help="then learn what swimming feels like, and practise a little"
    )
    verb.add_argument("--links", type=int, default=6, metavar="N", help="links of the swimmer (default: 6)")
    verb.add_argument("--animals", type=int, default=64, metavar="N", help="animals per arm of the arena (default: 64)")
    verb.add_argument("--seconds", type=float, default=180.0, metavar="S", help="of a life in the arena (default: 180)")
    verb.add_argument(
        "--graphs", type=int, metavar="N", help="rewired graphs per arm (default: 20; arena, learning: 3)"
    )
    verb.add_argument("--seed", type=int, default=0, help="of postures and graphs (default: 0)")
    verb.add_argument("--out", type=Path, metavar="FOLDER", help="for results and report (default: in runs/)")

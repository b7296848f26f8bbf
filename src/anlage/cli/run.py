"""The verbs about runs: grow, compare, and what a finished run says."""

import argparse
from dataclasses import replace
from pathlib import Path

from anlage.cli.meter import Meter
from anlage.cli.verb import Verbs
from anlage.errors import AnlageError


def _grow(args: argparse.Namespace) -> None:
    """Grow a recipe, against the controls that it names, and write the report."""
    from anlage.learning.checkpoint import read_text
    from anlage.study.question import Comparison, Question, read_question
    from anlage.study.report import write_report
    from anlage.study.run import carry_out

    if args.workers is not None and args.workers < 1:
        raise AnlageError(
            f"--workers is {args.workers}, but must be at least 1; leave it out to use every processor core."
        )
    question = read_question(read_text(args.recipe), str(args.recipe)) if args.recipe else Question()
    if args.alone:
        question = Question(question.recipe, None)
    elif args.verb == "compare":
        comparison = question.comparison or Comparison()
        graphs = comparison.graphs if args.graphs is None else args.graphs
        question = Question(question.recipe, replace(comparison, graphs=graphs))
    folder = args.out or Path("runs") / question.recipe.name
    recipe, compared = question.recipe, question.comparison
    print(
        f"{recipe.name}: {recipe.topology.connectome}, {type(recipe.experience).__name__}, "
        f"{type(recipe.objective).__name__}, {recipe.schedule.steps} steps; question {question.identity}"
    )
    if compared:
        print(f"against {compared.graphs} graphs each of {', '.join(c.name for c in compared.controls)}")
    run = carry_out(question, folder, resume=args.resume, workers=args.workers, progress=Meter())
    first = run.records[0]
    at_once = first["audit_at_once"]
    print(at_once["sentence"])  # type: ignore[index]
    if not at_once["neurons"]:  # type: ignore[index]
        print(
            "Note: nothing observed can reach the readout before the next observation comes; more ticks would let it."
        )
    print(first["audit"]["sentence"])  # type: ignore[index]
    for contrast in run.contrasts:
        print(contrast.sentence)
    print(f"report: {write_report(run)}")


def _compare(args: argparse.Namespace) -> None:
    """Like grow, but always against controls: the recipe's own, or the usual two when it names none."""
    _grow(args)


def _report(args: argparse.Namespace) -> None:
    """Write the report of a finished run again."""
    from anlage.study.report import write_report
    from anlage.study.run import read_run

    print(f"report: {write_report(read_run(args.run))}")


def _sources(args: argparse.Namespace) -> None:
    """Print the BibTeX of everything a run used."""
    from anlage.study.run import read_run
    from anlage.study.sources import bibliography

    print(bibliography(read_run(args.run).question), end="")


def add(verbs: Verbs) -> None:
    """Offer the verbs of this file."""
    grow, compare = verbs.add("grow", _grow), verbs.add("compare", _compare)
    for run in (grow, compare):
        run.add_argument(
            "recipe", nargs="?", type=Path, help="a TOML file; without one, the worm on handwritten digits"
        )
        run.add_argument("--out", type=Path, metavar="FOLDER", help="run folder (default: runs/NAME)")
        run.add_argument("--resume", action="store_true", help="go on with what the folder holds")
        run.add_argument("--workers", type=int, metavar="N", help="parallel processes (default: number of cores)")
        run.set_defaults(alone=False, graphs=None)
    grow.add_argument("--alone", action="store_true", help="without the recipe's controls")
    compare.add_argument("--graphs", type=int, metavar="N", help="control graphs per arm")
    verbs.add("report", _report).add_argument("run", type=Path, help="run folder")
    verbs.add("sources", _sources).add_argument("run", type=Path, help="run folder")

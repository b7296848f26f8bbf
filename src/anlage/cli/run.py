"""The verbs about runs: grow, compare, and what a finished run says."""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from anlage.cli.meter import Meter
from anlage.cli.mind import grow_areas, report_areas
from anlage.cli.verb import Verbs
from anlage.errors import AnlageError, Diverged

if TYPE_CHECKING:
    from anlage.learning import Assay, Recipe
    from anlage.study import Question, Run
    from anlage.study.compare import Pool


def _grow(args: argparse.Namespace) -> None:
    """Grow a recipe, against the controls that it names, and write the report."""
    from anlage.learning.checkpoint import read_text
    from anlage.mind.recipe import is_mind
    from anlage.study.compare import cores
    from anlage.study.report import write_report
    from anlage.study.run import carry_out
    from anlage.study.trial import diverged, trials

    if args.workers is not None and args.workers < 1:
        raise AnlageError(
            f"--workers is {args.workers}, but must be at least 1; leave it out to use every processor core."
        )
    if args.recipe and is_mind(text := read_text(args.recipe), str(args.recipe)):
        grow_areas(args, text)
        return
    if args.onto:
        raise AnlageError("--onto grows areas onto a mind; a recipe without [[areas]] has none.")
    question = _question(args)
    folder = args.out or Path("runs") / question.recipe.name
    _announce(question)
    pool = _pool(args)  # what is wrong with the place is said before anything else
    if args.dry_run:
        print(_duration(question, args.workers or cores()))
        n_trials = len(trials(question))
        print(f"nothing was run; {n_trials} trial{'s' * (n_trials != 1)} would be, into {folder}")
        return
    run = carry_out(question, folder, resume=args.resume, workers=args.workers, pool=pool, progress=Meter())
    _tell(run)
    print(f"report: {write_report(run)}")
    if lost := diverged(run.records):
        raise Diverged(
            f"Learning diverged in {len(lost)} of {len(run.records)} trials; the report leaves them out and says so. The first, "
            f"trial {lost[0]['index']} of the arm {lost[0]['arm']!r}: {lost[0]['diverged']}"
        )


def _duration(question: "Question", workers: int) -> str:
    """How long it would take here, from a few steps of the first trial."""
    from anlage.errors import DataMissing
    from anlage.study.compare import one_thread
    from anlage.study.estimate import seconds

    try:
        with one_thread():
            minutes = seconds(question, workers, time.perf_counter) / 60
    except DataMissing as missing:
        return f"how long it takes cannot be told: {missing}"
    about = "less than a minute" if minutes < 1 else f"about {minutes:,.0f} minutes"
    return f"{about} of learning on {workers} core{'s' * (workers != 1)}, judged by a few steps here"


def _pool(args: argparse.Namespace) -> "Pool | None":
    """Where trials run, when not in processes of this machine."""
    from anlage.study.cluster import RayCluster

    if args.on is None:
        return None
    if args.workers is not None:
        raise AnlageError(
            "--workers counts processes of this machine; with --on, the cluster's cores decide: leave it out."
        )
    return RayCluster.at(args.on, cores=args.cores, gpus=args.gpus)


def _question(args: argparse.Namespace) -> "Question":
    """What was asked: the recipe of the file or the usual one, with or without its controls."""
    from anlage.learning.checkpoint import read_text
    from anlage.study.question import Comparison, Question, read_question

    question = read_question(read_text(args.recipe), str(args.recipe)) if args.recipe else Question()
    if args.alone:
        return Question(question.recipe, None)
    if args.verb == "compare":
        comparison = question.comparison or Comparison()
        graphs = comparison.graphs if args.graphs is None else args.graphs
        return Question(question.recipe, replace(comparison, graphs=graphs))
    return question


def _announce(question: "Question") -> None:
    """What will be run, and what it can be expected to find."""
    from anlage.study.factor import shown
    from anlage.study.power import power_sentence
    from anlage.study.statistics import MIN_GRAPHS

    recipe, compared = question.recipe, question.comparison
    print(f"{recipe.name}: {recipe.topology.connectome}, {_means(recipe)}; question {question.identity}")
    if compared:
        if compared.controls:
            print(f"against {compared.graphs} graphs each of {', '.join(c.name for c in compared.controls)}")
        if compared.networks:
            print(f"against {compared.graphs} networks each of {', '.join(d.name for d in compared.networks)}")
        for factor in compared.factors:
            print(f"{factor.path}: {', '.join(map(shown, factor.levels))}")
        if compared.tuned:
            print("every trial takes the levels that do best on a fifth of its training part left out")
        print(power_sentence(compared.graphs, len(compared.arms), MIN_GRAPHS, len(question.cells)))


def _means(recipe: "Recipe | Assay") -> str:
    """What a network on the wiring does, in a few words."""
    from anlage.learning import Assay, InTurn

    if isinstance(recipe, Assay):
        readout = "lessons in turn" if isinstance(recipe.readout, InTurn) else type(recipe.readout).__name__.lower()
        return f"{type(recipe.task).__name__}, read out by {readout}"
    experience, objective = type(recipe.experience).__name__, type(recipe.objective).__name__
    return f"{experience}, {objective}, {recipe.schedule.steps} steps"


def _tell(run: "Run") -> None:
    """What was found, in sentences."""
    from anlage.study.arm import arms

    first = arms(run)[0].records[0]
    at_once = first.get("audit_at_once")
    if at_once:
        print(at_once["sentence"])
    if at_once and not at_once["neurons"]:
        print(
            "Note: nothing observed can reach the readout before the next observation comes; more ticks would let it."
        )
    print(first["audit"]["sentence"])
    for contrast in run.contrasts:
        print(contrast.sentence)


def _compare(args: argparse.Namespace) -> None:
    """Like grow, but always against controls: the recipe's own, or the usual three when it names none."""
    _grow(args)


def _report(args: argparse.Namespace) -> None:
    """Write the report of a finished run again."""
    from anlage.study.report import write_report
    from anlage.study.run import read_run

    if (args.run / "mind.toml").is_file():
        report_areas(args.run)
        return
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
        run.add_argument(
            "--on", metavar="WHERE", help="run trials on a Ray cluster: ray, ray:ADDRESS or ray://HOST:PORT"
        )
        run.add_argument(
            "--cores", type=int, default=1, metavar="N", help="cores of the cluster set aside for each trial"
        )
        run.add_argument(
            "--gpus", type=int, default=0, metavar="N", help="GPUs of the cluster set aside for each trial"
        )
        run.add_argument("--dry-run", action="store_true", help="say what would be run and what it could find")
        run.set_defaults(alone=False, graphs=None, onto=None)
    grow.add_argument("--onto", type=Path, metavar="FOLDER", help="a grown mind that the new areas of this one join")
    grow.add_argument("--alone", action="store_true", help="without the recipe's controls")
    compare.add_argument("--graphs", type=int, metavar="N", help="control graphs per arm")
    verbs.add("report", _report).add_argument("run", type=Path, help="run folder")
    verbs.add("sources", _sources).add_argument("run", type=Path, help="run folder")

"""The verbs. The only place that parses arguments and prints."""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from anlage.errors import AnlageError, Diverged

EXIT_ERROR, EXIT_DIVERGED, EXIT_INTERRUPTED = 1, 3, 130


class Meter:
    """One line that says how far something is and how long it will take; a line per tenth where there is no terminal."""

    def __init__(self) -> None:
        self._start: dict[str, tuple[float, int]] = {}
        self._shown: dict[str, int] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show ``done`` of ``total``."""
        now = time.monotonic()
        start, first = self._start.setdefault(what, (now, done))
        left = (now - start) / max(1, done - first) * (total - done)
        line = f"  {done:,} of {total:,} {what}" + (f", {_duration(left)} left" if first < done < total else "")
        if sys.stderr.isatty():
            print(f"\r{line:<60}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif 10 * done // max(1, total) > self._shown.get(what, -1):
            self._shown[what] = 10 * done // max(1, total)
            print(line, file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _show(args: argparse.Namespace) -> None:
    """Print what a connectome holds and where it comes from."""
    from anlage.connectome.library import load

    c = load(args.connectome)
    print(f"{c.name}: {c.source.title}\n")
    rows = {
        "neurons": f"{c.n_neurons:,}",
        "roles": _counts(c.neurons.role.counts()),
        "edges": _counts(c.kind.counts()),
        "synapse counts": f"{c.synapse_count.sum():,.0f} in all, largest {c.synapse_count.max():,.0f}",
        "compartments": ", ".join(c.compartments) or "not split",
        "effector edges": f"{len(c.effectors.pre):,}" if c.effectors else "none",
        "signs": ", ".join(f"{share:.1%} {label}" for label, share in c.sign_shares().items() if share),
        "version": c.source.version,
        "licence": c.source.licence,
        "origin": c.source.origin,
        "what is lost": c.source.lossy or "nothing known",
    }
    for name, value in rows.items():
        print(f"  {name:<15} {value}")
    print(f"\n{c.source.bibtex.strip()}")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {label or 'unnamed'}" for label, n in counts.items())


def _audit(args: argparse.Namespace) -> None:
    """Print which edges and neurons can influence the readout."""
    from anlage.connectome.library import load
    from anlage.topology import audit, build

    preset = BPU_PORTS if args.connectome == "larva" else PLAIN_PORTS
    compartments = preset["compartments"] if args.compartments is None else args.compartments
    topology = build(load(args.connectome), kinds=args.kinds, compartments=compartments)
    ports = args.input or preset["input"], args.output or preset["output"]
    print(f"{args.connectome}: {topology.history[0]}")
    print(f"input {' + '.join(ports[0])}, output {' + '.join(ports[1])}")
    for steps in args.steps:
        print(audit(topology, *ports, steps=steps, drive=args.drive))


# Ports and compartment of Yu et al. 2025 (arXiv 2507.10951), whose audit this is known for; every part can be overridden.
BPU_PORTS = {"compartments": ["axo-dendritic"], "input": ["class:sensory"], "output": ["class:DN-SEZ", "class:RGN"]}
PLAIN_PORTS: dict[str, list[str]] = {"compartments": [], "input": ["input"], "output": ["output"]}


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


def _fetch(args: argparse.Namespace) -> None:
    """Download a published connectome, after its licence was shown."""
    from anlage.connectome.fetch import fetch
    from anlage.connectome.release import RELEASES
    from anlage.errors import UnknownName

    if args.release not in RELEASES:
        raise UnknownName("release", args.release, RELEASES)
    release = RELEASES[args.release]
    size = sum(file.bytes for file in release.files) / 1e6
    print(f"{release.source.title}\n{release.notice}\nDownload: {size:.1f} MB from {release.source.origin}")
    if not args.yes and not _agreed():
        raise AnlageError("Nothing was downloaded; answer y, or add --yes in a script.")
    print(f"ready: {fetch(args.release, progress=Meter())}")


def _agreed() -> bool:
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # nobody is there to answer
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anlage", description="Grow networks from real brain wiring, and measure what it was worth."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, function: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=(function.__doc__ or "").rstrip("."), description=function.__doc__)
        sub.set_defaults(function=function)
        return sub

    verb("show", _show).add_argument("connectome")
    fetch = verb("fetch", _fetch)
    fetch.add_argument("release")
    fetch.add_argument("--yes", action="store_true", help="do not ask before downloading")
    audit = verb("audit", _audit)
    audit.add_argument("connectome")
    audit.add_argument("--steps", type=int, nargs="+", default=[2, 3, 4, 5, 10], metavar="T")
    audit.add_argument("--input", nargs="+", metavar="GROUP", help="groups that receive the input")
    audit.add_argument("--output", nargs="+", metavar="GROUP", help="groups that are read")
    audit.add_argument("--kinds", nargs="+", metavar="KIND", default=["chemical", "gap_junction"], help="edges to use")
    audit.add_argument("--compartments", nargs="*", metavar="NAME", help="synapses to use; none given means all")
    audit.add_argument("--drive", choices=["pulse", "sustained"], default="pulse")
    for name, function in (("grow", _grow), ("compare", _compare)):
        run = verb(name, function)
        run.add_argument(
            "recipe", nargs="?", type=Path, help="a TOML file; without one, the worm on handwritten digits"
        )
        run.add_argument("--out", type=Path, metavar="FOLDER", help="run folder (default: runs/NAME)")
        run.add_argument("--resume", action="store_true", help="go on with what the folder holds")
        run.add_argument("--workers", type=int, metavar="N", help="parallel processes (default: number of cores)")
        run.set_defaults(alone=False, graphs=None)
    verbs.choices["grow"].add_argument("--alone", action="store_true", help="without the recipe's controls")
    verbs.choices["compare"].add_argument("--graphs", type=int, metavar="N", help="control graphs per arm")
    for name, function in (("report", _report), ("sources", _sources)):
        verb(name, function).add_argument("run", type=Path, help="run folder")
    return parser


@contextmanager
def _killed_like_interrupted() -> Iterator[None]:
    """A polite kill ends like Ctrl-C: worker processes end too, and what was finished is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0 when it worked, 1 after an error, 3 when learning diverged or collapsed, 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    try:
        with _killed_like_interrupted():
            args.function(args)
    except AnlageError as error:
        print(f"anlage: {error}", file=sys.stderr)
        return EXIT_DIVERGED if isinstance(error, Diverged) else EXIT_ERROR
    except KeyboardInterrupt:
        print("\nanlage: interrupted; what was finished is kept, add --resume to go on.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        print("anlage: memory ran out; use a smaller connectome, batch or recipe, or fewer --workers.", file=sys.stderr)
        return EXIT_ERROR
    except BrokenPipeError:
        return EXIT_ERROR
    except OSError as error:
        where, why = error.filename or "A file", error.strerror or error
        print(f"anlage: {where} cannot be used ({why}); check the path and who may read and write it.", file=sys.stderr)
        return EXIT_ERROR
    return 0

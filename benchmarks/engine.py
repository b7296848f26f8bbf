"""One recurrent step and a training minibatch through anlage and through every other engine that is installed.

    python benchmarks/engine.py                              everything, into benchmarks/results/engine.json
    python benchmarks/engine.py --only larva --engines scipy torch --quick
    python benchmarks/engine.py --engines my_engine.py       a file of one's own that defines prepare(task)

Every case (graph, engine, mode, batch, threads) has a process of its own, a limit of time and one of memory; an engine that is
wrong by scipy in double precision is refused. A run that was interrupted goes on where it was. `pip install -e '.[bench]'`
installs the competitors; those that are missing are named and left out.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from anlage.errors import AnlageError
from engines.case import GROWTH_GRAPHS, MAIN, MODES, Case, chosen, plan
from engines.floor import bandwidth_gb_s
from engines.graph import FLYWIRE_SIZE, HEAVY_TAILED, keep_graph, make
from engines.known import ENGINES, OURS, imports
from engines.record import Log, Record, median, pretty, together
from machine import RESULTS, describe

HERE = Path(__file__).parent
GRAPHS = (*MAIN[:3], *GROWTH_GRAPHS, FLYWIRE_SIZE)
EDGES_ABOUT = {"worm": 5e3, "larva": 1.1e5, "optic-lobe": 1.4e6, FLYWIRE_SIZE: 1.5e7}
QUICK_SECONDS = 0.1
TOO_SLOW_S = 20.0
"""Heavier cases of an engine are left out once one run takes so long."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked for."""

    graphs: list[str]
    engines: list[str]
    quick: bool
    out: Path
    seconds: float
    memory_gb: float
    limit_s: float

    def results(self, log: Log) -> Path:
        """The file of the results: in the repository when everything was measured, else in the folder of the run."""
        asked = not self.quick and self.graphs == list(GRAPHS) and self.engines == _installed()
        whole = asked and set(GRAPHS) <= set(log.sizes())  # a graph whose data are missing is left out of the run
        return (RESULTS if whole else self.out) / "engine.json"


def parse(arguments: Sequence[str] | None = None) -> Run:
    """The command line; raises ``ValueError`` for unknown names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="GRAPH", help=f"graphs: {', '.join(GRAPHS)}")
    parser.add_argument(
        "--engines", nargs="+", metavar="ENGINE", help=f"names, parts of names, files: {', '.join(ENGINES)}"
    )
    parser.add_argument("--quick", action="store_true", help="batch 32 on one thread, few repetitions")
    parser.add_argument("--fresh", action="store_true", help="forget what an interrupted run has measured")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/engine, or runs/engine-quick)")
    parser.add_argument("--seconds", type=float, default=5.0, help="time for the repetitions of one case")
    parser.add_argument("--memory-gb", type=float, default=_memory_gb(), help="memory that one case may ask for")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which a case is ended")
    given = parser.parse_args(arguments)
    out = given.out or Path("runs") / ("engine-quick" if given.quick else "engine")
    if given.fresh:
        (out / "cases.jsonl").unlink(missing_ok=True)
    return Run(
        graphs=chosen(given.only, GRAPHS, "graph") if given.only else list(GRAPHS),
        engines=_engines(given.engines),
        quick=given.quick,
        out=out,
        seconds=QUICK_SECONDS if given.quick else given.seconds,
        memory_gb=given.memory_gb,
        limit_s=given.limit,
    )


def _installed() -> list[str]:
    return [name for name, engine in ENGINES.items() if engine.version]


def _engines(given: list[str] | None) -> list[str]:
    """Known engines that are installed, ours always among them, and files; says which are missing."""
    files = [str(Path(word).resolve()) for word in given or () if word.endswith(".py")]
    for file in files:
        if not Path(file).is_file():
            raise ValueError(f"There is no file {file}; give one that defines prepare(task).")
    names = chosen([OURS, *(w for w in given if not w.endswith(".py"))], ENGINES, "engine") if given else list(ENGINES)
    for name in names:
        if not ENGINES[name].version:
            print(f"{name}: {ENGINES[name].package} is not installed; left out")
    return [name for name in names if ENGINES[name].version] + files


def _memory_gb() -> float:
    """Half of the machine's memory."""
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2e9)


def graphs(run: Run, log: Log) -> Iterator[str]:
    """Make each graph where it is not there yet, and measure the memory's bandwidth beside it."""
    for name in run.graphs:
        folder = run.out / "graphs" / name
        if not (folder / "size.json").exists():
            try:
                keep_graph(make(name), folder)
            except AnlageError as error:
                print(f"{name}: left out: {error}")
                continue
        if name not in log.sizes():
            size = {**json.loads((folder / "size.json").read_text()), "synthetic": _synthetic(name)}
            gb_s = {str(threads): round(bandwidth_gb_s(threads), 1) for threads in ((1,) if run.quick else (1, 2))}
            log.append({"graph": name, "size": size, "gb_s": gb_s})
        yield name


def _synthetic(name: str) -> bool:
    return name == FLYWIRE_SIZE or HEAVY_TAILED.fullmatch(name) is not None


class Hosts:
    """The processes that fork for cases: one for all engines with the same imports, started when first asked."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._processes: dict[tuple[str, ...], subprocess.Popen[str]] = {}

    def ask(self, graph: str, engine: str, case: Case) -> Record:
        """The record of a case."""
        process = self._processes.get(imports(engine)) or self._start(imports(engine))
        request = [str(self._run.out / "graphs" / graph), engine, case.key]
        print(json.dumps(request), file=process.stdin, flush=True)
        answer = process.stdout.readline() if process.stdout else ""
        if not answer:
            del self._processes[imports(engine)]
            return {"why_not": "failed: its process ended at the import"}
        record: Record = json.loads(answer)
        return record

    def _start(self, needed: tuple[str, ...]) -> subprocess.Popen[str]:
        settings = (self._run.seconds, self._run.memory_gb, self._run.limit_s)
        process = subprocess.Popen(
            [sys.executable, "-m", "engines.host", *map(str, settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE), "PYTHONWARNINGS": "ignore"},
        )
        self._processes[needed] = process
        return process

    def close(self) -> None:
        """End them."""
        for process in self._processes.values():
            process.kill()
            process.communicate()


def left_out(done: dict[Case, Record], case: Case) -> str:
    """Why a case need not be tried: the engine was refused, or a lighter case was too much already."""
    for other, record in done.items():
        why = str(record.get("why_not", ""))
        if why.startswith("wrong"):
            return f"refused: {other} was {why}"
        if other.lighter_than(case):
            if why.startswith(("out of memory", "aborted", "not done", "left out")):
                return f"left out: {other}: {why.removeprefix('left out: ')}"
            if not why and median(record, "cpu_ms") > 1e3 * TOO_SLOW_S:
                return f"left out: {other} took {median(record, 'cpu_ms') / 1e3:.0f} s already"
    return ""


def measure(run: Run, log: Log, hosts: Hosts) -> Iterator[tuple[str, str, Case, Record]]:
    """Every case of the run that the log lacks, as it is measured."""
    for graph in graphs(run, log):
        for engine in run.engines:
            done = {case: record for (g, e, case), record in log.done().items() if (g, e) == (graph, engine)}
            for case in plan(graph, quick=run.quick):
                if case in done:
                    continue
                why = left_out(done, case)
                done[case] = {"why_not": why} if why else hosts.ask(graph, engine, case)
                log.append({"graph": graph, "engine": engine, "case": case.key, "record": done[case]})
                yield graph, engine, case, done[case]


def guess_s(graph: str, case: Case) -> float:
    """A rough guess of a case's time, for the time left."""
    sized = HEAVY_TAILED.fullmatch(graph)
    edges = int(sized[1]) if sized else EDGES_ABOUT[graph]
    return 0.6 + min(30.0, edges * (12e-8 + 4e-9 * case.batch * case.steps * (1 + MODES.index(case.mode))))


def progress(run: Run, log: Log, hosts: Hosts) -> None:
    """Measure all and say each result with the time left."""
    everything = [(g, e, c) for g in run.graphs for e in run.engines for c in plan(g, quick=run.quick)]
    there = log.done()
    missing = [key for key in everything if key not in there]
    expected = sum(guess_s(g, c) for g, _, c in missing)
    print(f"{len(everything)} cases, {len(everything) - len(missing)} of them measured already")
    begun, passed = time.monotonic(), 0.0
    for number, (graph, engine, case, record) in enumerate(
        measure(run, log, hosts), len(everything) - len(missing) + 1
    ):
        passed += guess_s(graph, case)
        left = (time.monotonic() - begun) * (expected / passed - 1)
        place = f"[{number}/{len(everything)}] {graph}, {engine}, {case}"
        print(f"{place}: {said(log, graph, case, record)} ({max(0, left) / 60:.0f} min left)", flush=True)


def said(log: Log, graph: str, case: Case, record: Record) -> str:
    """A record in words."""
    if "cpu_ms" not in record:
        return str(record["why_not"])
    ours = log.done().get((graph, OURS, case), {})
    ratio = f", {median(record, 'cpu_ms') / median(ours, 'cpu_ms'):,.1f} times anlage" if "cpu_ms" in ours else ""
    return f"{median(record, 'cpu_ms'):,.2f} ms{ratio}, {record.get('peak_mb', '?')} MB"


def main() -> None:
    """Measure, and keep the results: in the repository when everything was measured, else in the folder of the run."""
    try:
        run = parse()
        versions = {ENGINES[name].package: ENGINES[name].version for name in _installed()}
        machine = {**describe(), "engines": versions, "cores": os.cpu_count()}
        settings = {"seconds": run.seconds, "memory_gb": run.memory_gb}
        log = Log(run.out / "cases.jsonl", {"machine": machine, "settings": settings})
    except (ValueError, AnlageError) as error:
        raise SystemExit(str(error)) from None
    hosts = Hosts(run)
    try:
        progress(run, log, hosts)
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted; the same command goes on from here.") from None
    finally:
        hosts.close()
    path = run.results(log)
    part = path.with_suffix(".part")
    part.write_text(pretty(together(log)))
    part.replace(path)
    print(path)


if __name__ == "__main__":
    main()

"""The records of a run: appended one by one while it lasts, and put together at its end."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engines.case import Case
from engines.floor import floor_ms
from engines.growth import FROM, growth
from engines.known import OURS

Record = dict[str, object]


@dataclass(slots=True, eq=False)
class Log:
    """One JSON object per line; a line that an interruption cut short is left out when the file is read again.

    The first line says what the run is of (machine, versions, settings); raises ``ValueError`` when the file is of another.
    """

    path: Path
    head: Mapping[str, object]
    lines: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        text = self.path.read_text() if self.path.exists() else ""
        whole = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        if not whole:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text("")
            self.append({"head": self.head})
        elif (there := whole[0].get("head", {})) != self.head:
            differing = [key for key in self.head if there.get(key) != self.head[key]]
            raise ValueError(
                f"{self.path} is a run with another {' and '.join(differing)}; give --fresh to begin again, or another --out."
            )
        elif not text.endswith("\n"):
            self.path.write_text("".join(json.dumps(line) + "\n" for line in whole))
        self.lines = whole[1:] if whole else []

    def append(self, line: Record) -> None:
        """Add a line in one write and see it on the disk."""
        with self.path.open("ab", buffering=0) as file:
            file.write((json.dumps(line) + "\n").encode())
            os.fsync(file.fileno())
        if "head" not in line:
            self.lines.append(line)

    def done(self) -> dict[tuple[str, str, Case], Record]:
        """The records by graph, engine and case."""
        return {
            (str(line["graph"]), str(line["engine"]), Case.of(str(line["case"]))): line["record"]  # type: ignore[misc]
            for line in self.lines
            if "case" in line
        }

    def sizes(self) -> dict[str, dict[str, int]]:
        """Neurons and edges of every graph."""
        return {str(line["graph"]): line["size"] for line in self.lines if "size" in line}  # type: ignore[misc]

    def bandwidth(self) -> dict[int, float]:
        """The best copy of the whole run, in GB/s, by number of threads."""
        best: dict[int, float] = {}
        for line in self.lines:
            for threads, rate in line.get("gb_s", {}).items():  # type: ignore[attr-defined]
                best[int(threads)] = max(best.get(int(threads), 0.0), rate)
        return best


def median(record: Record, what: str) -> float:
    """The middle quartile of a record."""
    return float(record[what][1])  # type: ignore[index]


def together(log: Log) -> Record:
    """Everything measured, with each case's ratio to anlage's processor and wall time and to the floor of the memory."""
    done, sizes, gb_s = log.done(), log.sizes(), log.bandwidth()
    graphs: dict[str, dict[str, object]] = {name: {**size, "engines": {}} for name, size in sizes.items()}
    for (graph, engine, case), record in done.items():
        row = dict(record)
        row.pop("took_s", None)
        if "cpu_ms" in row:
            ours = done.get((graph, OURS, case), {})
            if "cpu_ms" in ours:
                row["ratio"] = round(median(row, "cpu_ms") / median(ours, "cpu_ms"), 2)
                row["wall_ratio"] = round(median(row, "wall_ms") / median(ours, "wall_ms"), 2)
            least = floor_ms(case, sizes[graph]["neurons"], sizes[graph]["edges"], gb_s[case.threads])
            row["floor_ratio"] = round(median(row, "wall_ms") / least, 1)
        graphs[graph]["engines"].setdefault(engine, {})[case.key] = row  # type: ignore[attr-defined]
    engines = dict.fromkeys(engine for _, engine, _ in done)
    edges = {name: size["edges"] for name, size in sizes.items()}
    fits = {}
    for engine in engines:
        mine = {(g, c): median(r, "cpu_ms") for (g, e, c), r in done.items() if e == engine and "cpu_ms" in r}
        if fitted := growth(mine, edges):
            fits[engine] = fitted
    return {**log.head, "copy_gb_s": gb_s, "graphs": graphs, "growth": {"fitted_to": FROM, "engines": fits}}


def pretty(results: Record, deep: int = 5) -> str:
    """JSON in which what begins ``deep`` levels deep, one case of the engines, is on one line with all that it holds."""
    text = json.dumps(results, indent=1)
    lines, out = text.split("\n"), []
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if depth > deep or (depth == deep and line.strip()[0] in "]}"):
            out[-1] += ("" if line.strip()[0] in "]}" or out[-1][-1] in "[{" else " ") + line.strip()
        else:
            out.append(line)
    return "\n".join(out) + "\n"

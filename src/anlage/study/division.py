"""What can be said of the parts of a division: their size, their ports, how far they are from the senses and from the muscles."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.topology import audit
from anlage.topology.audit import hops
from anlage.topology.divide import ENTRY, EXIT, Division, Part


@dataclass(frozen=True, slots=True)
class PartAccount:
    """One part in numbers.

    ``inside``, ``arriving`` and ``leaving`` are edges among its neurons, from other parts, and to other parts. ``hops`` is the
    shortest path inside the part from an entry to an exit, 0 where one neuron is both, -1 where there is none.
    ``from_input`` and ``to_output`` are mean hops through the whole wiring, from the nearest input of the animal and to its
    nearest output, over the neurons that have such a path; NaN where none has. ``mostly`` is the commonest class and its share.
    """

    name: str
    neurons: int
    entry: int
    exit: int
    inside: int
    arriving: int
    leaving: int
    hops: int
    from_input: float
    to_output: float
    mostly: str


def part_accounts(division: Division) -> list[PartAccount]:
    """Every part in numbers, in the order of the division."""
    edges, distance = division.edges(), distances(division)
    inside = np.diag(edges)
    arriving, leaving = edges.sum(axis=1) - inside, edges.sum(axis=0) - inside
    return [
        PartAccount(
            part.name,
            len(part.members),
            len(part.entry),
            len(part.exit),
            int(inside[number]),
            int(arriving[number]),
            int(leaving[number]),
            audit(part.topology, (ENTRY,), (EXIT,), steps=1).hops if len(part.entry) and len(part.exit) else -1,
            float(distance[number, 0]),
            float(distance[number, 1]),
            commonest(part),
        )
        for number, part in enumerate(division.parts)
    ]


def commonest(part: Part) -> str:
    """The class that most neurons of a part have, and their share; empty where no neuron has one."""
    sizes = {name: len(rows) for name, rows in part.topology.groups.items() if name.startswith("class:")}
    if not sizes:
        return ""
    name = max(sizes, key=lambda each: sizes[each])
    return f"{name.removeprefix('class:')} {sizes[name] / len(part.members):.0%}"


def part_table(division: Division) -> list[str]:
    """The parts as lines of text: a heading, and a line for each."""
    head = ("part", "neurons", "entry", "exit", "inside", "arriving", "leaving", "hops", "from in", "to out", "mostly")
    lines: list[tuple[str, ...]] = [head]
    for a in part_accounts(division):
        ends = (f"{a.from_input:.1f}", f"{a.to_output:.1f}")
        counts = (a.neurons, a.entry, a.exit, a.inside, a.arriving, a.leaving)
        path = "none" if a.hops < 0 else str(a.hops)
        lines.append(
            (a.name, *(f"{count:,}" for count in counts), path, *(e.replace("nan", "-") for e in ends), a.mostly)
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = []
    for line in lines:
        first, *numbers, last = (
            word.ljust(width) if i in (0, len(head) - 1) else word.rjust(width)
            for i, (word, width) in enumerate(zip(line, widths, strict=True))
        )
        shown.append("  ".join((first, *numbers, last)).rstrip())
    return shown


def part_record(division: Division, neuron_id: Int[ndarray, " neuron"]) -> dict[str, object]:
    """The division for a JSON file: who decided, the neurons of every part by their ids in the connectome, what lies between."""
    return {
        "division": str(division.step),
        "reference": division.step.reference,
        "topology": [str(step) for step in division.topology.history],
        "parts": [
            {
                "name": part.name,
                "neurons": neuron_id[part.members].tolist(),
                "entry": neuron_id[part.members[part.entry]].tolist(),
                "exit": neuron_id[part.members[part.exit]].tolist(),
            }
            for part in division.parts
        ],
        "edges_post_pre": division.edges().tolist(),
        "strength_post_pre": division.strength().tolist(),
    }


def distances(division: Division) -> Float[ndarray, "part ends"]:
    """Mean hops from the animal's inputs to each part's neurons, and from these to its outputs; NaN where no path is."""
    topology = division.topology
    found = np.full((len(division.parts), 2), np.nan)
    for column, (port, forward) in enumerate((("input", True), ("output", False))):
        if port not in topology.groups:
            continue
        distance = hops(topology, topology.groups[port], forward=forward)
        for number, part in enumerate(division.parts):
            reached = distance[part.members][distance[part.members] >= 0]
            found[number, column] = reached.mean() if len(reached) else np.nan
    return found


def depth(division: Division) -> Float[ndarray, " part"]:
    """Where each part lies between the senses, 0, and the outputs, 1: its share of the way, a half where there is no way."""
    start, end = distances(division).T
    whole = start + end
    return np.where(np.isfinite(whole) & (whole > 0), start / np.where(whole > 0, whole, 1.0), 0.5)


def sides(division: Division) -> Float[ndarray, "part side"]:
    """Neurons of each part on the left and on the right; unpaired ones count half for each side."""
    n = division.topology.n_neurons
    share = np.full((n, 2), 0.5)
    for column, name in enumerate(("side:left", "side:right")):
        share[division.topology.groups.get(name, np.zeros(0, dtype=np.int64))] = np.eye(2)[column]
    return np.stack([share[part.members].sum(axis=0) for part in division.parts])

"""The verb that divides a connectome into parts."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from anlage.cli.verb import Verbs
from anlage.errors import AnlageError, UnknownName
from anlage.seed import Seed

if TYPE_CHECKING:
    from anlage.connectome import Connectome
    from anlage.topology import Topology
    from anlage.topology.divide import Division, Rule

BY = ("function", "structure", "communities")


def _divide(args: argparse.Namespace) -> None:
    """Divide a connectome by function, by annotation or by structure, and draw the parts."""
    from anlage.connectome.library import load
    from anlage.learning.checkpoint import write_atomic, write_json
    from anlage.study.canvas import png
    from anlage.study.division import part_record, part_table
    from anlage.study.division_figure import division_figure
    from anlage.topology import build
    from anlage.topology.divide import divide

    connectome = load(args.connectome)
    topology = build(connectome, compartments=args.compartments, min_synapses=args.min_synapses)
    division = divide(topology, _rule(args, topology), crossing=args.crossing)
    print(f"{connectome.name}: {topology.history[0]}\n{division.step}\n")
    print("\n".join(part_table(division)))
    print("\n" + "\n".join(_findings(args, connectome, division)))
    folder = args.out or Path("runs") / f"{connectome.name}-by-{args.by}"
    write_json(folder / "division.json", part_record(division, connectome.neurons.id))
    title = f"{connectome.name}, divided {division.step.function}"
    write_atomic(folder / "division.png", png(division_figure(division, title, connectome.source.title)))
    print(f"picture: {folder / 'division.png'}")


def _rule(args: argparse.Namespace, topology: "Topology") -> "Rule":
    """What was asked for, as an object."""
    from anlage.topology.blockmodel import BlockModel
    from anlage.topology.divide import Annotation, annotations
    from anlage.topology.function import usual
    from anlage.topology.structure import Communities

    if args.parts is not None and args.by != "structure":
        raise AnlageError(f"--parts says how many parts to find by structure; by {args.by} their number is given.")
    if args.by == "function":
        return usual(topology)
    if args.by == "structure":
        return BlockModel(args.parts, seed=args.seed)
    if args.by == "communities":
        return Communities(seed=args.seed)
    known = annotations(topology)
    if args.by not in known:
        raise UnknownName("way to divide", args.by, (*BY, *sorted(known)))
    return Annotation(args.by)


def _findings(args: argparse.Namespace, connectome: "Connectome", division: "Division") -> list[str]:
    """How much lies inside, left and right, and, for what was found in the wiring alone, what it has to do with annotations."""
    from anlage.study.agreement import agreement, degree_strata, labelled, symmetry

    flow, edges = division.strength(), division.edges()
    lines = [f"inside parts: {edges.trace() / edges.sum():.0%} of edges, {flow.trace() / flow.sum():.0%} of strength"]
    if pairs := symmetry(division.label, connectome.neurons.pair_id):
        lines.append(
            f"left and right: {pairs.together:.0%} of {pairs.n_pairs:,} homologous pairs fall into one part "
            f"({pairs.by_chance:.0%} by chance)"
        )
    if args.by not in ("structure", "communities") or len(division.parts) < 2:
        return lines
    strata = degree_strata(division.topology)
    for name in ("neuron_class", "modality", "role", "side"):
        column = getattr(connectome.neurons, name)
        known = labelled(column)
        if len(set(column.codes[known].tolist())) < 2 or len(set(division.label[known].tolist())) < 2:
            continue
        rng = Seed(args.seed).child("agreement").child(name).rng()
        found = agreement(division.label[known], column.codes[known], rng, strata=strata[known])
        lines.append(
            f"{name.removeprefix('neuron_')}: adjusted mutual information {found.value:.2f} over {found.n_neurons:,} neurons; "
            f"{found.null_mean:.2f} when labels are permuted among neurons of like degrees (p = {found.p:.3f})"
        )
    return lines


def add(verbs: Verbs) -> None:
    """Offer the verb of this file."""
    verb = verbs.add("divide", _divide)
    verb.add_argument("connectome")
    verb.add_argument(
        "--by", default="function", metavar="WHAT", help=f"{', '.join(BY)}, or an annotation such as class"
    )
    verb.add_argument(
        "--parts", type=int, metavar="N", help="how many to find by structure (default: as the wiring says)"
    )
    verb.add_argument(
        "--crossing", type=float, default=0.0, metavar="SHARE", help="of a port neuron's strength (default: any)"
    )
    verb.add_argument(
        "--compartments", nargs="*", default=[], metavar="NAME", help="synapses to use; none given means all"
    )
    verb.add_argument("--min-synapses", type=float, default=0.0, metavar="N", help="leave out weaker edges")
    verb.add_argument("--seed", type=int, default=0, help="of the search for structure (default: 0)")
    verb.add_argument("--out", type=Path, metavar="FOLDER", help="for the picture (default: runs/NAME-by-WHAT)")

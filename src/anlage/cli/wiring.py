"""The verb about wiring: what can influence what."""

import argparse

from anlage.cli.verb import Verbs


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


def add(verbs: Verbs) -> None:
    """Offer the verbs of this file."""
    audit = verbs.add("audit", _audit)
    audit.add_argument("connectome")
    audit.add_argument("--steps", type=int, nargs="+", default=[2, 3, 4, 5, 10], metavar="T")
    audit.add_argument("--input", nargs="+", metavar="GROUP", help="groups that receive the input")
    audit.add_argument("--output", nargs="+", metavar="GROUP", help="groups that are read")
    audit.add_argument("--kinds", nargs="+", metavar="KIND", default=["chemical", "gap_junction"], help="edges to use")
    audit.add_argument("--compartments", nargs="*", metavar="NAME", help="synapses to use; none given means all")
    audit.add_argument("--drive", choices=["pulse", "sustained"], default="pulse")

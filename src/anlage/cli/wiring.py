"""The verbs about wiring: what a connectome holds, where it comes from, what can influence what."""

import argparse

from anlage.cli.meter import Meter
from anlage.cli.verb import Verbs
from anlage.errors import AnlageError


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


def add(verbs: Verbs) -> None:
    """Offer the verbs of this file."""
    verbs.add("show", _show).add_argument("connectome")
    fetch = verbs.add("fetch", _fetch)
    fetch.add_argument("release")
    fetch.add_argument("--yes", action="store_true", help="do not ask before downloading")
    audit = verbs.add("audit", _audit)
    audit.add_argument("connectome")
    audit.add_argument("--steps", type=int, nargs="+", default=[2, 3, 4, 5, 10], metavar="T")
    audit.add_argument("--input", nargs="+", metavar="GROUP", help="groups that receive the input")
    audit.add_argument("--output", nargs="+", metavar="GROUP", help="groups that are read")
    audit.add_argument("--kinds", nargs="+", metavar="KIND", default=["chemical", "gap_junction"], help="edges to use")
    audit.add_argument("--compartments", nargs="*", metavar="NAME", help="synapses to use; none given means all")
    audit.add_argument("--drive", choices=["pulse", "sustained"], default="pulse")

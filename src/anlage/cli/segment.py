"""The verb that turns a scan into a connectome: labels, or membranes, and annotated synapses."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from anlage.cli.meter import Meter
from anlage.cli.verb import Verbs

if TYPE_CHECKING:
    from anlage.connectome import Source
    from anlage.connectome.volume import Grid, Volume


def _segment(args: argparse.Namespace) -> None:
    """Make a connectome of one's own out of a labelled scan and its annotated synapses."""
    from anlage.connectome.annotation import read_somata, read_synapses
    from anlage.connectome.library import check_name, save
    from anlage.connectome.segment import Rules, connect
    from anlage.connectome.volume import open_volume

    check_name(args.name, replace=args.replace)
    rules = Rules(
        threshold=args.threshold,
        reach_nm=args.reach_nm,
        smallest_um3=args.smallest_um3,
        orphans=args.orphans,
        autapses=args.autapses,
        duplicate_nm=args.duplicate_nm,
        outside=args.outside,
    )
    volume, grid = open_volume(args.volume, axes=args.axes, voxel_nm=args.voxel_nm, offset_nm=args.offset_nm)
    extent = " x ".join(f"{n * size / 1e3:g}" for n, size in zip(volume.shape, grid.voxel_nm, strict=True))
    voxels, sizes = (" x ".join(f"{n:g}" for n in triple) for triple in (volume.shape, grid.voxel_nm))
    print(f"{args.volume}: {voxels} voxels of {sizes} nm, {extent} µm along x, y, z")
    synapses = read_synapses(args.synapses, grid, args.unit)
    print(f"{args.synapses}: {len(synapses):,} synapses, {'with' if len(synapses.score) else 'without'} scores")
    somata = read_somata(args.somata, grid, args.unit) if args.somata else None
    source = _source(args, f"{voxels} voxels of {sizes} nm")
    if args.from_membrane:
        volume = _from_membrane(args, volume, grid)
    connectome = connect(volume, grid, synapses, rules, name=args.name, somata_nm=somata, source=source)
    total = connectome.synapse_count.sum()
    print(f"\n{connectome.n_neurons:,} neurons, {len(connectome.pre):,} edges, {total:,} synapses. What is lost:")
    for sentence in connectome.source.lossy.split(". "):
        print(f"  - {sentence.rstrip('.')}.")
    print(f"\nready: {save(connectome, replace=args.replace)}\nnext: anlage show {args.name}")


def _from_membrane(args: argparse.Namespace, membrane: "Volume", grid: "Grid") -> "Volume":
    """Labels of the baseline, on disk beside other results."""
    from anlage.connectome.membrane import Baseline, segment_membrane
    from anlage.connectome.volume import open_volume, written_labels

    path = args.labels_out or Path("runs/segment") / f"{args.name}.npy"
    with written_labels(path, membrane.shape) as labels:
        n = segment_membrane(membrane, grid, labels, Baseline(join=args.join), progress=Meter())
    print(f"{n:,} segments by the baseline, not proofread: {path}")
    return open_volume(path, voxel_nm=grid.voxel_nm)[0]


def _source(args: argparse.Namespace, size: str) -> "Source":
    """Where the connectome comes from: the volume by its name, the synapses by their checksum."""
    from hashlib import file_digest

    from anlage.connectome import Source

    with args.synapses.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    title = args.title or f"{args.name}, from the scan {args.volume.name} and the synapses {args.synapses.name}"
    made = f"the baseline of this package, --join {args.join:g}, from the membranes" if args.from_membrane else "labels"
    bibtex = args.cite.read_text(encoding="utf-8") if args.cite else ""
    return Source(
        key=f"{args.name}-{digest[:12]}",
        title=title,
        version=f"{made} {args.volume.name} ({size}); synapses {args.synapses.name} (sha256 {digest})",
        licence=args.licence or "not stated; ask whoever made the scan",
        origin="files of the user",
        bibtex=bibtex or f"@misc{{{args.name},\n  title = {{{title}}},\n  note = {{synapses: sha256 {digest}}}\n}}\n",
        lossy="The segments are those of an automatic baseline that nobody proofread." if args.from_membrane else "",
        sha256=digest,
    )


def add(verbs: Verbs) -> None:
    """Offer the verb of this file."""
    verb = verbs.add("segment", _segment)
    verb.add_argument(
        "volume", type=Path, metavar="LABELS", help=".npy, or a folder of zarr, N5 or Neuroglancer precomputed"
    )
    verb.add_argument(
        "--synapses", type=Path, required=True, metavar="FILE", help="table: pre_x_nm ... post_z_nm, score"
    )
    verb.add_argument("--name", required=True, help="what the connectome will be called")
    verb.add_argument("--replace", action="store_true", help="write over a connectome of the same name")
    space = verb.add_argument_group("where things are")
    for option, meaning in (
        ("--voxel-nm", "size of a voxel, unless the volume states it"),
        ("--offset-nm", "corner of the volume (default: as stated, or 0 0 0)"),
    ):
        space.add_argument(option, type=float, nargs=3, default=(), metavar=("X", "Y", "Z"), help=meaning)
    space.add_argument("--axes", default="xyz", help="order in which the axes are stored, as zyx (default: xyz)")
    space.add_argument("--unit", choices=["nm", "um", "voxel"], help="of the points, unless their columns say it")
    rules = verb.add_argument_group("what counts; everything left out is counted and said")
    rules.add_argument("--threshold", type=float, metavar="SCORE", help="least score of a synapse (default: all)")
    rules.add_argument(
        "--reach-nm", type=float, default=0.0, metavar="D", help="how far off its segment a point may lie"
    )
    rules.add_argument("--smallest-um3", type=float, default=0.0, metavar="V", help="segments below this are orphans")
    rules.add_argument("--somata", type=Path, metavar="FILE", help="table: x_nm, y_nm, z_nm; the rest are orphans")
    rules.add_argument("--orphans", choices=["keep", "drop", "merge"], default="keep", help="(default: keep)")
    rules.add_argument("--autapses", choices=["keep", "drop"], default="drop", help="(default: drop)")
    rules.add_argument(
        "--duplicate-nm", type=float, default=0.0, metavar="D", help="nearer synapses of an edge are one"
    )
    rules.add_argument("--outside", choices=["refuse", "drop"], default="refuse", help="(default: refuse)")
    baseline = verb.add_argument_group("without labels")
    baseline.add_argument("--from-membrane", action="store_true", help="the volume is the probability of a membrane")
    baseline.add_argument(
        "--join", type=float, default=0.4, metavar="P", help="mean boundary below this joins (default: 0.4)"
    )
    baseline.add_argument("--labels-out", type=Path, metavar="FILE.npy", help="(default: runs/segment/NAME.npy)")
    about = verb.add_argument_group("whose it is")
    about.add_argument("--title", default="", help="what the data are")
    about.add_argument("--licence", default="", help="under which terms they may be used")
    about.add_argument("--cite", type=Path, metavar="BIB", help="file with BibTeX to cite")

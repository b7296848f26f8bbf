"""Growing a mind of areas: what `anlage grow` does with a recipe that has [[areas]]."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from anlage.cli.meter import Meter
from anlage.errors import AnlageError

if TYPE_CHECKING:
    from anlage.mind import GrownMind, MindRecipe


def grow_areas(args: argparse.Namespace, text: str) -> None:
    """Grow the mind that the text of a recipe describes, and write its report."""
    from anlage.mind.grow import cores, grow_mind
    from anlage.mind.recipe import read_mind
    from anlage.study.mind_report import write_mind_report

    if args.verb == "compare":
        raise AnlageError(f"{args.recipe} describes a mind, and a mind has no controls yet; use `anlage grow` for it.")
    if args.alone:
        raise AnlageError("--alone leaves out controls, but a mind has no controls; leave it out.")
    recipe = read_mind(text, str(args.recipe))
    folder = args.out or Path("runs") / recipe.name
    _announce(recipe)
    if args.dry_run:
        print(f"nothing was run; {recipe.schedule.days} days and nights would be lived, in {folder}")
        return
    workers = args.workers or min(cores(), len(recipe.areas) + 1)
    grown = grow_mind(recipe, folder, resume=args.resume, workers=workers, onto=args.onto, progress=Meter())
    _tell(grown)
    print(f"report: {write_mind_report(grown, folder)}")


def report_areas(folder: Path) -> None:
    """Write the report of a grown mind again."""
    from anlage.mind import read_grown
    from anlage.study.mind_report import write_mind_report

    print(f"report: {write_mind_report(read_grown(folder), folder)}")


def _announce(recipe: "MindRecipe") -> None:
    schedule, frontal = recipe.schedule, recipe.workspace
    areas = ", ".join(f"{area.name} ({area.title})" for area in recipe.areas)
    print(f"{recipe.name}: {areas}; {schedule.days} days of {schedule.sequences} sequences; recipe {recipe.identity}")
    wide = f"{frontal.width} channels on {frontal.topology.connectome}, broadcast {frontal.broadcast}"
    print(f"workspace: {wide if frontal.width else 'none'}")


def _tell(grown: "GrownMind") -> None:
    """Each area's error, before and after, beside predicting no change."""
    first, last = grown.curve[0]["areas"], grown.curve[-1]["areas"]
    for name, now in last.items():
        print(
            f"  {name:<20} prediction error {first[name]['prediction_error']:.3f} -> {now['prediction_error']:.3f}; predicting "
            f"no change {now['persistence_error']:.3f}; effective rank {now['effective_rank']:.1f}"
        )

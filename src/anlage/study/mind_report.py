"""The report of a mind: one HTML file that needs nothing else, neither a server nor the network."""

from importlib.resources import files
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from anlage.connectome.library import load
from anlage.learning.checkpoint import write_text
from anlage.mind import GrownMind
from anlage.mind.recipe import WORKSPACE
from anlage.network import budget
from anlage.study.account import Table
from anlage.study.canvas import DARK, palette, variable
from anlage.study.mind_figure import graph_figure, moments_figure, nights_figure


def write_mind_report(grown: GrownMind, folder: Path) -> Path:
    """Write the report of a grown mind into a folder, and return its path; the same mind gives the same bytes."""
    template = files("anlage.study").joinpath("mind.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    path = folder / "report.html"
    write_text(path, page.from_string(template).render(_content(grown)))
    return path


def _content(grown: GrownMind) -> dict[str, object]:
    recipe, held = grown.recipe, grown.mind.workspace is not None
    return {
        "recipe": recipe,
        "n_areas": len(recipe.areas),
        "n_lives": recipe.experience.open().n_held_out,
        "sentences": _sentences(grown),
        "graph": graph_figure(grown),
        "nights": nights_figure(grown),
        "moments": moments_figure(grown) if held else None,
        "holders": _holders(grown) if held else None,
        "areas": _areas(grown),
        "world": recipe.experience.story,
        "sources": _sources(grown),
        "toml": recipe.to_toml(),
        "style": _style(),
    }


def _sentences(grown: GrownMind) -> list[str]:
    """What happened, before any figure."""
    first, last, days = grown.curve[0]["areas"], grown.curve[-1]["areas"], grown.recipe.schedule.days
    better = [
        n
        for n, now in last.items()
        if now["prediction_error"] < min(now["persistence_error"], first[n]["prediction_error"])
    ]
    who = "areas" if grown.mind.workspace is None else "networks, the areas and the workspace,"
    found = [
        f"After {days} days and nights {len(better)} of {len(last)} {who} predict their own next embedding better than they did "
        "untrained and better than expecting no change. No error was ever sent from one to another."
    ]
    if worse := [name for name in last if name not in better]:
        found.append(f"Not so: {', '.join(worse)}.")
    if grown.old:
        found.append(f"Taken over from another mind, and left exactly as they were: {', '.join(grown.old)}.")
    return found


def _areas(grown: GrownMind) -> Table:
    """Size, cost and measures of every area."""
    head = (
        "area",
        "senses",
        "wiring",
        "neurons",
        "edges",
        "trained para\u00admeters",
        "error, untrained",
        "error",
        "no change",
        "rank",
        "spread",
    )
    rows = []
    for name, part in grown.mind.parts.items():
        before, now = grown.curve[0]["areas"][name], grown.curve[-1]["areas"][name]
        plan = part.plan
        senses = ", ".join(plan.sense) or f"all areas, through {grown.recipe.workspace.width} channels"
        size = (f"{part.topology.n_neurons:,}", f"{part.topology.n_edges:,}")
        cost = f"{budget(part.encoder, part.network).trained_parameters:,}"
        errors = (f"{e:.3f}" for e in (before["prediction_error"], now["prediction_error"], now["persistence_error"]))
        rank = f"{now['effective_rank']:.1f}\u00a0of\u00a0{plan.latent}"
        rows.append((name, senses, plan.title, *size, cost, *errors, rank, f"{now['embedding_spread']:.2f}"))
    return Table(head, tuple(rows))


def _holders(grown: GrownMind) -> Table:
    """How often each area had the largest share, over the whole life and when the word begins."""
    holder, world = np.asarray(grown.curve[-1]["holder"]), grown.recipe.experience
    begins = {f"{name} begins": holder[moment] for name, moment in world.events.items() if moment}
    when = {"at any moment": holder.mean(0), **begins}
    rows = [(what, *(f"{share:.0%}" for share in shares)) for what, shares in when.items()]
    return Table(("largest share", *grown.mind.areas), tuple(rows))


def _sources(grown: GrownMind) -> Table:
    """Where each wiring and the world come from."""
    rows = []
    for name, part in grown.mind.parts.items():
        source = load(part.plan.topology.connectome).source
        rows.append(
            (
                name if name != WORKSPACE else "frontal workspace",
                source.title,
                source.licence,
                source.lossy or "nothing known",
            )
        )
    world = grown.recipe.experience.source
    rows.append(("world", world.title, world.licence, world.lossy))
    return Table(("what", "source", "licence", "what is lost"), tuple(rows))


def _style() -> Markup:
    """CSS of the colours: light, dark and print."""
    rules = [f":root{{{palette(False)}}}", f"@media(prefers-color-scheme:dark){{:root{{{palette(True)}}}}}"]
    rules.append(f"@media print{{:root{{{palette(False)}}}}}")
    names = dict(zip(("ink", "muted", "line", "paper", "band"), DARK, strict=False))
    rules.append(":root{" + "".join(f"--{name}:var({variable(colour)});" for name, colour in names.items()) + "}")
    return Markup("".join(rules))

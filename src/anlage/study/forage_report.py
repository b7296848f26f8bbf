"""The report of an arena: one HTML file that needs neither a server nor the network."""

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from anlage.experience.odour import Odours
from anlage.learning.checkpoint import write_text
from anlage.study.account import Table
from anlage.study.canvas import INK, LINE, MUTED, PAPER, palette, variable
from anlage.study.forage import Foraging, sentences
from anlage.study.forage_figure import pictures
from anlage.study.sources import LARVAL_SMELL

REFERENCES = """@article{izquierdo2010evolution,
  author = {Izquierdo, Eduardo J. and Lockery, Shawn R.},
  title = {Evolution and analysis of minimal neural circuits for klinotaxis in {Caenorhabditis elegans}},
  journal = {Journal of Neuroscience}, volume = {30}, pages = {12908--12917}, year = {2010}
}
@article{farrell2002filament,
  author = {Farrell, Jay A. and Murlis, John and Long, Xuezhu and Li, Wei and Card\\'e, Ring T.},
  title = {Filament-based atmospheric dispersion model to achieve short time-scale structure of odor plumes},
  journal = {Environmental Fluid Mechanics}, volume = {2}, pages = {143--169}, year = {2002}
}"""

LARVA = (
    ("who reaches whom, with how many synapses", "measured", "Winding et al. 2023, a larva of the first instar"),
    ("signs of neurons", "all excitatory", "assumed: none is published"),
    ("responses of receptors to the odour", "measured at one dose", "Dweck et al. 2018; 15 of 21 receptors"),
    ("how responses grow with the dose", "Hill, 1.42", "assumed after Si et al. 2019"),
    (
        "speed, head casts, ends of runs and casts",
        "1 mm/s, 240 degrees/s, 0.148 and 2 per second",
        "Davies et al. 2015, third instar",
    ),
    (
        "what descending neurons do to runs and turns",
        "hasten or delay, left or right; tuned",
        "assumed: the nerve cord is not in it",
    ),
)
WORM = (
    ("who reaches whom, with how many synapses", "measured", "Cook et al. 2019"),
    ("signs of edges", "predicted where known, else excitatory", "Fenyves et al. 2020; assumed"),
    ("which neurons smell diacetyl", "AWA", "Bargmann et al. 1993"),
    ("how AWA, AWC and ASE respond to changes", "two running means, 0.5 and 5 s", "assumed"),
    ("speed and undulation", "0.22 mm/s, 4.2 s", "Izquierdo & Lockery 2010"),
    ("what SMB and SMD do to runs and turns", "hasten or delay, to either side; tuned", "assumed"),
)
BOTH = (
    ("the odour", "diffusion with loss, steady; 1/e in about 15 mm", "closed form; the loss is assumed"),
    ("rates of neurons", "leaky tanh, one scale of all weights (spectral radius 0.9)", "assumed"),
    ("animals stay where there is food", "all arms but still and random walk", "assumed"),
)
"""What is measured and what is assumed: of a larva, of a worm, of both."""


def arms_table(run: Foraging) -> Table:
    """Every arm with its indices."""
    rows = []
    for lives in run.arms:
        numbers = [f"{index.value:+.2f} ({index.low:+.2f} to {index.high:+.2f})" for index in lives.found[:2]]
        rows.append((lives.name, *numbers, f"{lives.found[2].value:.1%}", lives.note))
    return Table(("arm", "preference (95 %)", "approach (95 %)", "of life spent eating", "setting chosen"), tuple(rows))


def write_forage_report(run: Foraging, path: Path) -> Path:
    """Write the report, and return its path; the same run gives the same bytes."""
    template = files("anlage.study").joinpath("forage.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    larva = run.arena.body.name == "larva"
    said = sentences(run)
    bibtex = [
        run.connectome.source.bibtex.strip(),
        *([Odours.source.bibtex] if larva else []),
        LARVAL_SMELL,
        REFERENCES,
    ]
    content = {
        "style": Markup(
            f":root{{{_colours(False)}}}@media screen and (prefers-color-scheme:dark){{:root{{{_colours(True)}}}}}"
        ),
        "name": run.connectome.source.title,
        "word": next(f"{lives.found[0].value:+.2f}" for lives in run.arms if lives.name == "connectome"),
        "lead": said[0],
        "found": said[1:],
        "arms": arms_table(run),
        "assumed": Table(("what", "value", "from"), (*(LARVA if larva else WORM), *BOTH)),
        "larva": larva,
        "odour": run.arena.scene.drops[0].odour,
        "bibtex": "\n\n".join(bibtex),
        **pictures(run),
    }
    write_text(path, page.from_string(template).render(content))
    return path


def _colours(dark: bool) -> str:
    names = {"paper": PAPER, "ink": INK, "muted": MUTED, "line": LINE}
    return palette(dark) + "".join(f"--{name}:var({variable(colour)});" for name, colour in names.items())

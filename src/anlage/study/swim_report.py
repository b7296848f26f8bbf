"""The report of a body that swims: one HTML file with the moving body in it, which needs neither a server nor the network."""

import base64
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from numpy import ndarray

from anlage.experience.life import Film
from anlage.learning.checkpoint import write_text
from anlage.network.reflex import GRID
from anlage.study.account import Table, p_value
from anlage.study.canvas import page_colours, variable
from anlage.study.sources import DM_CONTROL, MUJOCO, STATISTICS
from anlage.study.statistics import bootstrap_interval
from anlage.study.swim import BARE, CONNECTOME, FIXED, LADDER, WAVE, WAVES, posture
from anlage.study.swim_figure import LANES, MUSCLE, along, colour_of, places, score_figure
from anlage.study.swim_run import SwimRun, mean_score
from anlage.study.upbringing import Chapter
from anlage.topology import audit, build
from anlage.topology.motor import CLASSES, MUSCLES

STRIDE = 3
"""Steps of control per picture of the film: 11 a second."""

SAYS = {rung.name: rung.says for rung in (*LADDER, *FIXED, BARE)} | {
    CONNECTOME: "nothing",
    WAVE: "all neurons and all sense: a wave of torque, told to the joints",
}

REFERENCES = """@inproceedings{bhattasali2022neural,
  author = {Bhattasali, Nikhil X. and Zador, Anthony M. and Engel, Tatiana A.},
  title = {Neural circuit architectural priors for embodied control},
  booktitle = {Advances in Neural Information Processing Systems}, volume = {35}, year = {2022}
}
@article{wen2012proprioceptive,
  author = {Wen, Quan and Po, Michelle D. and Hulme, Elizabeth and Chen, Sway and Liu, Xinyu and Kwok, Sen Wai and
    Gershow, Marc and Leifer, Andrew M. and Butler, Victoria and Fang-Yen, Christopher and Kawano, Taizo and
    Schafer, William R. and Whitesides, George and Wyart, Matthieu and Chklovskii, Dmitri B. and Zhen, Mei and
    Samuel, Aravinthan D. T.},
  title = {Proprioceptive coupling within motor neurons drives {C.} elegans forward locomotion},
  journal = {Neuron}, volume = {76}, number = {4}, pages = {750--761}, year = {2012}
}"""

TYPES = tuple(f"cell_type:{name}" for name in ("SMD", "RMD", "SMB", "DB", "VB", "DD", "VD"))

BARE_WORDS = {
    "even-map": "An even map with no measured number, as a textbook would draw it, reaches {}.",
    WAVE: "A wave of torque with neither neurons nor sense reaches {}.",
    "without-stretch": "The measured wiring that does not feel its body reaches {}.",
}
"""What is said of an arm without the measured wiring, or without what was assumed."""

ASSUMED = Table(
    ("what", "value", "from"),
    (
        ("who reaches which muscle row, with how many synapses", "measured", "Cook et al. 2019"),
        (
            "sign of each class",
            "by transmitter",
            "DD and VD release GABA, the others acetylcholine (Schuske et al. 2004)",
        ),
        ("which neurons take part", "SMD, RMD, SMB, DB, VB, DD, VD", "chosen: forward swimming (Chalfie et al. 1985)"),
        ("B neurons feel the body bend", "assumed", "inferred from behaviour (Wen et al. 2012)"),
        ("how far ahead of their muscles", "2.4, 4.8 or 7.2 of 24 rows, tuned", "assumed"),
        ("how strongly", "1 or 4, tuned", "assumed"),
        ("the head oscillates by itself", "period 1.8 s, dorsal then ventral", "assumed (Bhattasali et al. 2022)"),
        ("rates", "clipped sums, no memory", "assumed (Bhattasali et al. 2022)"),
        ("synapses of a target", "share its drive by count", "assumed"),
        ("the water", "drag of inertia, no viscosity", "the body's; that of a worm is the reverse"),
    ),
)


def swim_table(run: SwimRun) -> Table:
    """Every arm with its score and how the connectome stands to it."""
    found = {contrast.control: contrast for contrast in run.contrasts}
    head = (
        "arm",
        "what is lost",
        "graphs",
        "score",
        "95 % interval",
        "connectome minus arm",
        "lie lower",
        "p (Holm)",
        "verdict",
    )
    lines = []
    for name, swims in run.arms.items():
        score, graphs = np.array([swim.score for swim in swims]), len({swim.graph for swim in swims})
        interval = bootstrap_interval(score, posture(run.seed, 0, 99)) if len(score) > 1 else (np.nan, np.nan)
        line = [name, SAYS[name], str(graphs), f"{score.mean():.0f}", f"{interval[0]:.0f} to {interval[1]:.0f}"]
        contrast = found.get(name)
        if contrast is None:
            line += ["", "", "", ""]
        elif graphs > 1:
            line += [
                f"{contrast.difference:+.0f}",
                f"{contrast.percentile:.0f} %",
                p_value(contrast.p_holm),
                contrast.verdict,
            ]
        else:
            line += [f"{contrast.difference:+.0f}", "", "", "one graph: no verdict"]
        lines.append(tuple(line))
    return Table(head, tuple(lines))


def sentences(run: SwimRun) -> list[str]:
    """What was found, wins and losses, in a few sentences."""
    score = mean_score(run.arms[CONNECTOME])
    said = [
        f"The measured motor wiring of {run.connectome.source.title}, with no trained weight, earns {score:.0f} of 1,000 points "
        f"in a body of {run.tank.n_links} links."
    ]
    for verdict, words in (
        ("better", "It does better than graphs with these things lost, tuned alike: {}."),
        ("equivalent", "It is equivalent, within 50 points, to graphs that lost: {}."),
        ("no difference found", "No difference was found to graphs that lost: {}."),
        ("worse", "It does worse than graphs that lost: {}."),
        ("undecided", "Too few graphs were swum for a verdict on: {}."),
    ):
        names = [
            c.control for c in run.contrasts if c.verdict == verdict and len({s.graph for s in run.arms[c.control]}) > 1
        ]
        if names:
            listed = "; ".join(f"{SAYS[name]} ({mean_score(run.arms[name]):.0f})" for name in names)
            said.append(words.format(listed))
    for name, words in BARE_WORDS.items():
        if name in run.arms:
            said.append(words.format(f"{mean_score(run.arms[name]):.0f}"))
    return said


def audit_words(run: SwimRun) -> list[str]:
    """What of the circuit lies between what is felt and what moves."""
    found = audit(run.circuit.topology, ("input",), ("output",), steps=3, drive="sustained")
    whole = build(run.connectome)
    before = audit(whole, ("input",), TYPES, steps=5, drive="sustained")
    return [
        f"From what is felt to what moves: {found}.",
        "The circuit begins at the B and head neurons. Sensory neurons and the interneurons that decide when to swim are no part "
        "of it, so nothing that the animal smells or is touched by reaches these muscles here.",
        f"In the whole animal it could. From sensory neurons to motor neurons of these classes: {before}.",
    ]


def write_swim_report(run: SwimRun, path: Path, chapters: Sequence[Chapter] = ()) -> Path:
    """Write the report, with what it learned since, and return its path; the same run gives the same bytes."""
    template = files("anlage.study").joinpath("swim.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    said = sentences(run)
    content = {
        "style": Markup(page_colours()),
        "name": run.connectome.source.title,
        "score": f"{mean_score(run.arms[CONNECTOME]):.0f}",
        "lead": said[0],
        "found": said[1:],
        "chapters": chapters,
        "scores": score_figure(run.arms, run.contrasts),
        "arms_table": swim_table(run),
        "assumed": ASSUMED,
        "audit": audit_words(run),
        "map": neuron_map(run),
        "film": Markup(json.dumps(film_data(run), separators=(",", ":"))),
        "rival": run.rival,
        "muscle": variable(MUSCLE),
        "settings": len(GRID),
        "waves": len(WAVES),
        "lossy": run.connectome.source.lossy,
        "bibtex": "\n\n".join([run.connectome.source.bibtex.strip(), REFERENCES, DM_CONTROL, MUJOCO, STATISTICS]),
    }
    write_text(path, page.from_string(template).render(content))
    return path


MAP_WIDTH, LANE_HEIGHT, NAMES = 940, 34, 118


def neuron_map(run: SwimRun) -> Markup:
    """The circuit as an SVG whose neurons (``n0``, ``n1``, ...) and their edges (``e0``, ...) the film lights up."""
    circuit, topology = run.circuit, run.circuit.topology
    x = NAMES + (places(circuit) - 0.5) * (MAP_WIDTH - NAMES) / 24.5
    y = np.zeros(topology.n_neurons)
    for lane, group in enumerate(LANES):
        y[topology.groups[group]] = LANE_HEIGHT * (lane + 0.5)
    parts = []
    for neuron in np.unique(topology.pre):
        mine, start = topology.pre == neuron, f"M{x[neuron]:.1f} {y[neuron]:.1f}"
        lines = "".join(
            f'<path d="{start}L{x[post]:.1f} {y[post]:.1f}" stroke-width="{0.6 + min(4.0, abs(weight) / 8):.1f}"/>'
            for post, weight in zip(topology.post[mine], topology.weight[mine], strict=True)
        )
        group = next(g for g in CLASSES if neuron in topology.groups[g])
        parts.append(f'<g id="e{neuron}" stroke="var({variable(colour_of(group))})" opacity=".12">{lines}</g>')
    for lane, group in enumerate(LANES):
        colour = f"var({variable(colour_of(group))})"
        parts.append(
            f'<text x="0" y="{LANE_HEIGHT * (lane + 0.5) + 4:.0f}" fill="{colour}" font-size="13">{group}</text>'
        )
        for n in topology.groups[group]:
            shape = (
                f'<rect x="{x[n] - 6:.1f}" y="{y[n] - 6:.1f}" width="12" height="12" rx="2"'
                if group in MUSCLES
                else f'<circle cx="{x[n]:.1f}" cy="{y[n]:.1f}" r="6.5"'
            )
            end = "rect" if group in MUSCLES else "circle"
            title = f"<title>{circuit.neuron[n]}</title>"
            parts.append(f'{shape} id="n{n}" fill="{colour}" fill-opacity=".2" stroke="{colour}">{title}</{end}>')
    height = LANE_HEIGHT * len(LANES)
    words = "Motor neurons and muscle rows along the body, head on the left; they light up as the body swims."
    return Markup(f'<svg viewBox="0 0 {MAP_WIDTH} {height}" role="img" aria-label="{words}">{"".join(parts)}</svg>')


def film_data(run: SwimRun) -> dict[str, object]:
    """What the page's script needs: places in millimetres, activity as 0 to 255, all as base64."""
    films = [run.film, run.rival_film]
    groups = run.circuit.topology.groups
    return {
        "ms": round(1000 * STRIDE * run.film.step_s),
        "links": run.tank.n_links,
        "neurons": run.circuit.topology.n_neurons,
        "dorsal": groups[MUSCLES[0]].tolist(),
        "ventral": groups[MUSCLES[1]].tolist(),
        "points": [_packed(1000 * along(film.points_m)[::STRIDE], "<i2") for film in films],
        "activity": [_packed(255 * film.activity[::STRIDE], "u1") for film in films],
        "score": [_points(film) for film in films],
    }


def _points(film: Film) -> Sequence[int]:
    """Score so far at every picture."""
    return [int(total) for total in np.cumsum(film.reward)[::STRIDE]]


def _packed(values: ndarray, kind: str) -> str:
    return base64.b64encode(np.round(values).astype(kind).tobytes()).decode()

"""Pictures of a body that swims: scores of every arm, the map from neurons to the body, and moments of a life."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy import ndarray

from anlage.experience.life import Film
from anlage.study.canvas import ARM, INK, LINE, MUTED, ROLE, SMALL, Number, axes, sheet, svg, write
from anlage.study.figure import swarm
from anlage.study.statistics import Contrast
from anlage.study.swim import CONNECTOME, Swim
from anlage.topology.motor import CLASSES, MUSCLES, ROWS, MotorCircuit

EXCITE, INHIBIT, MUSCLE = ARM[0], ARM[1], ROLE["output"]
"""Colours of excitatory and inhibitory neurons, with their edges, and of muscles."""
WIDTH, LEFT, ROW_HEIGHT, FULL = 920, 250, 30, 1000.0
LANES = ("dorsal muscle", "DD", "DB", "head dorsal", "head ventral", "VB", "VD", "ventral muscle")
"""Rows of the map from the back of the body to its belly."""


def colour_of(group: str) -> str:
    """Colour of a class of neurons, or of muscles."""
    return MUSCLE if group in MUSCLES else INHIBIT if CLASSES[group][2] < 0 else EXCITE


def score_figure(arms: Mapping[str, Sequence[Swim]], found: Sequence[Contrast]) -> Markup:
    """Every trial as a dot, one row per arm, with the mean of the connectome as a line through all."""
    sheet_of = draw_scores(arms, found)
    words = "; ".join(f"{name}, mean {np.mean([s.score for s in swims]):.0f}" for name, swims in arms.items())
    return svg(sheet_of, "swim-scores", f"Score of every trial: {words}", least=700)


def draw_scores(arms: Mapping[str, Sequence[Swim]], found: Sequence[Contrast]) -> Figure:
    """The same as a drawing."""
    verdict = {contrast.control: contrast for contrast in found}
    height = ROW_HEIGHT * len(arms)
    figure = sheet(WIDTH, height + 70)
    ax = axes(figure, LEFT, 24, WIDTH - LEFT - 150, height)
    ax.set_xlim(0, FULL)
    ax.set_ylim(height, 0)
    ax.yaxis.set_visible(False)
    mean = float(np.mean([swim.score for swim in arms[CONNECTOME]]))
    ax.plot([mean, mean], [0, height], color=EXCITE, lw=1.4, zorder=1)
    write(ax, mean, -6, f"connectome {mean:.0f}", color=EXCITE, ha="center", va="bottom", weight="bold")
    pixel = (WIDTH - LEFT - 150) / FULL
    for i, (name, swims) in enumerate(arms.items()):
        y = ROW_HEIGHT * (i + 0.5)
        score = np.array([swim.score for swim in swims])
        colour = EXCITE if name == CONNECTOME else INHIBIT if len({s.graph for s in swims}) > 1 else MUTED
        offset = swarm(score * pixel, 3.0, ROW_HEIGHT / 2 - 4)
        ax.axhline(ROW_HEIGHT * (i + 1), color=LINE, lw=0.6)
        ax.scatter(score, y + offset, s=30, color=colour, alpha=0.7, linewidths=0, zorder=3)
        ax.plot([score.mean()] * 2, [y - 10, y + 10], color=INK, lw=2, zorder=4)
        write(ax, -12, y, name.replace("-", " "), ha="right", va="center", color=colour, weight="bold")
        n, what = len(swims), "graphs" if len({s.graph for s in swims}) > 1 else "trials"
        word = verdict[name].verdict if name in verdict and verdict[name].n_graphs > 1 else ""
        write(ax, FULL + 12, y - 6, f"{score.mean():.0f}  ({n} {what})", va="center", fontsize=SMALL)
        said = {"better": "connectome better", "worse": "connectome worse"}.get(word, word)
        write(ax, FULL + 12, y + 7, said, va="center", fontsize=10, color=MUTED)
    write(ax, FULL / 2, height + 40, "score of 1,000", ha="center", va="center", color=MUTED, fontsize=SMALL)
    return figure


def places(circuit: MotorCircuit) -> Float[ndarray, " neuron"]:
    """Where each neuron is drawn along the body, in muscle rows: amid the muscles that it reaches; a muscle row where it is."""
    topology, place = circuit.topology, np.full(circuit.topology.n_neurons, np.nan)
    weight = np.abs(topology.dense())
    for muscle in MUSCLES:
        place[topology.groups[muscle]] = np.arange(1, ROWS + 1)
    for group, (_, side, _) in CLASSES.items():
        members = topology.groups[group]
        onto = weight[np.ix_(topology.groups[f"{side} muscle"], members)]
        total = np.maximum(onto.sum(axis=0), 1e-9)
        place[members] = np.arange(1, ROWS + 1) @ onto / total
        if group.startswith("head"):
            place[members] = 1 + 1.3 * np.arange(
                len(members)
            )  # all reach much the same rows; side by side they can be seen
    return place


def draw_map(ax: Axes, circuit: MotorCircuit, activity: Float[ndarray, " neuron"] | None = None) -> None:
    """The circuit along the body: neurons in lanes, an edge to each muscle row as wide as its share of synapses."""
    topology, x = circuit.topology, places(circuit)
    y = np.zeros(topology.n_neurons)
    for lane, group in enumerate(LANES):
        y[topology.groups[group]] = lane
        write(ax, -0.6, lane, group, ha="right", va="center", color=colour_of(group), fontsize=SMALL)
    muscles = np.isin(topology.post, topology.groups["output"])
    strongest = np.abs(topology.weight).max()
    for pre, post, weight, muscle in zip(topology.pre, topology.post, topology.weight, muscles, strict=True):
        shade = 0.45 if activity is None else 0.05 + 0.6 * activity[pre]
        width = 0.5 + 2.5 * abs(weight) / strongest
        colour = (EXCITE if weight > 0 else INHIBIT) if muscle else MUTED
        ax.plot(
            [x[pre], x[post]], [y[pre], y[post]], color=colour, lw=width, alpha=shade * (1 if muscle else 0.5), zorder=1
        )
    for group in LANES:
        rows = topology.groups[group]
        light = np.ones(len(rows)) if activity is None else 0.12 + 0.88 * activity[rows]
        mark = "s" if group in MUSCLES else "o"
        lit = [(*to_rgb(colour_of(group)), float(a)) for a in light]
        ax.scatter(x[rows], y[rows], s=52, marker=mark, color=lit, linewidths=0, zorder=3)
    ax.set_xlim(-0.2, ROWS + 0.8)
    ax.set_ylim(len(LANES) - 0.4, -0.6)
    ax.yaxis.set_visible(False)
    ax.set_xticks([1, 6, 12, 18, 24])


def along(points: Float[ndarray, "time point 2"]) -> Float[ndarray, "time point 2"]:
    """The same film turned and moved so that the middle of the body starts at 0 and ends to the left, where the head is drawn."""
    middle = points.mean(axis=1)
    way = middle[0] - middle[-1]
    cos, sin = way / max(float(np.hypot(*way)), 1e-9)
    return np.asarray((points - middle[0]) @ np.array([[cos, -sin], [sin, cos]]))


def draw_moments(ax: Axes, film: Film, colour: str, every: int = 240) -> None:
    """The body every 7.2 s over the path of its middle; the head is a dot."""
    points = along(film.points_m)
    ax.plot(*points.mean(axis=1).T, color=LINE, lw=3, zorder=1)
    moments = range(0, len(points), every)
    for i, t in enumerate(moments):
        shade = 0.25 + 0.75 * i / max(1, len(moments) - 1)
        ax.plot(*points[t].T, color=colour, lw=2.4, alpha=shade, solid_capstyle="round", zorder=2)
        ax.scatter(*points[t, 0], s=26, color=INK, alpha=shade, linewidths=0, zorder=3)
    ax.set_aspect("equal")
    ax.yaxis.set_visible(False)


def draw_waves(ax: Axes, circuit: MotorCircuit, film: Film, seconds: Number = 6.0) -> None:
    """Dorsal less ventral muscle along the body over time: a wave that runs from head to tail where there is one."""
    steps = round(float(seconds) / film.step_s)
    dorsal, ventral = (film.activity[:, circuit.topology.groups[muscle]] for muscle in MUSCLES)
    picture = (dorsal - ventral)[-steps:].T
    ax.imshow(picture, aspect="auto", cmap="PuOr_r", vmin=-1, vmax=1, extent=(0, float(seconds), ROWS + 0.5, 0.5))
    ax.set_yticks([1, 12, 24])

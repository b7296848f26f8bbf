"""Pictures of foraging: where everybody went over the odour, what one animal sensed and ate on its way, and all indices."""

import numpy as np
from jaxtyping import Float
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy import ndarray

from anlage.experience.arena_behaviour import RandomWalk, RunAndTurn, TrueGradient
from anlage.experience.arena_field import Dish, grid
from anlage.study.canvas import ARM, INK, LINE, MUTED, ROLE, SMALL, axes, sheet, svg, write
from anlage.study.forage import CONNECTOME, REWIRED, Foraging, Lives

PANEL, GAP, SHOWN = 290, 24, 16
"""Size of a picture of a dish and the space between two, pixels; animals whose way is drawn."""
BOUNDS = (RandomWalk.name, RunAndTurn.name, TrueGradient.name)


def colour(name: str) -> str:
    """Colour of an arm."""
    return ARM[0] if name == CONNECTOME else ARM[1] if name.startswith(REWIRED) else MUTED


def drawn(run: Foraging) -> list[Lives]:
    """The arms whose ways are drawn: the connectome, one rewired brain, and the bounds."""
    rewired = [lives for lives in run.arms if lives.name.startswith(REWIRED)][:2]
    named = {lives.name: lives for lives in run.arms}
    return [named[CONNECTOME], *rewired, *(named[name] for name in BOUNDS)]


def draw_ways(run: Foraging) -> Figure:
    """A dish per arm: the odour as a tint, by its logarithm, and the ways of some animals with their ends."""
    shown = drawn(run)
    columns = 3
    rows = -(-len(shown) // columns)
    figure = sheet(columns * (PANEL + GAP), rows * (PANEL + 46) + 10)
    x, y, field = grid(run.arena.scene)
    depth = np.log10(np.clip(np.nan_to_num(field, nan=1e-9), 1e-3, 1)) / 3 + 1
    tint = np.zeros((*field.shape, 4))
    tint[..., :3], tint[..., 3] = to_rgb(ROLE["input"]), 0.55 * depth * ~np.isnan(field)
    for i, lives in enumerate(shown):
        ax = axes(figure, (i % columns) * (PANEL + GAP) + GAP / 2, 40 + (i // columns) * (PANEL + 46), PANEL, PANEL)
        ax.imshow(tint, origin="lower", extent=(x[0], x[-1], y[0], y[-1]), interpolation="bilinear", zorder=0)
        _dish(ax, run)
        for animal in range(min(SHOWN, lives.track.place.shape[2])):
            way = lives.track.place[::3, 0, animal]
            ax.plot(way[:, 0], way[:, 1], color=colour(lives.name), lw=0.9, alpha=0.75, zorder=2)
            ax.plot(*way[-1], "o", color=INK, ms=4, zorder=3)
        half = run.arena.scene.walls.half_mm
        write(ax, -half[0], half[1] + 6.5, lives.name.replace("-", " "), weight="bold", color=colour(lives.name))
        write(ax, -half[0], half[1] + 1.5, f"preference {lives.found[0].value:+.2f}", fontsize=SMALL, color=MUTED)
    return figure


def draw_moments(run: Foraging) -> Figure:
    """One animal with the measured wiring and one that follows the two rules: distance, smell and food over time."""
    figure = sheet(940, 470)
    named = {lives.name: lives for lives in run.arms}
    drop = run.arena.scene.drops[0]
    for column, name in enumerate((CONNECTOME, RunAndTurn.name)):
        track, left = named[name].track, 70 + 450 * column
        time = np.arange(len(track.place)) * track.step_s
        distance = np.hypot(track.place[:, 0, :, 0] - drop.x_mm, track.place[:, 0, :, 1] - drop.y_mm)
        animal = int(np.argsort(distance.mean(0))[distance.shape[1] // 2])  # the one in the middle of all
        smell = track.sense[:, 0, animal, : len(run.arena.nose.names)]
        rows = (
            ("distance to the drop, mm", [("", distance[:, animal])]),
            ("response, share of full", [(run.arena.senses[c], smell[:, c]) for c in _told_apart(smell)]),
            ("eaten, s at full rate", [("", np.cumsum(track.eaten[:, 0, animal]) * track.step_s)]),
        )
        for row, (label, lines) in enumerate(rows):
            ax = axes(figure, left, 50 + 138 * row, 380, 96)
            for number, (channel, values) in enumerate(lines):
                shade = colour(name) if number == 0 else ARM[2]
                ax.plot(time, values, color=shade, lw=1.3, ls="-" if number == 0 else (0, (4, 2)))
                if channel:
                    ax.set_title(channel, loc="right" if number == 0 else "center", fontsize=SMALL, color=shade)
            ax.set_ylim(0, {0: 75.0, 1: 1.0}.get(row, max(1.0, 1.1 * float(lines[0][1][-1]))))
            ax.set_xlim(0, time[-1])
            ax.spines["left"].set_visible(True)
            ax.spines["left"].set_color(LINE)
            ax.set_title(label, loc="left", fontsize=SMALL, color=MUTED)
        figure.text((left - 40) / 940, 0.965, name, color=colour(name), fontsize=14, weight="bold")
        write(ax, time[-1] / 2, -0.42 * ax.get_ylim()[1], "seconds", ha="center", color=MUTED, fontsize=SMALL)
    return figure


def draw_indices(run: Foraging) -> Figure:
    """Every arm's preference with its interval."""
    height = 30 * len(run.arms)
    figure = sheet(940, height + 70)
    ax = axes(figure, 240, 20, 560, height)
    ax.set_xlim(-1, 1)
    ax.set_ylim(height, 0)
    ax.yaxis.set_visible(False)
    ax.plot([0, 0], [0, height], color=LINE, lw=1)
    for i, lives in enumerate(run.arms):
        at, index = 30 * i + 15, lives.found[0]
        ax.plot([index.low, index.high], [at, at], color=colour(lives.name), lw=2.2)
        ax.plot(index.value, at, "o", color=colour(lives.name), ms=7, clip_on=False)
        write(
            ax,
            -1.03,
            at,
            lives.name.replace("-", " "),
            ha="right",
            va="center",
            color=colour(lives.name),
            weight="bold",
        )
        write(ax, 1.04, at, f"{index.value:+.2f}  eats {lives.found[2].value:.0%}", va="center", fontsize=SMALL)
    write(ax, 0, height + 44, "preference, with 95 % interval over animals", ha="center", color=MUTED, fontsize=SMALL)
    return figure


def _told_apart(smell: Float[ndarray, "time receptor"]) -> list[int]:
    """The strongest channel, and the strongest one that ever differs from it by a tenth of full."""
    order = np.argsort(-smell.max(0), kind="stable")
    differs = [
        int(c) for c in order[1:] if np.abs(smell[:, c] - smell[:, order[0]]).max() > 0.1 and smell[:, c].max() > 0.02
    ]
    return [int(order[0]), *differs[:1]]


def pictures(run: Foraging) -> dict[str, Markup]:
    """All three as inline SVG."""
    return {
        "ways": svg(draw_ways(run), "ways", "Ways of animals over the odour, one dish per arm.", least=700),
        "moments": svg(draw_moments(run), "moments", "Distance, smell and food of two animals over time.", least=700),
        "indices": svg(draw_indices(run), "indices", "Preference of every arm with its interval.", least=700),
    }


def _dish(ax: Axes, run: Foraging) -> None:
    half, walls = run.arena.scene.walls.half_mm, run.arena.scene.walls
    if isinstance(walls, Dish):
        ax.add_patch(Circle((0, 0), walls.radius_mm, fill=False, ec=MUTED, lw=1.2, zorder=1))
    for drop in run.arena.scene.drops:
        ax.add_patch(Circle((drop.x_mm, drop.y_mm), drop.radius_mm, fill=False, ec=INK, lw=1.4, zorder=4))
    ax.set_xlim(-half[0] - 1, half[0] + 1)
    ax.set_ylim(-half[1] - 1, half[1] + 1)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines["bottom"].set_visible(False)
    ax.plot([-half[0], -half[0] + 10], [-half[1], -half[1]], color=MUTED, lw=2)
    write(ax, -half[0] + 12, -half[1], "10 mm", va="center", fontsize=SMALL, color=MUTED)

"""Draw docs/scan.png: a slice of one phantom, its membranes and its segments; edges recovered by threshold over all phantoms.

python evidence/scan-baseline/picture.py
"""

import io
import sys
import tomllib
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb

from anlage.connectome.recovery import overlap
from anlage.connectome.volume import ArrayVolume
from anlage.learning.checkpoint import write_atomic
from anlage.seed import Seed
from anlage.study.canvas import ARM, BAND, INK, MUTED, PAPER, SMALL, axes, sheet, write

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(FOLDER)]
import run  # noqa: E402

import scan  # noqa: E402

WIDTH, HEIGHT, SIDE, GAP = 1060, 800, 320, 20
SLICE, SEED = 32, 1
COLOUR = {"truth": INK, "baseline": ARM[0], "watershed": ARM[1], "components": ARM[3]}
LINE = {"truth": "-", "baseline": "-", "watershed": "--", "components": ":"}
WORDS = {"truth": "true labels", "baseline": "baseline", "watershed": "watershed alone", "components": "components"}


def colours(n: int) -> np.ndarray:
    """A colour for each of 0 ... n, neighbours in number far apart in hue; 0 is white."""
    hue = np.arange(n + 1) * 0.618034 % 1
    light = 0.72 + 0.2 * (np.arange(n + 1) % 3) / 2
    rgb = hsv_to_rgb(np.stack([hue, np.full(n + 1, 0.5), light], axis=1))
    rgb[0] = 1
    return rgb


def outlined(labels: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """A slice as a picture, x to the right, with a dark line where two labels meet."""
    big = labels.repeat(4, axis=0).repeat(4, axis=1)
    picture = colour.repeat(4, axis=0).repeat(4, axis=1)
    edge = np.zeros(big.shape, dtype=bool)
    for one, line in ((big, edge), (big.T, edge.T)):
        differs = one[1:] != one[:-1]
        line[1:] |= differs
        line[:-1] |= differs
    picture[edge] = (0.12, 0.13, 0.15)
    return picture.transpose(1, 0, 2)


def show(ax: Axes, picture: np.ndarray, title: str, note: str) -> None:
    """One slice with its caption."""
    ax.imshow(picture, interpolation="antialiased", cmap="gray_r", vmin=0, vmax=1)
    ax.set_axis_off()
    write(ax, 0, -0.06 * picture.shape[0], title, weight="bold", va="bottom", clip_on=False)
    write(ax, 0, -0.015 * picture.shape[0], note, fontsize=SMALL, color=MUTED, va="bottom", clip_on=False)


def curves(ax: Axes, what: str, title: str) -> None:
    """Mean over phantoms, and the range of all of them as a band."""
    for arm, colour in COLOUR.items():
        threshold, values = scan.curve(arm, what)
        some = ~np.isnan(values).all(axis=0)
        t, v = threshold[some], values[:, some]
        ax.fill_between(t, np.nanmin(v, axis=0), np.nanmax(v, axis=0), color=colour, alpha=0.12, lw=0)
        ax.plot(t, np.nanmean(v, axis=0), color=colour, lw=2, ls=LINE[arm], marker="o", ms=3.5, label=WORDS[arm])
    ax.set(xlim=(-0.02, 0.82), ylim=(-0.02, 1.02))
    ax.grid(axis="y", color=BAND, lw=1)
    ax.set_axisbelow(True)
    ax.set_xlabel("least score of a synapse that counts", color=MUTED, fontsize=SMALL)
    write(ax, 0, 1.05, title, weight="bold", va="bottom", transform=ax.transAxes)


def main() -> None:
    """Draw it."""
    question = tomllib.loads((FOLDER / "question.toml").read_text())
    made = run.phantom(run.tissue(question), Seed(SEED).rng())
    found = run.segments(made, "baseline")
    match = overlap(ArrayVolume(made.labels), ArrayVolume(found)).match()
    rgb = colours(int(made.labels.max()))
    as_true = np.zeros(int(found.max()) + 1, dtype=np.int64)
    for segment, neurite in match.items():
        as_true[segment] = neurite
    truth, cut = made.labels[:, :, SLICE], found[:, :, SLICE]
    seen = as_true[cut]
    wrong = seen != truth
    figure = sheet(WIDTH, HEIGHT)
    figure.set_facecolor(PAPER)
    places = [axes(figure, 30 + i * (SIDE + GAP), 60, SIDE, SIDE) for i in range(3)]
    microns = [n * s / 1e3 for n, s in zip(made.labels.shape, made.grid.voxel_nm, strict=True)]
    size = f"a slice of {microns[0]:.1f} x {microns[1]:.1f} µm"
    show(places[0], outlined(truth, rgb[truth]), "Truth", f"{made.labels.max()} neurites, grown at random; {size}")
    show(places[1], made.membrane[:, :, SLICE].T, "Membrane", "its probability, with faded places and noise")
    paint = np.where(wrong[..., None], np.array([0.86, 0.1, 0.15]), rgb[seen])
    note = f"{found.max()} segments, coloured as their neurite; red, {wrong.mean():.0%}: wrong"
    show(places[2], outlined(cut, paint), "Segmentation", note)
    below = [axes(figure, 60 + i * 480, 470, 400, 250) for i in range(2)]
    curves(below[0], "recall", "Recall: share of true edges that are found")
    curves(below[1], "precision", "Precision: share of found edges that are true")
    below[1].legend(loc="upper left", frameon=False, fontsize=SMALL, labelcolor=INK, handlelength=2.4)
    foot = f"Lines: means of {len(scan.records())} phantoms; bands: all of them. A third of all annotated synapses is false."
    write(below[0], -0.07, -0.28, foot, fontsize=SMALL, color=MUTED, va="center", transform=below[0].transAxes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=108, facecolor=PAPER, metadata={"Software": None})
    write_atomic(ROOT / "docs" / "scan.png", buffer.getvalue())


if __name__ == "__main__":
    main()

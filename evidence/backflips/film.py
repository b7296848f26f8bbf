"""Draw what the bodies of the first trial do, side by side, as a film: python evidence/backflips/film.py

It makes backflip.gif from results/; nothing is rendered, every limb is drawn as the line that it is.
"""

import io
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy import ndarray
from PIL import Image, ImageColor, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parent))
from flips import HERE, QUESTION, read

from anlage.experience.flip import PITCH, Flip
from anlage.learning.checkpoint import write_atomic
from anlage.study.canvas import ARM, INK, LINE, MUTED, PAPER

WIDE, HIGH, METRE, GROUND = 240, 176, 62, 26
"""A panel, a metre, and the ground from below, in pixels."""
FINE = 3
"""Dots drawn per pixel, before they are averaged."""
THICK_M = 0.092
"""Limbs, as in the model."""
FRAME_MS = 50
LASTS = 100
"""Frames: 5 s."""
SHADES = (1.0, 0.65, 0.3)
"""Of every colour towards that of the paper."""


def font(size: int) -> ImageFont.FreeTypeFont:
    """The letters of every figure here."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size * FINE)


def panel(
    draw: ImageDraw.ImageDraw, left: int, limbs: ndarray, middle_m: float, said: tuple[str, str], colour: str
) -> None:
    """One body, in the middle of what is seen, with the ground passing below it."""

    def at(place: ndarray) -> tuple[float, float]:
        x = left + WIDE / 2 + METRE * (place[0] - middle_m)
        return x * FINE, (HIGH - GROUND - METRE * place[1]) * FINE

    floor = (HIGH - GROUND) * FINE
    draw.line([(left + 8) * FINE, floor, (left + WIDE - 8) * FINE, floor], fill=MUTED, width=FINE)
    first = int(np.ceil((middle_m - (WIDE / 2 - 10) / METRE) * 2))
    for half_metre in range(first, int((middle_m + (WIDE / 2 - 10) / METRE) * 2) + 1):
        x = at(np.array([half_metre / 2, 0.0]))[0]
        draw.line([x, floor, x, floor + 5 * FINE], fill=LINE, width=FINE)
    reach = THICK_M / 2 * METRE * FINE
    # Hind legs behind the trunk, the head and front legs before it.
    for number in (2, 3, 4, 0, 1, 5, 6, 7):
        ends = [at(end) for end in limbs[number]]
        ink = colour if number in (0, 1) else INK if number > 4 else MUTED
        draw.line([*ends[0], *ends[1]], fill=ink, width=round(2 * reach))
        for x, y in ends:
            draw.ellipse([x - reach, y - reach, x + reach, y + reach], fill=ink)
    draw.text(((left + 10) * FINE, 8 * FINE), said[0], font=font(11), fill=INK)
    draw.text(((left + WIDE / 2) * FINE, (HIGH - 2) * FINE), said[1], font=font(11), fill=MUTED, anchor="md")


def frames(films: Sequence[tuple[str, str, ndarray]]) -> list[Image.Image]:
    """Every panel moving in step."""
    body, made = Flip(), []
    for time in range(LASTS + 1):
        image = Image.new("RGB", (WIDE * len(films) * FINE, HIGH * FINE), PAPER)
        draw = ImageDraw.Draw(image)
        for number, (name, colour, film) in enumerate(films):
            turns = (film[0, PITCH] - film[time, PITCH]) / (2 * np.pi)
            limbs = body.limbs(film[time])
            # The camera follows as smoothly as a mean over a second does.
            middle = float(film[max(0, time - 10) : time + 11, 0].mean())
            panel(draw, number * WIDE, limbs, middle, (name, f"backflips: {max(0, int(turns))}"), colour)
        made.append(image.resize((WIDE * len(films), HIGH), Image.Resampling.LANCZOS))
    palette = shades([MUTED, LINE, INK, *(colour for _, colour, _ in films)])
    return [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in made]


def shades(colours: Sequence[str]) -> Image.Image:
    """A palette of the paper and of some shades of every colour."""
    paper, *inks = (np.array(ImageColor.getrgb(colour)) for colour in (PAPER, *colours))
    image = Image.new("P", (1, 1))
    wanted = [paper, *(paper + shade * (ink - paper) for ink in inks for shade in SHADES)]
    image.putpalette(np.round(wanted).astype(np.uint8).tobytes())
    return image


def films() -> list[tuple[str, str, ndarray]]:
    """What pupils do after the first trial."""
    own, alone, longer = read("taught", 0), read("alone", 0), read("longer", 0)
    if own is None or alone is None or longer is None:
        sys.exit("The first trial is not run; type python evidence/backflips/run.py.")
    steps, more = QUESTION["steps"], QUESTION["longer_steps"]
    return [
        ("cloned", ARM[4], np.array(own["film_0"])),
        (f"cloned, then {steps:,} steps", ARM[0], np.array(own[f"film_{steps}"])),
        (f"{steps:,} steps alone", ARM[1], np.array(alone[f"film_{steps}"])),
        (f"{more:,} steps alone", ARM[1], np.array(longer[f"film_{more}"])),
    ]


def main() -> None:
    """Write the film."""
    first, *rest = frames(films())
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=FRAME_MS, loop=0, optimize=True)
    write_atomic(HERE / "backflip.gif", buffer.getvalue())
    print(f"backflip.gif: {len(buffer.getvalue()) / 1024:.0f} kB")


if __name__ == "__main__":
    main()

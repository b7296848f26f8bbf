"""Handwritten digits that move over a field and are heard when they bounce: films with sound that need no file."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from sklearn.datasets import load_digits

from anlage.seed import Seed

FIELD, DIGIT = 16, 8
"""Pixels: sides of the field and of a digit."""
FRAMES_HZ = 25.0
N_CLIPS, N_FRAMES = 200, 160
SPEED = (0.4, 1.2)
"""Pixels a frame, along each side of the field."""
SOUND_HZ = 8000
WALL_HZ = (500.0, 2000.0, 1000.0, 3000.0)
"""What is heard at the left, the right, the upper and the lower wall: a tone that fades, 40 ms."""
FADE_MS = 40.0
LOUD = 0.3

Film = tuple[int, UInt8[ndarray, "time 16 16"], Float[ndarray, " sample"]]


def moving_digits() -> Iterator[Film]:
    """Digit, frames and sound (8 kHz, -1 to 1) of every film; the same at every call.

    A digit of 8 x 8 pixels, drawn anew for each film, starts anywhere in the field with any direction, moves evenly, and is
    turned back by the walls, each of which has a tone of its own. Between pixels brightness is interpolated. Speeds and tones
    are our choice.
    """
    images, label = load_digits(return_X_y=True)
    for number in range(N_CLIPS):
        rng = Seed(0).child("moving digits").child(number).rng()
        row, way = int(rng.integers(len(images))), FIELD - DIGIT
        start, speed = rng.uniform(0, way, 2), rng.uniform(*SPEED, 2) * rng.choice([-1, 1], 2)
        path = start[:, None] + speed[:, None] * np.arange(N_FRAMES)
        x, y = way - np.abs(path % (2 * way) - way)
        pixels = images[row].reshape(DIGIT, DIGIT) * (255 / 16)
        frames = np.einsum("tri,ij,tcj->trc", _tent(y), pixels, _tent(x))
        yield int(label[row]), np.rint(frames).astype(np.uint8), _bounces(start, speed, way)


def _tent(place: Float[ndarray, " time"]) -> Float[ndarray, "time 16 8"]:
    """How much of each line of a digit falls on each line of the field."""
    distance = np.arange(FIELD)[:, None] - (place[:, None, None] + np.arange(DIGIT))
    share: ndarray = np.clip(1 - np.abs(distance), 0, None)
    return share


def _bounces(start: Float[ndarray, "2"], speed: Float[ndarray, "2"], way: int) -> Float[ndarray, " sample"]:
    """The sound of a film: a tone at every moment at which the digit reaches a wall."""
    n_samples = round(N_FRAMES / FRAMES_HZ * SOUND_HZ)
    sound, after_s = np.zeros(n_samples), np.arange(n_samples) / SOUND_HZ
    tones = [LOUD * np.exp(-3000 * after_s / FADE_MS) * np.sin(2 * np.pi * hz * after_s) for hz in WALL_HZ]
    for side in range(2):
        ends = sorted((start[side] / way, (start[side] + speed[side] * N_FRAMES) / way))
        for wall in range(int(np.ceil(ends[0])), int(np.floor(ends[1])) + 1):
            at = round((wall * way - start[side]) / speed[side] / FRAMES_HZ * SOUND_HZ)
            if at < n_samples:
                sound[at:] += tones[2 * side + wall % 2][: n_samples - at]
    return np.clip(sound, -1, 1)

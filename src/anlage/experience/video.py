"""Clips as sequences of frames, with their sound: files of a folder, or handwritten digits that move and are heard to bounce."""

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from scipy.io import wavfile
from scipy.signal import get_window, resample_poly

from anlage.connectome.source import Source
from anlage.errors import DataMissing, IntegrityError, RecipeError
from anlage.experience.experience import Recording, demand_folder
from anlage.experience.image import Digits
from anlage.experience.moving_digits import FRAMES_HZ, moving_digits
from anlage.experience.picture_set import demand_pillow
from anlage.experience.speech import RATE_HZ, as_bytes, mel_filters

MOVING_DIGITS = "moving-digits"
FORMS = (".npy", ".gif")
LEAST_MS, MOST_MS = 20, 1000
"""A moment of sound must be long enough for low bands, and short enough to be one."""
AT_ONCE = 64
"""Frames that are shrunk at once: a film fits into memory as bytes, but not as numbers."""

Frames = UInt8[ndarray, "time height width *colour"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """What one film shows and what is heard with it, moment by moment."""

    label: int
    frame: UInt8[ndarray, "time pixel"]
    sound: UInt8[ndarray, "time band"]


@final
@dataclass(frozen=True, slots=True)
class Video:
    """Films, cut into sequences of ``moments`` frames that do not overlap; of each film the last fifth is held out.

    ``clips``: ``moving-digits``, which are made here (see ``anlage.experience.moving_digits``), or a folder of films, by its own
    path or inside the data folder: arrays of bytes (``.npy``, shape time, height, width, and colour if any), or ``.gif``, which
    needs the extra ``images``.

    Every ``every``-th frame of ``rate_hz`` a second is seen, in grey, as ``pixels`` x ``pixels`` numbers, each the mean of its
    part of the frame. With ``sound``, ``bands`` log-mel energies of what was heard since the frame before belong to the same
    observation; the sound of ``NAME.npy`` is ``NAME.wav`` beside it.

    The label, for probes only, is the digit that moves, or the number of the film in the order of names.
    """

    clips: str = MOVING_DIGITS
    moments: int = 16
    pixels: int = 16
    every: int = 1
    rate_hz: float = FRAMES_HZ
    sound: bool = False
    bands: int = 8

    def __post_init__(self) -> None:
        if not (2 <= self.moments <= 1000 and 2 <= self.pixels <= 64 and 1 <= self.every <= 100):
            raise RecipeError(
                f"moments is {self.moments}, pixels {self.pixels} and every {self.every}, but they must be 2 to 1,000, 2 to 64 "
                "and 1 to 100."
            )
        if not 4 <= self.bands <= 16:
            raise RecipeError(f"bands is {self.bands}, but a moment of sound is told by 4 to 16.")
        if not self.rate_hz > 0 or not LEAST_MS <= self.moment_ms <= MOST_MS:
            raise RecipeError(
                f"every is {self.every} at {self.rate_hz:g} frames a second, but a moment lasts {LEAST_MS} to {MOST_MS} ms; "
                "change every or rate_hz."
            )
        if self.clips == MOVING_DIGITS and self.rate_hz != FRAMES_HZ:
            raise RecipeError(
                f"rate_hz is {self.rate_hz:g}, but {MOVING_DIGITS} are made with {FRAMES_HZ:g} frames a second."
            )

    @property
    def moment_ms(self) -> float:
        """How long a moment lasts, in ms."""
        return 1000 * self.every / self.rate_hz

    @property
    def source(self) -> Source:
        """Where the films come from; of those of a user only the folder is known."""
        if self.clips == MOVING_DIGITS:
            made = Digits.source
            lossy = "Digits, their movement and what is heard when they bounce go together because we decided so."
            return Source(
                key="moving_digits",
                title=f"Moving digits, of: {made.title}",
                version=made.version,
                licence=made.licence,
                origin=made.origin,
                bibtex=made.bibtex,
                lossy=lossy,
            )
        return Source(
            key="video",
            title=f"Films in the folder {Path(self.clips).name}",
            version="as found",
            licence="that of the films",
            origin="files of the user",
            bibtex="@misc{video, title={Films given by the user}}",
            lossy=f"Colours, and detail below a {self.pixels}th of the width.",
        )

    def open(self) -> Recording:
        """The recording; raises what ``films`` raises."""
        films = self.films()
        return self.cut("video", [(film.label, np.concatenate([film.frame, film.sound], 1)) for film in films])

    def films(self) -> tuple[Clip, ...]:
        """Every film as it is seen and heard; without ``sound`` nothing is heard.

        Raises ``DataMissing`` for a folder or a sound that is not there, ``IntegrityError`` for a file that is no film,
        ``RecipeError`` for a film that is too short, ``DependencyMissing`` for GIFs without pillow.
        """
        return tuple(self._clip(*film) for film in (moving_digits() if self.clips == MOVING_DIGITS else self._files()))

    def cut(self, modality: str, films: Sequence[tuple[int, UInt8[ndarray, "time input"]]]) -> Recording:
        """Sequences of films, each a label and its moments; raises ``RecipeError`` for a film that gives less than two."""
        parts: list[list[ndarray]] = [[], [], [], []]
        for label, moments in films:
            n = len(moments) // self.moments
            if n < 2:
                raise RecipeError(
                    f"A film of {self.clips} has {len(moments)} moments, but it takes {2 * self.moments} to learn from some and "
                    "hold out others; take shorter sequences, or a longer film."
                )
            sequences = moments[: n * self.moments].reshape(n, self.moments, -1)
            learned = n - max(1, n // 5)
            for part, cut in zip(parts, (sequences[:learned], sequences[learned:]), strict=False):
                part.append(cut)
            parts[2].append(np.full(learned, label))
            parts[3].append(np.full(n - learned, label))
        train, test, train_label, test_label = (np.concatenate(part) for part in parts)
        return Recording.of(modality, train, train_label, test, test_label)

    def _clip(self, label: int, frames: Frames, sound: Float[ndarray, " sample"]) -> Clip:
        starts = range(0, len(frames), AT_ONCE * self.every)
        small = [shrink(frames[a : a + AT_ONCE * self.every : self.every], self.pixels) for a in starts]
        seen = np.concatenate(small).reshape(-1, self.pixels**2)
        nothing = np.zeros((len(seen), 0), np.uint8)
        return Clip(label, seen, heard(sound, len(seen), self.moment_ms, self.bands) if self.sound else nothing)

    def _files(self) -> Iterator[tuple[int, Frames, Float[ndarray, " sample"]]]:
        """Every film of the folder, in the order of names."""
        folder = demand_folder(self.clips, "films to watch")
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in FORMS)
        if not paths:
            raise DataMissing(f"{folder} holds no film; put arrays ({FORMS[0]}) or {FORMS[1]} files there.")
        for label, path in enumerate(paths):
            if self.sound and not path.with_suffix(".wav").is_file():
                raise DataMissing(f"{path} has no sound; put {path.stem}.wav beside it, or say sound = false.")
            yield label, read_frames(path), read_sound(path.with_suffix(".wav")) if self.sound else np.zeros(0)


def shrink(frames: Frames, pixels: int) -> UInt8[ndarray, "time pixel pixel2"]:
    """Frames in grey as ``pixels`` x ``pixels`` bytes, each the mean of its part of the frame, shared pixels by their shares."""
    grey = frames.reshape(*frames.shape[:3], -1).mean(3)
    down, across = (_parts(side, pixels) for side in grey.shape[1:])
    small: ndarray = np.rint(down @ grey @ across.T).astype(np.uint8)
    return small


@lru_cache(maxsize=8)
def _parts(side: int, n: int) -> Float[ndarray, "part pixel"]:
    """The share of each pixel of a side in each of its ``n`` equal parts; every part adds up to 1."""
    start, end = (np.arange(n)[:, None] + shift for shift in (0, 1))
    place = np.arange(side)
    overlap = np.minimum(end * side / n, place + 1) - np.maximum(start * side / n, place)
    share: ndarray = np.clip(overlap, 0, None) * n / side
    return share


def heard(
    sound: Float[ndarray, " sample"], n_moments: int, moment_ms: float, bands: int
) -> UInt8[ndarray, "time band"]:
    """Log-mel energies, as bytes, of a sound (``RATE_HZ``) in the time before each frame; silence where there is none."""
    n_samples = RATE_HZ * moment_ms / 1000
    window = int(n_samples / 2) * 2
    lasting = np.concatenate([np.zeros(round(n_samples)), sound, np.zeros(int(n_samples * n_moments) + window)])
    begins = np.rint(np.arange(n_moments) * n_samples).astype(np.int64)
    fade = get_window("hann", window)
    spectrum = np.fft.rfft(lasting[begins[:, None] + np.arange(window)] * fade) / fade.sum()
    return as_bytes(np.abs(spectrum) ** 2 @ mel_filters(bands, window).T)


def read_frames(path: Path) -> Frames:
    """All frames of a film; raises ``IntegrityError`` for a file that is none, ``DependencyMissing`` for GIFs without pillow."""
    if path.suffix.lower() == ".gif":
        return _gif(path)
    try:
        frames: ndarray = np.lib.format.read_array(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise IntegrityError(f"{path} is no array ({error}); save frames with numpy.save.") from error
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4) or 0 in frames.shape:
        raise IntegrityError(
            f"{path} is an array of {frames.dtype} of shape {frames.shape}, but a film is one of uint8 with time, height, width, "
            "and colour if any."
        )
    return frames


def _gif(path: Path) -> Frames:
    demand_pillow()
    from PIL import Image, ImageSequence, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(path.read_bytes())) as film:
            return np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)])
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise IntegrityError(f"{path} cannot be decoded ({error}); get the file again.") from error


def read_sound(path: Path) -> Float[ndarray, " sample"]:
    """A sound between -1 and 1, its channels as one, at ``RATE_HZ``; raises ``IntegrityError`` for a file that is none."""
    try:
        rate_hz, sound = wavfile.read(io.BytesIO(path.read_bytes()))
    except (ValueError, EOFError, OSError, struct.error) as error:
        raise IntegrityError(f"{path} is no sound ({error}); save it as WAV.") from error
    if not len(sound):
        raise IntegrityError(f"{path} is a sound of no length; record it again, or say sound = false.")
    level: ndarray = sound.astype(np.float64)
    if sound.dtype == np.uint8:  # the only unsigned one, silent at 128
        level = (level - 128) / 128
    elif sound.dtype.kind == "i":
        level = level / 2 ** (8 * sound.dtype.itemsize - 1)
    shared = gcd(int(rate_hz), RATE_HZ)
    alone = level.reshape(len(level), -1).mean(1)
    slower: ndarray = resample_poly(alone, RATE_HZ // shared, int(rate_hz) // shared)
    return slower

"""Spoken digits as sequences of log-mel frames."""

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray
from scipy.signal import stft

from anlage.connectome.source import Source
from anlage.connectome.store import read_arrays
from anlage.errors import RecipeError
from anlage.experience.experience import Recording, demand_data

RATE_HZ = 8000
WINDOW_MS, HOP_MS = 32, 16


@final
@dataclass(frozen=True, slots=True)
class SpokenDigits:
    """Free Spoken Digit Dataset: 3,000 recordings of 6 speakers; takes 0 to 4 of each are held out, as its authors do.

    An observation is one frame of ``bands`` log-mel energies every 16 ms; recordings are cut or padded to ``frames`` frames.
    Needs the data folder.
    """

    bands: int = 16
    frames: int = 40

    source = Source(
        key="jackson2018fsdd",
        title="Free Spoken Digit Dataset",
        version="26eb9aa",
        licence="CC BY-SA 4.0",
        origin="https://github.com/Jakobovski/free-spoken-digit-dataset",
        bibtex=(
            "@misc{jackson2018fsdd, author={Jackson, Z. and Souza, C. and Flaks, J. and Pan, Y. and Nicolas, H. and Thite, A.}, "
            "title={Jakobovski/free-spoken-digit-dataset: v1.0.8}, year={2018}, doi={10.5281/zenodo.1342401}}"
        ),
        lossy="Energies are stored with 8 bits over a range of 80 dB.",
    )

    def __post_init__(self) -> None:
        if not (4 <= self.bands <= 40 and 2 <= self.frames <= 150):
            raise RecipeError(f"bands is {self.bands} and frames {self.frames}, but must be 4 to 40 and 2 to 150.")

    def open(self) -> Recording:
        """The recording."""
        data = read_arrays(demand_data("fsdd/fsdd.npz", "the spoken digits"), ("offset", "audio", "digit", "take"))
        filters = mel_filters(self.bands, RATE_HZ * WINDOW_MS // 1000)
        ends = data["offset"]
        frames = np.stack([self._frames(data["audio"][a:b], filters) for a, b in pairwise(ends)])
        digit, test = data["digit"].astype(np.int64), data["take"] < 5
        return Recording.of("speech", frames[~test], digit[~test], frames[test], digit[test])

    def _frames(self, audio: Int[ndarray, " sample"], filters: Float[ndarray, "band frequency"]) -> ndarray:
        window = RATE_HZ * WINDOW_MS // 1000
        hop = RATE_HZ * HOP_MS // 1000
        sound = np.zeros(window + hop * (self.frames - 1))
        sound[: min(len(audio), len(sound))] = audio[: len(sound)] / 32768
        _, _, spectrum = stft(sound, nperseg=window, noverlap=window - hop, boundary=None, padded=False)
        return as_bytes((filters @ np.abs(spectrum) ** 2).T)


def as_bytes(energy: Float[ndarray, "time band"]) -> UInt8[ndarray, "time band"]:
    """Energies as bytes: 80 dB from 100 dB below full scale on, where speech lies."""
    level_db = 10 * np.log10(energy + 1e-12)
    coded: ndarray = np.clip((level_db + 100) / 80 * 255, 0, 255).astype(np.uint8)
    return coded


def mel_filters(bands: int, window: int) -> Float[ndarray, "band frequency"]:
    """Triangular filters, equally spaced in mel from 0 Hz to half the rate.

    ``mel = 2595 log10(1 + f / 700 Hz)`` (O'Shaughnessy 1987, Speech Communication: Human and Machine, p. 150).
    """
    top = 2595 * np.log10(1 + RATE_HZ / 2 / 700)
    edges_hz = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    frequency_hz = np.linspace(0, RATE_HZ / 2, window // 2 + 1)
    low, mid, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rise, fall = (frequency_hz - low) / (mid - low), (high - frequency_hz) / (high - mid)
    filters: ndarray = np.clip(np.minimum(rise, fall), 0, None)
    return filters

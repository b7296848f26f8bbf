"""What animals in an arena sense: odours through the receptors of named neurons, then light, warmth, touch, food and company.

Every channel lies between 0 and 1. Channels of smell are called after the neurons that they belong to; the others after what is
sensed and on which side.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from anlage.errors import BodyError, UnknownName
from anlage.experience.odour import RECEPTORS, responses

HILL = 1.42
"""Steepness shared by all larval olfactory neurons and odours; Si et al. 2019 (Neuron 101:950): one curve, shifted in dose."""
SATURATED = 0.95
"""A response above this says only that the dose was high enough; it is taken to be this."""
WARMTH_RANGE = 10.0
"""Degrees above or below ``PREFERRED`` at which the warm or the cold channel is full; assumed."""
PREFERRED = 24.0
"""Degrees Celsius at which neither channel responds; about what larvae prefer (Luo et al. 2010, J Neurosci 30:4261)."""
FAST_S, SLOW_S = 0.5, 5.0
"""Time constants of the two running means that a worm's olfactory neurons compare, s; assumed, within the windows of Izquierdo &
Lockery 2010 (J Neurosci 30:12908), which evolved below one undulation."""
HALF_DOSE = 0.1
"""Share of a drop's dose at which a worm's receptors respond half; assumed."""
CHANGE_GAIN = 10.0
"""Response of a worm's neuron to the difference of its two means; assumed."""

GENERAL = tuple(
    f"{what} {side}" for what in ("light", "warm", "cold", "touch", "food", "company") for side in ("left", "right")
)
"""Channels that every body has after those of smell."""

SMELLED_BY: Mapping[str, str] = {
    "diacetyl": "AWA",
    "isoamyl alcohol": "AWC",
    "benzaldehyde": "AWC",
    "butanone": "AWC",
    "salt": "ASE",
}
"""Which neurons of a worm an odour reaches (Bargmann & Horvitz 1991, Neuron 7:729; Bargmann et al. 1993, Cell 74:515)."""


@runtime_checkable
class Nose(Protocol):
    """From concentrations to the responses of named olfactory neurons."""

    names: tuple[str, ...]

    def start(self, smelled: Float[Tensor, "world agent 2 odour"]) -> Tensor:
        """What is remembered by somebody who has smelled this for long."""
        ...

    def __call__(
        self, smelled: Float[Tensor, "world agent 2 odour"], memory: Tensor, step_s: float
    ) -> tuple[Float[Tensor, "world agent receptor"], Tensor]:
        """The responses, and what is remembered now."""
        ...


@final
class LarvaNose:
    """The 21 olfactory neurons of either side, by the receptors that they are named after.

    Measured: the response of each receptor to each odour at one dose, as a share of its maximum (Dweck et al. 2018; 15 of 21
    receptors). Assumed: how it grows with the dose, ``r = z / (1 + z)`` with ``z = sum over odours of (c / k) ** HILL``; every
    ``k`` is what the measured response at dose 1 asks for. Odours thus compete for a receptor; inhibition and adaptation are
    left out.

    Raises ``DataMissing`` without the table, ``UnknownName`` for an odour that is not in it.
    """

    def __init__(
        self, odours: Sequence[str], measured: Mapping[str, Float[ndarray, " receptor"]] | None = None
    ) -> None:
        known = responses() if measured is None and odours else measured or {}
        for odour in odours:
            if odour not in known:
                raise UnknownName("odour in the table of larval receptors", odour, tuple(known))
        n = len(next(iter(known.values()))) if known else len(RECEPTORS)
        at_one = np.array([np.clip(known[odour], 0, SATURATED) for odour in odours]).reshape(len(odours), n)
        self._z = torch.from_numpy((at_one / (1 - at_one)).astype(np.float32))
        self.names = tuple(f"{receptor} ORN {side}" for side in ("left", "right") for receptor in RECEPTORS[:n])

    def start(self, smelled: Float[Tensor, "world agent 2 odour"]) -> Tensor:
        """Nothing is remembered."""
        return smelled[..., :0, :0]

    def __call__(
        self, smelled: Float[Tensor, "world agent 2 odour"], memory: Tensor, step_s: float
    ) -> tuple[Float[Tensor, "world agent receptor"], Tensor]:
        """Responses of the left, then of the right neurons."""
        del step_s
        # A product of at most a few terms: written out, it does not depend on how a library splits it among threads.
        z = (smelled.clamp(min=0).pow(HILL)[..., None] * self._z).sum(-2)
        return (z / (1 + z)).flatten(-2), memory


@final
class WormNose:
    """AWA, AWC and ASE of either side, which respond to changes.

    Each neuron compares a fast with a slow running mean of ``c / (c + HALF_DOSE)``. AWA and ASEL respond to a rise, AWC and
    ASER to a fall (AWC: Chalasani et al. 2007, Nature 450:63; ASE: Suzuki et al. 2008, Nature 454:114; AWA: assumed). Time
    constants, half dose and gain are assumed. Raises ``UnknownName`` for an odour whose neurons are not known here.
    """

    names: tuple[str, ...] = ("AWAL", "AWAR", "AWCL", "AWCR", "ASEL", "ASER")

    def __init__(self, odours: Sequence[str]) -> None:
        reach = np.zeros((len(odours), 3), np.float32)
        for row, odour in enumerate(odours):
            if odour not in SMELLED_BY:
                raise UnknownName("odour with known neurons in the worm", odour, tuple(SMELLED_BY))
            reach[row, ("AWA", "AWC", "ASE").index(SMELLED_BY[odour])] = 1
        self._reach = torch.from_numpy(reach)

    def start(self, smelled: Float[Tensor, "world agent 2 odour"]) -> Tensor:
        """Both means at what is smelled."""
        drive = self._drive(smelled)
        return torch.stack([drive, drive], -1)

    def __call__(
        self, smelled: Float[Tensor, "world agent 2 odour"], memory: Tensor, step_s: float
    ) -> tuple[Float[Tensor, "world agent receptor"], Tensor]:
        """Responses in the order of ``names``."""
        keep = torch.tensor([np.exp(-step_s / FAST_S), np.exp(-step_s / SLOW_S)], dtype=torch.float32)
        memory = keep * memory + (1 - keep) * self._drive(smelled)[..., None]
        change = CHANGE_GAIN * (memory[..., 0] - memory[..., 1])
        rise, fall = change.clamp(0, 1), (-change).clamp(0, 1)
        awa, awc = rise[..., 0], fall[..., 1]
        return torch.stack([awa, awa, awc, awc, rise[..., 2], fall[..., 2]], -1), memory

    def _drive(self, smelled: Float[Tensor, "world agent 2 odour"]) -> Float[Tensor, "world agent 3"]:
        # Left and right smell the same: the first will do.
        total = (smelled[..., 0, :].clamp(min=0)[..., None] * self._reach).sum(-2)
        return total / (total + HALF_DOSE)


def nose_of(body_name: str, odours: Sequence[str]) -> Nose:
    """The nose of a body. Raises ``BodyError`` for a body that has none here."""
    if body_name not in ("larva", "worm"):
        raise BodyError(f"A body called {body_name!r} has no nose here; give the arena one, or use a larva or a worm.")
    return LarvaNose(odours) if body_name == "larva" else WormNose(odours)


def general(
    light: Float[Tensor, "world agent 2"],
    warmth: Float[Tensor, "world agent 2"],
    touch: Float[Tensor, "world agent 2"],
    food: Float[Tensor, "world agent 2"],
    company: Float[Tensor, "world agent 2"],
) -> Float[Tensor, "world agent general"]:
    """The channels called ``GENERAL``, from what is there on the left and on the right."""
    warm = (warmth - PREFERRED) / WARMTH_RANGE
    parts = (light.clamp(0, 1), warm.clamp(0, 1), (-warm).clamp(0, 1), touch, food, company.clamp(0, 1))
    return torch.cat(parts, -1)

"""What fills an arena: odours that spread from drops or drift as puffs, light and warmth, all in closed form.

Lengths are millimetres, times seconds, temperatures degrees Celsius. Concentrations have no unit: 1 is that at the edge of a
drop of dose 1, which stands for the dose at which receptors were measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from anlage.errors import BodyError

DIFFUSIVITY = 8.9
"""Of ethyl acetate vapour in air at 30 degrees Celsius, mm^2/s (Perry's Chemical Engineers' Handbook, table 2-371)."""
REACH = 15.0
"""Distance over which loss (to agar, lid and leaks) takes an odour to about 1/e, mm; assumed. Loss is then 0.04 per second."""
MODES = 12
"""Terms of the series that a puff's way is the sum of."""


@final
@dataclass(frozen=True, slots=True)
class Drop:
    """An odour source on the floor of an arena, round, and food where ``food_s`` is above 0.

    ``food_s``: how long one animal could eat of it at its full rate, in seconds. The odour of food fades with what is left of it;
    a drop without food lasts.
    """

    x_mm: float
    y_mm: float
    odour: str
    dose: float = 1.0
    radius_mm: float = 2.5
    food_s: float = 0.0

    def __post_init__(self) -> None:
        for name, least in (("dose", 0.0), ("food_s", 0.0), ("radius_mm", 1e-3)):
            if not least <= getattr(self, name) < np.inf:
                raise BodyError(f"A drop has {name} {getattr(self, name)}; give a finite number of at least {least:g}.")


@final
@dataclass(frozen=True, slots=True)
class Ramp:
    """Something that rises evenly along one direction: light as a share of the brightest, or temperature in degrees Celsius."""

    at_centre: float
    per_mm: float = 0.0
    towards_deg: float = 0.0

    def at(self, place: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape"]:
        """Its value at every place."""
        angle = np.deg2rad(self.towards_deg)
        return self.at_centre + self.per_mm * (
            place[..., 0] * float(np.cos(angle)) + place[..., 1] * float(np.sin(angle))
        )


@final
@dataclass(frozen=True, slots=True)
class StillAir:
    """Odours that diffuse and are lost at a constant rate, long after the drops were set: the steady state in the open plane.

    Around a drop of radius ``a`` held at its dose, ``c(r) = dose K0(r / reach) / K0(a / reach)``, the solution of ``D (c'' + c'
    / r) = (D / reach^2) c`` that vanishes far away (Crank 1975, The Mathematics of Diffusion, chapter 5); inside the drop the
    dose. Several drops add up. Walls are taken to be as open to odour as the lid.
    """

    reach_mm: float = REACH

    def __post_init__(self) -> None:
        if not 0 < self.reach_mm < np.inf:
            raise BodyError(f"An odour has reach_mm {self.reach_mm}; give a finite number above 0.")

    def around(
        self, drop: Drop, place: Float[Tensor, "world *shape 2"], time_s: Float[Tensor, " world"]
    ) -> Float[Tensor, "world *shape"]:
        """Concentration that one full drop causes; still air does not depend on the time."""
        del time_s
        distance = torch.hypot(place[..., 0] - drop.x_mm, place[..., 1] - drop.y_mm)
        return drop.dose * _k0(distance.clamp(min=drop.radius_mm) / self.reach_mm) / _edge(drop, self.reach_mm)


@final
class Wind:
    """Odours that leave every drop in puffs, which drift, wander and grow: an intermittent plume.

    After Farrell et al. 2002 (Environ Fluid Mech 2:143), in two dimensions and in closed form. A puff of age ``t`` is a normal
    distribution with variance ``s0^2 + 2 D t`` along each axis, loses ``exp(-t D / reach^2)`` and has its middle at ``wind t``
    plus a Brownian way of diffusivity ``wander``, written as its Karhunen-Loeve series so that any moment can be computed by
    itself. Without wind and wander, and with many puffs, this is still air. ``rng`` draws the ways once; animals do not disturb
    them.

    ``speed_mm_s`` blows towards ``towards_deg``; ``rate_hz`` puffs per second, each lasting ``lasts_s``; ``wander_mm2_s``.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        speed_mm_s: float = 10.0,
        towards_deg: float = 180.0,
        rate_hz: float = 4.0,
        lasts_s: float = 15.0,
        wander_mm2_s: float = 20.0,
        reach_mm: float = 60.0,
    ) -> None:
        given = {"rate_hz": rate_hz, "lasts_s": lasts_s, "reach_mm": reach_mm}
        for name, value in given.items():
            if not 0 < value < np.inf:
                raise BodyError(f"A wind has {name} {value}; give a finite number above 0.")
        if not (np.isfinite(speed_mm_s) and 0 <= wander_mm2_s < np.inf):
            raise BodyError(
                f"A wind of {speed_mm_s} mm/s wanders by {wander_mm2_s} mm^2/s; give finite numbers, the second not below 0."
            )
        angle = np.deg2rad(towards_deg)
        self._drift = torch.tensor([np.cos(angle), np.sin(angle)], dtype=torch.float32) * speed_mm_s
        self._rate, self._lasts, self.reach_mm = rate_hz, lasts_s, reach_mm
        self._n = int(np.ceil(lasts_s * rate_hz))
        # A way is drawn for each of so many puffs, then they come again; by then no puff of the first round is left.
        way = rng.normal(size=(8 * self._n, MODES, 2)) * np.sqrt(2 * wander_mm2_s * lasts_s)
        self._way = torch.from_numpy(way.astype(np.float32))

    def around(
        self, drop: Drop, place: Float[Tensor, "world *shape 2"], time_s: Float[Tensor, " world"]
    ) -> Float[Tensor, "world *shape"]:
        """Concentration that the puffs of one full drop cause at the time of every world."""
        newest = torch.floor(time_s * self._rate)[:, None] - torch.arange(self._n)
        age = time_s[:, None] - newest / self._rate
        middle = torch.tensor([drop.x_mm, drop.y_mm]) + age[..., None] * self._drift + self._wandered(newest, age)
        variance = drop.radius_mm**2 / 2 + 2 * DIFFUSIVITY * age
        strength = drop.dose * 2 * np.pi * DIFFUSIVITY / self._rate / _edge(drop, self.reach_mm)
        peak = strength * torch.exp(-age * DIFFUSIVITY / self.reach_mm**2) / (2 * np.pi * variance)
        flat = place.reshape(len(time_s), -1, 2)
        squared = (flat[:, :, None] - middle[:, None]).square().sum(-1)
        found = (peak[:, None] * torch.exp(-squared / (2 * variance[:, None]))).sum(-1)
        return found.reshape(place.shape[:-1])

    def _wandered(
        self, puff: Float[Tensor, "world puff"], age: Float[Tensor, "world puff"]
    ) -> Float[Tensor, "world puff 2"]:
        """The Brownian way of each puff at its age: ``sum of sqrt(2) sin(w_k t) / (w_k T) z_k``, ``w_k = (k - 1/2) pi / T``."""
        wave = (torch.arange(MODES) + 0.5) * np.pi
        series = np.sqrt(2) * torch.sin(wave * age[..., None] / self._lasts) / wave
        way: Tensor = (series[..., None] * self._way[puff.long() % len(self._way)]).sum(-2)
        return way


Air = StillAir | Wind


@final
@dataclass(frozen=True, slots=True)
class Dish:
    """A round arena; 42.5 mm is the radius of a Petri dish of 85 mm."""

    radius_mm: float = 42.5

    def __post_init__(self) -> None:
        if not 0 < self.radius_mm < np.inf:
            raise BodyError(f"A dish has radius_mm {self.radius_mm}; give a finite number above 0.")

    @property
    def half_mm(self) -> tuple[float, float]:
        """Half the extent along x and y."""
        return self.radius_mm, self.radius_mm

    def reflect(
        self, place: Float[Tensor, "world agent 2"], heading: Float[Tensor, "world agent"]
    ) -> tuple[Float[Tensor, "world agent 2"], Float[Tensor, "world agent"]]:
        """Whoever is beyond the wall is mirrored in it, on the line to the centre, and turns as light does."""
        distance = torch.linalg.vector_norm(place, dim=-1)
        beyond = distance > self.radius_mm
        back = ((2 * self.radius_mm - distance) / distance.clamp(min=1e-6)).clamp(min=-1)
        normal = torch.atan2(place[..., 1], place[..., 0])
        outwards = torch.cos(heading - normal) > 0
        turned = torch.where(beyond & outwards, 2 * normal + np.pi - heading, heading)
        return torch.where(beyond[..., None], place * back[..., None], place), turned


@final
@dataclass(frozen=True, slots=True)
class Box:
    """A rectangular arena around the origin."""

    width_mm: float
    height_mm: float

    def __post_init__(self) -> None:
        if not (0 < self.width_mm < np.inf and 0 < self.height_mm < np.inf):
            raise BodyError(f"A box is {self.width_mm} by {self.height_mm} mm; give finite numbers above 0.")

    @property
    def half_mm(self) -> tuple[float, float]:
        """Half the extent along x and y."""
        return self.width_mm / 2, self.height_mm / 2

    def reflect(
        self, place: Float[Tensor, "world agent 2"], heading: Float[Tensor, "world agent"]
    ) -> tuple[Float[Tensor, "world agent 2"], Float[Tensor, "world agent"]]:
        """Whoever is beyond a wall is mirrored in it and turns as light does."""
        half = torch.tensor(self.half_mm)
        beyond = place.abs() > half
        kept = torch.where(beyond, place.sign() * (2 * half - place.abs()), place).clamp(-half, half)
        x, y = torch.cos(heading), torch.sin(heading)
        x = torch.where(beyond[..., 0], -x.abs() * place[..., 0].sign(), x)
        y = torch.where(beyond[..., 1], -y.abs() * place[..., 1].sign(), y)
        return kept, torch.where(beyond.any(-1), torch.atan2(y, x), heading)


Walls = Dish | Box


@final
@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """An arena before anybody is in it.

    ``start_mm``: animals begin within this distance of the centre, heading anywhere. ``company_mm``: over which distance the
    odour of other animals falls to exp(-1/2); 0 where animals do not smell one another (assumed; none is measured). ``light``:
    a share of the brightest. ``warmth``: degrees Celsius.
    """

    walls: Walls = Dish()
    drops: tuple[Drop, ...] = ()
    air: Air = StillAir()
    light: Ramp = Ramp(0.0)
    warmth: Ramp = Ramp(24.0)
    start_mm: float = 5.0
    company_mm: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.company_mm < np.inf and 0 <= self.start_mm < np.inf):
            raise BodyError(
                f"start_mm and company_mm are {self.start_mm} and {self.company_mm}; give finite numbers of at least 0."
            )
        if self.start_mm > min(self.walls.half_mm):
            raise BodyError(f"Animals cannot start up to {self.start_mm} mm from the centre, which is beyond the wall.")

    @property
    def odours(self) -> tuple[str, ...]:
        """The names of all odours, in order of the drops."""
        return tuple(dict.fromkeys(drop.odour for drop in self.drops))

    def concentration(
        self,
        place: Float[Tensor, "world *shape 2"],
        time_s: Float[Tensor, " world"],
        left: Float[Tensor, "world drop"],
    ) -> Float[Tensor, "world *shape odour"]:
        """Concentration of each of ``odours``; ``left`` is the share of every drop's odour that is left."""
        total = place.new_zeros(*place.shape[:-1], len(self.odours))
        for i, drop in enumerate(self.drops):
            share = left[:, i].reshape(-1, *[1] * (place.dim() - 2))
            total[..., self.odours.index(drop.odour)] += share * self.air.around(drop, place, time_s)
        return total


def grid(
    scene: Scene, step_mm: float = 0.5
) -> tuple[Float[ndarray, " x"], Float[ndarray, " y"], Float[ndarray, "y x"]]:
    """The sum of all odours over the arena at time 0, for pictures; NaN beyond the walls."""
    x, y = (np.arange(-half, half + step_mm / 2, step_mm) for half in scene.walls.half_mm)
    place = torch.from_numpy(np.stack(np.meshgrid(x, y), -1).astype(np.float32))[None]
    total = scene.concentration(place, torch.zeros(1), torch.ones(1, len(scene.drops))).sum(-1)[0].numpy()
    if isinstance(scene.walls, Dish):
        total = np.where(np.hypot(*np.meshgrid(x, y)) <= scene.walls.radius_mm, total, np.nan)
    return x, y, total


def check_inside(walls: Walls, drops: Sequence[Drop]) -> None:
    """Raise ``BodyError`` for a drop whose middle is beyond the wall."""
    for drop in drops:
        beyond = (
            np.hypot(drop.x_mm, drop.y_mm) > walls.radius_mm
            if isinstance(walls, Dish)
            else abs(drop.x_mm) > walls.half_mm[0] or abs(drop.y_mm) > walls.half_mm[1]
        )
        if beyond:
            raise BodyError(
                f"A drop at ({drop.x_mm:g}, {drop.y_mm:g}) mm lies beyond the wall of {walls}; move it inside."
            )


def _k0(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    found: Tensor = torch.special.scaled_modified_bessel_k0(x) * torch.exp(-x)
    return found


def _edge(drop: Drop, reach_mm: float) -> float:
    return float(_k0(torch.tensor(drop.radius_mm / reach_mm, dtype=torch.float64)))

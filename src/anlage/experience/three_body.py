"""Three bodies under their own gravity, of which one is watched."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.experience.problem import Part, Problem, demand, demand_sequences, pose

STEPS_PER_UNIT = 100
"""Integration steps per unit of time; in 30 units the energy of an orbit then drifts by about a millionth of itself."""
YOSHIDA = 1 / (2 - 2 ** (1 / 3))
"""Step of the outer two of three leapfrogs in the fourth-order scheme (Yoshida 1990, Physics Letters A 150:262)."""
SOFTENING = 0.3
"""Length below which gravity fades (Plummer), so that bodies may meet."""
BOUND = 1.05
"""Energy below zero, in units of the deepest that two bodies can be bound, ``1 / SOFTENING``: above 1, none can ever escape."""


@final
@dataclass(frozen=True, slots=True)
class ThreeBody:
    """Foretell where one of three bodies will be ``horizon`` observations ahead, from its three coordinates now.

    Three equal masses, mass and gravity 1, no units; the potential of a pair is ``-1 / sqrt(r ** 2 + 0.3 ** 2)``. Bodies start at
    random around their resting centre, all with the same energy, at which no pair can be bound deeply enough to throw the
    third one out. Orbits are chaotic: neighbours part by a factor of about 1.8 per unit of time. One observation every
    ``interval`` units; integrated by the symplectic fourth-order scheme of Yoshida with 100 steps per unit. The other two
    bodies are hidden, so that a network has to remember to know the state. The equations themselves score 0.
    """

    horizon: int = 5
    interval: float = 0.1
    n_train: int = 8
    n_test: int = 8
    length: int = 300
    washout: int = 50

    source = Source(
        key="costi2025drosophila",
        title="Three-body forecasting",
        version="2025",
        licence="generated here",
        origin="Biomimetics 10(5):341",
        bibtex=(
            "@article{costi2025drosophila, author={Costi, Leone and Hadjiivanov, Alexander and Dold, Dominik and Hale, Zachary "
            "F. and Izzo, Dario}, title={The Drosophila connectome as a computational reservoir for time-series prediction}, "
            "journal={Biomimetics}, volume={10}, number={5}, pages={341}, year={2025}, doi={10.3390/biomimetics10050341}}"
        ),
        lossy=(
            "From the paper: the three-body problem, three coordinates as input, a growing horizon, a normalised error. Masses, "
            "softening, starts and sampling are chosen here, so scores are not comparable with the published ones."
        ),
    )

    def __post_init__(self) -> None:
        demand("horizon", self.horizon, 1, 1000)
        demand("interval", self.interval, 0.01, 1.0)
        demand_sequences(self, self.washout, self.length)

    def open(self, rng: np.random.Generator) -> Problem:
        """New orbits."""
        start = bound_starts(self.n_train + self.n_test, rng)
        position, _ = integrate(*start, self.length + self.horizon, self.interval)
        path = position[:, :, 0]
        seen, asked = path[:, : self.length], path[:, self.horizon + self.washout :]
        train: Part = seen[: self.n_train], asked[: self.n_train]
        test: Part = seen[self.n_train :], asked[self.n_train :]
        return pose("position", train, test, ("nrmse", "r2"), 0.0, washout=self.washout)


def bound_starts(
    n: int, rng: np.random.Generator
) -> tuple[Float[ndarray, "sample body axis"], Float[ndarray, "sample body axis"]]:
    """Positions and velocities with the energy ``-BOUND / SOFTENING`` and no momentum; hopeless starts are drawn again."""
    total, kept = -BOUND / SOFTENING, np.empty((0, 3, 3))
    while len(kept) < n:
        position = rng.normal(0, SOFTENING, (n, 3, 3))
        position -= position.mean(1, keepdims=True)
        kept = np.concatenate([kept, position[energy(position, 0 * position) < total]])
    position, velocity = kept[:n], rng.normal(size=(n, 3, 3))
    velocity -= velocity.mean(1, keepdims=True)
    kinetic = (velocity**2).sum((1, 2)) / 2
    velocity *= np.sqrt((total - energy(position, 0 * position)) / kinetic)[:, None, None]
    return position, velocity


def integrate(
    position: Float[ndarray, "sample body axis"],
    velocity: Float[ndarray, "sample body axis"],
    n: int,
    interval: float,
    softening: float = SOFTENING,
) -> tuple[Float[ndarray, "sample time body axis"], Float[ndarray, "sample time body axis"]]:
    """Positions and velocities at ``n`` times every ``interval`` units, the start being the first."""
    steps = int(np.ceil(interval * STEPS_PER_UNIT))
    step = interval / steps
    path = [(position, velocity)]
    for _ in range(n - 1):
        for part in (YOSHIDA, 1 - 2 * YOSHIDA, YOSHIDA) * steps:
            position = position + part * step / 2 * velocity
            velocity = velocity + part * step * acceleration(position, softening)
            position = position + part * step / 2 * velocity
        path.append((position, velocity))
    positions, velocities = (np.stack(rows, axis=1) for rows in zip(*path, strict=True))
    return positions, velocities


def acceleration(
    position: Float[ndarray, "sample body axis"], softening: float = SOFTENING
) -> Float[ndarray, "sample body axis"]:
    """The pull of the other two on each body."""
    # Sides of the triangle: from body 0 to 1, from 1 to 2, from 2 to 0.
    side = np.roll(position, -1, axis=1) - position
    pull = side / ((side**2).sum(-1, keepdims=True) + softening**2) ** 1.5
    total: ndarray = pull - np.roll(pull, 1, axis=1)
    return total


def energy(
    position: Float[ndarray, "sample body axis"],
    velocity: Float[ndarray, "sample body axis"],
    softening: float = SOFTENING,
) -> Float[ndarray, " sample"]:
    """Kinetic and potential energy together."""
    side = np.roll(position, -1, axis=1) - position
    depth = 1 / np.sqrt((side**2).sum(-1) + softening**2)
    total: ndarray = (velocity**2).sum((1, 2)) / 2 - depth.sum(1)
    return total

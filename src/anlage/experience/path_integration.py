"""Where one is heading, from how one has turned."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.experience.problem import Part, Problem, demand, demand_sequences, pose

PERSISTENCE = 0.9
"""Correlation of the turning of one moment with that of the moment before."""


@final
@dataclass(frozen=True, slots=True)
class PathIntegration:
    """Give the heading as (cosine, sine) at every moment, from the angle turned in each: what a ring attractor does.

    Inputs: the angle turned, divided by ``turn_deg``; and, at the first moment only, cosine and sine of the heading before it,
    uniform over the circle. Turning is a stationary autoregressive process with standard deviation ``turn_deg`` degrees per
    moment. The sum of all turns is the exact answer, with an error of 0 degrees; one that knows nothing is 90 degrees off.
    """

    turn_deg: float = 8.0
    n_train: int = 100
    n_test: int = 50
    length: int = 100

    source = Source(
        key="seelig2015neural",
        title="Path integration of heading",
        version="2015",
        licence="generated here",
        origin="Nature 521:186",
        bibtex=(
            "@article{seelig2015neural, author={Seelig, Johannes D. and Jayaraman, Vivek}, title={Neural dynamics for landmark "
            "orientation and angular path integration}, journal={Nature}, volume={521}, pages={186--191}, year={2015}, "
            "doi={10.1038/nature14446}}"
        ),
    )

    def __post_init__(self) -> None:
        demand("turn_deg", self.turn_deg, 0.1, 90)
        demand_sequences(self, 0, self.length)

    def open(self, rng: np.random.Generator) -> Problem:
        """New walks."""
        train, test = (self._part(n, rng) for n in (self.n_train, self.n_test))
        return pose("turning", train, test, ("angle_error_deg", "r2"), 0.0)

    def _part(self, n: int, rng: np.random.Generator) -> Part:
        shock = rng.normal(size=(n, self.length))
        turn = np.empty_like(shock)
        turn[:, 0] = shock[:, 0]
        for t in range(1, self.length):
            turn[:, t] = PERSISTENCE * turn[:, t - 1] + np.sqrt(1 - PERSISTENCE**2) * shock[:, t]
        start = rng.uniform(-np.pi, np.pi, (n, 1))
        seen = np.zeros((n, self.length, 3))
        seen[..., 0] = turn
        seen[:, 0, 1:] = direction(start[:, 0])
        return seen, direction(start + np.deg2rad(self.turn_deg) * turn.cumsum(1))


def direction(angle: Float[ndarray, "..."]) -> Float[ndarray, "... 2"]:
    """Cosine and sine of angles in radians."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)

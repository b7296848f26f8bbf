"""A recursion of tenth order, to be followed from its input alone."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.experience.problem import Part, Problem, demand_sequences, pose

ORDER = 10
ESCAPED = 1.0
"""The recursion stays below this as long as it stays at all; beyond, it soon grows without bound."""


@final
@dataclass(frozen=True, slots=True)
class Narma:
    """Give the next value of NARMA-10, whose input is uniform from 0 to 0.5 (Atiya & Parlos 2000, eq. 86).

    ``y(t+1) = 0.3 y(t) + 0.05 y(t) (y(t) + ... + y(t-9)) + 1.5 u(t-9) u(t) + 0.1``. Some inputs drive it to infinity: a sequence
    that passes 1 is drawn again. The recursion itself scores 0. A linear readout of the last inputs stays near 0.4.
    """

    n_train: int = 4
    n_test: int = 4
    length: int = 1000
    washout: int = 100

    source = Source(
        key="atiya2000new",
        title="NARMA-10",
        version="2000",
        licence="generated here",
        origin="IEEE Transactions on Neural Networks 11:697",
        bibtex=(
            "@article{atiya2000new, author={Atiya, Amir F. and Parlos, Alexander G.}, title={New results on recurrent network "
            "training: unifying the algorithms and accelerating convergence}, journal={IEEE Transactions on Neural Networks}, "
            "volume={11}, number={3}, pages={697--709}, year={2000}, doi={10.1109/72.846741}}"
        ),
    )

    def __post_init__(self) -> None:
        demand_sequences(self, self.washout, self.length)

    def open(self, rng: np.random.Generator) -> Problem:
        """New sequences; both the input and the recursion start at rest."""
        train, test = (self._part(n, rng) for n in (self.n_train, self.n_test))
        return pose("noise", train, test, ("nrmse", "r2"), 0.0, washout=self.washout)

    def _part(self, n: int, rng: np.random.Generator) -> Part:
        kept: list[tuple[ndarray, ndarray]] = []
        while len(kept) < n:
            signal = rng.uniform(0, 0.5, (n, self.length))
            value = narma10(signal)
            kept += [(u, y) for u, y in zip(signal, value, strict=True) if y.max() < ESCAPED]
        signal, value = (np.stack(rows)[..., None] for rows in zip(*kept[:n], strict=True))
        return signal, value[:, self.washout :]


def narma10(signal: Float[ndarray, "sample time"]) -> Float[ndarray, "sample time"]:
    """The value that follows each input, from rest; infinite from where the recursion has escaped far."""
    n, length = signal.shape
    y = np.zeros((n, length + ORDER))
    u = np.pad(signal, ((0, 0), (ORDER - 1, 0)))
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(length):
            window = y[:, t : t + ORDER]
            last = window[:, -1]
            following = 0.3 * last + 0.05 * last * window.sum(1) + 1.5 * u[:, t] * u[:, t + ORDER - 1] + 0.1
            y[:, t + ORDER] = np.where(following < 10 * ESCAPED, following, np.inf)
    return y[:, ORDER:]

"""A chaotic signal with delay, to be foretold far ahead."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.experience.problem import Part, Problem, demand, demand_sequences, pose

GROWTH, DECAY, POWER = (
    0.2,
    0.1,
    10,
)  # per unit of time, per unit of time, none; Mackey & Glass 1977, the usual chaotic setting
STEPS_PER_UNIT = 5
"""Integration steps per unit of time; halving the step changes the first 100 units by less than 1e-6."""
SETTLING = 500
"""Units of time before a sequence begins, for the start to be forgotten."""


@final
@dataclass(frozen=True, slots=True)
class MackeyGlass:
    """Foretell the Mackey-Glass signal ``horizon`` units of time ahead from one sample per unit.

    ``dx/dt = 0.2 x(t - tau) / (1 + x(t - tau) ** 10) - 0.1 x``, integrated by the fourth-order Runge-Kutta method with step 0.2,
    delayed values between steps by cubic Hermite interpolation. Every sequence starts from a constant past of its own, uniform
    from 0.5 to 1.3, and 500 units are let pass. The input is ``x - 1``. At 17 units of delay the signal is chaotic, and 84 ahead
    is the customary horizon, at which echo state networks of 1,000 neurons reach 10 ** -4.2 (Jaeger & Haas 2004).
    """

    tau: int = 17
    horizon: int = 84
    n_train: int = 4
    n_test: int = 4
    length: int = 1000
    washout: int = 100

    source = Source(
        key="mackey1977oscillation",
        title="The Mackey-Glass equation",
        version="1977",
        licence="generated here",
        origin="Science 197:287",
        bibtex=(
            "@article{mackey1977oscillation, author={Mackey, Michael C. and Glass, Leon}, title={Oscillation and chaos in "
            "physiological control systems}, journal={Science}, volume={197}, pages={287--289}, year={1977}}\n\n"
            "@article{jaeger2004harnessing, author={Jaeger, Herbert and Haas, Harald}, title={Harnessing nonlinearity: "
            "predicting chaotic systems and saving energy in wireless communication}, "
            "journal={Science}, volume={304}, pages={78--80}, year={2004}}"
        ),
    )

    def __post_init__(self) -> None:
        demand("tau", self.tau, 1, 100)
        demand("horizon", self.horizon, 1, 1000)
        demand_sequences(self, self.washout, self.length)

    def open(self, rng: np.random.Generator) -> Problem:
        """New sequences, each of ``length`` units of time."""
        signal = mackey_glass(
            rng.uniform(0.5, 1.3, self.n_train + self.n_test), SETTLING + self.length + self.horizon, self.tau
        )
        signal = signal[:, SETTLING:, None] - 1
        seen, asked = signal[:, : self.length], signal[:, self.horizon + self.washout :]
        train: Part = seen[: self.n_train], asked[: self.n_train]
        test: Part = seen[self.n_train :], asked[self.n_train :]
        return pose("signal", train, test, ("nrmse", "r2"), 0.0, washout=self.washout)


def mackey_glass(past: Float[ndarray, " sample"], length: int, tau: int) -> Float[ndarray, "sample time"]:
    """The signal at times 0, 1, ... ``length - 1`` after a constant ``past``."""
    step, lag = 1 / STEPS_PER_UNIT, tau * STEPS_PER_UNIT
    n_steps = (length - 1) * STEPS_PER_UNIT
    x = np.empty((n_steps + lag + 1, len(past)))  # one row per step, so that rows are contiguous
    slope = np.zeros_like(x)
    x[: lag + 1] = past
    for now in range(lag, lag + n_steps):
        first, last = x[now - lag], x[now - lag + 1]
        # The derivative jumps at time 0 (row ``lag``): up to there, what is interpolated is the constant past.
        end_slope = slope[now - lag + 1] if now - lag + 1 > lag else 0.0
        middle = (first + last) / 2 + step / 8 * (slope[now - lag] - end_slope)
        drive, half_way, end = (GROWTH * seen / (1 + seen**POWER) for seen in (first, middle, last))
        k1 = drive - DECAY * x[now]
        k2 = half_way - DECAY * (x[now] + step / 2 * k1)
        k3 = half_way - DECAY * (x[now] + step / 2 * k2)
        k4 = end - DECAY * (x[now] + step * k3)
        slope[now] = k1
        x[now + 1] = x[now] + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x[lag::STEPS_PER_UNIT].T

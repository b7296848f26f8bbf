"""How long a network remembers its input."""

from dataclasses import dataclass
from typing import final

import numpy as np

from anlage.connectome.source import Source
from anlage.experience.problem import Part, Problem, demand, demand_sequences, pose


@final
@dataclass(frozen=True, slots=True)
class MemoryCapacity:
    """Give back the input of 1, 2, ... ``n_delays`` moments ago; the input is independent and uniform from -1 to 1.

    The score is the memory capacity of Jaeger 2002, corrected for chance (``anlage.experience.measure.memory_capacity``). A
    linear readout of ``n`` neurons reaches at most ``n`` of it, and a delay line as long as ``n_delays`` all of it.
    """

    n_delays: int = 40
    n_train: int = 4
    n_test: int = 4
    length: int = 1000

    source = Source(
        key="jaeger2002memory",
        title="Short-term memory in echo state networks",
        version="2002",
        licence="generated here",
        origin="GMD Report 152",
        bibtex=(
            "@techreport{jaeger2002memory, author={Jaeger, Herbert}, title={Short term memory in echo state networks}, "
            "institution={German National Research Center for Information Technology}, number={GMD Report 152}, year={2002}}"
        ),
    )

    def __post_init__(self) -> None:
        demand("n_delays", self.n_delays, 1, 1000)
        demand_sequences(self, self.n_delays, self.length)

    def open(self, rng: np.random.Generator) -> Problem:
        """New sequences; the first ``n_delays`` moments are washout, since they have nothing to look back to."""
        train, test = (self._part(n, rng) for n in (self.n_train, self.n_test))
        return pose("noise", train, test, ("memory_capacity",), float(self.n_delays), washout=self.n_delays)

    def _part(self, n: int, rng: np.random.Generator) -> Part:
        signal = rng.uniform(-1, 1, (n, self.length))
        past = [signal[:, self.n_delays - delay : self.length - delay] for delay in range(1, self.n_delays + 1)]
        return signal[..., None], np.stack(past, axis=-1)

"""Mean and variance of numbers that keep coming."""

from collections.abc import Mapping
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

FAR = 10.0
"""Standard deviations beyond which a normalised number is cut off."""
LEAST = 1e-8
"""Added to a variance before it divides."""


@final
class Running:
    """Mean and variance of all vectors seen so far, batch by batch (Chan, Golub & LeVeque 1983, Am Stat 37:242, eq. 2.1).

    Before the first they are 0 and 1. ``still``: they stay so, whatever is seen.
    """

    def __init__(self, width: int, *, still: bool = False) -> None:
        self.mean, self.variance, self.count = np.zeros(width), np.ones(width), 0
        self.still = still

    def settled(self) -> "Running":
        """The same mean and variance, to stay so."""
        other = Running(len(self.mean), still=True)
        other.restore(self.kept())
        return other

    def see(self, batch: Float[ndarray, "sample number"]) -> None:
        """Take in more vectors."""
        if self.still:
            return
        new, seen = len(batch), self.count
        self.count += new
        mean = batch.sum(0) / new
        away, change = batch - mean, mean - self.mean
        spread = (away * away).sum(0) + change * change * (seen * new / self.count)
        self.variance = (self.variance * seen + spread) / self.count
        self.mean = self.mean + change * (new / self.count)

    def normal(self, batch: Float[ndarray, "sample number"]) -> Float[ndarray, "sample number"]:
        """In standard deviations from the mean, those beyond 10 cut off."""
        return np.clip((batch - self.mean) / np.sqrt(self.variance + LEAST), -FAR, FAR)

    def kept(self) -> dict[str, ndarray]:
        """All that it knows."""
        return {"mean": self.mean, "variance": self.variance, "count": np.array([self.count])}

    def restore(self, kept: Mapping[str, ndarray]) -> None:
        """Know again what ``kept`` gave."""
        self.mean, self.variance, self.count = kept["mean"].copy(), kept["variance"].copy(), int(kept["count"][0])

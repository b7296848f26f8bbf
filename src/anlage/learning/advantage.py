"""How much better something went than was expected of it."""

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray


def advantages(
    reward: Float[ndarray, "time body"],
    value: Float[ndarray, "time body"],
    following: Float[ndarray, "time body"],
    ended: Bool[ndarray, "time body"],
    discount: float,
    trace: float,
) -> Float[ndarray, "time body"]:
    """Generalised advantage estimates (Schulman et al. 2016, arXiv 1506.02438, eq. 16), each sum within its own life.

    ``value`` was expected before a step, ``following`` after it, in the same life: 0 where the step ended it for good, the value
    of what was last observed where it was only cut off (Pardo et al. 2018, arXiv 1712.00378). ``ended``: a life ended with the
    step, for either reason.
    """
    surprise = np.asarray(reward + discount * following - value)
    carried = discount * trace * ~ended
    result, later = np.empty_like(surprise), np.zeros_like(surprise[0])
    for time in reversed(range(len(surprise))):
        later = surprise[time] + carried[time] * later
        result[time] = later
    return result

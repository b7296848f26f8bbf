"""The records that flow: what was lived, what happened inside, and how good it was."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """A batch of sequences as they were lived. Fields that a recording does not have are ``None``.

    ``action[:, t]`` is what was done between the observations at ``t`` and at ``t + 1``.
    """

    observation: Mapping[str, Float[Tensor, "batch time _"]]
    action: Float[Tensor, "batch time action"] | None = None
    reward: Float[Tensor, "batch time"] | None = None
    terminated: Bool[Tensor, "batch time"] | None = None
    truncated: Bool[Tensor, "batch time"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What happened inside a network while one episode was lived.

    ``embedding[:, t]`` is what arrived at time ``t``; ``prediction[:, t]`` was made at time ``t`` about ``embedding[:, t + 1]``;
    ``state[:, t]`` is the activity of every neuron once ``embedding[:, t]`` had been taken in.
    ``ahead[:, t, k]``, where the network was rolled forward on its own predictions, was made at time ``t`` about
    ``embedding[:, t + 1 + k]``.
    """

    embedding: Float[Tensor, "batch time latent"]
    prediction: Float[Tensor, "batch time latent"]
    state: Float[Tensor, "batch time neuron"]
    episode: Episode
    ahead: Float[Tensor, "batch time horizon latent"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """One number to minimise, and the parts it is the sum of, for the log."""

    total: Float[Tensor, ""]
    parts: Mapping[str, float]

"""Actions by chance: a normal law around what a network answers, brought into the range of the motors."""

import math
from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import RecipeError

Bound = Literal["clipped", "squashed"]
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@final
@dataclass(frozen=True, slots=True)
class Gaussian:
    """The law of an intent, and how the motors, which take -1 to 1, follow it.

    ``clipped``: an intent beyond the range does what its nearest end does, and the law is that of the intent. ``squashed``: the
    motors get its hyperbolic tangent, and the law is that of what they get (Haarnoja et al. 2018, arXiv 1801.01290, app. C).
    """

    bound: Bound = "clipped"

    def __post_init__(self) -> None:
        if self.bound not in ("clipped", "squashed"):
            raise RecipeError(f"bound is {self.bound!r}, but must be 'clipped' or 'squashed'.")

    def action(self, intent: Float[Tensor, "*moment action"]) -> Float[Tensor, "*moment action"]:
        """What the motors get."""
        return intent.clamp(-1, 1) if self.bound == "clipped" else torch.tanh(intent)

    def log_density(
        self,
        mean: Float[Tensor, "*moment action"],
        log_sd: Float[Tensor, " action"],
        intent: Float[Tensor, "*moment action"],
    ) -> Float[Tensor, "*moment"]:
        """Logarithm of the density of an action, of all its numbers together."""
        away = (intent - mean) * torch.exp(-log_sd)
        log = -0.5 * away.square() - log_sd - _HALF_LOG_2PI
        if self.bound == "squashed":
            log = log - _log_slope(intent)
        return log.sum(-1)

    def entropy(
        self,
        mean: Float[Tensor, "*moment action"],
        log_sd: Float[Tensor, " action"],
        intent: Float[Tensor, "*moment action"],
    ) -> Float[Tensor, "*moment"]:
        """Entropy of the law in nats. Where actions are squashed it has no closed form, and is estimated from ``intent``.

        The estimate is right on average over intents drawn from this law, and so are its gradients.
        """
        normal = (log_sd + 0.5 + _HALF_LOG_2PI).expand_as(mean)
        if self.bound == "clipped":
            return normal.sum(-1)
        noise = ((intent - mean) * torch.exp(-log_sd)).detach()
        return (normal + _log_slope(mean + torch.exp(log_sd) * noise)).sum(-1)


def _log_slope(intent: Tensor) -> Tensor:
    """``log(1 - tanh(intent)^2)``, without losing the digits of large intents."""
    return 2 * (math.log(2) - intent - torch.nn.functional.softplus(-2 * intent))

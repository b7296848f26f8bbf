"""The pendulum of Gymnasium as equations: what somebody would imagine who knew all there is to learn about it."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

STEP_S, FASTEST, TORQUE = 0.05, 8.0, 2.0
"""Seconds of a step, rad/s, Nm (Gymnasium, Pendulum-v1)."""
PULL, PUSH = 15.0, 3.0
"""``3 g / 2 l`` and ``3 / m l^2`` of a rod of 1 m and 1 kg that hangs at its end, with Gymnasium's g of 10 m/s^2."""


@final
class KnownPendulum:
    """Imagines as a world model does, but by the equations. What it calls latent is (cosine, sine, speed / ``FASTEST``)."""

    n_action = 1

    def __init__(self) -> None:
        self.noise = torch.ones(3)

    def imagine(
        self, latent: Float[Tensor, "*latent"], action: Float[Tensor, "candidate moment action"]
    ) -> Float[Tensor, "predictor candidate moment latent"]:
        """Where each course of actions leads; there is one predictor."""
        cosine, sine, speed = latent.expand(len(action), 3).unbind(-1)
        angle, speed, seen = torch.atan2(sine, cosine), speed * FASTEST, []
        for torque in (TORQUE * action.clamp(-1, 1))[..., 0].unbind(1):
            speed = (speed + (PULL * torch.sin(angle) + PUSH * torque) * STEP_S).clamp(-FASTEST, FASTEST)
            angle = angle + speed * STEP_S
            seen.append(torch.stack([torch.cos(angle), torch.sin(angle), speed / FASTEST], -1))
        return torch.stack(seen, 1).unsqueeze(0)

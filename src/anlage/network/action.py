"""What is done changes what comes next: a prediction that knows the action."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.errors import RecipeError
from anlage.network.port import linear
from anlage.trace import Trace


class ActionHead(nn.Module):
    """``prediction + out(tanh(into([prediction, action])))``: one small hidden layer on top of any network.

    It starts at zero, as the network's own prediction, so that whatever it adds was learned from actions. The hidden layer lets
    the same action do different things in different situations; a plain sum could not.
    """

    def __init__(self, n_latent: int, n_action: int, generator: torch.Generator, *, n_hidden: int = 32) -> None:
        super().__init__()
        self.n_action = n_action
        self.into = linear(n_latent + n_action, n_hidden, generator)
        self.out = linear(n_hidden, n_latent, generator)
        nn.init.zeros_(self.out.weight)

    def forward(
        self, prediction: Float[Tensor, "*moment latent"], action: Float[Tensor, "*moment action"]
    ) -> Float[Tensor, "*moment latent"]:
        """The prediction, given what is now done."""
        if action.shape[-1] != self.n_action:
            raise RecipeError(f"The action has {action.shape[-1]} numbers, but this head was made for {self.n_action}.")
        change: Tensor = self.out(torch.tanh(self.into(torch.cat([prediction, action], dim=-1))))
        return prediction + change

    def given(self, trace: Trace) -> Trace:
        """The trace with every prediction made in the knowledge of its action; any objective takes it from here.

        Raises ``RecipeError`` when nothing was done in this episode, or something of another width.
        """
        if trace.episode.action is None:
            raise RecipeError("This episode has no action, so nothing can be predicted from it; live it in a world.")
        return replace(trace, prediction=self(trace.prediction, trace.episode.action), ahead=None)

"""A world model in embeddings: what an observation is, and where actions would lead, learned by predicting the next embedding.

One loss serves perception and learning; no reward is in it. Measured design: with the encoder frozen after a time of exploration
the distance to a preferred embedding keeps its meaning; where it goes on learning that is lost, and probes see nothing of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.errors import RecipeError
from anlage.network.port import linear
from anlage.objective.collapse import sigreg

GAIN = 3**-0.5
"""Of all weights at the start: small, so that embeddings begin nearly linear in what is observed."""
FAINT = 1e-2
"""Least variance of a prediction's noise, per axis of about unit variance: what differs by less than a tenth tells nothing."""


class Lived(NamedTuple):
    """One life: what was observed, and what was done in between."""

    observation: Float[Tensor, "moment1 input"]
    action: Float[Tensor, "moment action"]


@final
@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How much is learned at once, and from what: windows of ``ahead`` actions, drawn evenly over what was lived."""

    updates: int
    ahead: int = 3
    batch: int = 128
    learning_rate: float = 1e-3
    sigreg: float = 0.2
    """Weight of the term that keeps embeddings from collapsing; only while the encoder learns."""

    def __post_init__(self) -> None:
        for name in ("ahead", "batch"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} is {getattr(self, name)}, but must be 1 or more.")


@final
class Imagination(nn.Module):
    """An encoder, and several predictors of the next embedding given the present one and an action.

    The predictors start differently and see the same lives, so where they disagree nothing has been learned yet (Lakshminarayanan
    et al. 2017, NeurIPS). Each adds to the embedding what its small network makes of embedding and action.

    ``beside``: the encoder's network is added to what is observed, instead of taking its place. What is hard to foresee is then
    not forgotten, which matters where few of the numbers observed are preferred.
    """

    def __init__(
        self,
        n_observed: int,
        n_action: int,
        generator: torch.Generator,
        *,
        n_latent: int = 16,
        n_predictors: int = 3,
        beside: bool = False,
    ) -> None:
        super().__init__()
        if beside and n_latent < n_observed:
            raise RecipeError(
                f"{n_latent} axes have no room for the {n_observed} numbers observed; give as many, or leave beside out."
            )
        self.beside = beside
        self.n_observed, self.n_action, self.n_latent = n_observed, n_action, n_latent
        widths = (n_observed, 64, 64, n_latent)
        layers = [linear(a, b, generator, GAIN) for a, b in pairwise(widths)]
        self.encoder = nn.Sequential(layers[0], nn.SiLU(), layers[1], nn.SiLU(), layers[2])
        self.predictor = _Several(n_latent + n_action, 96, n_latent, n_predictors, generator)
        self.noise: Tensor
        self.register_buffer("noise", torch.ones(n_latent))
        """Mean squared error of a prediction one step ahead, per axis: what is left when all has been learned."""

    def embed(self, observation: Float[Tensor, "*moment input"]) -> Float[Tensor, "*moment latent"]:
        """What an observation is."""
        found: Tensor = self.encoder(observation)
        return found + nn.functional.pad(observation, (0, self.n_latent - self.n_observed)) if self.beside else found

    def imagine(
        self, latent: Float[Tensor, "*latent"], action: Float[Tensor, "candidate moment action"]
    ) -> Float[Tensor, "predictor candidate moment latent"]:
        """Where each predictor, going its own way, sees each course of actions lead; from one embedding, or one per course."""
        now = latent.expand(self.predictor.n, len(action), self.n_latent)
        seen = []
        for moment in action.unbind(1):
            now = now + self.predictor(torch.cat([now, moment.expand(self.predictor.n, *moment.shape)], dim=-1))
            seen.append(now)
        return torch.stack(seen, dim=2)

    def learn(
        self,
        lives: Sequence[Lived],
        rehearsal: Rehearsal,
        generator: torch.Generator,
        *,
        perception: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> float:
        """Predict the next embeddings better; the mean loss of the last tenth of the updates is returned.

        ``perception``: whether the encoder learns too. Raises ``RecipeError`` where no life is long enough for a window.
        """
        windows = _windows(lives, rehearsal.ahead)
        learning = list(self.predictor.parameters()) + (list(self.encoder.parameters()) if perception else [])
        optimiser = torch.optim.Adam(learning, lr=rehearsal.learning_rate)
        losses = []
        for update in range(rehearsal.updates):
            chosen = torch.randint(len(windows.action), (rehearsal.batch,), generator=generator)
            loss = self._loss(Lived(windows.observation[chosen], windows.action[chosen]), rehearsal, perception)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimiser.step()
            losses.append(float(loss.detach()))
            if progress is not None:
                progress(update + 1, rehearsal.updates)
        self.noise.copy_(self.surprise(lives).square().mean(0).clamp_min(FAINT))
        last = losses[-max(1, len(losses) // 10) :]
        return sum(last) / len(last) if last else float("nan")

    @torch.no_grad()
    def surprise(self, lives: Sequence[Lived]) -> Float[Tensor, "moment latent"]:
        """What was embedded next minus what the predictors, together, foresaw one step earlier, for every step lived."""
        missed = []
        for life in lives:
            embedded = self.embed(life.observation)
            missed.append(embedded[1:] - self.imagine(embedded[:-1], life.action.unsqueeze(1)).mean(0).squeeze(1))
        return torch.cat(missed)

    def _loss(self, window: Lived, rehearsal: Rehearsal, perception: bool) -> Float[Tensor, ""]:
        with torch.set_grad_enabled(perception):
            embedded = self.embed(window.observation)
        seen = self.imagine(embedded[:, 0], window.action)
        loss = (seen - embedded[:, 1:].detach()).square().mean()
        if not perception:
            return loss
        first = embedded[:, 0]  # one of each window: the others follow from it, and are no further sample
        return loss + rehearsal.sigreg * sigreg(first) / len(first)


class _Several(nn.Module):
    """Networks with one hidden layer side by side: the same shape, each with its own weights."""

    def __init__(self, n_in: int, n_hidden: int, n_out: int, n: int, generator: torch.Generator) -> None:
        super().__init__()
        self.n = n
        into = [linear(n_in, n_hidden, generator, GAIN) for _ in range(n)]
        out = [linear(n_hidden, n_out, generator, GAIN) for _ in range(n)]
        self.into, self.out = (nn.Parameter(torch.stack([m.weight.detach().T for m in ms])) for ms in (into, out))
        self.into_bias, self.out_bias = (
            nn.Parameter(torch.zeros(n, 1, n_hidden)),
            nn.Parameter(torch.zeros(n, 1, n_out)),
        )

    def forward(self, x: Float[Tensor, "predictor sample into"]) -> Float[Tensor, "predictor sample out"]:
        hidden = nn.functional.silu(torch.baddbmm(self.into_bias, x, self.into))
        return torch.baddbmm(self.out_bias, hidden, self.out)


def _windows(lives: Sequence[Lived], ahead: int) -> Lived:
    long_enough = [life for life in lives if len(life.action) >= ahead]
    if not long_enough:
        raise RecipeError(
            f"No life has {ahead} actions, so nothing can be learned {ahead} steps ahead; live longer first."
        )
    observation = [life.observation.unfold(0, ahead + 1, 1).movedim(-1, 1) for life in long_enough]
    action = [life.action.unfold(0, ahead, 1).movedim(-1, 1) for life in long_enough]
    return Lived(torch.cat(observation), torch.cat(action))

"""Learning to do what somebody else does: behavioural cloning (Pomerleau 1991, Neural Comput 3:88), and DAgger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor, nn

from anlage.errors import Diverged, RecipeError
from anlage.experience.world import Lives, World
from anlage.learning.policy import Mover, Policy
from anlage.learning.running import Running
from anlage.seed import Seed

Expert = Callable[[Float[ndarray, "body input"]], Float[ndarray, "body action"]]
"""What somebody who knows would do with what every body observes."""


@dataclass(frozen=True, slots=True, eq=False)
class Demonstrations:
    """Lives with what the expert would have done at every moment of them; after the end of a life ``real`` is false."""

    observation: Float[ndarray, "life time input"]
    action: Float[ndarray, "life time action"]
    real: Bool[ndarray, "life time"]

    def __len__(self) -> int:
        return len(self.real)

    def beside(self, more: "Demonstrations") -> "Demonstrations":
        """These and more, of lives as long. Raises ``RecipeError`` for others."""
        if self.observation.shape[1:] != more.observation.shape[1:] or self.action.shape[1:] != more.action.shape[1:]:
            raise RecipeError(
                f"Demonstrations of shape {self.observation.shape[1:]} and {more.observation.shape[1:]} cannot be put together; "
                "record both in one kind of world for as many steps."
            )
        pairs = zip(self._arrays(), more._arrays(), strict=True)
        return Demonstrations(*(np.concatenate(pair) for pair in pairs))

    def pieces(self, length: int) -> "Demonstrations":
        """The same moments as lives of at most ``length``: gradients then go no further back, and more lives fit into a batch.

        A pupil begins each piece at rest, and learns nothing about what lies further back. Raises ``RecipeError`` for a length
        below 1.
        """
        if length < 1:
            raise RecipeError(f"length of a piece is {length}, but must be at least 1.")
        n, time = self.real.shape
        short = -(-time // length) * length - time

        def cut(array: ndarray) -> ndarray:
            padded = np.pad(array, [(0, 0), (0, short), *[(0, 0)] * (array.ndim - 2)])
            return padded.reshape(n * (time + short) // length, length, *array.shape[2:])

        cuts = [cut(array) for array in self._arrays()]
        lived = cuts[2].any(axis=1)
        return Demonstrations(*(array[lived] for array in cuts))

    def _arrays(self) -> tuple[ndarray, ndarray, ndarray]:
        return self.observation, self.action, self.real


@final
@dataclass(frozen=True, slots=True)
class Apprenticeship:
    """How to learn from demonstrations: Adam on the mean squared difference of actions, its rate falling to 0 along a cosine.

    ``batch``: whole lives per update.
    """

    updates: int = 500
    batch: int = 8
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        for name in ("updates", "batch"):
            if (value := getattr(self, name)) < 1:
                raise RecipeError(f"{name} of an apprenticeship is {value}, but must be at least 1.")
        if not 0 < self.learning_rate < float("inf"):
            raise RecipeError(f"learning_rate is {self.learning_rate}, but must be a positive number.")


def demonstrate(
    expert: Expert,
    worlds: Sequence[World],
    seed: Seed,
    *,
    steps: int | None = None,
    pupil: tuple[Policy, Running] | None = None,
    share: float = 1.0,
    stray: float = 0.0,
) -> Demonstrations:
    """One life in every world, and what the expert would do at each of its moments.

    ``pupil``: a policy, and how it sees, that acts in the expert's place, in whole lives, in all but a ``share`` of the worlds:
    the expert then says what should be done where the pupil's own mistakes led it (Ross, Gordon & Bagnell 2011, AISTATS).
    ``stray``: standard deviation of chance that is added to what is done, and not to what is told, so that the expert is seen to
    come back from where it would not go by itself (Laskey et al. 2017, CoRL).
    Raises ``BodyError`` for an expert whose actions have another shape, or are no numbers.
    """
    lives = Lives(worlds, seed)
    n, time = len(worlds), steps or lives.limit
    seen, done = np.zeros((n, time, lives.n_observed)), np.zeros((n, time, lives.n_action))
    real, alive = np.zeros((n, time), bool), np.ones(n, bool)
    led = np.arange(n) < round(share * n) if pupil else np.ones(n, bool)
    mover = Mover(pupil[0].network, n) if pupil else None
    rng = seed.child("stray").rng()
    for t in range(time):
        seen[:, t], done[:, t], real[:, t] = lives.observation, expert(lives.observation), alive
        action = done[:, t]
        if mover and pupil:
            shown = torch.from_numpy(pupil[1].normal(lives.observation)).to(pupil[0].log_sd.dtype)
            own = pupil[0].law.action(mover.step(shown)).double().numpy()
            action = np.where(led[:, None], action, own)
        if stray:
            action = np.clip(action + rng.normal(0.0, stray, action.shape), -1, 1)
        alive &= ~lives.step(action).ended
        if not alive.any():
            break
    return Demonstrations(seen, done, real)


def imitate(
    policy: Policy, shown: Demonstrations, how: Apprenticeship, seed: Seed, *, seen: Running | None = None
) -> tuple[Running, list[float]]:
    """Behavioural cloning: make a policy mean what was demonstrated, its network living through every life from the start.

    ``seen``: how it sees; None: observations are scaled by these demonstrations. Returned with the mean squared difference of
    actions at every update. What a squashed policy means is compared after squashing. Raises ``Diverged``.
    """
    if seen is None:
        seen = Running(shown.observation.shape[2])
        seen.see(shown.observation[shown.real])
    kind = policy.log_sd.dtype
    observation = torch.from_numpy(seen.normal(shown.observation.reshape(-1, shown.observation.shape[2]))).to(kind)
    observation = observation.view(shown.observation.shape)
    action, real = torch.from_numpy(shown.action).to(kind), torch.from_numpy(shown.real)
    trained = [p for p in policy.network.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=how.learning_rate)
    pace = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, how.updates)
    errors = []
    for update in range(how.updates):
        generator = torch.Generator().manual_seed(seed.child("order").child(update).integer)
        rows = torch.randperm(len(shown), generator=generator)[: how.batch]
        loss = _difference(policy, observation[rows], action[rows], real[rows])
        if not torch.isfinite(loss):
            raise Diverged(f"The difference from the expert became {loss.item()}; lower the learning rate.")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        pace.step()
        errors.append(loss.item())
    return seen, errors


def dagger(
    policy: Policy, expert: Expert, worlds: Sequence[World], how: Apprenticeship, seed: Seed, *, rounds: int = 4
) -> tuple[Running, list[float]]:
    """Clone an expert, let the pupil act, ask the expert again, and clone it from all that was lived so far; several rounds.

    The expert leads every life of the first round and none of the later ones. Returns how the policy sees, and the mean
    squared difference from the expert at the end of each round.
    """
    if rounds < 1:
        raise RecipeError(f"rounds is {rounds}, but an expert must be asked at least once.")
    shown = demonstrate(expert, worlds, seed.child("lives").child(0))
    seen, errors = imitate(policy, shown, how, seed.child(0))
    found = [errors[-1]]
    for number in range(1, rounds):
        lives = seed.child("lives").child(number)
        shown = shown.beside(demonstrate(expert, worlds, lives, pupil=(policy, seen), share=0.0))
        seen, errors = imitate(policy, shown, how, seed.child(number), seen=seen)
        found.append(errors[-1])
    return seen, found


def _difference(policy: Policy, observation: Tensor, action: Tensor, real: Tensor) -> Tensor:
    """Mean squared difference between what a policy does and what was demonstrated, over all that was lived."""
    meant = policy.along(observation, policy.network.start(len(observation)))
    did = torch.tanh(meant) if policy.law.bound == "squashed" else meant
    wrong = (did - action).square().mean(-1)
    return (wrong * real).sum() / real.sum()

"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347), for networks with a memory too.

A network is taken through pieces of lives again, each from the state that it had when the piece began, and gradients are followed
to the beginning of the piece: truncated backpropagation through time. The states are those of the network that acted, which the
first updates of an iteration leave a little out of date (Kapturowski et al. 2019, ICLR, call them stored states).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from anlage.errors import Diverged, RecipeError
from anlage.experience.world import Lives, World
from anlage.learning.checkpoint import read_checkpoint, write_checkpoint
from anlage.learning.policy import Layers, Mover, Policy
from anlage.learning.rollout import Ended, Gatherer, Segments, judged, noise_of
from anlage.learning.running import Running
from anlage.seed import Seed

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""

RECENT = 20
"""Lives, at most, that the return of a moment of learning is the mean of."""
LATER = ("settle", "critic_rate")
"""Words of a practice that are kept only where they say something: older records were written before there were these."""


@final
@dataclass(frozen=True, slots=True)
class Practice:
    """How to practise. Rates and weights are those of Schulman et al. 2017 and Andrychowicz et al. 2021 unless said.

    ``steps``: of all bodies together, rounded up to whole iterations of ``bodies`` times ``stretch`` steps. ``segment``: steps
    that a gradient is followed through; 1 is enough for a network without memory. ``batch``: steps per update.
    ``last_rate``: share of the learning rate that is left at the end; it falls in a straight line. ``trace``: lambda of the
    advantage estimates. ``entropy_weight``: what a nat of entropy is worth. ``normalised``: observations are shown in
    standard deviations from their mean, else as they are. ``save_every``: iterations between checkpoints.
    To go on from what a policy can do already: ``settle``: iterations at first in which only the critic learns, for what it
    finds good before it knows the place would spoil the policy; ``critic_rate``: its learning rate, None: that of the policy.
    """

    steps: int = 100_000
    bodies: int = 8
    stretch: int = 256
    segment: int = 32
    epochs: int = 6
    batch: int = 256
    learning_rate: float = 3e-4
    last_rate: float = 1.0
    discount: float = 0.99
    trace: float = 0.95
    clip: float = 0.2
    value_weight: float = 0.5
    entropy_weight: float = 0.0
    gradient_norm: float = 0.5
    critic: tuple[int, ...] = (64, 64)
    normalised: bool = True
    save_every: int = 10
    settle: int = 0
    critic_rate: float | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "bodies", "stretch", "segment", "epochs", "batch", "save_every"):
            if (value := getattr(self, name)) < 1:
                raise RecipeError(f"{name} of a practice is {value}, but must be at least 1.")
        for name in ("learning_rate", "clip", "gradient_norm", "critic_rate"):
            if (value := getattr(self, name)) is not None and not 0 < value < float("inf"):
                raise RecipeError(f"{name} of a practice is {value}, but must be a positive number.")
        for name in ("last_rate", "discount", "trace"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise RecipeError(f"{name} of a practice is {value}, but must lie between 0 and 1.")
        for name in ("value_weight", "entropy_weight"):
            if not 0 <= (value := getattr(self, name)) < float("inf"):
                raise RecipeError(f"{name} of a practice is {value}, but must be 0 or more.")
        if not 0 <= self.settle <= self.iterations:
            raise RecipeError(
                f"settle of a practice is {self.settle}, but must lie between 0 and its {self.iterations} iterations of "
                f"{self.bodies} x {self.stretch} steps."
            )

    @property
    def words(self) -> dict[str, object]:
        """All that it says; of ``LATER`` words those that say something."""
        said = asdict(self)
        return {name: value for name, value in said.items() if value or name not in LATER}

    @property
    def iterations(self) -> int:
        """How often lives are lived and learned from."""
        return -(-self.steps // (self.bodies * self.stretch))


@dataclass(frozen=True, slots=True, eq=False)
class Practised:
    """A policy that practised, how it sees, and how that went.

    ``curve``: one entry per iteration. ``lives``: every life that came to an end meanwhile.
    """

    policy: Policy
    critic: Layers
    seen: Running
    curve: list[dict[str, float]]
    lives: list[Ended]


def practise(
    policy: Policy,
    worlds: Sequence[World],
    practice: Practice,
    seed: Seed,
    *,
    seen: Running | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Practised:
    """Let a policy learn to earn more in worlds side by side, one per body of ``practice``.

    ``seen``: how it sees at first, for one that learned before; it goes on adapting unless it is settled. None: as ``practice``
    says.
    ``checkpoint``: go on from this file when it exists, and keep it up to date; the result equals an uninterrupted run.
    Raises ``Diverged`` when a loss is not finite, ``CheckpointError`` for a foreign checkpoint, ``BodyError`` for impossible
    worlds, ``RecipeError`` for another number of worlds than bodies.
    """
    if len(worlds) != practice.bodies:
        raise RecipeError(f"{len(worlds)} worlds were given to a practice of {practice.bodies} bodies; give one each.")
    learner = _Learner(policy, Lives(worlds, seed.child("lives")), practice, seed, seen)
    if checkpoint and checkpoint.exists():
        learner.restore(checkpoint)
    for iteration in range(len(learner.curve), practice.iterations):
        learner.iterate(iteration)
        if checkpoint and ((iteration + 1) % practice.save_every == 0 or iteration + 1 == practice.iterations):
            learner.save(checkpoint)
        if progress:
            progress(learner.gatherer.steps, practice.iterations * practice.bodies * practice.stretch)
    return Practised(policy, learner.critic, learner.gatherer.seen, learner.curve, learner.lives)


class _Learner:
    """All that changes while something practises."""

    def __init__(
        self, policy: Policy, lives: Lives, practice: Practice, seed: Seed, seen: Running | None = None
    ) -> None:
        self.policy, self.practice, self.seed = policy, practice, seed
        generator = torch.Generator().manual_seed(seed.child("critic").integer)
        self.critic = Layers(lives.n_observed, 1, practice.critic, generator)
        seen = seen or Running(lives.n_observed, still=not practice.normalised)
        known = [np.append(array, seen.still).tobytes() for array in seen.kept().values()] if seen.count else []
        self.gatherer = Gatherer(lives, practice.segment, practice.discount, seen)
        parts = [[p for p in part.parameters() if p.requires_grad] for part in (policy, self.critic)]
        self.trained = [p for part in parts for p in part]
        self.rates = (practice.learning_rate, practice.critic_rate or practice.learning_rate)
        self.optimiser = torch.optim.Adam([{"params": part} for part in parts], eps=1e-5, fused=True)
        self.curve: list[dict[str, float]] = []
        self.lives: list[Ended] = []
        self.identity = self._identity(b"".join(known))

    def iterate(self, iteration: int) -> None:
        """Live for a stretch, then learn from it."""
        practice, lives = self.practice, self.gatherer.lives
        noise = noise_of(self.seed, iteration, (practice.stretch, lives.n_bodies, lives.n_action))
        log, cuts, ended = self.gatherer.gather(self.policy, practice.stretch, noise)
        self.lives += ended
        segments, expected = judged(log, cuts, self.policy, self.critic, practice.discount, practice.trace)
        share = 1 - (1 - practice.last_rate) * iteration / max(1, practice.iterations - 1)
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * share
        found = self._learn(segments, iteration)
        recent = [life.total for life in self.lives[-RECENT:]]
        entry = {
            "step": float(self.gatherer.steps),
            "lives": float(len(self.lives)),
            "value_explained": expected,
            **found,
        }
        self.curve.append(entry | ({"return": float(np.mean(recent))} if recent else {}))

    def _learn(self, segments: Segments, iteration: int) -> dict[str, float]:
        """Some epochs of updates; the mean of every measure of the last one."""
        generator = torch.Generator().manual_seed(self.seed.child("order").child(iteration).integer)
        size = max(1, self.practice.batch // segments.real.shape[1])
        settling = iteration < self.practice.settle
        found: list[Tensor] = []
        for _ in range(self.practice.epochs):
            found = []
            order = torch.randperm(len(segments), generator=generator)
            for rows in torch.split(order, size):
                loss, measures = surrogate(
                    self.policy, self.critic, segments.pick(rows), self.practice, settling=settling
                )
                self.optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(self.trained, self.practice.gradient_norm)
                self.optimiser.step()
                found.append(measures)
        means = torch.stack(found).mean(0).tolist()
        if not np.isfinite(means).all() or not all(bool(torch.isfinite(p).all()) for p in self.trained):
            raise Diverged(f"The loss became {means[0]} in iteration {iteration}; lower the learning rate.")
        return dict(zip(MEASURES, means, strict=True))

    def save(self, path: Path) -> None:
        """Everything that is needed to go on."""
        tensors = {f"gatherer.{k}": v for k, v in self.gatherer.kept().items()}
        for name, part in (("policy", self.policy), ("critic", self.critic)):
            tensors |= {f"{name}.{k}": v for k, v in part.state_dict().items()}
        for number, memory in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{k}": v for k, v in memory.items()}
        lives = [[life.step, life.total, life.length] for life in self.lives]
        write_checkpoint(path, self.identity, tensors, {"curve": self.curve, "lives": lives})

    def restore(self, path: Path) -> None:
        """Go on where a checkpoint stands."""
        tensors, progress = read_checkpoint(path, self.identity)
        rooms: dict[str, dict[str, Tensor]] = {"gatherer": {}, "policy": {}, "critic": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            room, key = name.split(".", 1)
            rooms[room][key] = tensor
        self.policy.load_state_dict(rooms["policy"])
        self.critic.load_state_dict(rooms["critic"])
        memory: dict[int, dict[str, Tensor]] = {}
        for name, tensor in rooms["optimiser"].items():
            number, key = name.split(".", 1)
            memory.setdefault(int(number), {})[key] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": memory})
        self.gatherer.restore(rooms["gatherer"], self.policy.network.start(self.practice.bodies))
        self.curve = progress["curve"]  # type: ignore[assignment]
        self.lives = [Ended(int(step), float(total), int(length)) for step, total, length in progress["lives"]]  # type: ignore[attr-defined]

    def _identity(self, known: bytes) -> str:
        """Checksum of what a checkpoint belongs to: world, practice, policy and critic as they were born, what was known."""
        lives, total = self.gatherer.lives, sha256(known)
        practice = replace(self.practice, save_every=1).words
        born = (lives.name, lives.n_observed, lives.n_action, lives.limit, practice, self.seed, self.policy.law)
        total.update(repr(born).encode())
        for part in (self.policy, self.critic):
            for name, tensor in (*part.named_parameters(), *part.named_buffers()):
                total.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        return total.hexdigest()[:16]


MEASURES = ("loss", "policy_loss", "value_loss", "entropy", "divergence", "clipped")
"""What ``surrogate`` measures; ``divergence``: of the policy from the one that acted, in nats (Schulman 2020, estimator k3)."""


def surrogate(
    policy: Policy, critic: Layers, segments: Segments, practice: Practice, *, settling: bool = False
) -> tuple[Tensor, Tensor]:
    """The loss of Schulman et al. 2017, eq. 9, over pieces of lives, and its ``MEASURES``.

    ``settling``: gradients reach the critic only.
    """
    with torch.set_grad_enabled(not settling):
        mean = policy.along(segments.observation, segments.state)
        log_ratio = policy.law.log_density(mean, policy.log_sd, segments.intent) - segments.log_density
        ratio = torch.exp(log_ratio)
        middle = segments.mean(segments.advantage)
        spread = segments.mean((segments.advantage - middle).square()).sqrt()
        advantage = (segments.advantage - middle) / (spread + 1e-8)
        near = ratio.clamp(1 - practice.clip, 1 + practice.clip)
        policy_loss = -segments.mean(torch.minimum(ratio * advantage, near * advantage))
        entropy = segments.mean(policy.law.entropy(mean, policy.log_sd, segments.intent))
    value = critic.unroll(segments.observation)[1][..., 0]
    value_loss = segments.mean((value - segments.goal).square())
    loss = policy_loss + practice.value_weight * value_loss - practice.entropy_weight * entropy
    with torch.no_grad():
        divergence = segments.mean(ratio - 1 - log_ratio)
        clipped = segments.mean(((ratio - 1).abs() > practice.clip).float())
        measures = torch.stack([loss, policy_loss, value_loss, entropy, divergence, clipped]).detach()
    return loss, measures


def perform(policy: Policy, seen: Running, worlds: Sequence[World], seed: Seed, steps: int | None = None) -> ndarray:
    """What each of some bodies earns in one life, doing what the policy means without any chance, and learning nothing."""
    lives = Lives(worlds, seed)
    mover, total, alive = Mover(policy.network, len(worlds)), np.zeros(len(worlds)), np.ones(len(worlds), bool)
    for _ in range(steps or lives.limit):
        shown = torch.from_numpy(seen.normal(lives.observation).astype(np.float32))
        moment = lives.step(policy.law.action(mover.step(shown)).numpy())
        total += np.where(alive, moment.reward, 0.0)
        alive &= ~moment.ended
        if not alive.any():
            break
    return total

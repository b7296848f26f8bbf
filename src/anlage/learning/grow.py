"""Topology + objective + experience: the loop that grows a network."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from anlage.errors import Diverged
from anlage.experience.experience import Recording
from anlage.learning.checkpoint import read_checkpoint, write_checkpoint
from anlage.learning.measure import Measures, measure
from anlage.learning.recipe import Recipe
from anlage.network import (
    Budget,
    Design,
    Encoder,
    LearningNetwork,
    OperatingPoint,
    RecurrentNetwork,
    SparseRecurrent,
    budget,
    foresee,
    live,
    scale,
)
from anlage.objective import steps_ahead
from anlage.seed import Seed
from anlage.topology import Audit, Topology, audit

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""

Curve = list[dict[str, int | float]]
"""One entry per logged step: ``step``, every part of the loss, and every measure. The first is the untrained network."""


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """A grown network and everything measured on the way; ``curve[0]`` is the untrained network.

    ``audit``: what can influence the last prediction of a sequence; ``audit_at_once``: what can carry one observation into the
    prediction made right after it. ``chance``: probe accuracy of always naming the commonest label.

    A network of another ``design`` was built to cost as much as the one on ``topology``, and has no operating point of that.
    """

    recipe: Recipe
    topology: Topology
    operating_point: OperatingPoint | None
    audit: Audit
    audit_at_once: Audit
    budget: Budget
    encoder: Encoder
    network: LearningNetwork
    curve: Curve
    chance: float

    def __repr__(self) -> str:
        error = self.curve[-1]["prediction_error"]
        return f"<Grown {self.recipe.name}: {self.topology!r}, prediction error {error:.3f}>"


def grow(
    recipe: Recipe,
    topology: Topology | None = None,
    *,
    design: Design | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Grown:
    """Grow one network.

    ``topology``: wire it like this (a control, say) instead of like the recipe's connectome, expanded as the recipe says; all
    else stays the same.
    ``design``: grow this instead of a wiring, built to cost as much as the network on that wiring; the encoder stays the same.
    ``checkpoint``: go on from this file when it exists, and keep it up to date; the result equals an uninterrupted run.

    Raises ``Diverged`` when a loss is not finite or the embedding collapses, ``CheckpointError`` for a foreign checkpoint,
    ``RecipeError`` when a design cannot cost as much.
    """
    seed, recording = Seed(recipe.seed), recipe.open_experience()
    wired = recipe.topology.expanded(topology or recipe.topology.topology(), seed)
    identity = _identity(recipe, wired, design)
    scaled, point = scale(wired, recipe.spectral_radius)
    encoder, network = _born(recipe, scaled, design, recording, seed)
    optimiser = _optimiser(recipe, encoder, network)
    first, curve = _resume(checkpoint, identity, encoder, network, optimiser)
    if not curve:
        curve.append(_entry(0, {}, measure(network, encoder, recording)))
    schedule = recipe.schedule
    for step in range(first, schedule.steps):
        episode = recording.draw(schedule.batch, seed.child("stream").child(step).rng())
        trace = live(network, encoder, episode, recording.modality)
        loss = recipe.objective(foresee(network, trace, steps_ahead(recipe.objective)))
        if not torch.isfinite(loss.total):
            raise Diverged(
                f"The loss of {recipe.name} became {loss.total.item()} at step {step}; lower the learning rate."
            )
        optimiser.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*encoder.parameters(), *network.parameters()], 1.0)
        optimiser.step()
        done = step + 1
        if done % schedule.log_every == 0 or done == schedule.steps:
            curve.append(_entry(done, loss.parts, measure(network, encoder, recording)))
            demand_alive(recipe.name, curve)
            _save(checkpoint, identity, encoder, network, optimiser, curve)
        if progress:
            progress(done, schedule.steps)
    reach, at_once = (_audited(recipe, scaled, network, n) for n in (recording.train.shape[1], 1))
    cost = budget(encoder, network)
    return Grown(
        recipe, scaled, None if design else point, reach, at_once, cost, encoder, network, curve, recording.chance
    )


def _identity(recipe: Recipe, topology: Topology, design: Design | None) -> str:
    """Checksum of the recipe, of the wiring, which need not be the recipe's own, and of the design; a checkpoint's owners."""
    return f"{recipe.identity}-{topology.fingerprint}" + (f"-{design!r}" if design else "")


def _born(
    recipe: Recipe, topology: Topology, design: Design | None, recording: Recording, seed: Seed
) -> tuple[Encoder, LearningNetwork]:
    """Encoder and network at their start. Every arm of a study draws the same interface from the same seed."""
    generator = torch.Generator().manual_seed(seed.child("interface").integer)
    encoder = Encoder(recording.n_input, recipe.latent, generator)
    ports = recipe.ports
    wired = RecurrentNetwork(topology, ports.input, ports.output, recipe.latent, recipe.physiology, generator)
    if design is None:
        return encoder, wired
    generator = torch.Generator().manual_seed(seed.child("design").integer)
    return encoder, design.build(recipe.latent, recipe.latent, budget(None, wired), generator)


def _audited(recipe: Recipe, topology: Topology, network: LearningNetwork, observations: int) -> Audit:
    """What can influence the prediction made after so many observations."""
    if isinstance(network, SparseRecurrent):
        return audit(network.topology, steps=network.physiology.ticks * observations, drive="sustained")
    if not isinstance(network, RecurrentNetwork):
        return Audit.unwired(observations, recipe.latent, network.start(1).activity.shape[1])
    steps = recipe.physiology.ticks * observations
    return audit(topology, recipe.ports.input, recipe.ports.output, steps=steps, drive="sustained")


def _optimiser(recipe: Recipe, encoder: Encoder, network: LearningNetwork) -> torch.optim.AdamW:
    trained = [p for p in (*encoder.parameters(), *network.parameters()) if p.requires_grad]
    return torch.optim.AdamW(trained, lr=recipe.schedule.learning_rate, weight_decay=recipe.schedule.weight_decay)


def _entry(step: int, parts: Mapping[str, float], measures: Measures) -> dict[str, int | float]:
    return {"step": step, **{f"loss_{name}": value for name, value in parts.items()}, **asdict(measures)}


def demand_alive(name: str, curve: Curve) -> None:
    """Raise ``Diverged`` when the embedding has collapsed: onto a line, or towards a point, however many axes it still spans."""
    for key, words, share, least in (
        ("effective_rank", "effective rank", 0.25, 1.05),
        ("embedding_spread", "spread", 0.05, 0.0),
    ):
        now, start = curve[-1][key], curve[0][key]
        if not now >= max(least, share * start):
            raise Diverged(
                f"The embedding of {name} collapsed: its {words} fell from {start:.3g} to {now:.3g} by step "
                f"{curve[-1]['step']}, so a low prediction error means nothing; use the sigreg or vicreg objective, or a larger "
                "weight."
            )


def _tensors(encoder: Encoder, network: LearningNetwork, optimiser: torch.optim.AdamW) -> dict[str, Tensor]:
    """All learned numbers and the optimiser's memory of each, by name."""
    tensors = {f"encoder.{k}": v for k, v in encoder.state_dict().items()}
    tensors |= {f"network.{k}": v for k, v in network.state_dict().items()}
    for number, memory in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{k}": v for k, v in memory.items()}
    return tensors


def _save(
    checkpoint: Path | None,
    identity: str,
    encoder: Encoder,
    network: LearningNetwork,
    optimiser: torch.optim.AdamW,
    curve: Curve,
) -> None:
    if checkpoint:
        write_checkpoint(checkpoint, identity, _tensors(encoder, network, optimiser), {"curve": curve})


def _resume(
    checkpoint: Path | None, identity: str, encoder: Encoder, network: LearningNetwork, optimiser: torch.optim.AdamW
) -> tuple[int, Curve]:
    """Restore from the checkpoint, if there is one; the step to go on from and the curve so far."""
    if not checkpoint or not checkpoint.exists():
        return 0, []
    tensors, progress = read_checkpoint(checkpoint, identity)
    parts: dict[str, dict[str, Tensor]] = {"encoder": {}, "network": {}, "optimiser": {}}
    for name, tensor in tensors.items():
        part, rest = name.split(".", 1)
        parts[part][rest] = tensor
    encoder.load_state_dict(parts["encoder"])
    network.load_state_dict(parts["network"])
    memory: dict[int, dict[str, Tensor]] = {}
    for name, tensor in parts["optimiser"].items():
        number, key = name.split(".", 1)
        memory.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": memory})
    curve: Curve = progress["curve"]  # type: ignore[assignment]
    return int(curve[-1]["step"]), curve

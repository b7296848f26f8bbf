"""Lessons learned one after another, and what learners do so as not to forget."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from anlage.errors import Diverged
from anlage.experience.problem import Problem
from anlage.learning.drill import Curve, answered, answers, loss_of
from anlage.learning.lesson import together
from anlage.learning.readout import InTurn
from anlage.learning.retention import anytime_accuracy, backward_transfer, forgetting, forward_transfer
from anlage.network import LearningNetwork
from anlage.seed import Seed

Sequences = tuple[Tensor, Tensor]
"""What is shown, and the answers to it."""


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """Where the parameters stood after a lesson, and how much each mattered to its answers."""

    stood: tuple[Tensor, ...]
    mattered: tuple[Tensor, ...]

    def pull(self, parameters: Sequence[Tensor]) -> Float[Tensor, ""]:
        """``sum F (now - then)^2 / 2`` (Kirkpatrick et al. 2017, PNAS 114:3521, eq. 3)."""
        parts = zip(parameters, self.stood, self.mattered, strict=True)
        return torch.stack([(weight * (now - then).square()).sum() for now, then, weight in parts]).sum() / 2


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What a learner keeps of the lessons before: some sequences of each, or an anchor for each."""

    sequences: list[Sequences] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)

    def keep(self, network: LearningNetwork, lesson: Problem, readout: InTurn, rng: np.random.Generator) -> None:
        """Keep of a lesson just learned what the learner keeps of lessons; those before share what room there is."""
        order = torch.from_numpy(rng.permutation(len(lesson.train)))
        if readout.learner == "replay":
            share = readout.memory // (len(self.sequences) + 1)
            self.sequences[:] = [(shown[:share], answer[:share]) for shown, answer in self.sequences]
            self.sequences.append((lesson.train[order[:share]], lesson.train_answer[order[:share]]))
        if readout.learner == "ewc":
            stood = tuple(p.detach().clone() for p in learning(network))
            self.anchors.append(Anchor(stood, fisher(network, lesson, lesson.train[order[: readout.samples]])))


def learn_in_turn(
    network: LearningNetwork,
    lessons: tuple[Problem, ...],
    readout: InTurn,
    seed: Seed,
    progress: Callable[[int, int], None] | None = None,
) -> Curve:
    """Train ``network`` in place on one lesson after another, with a fresh Adam for each; the curve has an entry per lesson.

    Each entry holds the accuracy on every lesson, their mean as ``accuracy``, and the measures of ``anlage.learning.retention``
    over the lessons so far; the first is the untrained network, which has nothing to forget. The joint learner has all lessons
    at once: one entry, as if it knew all of them at any time. Raises ``Diverged`` when a loss is not finite.
    """
    studied = (together(lessons),) if readout.learner == "joint" else lessons
    total = sum(readout.epochs * -(-len(lesson.train) // readout.batch) for lesson in studied)
    untrained, known, past, step = accuracies(network, lessons, readout.batch), list[ndarray](), Past(), 0
    curve: Curve = [_entry(0, untrained, known, readout)]
    for number, lesson in enumerate(studied):
        here = seed.child("lesson").child(number)
        optimiser = torch.optim.Adam(learning(network), lr=readout.learning_rate)
        for shown, answer in _batches(lesson, past, readout, here):
            _update(network, lesson, (shown, answer), past, optimiser, readout.strength)
            step += 1
            if progress:
                progress(step, total)
        known.append(accuracies(network, lessons, readout.batch))
        past.keep(network, lesson, readout, here.child("past").rng())
        curve.append(_entry(step, untrained, known * (len(lessons) if readout.learner == "joint" else 1), readout))
    return curve


def learning(network: LearningNetwork) -> list[torch.nn.Parameter]:
    """The parameters that ask for a gradient, in the network's order."""
    return [p for p in network.parameters() if p.requires_grad]


def accuracies(network: LearningNetwork, lessons: Sequence[Problem], batch: int) -> Float[ndarray, " lesson"]:
    """The accuracy on the test part of every lesson."""
    return np.array([one.score(answers(network, one, one.test, batch))["accuracy"] for one in lessons])


def fisher(network: LearningNetwork, lesson: Problem, shown: Float[Tensor, "sample time input"]) -> tuple[Tensor, ...]:
    """Diagonal of the Fisher information of the answers to ``shown``, for every parameter that asks for a gradient.

    ``mean_x sum_c p(c | x) (d log p(c | x) / d theta)^2``, exact over the classes: neither the labels nor a draw take the
    place of the network's own answers (Kunstner, Balles & Hennig 2019, NeurIPS; van de Ven 2025, arXiv 2502.11756).
    """
    learned = learning(network)
    found = tuple(torch.zeros_like(p) for p in learned)
    for one in torch.split(shown, 1):
        log_share = torch.log_softmax(answered(network, lesson, one).flatten(), 0)
        for log_one in log_share:
            gradient = torch.autograd.grad(log_one, learned, retain_graph=True)
            for total, part in zip(found, gradient, strict=True):
                total += log_one.detach().exp() * part.square() / len(shown)
    return found


def _batches(lesson: Problem, past: Past, readout: InTurn, seed: Seed) -> Iterator[Sequences]:
    """Batches of a lesson, epoch by epoch; beside each, as many sequences of the past where some are kept.

    (Experience replay; Chaudhry et al. 2019, arXiv 1902.10486.)
    """
    for epoch in range(readout.epochs):
        order = torch.from_numpy(seed.child("epoch").child(epoch).rng().permutation(len(lesson.train)))
        recall = seed.child("recall").child(epoch).rng()
        for rows in torch.split(order, readout.batch):
            shown, answer = lesson.train[rows], lesson.train_answer[rows]
            if past.sequences:
                kept_shown, kept_answer = (torch.cat(part) for part in zip(*past.sequences, strict=True))
                some = torch.from_numpy(recall.integers(len(kept_shown), size=len(rows)))
                shown, answer = torch.cat([shown, kept_shown[some]]), torch.cat([answer, kept_answer[some]])
            yield shown, answer


def _update(
    network: LearningNetwork,
    lesson: Problem,
    batch: Sequences,
    past: Past,
    optimiser: torch.optim.Adam,
    strength: float,
) -> None:
    """One step of Adam on a batch, pulled back to the anchors; gradient norm clipped at 1."""
    shown, answer = batch
    learned = learning(network)
    loss = loss_of(answered(network, lesson, shown), answer, lesson.kind)
    for anchor in past.anchors:
        loss = loss + strength * anchor.pull(learned)
    if not torch.isfinite(loss):
        raise Diverged(f"The loss of a lesson became {loss.item()}; lower the learning rate or readout.strength.")
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(learned, 1.0)
    optimiser.step()


def _entry(
    step: int, untrained: Float[ndarray, " lesson"], known: Sequence[ndarray], readout: InTurn
) -> dict[str, int | float]:
    """The accuracies after the last row of ``known``, and the measures over the square of it that is known."""
    latest, n = (known[-1] if known else untrained), len(known)
    square = np.stack([*known, untrained])[:n, :n]
    entry: dict[str, int | float] = {"step": step, "accuracy": float(latest.mean())}
    entry["anytime_accuracy"] = anytime_accuracy(square) if n else 0.0
    entry["forgetting"] = forgetting(square) if n > 1 else 0.0
    entry["backward_transfer"] = backward_transfer(square) if n > 1 else 0.0
    if readout.scenario == "domain":
        entry["forward_transfer"] = forward_transfer(square, untrained[:n]) if n > 1 else 0.0
    return entry | {f"lesson_{j + 1}": float(value) for j, value in enumerate(latest)}

"""Training any network to give the answers of a problem."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.errors import Diverged
from anlage.experience.problem import Problem
from anlage.learning.readout import Gradient
from anlage.network import LearningNetwork, Network
from anlage.seed import Seed

Curve = list[dict[str, int | float]]
"""One entry per epoch: ``step``, the mean ``loss`` since the last one, and every score. The first is the untrained network."""


def drill(
    network: LearningNetwork,
    problem: Problem,
    readout: Gradient,
    seed: Seed,
    progress: Callable[[int, int], None] | None,
) -> Curve:
    """Train everything in ``network`` that asks for a gradient, in place, with Adam (Kingma & Ba 2015, arXiv 1412.6980).

    Raises ``Diverged`` when a loss is not finite.
    """
    learned = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(learned, lr=readout.learning_rate)
    n, done = len(problem.train), 0
    per_epoch = -(-n // readout.batch)
    curve: Curve = [{"step": 0, **problem.score(answers(network, problem, problem.test, readout.batch))}]
    for epoch in range(readout.epochs):
        total = 0.0
        order = torch.from_numpy(seed.child("epoch").child(epoch).rng().permutation(n))
        for rows in torch.split(order, readout.batch):
            loss = loss_of(answered(network, problem, problem.train[rows]), problem.train_answer[rows], problem.kind)
            if not torch.isfinite(loss):
                raise Diverged(f"The loss became {loss.item()} at step {done}; lower the learning rate.")
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimiser.step()
            total, done = total + float(loss.detach()) * len(rows) / n, done + 1
            if progress:
                progress(done, readout.epochs * per_epoch)
        scores = problem.score(answers(network, problem, problem.test, readout.batch))
        curve.append({"step": done, "loss": total, **scores})
    return curve


def answers(network: Network, problem: Problem, shown: Tensor, batch: int) -> Tensor:
    """What the network answers at the moments that are asked about, without gradients; shape ``(sample, moment, output)``."""
    with torch.no_grad():
        return torch.cat([answered(network, problem, rows) for rows in torch.split(shown, batch)])


def asked(problem: Problem, sequence: Float[Tensor, "sample time column"]) -> Float[Tensor, "sample moment column"]:
    """The moments of a sequence that the problem asks about: all after the washout, or the last one."""
    return sequence[:, -1:] if problem.train_answer.shape[1] == 1 else sequence[:, problem.washout :]


def answered(network: Network, problem: Problem, rows: Tensor) -> Tensor:
    """What the network answers at the moments that are asked about, with gradients; shape ``(sample, moment, output)``."""
    answer: Tensor = network.unroll(rows.to(torch.get_default_dtype()))[1]
    return asked(problem, answer)


def loss_of(given: Tensor, wanted: Tensor, kind: str) -> Tensor:
    """Cross-entropy for a classification, mean squared error for numbers."""
    if kind == "classification":
        return nn.functional.cross_entropy(given.flatten(0, 1), wanted.flatten(0, 1).to(given.dtype))
    return nn.functional.mse_loss(given, wanted.to(given.dtype))

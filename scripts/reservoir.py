"""Parts of a wiring, and what a frozen network on one is like from outside: for questions that an assay cannot ask."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.experience.problem import Problem
from anlage.learning.readout import LinearMap, Ridge, fit_ridge
from anlage.network import RecurrentNetwork
from anlage.topology import Topology
from anlage.topology.resized import inherited
from anlage.topology.topology import Step


def part(topology: Topology, kept: Int[ndarray, " row"], why: str) -> Topology:
    """The neurons ``kept``, in their order, and the edges among them; ``why`` goes into the history."""
    row = np.full(topology.n_neurons, -1)
    row[kept] = np.arange(len(kept))
    pre, post = row[topology.pre], row[topology.post]
    stays = (pre >= 0) & (post >= 0)
    step = Step("part", {"neurons": len(kept), "of": topology.n_neurons, "which": why})
    return Topology.of(
        len(kept),
        *(pre[stays], post[stays], topology.weight[stays]),
        groups=inherited(topology, kept),
        history=(*topology.history, step),
    )


def states(
    network: RecurrentNetwork, problem: Problem
) -> tuple[Float[ndarray, "sample moment neuron"], Float[ndarray, "sample moment neuron"]]:
    """The activity of every neuron in the training and in the test part, at the moments that are asked about."""
    at_end = problem.train_answer.shape[1] == 1
    with torch.no_grad():
        lived = [network.double().unroll(shown.double())[0].numpy() for shown in (problem.train, problem.test)]
    one, other = (live[:, -1:] if at_end else live[:, problem.washout :] for live in lived)
    return one, other


def read(
    train: Float[ndarray, "sample moment column"],
    test: Float[ndarray, "sample2 moment column"],
    problem: Problem,
    penalties: Iterable[float],
) -> Mapping[float, tuple[float, float]]:
    """Penalty -> primary score on the training and on the test part of a ridge readout; 0 is the one cross-validation takes."""
    again = replace(problem, test=problem.train, test_answer=problem.train_answer)
    answer = problem.train_answer.double().flatten(0, 1).numpy()
    found = {}
    for penalty in penalties:
        fitted = fit_ridge(train.reshape(-1, train.shape[-1]), answer, Ridge(penalty))

        def score(asked: Problem, columns: ndarray, fitted: LinearMap = fitted) -> float:
            given = fitted(columns.reshape(-1, columns.shape[-1])).reshape(asked.test_answer.shape)
            return asked.score(torch.from_numpy(given))[asked.primary]

        found[penalty] = (score(again, train), score(problem, test))
    return found

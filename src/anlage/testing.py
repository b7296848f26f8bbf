"""The conformance kit: does your control, network, objective, experience or task keep its contract?

Each check returns nothing when all is well, and otherwise raises ``AssertionError`` with one sentence that says what is wrong
and why it matters. Call them from your own tests; ours call them on everything that anlage ships.
"""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from anlage.errors import ControlError
from anlage.experience import Experience, Problem, Task
from anlage.experience.measure import MEASURES
from anlage.network import Network
from anlage.objective import Objective
from anlage.topology import Control, Topology, certify
from anlage.trace import Episode, Trace

__all__ = ["check_control", "check_experience", "check_network", "check_objective", "check_task"]

BATCH, TIME, LATENT = 3, 5, 4


def check_control(control: Control, topology: Topology, rng: np.random.Generator) -> None:
    """Check a null model on one topology.

    All that it declares to keep is kept and all that it declares to destroy is destroyed; its input is unchanged; the same
    ``rng`` gives the same graph; neurons and groups stay; the history grows by one step.

    Raises ``AssertionError``, and ``ControlError`` when the control itself refuses the topology.
    """
    assert control.name, "A control needs a name, because arms and reports are called by it."
    before, again = _copy(topology), deepcopy(rng)
    made = control(topology, rng)
    who = f"The control {control.name!r}"
    assert _same_graph(before, topology), f"{who} changed its input; a control must return a new topology."
    try:
        certify(control, topology, made).demand()
    except ControlError as broken:
        raise AssertionError(str(broken)) from broken
    assert _same_graph(made, control(topology, again)), (
        f"{who} made two graphs from the same random numbers; draw everything random from the rng it is given."
    )
    assert made.n_neurons == topology.n_neurons, (
        f"{who} made {made.n_neurons} neurons of {topology.n_neurons}; ports would no longer fit, so keep all neurons."
    )
    assert _same_groups(made, topology), f"{who} changed the groups; ports would no longer mean the same neurons."
    assert made.history[:-1] == topology.history and len(made.history) == len(topology.history) + 1, (
        f"{who} added {len(made.history) - len(topology.history)} steps to the history; every control adds exactly one."
    )


def check_network(network: Network, n_latent: int) -> None:
    """Check a network on random embeddings of width ``n_latent``.

    ``start``, ``step`` and ``unroll`` have the documented shapes; unrolling equals repeated steps; no prediction depends on
    what came later, nor on another sequence of the batch; the same input gives the same output.

    Raises ``AssertionError``.
    """
    state = network.start(BATCH)
    n_neurons = state.activity.shape[-1]
    assert state.activity.shape == (BATCH, n_neurons), (
        f"start({BATCH}) gave activity of shape {tuple(state.activity.shape)}; it must be (batch, neuron)."
    )
    embedding = _normal(BATCH, TIME, n_latent).to(state.activity)
    states, predictions = network.unroll(embedding)
    for what, tensor, width in (("states", states, n_neurons), ("predictions", predictions, n_latent)):
        assert tensor.shape == (BATCH, TIME, width), (
            f"unroll gave {what} of shape {tuple(tensor.shape)}; they must be {(BATCH, TIME, width)}, as (batch, time, width)."
        )
    for t in range(TIME):
        state, prediction = network.step(state, embedding[:, t])
        for what, one, all_ in (("state", state.activity, states), ("prediction", prediction, predictions)):
            assert one.shape == all_[:, t].shape and _near(one, all_[:, t]), (
                f"step and unroll disagree on the {what} at time {t}; what is trained would not be what is embodied."
            )
    assert all(torch.equal(*pair) for pair in zip(network.unroll(embedding), (states, predictions), strict=True)), (
        "Unrolling the same embeddings twice gave two results; a network must keep nothing between calls."
    )
    _check_dependence(network, embedding)


def _check_dependence(network: Network, embedding: Tensor) -> None:
    """No prediction depends on a later embedding or on another sequence."""
    embedding = embedding.detach().clone().requires_grad_()
    _, predictions = network.unroll(embedding)
    for t in range(TIME):
        (gradient,) = torch.autograd.grad(predictions[0, t].square().sum(), embedding, retain_graph=True)
        assert not gradient[0, t + 1 :].any(), (
            f"The prediction at time {t} depends on embeddings after it; predicting what was already seen is not predicting."
        )
        assert not gradient[1:].any(), (
            f"The prediction at time {t} of one sequence depends on another sequence; sequences of a batch are independent."
        )
    assert gradient[0].any(), (
        f"The prediction at time {TIME - 1} depends on no embedding; the ports are not connected, or the gradient is cut."
    )


def check_objective(objective: Objective) -> None:
    """Check an objective on a random trace.

    It gives one finite number; it is pure (the same trace gives the same loss, and is unchanged); the gradient reaches the
    prediction; and the loss falls when every prediction is replaced by what came next.

    Raises ``AssertionError``.
    """
    embedding, prediction = _normal(64, TIME, LATENT), _normal(64, TIME, LATENT, seed=1).requires_grad_()
    observation = {"random": embedding.clone()}
    trace = Trace(embedding, prediction, _normal(64, TIME, 7), Episode(observation))
    kept = [part.detach().clone() for part in (trace.embedding, trace.prediction, trace.state, observation["random"])]
    loss = objective(trace)
    assert loss.total.shape == () and bool(loss.total.isfinite()), (
        f"The loss has shape {tuple(loss.total.shape)} and value {loss.total.tolist()}; it must be one finite number."
    )
    assert all(np.isfinite(value) for value in loss.parts.values()), (
        f"The parts of the loss are {dict(loss.parts)}; every part must be a finite number, because they are logged."
    )
    again = objective(trace)
    assert torch.equal(loss.total, again.total) and dict(loss.parts) == dict(again.parts), (
        "The same trace gave two different losses; an objective is a pure function and keeps no state."
    )
    parts = (trace.embedding, trace.prediction, trace.state, observation["random"])
    assert all(torch.equal(*pair) for pair in zip(parts, kept, strict=True)), (
        "The objective changed the trace it was given; work on copies."
    )
    assert loss.total.requires_grad, "The loss does not depend on the prediction; nothing could be learned from it."
    (gradient,) = torch.autograd.grad(loss.total, prediction)
    assert bool(gradient.isfinite().all()) and gradient.any(), (
        "No finite gradient reaches the prediction; the network could not learn from this objective."
    )
    perfect = torch.cat([embedding[:, 1:], embedding[:, -1:]], dim=1)
    better = objective(replace(trace, prediction=perfect)).total
    assert better.item() < loss.total.item(), (
        f"The loss went from {loss.total.item():.4g} to {better.item():.4g} when every prediction was replaced by what came "
        "next; a perfect prediction must have the smaller loss."
    )


def check_experience(experience: Experience) -> None:
    """Check a source of episodes.

    What is drawn depends on the rng alone; observations have the documented shape and are finite; held-out episodes are the same
    at every call and none of them is learned from; labels belong to their sequences one by one.

    Raises ``AssertionError``.
    """
    first = _observed(experience, experience.draw(4, np.random.default_rng(0)), 4)
    _observed(experience, experience.draw(2, np.random.default_rng(1)), 2)
    second = _observed(experience, experience.draw(4, np.random.default_rng(0)), 4)
    assert torch.equal(first, second), (
        "Two draws with the same random numbers differ; what is drawn must depend on the rng alone, or no run can be repeated."
    )
    held = _observed(experience, experience.held_out())
    assert torch.equal(held, _observed(experience, experience.held_out())), (
        "held_out gave other episodes at its second call; results of two runs would not be comparable."
    )
    labelled = experience.labelled()
    train, test = _observed(experience, labelled.train), _observed(experience, labelled.test)
    assert torch.equal(test, held), (
        "The labelled test part is not the held-out one; a probe must be judged on unseen episodes."
    )
    for what, rows, label in (("train", train, labelled.train_label), ("test", test, labelled.test_label)):
        assert len(rows) == len(label), (
            f"The {what} part has {len(rows)} sequences and {len(label)} labels; give one label each."
        )
    assert set(np.unique(labelled.test_label)) <= set(np.unique(labelled.train_label)), (
        "The test part has labels that the train part lacks; no probe could ever name them."
    )
    learned, drawn = {_bytes(row) for row in train}, {_bytes(row) for row in first}
    if both := sum(_bytes(row) in learned | drawn for row in held):
        raise AssertionError(
            f"{both} of {len(held)} held-out sequences are also learned from; remove them from one part, or memory is measured."
        )


def check_task(task: Task, seed: int = 0) -> None:
    """Check a task by opening it three times.

    It names its source; the same ``rng`` gives the same problem; sequences and answers are finite and fit each other; the right
    answers score at least the oracle, the mean training answer exactly the chance, and the oracle is better than the chance; no
    test sequence is learned from.

    Raises ``AssertionError``, and what the task itself raises when it cannot be opened.
    """
    assert task.source.bibtex, "The task names no BibTeX; what a score was measured on must be citable."
    problem, again = (task.open(np.random.default_rng(seed)) for _ in range(2))
    parts, repeated = ((one.train, one.train_answer, one.test, one.test_answer) for one in (problem, again))
    assert all(torch.equal(*pair) for pair in zip(parts, repeated, strict=True)), (
        "Opened twice with the same random numbers, the task gave two problems; draw everything random from the rng."
    )
    assert all(bool(part.isfinite().all()) for part in parts), (
        "Some sequences or answers are not finite; repair or draw them again."
    )
    _check_answers(problem, "train", problem.train, problem.train_answer)
    _check_answers(problem, "test", problem.test, problem.test_answer)
    assert problem.train.shape[1:] == problem.test.shape[1:], (
        f"Training sequences have shape {tuple(problem.train.shape[1:])} and test sequences {tuple(problem.test.shape[1:])}; one "
        "network must be able to take both."
    )
    learned = {_bytes(row) for row in problem.train}
    if both := sum(_bytes(row) in learned for row in problem.test):
        raise AssertionError(
            f"{both} of {len(problem.test)} test sequences are also learned from; memory would be measured."
        )
    _check_scores(problem)
    other = task.open(np.random.default_rng(seed + 1))
    assert not torch.equal(other.train, problem.train), (
        "Other random numbers gave the same training sequences; seeds of a study would not be independent."
    )


def _check_answers(problem: Problem, what: str, rows: Tensor, answer: Tensor) -> None:
    """Shapes of one part, and what answers of a classification look like."""
    moments = {1, rows.shape[1] - problem.washout}
    assert len(answer) == len(rows) and answer.shape[1] in moments, (
        f"The {what} answers have shape {tuple(answer.shape)}; there must be one per sequence, of {len(rows)}, for 1 moment or "
        f"all {rows.shape[1] - problem.washout} after the washout."
    )
    if problem.kind == "classification":
        assert bool((answer >= 0).all()) and torch.allclose(answer.sum(-1), torch.ones_like(answer[..., 0])), (
            f"The {what} answers of a classification do not add up to one; give one-hot rows, or equal shares of classes."
        )


def _check_scores(problem: Problem) -> None:
    """What the right answers and the mean training answer score, against oracle and chance."""
    right = problem.score(problem.test_answer)
    measure = MEASURES[problem.primary]
    best, mean = right[problem.primary], problem.train_answer.double().mean((0, 1)).expand(problem.test_answer.shape)
    trivial = problem.score(mean)[problem.primary]
    assert measure.at_least(best, problem.oracle), (
        f"The right answers score {best:.4g} in {problem.primary}, but the oracle is {problem.oracle:.4g}; nothing can be "
        "better than right."
    )
    assert np.isclose(trivial, problem.chance, rtol=1e-3, atol=1e-3), (
        f"The mean training answer scores {trivial:.4g} in {problem.primary}, but chance is {problem.chance:.4g}; chance is what "
        "knowing nothing reaches."
    )
    assert not measure.at_least(problem.chance, problem.oracle), (
        f"The oracle, {problem.oracle:.4g} in {problem.primary}, is no better than chance, {problem.chance:.4g}; nothing is to "
        "be learned from this."
    )


def _observed(experience: Experience, episode: Episode, batch: int | None = None) -> Tensor:
    """The observations of an episode, checked for key, shape and finiteness."""
    assert experience.modality in episode.observation, (
        f"The episode has {sorted(episode.observation)}, but the modality is {experience.modality!r}; use it as the key."
    )
    rows = episode.observation[experience.modality]
    wanted = (len(rows) if batch is None else batch, rows.shape[1] if rows.ndim == 3 else 0, experience.n_input)
    assert rows.shape == wanted, (
        f"Observations have shape {tuple(rows.shape)}; they must be (batch, time, input), {wanted[0]} by time by {wanted[2]}."
    )
    assert bool(rows.isfinite().all()), "Some observations are not finite; repair or remove them first."
    return rows


def _copy(topology: Topology) -> Topology:
    groups = {name: rows.copy() for name, rows in topology.groups.items()}
    columns = {name: getattr(topology, name).copy() for name in ("pre", "post", "weight")}
    return replace(topology, groups=groups, **columns)


def _same_graph(one: Topology, other: Topology) -> bool:
    columns = ((one.pre, other.pre), (one.post, other.post), (one.weight, other.weight))
    return one.n_neurons == other.n_neurons and all(_same(*pair) for pair in columns) and _same_groups(one, other)


def _same_groups(one: Topology, other: Topology) -> bool:
    return one.groups.keys() == other.groups.keys() and all(_same(v, other.groups[k]) for k, v in one.groups.items())


def _same(one: ndarray, other: ndarray) -> bool:
    return bool(np.array_equal(one, other))


def _near(one: Tensor, other: Tensor) -> bool:
    """Equal up to rounding in the number format at hand."""
    tolerance = 100 * torch.finfo(one.dtype).eps
    return bool(torch.allclose(one, other, rtol=tolerance, atol=tolerance))


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _bytes(row: Tensor) -> bytes:
    return row.detach().cpu().contiguous().numpy().tobytes()

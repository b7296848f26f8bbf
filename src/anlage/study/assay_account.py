"""The account of an assay: what was done, and what would have been reached without the network."""

from collections.abc import Mapping, Sequence

import numpy as np

from anlage.connectome.connectome import Connectome
from anlage.experience.problem import Problem
from anlage.learning.assay import Assay
from anlage.learning.readout import Gradient, InTurn, Ridge
from anlage.study.account import Table, expanded, which_edges
from anlage.study.arm import Arm
from anlage.study.factor import shown
from anlage.study.figure import plain, signed
from anlage.study.run import Run
from anlage.study.trial import finished

CORE = {
    "frozen": "The weights of the wiring stay at their start.",
    "signed": "So does every weight of the wiring, its sign fixed, and every neuron's bias. No edge is added.",
    "free": "So does every weight of the wiring, free to change sign, and every neuron's bias. No edge is added.",
}
"""Plasticity -> what becomes of the wiring."""


def ten_questions(run: Run, recipe: Assay, connectome: Connectome, problem: Problem, arm: Arm) -> Table:
    """What is asked of every connectome demonstration, answered from the recipe and the records of an assay."""
    topology, first, physiology = recipe.topology.topology(), arm.records[0], recipe.physiology
    reach, cost, dynamics = first["audit"], first["budget"], physiology.dynamics
    n_train, time, n_input = problem.train.shape
    moments, n_output = problem.train_answer.shape[1:]
    asked = (
        "at the end of each"
        if moments == 1
        else f"at each of {moments:,} moments, after a washout of {problem.washout:,}"
    )
    answers = (
        ("Which connectome?", f"{connectome.source.title}; version {connectome.source.version}."),
        (
            "How many neurons are simulated?",
            f"{topology.n_neurons:,} of {connectome.n_neurons:,}, with {topology.n_edges:,} directed edges."
            f"{expanded(recipe.topology.expand, reach)}",
        ),
        ("Which edges?", which_edges(recipe.topology, first["history"])),
        (
            "Which dynamics?",
            f"Leaky rate neurons, x' = (1 − {dynamics.leak:g}) x + {dynamics.leak:g} {dynamics.activation}(current); no units, "
            f"no spikes. Every edge is crossed {physiology.ticks} times per moment. {_scaled(recipe)}"
            f"{_varied(run)}",
        ),
        (
            "What enters?",
            f"{recipe.task.source.title}: {n_train:,} sequences of {time:,} moments of {n_input:,} numbers, mapped linearly onto "
            f"{reach['input']:,} neurons ({', '.join(recipe.ports.input)}).",
        ),
        (
            "What is read?",
            f"{reach['output']:,} neurons ({', '.join(recipe.ports.output)}), linearly, as {n_output} numbers, {asked}.",
        ),
        ("Is the loop closed?", "No. Nothing that the network answers changes what comes next."),
        ("What is trained?", f"{_fitted(recipe)} {CORE[physiology.plasticity]}"),
        (
            "With which parameters?",
            f"{_how(recipe)} {cost['trained_parameters']:,} fitted and {cost['frozen_parameters']:,} frozen parameters.",
        ),
        (
            "How is it reproduced?",
            f"Question {run.question.identity}, seed {recipe.seed} for trial 0 and a stream below it for every other; the "
            "recipe, the command and the versions are at the end.",
        ),
    )
    return Table(("question", "answer"), answers)


def against_table(run: Run, arms: Sequence[Arm]) -> Table:
    """The scores of every arm beside what is reached without a network, by chance, and at best."""
    names = list(arms[0].final)
    records = finished(run.records)
    ends = {end: np.mean([float(str(record[end])) for record in records]) for end in ("oracle", "chance")}

    def row(who: str, scores: Mapping[str, float]) -> tuple[str, ...]:
        numbers = (scores.get(name) for name in names)
        return (who, *("–" if number is None else f"{number:.3f}" for number in numbers))

    rows = [row(arm.name, {name: float(value.mean()) for name, value in arm.final.items()}) for arm in arms]
    rows.append(row("input, no network", run.input_only))
    rows.append(row("chance", {names[0]: float(ends["chance"])}))
    rows.append(row("best possible", {names[0]: float(ends["oracle"])}))
    return Table(("", *(plain(name) for name in names)), tuple(rows))


def against_words(run: Run, arm: Arm) -> str:
    """Whether the network adds anything to its input, in a sentence."""
    name, values = next(iter(arm.final.items()))
    here, alone = float(values.mean()), run.input_only[name]
    return (
        f"The network on the connectome reaches a {plain(name)} of {here:.3f}, the same kind of linear readout on the input "
        f"alone {alone:.3f}: a difference of {signed(here - alone, 3)}."
    )


def tuning_table(arms: Sequence[Arm]) -> Table | None:
    """How often each level was the best of a trial, where trials chose their own."""
    chosen = {arm.name: [_words(r["tuned"]["level"]) for r in arm.records if "tuned" in r] for arm in arms}
    levels = dict.fromkeys(
        _words(tried["level"]) for arm in arms for r in arm.records if "tuned" in r for tried in r["tuned"]["sweep"]
    )
    if not levels:
        return None
    rows = [(level, *(str(chosen[arm.name].count(level)) for arm in arms)) for level in levels]
    return Table(("level", *(arm.name for arm in arms)), tuple(rows))


def _words(level: Mapping[str, object]) -> str:
    return ", ".join(f"{path} = {value}" for path, value in level.items())


def _varied(run: Run) -> str:
    """What does not stay as the recipe says."""
    compared = run.question.comparison
    factors = compared.factors if compared else ()
    said = "; ".join(f"{factor.path}: {', '.join(map(shown, factor.levels))}" for factor in factors)
    return f" Of these and what follows, varied: {said}." if said else ""


def _scaled(recipe: Assay) -> str:
    if recipe.gain:
        return f"All weights are multiplied by {recipe.gain:g}."
    if recipe.bulk_activity:
        return (
            "All weights are scaled until the neurons in neither port have a root mean square activity of "
            f"{recipe.bulk_activity:g} under this input."
        )
    return f"All weights are scaled to a spectral radius of {recipe.spectral_radius:g}."


def _fitted(recipe: Assay) -> str:
    if recipe.readout.learns:
        return "The linear map onto the input neurons and the one out of the output neurons learn."
    return "The linear map out of the output neurons; the one onto the input neurons is drawn at random and stays."


def _how(recipe: Assay) -> str:
    if isinstance(recipe.readout, InTurn):
        turn = recipe.readout
        return (
            f"Adam, {turn.lessons} lessons one after another ({turn.scenario}-incremental, {turn.learner}), {turn.epochs} epochs "
            f"of each in batches of {turn.batch}, learning rate {turn.learning_rate:g}."
        )
    if isinstance(recipe.readout, Gradient):
        way = recipe.readout
        return f"Adam, {way.epochs} epochs in batches of {way.batch}, learning rate {way.learning_rate:g}."
    chosen = isinstance(recipe.readout, Ridge) and not recipe.readout.penalty
    return f"Ridge regression, its penalty {'chosen by cross-validation in every trial' if chosen else 'fixed'}."

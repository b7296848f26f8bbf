"""A network on a wiring, driven by a task, and a readout fitted to it: how well does it answer?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import Diverged, RecipeError
from anlage.experience.memory_capacity import MemoryCapacity
from anlage.experience.problem import Problem, Task
from anlage.learning.drill import Curve, answers, asked, drill
from anlage.learning.in_turn import learn_in_turn
from anlage.learning.lesson import in_lessons, together
from anlage.learning.measure import NUMBERS_AT_ONCE
from anlage.learning.operate import activated, gained
from anlage.learning.readout import Gradient, InTurn, LinearMap, Readout, Ridge, fit_ridge
from anlage.learning.recipe import ASSAY_KINDS, Blueprint, PortChoice, demand_name
from anlage.learning.table import to_table, toml
from anlage.network import Budget, LearningNetwork, OperatingPoint, Physiology, RecurrentNetwork, budget, scale
from anlage.network.design import Design
from anlage.network.port import linear
from anlage.seed import Seed
from anlage.topology import Audit, Topology, audit

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""

ENOUGH = 64
"""Training sequences, and moments of each after the washout, by whose activity an operating point is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assay:
    """A recipe without an objective: a wiring, a task, and what is fitted to answer it.

    The operating point is a ``spectral_radius``, or else, where it is not 0, a ``gain`` that all weights are multiplied with, or
    a ``bulk_activity``: the root mean square activity, under the input of the task, of the neurons that are in neither port.
    ``input_gain`` multiplies the map from the input onto the input neurons, drawn with variance 1 / n_input.
    """

    name: str
    topology: Blueprint = field(default_factory=Blueprint)
    ports: PortChoice = field(default_factory=PortChoice)
    physiology: Physiology = field(default_factory=lambda: Physiology(plasticity="frozen"))
    spectral_radius: float = 0.9
    gain: float = 0.0
    bulk_activity: float = 0.0
    input_gain: float = 1.0
    task: Task = field(default_factory=MemoryCapacity)
    readout: Readout = field(default_factory=Ridge)
    seed: int = 0

    def __post_init__(self) -> None:
        demand_name(self.name)
        for name in ("spectral_radius", "input_gain"):
            if not 0 < getattr(self, name) < float("inf"):
                raise RecipeError(f"{name} is {getattr(self, name)}, but must be a positive number.")
        for name in ("gain", "bulk_activity"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise RecipeError(f"{name} is {getattr(self, name)}, but must be a positive number, or 0 for none.")
        if self.gain and self.bulk_activity:
            raise RecipeError(
                f"gain is {self.gain} and bulk_activity {self.bulk_activity}, but only one can set the operating point; leave "
                "the other out."
            )
        if self.physiology.plasticity != "frozen" and not self.readout.learns:
            raise RecipeError(
                f"plasticity is {self.physiology.plasticity!r}, but a ridge readout changes nothing in the network; set it to "
                "'frozen', or use the gradient readout."
            )

    @property
    def identity(self) -> str:
        """Checksum of everything in the recipe that is not as it is by default, 16 hexadecimal digits."""
        return sha256(toml(to_table(self, ASSAY_KINDS, defaults=False)).encode()).hexdigest()[:16]

    def to_toml(self) -> str:
        """This recipe as TOML text."""
        return toml(to_table(self, ASSAY_KINDS))


@dataclass(frozen=True, slots=True, eq=False)
class Assayed:
    """What an assay found. ``curve[-1]`` holds the scores; of a learned readout also those before and on the way.

    ``topology``, ``operating_point`` and ``audit`` are None for a network without a wiring. ``penalty`` is that of a ridge
    readout, ``sweep`` the mean squared error left out for every penalty that was tried.
    """

    recipe: Assay
    topology: Topology | None
    operating_point: OperatingPoint | None
    audit: Audit | None
    budget: Budget
    network: LearningNetwork
    curve: list[dict[str, int | float]]
    penalty: float | None
    sweep: tuple[tuple[float, float], ...]
    oracle: float
    chance: float

    @property
    def scores(self) -> Mapping[str, float]:
        """The scores at the end."""
        return {name: value for name, value in self.curve[-1].items() if name not in ("step", "loss")}


def assay(
    recipe: Assay, topology: Topology | None = None, *, validate: bool = False, progress: Progress | None = None
) -> Assayed:
    """Fit one readout, and score it on the test part.

    ``topology``: wire the network like this (a control, say) instead of like the recipe's connectome; all else stays the same.
    ``validate``: fit on four fifths of the training part and score on the last fifth, for choosing among settings.

    Raises ``Diverged`` when activity or loss is not finite, ``RecipeError`` where the task cannot be split.
    """
    seed, lessons = Seed(recipe.seed), _lessons(recipe, validate)
    problem = together(lessons)
    wired = recipe.topology.expanded(topology or recipe.topology.topology(), seed)
    scaled, point = _operate(recipe, wired, problem, seed)
    network = born(recipe, scaled, problem, seed)
    reach = audit(
        scaled,
        *(recipe.ports.input, recipe.ports.output),
        steps=recipe.physiology.ticks * problem.train.shape[1],
        drive="pulse" if _flashes(recipe, problem) else "sustained",
    )
    if recipe.readout.learns:
        curve = _taught(network, lessons, recipe, progress)
        return Assayed(
            *(recipe, scaled, point, reach, budget(None, network), network, curve),
            *(None, (), problem.oracle, problem.chance),
        )
    network.requires_grad_(False)
    fitted, scores = _ridge(network.double(), problem, cast(Ridge, recipe.readout))
    with torch.no_grad():
        network.ports.out.weight.copy_(torch.from_numpy(fitted.weight.T))
        network.ports.out.bias.copy_(torch.from_numpy(fitted.bias))
    network.ports.out.requires_grad_(True)
    return Assayed(
        *(recipe, scaled, point, reach, budget(None, network), network, [{"step": 0, **scores}]),
        *(fitted.penalty, fitted.sweep, problem.oracle, problem.chance),
    )


def assay_design(recipe: Assay, design: Design, *, validate: bool = False) -> Assayed:
    """The same task, trained in the same way, given to a network without a wiring that costs what the recipe's own does.

    Raises ``RecipeError`` when the recipe's readout is not learned, since such a network has no state worth reading before it
    learned, or when nothing that is shown can reach its answers: that would be a control that cannot but lose.
    """
    if not recipe.readout.learns:
        raise RecipeError(
            f"The network {design.name!r} is trained by gradient, but the readout of {recipe.name} is not; give the recipe "
            'readout = "gradient" to compare the two.'
        )
    seed, lessons = Seed(recipe.seed), _lessons(recipe, validate)
    problem = together(lessons)
    wired = recipe.topology.expanded(recipe.topology.topology(), seed)
    own = budget(None, born(recipe, _operate(recipe, wired, problem, seed)[0], problem, seed))
    generator = torch.Generator().manual_seed(seed.child("design").child(design.name).integer)
    network = design.build(problem.train.shape[-1], problem.train_answer.shape[-1], own, generator)
    _demand_reached(recipe, design, answers(network, problem, problem.train[:ENOUGH], ENOUGH))
    curve = _taught(network, lessons, recipe, None)
    return Assayed(
        *(recipe, None, None, None, budget(None, network), network, curve),
        *(None, (), problem.oracle, problem.chance),
    )


def _demand_reached(recipe: Assay, design: Design, answer: Float[Tensor, "sample moment output"]) -> None:
    """What the audit is to a wiring: untrained answers to different sequences must differ."""
    if len(answer) > 1 and bool((answer == answer[:1]).all()):
        raise RecipeError(
            f"Nothing that {recipe.task.source.title} shows reaches the answers of {design.name!r}, which looks back too little; "
            "give it a longer window, take a network that remembers, or let the task show its input to the end."
        )


def input_only(recipe: Assay) -> Mapping[str, float]:
    """The scores of a ridge readout on the input itself, no network between: at each moment, or of a whole short sequence."""
    problem = together(_lessons(recipe, False))
    at_end = problem.train_answer.shape[1] == 1

    def columns(shown: Tensor) -> Tensor:
        if not at_end:
            return asked(problem, shown).double()
        # An image that is held says no more in several moments than in one.
        still = bool((shown == shown[:, :1]).all())
        return (shown[:, :1] if still else shown.flatten(1).unsqueeze(1)).double()

    fitted = _fit(columns(problem.train), problem, Ridge())
    return problem.score(_answered(fitted, columns(problem.test)))


def pose(recipe: Assay, validate: bool = False) -> Problem:
    """The problem of a recipe; with ``validate``, the last fifth of the training sequences are the test part, or one of a few."""
    problem = recipe.task.open(Seed(recipe.seed).child("task").rng())
    if not validate:
        return problem
    if len(problem.train) == 1:
        problem = _cut(recipe, problem)
    cut = len(problem.train) - max(1, len(problem.train) // 5)
    first, rest = (problem.train[:cut], problem.train_answer[:cut]), (problem.train[cut:], problem.train_answer[cut:])
    return replace(problem, train=first[0], train_answer=first[1], test=rest[0], test_answer=rest[1])


def _cut(recipe: Assay, problem: Problem) -> Problem:
    """The problem with its only training sequence cut into five, each after a washout of its own."""
    moments, washout = problem.train_answer.shape[1] // 5, problem.washout
    if not moments:
        raise RecipeError(
            f"The task of {recipe.name} has one sequence with {problem.train_answer.shape[1]} answers to learn from, but a "
            "validation part needs at least 5, or more sequences."
        )
    starts = range(0, 5 * moments, moments)
    train = torch.cat([problem.train[:, at : at + washout + moments] for at in starts])
    answer = torch.cat([problem.train_answer[:, at : at + moments] for at in starts])
    # The old test part has another length, and is not asked for.
    return replace(problem, train=train, train_answer=answer, test=train[:1], test_answer=answer[:1])


def _lessons(recipe: Assay, validate: bool) -> tuple[Problem, ...]:
    """What is learned one after another: the whole problem at once, unless the readout says otherwise."""
    problem, readout = pose(recipe, validate), recipe.readout
    if not isinstance(readout, InTurn):
        return (problem,)
    return in_lessons(problem, readout.lessons, readout.scenario, Seed(recipe.seed).child("lessons").rng())


def _taught(network: LearningNetwork, lessons: tuple[Problem, ...], recipe: Assay, progress: Progress | None) -> Curve:
    """Train everything in a network that asks for a gradient, in place."""
    readout, seed = recipe.readout, Seed(recipe.seed)
    if isinstance(readout, InTurn):
        return learn_in_turn(network, lessons, readout, seed, progress)
    return drill(network, lessons[0], cast(Gradient, readout), seed, progress)


def born(recipe: Assay, topology: Topology, problem: Problem, seed: Seed) -> RecurrentNetwork:
    """The network at its start, as wide as the task. Every arm of a study draws the same interface from the same seed."""
    generator = torch.Generator().manual_seed(seed.child("interface").integer)
    ports, n_input = recipe.ports, problem.train.shape[-1]
    network = RecurrentNetwork(topology, ports.input, ports.output, n_input, recipe.physiology, generator)
    network.ports.out = linear(len(network.ports.output), problem.train_answer.shape[-1], generator)
    with torch.no_grad():
        network.ports.into.weight.mul_(recipe.input_gain)
    return network


def _operate(recipe: Assay, wired: Topology, problem: Problem, seed: Seed) -> tuple[Topology, OperatingPoint]:
    """The topology at the operating point that the recipe asks for."""
    if recipe.gain:
        return gained(wired, recipe.gain)
    if not recipe.bulk_activity:
        return scale(wired, recipe.spectral_radius)
    in_port = torch.zeros(wired.n_neurons, dtype=torch.bool)
    for names in (recipe.ports.input, recipe.ports.output):
        in_port[torch.from_numpy(wired.group(names))] = True
    bulk = ~in_port if not in_port.all() else in_port

    def activity(topology: Topology) -> float:
        network = born(recipe, topology, problem, seed)
        with torch.no_grad():
            state = network.unroll(problem.train[:ENOUGH, : problem.washout + ENOUGH].to(network.weight.dtype))[0]
        return float(state[:, problem.washout :, bulk].double().square().mean().sqrt())

    return activated(wired, recipe.bulk_activity, activity)


def _flashes(recipe: Assay, problem: Problem) -> bool:
    """Whether only walks of exactly so many edges count: a pulse, and neurons that forget at once."""
    forgets = recipe.physiology.dynamics.leak == 1 and recipe.physiology.ticks == 1
    at_end = problem.train_answer.shape[1] == 1
    return forgets and at_end and not problem.train[:, 1:].any()


def _ridge(network: RecurrentNetwork, problem: Problem, readout: Ridge) -> tuple[LinearMap, Mapping[str, float]]:
    fitted = _fit(_states(network, problem, problem.train), problem, readout)
    return fitted, problem.score(_answered(fitted, _states(network, problem, problem.test)))


def _fit(columns: Float[Tensor, "sample moment column"], problem: Problem, readout: Ridge) -> LinearMap:
    return fit_ridge(columns.flatten(0, 1).numpy(), problem.train_answer.double().flatten(0, 1).numpy(), readout)


def _answered(
    fitted: LinearMap, columns: Float[Tensor, "sample moment column"]
) -> Float[Tensor, "sample moment output"]:
    return torch.from_numpy(fitted(columns.flatten(0, 1).numpy())).view(*columns.shape[:2], -1)


def _states(network: RecurrentNetwork, problem: Problem, shown: Tensor) -> Float[Tensor, "sample moment member"]:
    """The activity of the output neurons at the moments that are asked about, lived a part at a time to bound memory."""
    size = max(1, NUMBERS_AT_ONCE // (shown.shape[1] * network.wiring.n_neurons))
    with torch.no_grad():
        parts = [
            asked(problem, network.unroll(rows.double())[0])[..., network.ports.output]
            for rows in torch.split(shown, size)
        ]
    states = torch.cat(parts)
    if not states.isfinite().all():
        raise Diverged(
            "The activity of the network is not finite; lower the spectral radius, the gain or the ticks, or choose the tanh "
            "activation, which is bounded."
        )
    return states

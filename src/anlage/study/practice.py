"""Bodies that wirings learn to move: the connectome, rewired ones and perceptrons, from the same seeds.

Either nothing but the wiring is given, and all weights begin by chance; or a motor circuit is born swimming.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import inf
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import Diverged
from anlage.experience.bodies import SWIMMER, open_world
from anlage.experience.world import World
from anlage.learning.checkpoint import read_json, write_json
from anlage.learning.policy import Policy, calmed, motor_network
from anlage.learning.ppo import Practice, Progress, perform, practise
from anlage.learning.recipe import Blueprint, PortChoice
from anlage.learning.running import Running
from anlage.network import LearningNetwork, PerceptronDesign, Physiology, budget, scale
from anlage.seed import Seed
from anlage.study.born import EVEN, INNATE_ARMS, INNATE_RATE, INNATE_SPREAD, RATE, born, told
from anlage.study.compare import through
from anlage.study.outcome import Outcome
from anlage.study.statistics import Contrast, Pair, family
from anlage.study.trial import CONNECTOME, Record
from anlage.topology import DegreePreserving, control_graph

REWIRED, PERCEPTRON = "degree-preserving", "mlp"
ARMS = (CONNECTOME, REWIRED, PERCEPTRON)
ENGINEERED = (PERCEPTRON, EVEN)
"""Arms that are no ensemble of graphs: the seeds of the connectome are held against theirs."""
EXAM = 10
"""Lives, without chance and from postures never practised, that a score is the mean of."""
RADIUS = 0.9
"""Spectral radius at which every wiring starts, as in a recipe that does not say otherwise."""
POINTS = 40
"""Moments of learning that a curve is drawn through."""
OUTCOME = Outcome("score", higher_is_better=True, floor=-inf, ceiling=inf)
SPREAD = 0.5
"""Standard deviation of actions at the start, of a range from -1 to 1."""


@dataclass(frozen=True, slots=True)
class PracticePlan:
    """What is learned: which wiring moves which body, for how many steps, in how many trials of every arm.

    ``innate``: circuits are born swimming (``born.py``), and the body is the swimmer.
    """

    connectome: str
    body: str
    steps: int
    graphs: int = 3
    seed: int = 0
    n_links: int = 6
    innate: bool = False

    @property
    def arms(self) -> tuple[str, ...]:
        """The connectome, and what it is compared with."""
        return INNATE_ARMS if self.innate else ARMS

    @property
    def body_words(self) -> str:
        """The body in words."""
        return f"a swimmer of {self.n_links} links" if self.body == SWIMMER else f"the {self.body.replace('-', ' ')}"


@dataclass(frozen=True, slots=True)
class PracticeTrial:
    """One trial: one arm, one seed. ``folder`` keeps what was learned, also when interrupted."""

    plan: PracticePlan
    arm: str
    index: int
    folder: str

    @property
    def identity(self) -> dict[str, object]:
        """What must be the same for a kept record to be this one's; how many trials there are is not."""
        said = {**asdict(self.plan), "arm": self.arm, "index": self.index}
        del said["graphs"]
        wiring = Blueprint(self.plan.connectome).topology().fingerprint
        return said | {"wiring": wiring, "practice": str(self.practice()), "spread": self.spread}

    def practice(self) -> Practice:
        """What has no memory learns from single steps, as many at a time."""
        usual, perceptron = Practice(self.plan.steps), self.arm == PERCEPTRON
        stretch = min(usual.stretch, -(-self.plan.steps // usual.bodies))
        if self.plan.innate:
            rate = RATE if perceptron else INNATE_RATE
            return replace(usual, stretch=stretch, segment=1, learning_rate=rate, normalised=perceptron)
        return replace(usual, stretch=stretch, segment=1 if perceptron else usual.segment)

    @property
    def spread(self) -> float:
        """Standard deviation of actions at the start."""
        return INNATE_SPREAD if self.plan.innate and self.arm != PERCEPTRON else SPREAD

    def run(self, progress: Progress | None = None) -> Record:
        """Practise, then sit the exam (what is born able, before as well); what diverged says so and has no score."""
        stream, practice, plan = self._stream(), self.practice(), self.plan
        worlds = [self._world() for _ in range(max(practice.bodies, EXAM))]
        network = self.network((worlds[0].n_observed, worlds[0].n_action))
        policy = Policy(network, worlds[0].n_action, sd=self.spread)
        path = Path(self.folder) / f"{self.arm}-{self.index}.safetensors"
        fresh = Running(worlds[0].n_observed, still=True)
        before = perform(policy, fresh, worlds[:EXAM], stream.child("exam")) if plan.innate else None
        record: Record = {
            "identity": self.identity,
            "trained": budget(None, network).trained_parameters,
            **({} if before is None else {"before": round(float(before.mean()), 2)}),
        }
        given = (policy, worlds[: practice.bodies], practice, stream.child("practice"))
        try:
            done = practise(*given, checkpoint=path, progress=progress)
        except Diverged as lost:
            return {**record, "diverged": str(lost), "score": None, "curve": []}
        exam = perform(policy, done.seen, worlds[:EXAM], stream.child("exam"))
        told = [entry for entry in done.curve if "return" in entry]
        chosen = {round(i) for i in np.linspace(0, len(told) - 1, POINTS)} if told else set()
        curve = [[told[i]["step"], round(told[i]["return"], 2)] for i in sorted(chosen)]
        return {**record, "score": round(float(exam.mean()), 2), "curve": curve}

    def network(self, size: tuple[int, int]) -> LearningNetwork:
        """The network of this trial; every arm's interface is drawn from the same seed."""
        if self.plan.innate:
            return born(self.plan.connectome, self.arm, self.index, self.plan.seed, self.plan.n_links)
        stream, topology = self._stream(), Blueprint(self.plan.connectome).topology()
        if self.arm == REWIRED:
            topology = control_graph(DegreePreserving(), topology, stream.child("graph").rng())[0]
        generator = torch.Generator().manual_seed(stream.child("interface").integer)
        wired = motor_network(scale(topology, RADIUS)[0], PortChoice(), size, Physiology(), generator)
        if self.arm != PERCEPTRON:
            return wired
        return calmed(PerceptronDesign().build(*size, budget(None, wired), generator))

    def _world(self) -> World:
        return told(self.plan.n_links) if self.plan.innate else open_world(self.plan.body, self.plan.n_links)

    def _stream(self) -> Seed:
        return Seed(self.plan.seed).child(self.index)

    def kept(self) -> Record | None:
        """The record that the folder holds of this very trial."""
        return read_json(
            Path(self.folder) / f"{self.arm}-{self.index}.json", lambda r: r.get("identity") == self.identity
        )

    def keep(self, record: Record) -> None:
        """Leave a record for the next run."""
        write_json(Path(self.folder) / f"{self.arm}-{self.index}.json", record)


@dataclass(frozen=True, slots=True, eq=False)
class PracticeRun:
    """Finished trials: the records of every arm by index, and the contrasts."""

    plan: PracticePlan
    records: Mapping[str, Sequence[Record]]
    contrasts: Sequence[Contrast]

    def scores(self, arm: str) -> Float[ndarray, " trial"]:
        """What every trial of an arm earned in its exam; NaN where learning diverged."""
        return scores(self.records[arm])

    def before(self, arm: str) -> Float[ndarray, " trial"]:
        """What every trial of an innate arm earned in its exam before it practised."""
        return np.array([record["before"] for record in self.records[arm]], dtype=float)


def scores(records: Sequence[Record]) -> Float[ndarray, " trial"]:
    """The scores of some trials; NaN where there is none."""
    return np.array([np.nan if record["score"] is None else record["score"] for record in records], dtype=float)


def carry_out_practice(
    plan: PracticePlan, folder: Path, *, workers: int = 1, progress: Callable[[str, int, int], None] | None = None
) -> PracticeRun:
    """Every trial of every arm; those that the folder holds are taken as they are, interrupted ones go on where they stood.

    Raises ``UnknownName`` for an unknown connectome or body, ``BodyError`` for a wiring without input or output neurons.
    """
    wanted = [PracticeTrial(plan, arm, index, str(folder)) for index in range(plan.graphs) for arm in plan.arms]
    report = progress or (lambda _what, _done, _total: None)
    found = through(
        wanted,
        workers=workers,
        progress=partial(report, "trials"),
        here=lambda trial: trial.run(partial(report, "steps")),
    )
    records = {arm: [found[trial] for trial in wanted if trial.arm == arm] for arm in plan.arms}
    return PracticeRun(plan, records, _contrasts(records, plan.seed) if plan.graphs > 1 else [])


def _contrasts(records: Mapping[str, Sequence[Record]], seed: int) -> list[Contrast]:
    """The connectome against the other arms; trial ``i`` against trial ``i``."""
    measured = scores(records[CONNECTOME])
    pairs = []
    for arm in [arm for arm in records if arm != CONNECTOME]:
        other = scores(records[arm])
        n = int(np.isfinite(measured - other).sum())
        pairs.append(Pair(OUTCOME, arm, measured, other, n, 0.0, None, engineered=arm in ENGINEERED))
    return family(pairs, Seed(seed).child("bootstrap").rng())

"""What ``question.toml`` declares, made to run: the part of the brain, its rewires, the expert, the lessons, the exams."""

import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from anlage.connectome.library import load
from anlage.experience.bodies import open_world
from anlage.experience.world import World
from anlage.learning.imitate import Apprenticeship, Demonstrations, Expert, demonstrate, imitate
from anlage.learning.policy import CALM, Layers, Mover, Policy, calmed, motor_network
from anlage.learning.ppo import Practice, perform, practise
from anlage.learning.recipe import PortChoice
from anlage.learning.running import Running
from anlage.network import GatedDesign, LearningNetwork, PerceptronDesign, Physiology, budget, scale
from anlage.network.dynamics import Leaky
from anlage.network.start import OperatingPoint
from anlage.seed import Seed
from anlage.topology import (
    Certificate,
    Control,
    DegreePreserving,
    ErdosRenyi,
    InterfaceOnly,
    PermuteWeights,
    Step,
    Topology,
    audit,
    build,
    control_graph,
    divide,
)
from anlage.topology.between import BETWEEN, Between
from anlage.topology.quantity import spectral_radius

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from declared import Declared  # noqa: E402

ASKED = Declared.of(HERE)
QUESTION = ASKED.words
PORTS = PortChoice(tuple(QUESTION["graph"]["input"]), tuple(QUESTION["graph"]["output"]))
CONTROLS: dict[str, Control] = {
    control.name: control
    for control in (DegreePreserving(), ErdosRenyi(), PermuteWeights(), InterfaceOnly(PORTS.input, PORTS.output))
}
UNWEIGHTED = "-unweighted"
MLP, GRU = "mlp", "gru"
DECIDING = ("connectome", "degree-preserving", "erdos-renyi", "weight-permuted", MLP)
"""The arms that the answer depends on."""
ROOT = Seed(QUESTION["seed"])


@cache
def part() -> Topology:
    """The neurons of the larva on short walks from the senses of its body to its descending neurons, and their edges."""
    words = QUESTION["graph"]
    whole = build(load(words["connectome"]), signs="none", weights="count", min_synapses=float(words["min_synapses"]))
    return divide(whole, Between(PORTS.input, PORTS.output, words["hops"])).part(BETWEEN).topology


@cache
def whole() -> tuple[Topology, OperatingPoint]:
    """That part at the spectral radius of the question, and the factor that brought it there."""
    return scale(part(), QUESTION["graph"]["spectral_radius"])


@lru_cache(maxsize=2)
def graph(arm: str, index: int) -> tuple[Topology, Certificate | None]:
    """The graph of an arm as its network begins with it, and the certificate of its control.

    Every graph with weights has the spectral radius of the question. Unweighted ones are what is left in the published
    comparison: every edge is worth 1 where the connectome has counts, and both are multiplied by the connectome's factor.
    """
    own, point = whole()
    if arm not in {*CONTROLS, *(name + UNWEIGHTED for name in CONTROLS)}:
        return own, None
    name = arm.removesuffix(UNWEIGHTED)
    made, certificate = control_graph(CONTROLS[name], part(), ROOT.child("graph").child(name).child(index).rng())
    if arm == name:
        return scale(made, QUESTION["graph"]["spectral_radius"])[0], certificate
    return made.reweighted(Step("unweighted"), np.full(made.n_edges, point.factor)), certificate


def network(arm: str, index: int) -> LearningNetwork:
    """The network of a trial; trial ``index`` of every graph has the same maps into and out of the ports."""
    words = QUESTION["network"]
    generator = torch.Generator().manual_seed(ROOT.child("interface").child(index).integer)
    physiology = Physiology(Leaky(words["leak"]), words["ticks"], words["plasticity"])
    size = (open_body().n_observed, open_body().n_action)
    wired = motor_network(graph(arm, index)[0], PORTS, size, physiology, generator)
    if arm == MLP:
        return calmed(PerceptronDesign().build(*size, budget(None, wired), generator))
    return GatedDesign().build(*size, budget(None, wired), generator) if arm == GRU else wired


def open_body() -> World:
    """The body that everybody moves."""
    return open_world(QUESTION["body"])


@final
class Clumsy:
    """A body whose motors do not quite do what they are told: normal noise, drawn anew from the seed of every life.

    An expert in such a body shows how to recover from what it would not have done (Laskey et al. 2017, CoRL, DART).
    """

    def __init__(self, world: World, sd: float) -> None:
        self.name, self.n_observed, self.n_action, self.limit = (
            world.name,
            world.n_observed,
            world.n_action,
            world.limit,
        )
        self._world, self._sd, self._rng = world, sd, np.random.default_rng(0)

    def begin(self, seed: int) -> np.ndarray:
        """A new life."""
        self._rng = np.random.default_rng(seed)
        return self._world.begin(seed)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        """One step under nearly this action."""
        return self._world.step(np.clip(action + self._sd * self._rng.standard_normal(len(action)), -1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class School:
    """The expert, what it showed, and what it showed to nobody."""

    expert: Expert
    shown: Demonstrations
    test: Demonstrations
    score: float


def school(room: Path) -> School:
    """The same for every arm; the expert learns once, and is kept in ``room``."""
    words, said = QUESTION["expert"], QUESTION["demonstrations"]
    bodies = [open_body() for _ in range(max(8, QUESTION["exam"]["lives"]))]
    generator = torch.Generator().manual_seed(Seed(words["seed"]).child("expert").integer)
    layers = Layers(bodies[0].n_observed, bodies[0].n_action, tuple(words["layers"]), generator, CALM)
    policy = Policy(layers, bodies[0].n_action, sd=words["spread"])
    practice = Practice(words["steps"], segment=1, epochs=words["epochs"], last_rate=words["last_rate"])
    seed, path = Seed(words["seed"]).child("practice"), room / "expert.safetensors"
    done = practise(policy, bodies[:8], practice, seed, checkpoint=path)

    def expert(observation: np.ndarray) -> np.ndarray:
        answer = Mover(policy.network, len(observation)).step(_single(done.seen.normal(observation)))
        return policy.law.action(answer).double().numpy()

    def lives(n: int, name: str) -> Demonstrations:
        worlds = [Clumsy(open_body(), said["clumsy_sd"] if life % 2 else 0.0) for life in range(n)]
        return demonstrate(expert, worlds, ROOT.child(name), steps=said["steps"])

    shown, test = lives(max(said["lives"]), "shown"), lives(said["test_lives"], "test")
    return School(expert, shown, test, exam(policy, done.seen))


def exam(policy: Policy, seen: Running) -> float:
    """What a policy earns by itself, without chance, of 1,000."""
    words = QUESTION["exam"]
    earned = perform(policy, seen, [open_body() for _ in range(words["lives"])], ROOT.child("exam"), words["steps"])
    return round(float(1000 * earned.mean() / words["steps"]), 2)


def error(policy: Policy, seen: Running, test: Demonstrations) -> float:
    """Mean squared difference from what the expert would do, as a share of the variance of what it does."""
    n, time, width = test.observation.shape
    shown = _single(seen.normal(test.observation.reshape(-1, width))).view(n, time, width)
    with torch.no_grad():
        did = policy.law.action(policy.along(shown, policy.network.start(n))).double().numpy()
    return round(float(((did - test.action) ** 2).mean() / test.action.var(axis=(0, 1)).mean()), 6)


def pupil_of(arm: str, index: int, shown: Demonstrations, seed: Seed) -> tuple[Policy, Running]:
    """A new pupil after it was shown this, and how it sees."""
    policy = Policy(network(arm, index), open_body().n_action)
    return policy, imitate(policy, shown.pieces(QUESTION["lesson"]["piece"]), apprenticeship(arm), seed)[0]


def apprenticeship(arm: str) -> Apprenticeship:
    """As many updates for everybody, at the rate of one's kind."""
    words = QUESTION["lesson"]
    return Apprenticeship(words["updates"], words["batch"], words["rates"].get(arm, words["rates"]["graph"]))


def first(shown: Demonstrations, n: int) -> Demonstrations:
    """The first lives of some demonstrations."""
    return Demonstrations(shown.observation[:n], shown.action[:n], shown.real[:n])


def imitation(arm: str, index: int, given: School) -> dict[str, Any]:
    """Trial of part one: cloned from ever more demonstrations, each time anew; then asked again where the pupil itself went."""
    said, stream = QUESTION["demonstrations"], ROOT.child("lesson").child(index)
    made, found = graph(arm, index)[0], []
    for n in said["lives"]:
        policy, seen = pupil_of(arm, index, first(given.shown, n), stream)
        found.append({"lives": n, "error": error(policy, seen, given.test), "score": exam(policy, seen)})
    worlds = [open_body() for _ in range(said["own_lives"])]
    own = demonstrate(given.expert, worlds, stream.child("own"), steps=said["steps"], pupil=(policy, seen), share=0.0)
    everything = given.shown.beside(own).pieces(QUESTION["lesson"]["piece"])
    imitate(policy, everything, apprenticeship(arm), stream.child("again"), seen=seen)
    again = {"error": error(policy, seen, given.test), "score": exam(policy, seen)}
    wired = {} if arm in (MLP, GRU) else _told(made)
    return {"trained": budget(None, policy.network).trained_parameters, **wired, "cloned": found, "again": again}


def _told(topology: Topology) -> dict[str, Any]:
    """What is to be known of a graph: which it is, and what of it lies on walks that arrive within an observation."""
    reach = audit(topology, PORTS.input, PORTS.output, steps=QUESTION["network"]["ticks"], drive="sustained")
    return {
        "graph": topology.fingerprint,
        "edges": topology.n_edges,
        "edges_on_walks": reach.n_edges,
        "spectral_radius": round(spectral_radius(topology), 6),
        "strength": round(float(np.abs(topology.weight).sum()), 4),
    }


def _single(numbers: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(numbers)).float()

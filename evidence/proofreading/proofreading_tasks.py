"""What a wiring is scored by: its distance from the true wiring, and what a network on it does."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.linalg import solve
from scipy.stats import spearmanr

from anlage.connectome.connectome import Connectome
from anlage.network.start import scale
from anlage.seed import Seed
from anlage.topology import Topology, audit, build
from anlage.topology.quantity import degrees, motif_counts, reciprocity, spectral_radius

SIGNALS = Path(__file__).parents[1] / "worm-signal-propagation"
if str(SIGNALS) not in sys.path:
    sys.path.append(str(SIGNALS))
from signal_model import auroc, propagate  # noqa: E402
from signal_pairs import Pairs  # noqa: E402


def wired(question: Mapping[str, Any], connectome: Connectome, weights: str = "", least: int = 0) -> Topology:
    """The topology of an animal as the question says; with other weights, or without edges of fewer synapses than ``least``."""
    rules = dict(question["topology"][connectome.name])
    return build(connectome, **(rules | {"weights": weights or rules["weights"], "min_synapses": least}))


def memory_capacity(
    topology: Topology, sign: Float[ndarray, " input"], radius: float, delays: int, noise: float
) -> float:
    """Linear memory capacity from the input to the output neurons, in closed form (Jaeger 2002, GMD report 152).

    The readouts answer an impulse ``k`` ticks ago with the columns of ``X = [R v, R W v, ...]``. With white input their
    covariance is ``X X' + noise``, and delay ``k`` is explained by ``x_k' (X X' + noise)^-1 x_k`` of its variance.
    """
    matrix = scale(topology, radius)[0].csr()
    state = np.zeros(topology.n_neurons)
    state[topology.groups["input"]] = sign
    answers = []
    for _ in range(delays + 1):
        answers.append(state[topology.groups["output"]])
        state = matrix @ state
    x = np.stack(answers, axis=1)
    power = float((x**2).sum(axis=1).mean())
    if power == 0:
        return 0.0
    # The same number from the smaller of the two Gram matrices: trace of G (G + noise)^-1.
    gram = x.T @ x
    return float(np.trace(solve(gram + noise * power * np.eye(len(gram)), gram, assume_a="pos")))


def confinement(topology: Topology, driven: Int[ndarray, " member"], radius: float, model: Mapping[str, Any]) -> float:
    """Minus the effective share of the neurons, inputs left out, that respond to a drive to ``driven``."""
    response = np.abs(propagate(topology, radius, driven, model)).sum(axis=1)
    inner = np.setdiff1d(np.arange(topology.n_neurons), topology.groups["input"])
    share = response[inner] / max(response[inner].sum(), np.finfo(float).tiny)
    share = share[share > 0]
    return -float(np.exp(-(share * np.log(share)).sum()) / len(inner)) if len(share) else 0.0


def make_tasks(
    question: Mapping[str, Any], animal: str, truth: Topology, pairs: Pairs | None, signals: Mapping[str, Any]
) -> dict[str, Callable[[Topology], float]]:
    """The tasks of one animal; ``pairs`` and ``signals`` belong to the question of worm-signal-propagation."""
    rng = Seed(question["seed"]).child(animal).child("sign").rng()
    sign = rng.choice([-1.0, 1.0], size=len(truth.groups["input"]))
    memory, radius = question["memory"], signals["primary"]["radius"]
    tasks: dict[str, Callable[[Topology], float]] = {
        f"{animal}-memory": lambda t: memory_capacity(t, sign, memory["radius"], memory["delays"], memory["noise"])
    }
    if pairs is not None:

        def score(topology: Topology) -> float:
            predicted = propagate(topology, radius, pairs.stimulated, signals["model"])
            return auroc(predicted[pairs.responder, pairs.column], pairs.responds)

        tasks["worm-signals"] = score
    if animal == "larva":
        smell = truth.groups["modality:olfactory"]
        tasks["larva-smell"] = lambda t: confinement(t, smell, radius, signals["model"])
    return tasks


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What the wiring quantities need of one graph; weights are synapse counts."""

    topology: Topology
    partners: Int[ndarray, " neuron"]
    motifs: Int[ndarray, " triad"]
    radius: float
    reciprocity: float
    reach: int

    @classmethod
    def of(cls, topology: Topology) -> "Measured":
        """Measure a topology of counts."""
        partners = degrees(topology, "pre") + degrees(topology, "post")
        counts = motif_counts(topology)
        reach = audit(topology, steps=3).n_edges
        return cls(topology, partners, counts, spectral_radius(topology), reciprocity(topology), reach)


def distance(true: Measured, found: Measured) -> dict[str, float]:
    """The wiring quantities of the question."""
    a, b = true.topology, found.topology
    key = np.union1d(a.key(), b.key())
    counts = np.zeros((2, len(key)))
    for row, topology in zip(counts, (a, b), strict=True):
        row[np.searchsorted(key, topology.key())] = topology.weight
    both = (counts > 0).all(axis=0)
    log_ratio = np.log2(np.maximum(found.motifs, 0.5) / np.maximum(true.motifs, 0.5))
    shared = _two_hop(key[both], a.n_neurons)
    return {
        "synapses": float(counts.min(axis=0).sum() / counts[0].sum()),
        "edge_recall": float(both.sum() / a.n_edges),
        "edge_precision": float(both.sum() / b.n_edges),
        "weight_correlation": float(np.corrcoef(np.log1p(counts))[0, 1]),
        "degree_correlation": float(spearmanr(true.partners, found.partners).statistic),
        "spectral_radius": found.radius / true.radius,
        "reciprocity": found.reciprocity / true.reciprocity,
        "motifs": float(np.abs(log_ratio).mean()),
        "reach": found.reach / true.reach,
        "path_recall": shared / _two_hop(a.key(), a.n_neurons),
        "path_precision": shared / max(1, _two_hop(b.key(), b.n_neurons)),
    }


def _two_hop(key: Int[ndarray, " edge"], n: int) -> int:
    """Walks of two edges: every edge into a neuron goes on along every edge out of it. A walk is true if both its edges are."""
    return int((np.bincount(key // n, minlength=n) * np.bincount(key % n, minlength=n)).sum())

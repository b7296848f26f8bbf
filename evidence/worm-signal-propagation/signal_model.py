"""What is predicted: propagation on a wiring, its controls, the simpler predictors, and how a prediction is scored."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.stats import rankdata, spearmanr
from signal_pairs import Pairs
from sklearn.metrics import average_precision_score

from anlage.connectome.connectome import Connectome
from anlage.network.dynamics import Leaky
from anlage.network.start import scale
from anlage.network.synapse import Wiring
from anlage.network.unroll import Course, unroll
from anlage.topology import (
    BlockPreserving,
    Control,
    DegreePreserving,
    ErdosRenyi,
    PermuteEdgeSigns,
    PermuteWeights,
    Topology,
)


def with_places(topology: Topology, brain: Connectome, n_places: int) -> Topology:
    """The topology with groups ``place:1`` ...: clusters of somatic somata; the pharynx is the last place."""
    body = np.flatnonzero(brain.neurons.region.is_("somatic"))
    cluster = fcluster(linkage(brain.neurons.xyz_um[body], "ward"), n_places, "maxclust")
    places = {f"place:{k}": body[cluster == k] for k in range(1, n_places + 1)}
    places[f"place:{n_places + 1}"] = np.flatnonzero(brain.neurons.region.is_("pharynx"))
    return replace(topology, groups=dict(topology.groups) | places)


def make_controls(question: Mapping[str, Any]) -> dict[str, Control]:
    """The controls by the names that the question gives them."""
    return {
        "erdos-renyi": ErdosRenyi(),
        "degree-preserving": DegreePreserving(),
        "roles": BlockPreserving(("input", "inter", "output")),
        "compartments": BlockPreserving(("region:pharynx", "region:somatic")),
        "places": BlockPreserving(tuple(f"place:{k}" for k in range(1, question["model"]["places"] + 2))),
        "weight-permuted": PermuteWeights(),
        "edge-sign-permuted": PermuteEdgeSigns(),
    }


def propagate(
    topology: Topology, radius: float | None, driven: Int[ndarray, " column"], model: Mapping[str, Any]
) -> Float[ndarray, "neuron column"]:
    """State of every neuron per unit of constant drive to each of ``driven``; ``radius`` None leaves the weights as they are."""
    wired = topology if radius is None else scale(topology, radius)[0]
    n = wired.n_neurons
    drive = torch.zeros(1, n, len(driven), dtype=torch.float64)
    drive[0, torch.from_numpy(driven), torch.arange(len(driven))] = model["drive"]
    course = Course(Wiring(wired), Leaky(1.0, "tanh"), model["ticks"], torch.arange(n))
    with torch.no_grad():
        state = unroll(course, torch.from_numpy(wired.weight), torch.zeros(n, 1, dtype=torch.float64), drive)
    return np.asarray(state[0].numpy() / model["drive"])


def auroc(
    score: Float[ndarray, " pair"], positive: Bool[ndarray, " pair"], stratum: Int[ndarray, " pair"] | None = None
) -> float:
    """Chance that a positive scores above a negative of the same stratum, ties half; NaN without such a couple."""
    wins = couples = 0.0
    order = np.arange(len(score)) if stratum is None else np.argsort(stratum, kind="stable")
    cuts = np.flatnonzero(np.diff(stratum[order])) + 1 if stratum is not None else np.zeros(0, dtype=np.int64)
    for part in np.split(order, cuts):
        here = positive[part]
        n_positive, n_negative = int(here.sum()), int((~here).sum())
        if n_positive and n_negative:
            wins += rankdata(score[part])[here].sum() - n_positive * (n_positive + 1) / 2
            couples += n_positive * n_negative
    return wins / couples if couples else float("nan")


def outcomes(pairs: Pairs, predicted: Float[ndarray, " pair"], signed: bool) -> dict[str, float]:
    """Every outcome of the question for one prediction per pair."""
    size, hit = np.abs(predicted), pairs.responds
    sure = hit | pairs.near_zero
    found = {
        "auroc": auroc(size, hit),
        "auroc-strata": auroc(size, hit, pairs.stratum),
        "auroc-within-stimulated": auroc(size, hit, pairs.column),
        "auroc-within-responder": auroc(size, hit, pairs.responder),
        "auroc-indirect": auroc(size[~pairs.direct], hit[~pairs.direct]),
        "auroc-no-homologues": auroc(size[~pairs.homologous], hit[~pairs.homologous]),
        "auroc-somatic": auroc(size[pairs.somatic], hit[pairs.somatic]),
        "auroc-confident": auroc(size[sure], hit[sure]),
        "average-precision": float(average_precision_score(hit, size)),
        "spearman-magnitude": float(spearmanr(size, np.abs(pairs.dff)).statistic),
    }
    return found | ({"spearman-signed": float(spearmanr(predicted[hit], pairs.dff[hit]).statistic)} if signed else {})


def score_graph(question: Mapping[str, Any], name: str, graph: Topology, pairs: Pairs) -> dict[str, float]:
    """Outcomes at the primary radius; of the primary model also the AUROC at every radius."""
    model, primary = question["model"], question["primary"]
    radii = model["radii"] if name == primary["model"] else [primary["radius"]]
    scores: dict[str, float] = {}
    for radius in radii:
        predicted = propagate(graph, radius, pairs.stimulated, model)[pairs.responder, pairs.column]
        scores[f"auroc@{radius}"] = auroc(np.abs(predicted), pairs.responds)
        if radius == primary["radius"]:
            scores |= outcomes(pairs, predicted, question["models"][name]["signs"] != "none")
    return scores


def comparators(topology: Topology, pairs: Pairs, reverse: Float[ndarray, " pair"]) -> dict[str, ndarray]:
    """The simpler predictors of the question, none negative; ``reverse`` is the prediction for the pair turned round."""
    matrix, n = topology.dense(), topology.n_neurons
    post, pre = pairs.responder, pairs.sender
    linked = ((matrix != 0) | (matrix != 0).T) & ~np.eye(n, dtype=bool)
    common = linked.astype(float) @ linked
    size = linked.sum(axis=1)
    jaccard = common / np.maximum(size[:, None] + size[None, :] - common, 1)
    out_degree, in_degree = (matrix != 0).sum(axis=0), (matrix != 0).sum(axis=1)
    return {
        "direct": matrix[post, pre],
        "distance": pairs.distance_um.max() - pairs.distance_um,
        "degree": (out_degree[pre] + in_degree[post]).astype(float),
        "neighbours": jaccard[post, pre],
        "occ": pairs.occ.astype(float),
        "reversed": reverse,
    }

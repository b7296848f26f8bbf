"""Does the measured wiring of C. elegans predict the measured propagation of signals better than its controls do?

``python evidence/worm-signal-propagation/run.py`` answers ``question.toml`` into ``results/``. What is finished is not done
again; an interrupted run goes on where it was. ``page.py`` turns the results into ``page.md``.
"""

import importlib.metadata
import sys
import time
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from signal_model import auroc, comparators, make_controls, outcomes, propagate, score_graph, with_places
from signal_pairs import Pairs, diagonal_is_largest, read_measured, scored_pairs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anlage.connectome.connectome import Connectome
from anlage.connectome.worm import worm
from anlage.errors import AnlageError
from anlage.learning.checkpoint import read_json, write_json
from anlage.seed import Seed
from anlage.study.statistics import holm
from anlage.topology import Topology, build, control_graph

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SAVE_EVERY = 20


def read_question() -> tuple[dict[str, Any], str]:
    """The question and its checksum."""
    text = (HERE / "question.toml").read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def versions() -> dict[str, str]:
    """What the numbers were computed with."""
    names = ("anlage", "numpy", "scipy", "scikit-learn", "torch")
    return {"python": sys.version.split()[0]} | {name: importlib.metadata.version(name) for name in names}


def column_bootstrap(
    pairs: Pairs, scores: Mapping[str, ndarray], rng: np.random.Generator, n: int
) -> dict[str, Float[ndarray, " n"]]:
    """AUROC of every score on ``n`` samples, with replacement, of stimulated neurons; the same samples for all scores."""
    size = len(pairs.stimulated)
    samples = [np.bincount(rng.integers(size, size=size), minlength=size)[pairs.column] for _ in range(n)]
    return {
        name: np.array([_weighted_auroc(*_levels(score), pairs, w) for w in samples]) for name, score in scores.items()
    }


def _levels(score: Float[ndarray, " pair"]) -> tuple[Int[ndarray, " pair"], int]:
    """The rank of every score among the different values, and how many there are."""
    values, level = np.unique(score, return_inverse=True)
    return level, len(values)


def _weighted_auroc(level: Int[ndarray, " pair"], n: int, pairs: Pairs, weight: Int[ndarray, " pair"]) -> float:
    """AUROC when pair ``k`` is there ``weight[k]`` times."""
    hit = np.bincount(level, weights=weight * pairs.responds, minlength=n)
    miss = np.bincount(level, weights=weight * ~pairs.responds, minlength=n)
    return float((hit * (np.cumsum(miss) - miss / 2)).sum() / (hit.sum() * miss.sum()))


def against_comparators(
    question: Mapping[str, Any], pairs: Pairs, propagation: ndarray, simpler: Mapping[str, ndarray]
) -> dict[str, dict[str, Any]]:
    """Every simpler predictor: its outcomes, and what propagation has over it."""
    rng = Seed(question["seed"]).child("bootstrap").rng()
    sampled = column_bootstrap(pairs, {"": propagation, **simpler}, rng, question["comparators"]["resamples"])
    base = sampled.pop("")
    p = {}
    for name, values in sampled.items():
        above = float((base - values > 0).mean())
        p[name] = max(2 * min(above, 1 - above), 2 / len(base))
    corrected = dict(zip(p, holm(np.array(list(p.values()))).tolist(), strict=True))
    return {
        name: {
            "scores": outcomes(pairs, simpler[name], signed=False),
            "difference": auroc(propagation, pairs.responds) - auroc(simpler[name], pairs.responds),
            "interval": np.quantile(base - values, [0.025, 0.975]).tolist(),
            "p": p[name],
            "p_holm": corrected[name],
        }
        for name, values in sampled.items()
    }


def references(
    question: Mapping[str, Any],
    measured_q: ndarray,
    brain: Connectome,
    topology: Topology,
    pairs: Pairs,
    propagation: ndarray,
) -> dict[str, Any]:
    """How well the responses themselves predict; ``measured_q`` is ``(neuron, neuron)`` in the rows of the connectome."""
    twin = np.where(brain.neurons.pair_id >= 0, brain.neurons.pair_id, np.arange(brain.n_neurons))
    post, pre, hit = pairs.responder, pairs.sender, pairs.responds
    mirror = measured_q[twin[post], twin[pre]]
    has = np.isfinite(mirror) & ((twin[post] != post) | (twin[pre] != pre)) & (twin[post] != twin[pre])
    rate = np.zeros(len(hit))
    for end in (post, pairs.column):
        total, count = np.bincount(end, weights=hit), np.bincount(end)
        rate += (total[end] - hit) / np.maximum(count[end] - 1, 1)
    edge = topology.dense() != 0
    covariates = np.stack([np.log(pairs.occ), pairs.distance_um, edge.sum(0)[pre], edge.sum(1)[post]], axis=1)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    fitted = {
        name: cross_val_predict(model, x, hit, groups=pairs.column, cv=GroupKFold(10), method="predict_proba")[:, 1]
        for name, x in (("without", covariates), ("with", np.column_stack([covariates, np.log(propagation + 1e-9)])))
    }
    rng = Seed(question["seed"]).child("covariates").rng()
    sampled = column_bootstrap(pairs, fitted, rng, question["comparators"]["resamples"])
    return {
        "mirror": {
            "pairs": int(has.sum()),
            "responding": int(hit[has].sum()),
            "auroc": auroc(-mirror[has], hit[has]),
            "propagation_on_the_same_pairs": auroc(propagation[has], hit[has]),
        },
        "marginals": auroc(rate, hit),
        "covariates": {name: auroc(score, hit) for name, score in fitted.items()}
        | {"interval": np.quantile(sampled["with"] - sampled["without"], [0.025, 0.975]).tolist()},
    }


def score_connectome(
    question: Mapping[str, Any],
    measured: Mapping[str, ndarray],
    brain: Connectome,
    pairs: Pairs,
    row: Int[ndarray, " name"],
) -> dict[str, Any]:
    """Everything about the measured wiring: the data, its scores, the comparators and the references."""
    topologies = {name: wiring(question, brain, name) for name in question["models"]}
    topology, radius = topologies[question["primary"]["model"]], question["primary"]["radius"]
    full = propagate(topology, radius, np.arange(brain.n_neurons), question["model"])
    propagation, reverse = full[pairs.responder, pairs.sender], full[pairs.sender, pairs.responder]
    q = np.full((brain.n_neurons, brain.n_neurons), np.nan)
    known = np.flatnonzero(row >= 0)
    q[np.ix_(row[known], row[known])] = measured["q"][np.ix_(known, known)]
    strata = [(pairs.occ >= low) & (pairs.occ < high) for low, high in _spans(question["data"]["occ_edges"])]
    return {
        "data": {
            "pairs": len(pairs.responds),
            "responding": int(pairs.responds.sum()),
            "near_zero": int((pairs.near_zero & ~pairs.responds).sum()),
            "stimulated": len(pairs.stimulated),
            "responders": len(np.unique(pairs.responder)),
            "direct": int(pairs.direct.sum()),
            "responding_direct": int((pairs.direct & pairs.responds).sum()),
            "homologous": int(pairs.homologous.sum()),
            "responding_homologous": int((pairs.homologous & pairs.responds).sum()),
            "responding_downwards": int((pairs.responds & (pairs.dff < 0)).sum()),
            "unpredicted": int((propagation == 0).sum()),
            "diagonal_is_largest": diagonal_is_largest(measured["occ"]),
            "responding_by_trials": [[int(s.sum()), float(pairs.responds[s].mean())] for s in strata],
        },
        "scores": {name: score_graph(question, name, graph, pairs) for name, graph in topologies.items()},
        "comparators": against_comparators(question, pairs, propagation, comparators(topology, pairs, reverse)),
        "references": references(question, q, brain, topology, pairs, propagation),
    }


def _spans(edges: list[int]) -> list[tuple[int, float]]:
    return list(zip(edges, [*edges[1:], float("inf")], strict=True))


def wiring(question: Mapping[str, Any], brain: Connectome, name: str) -> Topology:
    """The topology of one model, with its places."""
    rules = question["models"][name]
    plain = build(brain, kinds=rules["kinds"], signs=rules["signs"], weights=rules["weights"])
    return with_places(plain, brain, question["model"]["places"])


def main() -> None:
    """Answer the question; print what is done and how long the rest will take."""
    torch.set_num_threads(1)
    question, identity = read_question()
    measured, brain = read_measured(question), worm()
    pairs, row = scored_pairs(question, measured, brain)
    stamp = {"question": identity, "versions": versions()}
    if read_json(RESULTS / "connectome.json", lambda r: r.get("question") == identity) is None:
        print(f"connectome: {len(pairs.responds):,} pairs, {pairs.responds.sum():,} respond", flush=True)
        write_json(RESULTS / "connectome.json", stamp | score_connectome(question, measured, brain, pairs, row))
    arms = [(model, control) for model, rules in question["models"].items() for control in rules["controls"]]
    done, wanted, begun, started = 0, len(arms) * question["graphs"], 0, time.monotonic()
    for model, control in arms:
        path, topology = RESULTS / f"{model}--{control}.json", wiring(question, brain, model)
        old = read_json(path, lambda r: r.get("question") == identity) or {}
        graphs: list[Any] = list(old.get("graphs", []))  # type: ignore[call-overload]
        done += len(graphs)
        for i in range(len(graphs), question["graphs"]):
            rng = Seed(question["seed"]).child(model).child(control).child(i).rng()
            made, _ = control_graph(make_controls(question)[control], topology, rng)
            graphs.append(score_graph(question, model, made, pairs))
            done, begun = done + 1, begun + 1
            if len(graphs) % SAVE_EVERY == 0 or len(graphs) == question["graphs"]:
                write_json(path, stamp | {"model": model, "control": control, "graphs": graphs})
                left = (time.monotonic() - started) / begun * (wanted - done)
                print(
                    f"{model} {control}: {len(graphs)}/{question['graphs']}, about {left:.0f} s left in all", flush=True
                )
    print(f"done in {time.monotonic() - started:.0f} s; now run page.py")


if __name__ == "__main__":
    try:
        main()
    except AnlageError as error:
        sys.exit(str(error))

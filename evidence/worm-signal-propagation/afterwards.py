"""Looked at after the results were known: not declared, in no family of tests, and marked so on the page.

Questions the results raised. Does anything of the wiring's lead over its spatial control survive when pairs are matched for
distance more finely than declared, or when the covariates may bend? How much of the wiring does the spatial control keep? What do
gap junctions do alone, and does a chemical synapse work forwards more than backwards? The control graphs are those of the main
run, made again from their seeds.
"""

import sys

import numpy as np
import torch
from run import RESULTS, column_bootstrap, read_question, versions, wiring
from signal_model import auroc, make_controls, propagate
from signal_pairs import Pairs, read_measured, scored_pairs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from anlage.connectome.connectome import Connectome
from anlage.connectome.worm import worm
from anlage.errors import AnlageError
from anlage.learning.checkpoint import write_json
from anlage.seed import Seed
from anlage.topology import Topology, build, control_graph

FINE = 40
CONTROLS = ("degree-preserving", "places", "weight-permuted")


def bent_covariates(
    pairs: Pairs, topology: Topology, predicted: np.ndarray, rng: np.random.Generator
) -> dict[str, object]:
    """The covariates of the question with spline terms, so that propagation cannot stand in for a bent effect of distance."""
    edge = topology.dense() != 0
    plain = [np.log(pairs.occ), np.log(pairs.distance_um + 1), edge.sum(0)[pairs.sender], edge.sum(1)[pairs.responder]]
    model = make_pipeline(SplineTransformer(8), StandardScaler(), LogisticRegression(max_iter=2000))
    fitted = {
        name: cross_val_predict(
            model, np.stack(x, 1), pairs.responds, groups=pairs.column, cv=GroupKFold(10), method="predict_proba"
        )[:, 1]
        for name, x in (("without", plain), ("with", [*plain, np.log(predicted + 1e-9)]))
    }
    sampled = column_bootstrap(pairs, fitted, rng, 2000)
    interval = np.quantile(sampled["with"] - sampled["without"], [0.025, 0.975]).tolist()
    return {name: auroc(score, pairs.responds) for name, score in fitted.items()} | {"interval": interval}


def by_direction(pairs: Pairs, brain: Connectome) -> dict[str, list[float]]:
    """Number, and share responding, of pairs with one chemical edge and no gap junction, by the way the edge runs."""
    linked = {}
    for kind in ("chemical", "gap_junction"):
        use = brain.kind.is_(kind)
        linked[kind] = np.zeros((brain.n_neurons, brain.n_neurons), dtype=bool)
        linked[kind][brain.post[use], brain.pre[use]] = True
    gap = linked["gap_junction"] | linked["gap_junction"].T
    along, against = linked["chemical"] & ~gap, linked["chemical"].T & ~gap
    found = {}
    for name, edges in (("along", along & ~against), ("against", against & ~along), ("gap_junction", gap)):
        here = edges[pairs.responder, pairs.sender]
        found[name] = [int(here.sum()), float(pairs.responds[here].mean())]
    return found


def main() -> None:
    """Look, and write ``results/afterwards.json``."""
    torch.set_num_threads(1)
    question, identity = read_question()
    brain, model, primary, measured = worm(), question["model"], question["primary"], read_measured(question)
    pairs = scored_pairs(question, measured, brain)[0]
    fine = scored_pairs(question | {"data": question["data"] | {"distance_strata": FINE}}, measured, brain)[0].stratum
    trials, fifth = np.divmod(pairs.stratum, question["data"]["distance_strata"])
    topology, seed = wiring(question, brain, primary["model"]), Seed(question["seed"]).child(primary["model"])

    def respond(graph: Topology) -> tuple[np.ndarray, np.ndarray]:
        full = propagate(graph, primary["radius"], np.arange(graph.n_neurons), model)
        return full[pairs.responder, pairs.sender], full[pairs.sender, pairs.responder]

    forward, _ = respond(topology)
    controls: dict[str, list[float]] = {name: [] for name in CONTROLS}
    shared: dict[str, list[float]] = {name: [] for name in CONTROLS}
    for name in CONTROLS:
        for i in range(question["graphs"]):
            graph, _ = control_graph(make_controls(question)[name], topology, seed.child(name).child(i).rng())
            predicted = propagate(graph, primary["radius"], pairs.stimulated, model)[pairs.responder, pairs.column]
            controls[name].append(auroc(predicted, pairs.responds, fine))
            shared[name].append(float(np.isin(graph.key(), topology.key()).mean()))
    alone = {
        kind: respond(build(brain, kinds=[kind], signs="none", weights="log")) for kind in ("gap_junction", "chemical")
    }
    flp, aqr = (measured["neuron"].tolist().index(name) for name in ("FLPL", "AQR"))
    content = {
        "question": identity,
        "versions": versions(),
        "distance_strata": FINE,
        "connectome": auroc(forward, pairs.responds, fine),
        "controls": controls,
        "edges_shared": {name: float(np.mean(shares)) for name, shares in shared.items()},
        "distance": auroc(-pairs.distance_um, pairs.responds, fine),
        "direct": auroc(topology.dense()[pairs.responder, pairs.sender], pairs.responds, fine),
        "same_trials": auroc(forward, pairs.responds, trials),
        "same_distance": auroc(forward, pairs.responds, fifth),
        "bent_covariates": bent_covariates(pairs, topology, forward, seed.child("bent").rng()),
        "gap_junctions_alone": {
            "auroc": auroc(alone["gap_junction"][0], pairs.responds),
            "auroc_fine": auroc(alone["gap_junction"][0], pairs.responds, fine),
        },
        "chemical_alone": {
            "forwards": auroc(alone["chemical"][0], pairs.responds),
            "backwards": auroc(alone["chemical"][1], pairs.responds),
            "forwards_fine": auroc(alone["chemical"][0], pairs.responds, fine),
            "backwards_fine": auroc(alone["chemical"][1], pairs.responds, fine),
        },
        "by_direction": by_direction(pairs, brain),
        "aqr_flp": [float(measured["q"][flp, aqr]), float(measured["q"][aqr, flp])],
        "by_distance": [
            [float(np.mean(pairs.distance_um[part])), int(part.size), float(pairs.responds[part].mean())]
            for part in np.array_split(np.argsort(pairs.distance_um, kind="stable"), 10)
        ],
    }
    write_json(RESULTS / "afterwards.json", content)


if __name__ == "__main__":
    try:
        main()
    except AnlageError as error:
        sys.exit(str(error))

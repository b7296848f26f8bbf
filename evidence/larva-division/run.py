"""Does the wiring of the larval brain alone tell its cell classes apart, beyond degrees, side and role?

``python evidence/larva-division/run.py`` answers ``question.toml`` into ``results/``. Each finished division is kept; an
interrupted run goes on where it was. ``scripts/tables.py`` turns the results into the tables of ``docs/divide.md``.
"""

import csv
import gzip
import importlib.metadata
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.connectome.connectome import Categorical, Connectome
from anlage.connectome.fetch import require_data
from anlage.connectome.larva import larva
from anlage.connectome.release import LARVA as RELEASE
from anlage.errors import TopologyError
from anlage.learning.checkpoint import read_json, write_json
from anlage.seed import Seed
from anlage.study.agreement import agreement, degree_strata, labelled, symmetry
from anlage.study.division import part_accounts
from anlage.topology import BlockPreserving, DegreePreserving, Topology, build, control_graph
from anlage.topology.blockmodel import BlockModel
from anlage.topology.divide import Annotation, Assignment, divide
from anlage.topology.function import LARVA
from anlage.topology.structure import Communities, adjusted_rand

HERE = Path(__file__).parent
RESULTS = HERE / "results"
ROLES = ("input", "inter", "output")
SENSE = {  # words of the release for the sense that a second-order neuron relays -> our system
    "olfactory": "olfactory",
    "gustatory-external": "gustatory",
    "gustatory-pharyngeal": "gustatory",
    "visual": "visual",
    "mechano-Ch": "somatosensory",
    "mechano-II/III": "somatosensory",
    "noci": "somatosensory",
    "proprio": "somatosensory",
    "gut": "enteric",
    "respiratory": "respiratory",
}


def main() -> None:
    """Everything the question asks, in order."""
    text = (HERE / "question.toml").read_bytes()
    question, identity = tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]
    connectome = larva()
    topology = build(connectome, kinds=question["kinds"], compartments=question["compartments"])
    seed = Seed(question["seed"])
    block = BlockModel(runs=question["block-model"]["runs"], seed=question["seed"])
    leiden = Communities(
        tuple(question["communities"]["resolutions"]), question["communities"]["runs"], question["seed"]
    )
    found = {
        "block-model": kept(identity, "block-model", lambda: block(topology)),
        "communities": kept(identity, "communities", lambda: leiden(topology)),
    }
    names, columns = annotations(connectome)
    result: dict[str, object] = {
        "question": identity,
        "versions": {name: importlib.metadata.version(name) for name in ("anlage", "numpy", "scipy", "scikit-network")}
        | {"python": sys.version.split()[0]},
        "history": str(topology.history[0]),
        "function": function(connectome, topology),
        "annotation": {by: accounts(topology, Annotation(by)) for by in ("class", "modality")},
        "structure": {
            name: structure(connectome, topology, record, columns, question, seed.child(name))
            for name, record in found.items()
        },
        "labels": names,
        "for_scale": for_scale(columns, seed.child("for scale")),
    }
    refits = {}
    # A null must be as free as what it is held against: the same number of parts, or the same resolution.
    alike = replace(block, n_parts=1 + max(found["block-model"]["label"]), runs=1)
    likewise = replace(leiden, resolutions=(found["communities"]["step"]["resolution"],), runs=2)
    for control in (DegreePreserving(), BlockPreserving(ROLES)):
        for name, rule in (("block-model", alike), ("communities", likewise)):
            refits[f"{control.name} {name}"] = [
                refit(identity, control, rule, name, graph, topology, columns["class"], seed)
                for graph in range(question["agreement"]["refits"])
            ]
    result["refits"] = refits
    # Not asked for beforehand: the larva is the best of several runs, a refit is one. These are the larva's own single runs.
    known = labelled(columns["class"])
    old = read_json(RESULTS / "division.json", lambda content: content.get("question") == identity) or {}
    singles = list(old.get("singles", []))  # type: ignore[call-overload]
    for run in range(len(singles), 10):
        rule = replace(alike, seed=seed.child("single run").child(run).integer)
        label = rule(topology).label[known]
        rng = seed.child("single agreement").rng()
        singles.append(agreement(label, columns["class"].codes[known], rng, permutations=1).value)
    result["singles"] = singles
    write_json(RESULTS / "division.json", result)


def kept(identity: str, name: str, make: Callable[[], Assignment]) -> dict[str, object]:
    """A division, made now or read from an earlier run of the same question."""
    path = RESULTS / f"{name}.json"
    if record := read_json(path, lambda content: content.get("question") == identity):
        return record
    made = make()
    record = {"question": identity, "step": dict(made.step.arguments), "label": made.label.tolist()}
    record["step"]["agreement_by_resolution"] = {
        str(k): v for k, v in dict(record["step"].get("agreement_by_resolution", {})).items()
    }
    write_json(path, record)
    print(f"{name}: {len(made.names)} parts", flush=True)
    return record


def rows() -> list[dict[str, str]]:
    """The table of the release, whose lineage and relayed senses the connectome does not carry."""
    with gzip.open(require_data(f"{RELEASE.folder}/neurons.csv.gz", RELEASE.name), "rt", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def annotations(connectome: Connectome) -> tuple[dict[str, int], dict[str, Categorical]]:
    """Label columns to hold a division against, and how many neurons each labels. Lineages are named without their side."""
    neurons = connectome.neurons
    lineage = [row["lineage"].removesuffix("_l").removesuffix("_r") for row in rows()]
    columns = {
        "class": neurons.neuron_class,
        "modality": neurons.modality,
        "role": neurons.role,
        "side": neurons.side,
        "lineage": Categorical.of(["" if name == "unk" else name for name in lineage]),
    }
    return {name: len(labelled(column)) for name, column in columns.items()}, columns


def accounts(topology: Topology, rule: Callable[[Topology], Assignment]) -> list[dict[str, object]]:
    """Every part in numbers; with the ports that a majority of a neuron's synapses makes beside those of a single edge."""
    any_edge, most = (part_accounts(divide(topology, rule, crossing=c)) for c in (0.0, 0.5))
    return [
        {key: None if value != value else value for key, value in asdict(one).items()}
        | {f"{key}_majority": getattr(other, key) for key in ("entry", "exit", "hops")}
        for one, other in zip(any_edge, most, strict=True)
    ]


def function(connectome: Connectome, topology: Topology) -> dict[str, object]:
    """The division by function, and its checks."""
    division = divide(topology, LARVA)
    names, label = np.array(division.names), division.label
    relays, right = Counter[str](), Counter[str]()
    for row, part in zip(rows(), names[label], strict=True):
        senses = {system for word, system in SENSE.items() if f"{word} 2nd_order" in row["annotation"]}
        if len(senses) == 1 and part not in LARVA.centres:
            sense = senses.pop()
            relays[sense] += 1
            right[sense] += part == sense
    sensitivity = {}
    for hops in (2, 3, 4):
        for majority in (0.4, 0.5, 0.6):
            other = divide(topology, replace(LARVA, hops=hops, majority=majority))
            sensitivity[f"{hops} hops, {majority}"] = {
                "adjusted_rand": adjusted_rand(label, other.label),
                "association": len(other.part("association").members),
            }
    return {
        "parts": accounts(topology, LARVA),
        "strength": division.strength().tolist(),
        "edges_inside": float(np.trace(division.edges()) / topology.n_edges),
        "symmetry": asdict(symmetry(label, connectome.neurons.pair_id)),
        "relays": {sense: [right[sense], n] for sense, n in relays.items()},
        "sensitivity": sensitivity,
    }


def structure(
    connectome: Connectome,
    topology: Topology,
    record: dict[str, object],
    columns: dict[str, Categorical],
    question: dict[str, object],
    seed: Seed,
) -> dict[str, object]:
    """What a division found in the wiring alone has to do with what is known of the neurons."""
    label = np.array(record["label"])
    side_and_role = connectome.neurons.side.codes * 4 + connectome.neurons.role.codes
    strata = {"permuted": None, "like degrees": degree_strata(topology), "side and role": side_and_role}
    found: dict[str, dict[str, object]] = {}
    for name, column in columns.items():
        known = labelled(column)
        for null, stratum in strata.items():
            rng = seed.child(name).child(null).rng()
            within = None if stratum is None else stratum[known]
            n = question["agreement"]["permutations"]
            got = agreement(label[known], column.codes[known], rng, strata=within, permutations=n)
            found.setdefault(name, {})[null] = asdict(got)
    return {
        "n_parts": int(label.max()) + 1,
        "step": record["step"],
        "sizes": np.bincount(label).tolist(),
        "symmetry": asdict(symmetry(label, connectome.neurons.pair_id)),
        "agreement": found,
    }


def for_scale(columns: dict[str, Categorical], seed: Seed) -> dict[str, float]:
    """Agreement of other annotations with class: not asked for beforehand, and needed to read the rest."""
    found = {}
    for name in ("role", "lineage", "side"):
        known = np.intersect1d(labelled(columns["class"]), labelled(columns[name]))
        one, other = columns[name].codes[known], columns["class"].codes[known]
        found[name] = agreement(one, other, seed.child(name).rng(), permutations=1).value
    return found


def refit(
    identity: str,
    control: DegreePreserving | BlockPreserving,
    rule: BlockModel | Communities,
    name: str,
    graph: int,
    topology: Topology,
    column: Categorical,
    seed: Seed,
) -> dict[str, float]:
    """Agreement with class of a division found in a graph of a control, and its number of parts."""
    path = RESULTS / "refits.json"
    done = read_json(path, lambda content: content.get("question") == identity) or {"question": identity}
    key = f"{control.name} {name} {graph}"
    if key not in done:
        other, _ = control_graph(control, topology, seed.child(control.name).child(graph).rng())
        try:
            label: Int[ndarray, " neuron"] = rule(other).label
        except TopologyError:  # no community at this resolution: one part, which agrees with nothing
            label = np.zeros(other.n_neurons, dtype=np.int64)
        known = labelled(column)
        got = (
            agreement(label[known], column.codes[known], seed.child(key).rng(), permutations=1) if label.max() else None
        )
        done[key] = {"value": got.value if got else 0.0, "n_parts": int(label.max()) + 1}
        write_json(path, done)
        print(key, done[key], flush=True)
    return done[key]


if __name__ == "__main__":
    main()

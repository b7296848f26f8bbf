"""Grow the declared phantoms, segment them in every arm, and keep what each recovers.

    python evidence/scan-baseline/run.py

One JSON file per phantom in results/; what is there already is not made again, so an interrupted run goes on.
"""

import json
import tomllib
from hashlib import sha256
from pathlib import Path

import numpy as np
from scipy import ndimage

from anlage.connectome.membrane import Baseline, segment_membrane
from anlage.connectome.phantom import Phantom, Tissue, phantom
from anlage.connectome.recovery import Edits, edits, overlap
from anlage.connectome.segment import Rules, connect
from anlage.connectome.volume import ArrayVolume
from anlage.errors import ConnectomeError
from anlage.learning.checkpoint import write_atomic
from anlage.seed import Seed

FOLDER = Path(__file__).parent
ARMS = ("truth", "baseline", "blocks", "watershed", "components")
REACH_NM = {"components": 100.0}


def tissue(question: dict) -> Tissue:
    """The declared tissue."""
    return Tissue(**{key: tuple(v) if isinstance(v, list) else v for key, v in question["tissue"].items()})


def segments(scan: Phantom, arm: str) -> np.ndarray:
    """Labels of one arm."""
    if arm == "truth":
        return scan.labels
    if arm == "components":
        return ndimage.label(scan.membrane < 0.5)[0].astype(np.int64)
    rules = {
        "baseline": Baseline(),
        "blocks": Baseline(block=(64, 64, 32), overlap=(12, 12, 6)),
        "watershed": Baseline(join=0.0),
    }[arm]
    labels = np.zeros(scan.labels.shape, dtype=np.int64)
    segment_membrane(ArrayVolume(scan.membrane), scan.grid, labels, rules)
    return labels


def recovery(scan: Phantom, arm: str, thresholds: list[float]) -> dict:
    """What one arm recovers of one phantom."""
    labels = ArrayVolume(segments(scan, arm))
    truth = connect(ArrayVolume(scan.labels), scan.grid, scan.true, name="truth")
    met = overlap(ArrayVolume(scan.labels), labels)
    split, merge = met.information()
    curve = []
    for threshold in thresholds:
        rules = Rules(threshold=threshold, reach_nm=REACH_NM.get(arm, 0.0))
        try:
            found = edits(truth, connect(labels, scan.grid, scan.annotated, rules, name=arm), met.match())
        except ConnectomeError as error:
            if "No synapse" not in str(error):
                raise
            # All synapses join a segment to itself: every true edge is missed, and no neuron is left to be matched.
            found = Edits(truth.n_neurons, 0, len(truth.pre), 0, 0, 0.0, 0)
        curve.append(
            {
                "threshold": threshold,
                "precision": found.precision if found.edges_right + found.edges_false else None,
                "recall": found.recall,
                "f1": 2 * found.edges_right / (2 * found.edges_right + found.edges_false + found.edges_missed),
                **{key: getattr(found, key) for key in ("neurons_missed", "neurons_false", "edges_missed")},
                **{key: getattr(found, key) for key in ("edges_false", "weights_wrong", "synapses_wrong", "distance")},
            }
        )
    return {"split_bits": split, "merge_bits": merge, "segments": len(set(met.found.tolist()) - {0}), "curve": curve}


def main() -> None:
    """Carry out what question.toml declares."""
    text = (FOLDER / "question.toml").read_bytes()
    question = tomllib.loads(text.decode())
    identity = sha256(text).hexdigest()[:12]
    for seed in question["seeds"]:
        path = FOLDER / "results" / f"phantom-{seed}.json"
        if path.is_file() and json.loads(path.read_text())["question"] == identity:
            continue
        scan = phantom(tissue(question), Seed(seed).rng())
        arms = {arm: recovery(scan, arm, question["thresholds"]) for arm in ARMS}
        record = {"question": identity, "seed": seed, "neurons": int(scan.labels.max()), "arms": arms}
        write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())
        print(path.name)


if __name__ == "__main__":
    main()

"""The fly: mushroom bodies (graspologic), optic lobe (flyvis), its trained models (flycns), odours (connectome-interpreter)."""

import csv
import hashlib
import io
import json

import numpy as np

from rebuild.wheel import Arrays, Wheel


def mushroom_body(graspologic: Wheel) -> Arrays:
    """Synapse counts ``(pre, post)`` and labels K, P, O, I of both larval mushroom bodies."""
    arrays = {}
    for side in ("left", "right"):
        folder = "graspologic/datasets/drosophila"
        counts = np.loadtxt(io.StringIO(graspologic.text(f"{folder}/{side}_adjacency.csv")), dtype=np.int16)
        arrays[side] = counts
        arrays[f"{side}_label"] = np.array(graspologic.text(f"{folder}/{side}_cell_labels.csv").split())
    return arrays


def larval_odour(interpreter: Wheel) -> Arrays:
    """Responses ``(receptor, odorant)`` of larval odorant receptors (Dweck et al. 2018), each over its largest."""
    head, *rows = csv.reader(io.StringIO(interpreter.text("connectome_interpreter/data/Dweck2018/larva_chem2or.csv")))
    return {
        "receptor": np.array([row[0] for row in rows]),
        "odorant": np.array(head[1:]),
        "response": np.array([row[1:] for row in rows], dtype=np.float64),
    }


def optic_lobe(flyvis: Wheel, trained: Arrays) -> Arrays:
    """Cell types, signed type pairs and retinotopic offsets with mean synapse counts.

    ``offset_filled`` marks offsets that nobody reported: flyvis puts one synapse where a gap lies inside the convex
    hull of the reported offsets. They are read off the compiled table of the trained models, which contains them.
    """
    spec = json.loads(flyvis.text("flyvis/connectome/fib25-fib19_v2.2.json"))
    types = [node["name"] for node in spec["nodes"]]
    row = {name: i for i, name in enumerate(types)}
    offsets = {
        (row[e["src"]], row[e["tar"]]): {(du, dv): (n_syn, False) for (du, dv), n_syn in e["offsets"]}
        for e in spec["edges"]
    }
    columns = ("group_pair", "group_du", "group_dv", "group_n_syn")
    for pair, du, dv, n_syn in zip(*(trained[c].tolist() for c in columns), strict=True):
        key = (int(trained["pair_source"][pair]), int(trained["pair_target"][pair]))
        if offsets[key].setdefault((du, dv), (n_syn, True))[1] and n_syn != 1.0:
            raise SystemExit(f"A filled offset of {types[key[0]]} -> {types[key[1]]} has {n_syn} synapses, not 1.")
    flat = [(i, du, dv, *v) for i, table in enumerate(offsets.values()) for (du, dv), v in table.items()]
    pair, du, dv, n_syn, filled = zip(*flat, strict=True)
    return {
        "type_name": np.array(types),
        "type_stride": np.array([node["pattern"][1] for node in spec["nodes"]], np.int8),
        "type_input": np.array([t in spec["input_units"] for t in types]),
        "type_output": np.array([t in spec["output_units"] for t in types]),
        "pair_pre": np.array([pre for pre, _ in offsets], np.int8),
        "pair_post": np.array([post for _, post in offsets], np.int8),
        "pair_sign": np.array([e["alpha"] for e in spec["edges"]], np.int8),
        "pair_reference": np.array(["; ".join(e["alpha_references"] or []) for e in spec["edges"]]),
        "offset_pair": np.array(pair, np.int16),
        "offset_du": np.array(du, np.int8),
        "offset_dv": np.array(dv, np.int8),
        "offset_n_syn": np.array(n_syn, np.float64),
        "offset_filled": np.array(filled),
    }


def trained_optic_lobes(flycns: Wheel) -> Arrays:
    """Parameters of the 50 published flyvis models, each array checked against the sha256 of its manifest."""
    folder = "flycns/data/flyvis-1.2.0-ensemble"
    arrays = {}
    for entry in json.loads(flycns.text(f"{folder}/manifest.json"))["arrays"]:
        raw = flycns.bytes(f"{folder}/{entry['file']}")
        if hashlib.sha256(raw).hexdigest() != entry["sha256"]:
            raise SystemExit(f"{entry['file']} differs from the manifest of flycns.")
        dtype = np.dtype(entry["dtype"]).newbyteorder("<")
        arrays[entry["name"]] = np.frombuffer(raw, dtype).reshape(entry["shape"])
    return arrays

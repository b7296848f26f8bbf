"""What is declared here, as questions of the library; what came of it; the published perceptron, which the library has not."""

import json
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy import ndarray
from torch import nn

from anlage.network.budget import Budget
from anlage.network.design import Cost, nearest
from anlage.network.perceptron import Perceptron
from anlage.study.factor import Factor
from anlage.study.question import CONTROLS, Comparison, Question, read_question
from anlage.study.trial import Record, finished

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results"
RUNS = {
    "two-steps": "larva-mnist-readout",
    "further-arms": "bpu-images-further-arms",
    "more-steps": "bpu-images-more-steps",
    "expansion": "bpu-images-expansion",
    "later-steps": "bpu-images-later-steps",
    "larger-still": "bpu-images-larger-still",
}
"""Part -> the folder below runs/ that holds its trials."""
CURVES = ("later-steps", "larger-still")
"""Parts that ``curves.toml`` declares; all others stand in ``question.toml``."""
FACTORS = {"T": "task.moments", "F": "topology.expand"}
"""What is varied -> its key in the recipe."""


def declared(part: str = "") -> tuple[dict[str, Any], str]:
    """The declaration that a part stands in, and the checksum that its results carry."""
    text = (HERE / ("curves.toml" if part in CURVES else "question.toml")).read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def question(part: str, arms: Sequence[str] = ()) -> Question:
    """The recipe's own question, or the same recipe with the arms, graphs and factors of a part.

    ``arms``: these instead of the part's. A trial does not depend on which others a question has.
    """
    asked = declared(part)[0][part]
    whole = read_question((ROOT / "recipes" / "larva-mnist-readout.toml").read_text("utf-8"))
    own = cast(Comparison, whole.comparison)
    known = {control.name: control for control in own.controls}
    named = [name for name in arms or asked["arms"] if name != "connectome"]
    factors = tuple(Factor(path, levels_of(asked, name)) for name, path in FACTORS.items() if name in asked)
    comparison = replace(
        own,
        controls=tuple(known.get(name) or CONTROLS[name]() for name in named),
        graphs=asked["graphs"],
        factors=factors,
        margin=() if factors else own.margin,
    )
    return replace(whole, comparison=comparison)


def levels_of(asked: dict[str, Any], name: str) -> tuple[int | float, ...]:
    """The values of T, or of F, that a part runs. F = 1 is the recipe itself, which two-steps has run."""
    return tuple(asked[name]) if name == "T" else tuple(float(level) for level in asked[name] if level > 1)


def compact(records: Sequence[Record]) -> list[dict[str, object]]:
    """Of every trial what a judge needs: arm, index, level, graph, scores before and after, and what could be used."""
    keys = ("arm", "index", "seed", "graph", "level", "chance", "oracle", "budget", "versions")
    short = []
    for record in finished(records):
        curve, reach = cast(list[object], record["curve"]), cast(dict[str, object], record["audit"])
        short.append(
            {
                **{key: record[key] for key in keys if key in record},
                "curve": [curve[0], curve[-1]],
                "audit": {key: reach[key] for key in ("edges", "edges_in_all", "neurons", "neurons_in_all")},
            }
        )
    return short


def read_results(folder: Path = RESULTS) -> dict[str, Any]:
    """What was declared, a fingerprint of all results, and every part by name; of a part without results there is none."""
    words, identity = declared()
    files = sorted(folder.glob("*.json"))
    parts = {path.stem: json.loads(path.read_text("utf-8")) for path in files}
    if foreign := sorted(name for name, part in parts.items() if part["question"] != declared(name)[1]):
        sys.exit(f"The results {', '.join(foreign)} answer another question; delete them, then run run.py.")
    fingerprint = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    words = words | {part: declared(part)[0][part] for part in CURVES}
    return {"question": words, "identity": identity, "fingerprint": fingerprint, **parts}


def scores(results: dict[str, Any], part: str, arm: str, level: object = None) -> ndarray:
    """Accuracy of every trial of an arm by index, at a level of the part's only factor; in percent."""
    records = results.get(part, {"records": []})["records"]
    here = [r for r in records if r["arm"] == arm and level in (None, *r.get("level", {}).values())]
    return np.array([100 * r["curve"][-1]["accuracy"] for r in sorted(here, key=lambda r: r["index"])])


def edges(results: dict[str, Any], part: str, arm: str, level: object = None) -> float:
    """Edges that can influence what is read, on average over the graphs of an arm."""
    here = [r for r in results[part]["records"] if r["arm"] == arm and level in (None, *r.get("level", {}).values())]
    return float(np.mean([r["audit"]["edges"] for r in here]))


def part_of(results: dict[str, Any], arm: str) -> str:
    """The part that an arm of T = 2 was run in."""
    return next((p for p in ("two-steps", "further-arms", "frozen-middle") if len(scores(results, p, arm))), "")


def frozen_middle(n_in: int, n_out: int, trained: int, *, he: bool, generator: torch.Generator) -> Perceptron:
    """The published perceptron: the map between its two hidden layers stays as it was drawn.

    Its width is the one whose trained parameters come nearest to ``trained``. The middle holds normal numbers without a bias:
    of standard deviation 1, or with ``he`` the same numbers times sqrt(2 / width), which keeps the mean square of rectified
    activity (He et al. 2015, ICCV, eq. 10).
    """

    def cost(width: int) -> Cost:
        weights = width * (n_in + n_out)
        return Cost(weights + width + n_out, weights + width * width)

    width = nearest(cost, Budget(trained, 0, 0, 0), "parameters")
    network = Perceptron(n_in, n_out, (width, width), 1, generator)
    middle = cast(nn.Linear, network.layers[1])
    middle.requires_grad_(False)
    with torch.no_grad():
        middle.weight.normal_(generator=generator)
        if he:
            middle.weight.mul_((2 / width) ** 0.5)
    return network

"""Tune every arm at one depth, then let it learn digits at every depth.

    python evidence/predictive-coding-depth/run.py

One JSON file per depth and seed in results/; what is there already is not done again, so an interrupted run goes on.
"""

import json
import time
import tomllib
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from anlage.errors import Diverged
from anlage.experience import Digits
from anlage.learning.checkpoint import write_atomic
from anlage.learning.predictive_coding import Inference, Layered, learn
from anlage.seed import Seed

FOLDER = Path(__file__).parent
CHANCE = 0.1


def digits() -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    """Digits as columns of 64 numbers, standardised as one, and their labels: for learning, and held out."""
    parts = Digits().open().labelled()
    train, test = (part.observation["image"].flatten(1).T.contiguous() for part in (parts.train, parts.test))
    return train, parts.train_label, test, parts.test_label


def accuracy(graph: Layered, given: Tensor, label: np.ndarray) -> float:
    """Share of digits whose label is the largest output."""
    return float((graph.forward(given)[graph.output].argmax(0).numpy() == label).mean())


def trial(question: dict, arm: str, depth: int, number: int, tuned: tuple[float, float], data: tuple) -> dict:
    """One network, from its start to its accuracy."""
    given, label, held, held_label = data
    said, seed = question["arms"][arm], Seed(number)
    generator = torch.Generator().manual_seed(seed.child("start").integer)
    sizes = (given.shape[0], *[question["width"]] * (depth - 1), 10)
    graph = Layered(sizes, generator, residual=True, scaling=said["scaling"])
    steps = min(64, max(8, depth))
    inference = Inference(said["method"], steps, tuned[1])
    optimiser = torch.optim.Adam(graph.weights, lr=tuned[0])
    target = torch.nn.functional.one_hot(torch.from_numpy(label), 10).T.to(given.dtype)
    began, curve = time.process_time(), []
    try:
        for number_of_batch in range(question["batches"]):
            rows = seed.child("stream").child(number_of_batch).rng().integers(given.shape[1], size=question["batch"])
            curve.append(learn(graph, inference, optimiser, given[:, rows], target[:, rows]))
        found, diverged = accuracy(graph, held, held_label), ""
    except Diverged as error:
        found, diverged = CHANCE, str(error)
    seconds = time.process_time() - began
    return {"accuracy": found, "diverged": diverged, "curve": curve[::5], "seconds": seconds}


def tune(question: dict, arm: str, data: tuple) -> dict:
    """The pair of rates that reads most of the digits held back, and how each did."""
    given, label = data[:2]
    inner = given[:, 287:], label[287:], given[:, :287], label[:287]
    rates = question["tuning"]["rate"] if question["arms"][arm]["method"] != "backpropagation" else [1.0]
    grid = list(product(question["tuning"]["learning_rate"], rates))
    scores = [trial(question, arm, 8, 0, pair, inner)["accuracy"] for pair in grid]
    return {"best": grid[int(np.argmax(scores))], "grid": grid, "scores": scores}


def main() -> None:
    """Carry out what question.toml declares."""
    torch.set_num_threads(1)
    text = (FOLDER / "question.toml").read_bytes()
    question, identity = tomllib.loads(text.decode()), sha256(text).hexdigest()[:12]
    data, began = digits(), time.process_time()

    def once(name: str, make) -> dict:
        path = FOLDER / "results" / name
        if path.is_file() and (kept := json.loads(path.read_text()))["question"] == identity:
            return kept
        record = {"question": identity} | make()
        write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())
        print(name, flush=True)
        return record

    tuned = once("tuning.json", lambda: {"arms": {arm: tune(question, arm, data) for arm in question["arms"]}})["arms"]
    for depth, number in product(question["depths"], question["seeds"]):
        if time.process_time() - began > 15 * 60:
            print("the time is up; depths that are missing are named as missing")
            break

        def arms(depth: int = depth, number: int = number) -> dict:
            found = {a: trial(question, a, depth, number, tuple(tuned[a]["best"]), data) for a in question["arms"]}
            return {"depth": depth, "seed": number, "arms": found}

        once(f"depth-{depth:02d}-{number}.json", arms)


if __name__ == "__main__":
    main()

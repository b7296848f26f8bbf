"""Grow the declared arms from the same starts, and keep the gauges of collapse before and after.

    python evidence/nepa-collapse/run.py

One JSON file per network, arm and seed in results/; what is there already is not done again, so an interrupted run goes on.
"""

import json
import tomllib
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import torch

from anlage.experience import Mnist
from anlage.experience.experience import Recording
from anlage.learning.checkpoint import write_atomic
from anlage.learning.measure import measure, raw_accuracy
from anlage.learning.probe import probe_accuracy, state_columns
from anlage.learning.recipe import Blueprint, Recipe, read_recipe
from anlage.network import (
    Encoder,
    LearningNetwork,
    Physiology,
    RecurrentNetwork,
    TransformerDesign,
    budget,
    foresee,
    live,
    scale,
)
from anlage.objective import steps_ahead
from anlage.seed import Seed

FOLDER = Path(__file__).parent


def recording(question: dict) -> Recording:
    """The declared images."""
    whole = Mnist(patch=7, n_train=question["n_train"]).open()
    n = question["n_test"]
    return replace(whole, test=whole.test[:n], test_label=whole.test_label[:n])


def recipe(question: dict, arm: str) -> Recipe:
    """The objective of one arm, read as a recipe's is."""
    pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in question["arms"][arm].items())
    return read_recipe(f'name = "{arm}"\nobjective = {{ {pairs} }}')


def questions() -> dict[str, tuple[dict, str]]:
    """Network -> what was declared about it, and the checksum of that. The transformer's question stands on the wiring's."""
    first, second = ((FOLDER / name).read_bytes() for name in ("question.toml", "transformer.toml"))
    wiring = tomllib.loads(first.decode())
    both = wiring | tomllib.loads(second.decode())
    return {
        "wiring": (wiring, sha256(first).hexdigest()[:12]),
        "transformer": (both, sha256(first + second).hexdigest()[:12]),
    }


def born(question: dict, seed: Seed, n_input: int) -> tuple[Encoder, LearningNetwork]:
    """The encoder and the network at their start; all networks of a seed have the same encoder."""
    wired, _ = scale(Blueprint(question["connectome"]).topology(), question["spectral_radius"])
    generator = torch.Generator().manual_seed(seed.child("interface").integer)
    latent = question["latent"]
    encoder = Encoder(n_input, latent, generator)
    network = RecurrentNetwork(wired, ("input",), ("output",), latent, Physiology(), generator)
    if "network" not in question:
        return encoder, network
    generator = torch.Generator().manual_seed(seed.child("design").integer)
    return encoder, TransformerDesign(**question["network"]).build(latent, latent, budget(None, network), generator)


def gauges(network: LearningNetwork, encoder: Encoder, images: Recording) -> dict[str, float]:
    """What grow measures, and what a probe reads from the embedding alone."""
    parts = images.labelled()
    with torch.no_grad():
        train, test = (state_columns(encoder(part.observation["image"])) for part in (parts.train, parts.test))
    read = probe_accuracy(train, parts.train_label, test, parts.test_label)
    return {**asdict(measure(network, encoder, images)), "embedding_probe": read}


def trial(question: dict, arm: str, number: int, images: Recording) -> list[dict[str, float]]:
    """One arm from one start: the untrained network, and the one that has learned."""
    objective, seed = recipe(question, arm).objective, Seed(number)
    encoder, network = born(question, seed, images.n_input)
    learned = [*encoder.parameters(), *network.parameters()]
    optimiser = torch.optim.AdamW(learned, lr=question["learning_rate"], weight_decay=1e-4)
    untrained = {"step": 0, **gauges(network, encoder, images)}
    for step in range(1, question["steps"] + 1):
        episode = images.draw(question["batch"], seed.child("stream").child(step).rng())
        loss = objective(foresee(network, live(network, encoder, episode, "image"), steps_ahead(objective)))
        optimiser.zero_grad()
        loss.total.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
    return [untrained, {"step": question["steps"], "loss": loss.total.item(), **gauges(network, encoder, images)}]


def main() -> None:
    """Carry out what was declared, the wiring first."""
    torch.set_num_threads(1)
    for kind, (question, identity) in questions().items():
        images = recording(question)
        raw = None
        for number in question["seeds"]:
            for arm in question["arms"]:
                name = f"{arm}-{number}.json" if kind == "wiring" else f"{kind}-{arm}-{number}.json"
                path = FOLDER / "results" / name
                if path.is_file() and json.loads(path.read_text())["question"] == identity:
                    continue
                raw = raw or raw_accuracy(images)
                curve = trial(question, arm, number, images)
                record = {"question": identity, "arm": arm, "seed": number, "raw_probe": raw, "curve": curve}
                write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())
                print(path.name, flush=True)


if __name__ == "__main__":
    main()

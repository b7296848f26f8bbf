"""Teach the circuits a regular sequence under both presets, break it, and keep what every layer answers.

    python evidence/laminar-mismatch/run.py

One JSON file per arm, preset and seed in results/; what is there already is not done again, so an interrupted run goes on.
"""

import json
import tomllib
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from anlage.connectome.microcircuit import microcircuit
from anlage.learning.checkpoint import write_atomic
from anlage.network import Leaky, Physiology, RecurrentNetwork, scale
from anlage.network.port import linear
from anlage.seed import Seed
from anlage.topology import BlockPreserving, DegreePreserving, Topology, build, control_graph
from anlage.topology.laminar import LAMINAR

FOLDER = Path(__file__).parent
LAYERS = ("L23E", "L4E", "L5E", "L6E")
POPULATIONS = tuple(f"class:{layer}{kind}" for layer in ("L23", "L4", "L5", "L6") for kind in "EI")
EVENT = 10  # the moment of a test sequence at which something happens; two whole rounds have been heard before it


def wiring(question: dict, arm: str, seed: Seed) -> Topology:
    """One draw of the microcircuit, or of a control of it."""
    topology = build(microcircuit(question["wiring"]["share"], seed.child("wiring").rng()), weights="log")
    if arm == "microcircuit":
        return topology
    control = {"block-preserving": BlockPreserving(blocks=POPULATIONS), "degree-preserving": DegreePreserving()}[arm]
    return control_graph(control, topology, seed.child(arm).rng())[0]


def due(question: dict, phase: np.ndarray, length: int) -> np.ndarray:
    """Which stimulus is due at each moment, counted from 1; 0 is the pause. Shape (batch, time)."""
    return (phase[:, None] + np.arange(length) + 1) % (question["sequence"]["stimuli"] + 1)


def training(question: dict, batch: int, rng: np.random.Generator) -> np.ndarray:
    """Sequences with deviants and omissions."""
    said = question["sequence"]
    shown = due(question, rng.integers(said["stimuli"] + 1, size=batch), said["length"])
    chance, stimulus = rng.random(shown.shape), shown > 0
    other = (shown - 1 + rng.integers(1, said["stimuli"], size=shown.shape)) % said["stimuli"] + 1
    shown = np.where(stimulus & (chance < said["deviants"]), other, shown)
    return np.where(stimulus & (chance > 1 - said["omissions"]), 0, shown)


def tests(question: dict) -> dict[str, np.ndarray]:
    """Sequences regular up to the event: a stimulus due or not due, silence where a pause or a stimulus was due.

    Every stimulus is shown equally often in both, so that only what was due differs.
    """
    n = question["sequence"]["stimuli"]
    ends = {d: due(question, np.array([(d - 1 - EVENT) % (n + 1)]), EVENT + 1)[0] for d in range(n + 1)}
    pairs = [(d, s) for d in range(1, n + 1) for s in range(1, n + 1) if d != s]

    def ended(expected: int, shown: int) -> np.ndarray:
        return np.concatenate([ends[expected][:-1], [shown]])

    return {
        "expected": np.array([ended(s, s) for _, s in pairs]),
        "mismatch": np.array([ended(d, s) for d, s in pairs]),
        "pause": np.array([ended(0, 0)] * n),
        "omission": np.array([ended(d, 0) for d in range(1, n + 1)]),
    }


def losses(network: RecurrentNetwork, judge: torch.nn.Linear, compare: Tensor, heard: Tensor) -> tuple[Tensor, Tensor]:
    """Squared error of the next input, and of the reported prediction error."""
    state, prediction = network.unroll(heard)
    error = heard[:, 1:] - prediction[:, :-1]
    reported = judge(state[:, 1:, compare])
    return error.square().mean(), (reported - error.detach()).square().mean()


def responses(network: RecurrentNetwork, question: dict, sound: Tensor, topology: Topology) -> dict[str, dict]:
    """Mean absolute activity of each layer's excitatory neurons at the event; and the relative error of what was due."""
    found, error, spread = {}, [], []
    with torch.no_grad():
        for what, shown in tests(question).items():
            state, prediction = network.unroll(sound[torch.from_numpy(shown)])
            found[what] = {
                layer: float(state[:, EVENT, torch.from_numpy(topology.group([f"class:{layer}"]))].abs().mean())
                for layer in LAYERS
            }
            if what in ("expected", "pause"):
                error.append((prediction[:, EVENT - 1] - sound[torch.from_numpy(shown[:, EVENT])]).square().mean())
        spread = sound[torch.from_numpy(due(question, np.arange(len(sound)), len(sound)))].flatten(0, 1).var(0).mean()
    return {**found, "relative_error": float(torch.stack(error).mean() / spread)}


def trial(question: dict, arm: str, preset: str, number: int) -> dict:
    """One circuit, before and after learning."""
    seed, roles, said = Seed(number), LAMINAR[preset], question["wiring"]
    topology, _ = scale(wiring(question, arm, seed), said["spectral_radius"])
    stimuli = seed.child("stimuli").rng().normal(size=(question["sequence"]["stimuli"], question["sequence"]["width"]))
    sound = torch.from_numpy(np.vstack([np.zeros(stimuli.shape[1]), stimuli])).float()
    generator = torch.Generator().manual_seed(seed.child("start").integer)
    physiology = Physiology(Leaky(activation="relu"), said["ticks"], said["plasticity"])
    network = RecurrentNetwork(topology, roles.input, roles.predict, sound.shape[1], physiology, generator)
    compare = torch.from_numpy(topology.group(roles.compare))
    judge = linear(len(compare), sound.shape[1], generator)
    learned = [*network.parameters(), *judge.parameters()]
    optimiser = torch.optim.Adam(learned, lr=question["learning"]["learning_rate"])
    before, curve = responses(network, question, sound, topology), []
    for step in range(question["learning"]["steps"]):
        shown = training(question, question["learning"]["batch"], seed.child("stream").child(step).rng())
        predicted, reported = losses(network, judge, compare, sound[torch.from_numpy(shown)])
        optimiser.zero_grad()
        (predicted + reported).backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        curve.append([predicted.item(), reported.item()])
    after = responses(network, question, sound, topology)
    return {
        "neurons": topology.n_neurons,
        "edges": topology.n_edges,
        "before": before,
        "after": after,
        "curve": curve[::10],
    }


def main() -> None:
    """Carry out what question.toml declares."""
    torch.set_num_threads(1)
    text = (FOLDER / "question.toml").read_bytes()
    question, identity = tomllib.loads(text.decode()), sha256(text).hexdigest()[:12]
    for number in question["seeds"]:
        for arm in question["wiring"]["arms"]:
            for preset in question["wiring"]["presets"]:
                path = FOLDER / "results" / f"{arm}-{preset}-{number}.json"
                if path.is_file() and json.loads(path.read_text())["question"] == identity:
                    continue
                record = {"question": identity, "arm": arm, "preset": preset, "seed": number}
                record |= trial(question, arm, preset, number)
                write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())
                print(path.name, flush=True)


if __name__ == "__main__":
    main()

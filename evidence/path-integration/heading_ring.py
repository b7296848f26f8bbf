"""The ring of ``ring.toml`` and its rewires: what is run, and what the test finds."""

import sys
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from anlage.errors import AnlageError  # noqa: E402
from anlage.experience.path_integration import PathIntegration  # noqa: E402
from anlage.experience.problem import Problem  # noqa: E402
from anlage.learning.assay import Assay, born  # noqa: E402
from anlage.network import Leaky, Physiology, RecurrentNetwork, scale  # noqa: E402
from anlage.seed import Seed  # noqa: E402
from anlage.study.outcome import OUTCOMES  # noqa: E402
from anlage.study.statistics import Contrast, contrasts  # noqa: E402
from anlage.topology import DegreePreserving, ErdosRenyi, PermuteWeights, Ring, Topology, control_graph  # noqa: E402
from anlage.topology.quantity import spectral_radius  # noqa: E402
from ledger import Row, fill, read  # noqa: E402
from reservoir import read as fit  # noqa: E402
from reservoir import states  # noqa: E402

PATH = HERE / "results" / "ring.json"
RING, SCORE = "ring", "angle_error_deg"
CONTROLS = {one.name: one for one in (DegreePreserving(swaps_per_edge=10.0), PermuteWeights(), ErdosRenyi())}
KNOWS_NOTHING = 90.0


def asked() -> tuple[dict[str, Any], str]:
    """The question and its checksum."""
    text = (HERE / "ring.toml").read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def levels(question: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Setting and radius of every level, by number; radius 0 is the ring's own."""
    return [(setting, radius) for setting in question["settings"] for radius in (0.0, *question["radii"])]


def arms(question: Mapping[str, Any]) -> list[str]:
    """The ring first."""
    return [RING, *question["controls"], *question["beside"]]


def network(
    question: Mapping[str, Any], topology: Topology, setting: str, problem: Problem, seed: Seed
) -> RecurrentNetwork:
    """A network on the ring or a rewire, with the interface and the neurons of a setting."""
    made, own = dict(question["ring"]), question["network"]
    cue, odd = made.pop("cue"), setting == "tanh"
    dynamics = Leaky(leak=own["leak"], activation="tanh" if odd else "relu")
    physiology = Physiology(dynamics=dynamics, ticks=own["ticks"], plasticity="frozen")
    lived = born(Assay(name="ring", physiology=physiology), topology, problem, seed)
    turn = np.deg2rad(question["task"]["turn_deg"]) / own["ticks"]
    into: Float[ndarray, "neuron 3"] = Ring(**made).interface(turn, own["leak"], cue)
    if setting == "drawn":
        size = np.sqrt(3 * (into**2).mean(0))
        into = seed.child("drawn").rng().uniform(-size, size, into.shape)
    with torch.no_grad():
        lived.ports.into.weight.copy_(torch.from_numpy(into))
        if not odd:
            lived.bias.copy_(torch.from_numpy(Ring(**made).tonic())[:, None])
    return lived


def run() -> None:
    """Every arm and graph at every level."""
    question, identity = asked()
    root, made = Seed(question["seed"]), {k: v for k, v in question["ring"].items() if k != "cue"}
    whole, at = Ring(**made).topology(), levels(question)
    own_radius = spectral_radius(whole)
    beside = {"unshifted": Ring(**made | {"shift_deg": 0.0}).topology(), RING: whole}

    @lru_cache(maxsize=2)
    def posed(index: int) -> Problem:
        return PathIntegration(**question["task"]).open(root.child("task").child(index).rng())

    @lru_cache(maxsize=2)
    def wired(arm: str, index: int) -> Topology:
        rng = root.child("control").child(arm).child(index).rng()
        return beside[arm] if arm in beside else control_graph(CONTROLS[arm], whole, rng)[0]

    def make(arm: str, index: int, level: int) -> Row:
        topology, (setting, radius) = wired(arm, index), at[level]
        if radius or arm not in beside:
            topology = scale(topology, radius or own_radius)[0]
        lived = network(question, topology, setting, posed(index), root.child("trial").child(index))
        columns = states(lived, posed(index))
        found: dict[str, Any] = {"graph": wired(arm, index).fingerprint}
        for name, group in (("own ports", "output"), ("all neurons", "all")):
            rows = topology.group((group,))
            parts = [part[..., rows] for part in columns]
            finite = all(np.isfinite(part).all() for part in parts)
            found[name] = fit(parts[0], parts[1], posed(index), [0.0])[0.0][1] if finite else KNOWS_NOTHING
        return found

    graphs = range(question["graphs"])
    fill(PATH, identity, [(arm, i, n) for i in graphs for arm in arms(question) for n in range(len(at))], make)


def errors(setting: str, arm: str, ports: str = "own ports") -> Float[ndarray, "radius graph"]:
    """Errors in degrees of every graph of an arm; the first row is at the ring's own radius."""
    question, identity = asked()
    rows = {(row["arm"], row["index"], row["level"]): row[ports] for row in read(PATH, identity)}
    here = [n for n, (name, _) in enumerate(levels(question)) if name == setting]
    if missing := [n for n in here if any((arm, i, n) not in rows for i in range(question["graphs"]))]:
        raise AnlageError(f"{PATH.name} lacks trials of {arm} at {len(missing)} levels; finish them with run.py.")
    return np.array([[rows[arm, i, n] for i in range(question["graphs"])] for n in here])


def found(setting: str) -> list[Contrast]:
    """The ring at its own radius against every control, each rewire at the radius that suits it best."""
    question, _ = asked()
    best = {arm: errors(setting, arm).min(0) for arm in question["controls"]}
    rng = Seed(question["seed"]).child("page").child(setting).rng()
    return contrasts(OUTCOMES[SCORE], errors(setting, RING)[0], best, 0.0, rng)


def walk(
    question: Mapping[str, Any], index: int = 0
) -> tuple[Float[ndarray, "column moment"], Float[ndarray, " moment"]]:
    """Activity of the ring's heading neurons on the first test walk of a seed, and the heading in degrees, 0 to 360."""
    made, root = {k: v for k, v in question["ring"].items() if k != "cue"}, Seed(question["seed"])
    problem = PathIntegration(**question["task"]).open(root.child("task").child(index).rng())
    lived = network(question, Ring(**made).topology(), "own", problem, root.child("trial").child(index))
    _, shown = states(lived, problem)
    cosine, sine = problem.test_answer[0].double().numpy().T
    return shown[0, :, : made["columns"]].T, np.rad2deg(np.arctan2(sine, cosine)) % 360


def odd_floor(question: Mapping[str, Any], walks: int = 4000) -> float:
    """Least mean error, in degrees, of any odd network with an affine readout: half the mean of min(|V|, 180 - |V|).

    Two walks, with first headings h and h + 180 and opposite turns that add up to V and -V, are equally likely, and their
    states x and -x are answered with b + w and b - w. These are any two directions with b between them, or opposite ones. The
    truths lie g = | |V| - 90 | to both sides of their middle, and every angle of b from there is equally likely. So the errors
    add up to 0, to what b lacks to lie between the truths, or to 180 - 2 g; on average to 90 - g.
    """
    problem = PathIntegration(**question | {"n_test": walks}).open(Seed(0).child("floor").rng())
    turned = question["turn_deg"] * problem.test[..., 0].double().numpy().cumsum(1)
    off = np.abs((turned + 180) % 360 - 180)
    return float(np.minimum(off, 180 - off).mean() / 2)

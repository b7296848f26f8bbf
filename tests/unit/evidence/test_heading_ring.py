"""The positive control of path integration: the ring through the library's own network, and what no odd network can do."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from anlage.experience.path_integration import PathIntegration
from anlage.experience.problem import Problem
from anlage.seed import Seed
from anlage.topology import Ring, Topology

FOLDER = Path(__file__).parents[3] / "evidence" / "path-integration"


@pytest.fixture(scope="module")
def heading() -> Iterator[ModuleType]:
    before = list(sys.path)
    sys.path.insert(0, str(FOLDER))
    spec = importlib.util.spec_from_file_location("heading_ring", FOLDER / "heading_ring.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before
    for name in ("ledger", "reservoir"):
        sys.modules.pop(name, None)


def walks(n: int = 12) -> Problem:
    return PathIntegration(turn_deg=8.0, n_train=n, n_test=n, length=30).open(np.random.default_rng(3))


def test_the_ring_heads_where_its_turns_add_up_to(heading: ModuleType) -> None:
    question, _ = heading.asked()
    topology, problem = Ring(**{k: v for k, v in question["ring"].items() if k != "cue"}).topology(), walks()
    network = heading.network(question, topology, "own", problem, Seed(1))
    _, shown = heading.states(network, problem)
    at = np.angle(shown[..., :16] @ np.exp(2j * np.pi * np.arange(16) / 16))  # no readout is fitted
    truth = np.arctan2(*np.moveaxis(problem.test_answer.double().numpy(), -1, 0)[::-1])
    off = np.abs(np.angle(np.exp(1j * (at - truth))))
    assert np.rad2deg(off.mean()) < 8


def test_a_drawn_interface_is_as_strong_as_the_ring_s_own(heading: ModuleType) -> None:
    question, _ = heading.asked()
    own, drawn = (
        heading.network(question, Ring().topology(), setting, walks(), Seed(1)).ports.into.weight.detach()
        for setting in ("own", "drawn")
    )
    assert not torch.allclose(own, drawn)
    assert (drawn.square().mean(0) / own.square().mean(0)).numpy() == pytest.approx(1, rel=0.3)


@pytest.mark.parametrize("wiring", ["ring", "random"])
def test_neurons_without_thresholds_answer_the_opposite_with_the_opposite(heading: ModuleType, wiring: str) -> None:
    question, _ = heading.asked()
    rng, ring = np.random.default_rng(4), Ring().topology()
    pairs = rng.choice(48 * 48, 300, replace=False)
    drawn = Topology.of(48, pairs % 48, pairs // 48, rng.normal(size=300), groups=ring.groups)
    odd, rectified = (
        heading.network(question, ring if wiring == "ring" else drawn, setting, walks(), Seed(1)).double()
        for setting in ("tanh", "own")
    )
    shown = walks().test.double()
    with torch.no_grad():
        torch.testing.assert_close(odd.unroll(-shown)[0], -odd.unroll(shown)[0], atol=1e-12, rtol=0)
        assert not torch.allclose(rectified.unroll(-shown)[0], -rectified.unroll(shown)[0], atol=0.1)


def apart(one: np.ndarray, other: float) -> np.ndarray:
    return np.abs((one - other + 180) % 360 - 180)


def test_the_floor_of_odd_networks_is_what_trying_all_answers_finds(heading: ModuleType) -> None:
    # Two truths 2 g apart; any two directions with b between them may be answered, or opposite ones; b may stand anywhere.
    degrees = np.arange(-180, 180, 4.0)
    one, other = np.meshgrid(degrees, degrees, indexing="ij")
    span = (other - one) % 360
    for turned in (10.0, 40.0, 80.0, 120.0, 170.0):
        gap, least = abs(turned - 90), []
        for b in degrees:
            ahead, behind = (span < 180) & ((b - one) % 360 <= span), (span > 180) & ((b - other) % 360 <= 360 - span)
            allowed = ahead | behind | (span == 180)
            least.append((apart(one, gap) + apart(other, -gap))[allowed].min())
        assert np.mean(least) / 2 == pytest.approx(min(turned, 180 - turned) / 2, abs=1)
    question = {"turn_deg": 8.0, "n_train": 1, "n_test": 1, "length": 10}
    turns = (
        PathIntegration(**question | {"n_test": 500}).open(Seed(0).child("floor").rng()).test[..., 0].double().numpy()
    )
    total = np.abs(np.angle(np.exp(1j * np.deg2rad(8 * turns.cumsum(1)))))
    wanted = np.rad2deg(np.minimum(total, np.pi - total)).mean() / 2
    assert heading.odd_floor(question, 500) == pytest.approx(wanted, rel=1e-6)

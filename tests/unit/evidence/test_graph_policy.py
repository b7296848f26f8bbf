"""The graphs of the imitation study: what is alike among them, the lessons and exams, and a page that is what the results say."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from anlage.errors import DataMissing
from anlage.learning.imitate import Demonstrations
from anlage.learning.policy import Layers, Policy
from anlage.learning.running import Running

FOLDER = Path(__file__).parents[3] / "evidence" / "graph-policy"
SIBLINGS = ("finding", "graph_trials")


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The scripts import one another as scripts do, from their own folders.
    before = list(sys.path)
    sys.path[:0] = [str(FOLDER.parents[1] / "scripts"), str(FOLDER)]
    yield
    sys.path[:] = before
    for name in SIBLINGS:
        sys.modules.pop(name, None)


def load(name: str) -> ModuleType:
    if name in SIBLINGS and name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        name if name in SIBLINGS else f"graph_policy_{name}", FOLDER / f"{name}.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def trials() -> ModuleType:
    module = load("graph_trials")
    try:
        module.part()
    except DataMissing as missing:
        pytest.skip(str(missing))
    return module


def test_the_page_and_its_figure_are_what_the_results_say() -> None:
    assert load("page").finding().stale() == [], "run python evidence/graph-policy/page.py"


@pytest.mark.parametrize("arm", ["degree-preserving", "erdos-renyi", "weight-permuted"])
def test_matched_graphs_have_the_weights_and_the_radius_of_the_connectome(trials: ModuleType, arm: str) -> None:
    own, (made, certificate) = trials.graph("connectome", 0)[0], trials.graph(arm, 0)
    assert certificate.broken == () and made.n_edges == own.n_edges
    ratio = np.sort(made.weight) / np.sort(own.weight)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)  # the same multiset, but for one factor
    radii = [np.abs(np.linalg.eigvals(each.dense())).max() for each in (own, made)]
    np.testing.assert_allclose(radii, 0.9, rtol=1e-4)
    assert (made.fingerprint != own.fingerprint) and (made.fingerprint != trials.graph(arm, 1)[0].fingerprint)


def test_an_unweighted_graph_is_its_weighted_twin_with_a_weight_of_one_beside_the_counts(trials: ModuleType) -> None:
    own, twin = trials.graph("connectome", 0)[0], trials.graph("erdos-renyi", 0)[0]
    made = trials.graph("erdos-renyi-unweighted", 0)[0]
    np.testing.assert_array_equal(made.key(), twin.key())
    one_synapse = own.weight[0] / trials.part().weight[0]
    np.testing.assert_allclose(made.weight, one_synapse, rtol=1e-12)


def test_pupils_of_one_index_have_the_same_interface_and_no_network_is_much_larger(trials: ModuleType) -> None:
    maps = {arm: trials.network(arm, 3) for arm in ("connectome", "erdos-renyi", "mlp", "gru")}
    for port in ("into", "out"):
        one, other = (getattr(maps[arm].ports, port).weight for arm in ("connectome", "erdos-renyi"))
        assert torch.equal(one, other)
    size = {arm: sum(p.numel() for p in network.parameters()) for arm, network in maps.items()}
    assert size["connectome"] == size["erdos-renyi"]
    assert max(size.values()) < 1.05 * min(size.values())


def test_who_does_as_the_expert_has_no_error_and_who_does_nothing_has_all_of_it(trials: ModuleType) -> None:
    rng = np.random.default_rng(0)
    seen = rng.standard_normal((4, 6, 2))
    weight = np.array([[0.1, -0.2], [0.05, 0.15]])
    action = seen @ weight.T
    test = Demonstrations(seen, action, np.ones((4, 6), bool))
    policy = Policy(Layers(2, 2, (), torch.Generator().manual_seed(0)), 2)
    layer = policy.network.layers[0]  # type: ignore[union-attr]
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))  # type: ignore[union-attr]
    still = Running(2, still=True)
    assert trials.error(policy, still, test) == pytest.approx(0.0, abs=1e-6)
    with torch.no_grad():
        layer.weight.zero_()  # type: ignore[union-attr]
    expected = (action**2).sum() / ((action - action.mean((0, 1))) ** 2).sum(axis=(0, 1)).sum()
    assert trials.error(policy, still, test) == pytest.approx(expected, rel=1e-5)


def test_a_clumsy_body_does_nearly_what_it_is_told_and_lives_again_alike(trials: ModuleType) -> None:
    class Told:
        name, n_observed, n_action, limit = "told", 1, 3, 500

        def begin(self, seed: int) -> np.ndarray:
            return np.zeros(1)

        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
            did.append(action)
            return np.zeros(1), 0.0, False

    lives = []
    for seed in (1, 1, 2):
        did: list[np.ndarray] = []
        body = trials.Clumsy(Told(), 0.1)
        body.begin(seed)
        for _ in range(500):
            body.step(np.array([0.0, 0.5, 1.0]))
        lives.append(np.array(did))
    np.testing.assert_array_equal(lives[0], lives[1])
    assert not np.array_equal(lives[0], lives[2])
    np.testing.assert_allclose(lives[0].mean(0)[:2], [0, 0.5], atol=0.02)
    np.testing.assert_allclose(lives[0].std(0)[:2], 0.1, rtol=0.1)
    assert lives[0].max() <= 1.0


def test_the_answer_follows_the_rule_of_the_question() -> None:
    page = load("page")

    def said(*better: str) -> str:
        return str(page.answer({arm: "better" if arm in better else "worse" for arm in page.ARMS}))

    assert said(*page.DECIDING[1:]) == "supported"
    assert said("mlp") == said("mlp", "gru") == "partly"
    assert said("gru", "interface-only", "erdos-renyi-unweighted") == "not supported"

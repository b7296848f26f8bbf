"""The evidence on proofreading: tasks against simulation and closed forms, wiring quantities against brute force."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from anlage.connectome.error import ErrorModel
from anlage.topology import Topology

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "evidence" / "proofreading"
SIBLINGS = ("proofreading_tasks", "proofreading_figures", "signal_model", "signal_pairs")


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The scripts import one another as scripts do, from their own folders.
    before = list(sys.path)
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path[:] = before
    for name in SIBLINGS:
        sys.modules.pop(name, None)


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"proofreading_{name}", FOLDER / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tasks(siblings: None) -> ModuleType:
    return load("proofreading_tasks")


@pytest.fixture(scope="module")
def run(siblings: None) -> ModuleType:
    return load("run")


@pytest.fixture(scope="module")
def page(siblings: None) -> ModuleType:
    return load("page")


def random_graph(seed: int, n: int = 7, edges: int = 18) -> Topology:
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n * n, size=edges, replace=False)
    groups = {"input": np.array([0, 1]), "output": np.array([n - 2, n - 1])}
    return Topology.of(n, pairs // n, pairs % n, rng.integers(1, 9, edges).astype(float), groups=groups)


def test_a_ring_that_is_read_everywhere_remembers_as_many_ticks_as_it_has_neurons(tasks: ModuleType) -> None:
    n = 5
    groups = {"input": np.array([0]), "output": np.arange(n)}
    ring = Topology.of(n, np.arange(n), (np.arange(n) + 1) % n, np.ones(n), groups=groups)
    assert tasks.memory_capacity(ring, np.ones(1), 0.5, 40, 1e-9) == pytest.approx(n, rel=1e-6)


def test_memory_capacity_is_what_regression_on_a_simulated_reservoir_explains(tasks: ModuleType) -> None:
    graph, sign, noise, delays = random_graph(3), np.array([1.0, -1.0]), 0.05, 12
    from anlage.network.start import scale

    matrix = scale(graph, 0.6)[0].dense()
    rng = np.random.default_rng(0)
    length = 20_000
    u, state, seen = rng.standard_normal(length), np.zeros(7), np.zeros((length, 2))
    for t in range(length):
        state = matrix @ state
        state[:2] += sign * u[t]
        seen[t] = state[5:]
    seen += np.sqrt(noise * seen.var(axis=0).mean()) * rng.standard_normal(seen.shape)
    explained = 0.0
    for k in range(delays + 1):
        x, y = seen[delays:], u[delays - k : length - k]
        explained += 1 - ((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum() / (y**2).sum()
    assert tasks.memory_capacity(graph, sign, 0.6, delays, noise) == pytest.approx(explained, abs=0.05)


def test_an_output_that_no_input_reaches_remembers_nothing(tasks: ModuleType) -> None:
    groups = {"input": np.array([0]), "output": np.array([2])}
    apart = Topology.of(3, np.array([0, 1]), np.array([1, 0]), np.ones(2), groups=groups)
    assert tasks.memory_capacity(apart, np.ones(1), 0.9, 10, 0.01) == 0.0


def test_a_smell_that_reaches_k_neurons_equally_is_confined_to_k_of_all(tasks: ModuleType) -> None:
    groups = {"input": np.array([0])}
    star = Topology.of(5, np.array([0, 0, 0]), np.array([1, 2, 0]), np.ones(3), groups=groups)
    model = {"ticks": 8, "drive": 1e-6}
    assert tasks.confinement(star, np.array([0]), 0.9, model) == pytest.approx(-2 / 4)


@pytest.mark.parametrize("seed", range(4))
def test_shares_of_edges_paths_and_synapses_are_those_of_counting_one_by_one(tasks: ModuleType, seed: int) -> None:
    true, found = random_graph(seed), random_graph(seed + 10, edges=20)
    a, b = true.dense(), found.dense()
    n = range(7)
    got = tasks.distance(tasks.Measured.of(true), tasks.Measured.of(found))
    walks = {
        name: {(i, j, k) for i, j, k in product(n, n, n) if m[j, i] and m[k, j]} for name, m in (("a", a), ("b", b))
    }
    both = len(walks["a"] & walks["b"])
    assert got["path_recall"] == pytest.approx(both / len(walks["a"]))
    assert got["path_precision"] == pytest.approx(both / len(walks["b"]))
    assert got["edge_recall"] == pytest.approx(((a > 0) & (b > 0)).sum() / 18)
    assert got["edge_precision"] == pytest.approx(((a > 0) & (b > 0)).sum() / 20)
    assert got["synapses"] == pytest.approx(np.minimum(a, b).sum() / a.sum())
    either = (a > 0) | (b > 0)
    assert got["weight_correlation"] == pytest.approx(np.corrcoef(np.log1p(a[either]), np.log1p(b[either]))[0, 1])


def test_the_truth_is_no_distance_from_itself(tasks: ModuleType) -> None:
    one = tasks.Measured.of(random_graph(1))
    same = tasks.distance(one, one)
    assert same.pop("motifs") == 0.0
    assert list(same.values()) == pytest.approx([1.0] * len(same))


def test_an_arm_alone_has_one_kind_of_error_and_the_blind_one_has_all_without_bias(run: ModuleType) -> None:
    question, _ = run.read_question()
    only = run.model_of(question, "4", "recall")
    assert (only.recall, only.precision, only.split_rate, only.merge_rate) == (0.8, 1.0, 0.0, 0.0)
    blind, plain = run.model_of(question, "4", "blind"), run.model_of(question, "4")
    assert isinstance(plain, ErrorModel) and (blind.bias, plain.bias) == (0.0, 0.5)
    assert (blind.recall, blind.split_rate) == (plain.recall, plain.split_rate)


def test_every_arm_of_the_question_has_its_graphs_and_the_truth_has_no_error(run: ModuleType, page: ModuleType) -> None:
    question, _ = run.read_question()
    results = page.read_results()
    for animal in run.ANIMALS:
        for arm, wanted in run.arms(question).items():
            assert len(results[f"{animal}--{arm}"]["graphs"]) == wanted
        (truth,) = results[f"{animal}--truth"]["graphs"]
        assert truth["edits"] == 0 and truth["edge_recall"] == truth["path_precision"] == 1.0


def test_the_page_and_its_figures_are_what_the_results_say(page: ModuleType) -> None:
    assert page.stale() == [], "run python evidence/proofreading/page.py"


def test_the_verdict_follows_the_declared_rules(page: ModuleType) -> None:
    def seen(answers: bool, enough: list[bool]) -> SimpleNamespace:
        return SimpleNamespace(answers=answers, near_enough=dict(zip("123456", enough, strict=True)))

    good, bad = [True] * 3 + [False] * 3, [True, True, False, True, True, True]
    assert page.verdict([seen(True, good), seen(False, bad)]) == "supported"
    assert page.verdict([seen(True, good), seen(True, bad)]) == "not supported"
    assert page.verdict([seen(False, good)]) == "no task can answer"


def test_the_python_of_the_guide_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "proofreading.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["repaired"].n_neurons == 302  # type: ignore[attr-defined]

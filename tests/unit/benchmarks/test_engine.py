"""The engine benchmark: its check against automatic differentiation in double precision, its limits, its arithmetic."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, str(ROOT / "benchmarks" / "engine.py")]
WRONG = """
import numpy as np
from engines.of_numpy import scipy_csr

def prepare(task):
    right = scipy_csr(task)
    def run():
        results = [r.copy() for r in right()]
        results[-1].flat[0] += 0.01 * np.abs(results[-1]).max()
        return tuple(results)
    return run
"""
GREEDY = """
import numpy as np

def prepare(task):
    return lambda: (np.ones(1_000_000_000),)
"""
SLOW = """
import time

def prepare(task):
    time.sleep(60)
"""


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The benchmark imports its parts as a script does, from its own folder.
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield
    sys.path.remove(str(ROOT / "benchmarks"))
    for name in [n for n in sys.modules if n.split(".")[0] in ("engines", "engine", "machine")]:
        sys.modules.pop(name)


def benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, env=environment)


def a_graph(name: str = "heavy-tailed-60000"):
    from engines.graph import make

    return make(name)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("engine")
    for name, text in (("wrong", WRONG), ("greedy", GREEDY), ("slow", SLOW)):
        (folder / f"{name}.py").write_text(text)
    files = [str(folder / f"{name}.py") for name in ("wrong", "greedy", "slow")]
    limits = ("--memory-gb", "1", "--limit", "3")
    asked = ("--only", "worm", "--quick", "--engines", "scipy", "sparse CSR", *files, "--out", str(folder / "run"))
    done = benchmark(*asked, *limits)
    return folder, done


def test_a_quick_run_times_the_core_engines_and_refuses_a_wrong_one_by_name(quick: tuple) -> None:
    folder, done = quick
    assert done.returncode == 0, done.stderr
    engines = json.loads((folder / "run" / "engine.json").read_text())["graphs"]["worm"]["engines"]
    for name in ("anlage", "scipy CSR (hand-written)", "torch sparse CSR"):
        assert len(engines[name]) == 4, name
        for case in engines[name].values():
            low, middle, high = case["cpu_ms"]
            assert 0 < low <= middle <= high and case["ratio"] > 0 and case["floor_ratio"] > 0
    wrong = engines[str(folder / "wrong.py")]
    assert not any("cpu_ms" in case for case in wrong.values())
    assert wrong["forward 32 1 1"]["why_not"].startswith("wrong: its state is off by 0.01")
    assert "wrong.py, forward, batch 32, 1 thread: wrong: its state is off" in done.stdout
    assert "refused" in wrong["edge 32 1 1"]["why_not"]


def test_an_engine_that_asks_for_too_much_memory_or_time_becomes_a_record(quick: tuple) -> None:
    folder, _ = quick
    engines = json.loads((folder / "run" / "engine.json").read_text())["graphs"]["worm"]["engines"]
    greedy, slow = (engines[str(folder / f"{name}.py")]["forward 32 1 1"] for name in ("greedy", "slow"))
    assert greedy == {"why_not": "out of memory (1 GB)"}
    assert slow == {"why_not": "not done after 3 s"}


def test_an_interrupted_run_goes_on_and_measures_nothing_twice(quick: tuple) -> None:
    folder, _ = quick
    cases = folder / "run" / "cases.jsonl"
    whole = cases.read_text()
    cut = whole[: whole.rindex('{"graph"') + 30]
    cases.write_text(cut)
    asked = ("--only", "worm", "--quick", "--engines", "scipy", "sparse CSR", "--out", str(folder / "run"))
    done = benchmark(*asked, "--memory-gb", "1")
    assert done.returncode == 0 and "12 cases, 12 of them measured already" in done.stdout
    assert cases.read_text() == cut[: cut.rindex("\n") + 1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--only", "brain"), "There is no graph called 'brain'; known are: worm, larva"),
        (("--engines", "abacus"), "There is no engine called 'abacus'"),
        (("--engines", "nowhere.py"), "nowhere.py; give one that defines prepare(task)."),
    ],
)
def test_unknown_names_are_answered_in_a_sentence(
    arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import engine

    with pytest.raises(ValueError) as error:
        engine.parse(arguments)
    assert sentence in str(error.value)


def by_autograd(task) -> tuple[np.ndarray, ...]:
    """The task on a dense matrix in double precision."""
    graph, mode = task.graph, task.case.mode
    weight = torch.from_numpy(graph.weight).double().requires_grad_()
    state = torch.from_numpy(task.state).double().requires_grad_()
    place = (torch.from_numpy(graph.post()).long(), torch.from_numpy(graph.pre).long())
    matrix = torch.zeros(graph.n, graph.n, dtype=torch.float64).index_put(place, weight)
    if mode == "unroll":
        now = torch.zeros_like(state)
        for _ in range(task.case.steps):
            now = torch.tanh(matrix @ now + state)
    else:
        now = torch.tanh(matrix @ state)
    now.backward(torch.from_numpy(task.gradient).double())
    results = {"forward": (), "state": (state.grad,), "edge": (state.grad, weight.grad), "unroll": (weight.grad,)}[mode]
    return tuple(r.detach().numpy() for r in (now, *results))


@pytest.mark.parametrize("mode", ["forward", "state", "edge", "unroll"])
def test_the_check_accepts_automatic_differentiation_and_nothing_else(mode: str) -> None:
    from engines.case import Case, Task
    from engines.oracle import refusal

    task = Task.of(a_graph(), Case(mode, 3, steps=5 if mode == "unroll" else 1))
    right = by_autograd(task)
    assert refusal(task, right) == ""
    for which in range(len(right)):
        for spoil in (lambda a: a * 1.001, lambda a: np.roll(a, 1, axis=0), lambda a: np.full_like(a, np.nan)):
            wrong = [spoil(r) if i == which else r for i, r in enumerate(right)]
            assert refusal(task, tuple(wrong)).startswith("wrong: its ")
    assert "shape" in refusal(task, (right[0][:-1], *right[1:]))


def test_the_synthetic_graph_is_what_its_description_says() -> None:
    graph = a_graph("heavy-tailed-150000")
    assert (graph.n, graph.n_edges) == (1390, 150_000)
    keys = graph.post().astype(np.int64) * graph.n + graph.pre
    assert (np.diff(keys) > 0).all() and (graph.post() != graph.pre).all()
    norm = np.sqrt(np.bincount(graph.post(), graph.weight.astype(float) ** 2, graph.n))
    np.testing.assert_allclose(norm[norm > 0], 0.9, rtol=1e-5)
    signs = [set(np.sign(graph.weight[graph.pre == i])) for i in range(graph.n)]
    assert all(len(s) <= 1 for s in signs), "a neuron has one sign"
    assert np.mean([s == {1.0} for s in signs if s]) == pytest.approx(0.65, abs=0.05)
    out = np.sort(np.bincount(graph.pre, minlength=graph.n))
    assert out[-1] > 5 * np.median(out), "the tail is heavy"


def test_a_connectome_keeps_its_edges_in_anlages_order() -> None:
    from anlage.connectome.library import load
    from anlage.topology import build

    graph, topology = a_graph("worm"), build(load("worm"))
    assert (graph.post() == topology.post).all() and (graph.pre == topology.pre).all()
    assert (np.sign(graph.weight) == np.sign(topology.weight)).all()


def test_the_floor_counts_every_array_once() -> None:
    from engines.case import Case
    from engines.floor import traffic

    n, e, s = 10, 50, 4 * 10 * 3
    once = 8 * e + 4 * (n + 1)
    assert traffic(Case("forward", 3), n, e) == once + 2 * s
    assert traffic(Case("state", 3), n, e) == 2 * once + 6 * s
    assert traffic(Case("edge", 3), n, e) == 2 * once + 8 * s + 12 * e
    # One core, 23 GB/s, batch 32, measured by hand in an earlier benchmark: 6.79, 15.1 and 24.5 ms.
    for mode, ms in (("forward", 6.79), ("state", 15.1), ("edge", 24.5)):
        assert traffic(Case(mode, 32), 139_000, 15_000_000) / 23e6 == pytest.approx(ms, rel=0.02)


def test_a_power_law_gives_its_exponent_and_noise_an_interval_that_holds_it() -> None:
    from engines.growth import exponent

    x = [1.0, 10.0, 100.0, 1000.0]
    exact = exponent(x, [3 * v**0.7 for v in x])
    assert exact["exponent"] == 0.7 and exact["interval"] == [0.7, 0.7]
    # Least squares by hand on log10: residuals 0.1, -0.1, -0.1, 0.1 are orthogonal to line and constant.
    noisy = exponent(x, [3 * v**0.7 * 10**r for v, r in zip(x, (0.1, -0.1, -0.1, 0.1), strict=True)])
    half = 4.3027 * np.sqrt(0.04 / 2 / 5)
    assert noisy["exponent"] == 0.7
    assert noisy["interval"] == pytest.approx([0.7 - half, 0.7 + half], abs=1e-3)


def test_only_a_run_that_measured_every_graph_becomes_the_repositorys(tmp_path: Path) -> None:
    import engine
    from engines.record import Log

    run, log = engine.parse(["--out", str(tmp_path)]), Log(tmp_path / "cases.jsonl", {})
    for name in engine.GRAPHS:
        assert run.results(log) == tmp_path / "engine.json"
        log.append({"graph": name, "size": {"neurons": 1, "edges": 1}})
    assert run.results(log) == ROOT / "benchmarks" / "results" / "engine.json"
    assert engine.parse(["--out", str(tmp_path), "--only", "worm"]).results(log) == tmp_path / "engine.json"
    assert engine.parse(["--out", str(tmp_path), "--quick"]).results(log) == tmp_path / "engine.json"


def test_ratios_are_taken_within_the_run_and_against_the_same_case(tmp_path: Path) -> None:
    from engines.record import Log, together

    log = Log(tmp_path / "cases.jsonl", {"machine": "this"})
    log.append({"graph": "worm", "size": {"neurons": 10, "edges": 50}, "gb_s": {"1": 1.0}})
    for engine, case, ms in (
        ("anlage", "edge 1 1 1", 2.0),
        ("anlage", "edge 32 1 1", 4.0),
        ("other", "edge 32 1 1", 6.0),
    ):
        record = {"cpu_ms": [ms, ms, ms], "wall_ms": [ms, 2 * ms, ms], "runs": 3, "took_s": 1.0}
        log.append({"graph": "worm", "engine": engine, "case": case, "record": record})
    log.append({"graph": "worm", "engine": "other", "case": "edge 1 1 1", "record": {"why_not": "has no time"}})
    other = together(Log(tmp_path / "cases.jsonl", {"machine": "this"}))["graphs"]["worm"]["engines"]["other"]
    assert other["edge 32 1 1"]["ratio"] == 1.5
    # 2 * (400 + 44) + 8 * 4 * 10 * 32 + 600 = 11,728 bytes at 1 GB/s, against 12 ms of wall time.
    assert other["edge 32 1 1"]["floor_ratio"] == round(12 / 11_728e-6, 1)
    assert other["edge 1 1 1"] == {"why_not": "has no time"}
    with pytest.raises(ValueError, match="another machine; give --fresh"):
        Log(tmp_path / "cases.jsonl", {"machine": "that"})

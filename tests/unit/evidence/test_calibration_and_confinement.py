"""The evidence on calibration and on confinement: shortcuts against the rules, states and shares against brute force."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.optimize import fsolve
from scipy.sparse import csr_array

from anlage.study.statistics import contrasts
from anlage.topology import Topology

EVIDENCE = Path(__file__).parents[3] / "evidence"


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The scripts import one another as scripts do, from their own folders.
    before = list(sys.path)
    sys.path.insert(0, str(EVIDENCE / "input-confinement"))
    yield
    sys.path[:] = before
    sys.modules.pop("confinement_model", None)


def load(claim: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{claim}_{name}", EVIDENCE / claim / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_shortcut_past_the_bootstrap_gives_the_verdicts_of_the_library() -> None:
    run, rng = load("calibration", "run"), np.random.default_rng(0)
    question, _ = run.read_question()
    seen = set()
    for wiring in (None, 3.0, 6.0, -6.0):
        for _ in range(4):
            study = run.Study.of(question, lambda rng, n: rng.standard_normal(n), rng, 2, wiring)
            for margin in (0.0, 4.0):
                whole = [c.verdict for c in contrasts(run.WIDE, study.wiring, study.controls, margin, rng)]
                assert study.verdicts(rng, 0.0, margin) == whole
                seen |= set(whole)
    assert {"no difference found", "better", "worse"} <= seen


def test_a_simulated_wiring_without_effect_is_one_more_graph_and_shares_the_noise_of_its_seeds() -> None:
    run, rng = load("calibration", "run"), np.random.default_rng(1)
    question, _ = run.read_question()
    made = [run.Study.of(question, lambda rng, n: rng.standard_normal(n), rng, 1) for _ in range(400)]
    difference = np.array([study.wiring - study.controls["0"] for study in made])
    assert difference.var() == pytest.approx(2 + 2 * question["scores"]["own"] ** 2, rel=0.1)
    assert np.array([s.controls["0"] for s in made]).var() == pytest.approx(1 + 0.5**2 + 0.3**2, rel=0.1)


def test_every_ensemble_has_mean_0_and_standard_deviation_1() -> None:
    run, rng = load("calibration", "run"), np.random.default_rng(2)
    for name, draw in run.ensembles().items():
        values = np.concatenate([draw(rng, 50) for _ in range(800)])
        assert abs(values.mean()) < 0.03, name
        assert values.std() == pytest.approx(1, abs=0.12 if name == "heavy-tailed" else 0.06), name


def test_the_resting_state_solves_its_equation_and_a_leak_does_not_move_it() -> None:
    model, rng = load("input-confinement", "confinement_model"), np.random.default_rng(3)
    matrix = rng.random((6, 6)) * (rng.random((6, 6)) < 0.5) / 3
    drive = np.array([[1.0], [0], [0], [0.5], [0], [0]])
    state = model.resting(csr_array(matrix), drive, 1e-12)[:, 0]
    solved = fsolve(lambda x: x - np.tanh(matrix @ x + drive[:, 0]), np.full(6, 0.5), xtol=1e-12)
    np.testing.assert_allclose(state, solved, atol=1e-9)
    leaky = np.zeros(6)
    for _ in range(2000):
        leaky += 0.1 * (np.tanh(matrix @ leaky + drive[:, 0]) - leaky)
    np.testing.assert_allclose(state, leaky, atol=1e-9)


def test_shares_of_a_core_that_responds_alike_and_of_one_that_does_not_respond() -> None:
    model = load("input-confinement", "confinement_model")
    half = model.measures(np.repeat([0.5, 0.0], 100))
    assert half["active 0.1"] == half["active 0.3"] == half["above 0.1"] == 0.5
    assert half["most"] == pytest.approx(0.45, abs=0.006) and half["spread"] == pytest.approx(0.5)
    assert set(model.measures(np.zeros(10)).values()) == {0.0}


def test_reach_counts_neurons_within_so_many_hops() -> None:
    model = load("input-confinement", "confinement_model")
    line = Topology.of(5, np.arange(4), np.arange(1, 5), np.ones(4))
    assert model.reach(line, np.array([0]), np.arange(1, 5)) == {"1 hops": 0.25, "2 hops": 0.5, "3 hops": 0.75}


@pytest.mark.parametrize("ports", [True, False])
def test_half_a_rewire_moves_only_its_half_and_keeps_all_degrees(ports: bool) -> None:
    model, rng = load("input-confinement", "confinement_model"), np.random.default_rng(4)
    keys = rng.choice(40 * 40, 300, replace=False)
    topology = Topology.of(40, keys % 40, keys // 40, np.arange(1.0, 301), groups={"input": np.arange(15)})
    made = model.PartRewired("part", ports=ports)(topology, rng)
    moved = np.isin(topology.pre, np.arange(15)) == ports
    assert np.isin(topology.key()[~moved], made.key()).all()
    assert np.isin(topology.key()[moved], made.key()).mean() < 0.7
    for end in ("pre", "post"):
        np.testing.assert_array_equal(*(np.bincount(getattr(t, end), minlength=40) for t in (topology, made)))


@pytest.mark.parametrize("claim", ["calibration", "input-confinement"])
def test_the_page_and_its_figure_are_what_the_results_say(claim: str) -> None:
    assert load(claim, "page").stale() == [], f"run python evidence/{claim}/page.py"


def test_a_control_with_fewer_graphs_than_another_has_lost_none() -> None:
    page = load("input-confinement", "page")
    results = page.read_results()
    found = page.judge(results)
    assert len({c.n_graphs for c in found.values()}) > 1
    for name, contrast in found.items():
        assert contrast.n_graphs == len(results["graphs"][name])
        assert contrast.lost == 0
        assert contrast.sentence.endswith("after Holm.")

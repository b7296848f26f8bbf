"""Claims of the field put through the controls: what is kept of trials, parts of wirings, arms, and pages that are not stale."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as PeerRidge

from anlage.connectome.fetch import can_read
from anlage.connectome.release import LARVA
from anlage.errors import AnlageError
from anlage.experience.problem import Problem, pose
from anlage.study.trial import Trial
from anlage.topology import Topology

ROOT = Path(__file__).parents[3]
CLAIMS = ("reservoir-dynamics", "three-body", "odour", "path-integration")
SIBLINGS = ("finding", "ledger", "reservoir", "dynamics_questions", "heading_questions", "heading_ring")


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The scripts import one another as scripts do, from their own folders.
    before = list(sys.path)
    sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "evidence" / "reservoir-dynamics")]
    yield
    sys.path[:] = before
    for name in SIBLINGS:
        sys.modules.pop(name, None)


def load(folder: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{folder}_{name}".replace("-", "_"), ROOT / folder / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def random_graph(seed: int, n: int = 7, edges: int = 18) -> Topology:
    rng = np.random.default_rng(seed)
    keys = rng.choice(n * n, edges, replace=False)
    return Topology.of(n, keys % n, keys // n, rng.random(edges) + 0.1, groups={"input": np.array([0, 4])})


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_page_and_its_figure_are_what_the_results_say(claim: str) -> None:
    assert load(f"evidence/{claim}", "page").finding().stale() == [], f"run python evidence/{claim}/page.py"


def test_a_page_of_other_results_is_stale() -> None:
    found = load("evidence/odour", "page").finding()
    other = type(found)(found.folder, found.page, found.claims, found.draw, found.picture, "0" * 16)
    assert other.stale() == ["page.md", "odour.png"]


def test_a_row_of_the_ledger_is_what_the_library_itself_finds() -> None:
    questions, ledger = load("evidence/reservoir-dynamics", "dynamics_questions"), load("scripts", "ledger")
    question = questions.questions()["memory-capacity"]
    kept = ledger.records(question, ROOT / "evidence" / "reservoir-dynamics" / "results" / "memory-capacity.json")
    trial = Trial(question, "degree-preserving", 3, question.cells[3])
    (row,) = (r for r in kept if (r["arm"], r["index"], r["level"]) == (trial.arm, 3, trial.cell.plain))
    found = trial.run()
    assert row["graph"] == found["graph"] and row["seed"] == found["seed"]
    assert row["curve"][-1]["memory_capacity"] == pytest.approx(found["curve"][-1]["memory_capacity"], rel=1e-3)  # type: ignore[index]


def test_the_larva_is_asked_what_the_worm_is_asked() -> None:
    asked = load("evidence/reservoir-dynamics", "dynamics_questions")
    worm, larva = asked.questions(), asked.questions("larva")
    assert list(worm) == list(larva)
    for task in worm:
        one, other = worm[task].recipe, larva[task].recipe
        assert (one.task, one.readout, one.physiology) == (other.task, other.readout, other.physiology)
        assert {"degree-preserving", "weight-permuted"} <= set(larva[task].comparison.arms)
    assert other.topology.connectome == "larva"


@pytest.mark.skipif(not can_read(LARVA), reason="the larva is not in the data folder; anlage fetch larva")
def test_the_rewires_of_the_larva_keep_every_class_that_its_release_names() -> None:
    asked = load("evidence/reservoir-dynamics", "dynamics_questions").larva_afterwards()
    (control,) = asked["narma-10-classes"].comparison.controls
    groups = asked["narma-10-classes"].recipe.topology.topology().groups
    assert sorted(control.blocks) == sorted(name for name in groups if name.startswith("class:"))


def test_what_is_in_the_ledger_is_not_made_again_and_another_question_is_refused(tmp_path: Path) -> None:
    ledger, made = load("scripts", "ledger"), []

    def make(arm: str, index: int, level: int) -> dict[str, float]:
        made.append((arm, index, level))
        if index == 2 and len(made) < 4:
            raise KeyboardInterrupt
        return {"score": index / 3}

    path, wanted = tmp_path / "scores.json", [("a", index, 0) for index in range(3)]
    ledger.fill(path, "this", wanted[:2], make)
    with pytest.raises(KeyboardInterrupt):
        ledger.fill(path, "this", wanted, make)
    rows = ledger.fill(path, "this", wanted, make)
    assert made == [*wanted, wanted[2]]
    assert [row["score"] for row in rows] == pytest.approx([0, 1 / 3, 2 / 3])
    with pytest.raises(AnlageError, match="another question"):
        ledger.read(path, "that")


def test_a_score_that_only_some_levels_have_is_kept_and_empty_elsewhere(tmp_path: Path) -> None:
    ledger, path = load("scripts", "ledger"), tmp_path / "scores.json"
    ledger.fill(
        path, "this", [("a", 0, 0), ("a", 0, 1)], lambda _arm, _i, level: {"x": 1.0, **({"y": 2.0} if level else {})}
    )
    assert [(row["x"], row["y"]) for row in ledger.read(path, "this")] == [(1.0, None), (1.0, 2.0)]


def test_a_part_of_a_wiring_is_the_submatrix_and_its_groups_follow() -> None:
    whole, kept = random_graph(1), np.array([0, 2, 4, 5])
    made = load("scripts", "reservoir").part(whole, kept, "a test")
    np.testing.assert_array_equal(made.dense(), whole.dense()[np.ix_(kept, kept)])
    np.testing.assert_array_equal(made.groups["input"], [0, 2])


def problem(rng: np.random.Generator) -> Problem:
    shown = rng.normal(size=(5, 30, 4))
    wanted = shown[..., :2] @ np.array([[1.0, 0.3], [-0.5, 1]]) + 0.1 * rng.normal(size=(5, 30, 2))
    return pose("noise", (shown[:3], wanted[:3]), (shown[3:], wanted[3:]), ("nrmse",), 0.0)


def test_a_swept_readout_is_the_ridge_regression_of_scikit_learn_on_both_parts() -> None:
    asked, penalty = problem(np.random.default_rng(2)), 0.1
    train, test = asked.train.double().numpy(), asked.test.double().numpy()
    seen, new = load("scripts", "reservoir").read(train, test, asked, [penalty])[penalty]
    x, y = train.reshape(-1, 4), asked.train_answer.double().flatten(0, 1).numpy()
    size = ((x - x.mean(0)) ** 2).sum() / 4
    peer = PeerRidge(alpha=penalty * size).fit(x, y)
    for score, columns, answer in ((seen, train, asked.train_answer), (new, test, asked.test_answer)):
        wanted = answer.double().flatten(0, 1).numpy()
        error = ((peer.predict(columns.reshape(-1, 4)) - wanted) ** 2).sum() / ((wanted - wanted.mean(0)) ** 2).sum()
        assert score == pytest.approx(np.sqrt(error), rel=1e-6)


def test_the_four_arms_keep_what_their_names_say() -> None:
    run, whole = load("evidence/three-body", "run"), random_graph(3, n=12, edges=50)
    made = {arm: run.wired(arm, whole, np.random.default_rng(4)) for arm in run.asked()[0]["arms"]}
    assert made["connectome"] is whole
    same_edges = {arm for arm, graph in made.items() if np.array_equal(graph.key(), whole.key())}
    assert same_edges == {"connectome", "random-weights", "weight-permuted"}
    same_weights = {arm for arm, graph in made.items() if sorted(graph.weight) == sorted(whole.weight)}
    assert same_weights == {"connectome", "random-topology", "degree-preserving", "weight-permuted", "ends-permuted"}
    assert (made["random-signed"].weight < 0).any()
    assert all((made[arm].weight > 0).all() for arm in ("random", "random-weights", "random-topology"))


def test_the_most_connected_neurons_are_those_with_the_most_edges() -> None:
    run, whole = load("evidence/three-body", "run"), random_graph(5)
    matrix = whole.dense() != 0
    edges = matrix.sum(0) + matrix.sum(1)
    best = np.sort(sorted(range(7), key=lambda i: (-edges[i], i))[:3])
    np.testing.assert_array_equal(run.most_connected(whole, 3).dense(), whole.dense()[np.ix_(best, best)])


@pytest.mark.parametrize("directions", [1, 3, 6])
def test_activity_that_fills_some_directions_alike_counts_as_so_many(directions: int) -> None:
    rng = np.random.default_rng(6)
    basis = np.linalg.qr(rng.normal(size=(8, 8)))[0][:directions]
    along = np.linalg.qr(rng.normal(size=(200, directions)) - 0)[0]
    along = np.linalg.qr(along - along.mean(0))[0]
    states = (along @ basis)[None]
    assert load("evidence/three-body", "run").participation(states) == pytest.approx(directions, rel=1e-6)


@pytest.mark.skipif(not can_read(LARVA), reason="the larva is not in the data folder; anlage fetch larva")
def test_every_channel_reaches_the_two_receptor_neurons_of_its_name_and_no_other() -> None:
    run = load("evidence/odour", "run")
    question, _ = run.asked()
    topology, native = run.circuit(question)
    assert native.shape == (42, 21) and topology.n_neurons == len(topology.group(question["circuit"]))
    np.testing.assert_array_equal((native != 0).sum(0), 2)
    np.testing.assert_array_equal((native != 0).sum(1), 1)
    assert torch.from_numpy(native).max() == question["input_gain"]

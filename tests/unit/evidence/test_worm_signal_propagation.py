"""The evidence on worm signal propagation: predictors against closed forms, scores against scikit-learn and brute force."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from anlage.connectome.worm import worm
from anlage.errors import AnlageError, DataMissing
from anlage.topology import Topology

FOLDER = Path(__file__).parents[3] / "evidence" / "worm-signal-propagation"
MODEL = {"ticks": 64, "drive": 1e-6}
QUESTION = {
    "data": {
        "file": "celegans/randi2023_functional_wt.npz",
        "unmatched": ["AWCOF", "AWCON"],
        "responding": 0.05,
        "confident": 0.05,
        "occ_edges": [1, 2, 5],
        "distance_strata": 2,
    }
}


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The scripts import one another as scripts do, from their own folder.
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))
    for name in ("signal_pairs", "signal_model", "signal_figures"):
        sys.modules.pop(name, None)


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"worm_signal_propagation_{name}", FOLDER / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(siblings: None) -> ModuleType:
    return load("signal_model")


@pytest.fixture(scope="module")
def pairs_module(siblings: None) -> ModuleType:
    return load("signal_pairs")


@pytest.fixture(scope="module")
def run(siblings: None) -> ModuleType:
    return load("run")


def chain() -> Topology:
    """0 -> 1 -> 2 -> 3 with weights 0.5, -0.4, 0.3, and a shortcut 0 -> 2."""
    pre, post = np.array([0, 1, 2, 0]), np.array([1, 2, 3, 2])
    return Topology.of(4, pre, post, np.array([0.5, -0.4, 0.3, 0.1]))


def test_a_signal_runs_down_a_chain_as_the_inverse_of_identity_minus_weights_says(model: ModuleType) -> None:
    expected = np.linalg.inv(np.eye(4) - chain().dense())
    found = model.propagate(chain(), None, np.arange(4), MODEL)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    assert found[3, 0] == pytest.approx(0.3 * (0.1 - 0.5 * 0.4))
    assert not found[0, 1:].any(), "nothing runs against the edges"


def test_a_signal_on_a_cycle_sums_all_rounds_and_only_driven_neurons_make_columns(model: ModuleType) -> None:
    ring = Topology.of(3, np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([2.0, 2.0, 2.0]))
    found = model.propagate(ring, 0.6, np.array([2]), MODEL)
    expected = np.linalg.inv(np.eye(3) - 0.3 * ring.dense())[:, [2]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def brute_force(score: np.ndarray, positive: np.ndarray, stratum: np.ndarray) -> float:
    wins = couples = 0.0
    for a in np.flatnonzero(positive):
        for b in np.flatnonzero(~positive & (stratum == stratum[a])):
            wins += (score[a] > score[b]) + (score[a] == score[b]) / 2
            couples += 1
    return wins / couples


def test_the_auroc_is_that_of_scikit_learn_and_of_counting_couples(model: ModuleType) -> None:
    rng = np.random.default_rng(0)
    score, positive = rng.integers(0, 8, 200).astype(float), rng.random(200) < 0.2
    assert model.auroc(score, positive) == pytest.approx(roc_auc_score(positive, score))
    assert model.auroc(score, positive) == pytest.approx(brute_force(score, positive, np.zeros(200)))


def test_the_stratified_auroc_counts_couples_within_strata_only(model: ModuleType) -> None:
    rng = np.random.default_rng(1)
    stratum = rng.integers(0, 5, 150)
    score, positive = stratum * 10.0 + rng.integers(0, 4, 150), rng.random(150) < 0.1 + 0.15 * stratum
    assert model.auroc(score, positive, stratum) == pytest.approx(brute_force(score, positive, stratum))
    assert model.auroc(score, positive) > model.auroc(stratum.astype(float), positive, stratum) == 0.5


def test_no_couple_gives_no_auroc(model: ModuleType) -> None:
    assert np.isnan(model.auroc(np.arange(3.0), np.ones(3, dtype=bool)))


def test_names_match_with_and_without_padding_and_an_unknown_one_is_named(pairs_module: ModuleType) -> None:
    known = ("VB1", "VB10", "I1L", "M3L", "AVAL")
    found = pairs_module.match(["VB01", "vb10", "I1L", "M3L", "AWCON", "AVAL"], known, ["AWCON"])
    assert found.tolist() == [0, 1, 2, 3, -1, 4]
    with pytest.raises(AnlageError, match="no neurons called AWCOF"):
        pairs_module.match(["AWCOF"], known)


def measured(names: list[str]) -> dict[str, np.ndarray]:
    n = len(names)
    q, occ = np.full((n, n), 0.5), np.ones((n, n), dtype=np.int16)
    np.fill_diagonal(occ, 3)
    return {"neuron": np.array(names), "q": q, "q_eq": np.full((n, n), 0.5), "dff": np.zeros((n, n)), "occ": occ}


def test_rows_respond_columns_are_stimulated_and_what_must_be_left_out_is(pairs_module: ModuleType) -> None:
    names = ["AVAL", "AVAR", "ASHL", "AWCON"]
    data = measured(names)
    data["q"][0, 2], data["dff"][0, 2] = 0.01, 0.7  # AVAL responds to ASHL
    data["q"][1, 2] = np.nan
    data["occ"][2, 0] = 0
    brain = worm()
    pairs, row = pairs_module.scored_pairs(QUESTION, data, brain)
    at = {name: brain.neurons.name.index(name) for name in names[:3]}
    found = set(zip(pairs.responder.tolist(), pairs.sender.tolist(), strict=True))
    assert found == {
        (at["AVAL"], at["ASHL"]),
        (at["AVAL"], at["AVAR"]),
        (at["AVAR"], at["AVAL"]),
        (at["ASHL"], at["AVAR"]),
    }
    assert row[3] == -1
    only = np.flatnonzero(pairs.responds)
    assert (pairs.responder[only], pairs.sender[only], pairs.dff[only]) == (at["AVAL"], at["ASHL"], 0.7)
    assert pairs.direct[only], "ASHL has synapses onto AVAL"
    assert pairs.homologous.sum() == 2


def test_the_diagonal_tells_stimulated_from_responding(pairs_module: ModuleType) -> None:
    occ = np.array([[5, 2, 0], [4, 2, 0], [5, 1, 0]])
    assert pairs_module.diagonal_is_largest(occ) == (1.0, 0.5)


def test_absent_data_are_answered_with_one_sentence(
    pairs_module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path))
    monkeypatch.setattr(pairs_module, "find_data", lambda relative: None)
    with pytest.raises(DataMissing, match="set ANLAGE_DATA to a folder that holds it"):
        pairs_module.read_measured(QUESTION)


def test_transposed_data_are_refused(pairs_module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = measured(["AVAL", "AVAR", "ASHL"])
    data["occ"] = np.array([[3, 1, 1], [9, 9, 9], [1, 1, 2]], dtype=np.int16)
    np.savez(tmp_path / "turned.npz", **data)
    monkeypatch.setattr(pairs_module, "find_data", lambda relative: tmp_path / "turned.npz")
    with pytest.raises(AnlageError, match="transpose the matrices"):
        pairs_module.read_measured(QUESTION)


def test_places_are_a_partition_of_all_neurons_and_their_control_keeps_the_edges_between_them(
    model: ModuleType,
) -> None:
    from anlage.topology import build, control_graph

    brain = worm()
    topology = model.with_places(build(brain, signs="none", weights="log"), brain, 20)
    places = [rows for name, rows in topology.groups.items() if name.startswith("place:")]
    assert len(places) == 21
    assert sorted(np.concatenate(places).tolist()) == list(range(302))
    control = model.make_controls({"model": {"places": 20}})["places"]
    made, certificate = control_graph(control, topology, np.random.default_rng(0))
    assert not certificate.broken
    overlap = np.isin(made.key(), topology.key()).mean()
    assert overlap < 0.6, "the control must leave room to differ"


def test_the_weighted_auroc_of_the_bootstrap_is_the_auroc_of_repeated_pairs(run: ModuleType) -> None:
    rng = np.random.default_rng(2)
    score, hit, weight = rng.integers(0, 6, 80).astype(float), rng.random(80) < 0.3, rng.integers(0, 4, 80)
    repeated = np.repeat(np.arange(80), weight)
    expected = roc_auc_score(hit[repeated], score[repeated])

    class Answer:
        responds = hit

    level = rankdata(score, "dense").astype(int) - 1
    assert run._weighted_auroc(level, level.max() + 1, Answer, weight) == pytest.approx(expected)
    assert (run._levels(score)[0] == level).all()


def test_the_page_and_its_figures_are_what_the_results_say() -> None:
    assert load("page").stale() == [], "run python evidence/worm-signal-propagation/page.py"


def test_a_page_that_was_edited_by_hand_and_a_figure_of_other_results_are_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = load("page")
    monkeypatch.setattr(page, "render", lambda results: "as the results say")
    monkeypatch.setattr(page, "contrasts_of", lambda results: "as they say too")
    monkeypatch.setattr(page, "HERE", tmp_path)
    monkeypatch.setattr(page, "read_results", lambda: {"fingerprint": "new"})
    (tmp_path / "page.md").write_text("edited by hand")
    (tmp_path / "claims.json").write_text("as they say too")
    for figure in page.FIGURES:
        (tmp_path / figure).write_text("<svg>results new</svg>")
    (tmp_path / page.FIGURES[0]).write_text("<svg>results old</svg>")
    assert page.stale() == ["page.md", page.FIGURES[0]]


def test_the_verdict_follows_the_declared_rules() -> None:
    page = load("page")

    class Found:
        def __init__(self, control: str, verdict: str) -> None:
            self.control, self.verdict = control, verdict

    both = [Found("degree-preserving", "better"), Found("places", "better")]
    assert page.verdict(both) == "supported"
    assert page.verdict([both[0], Found("places", "equivalent")]) == "partly"
    assert page.verdict([Found("degree-preserving", "worse"), both[1]]) == "not supported"

"""Practice after imitation: a page that is what the results say, pupils that begin as their twins, areas, pairs and the rule."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[3] / "evidence" / "graph-practice"
SIBLINGS = ("finding", "graph_trials", "practice_trials")


@pytest.fixture(scope="module")
def page() -> Iterator[ModuleType]:
    # The scripts import one another as scripts do, from their own folders.
    before = list(sys.path)
    sys.path[:0] = [str(FOLDER.parents[1] / "scripts"), str(FOLDER)]
    spec = importlib.util.spec_from_file_location("graph_practice_page", FOLDER / "page.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before
    for name in SIBLINGS:
        sys.modules.pop(name, None)


def pupils(curves: dict[int, list[float]], graph: str = "") -> dict[int, dict[str, object]]:
    """Trials whose exams were after 0, 1, 2, ... steps."""
    return {i: {"graph": f"{graph}{i}", "curve": [[s, score] for s, score in enumerate(c)]} for i, c in curves.items()}


def test_the_page_and_its_figure_are_what_the_results_say(page: ModuleType) -> None:
    assert page.finding().stale() == [], "run python evidence/graph-practice/page.py"


def test_every_pupil_begins_as_its_twin_that_did_not_practise(
    page: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page.strangers() == []
    other = {arm: pupils({0: [-1.0, 5.0]}) if arm == "mlp" else {} for arm in page.ARMS}
    monkeypatch.setattr(page, "trials", other.__getitem__)
    assert page.strangers() == ["mlp-00"]


def test_the_mean_along_practice_is_the_area_under_straight_lines(
    page: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = pupils({0: [0.0, 0.0, 100.0, 100.0, 100.0], 1: [0.0, 25.0, 50.0, 75.0, 100.0]})
    monkeypatch.setattr(page, "trials", lambda arm: found)
    np.testing.assert_allclose(page.values("mlp", page.ALONG), [62.5, 50.0])
    np.testing.assert_allclose(page.values("mlp", page.AFTER), [100.0, 100.0])


def test_arms_are_compared_in_the_trials_that_both_have(page: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    made = {arm: pupils({i: [0.0, float(rng.normal(500, 9))] for i in range(20)}, arm) for arm in page.ARMS}
    del made["connectome"][3], made["mlp"][5]
    monkeypatch.setattr(page, "trials", made.__getitem__)
    found = {c.control: c for c in page.contrasts(page.AFTER)}
    for arm, left_out in (("erdos-renyi", {3}), ("mlp", {3, 5})):
        both = [i for i in range(20) if i not in left_out]
        expected = np.mean([made["connectome"][i]["curve"][1][1] - made[arm][i]["curve"][1][1] for i in both])
        assert found[arm].difference == pytest.approx(expected) and found[arm].n_graphs == len(both)


def test_the_answer_follows_the_rule_of_the_question(page: ModuleType) -> None:
    def said(*better: str) -> str:
        return str(page.answer({arm: "better" if arm in better else "worse" for arm in page.ARMS}))

    assert said(*page.DECIDING) == "supported"
    assert said("mlp") == said("erdos-renyi", "interface-only") == "partly"
    assert said("interface-only") == "not supported"


def test_everybody_practises_alike_but_for_the_rate_of_its_kind(page: ModuleType) -> None:
    graphs = {page.practice(arm) for arm in page.ARMS if arm != "mlp"}
    assert len(graphs) == 1
    (graph,), mlp = graphs, page.practice("mlp")
    assert (graph.steps, graph.iterations, graph.settle) == (mlp.steps, mlp.iterations, mlp.settle) == (24_576, 12, 3)
    assert graph.critic_rate == mlp.critic_rate == 3e-3 and graph.trace == mlp.trace == 1.0

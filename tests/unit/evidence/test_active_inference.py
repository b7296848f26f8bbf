"""What foresight buys: the rule of the answer, and a page that is what the results say."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from anlage.study.foresight import MAKERS, PLANNER, ForesightPlan, ForesightRun

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=["active-inference", "active-inference-bodies"])
def page(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    before = list(sys.path)
    sys.path.insert(0, str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location(request.param, ROOT / "evidence" / request.param / "page.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before
    for name in ("finding", "foreseen"):
        sys.modules.pop(name, None)


def test_the_page_and_its_figures_are_what_the_results_say(page: ModuleType) -> None:
    assert page.finding().stale() == [], f"run python evidence/{page.HERE.name}/page.py"


@pytest.mark.parametrize(
    ("planner", "chance", "said"),
    [
        ([-100.0, -200.0], [-900.0, -900.0], "supported"),
        ([-500.0, -500.0], [-900.0, -900.0], "partly"),
        ([-100.0, -500.0], [-900.0, -900.0], "partly"),
        ([-100.0, -200.0], [-100.0, -150.0], "partly"),
        ([-900.0, -900.0], [-100.0, -150.0], "not supported"),
    ],
)
def test_the_answer_follows_the_rule_of_the_question(
    page: ModuleType, planner: list[float], chance: list[float], said: str
) -> None:
    earned = {PLANNER: planner, **dict.fromkeys(("random values", "untrained model", "random actions"), chance)}
    records = {
        maker: [{"arms": {arm: {"returns": [earned.get(arm, [0.0, 0.0])[i]]} for arm in arms}} for i in range(2)]
        for maker, arms in MAKERS.items()
    }
    assert page.answer(ForesightRun(ForesightPlan("pendulum", trials=2, lives=1), records)) == said

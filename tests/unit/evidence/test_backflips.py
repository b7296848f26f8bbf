"""Who turns over: the rule of the answer by hand, and a page and a film that are what the results say."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def page() -> Iterator[ModuleType]:
    before = list(sys.path)
    sys.path.insert(0, str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("backflips_page", ROOT / "evidence/backflips/page.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before
    for name in ("finding", "flips"):
        sys.modules.pop(name, None)


def test_the_page_and_its_figure_are_what_the_results_say(page: ModuleType) -> None:
    assert page.finding().stale() == [], "run python evidence/backflips/page.py"


@pytest.mark.parametrize(
    ("alone", "longer", "said"),
    [
        ([0.0, 0.5, 0.1], [1.0, 2.0], "supported"),
        ([0.0, 0.5, 0.1], [9.0, 2.0], "partly"),
        ([9.0, 7.0, 8.0], [1.0, 2.0], "partly"),
        ([9.0, 5.0, 8.0], [9.0, 7.0], "not supported"),
        ([0.0, 0.5, 0.1], [1.0], "partly"),  # of one trial there is no interval
    ],
)
def test_the_claim_needs_both_kinds_of_practice_alone_to_lie_below(
    page: ModuleType, monkeypatch: pytest.MonkeyPatch, alone: list[float], longer: list[float], said: str
) -> None:
    taught = [8.0, 6.0, 7.0]

    def records(part: str) -> list[dict[str, object]]:
        ends = {"taught": taught, "alone": alone, "longer": longer}[part]
        return [{"curve": [[0, [0.0, 0.0]], [10, [end - 1, end + 1]]]} for end in ends]

    monkeypatch.setattr(page, "records", records)
    assert page.answer() == said
    if len(longer) > 1:  # paired with the first two
        assert page.gain(page.LONGER)[0] == pytest.approx(np.mean(taught[:2]) - np.mean(longer))
    assert page.turns(page.CLONED).tolist() == [0.0, 0.0, 0.0]

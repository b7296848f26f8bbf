"""Next-embedding prediction with a wiring and without: pages are what the results say, and say what they were written for."""

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
COLUMNS = (
    ("prediction error", "prediction_error", -1),
    ("of no change", "persistence_error", -1),
    ("cosine", "loss_negative_cosine", -1),
    ("effective rank", "effective_rank", -1),
    ("probe", "probe_accuracy", -1),
    ("probe, untrained", "probe_accuracy", 0),
)
STUDIES = ("nepa-on-images", "nepa-on-speech")


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The scripts import one another as scripts do, from their own folder.
    before = list(sys.path)
    sys.path.insert(0, str(ROOT / "scripts"))
    yield
    sys.path[:] = before
    for name in ("finding", "next_embedding"):
        sys.modules.pop(name, None)


def load(folder: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{folder}_{name}".replace("-", "_"), ROOT / folder / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("study", STUDIES)
def test_the_page_and_its_figure_are_what_the_results_say(study: str) -> None:
    assert load(f"evidence/{study}", "page").finding().stale() == [], f"run python evidence/{study}/page.py"


def test_a_page_that_was_written_for_other_verdicts_is_refused() -> None:
    page = load("evidence/nepa-on-images", "page")
    page.WRITTEN_FOR["prediction_error"]["transformer"] = "better"
    with pytest.raises(SystemExit, match=r"nepa-on-images was written for other verdicts .*'transformer': 'worse'"):
        page.finding()


@pytest.mark.parametrize("study", STUDIES)
def test_every_arm_stands_in_the_table_with_its_own_numbers(study: str) -> None:
    module, folder = load("scripts", "next_embedding"), ROOT / "evidence" / study
    told = module.study(folder)
    head, _, *rows = [
        [cell.strip() for cell in row.strip("| ").split("|")] for row in module.arm_table(told).splitlines()
    ]
    assert len(rows) == 7
    for row in rows:
        shown = dict(zip(head, row, strict=True))
        found = [json.loads(path.read_text()) for path in folder.glob(f"results/{shown['arm']}-0*.json")]
        assert len(found) == 20
        assert int(shown["trained parameters"].replace(",", "")) == found[0]["budget"]["trained_parameters"]
        for name, measure, at in COLUMNS:
            mean = float(np.mean([one["curve"][at][measure] for one in found]))
            sign = -1 if measure.startswith("loss") else 1
            assert float(shown[name].split()[0]) == pytest.approx(
                sign * mean, abs=6e-3 if name == "effective rank" else 6e-4
            )
        if "audit" in found[0]:
            assert int(shown["numbers read"]) == found[0]["audit"]["output"]
        elif shown["arm"] != "transformer":  # it holds keys and values besides; these hold what is read, 4 bytes each
            assert int(shown["numbers read"]) == found[0]["budget"]["state_bytes"] / 4


def test_a_lead_in_the_cosine_is_the_mean_of_differences_by_seed() -> None:
    module, folder = load("scripts", "next_embedding"), ROOT / "evidence" / "nepa-on-speech"
    ends = {
        arm: [json.loads(path.read_text())["curve"][-1] for path in sorted(folder.glob(f"results/{arm}-*.json"))]
        for arm in ("connectome", "transformer")
    }
    lead = [b["loss_negative_cosine"] - a["loss_negative_cosine"] for a, b in zip(*ends.values(), strict=True)]
    mean, low, high = map(float, re.findall(r"[+-][\d.]+", module.cosine_lead(module.study(folder), "transformer")))
    normal = 1.96 * np.std(lead, ddof=1) / np.sqrt(len(lead))
    assert mean == pytest.approx(np.mean(lead), abs=6e-5)
    assert (mean - low, high - mean) == pytest.approx((normal, normal), rel=0.2)

"""The page of the mind: what its tables say of records made by hand."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

SCRIPT = Path(__file__).parents[3] / "evidence" / "mind-of-areas" / "tables.py"


@pytest.fixture
def page(tmp_path: Path) -> dict:
    made = runpy.run_path(str(SCRIPT))
    (tmp_path / "results").mkdir()
    made["records"].__globals__["HERE"] = tmp_path
    return made


def keep(page: dict, arm: str, values: list[float]) -> None:
    folder = page["records"].__globals__["HERE"] / "results"
    for seed, value in enumerate(values):
        (folder / f"{arm}-{seed}.json").write_text(json.dumps({"seed": seed, "onset_error": value}))


def test_a_mind_of_one_sense_stands_beside_the_area_of_the_same_seed(page: dict) -> None:
    folder = page["records"].__globals__["HERE"] / "results"
    page["alone"].__globals__["UNIMODAL"] = {"areas": ["nose"]}
    rng = np.random.default_rng(0)
    here, there = rng.uniform(size=(2, 4))
    for seed in range(4):
        areas = {"nose": {"prediction_error": here[seed]}}
        (folder / f"on-{seed}.json").write_text(json.dumps({"seed": seed, "areas": areas}))
        record = {"seed": seed, "prediction_error": there[seed]}
        (folder / f"unimodal-nose-{seed}.json").write_text(json.dumps(record))
    low, high = stats.ttest_rel(here, there).confidence_interval()
    assert f"| {(here - there).mean():.3f} ({low:.3f} to {high:.3f}) |" in page["alone"]()


def test_no_answer_is_given_before_all_seeds_are_there(page: dict) -> None:
    keep(page, "on", [0.1] * 6)
    keep(page, "off", [0.9] * 6)
    keep(page, "shuffled", [0.9] * 5)
    assert "Not answered yet**: 5 of 6" in page["verdict"]()


@pytest.mark.parametrize(
    ("on", "shuffled", "said"),
    [
        ([0.5, 0.52, 0.49, 0.5, 0.51, 0.5], 0.9, "**Supported**"),
        ([0.5, 1.5, 0.2, 1.4, 0.3, 0.9], 0.9, "**Not supported**, as declared."),
        ([0.5, 0.52, 0.49, 0.5, 0.51, 0.5], 0.1, "worse"),
    ],
)
def test_the_answer_is_the_declared_one(page: dict, on: list[float], shuffled: float, said: str) -> None:
    keep(page, "on", on)
    keep(page, "off", [0.9] * 6)
    keep(page, "shuffled", [shuffled] * 6)
    assert said in page["verdict"]()


def test_the_interval_is_that_of_scipy(page: dict) -> None:
    sample = np.array([0.3, 0.5, 0.45, 0.6])
    low, high = stats.t.interval(0.95, 3, sample.mean(), stats.sem(sample))
    assert page["interval"](sample) == f"{sample.mean():.3f} ({low:.3f} to {high:.3f})"


def test_pairs_are_of_one_seed(page: dict) -> None:
    keep(page, "on", [1.0, 2.0, 3.0])
    keep(page, "off", [0.5, 1.0])
    assert page["paired"]("onset_error", "off").tolist() == [0.5, 1.0]

"""The evidence on laminar roles: what differs between its test sequences is what was due, and nothing else."""

import importlib.util
import tomllib
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[3] / "evidence" / "laminar-mismatch"


@pytest.fixture(scope="module")
def run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("laminar_run", FOLDER / "run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def question() -> dict:
    return tomllib.loads((FOLDER / "question.toml").read_text())


def test_mismatch_and_expected_show_the_same_stimuli_after_the_same_ones(run: ModuleType, question: dict) -> None:
    """Counted by hand of all sequences: neither what is shown nor what came before can explain a difference."""
    shown = run.tests(question)
    for moment in (-1, -2, -3):
        assert Counter(shown["expected"][:, moment]) == Counter(shown["mismatch"][:, moment])
    assert set(shown["expected"][:, -1]) == {1, 2, 3}


def test_up_to_the_event_every_sequence_is_regular(run: ModuleType, question: dict) -> None:
    for sequences in run.tests(question).values():
        assert ((np.diff(sequences[:, :-1]) % 4) == 1).all()


def test_only_expected_and_pause_go_on_as_they_were(run: ModuleType, question: dict) -> None:
    for what, sequences in run.tests(question).items():
        regular = (sequences[:, -1] - sequences[:, -2]) % 4 == 1
        assert regular.all() if what in ("expected", "pause") else not regular.any()
    assert not run.tests(question)["omission"][:, -1].any() and not run.tests(question)["pause"][:, -1].any()


def test_training_breaks_the_sequence_as_often_as_declared(run: ModuleType, question: dict) -> None:
    rng = np.random.default_rng(0)
    shown = run.training(question, 4000, rng)
    regular = run.due(question, np.random.default_rng(0).integers(4, size=4000), question["sequence"]["length"])
    stimulus = regular > 0
    assert not shown[~stimulus].any()
    assert (shown[stimulus] == 0).mean() == pytest.approx(0.1, abs=0.01)
    assert ((shown != regular) & (shown > 0))[stimulus].mean() == pytest.approx(0.1, abs=0.01)

"""Arms that swim: paired postures, tuning apart from scoring, kept arms, and the report."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anlage.connectome.library import load
from anlage.experience.life import live
from anlage.experience.swimmer import Swimmer
from anlage.network.reflex import GRID, Reflex
from anlage.seed import Seed
from anlage.study import swim, swim_run
from anlage.study.swim import FIXED, LADDER, MEASURED, Rung, Swim, Tank, compare_swims, posture, read_swim, trials
from anlage.study.swim_figure import along
from anlage.study.swim_report import film_data, sentences, swim_table, write_swim_report
from anlage.topology.motor import MotorCircuit, motor

pytest.importorskip("mujoco", reason="mujoco is not installed (extra: body)")
SHORT = 15
"""Steps of a life in these tests."""


@pytest.fixture(scope="module")
def circuit() -> MotorCircuit:
    return motor(load("worm"))


@pytest.fixture(scope="module", autouse=True)
def short_lives() -> Iterator[None]:
    whole = swim_run.watch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(swim, "live", lambda body, controller, rngs: live(body, controller, rngs, SHORT))
        patch.setattr(swim_run, "watch", lambda *given: whole(*given, SHORT))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("swims")


@pytest.fixture(scope="module")
def run(folder: Path) -> swim_run.SwimRun:
    return swim_run.carry_out_swims(load("worm"), Tank(), 2, folder)


def test_a_trial_is_tuned_on_one_posture_and_scored_on_three_others(circuit: MotorCircuit) -> None:
    (trial,) = trials(MEASURED, circuit, Tank(), [4], seed=3)
    first = [live(Swimmer(6), Reflex([circuit], [setting], 5), [posture(3, 4, 0)], SHORT)[0] for setting in GRID]
    np.testing.assert_allclose(trial.tuning, first, atol=1e-9)
    assert trial.chosen == int(np.argmax(first))
    again = [
        live(Swimmer(6), Reflex([circuit], [GRID[trial.chosen]], 5), [posture(3, 4, k)], SHORT)[0] for k in (1, 2, 3)
    ]
    np.testing.assert_allclose(trial.held_out, again, atol=1e-9)
    assert trial.score == pytest.approx(np.mean(again))


def test_a_trial_does_not_depend_on_those_beside_it(circuit: MotorCircuit) -> None:
    rung = LADDER[0]
    together, alone = trials(rung, circuit, Tank(), range(2)), trials(rung, circuit, Tank(), [1])
    assert together[1] == alone[0]
    assert together[0].graph != together[1].graph


def test_trials_go_to_json_and_back(circuit: MotorCircuit) -> None:
    trial = Swim(3, "abc", (1.04, 2.0, 3.0, 4.0, 5.0, 6.0), 5, (7.0, 8.0, 9.06))
    kept = read_swim(json.loads(json.dumps(trial.to_json())))
    assert kept == replace(trial, tuning=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), held_out=(7.0, 8.0, 9.1))


def test_every_arm_makes_a_certified_circuit_and_only_resensed_ones_feel_elsewhere(circuit: MotorCircuit) -> None:
    for rung in (MEASURED, *LADDER, *FIXED, swim.BARE):
        made = rung.circuit(circuit, Seed(0).child(rung.name).rng())
        moved = not np.array_equal(made.sense_row, circuit.sense_row, equal_nan=True)
        assert moved == rung.resense, rung.name
        assert (made.topology.fingerprint != circuit.topology.fingerprint) == (rung.control is not None)


def test_assumptions_are_changed_in_every_setting_and_nothing_else() -> None:
    rung = Rung("x", "y", change=(("stretch", 0.0),))
    assert rung.grid() == tuple(replace(setting, stretch=0.0) for setting in GRID)
    assert MEASURED.grid() == GRID


def swims(score: np.ndarray, graphs: bool = True) -> list[Swim]:
    return [Swim(i, f"g{i * graphs}", (0.0,) * 6, 0, (float(s),)) for i, s in enumerate(score)]


def test_contrasts_tell_better_from_equal_and_give_one_graph_no_verdict() -> None:
    rng = np.random.default_rng(0)
    measured = 760 + rng.normal(0, 8, 20)
    arms = {
        "connectome": swims(measured, graphs=False),
        "worse": swims(200 + rng.normal(0, 40, 20)),
        "alike": swims(measured + rng.normal(0, 8, 20)),
        "lesion": swims(measured[:5] - 30, graphs=False),
    }
    found = {contrast.control: contrast for contrast in compare_swims(arms)}
    assert [found[name].verdict for name in ("worse", "alike", "lesion")] == ["better", "equivalent", "undecided"]
    assert found["worse"].difference == pytest.approx(560, abs=30)
    assert found["lesion"].difference == pytest.approx(30)


def test_films_are_turned_so_that_bodies_swim_to_the_left() -> None:
    points = np.cumsum(np.ones((5, 3, 2)), axis=0) + np.array([[0, 0], [0, 1], [0, 2]])
    turned = along(points)
    middle = turned.mean(axis=1)
    np.testing.assert_allclose(middle[-1], [-4 * np.sqrt(2), 0], atol=1e-12)
    np.testing.assert_allclose(np.diff(turned, axis=1)[0, 0] @ [1, 1], np.diff(turned, axis=1)[3, 1] @ [1, 1])


def test_what_was_swum_is_kept_and_a_damaged_or_foreign_arm_is_swum_again(
    run: swim_run.SwimRun, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    keep = swim_run.trials
    monkeypatch.setattr(swim_run, "trials", lambda rung, *given: calls.append(rung.name) or keep(rung, *given))
    (folder / "even-map.json").write_text("{")
    again = swim_run.carry_out_swims(load("worm"), Tank(), 2, folder)
    assert calls == ["even-map"]
    assert {name: [t.graph for t in arm] for name, arm in again.arms.items()} == {
        name: [t.graph for t in arm] for name, arm in run.arms.items()
    }


def test_the_report_holds_the_film_the_scores_and_what_is_assumed(run: swim_run.SwimRun, tmp_path: Path) -> None:
    text = write_swim_report(run, tmp_path / "report.html").read_text()
    assert write_swim_report(run, tmp_path / "again.html").read_text() == text
    assert len(text) < 2_000_000 and not re.search(r"(src|href)=.?https?:", text)
    assert all(f'id="n{n}"' in text for n in range(97))
    for word in ("DB1", "VD13", "assumed", "without any neuron", "projections permuted", "Bhattasali", "cook2019whole"):
        assert word in text, word
    assert len(swim_table(run).rows) == len(run.arms)
    assert "earns" in sentences(run)[0] and "Too few graphs" in " ".join(sentences(run))
    film = film_data(run)
    assert len(film["score"][0]) == SHORT // 3  # type: ignore[index]

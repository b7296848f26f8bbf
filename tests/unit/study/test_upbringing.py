"""A swimmer that grows up: what it is born with, what it is told, and what the report says of it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from anlage.cli.main import main
from anlage.connectome.library import load
from anlage.errors import AnlageError
from anlage.experience.bodies import open_world
from anlage.experience.swimming import Swimming
from anlage.learning.ppo import perform
from anlage.learning.recipe import Schedule
from anlage.network.innate import Innate
from anlage.network.reflex import GRID
from anlage.study.born import INNATE_ARMS, PERCEPTRON, born, told
from anlage.study.practice import PracticePlan, PracticeTrial, carry_out_practice
from anlage.study.practice_report import practice_sentences, practice_table, write_practice_report
from anlage.study.question import read_question
from anlage.study.swim import Rung, Swim, Tank
from anlage.study.upbringing import FELT, Childhood, expects, practises
from anlage.topology.motor import MotorCircuit, motor

pytest.importorskip("mujoco", reason="the extra body is not installed")
RECIPES = Path(__file__).parents[3] / "recipes"


@pytest.fixture(scope="module")
def fewer_lives() -> pytest.MonkeyPatch:  # type: ignore[misc]
    """One setting to choose, exams of two seconds: choosing and exams are tested elsewhere."""
    patch = pytest.MonkeyPatch()
    patch.setattr("anlage.study.practice.EXAM", 1)
    patch.setattr("anlage.study.practice.perform", partial(perform, steps=120))
    patch.setattr("anlage.study.born.trials", lambda *_: [type("Swim", (), {"chosen": 5})])
    yield patch
    patch.undo()


def test_what_is_told_is_what_the_body_feels_in_other_units() -> None:
    plain, scaled = open_world("swimmer", 6), told(6)
    unit = np.array([1.0] * 5 + [3.0] * 5 + [0.1, 0.1, 3.0])
    np.testing.assert_allclose(scaled.begin(3) * unit, plain.begin(3), rtol=1e-12)
    action = np.array([1.0, 0.5, -0.5, 0.0, -1.0])
    for _ in range(3):
        (seen, reward, _), (mine, same, over) = plain.step(action), scaled.step(action)
        np.testing.assert_allclose(mine * unit, seen, rtol=1e-12)
        assert same == reward and not over
    assert (scaled.name, scaled.n_observed, scaled.n_action, scaled.limit) == ("swimmer", 13, 5, 1000)


def test_a_circuit_is_born_with_the_setting_that_it_swims_best_with(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def best_is_the_fourth(
        rung: Rung, circuit: MotorCircuit, tank: Tank, indices: Sequence[int], seed: int
    ) -> list[Swim]:
        asked.append((rung.name, circuit.topology.fingerprint, tank, tuple(indices), seed))
        return [Swim(indices[0], "", (0.0, 0.0, 0.0, 9.0, 0.0, 0.0), 3, (1.0,))]

    monkeypatch.setattr("anlage.study.born.trials", best_is_the_fourth)
    network, circuit = born("worm", "connectome", 2, 7, 6), motor(load("worm"))
    assert asked == [("connectome", circuit.topology.fingerprint, Tank(6), (2,), 7)]
    expected = Innate(circuit, GRID[3], 5, 13)
    assert isinstance(network, Innate)
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=0, atol=0)


def test_arms_are_born_with_their_own_wiring(fewer_lives: pytest.MonkeyPatch) -> None:
    measured, rewired, even, perceptron = (born("worm", arm, 0, 0, 6) for arm in INNATE_ARMS)
    again, other = born("worm", INNATE_ARMS[1], 0, 0, 6), born("worm", INNATE_ARMS[1], 1, 0, 6)
    assert torch.equal(rewired.edge, again.edge) and not torch.equal(rewired.edge, other.edge)  # type: ignore[attr-defined]
    assert len(rewired.edge) == len(measured.edge) and not torch.equal(rewired.edge, measured.edge)  # type: ignore[attr-defined]
    assert not torch.equal(even.edge, measured.edge)  # type: ignore[attr-defined]
    assert sum(p.numel() for p in perceptron.parameters()) == 13 * 64 + 64 + 64 * 64 + 64 + 64 * 5 + 5


def test_only_the_perceptron_is_shown_numbers_brought_to_a_common_scale() -> None:
    plan = PracticePlan("worm", "swimmer", 100, 1, innate=True)
    normalised = {arm: PracticeTrial(plan, arm, 0, "").practice().normalised for arm in INNATE_ARMS}
    assert normalised == {arm: arm == PERCEPTRON for arm in INNATE_ARMS}


def test_practice_from_birth_keeps_what_was_before_and_reports_it(
    tmp_path: Path, fewer_lives: pytest.MonkeyPatch
) -> None:
    plan = PracticePlan("worm", "swimmer", 16, 1, innate=True)
    held = carry_out_practice(plan, tmp_path)
    assert list(held.records) == list(INNATE_ARMS)
    assert float(held.before("connectome")[0]) > 1.5 * float(held.before("projections-permuted")[0])
    assert float(held.before(PERCEPTRON)[0]) < float(held.before("connectome")[0]) / 10
    said = practice_sentences(held)[1]
    assert said.startswith("Before practice, and after it in brackets, each arm earned: connectome ")
    head, rows = practice_table(held).head, practice_table(held).rows
    assert [row[0] for row in rows] == list(INNATE_ARMS)
    assert rows[0][head.index("before practice")] == f"{held.before('connectome')[0]:,.0f}"
    page = write_practice_report(held, tmp_path / "report.html").read_text()
    assert "each keeps its sign and none is added" in page and "every sensory neuron hears" not in page


def test_the_recipe_of_growing_up_is_the_one_on_the_shelf() -> None:
    shelf = read_question((RECIPES / "worm-swimming.toml").read_text(), "worm-swimming").recipe
    assert shelf == FELT


def test_growing_up_is_told_in_two_chapters(tmp_path: Path, fewer_lives: pytest.MonkeyPatch) -> None:
    brief = replace(FELT, experience=Swimming(4, 50, 4), schedule=Schedule(steps=2, batch=4, log_every=1))
    childhood = Childhood(2, 16, brief, seed=7)
    felt = expects(childhood, tmp_path / "felt")
    assert "On swims kept back its error falls from" in felt.said[0]
    assert "ndecided" in felt.said[1] or "No verdict" in felt.said[1]
    assert "predicting no change" in felt.figure
    assert read_question((tmp_path / "felt" / "question.toml").read_text(), "felt").recipe.seed == 7
    practised = practises(childhood, tmp_path / "practised")
    assert practised.title == "It practises" and "Before practice" in practised.said[1]
    assert "exam before and after 16 steps of practice" in practised.figure
    with pytest.raises(AnlageError, match="Growing up with 1 graphs"):
        Childhood(1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["live", "worm", "--innate"], "add --learn STEPS, and no other body"),
        (["live", "worm", "--learn", "9", "--innate", "--body", "ant"], "add --learn STEPS, and no other body"),
        (["live", "worm", "--grow-up", "--learn", "9"], "leave out --learn and --body"),
        (["live", "worm-male", "--grow-up"], "Only the worm grows up here"),
        (["live", "larva", "--learn", "9", "--innate"], "larva"),
    ],
)
def test_what_cannot_grow_up_is_told_in_one_sentence(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1

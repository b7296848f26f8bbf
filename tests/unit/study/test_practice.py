"""Practice of a wiring, of rewired ones and of perceptrons: what is paired, what is kept, and what is said."""

from pathlib import Path

import numpy as np
import pytest
import torch

from anlage.learning.recipe import Blueprint
from anlage.network import RecurrentNetwork, budget
from anlage.study import practice
from anlage.study.practice import ARMS, PracticePlan, PracticeTrial, carry_out_practice
from anlage.study.practice_report import practice_sentences, practice_table, write_practice_report

PLAN = PracticePlan("worm", "toy", 40, graphs=2)


class Toy:
    """What is observed is to be done."""

    name, n_observed, n_action, limit = "toy", 2, 2, 4
    begun: list[int] = []  # noqa: RUF012 - what all toys share

    def begin(self, seed: int) -> np.ndarray:
        self.begun.append(seed)
        self.rng = np.random.default_rng(seed)
        self.seen = self.rng.uniform(-1, 1, 2)
        return self.seen

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        reward = -float(np.square(action - self.seen).sum())
        self.seen = self.rng.uniform(-1, 1, 2)
        return self.seen, reward, False


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(practice, "open_world", lambda name, n_links: Toy())


def test_arms_of_one_index_share_their_interface_and_differ_in_their_wiring() -> None:
    measured, rewired, perceptron = (PracticeTrial(PLAN, arm, 0, "").network((2, 2)) for arm in ARMS)
    other = PracticeTrial(PLAN, ARMS[0], 1, "").network((2, 2))
    assert isinstance(measured, RecurrentNetwork) and isinstance(rewired, RecurrentNetwork)
    for name in ("into", "out"):
        mine, theirs, others = (getattr(network.ports, name).weight for network in (measured, rewired, other))
        assert torch.equal(mine, theirs) and not torch.equal(mine, others)
    wiring = []
    for wired in (measured, rewired):
        post = np.repeat(np.arange(wired.wiring.n_neurons), np.diff(wired.wiring.post_start))
        wiring.append(np.stack([wired.wiring.pre.numpy(), post]))
    degrees = [[np.bincount(ends, minlength=measured.wiring.n_neurons) for ends in edges] for edges in wiring]
    np.testing.assert_array_equal(*degrees)
    assert not np.array_equal(*wiring)
    topology = Blueprint("worm").topology()
    assert measured.ports.input.tolist() == topology.group(["input"]).tolist()
    assert measured.ports.output.tolist() == topology.group(["output"]).tolist()
    costs = [budget(None, network).trained_parameters for network in (measured, perceptron)]
    assert abs(costs[1] / costs[0] - 1) < 0.05


def test_a_class_keeps_what_it_finished_and_reports_every_arm(tmp_path: Path) -> None:
    said: list[tuple[str, int, int]] = []
    Toy.begun.clear()
    held = carry_out_practice(PLAN, tmp_path, progress=lambda *what: said.append(what))
    assert ("trials", 0, 6) in said and said[-1] == ("trials", 6, 6) and ("steps", 40, 40) in said
    assert {arm: len(records) for arm, records in held.records.items()} == dict.fromkeys(ARMS, 2)
    n_begun = len(Toy.begun)
    assert n_begun % 6 == 0 and len(set(Toy.begun)) == n_begun // 3  # the same lives for every arm
    (tmp_path / "mlp-1.json").unlink()
    again = carry_out_practice(PLAN, tmp_path)
    np.testing.assert_array_equal(again.scores("mlp"), held.scores("mlp"))
    assert len(Toy.begun) < n_begun + n_begun // 6 + 10  # one trial, gone on with from its checkpoint
    assert [c.verdict for c in held.contrasts] == ["undecided"] * 2
    assert [c.test for c in held.contrasts] == ["single case", "Welch"]
    first = practice_sentences(held)[0]
    assert first.startswith("After 40 steps of practice the wiring of C. elegans") and first.endswith("2 trials.")
    assert [row[0] for row in practice_table(held).rows] == list(ARMS)
    page = write_practice_report(held, tmp_path / "report.html").read_text()
    assert all(word in page for word in ("While they practised", "degree preserving", "schulman2017proximal"))


def test_a_trial_that_diverged_has_no_score_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Toy):
        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
            return super().step(action)[0], float("nan"), False

    monkeypatch.setattr(practice, "open_world", lambda name, n_links: Broken())
    held = carry_out_practice(PracticePlan("worm", "toy", 16, graphs=1), tmp_path)
    assert np.isnan(held.scores("connectome")).all()
    page = write_practice_report(held, tmp_path / "report.html").read_text()
    assert "No life came to its end while practising" in page
    assert "Learning diverged in 1 trial of mlp; they have no score." in practice_sentences(held)
    assert practice_table(held).rows[0][4] == "–"

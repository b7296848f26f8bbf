"""What foresight buys: what the arms share, what is kept, and what is said, in a world whose optimum is known."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.errors import RecipeError, UnknownName
from anlage.experience.preference import PREFERENCES, Preference
from anlage.experience.world import World
from anlage.learning.policy import Policy
from anlage.learning.ppo import Practice, Practised
from anlage.mind import active
from anlage.mind.imagination import Imagination
from anlage.mind.planner import Confused, Deliberation, Imagines, Planner
from anlage.seed import Seed
from anlage.study import foresight
from anlage.study.foresight import (
    ARMS,
    MAKERS,
    PLANNER,
    ForesightPlan,
    ForesightRun,
    ForesightTrial,
    carry_out_foresight,
    gains,
)
from anlage.study.foresight_report import (
    draw_foresight,
    foresight_sentences,
    foresight_table,
    growth_table,
    references,
    write_foresight_report,
)

BEGUN: list[tuple[int, float]] = []


class Pushed:
    """A point on a line, moved by what is done and observed in halves; it earns least where it is far from 1."""

    name, n_observed, n_action, limit = "pushed", 1, 1, 6

    def begin(self, seed: int) -> np.ndarray:
        self.x = float(np.random.default_rng(seed).uniform(-0.5, 0.5))
        BEGUN.append((seed, self.x))
        return np.array([2 * self.x])

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        self.x += 0.5 * float(np.clip(action[0], -1, 1))
        return np.array([2 * self.x]), -abs(self.x - 1), False


class KnownPushed:
    """The same, imagined."""

    n_action, noise = 1, torch.ones(1)

    def imagine(self, latent: Tensor, action: Tensor) -> Tensor:
        return (latent + 0.5 * action.cumsum(1)).unsqueeze(0)


PREFERENCE = Preference((2.0,), (2.0,), enough=-2.5)
with pytest.MonkeyPatch.context() as patch:
    patch.setitem(PREFERENCES, "pushed", PREFERENCE)
    PLAN = ForesightPlan("pushed", trials=2, lives=2, seed=3, explore=1, act=1, rehearse=4, longer=2)


@pytest.fixture(autouse=True)
def pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PREFERENCES, "pushed", PREFERENCE)
    monkeypatch.setitem(foresight.KNOWN, "pushed", KnownPushed)
    monkeypatch.setattr(foresight, "open_world", lambda name: Pushed())
    monkeypatch.setattr(foresight, "FULL", Planner(4, 60, 8, 3))
    monkeypatch.setattr(foresight, "SHOOTING", Planner(4, 60, 1, 1))
    monkeypatch.setattr(foresight, "LONGER", 3)
    BEGUN.clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foresight")


@pytest.fixture
def run(folder: Path) -> ForesightRun:
    return carry_out_foresight(PLAN, folder)


def test_every_arm_is_examined_in_every_trial(run: ForesightRun) -> None:
    assert list(PLAN.arms) == list(ARMS)
    assert all(run.returns(arm).shape == (2, 2) and run.cpu_ms(arm) > 0 for arm in ARMS)
    assert all(
        len(record["chapters"]) == 2 for maker in (PLANNER, "no epistemic term") for record in run.records[maker]
    )


def test_who_knows_the_world_goes_there_by_the_shortest_way(run: ForesightRun) -> None:
    trial = ForesightTrial(PLAN, "random actions", 0, "")
    BEGUN.clear()
    trial.run()
    best = []
    for _, x in BEGUN:
        earned = 0.0
        for _ in range(6):
            x = min(x + 0.5, 1.0)
            earned -= 1 - x
        best.append(earned)
    lost = np.array(best) - run.returns("known physics")[0]
    assert (lost > -0.01).all() and (
        lost < 0.6
    ).all()  # plans stop short of a goal by what chance is left in the last round
    assert run.success("known physics").tolist() == [1.0, 1.0]


def test_all_arms_of_a_trial_begin_their_lives_alike_and_no_other_trial_does() -> None:
    began = {}
    for maker, index in (("untrained model", 0), ("random actions", 0), ("known physics", 0), ("random actions", 1)):
        BEGUN.clear()
        ForesightTrial(PLAN, maker, index, "").run()
        began[maker, index] = BEGUN[-2:]
    assert began["untrained model", 0] == began["random actions", 0] == began["known physics", 0]
    assert not set(began["random actions", 0]) & set(began["random actions", 1])


def test_what_was_examined_is_not_done_again_and_what_is_lost_is(folder: Path, run: ForesightRun) -> None:
    BEGUN.clear()
    again = carry_out_foresight(PLAN, folder)
    assert not BEGUN and again.records == run.records
    (folder / "known-physics-1.json").write_text("{")
    repaired = carry_out_foresight(PLAN, folder)
    assert len(BEGUN) == PLAN.lives
    np.testing.assert_array_equal(repaired.returns("known physics"), run.returns("known physics"))
    assert ForesightTrial(ForesightPlan("pushed", 2, 2, 3, 1, 1, 5, longer=2), PLANNER, 0, str(folder)).kept() is None


def made(returns: dict[str, list[list[float]]]) -> ForesightRun:
    """A run in which arms earned what is given, all others nothing."""
    none = [[0.0, 0.0], [0.0, 0.0]]
    records = {
        maker: [
            {"chapters": [], "arms": {arm: {"returns": returns.get(arm, none)[i], "cpu_ms": 1.0 + i} for arm in arms}}
            for i in range(2)
        ]
        for maker, arms in MAKERS.items()
    }
    return ForesightRun(PLAN, records)


def test_gains_are_paired_differences_of_means_over_lives() -> None:
    held = made({PLANNER: [[-1.0, -3.0], [-2.0, -4.0]], "policy": [[-5.0, -5.0], [-2.0, -10.0]]})
    found = {gain.arm: gain for gain in gains(held)}
    assert set(found) == set(ARMS) - {PLANNER}
    assert found["policy"].difference == (3.0 + 3.0) / 2 and found["policy"].interval == (3.0, 3.0)
    assert found["random actions"].difference == -2.5 and found["random actions"].p == 0.5
    assert held.success(PLANNER).tolist() == [0.5, 0.5] and held.cpu_ms(PLANNER) == 1.5
    assert {gain.arm: gain.difference for gain in gains(held, "success")}["policy"] == (0.5 + 0.0) / 2


def test_the_report_says_what_was_found(run: ForesightRun, tmp_path: Path) -> None:
    said = foresight_sentences(run)
    assert said[0].startswith("After 12 steps in the pushed and without having read a reward, the planner succeeds in ")
    assert (
        sum(" ".join(said).count(arm) for arm in ("brief planner", "random values", "known physics", "ppo, longer"))
        == 4
    )
    page = write_foresight_report(run, tmp_path / "report.html").read_text()
    assert page == write_foresight_report(run, tmp_path / "again.html").read_text()
    for arm, _, earned, succeeded, cpu_ms, *_ in foresight_table(run).rows:
        assert all(f"<td>{cell}</td>" in page for cell in (arm, earned, succeeded, cpu_ms))
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "")
    assert [row[:2] for row in growth_table(run).rows] == [("1", "explores"), ("2", "acts")]
    told = {arm: what for arm, what, *_ in foresight_table(run).rows}
    assert told["ppo, longer"] == f"{PLAN.longer} times as many steps, and the reward"


def test_the_report_cites_its_body() -> None:
    keys = {"pendulum": "towers2024gymnasium", "swimmer": "todorov2012mujoco", "dish": "dweck2018olfactory"}
    assert set(keys) == set(PREFERENCES) - {PLAN.body}
    for body, own in keys.items():
        said = references(body)
        assert [key for key in keys.values() if f"{{{key}," in said] == [own]
        assert all(said.count(f"{{{key},") == 1 for key in ("schulman2017proximal", "balestriero2025lejepa"))


def test_more_and_less_are_said_where_intervals_leave_out_zero() -> None:
    held = made(
        {PLANNER: [[-1.0, -3.0], [-2.0, -4.0]], "policy": [[-5.0, -5.0], [-9.0, -9.0]], "ppo": [[-1.5] * 2, [-4.0] * 2]}
    )
    more, less, level = foresight_sentences(held)[1:]
    assert more == "It earns more than policy."
    assert level == "It is not told apart from ppo."
    assert (
        less.startswith("It earns less than brief planner; policy, longer; random shooting;")
        and " and random actions." in less
    )


def test_a_single_agent_is_called_an_example() -> None:
    one = ForesightRun(
        ForesightPlan("pushed", 1, 2), {maker: records[:1] for maker, records in made({}).records.items()}
    )
    assert foresight_sentences(one)[1:] == [
        "One agent of every kind is an example and no comparison; give --trials 5 or more."
    ]
    assert foresight_table(one).rows[0][2] == "0"


def test_without_known_equations_that_arm_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(foresight.KNOWN, "pushed")
    assert set(ARMS) - set(PLAN.arms) == {"known physics"}


def test_records_hold_no_number_that_json_has_not(folder: Path, run: ForesightRun) -> None:
    for path in folder.glob("*.json"):
        assert "NaN" not in path.read_text() and json.loads(path.read_text())["identity"]["body"] == "pushed"


def test_impossible_plans_are_refused_in_a_sentence() -> None:
    with pytest.raises(
        UnknownName, match="There is no body with a preference called 'pendulm'; did you mean 'pendulum'"
    ):
        ForesightPlan("pendulm")
    for name in ("trials", "lives", "explore", "act", "rehearse", "ahead", "longer"):
        with pytest.raises(RecipeError, match=f"{name} is 0, but must be 1 or more"):
            ForesightPlan("pendulum", **{name: 0})


def test_arms_differ_in_what_is_said_of_them_and_in_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Planner, type, bool]] = []

    def spied(planner: Planner, model: Imagines, *given: Any, keeps: bool = True) -> Deliberation:
        made.append((planner, type(model), keeps))
        return Deliberation(planner, model, *given, keeps=keeps)

    monkeypatch.setattr(foresight, "Deliberation", spied)
    monkeypatch.setattr(active, "Deliberation", spied)
    full, incurious = foresight.FULL, replace(foresight.FULL, curiosity=0.0)
    wanted = {
        PLANNER: [
            (full, Imagination, True),
            (foresight.BRIEF, Imagination, True),
            (foresight.SHOOTING, Imagination, False),
            (full, Confused, True),
        ],
        "no epistemic term": [(incurious, Imagination, True)],
        "untrained model": [(full, Imagination, True)],
        "known physics": [(full, KnownPushed, True)],
    }
    for maker, of_lives in wanted.items():
        made.clear()
        ForesightTrial(PLAN, maker, 0, "").run()
        assert [made[i] for i in range(-PLAN.lives * len(of_lives), 0, PLAN.lives)] == of_lives


def test_ppo_lives_as_many_steps_as_the_agent_or_so_many_times_more(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    real = foresight.practise

    def spied(policy: Policy, worlds: list[World], practice: Practice, seed: Seed) -> Practised:
        steps.append(practice.steps)
        return real(policy, worlds, practice, seed)

    monkeypatch.setattr(foresight, "practise", spied)
    for maker in ("ppo", "ppo, longer"):
        ForesightTrial(PLAN, maker, 0, "").run()
    assert steps == [2 * Pushed.limit, 2 * 2 * Pushed.limit]


def test_actions_last_for_whoever_plans_and_not_for_ppo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PREFERENCES, "pushed", replace(PREFERENCE, held=4))
    limits: dict[str, list[int]] = {"random actions": [], "ppo": []}
    real = foresight.live
    for maker, seen in limits.items():

        def spied(world: World, seed: Seed, act: Any, seen: list[int] = seen) -> Any:
            lived = real(world, seed, act)
            seen.append(len(lived[0].action))
            return lived

        monkeypatch.setattr(foresight, "live", spied)
        ForesightTrial(PLAN, maker, 0, "").run()
    assert limits == {"random actions": [2, 2], "ppo": [6, 6]}
    assert PLAN.steps == 2 * Pushed.limit


def test_what_is_preferred_is_part_of_what_a_record_is(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = ForesightTrial(PLAN, PLANNER, 0, "")
    before = trial.identity
    assert json.loads(json.dumps(before)) == before
    monkeypatch.setitem(PREFERENCES, "pushed", replace(PREFERENCE, sd=0.5))
    assert trial.identity != before


def test_what_is_imitated_and_practised_is_part_of_what_a_record_is(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (PLANNER, "ppo", "random actions")
    before = [ForesightTrial(PLAN, maker, 0, "").identity for maker in kinds]
    monkeypatch.setattr(foresight, "LONGER", 5)
    monkeypatch.setattr(foresight, "PRACTICE", replace(foresight.PRACTICE, clip=0.3))
    after = [ForesightTrial(PLAN, maker, 0, "").identity for maker in kinds]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True]
    assert json.loads(json.dumps(after)) == after


def test_the_picture_has_room_for_every_life_whatever_its_sign() -> None:
    held = made({PLANNER: [[900.0, 20.0], [-40.0, 300.0]]})
    (ax,) = (axes for axes in draw_foresight(held).axes if axes.get_xlabel().startswith("return"))
    low, high = ax.get_xlim()
    assert low < -40.0 and high > 900.0

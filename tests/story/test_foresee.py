"""What somebody sees who lets an agent foresee, or asks for what cannot be."""

import sys
from pathlib import Path

import pytest

from anlage.cli.main import EXIT_ERROR, main
from anlage.experience.bodies import open_world
from anlage.experience.world import World
from anlage.study import foresight


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["pendulun"], "There is no body with a preference called 'pendulun'; did you mean 'pendulum'?"),
        (["hopper"], "There is no body with a preference called 'hopper'; known are: pendulum, swimmer, dish."),
        (["pendulum", "--trials", "0"], "trials is 0, but must be 1 or more."),
        (["pendulum", "--lives", "-3"], "lives is -3, but must be 1 or more."),
    ],
)
def test_a_mistake_gets_one_sentence(typed: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["foresee", *typed]) == EXIT_ERROR
    message = capsys.readouterr().err
    assert message.startswith("anlage: ") and message.count("\n") == 1 and said in message


def test_without_gymnasium_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    assert main(["foresee", "pendulum", "--out", str(tmp_path)]) == EXIT_ERROR
    said = "anlage: This body needs the package gymnasium, which is not installed; type: pip install 'anlage[body]'.\n"
    assert capsys.readouterr().err == said and not list(tmp_path.iterdir())


def test_one_command_prints_every_arm_and_where_the_report_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("gymnasium", reason="gymnasium is not installed (extra: body)")

    def short(name: str) -> World:
        world = open_world(name)
        world.limit = 8
        return world

    monkeypatch.setattr(foresight, "open_world", short)
    made = {"trials": 1, "lives": 1, "explore": 1, "act": 1, "rehearse": 2, "longer": 1}
    whole = foresight.carry_out_foresight

    def little(plan: foresight.ForesightPlan, *given: object, **_: object) -> foresight.ForesightRun:
        return whole(foresight.ForesightPlan(plan.body, **made), *given[:1])  # type: ignore[arg-type]

    monkeypatch.setattr(foresight, "carry_out_foresight", little)
    monkeypatch.setattr(foresight, "LONGER", 2)
    brief = foresight.Planner(horizon=3, candidates=6, elites=2, iterations=1)
    monkeypatch.setattr(foresight, "FULL", brief)
    monkeypatch.setattr(foresight, "SHOOTING", brief)
    assert main(["foresee", "pendulum", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {arm:<20}" in f"\n{said}" for arm in foresight.ARMS)
    assert said.endswith(f"report: {tmp_path / 'report.html'}\n") and (tmp_path / "report.html").exists()

"""What somebody sees who puts a wiring into a body, or asks for what cannot be."""

import sys

import pytest

from anlage.cli.main import EXIT_ERROR, main


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["worm", "--body", "swimer"], "There is no body called 'swimer'; did you mean 'swimmer' or"),
        (["worm", "--links", "2"], "A swimmer of 2 links cannot undulate; give it at least 3."),
        (["worm", "--links", "40"], "39 joints cannot share 24 muscle rows; give the body at most 25 links."),
        (["worm", "--graphs", "1"], "--graphs is 1, but a comparison needs at least 2 rewired graphs per arm."),
        (["worm-witvliet-8"], "cannot move a body; use worm or worm-male."),
        (["worm", "--body", "ant"], "No untrained wiring can move the body 'ant'; let it learn with --learn STEPS."),
        (["worm", "--learn", "0"], "--learn is 0, but practice needs at least 1 step; 100000 is a beginning."),
        (["worm", "--learn", "9", "--body", "walcker"], "There is no body called 'walcker'; did you mean 'walker'?"),
        (["worm", "--learn", "9", "--links", "2"], "A swimmer of 2 links cannot undulate; give it at least 3."),
        (["worm", "--learn", "9", "--graphs", "0"], "--graphs is 0, but every arm needs at least 1 trial."),
        (["wrom"], "There is no connectome called 'wrom'; did you mean 'worm'"),
    ],
)
def test_a_mistake_gets_one_sentence(typed: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mujoco", reason="mujoco is not installed (extra: body)")
    assert main(["live", *typed]) == EXIT_ERROR
    message = capsys.readouterr().err
    assert message.startswith("anlage: ") and message.count("\n") == 1 and said in message


def test_without_mujoco_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "mujoco", None)
    assert main(["live", "worm"]) == EXIT_ERROR
    assert capsys.readouterr().err == (
        "anlage: A body needs the package mujoco, which is not installed; type: pip install 'anlage[body]'.\n"
    )

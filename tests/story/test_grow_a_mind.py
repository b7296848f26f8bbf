"""A mind from the command line: grown, killed and gone on with, reported, refused."""

from pathlib import Path

import pytest

from anlage.cli.main import EXIT_ERROR, EXIT_INTERRUPTED, main
from anlage.mind import Area

TINY = """
name = "tiny"
[schedule]
days = 1
sequences = 6
steps = 2
batch = 4
[workspace]
width = 4
latent = 3
topology = { connectome = "worm-witvliet-1" }
[[areas]]
name = "reader"
sense = "word"
topology = { connectome = "worm-witvliet-1" }
[[areas]]
name = "nose"
sense = "odour"
topology = { connectome = "worm-witvliet-1" }
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def test_a_mind_is_grown_interrupted_gone_on_with_and_reported(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    command = ["grow", str(recipe), "--out", str(folder), "--workers", "1"]
    assert main([*command, "--dry-run"]) == 0 and not folder.exists()
    with monkeypatch.context() as patch:
        patch.setattr(Area, "learn", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(command) == EXIT_INTERRUPTED
    assert main(command) == EXIT_ERROR
    assert "add --resume" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0
    said = capsys.readouterr().out
    assert "reader (worm-witvliet-1)" in said and "prediction error" in said
    html = (folder / "report.html").read_bytes()
    assert b"tiny: a mind of 2 areas" in html
    assert main(["report", str(folder)]) == 0
    assert (folder / "report.html").read_bytes() == html


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["compare"], "a mind has no controls yet"),
        (["grow", "--alone"], "a mind has no controls"),
        (["grow", "--workers", "0"], "--workers is 0"),
        (["grow", "--onto", "nowhere"], "nowhere holds no mind"),
    ],
)
def test_what_a_mind_cannot_do_is_said_in_one_sentence(
    recipe: Path, tmp_path: Path, command: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command[0], str(recipe), "--out", str(tmp_path / "run"), *command[1:]]) == EXIT_ERROR
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_growing_onto_a_mind_needs_a_mind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = Path(__file__).parents[2] / "recipes" / "worm-digits.toml"
    assert main(["grow", str(network), "--onto", str(tmp_path)]) == EXIT_ERROR
    assert "a recipe without [[areas]]" in capsys.readouterr().err

"""The README's commands exist, and its Python runs as it stands."""

import re
import shlex
from pathlib import Path

import pytest

from anlage.cli.main import parser
from anlage.learning import Recipe, Schedule
from anlage.mind.recipe import is_mind, read_mind
from anlage.study.question import Question, read_question

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^(anlage .*?)(?:\s+#.*)?$", README, re.MULTILINE)


def test_the_readme_shows_commands() -> None:
    assert len(COMMANDS) >= 6


def name_of(text: str, where: str = "recipe") -> str:
    """The name of the recipe of a network or of a mind."""
    return read_mind(text, where).name if is_mind(text, where) else read_question(text, where).recipe.name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_is_understood_and_its_recipe_exists(command: str) -> None:
    args = parser().parse_args(shlex.split(command)[1:])
    if recipe := getattr(args, "recipe", None):
        assert name_of((ROOT / recipe).read_text()) == Path(recipe).stem


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(name="mine", schedule=Schedule(steps=2, batch=2))
    Path("my-recipe.toml").write_text(recipe.to_toml().replace('"worm"', '"mushroom-body-left"'))
    names: dict[str, object] = {}
    exec(code, names)
    assert names["grown"].topology.n_neurons == 209


def test_the_default_question_is_the_recipe_in_the_repository() -> None:
    assert read_question((ROOT / "recipes" / "worm-digits.toml").read_text()) == Question()


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_in_the_repository_can_be_read(path: Path) -> None:
    assert name_of(path.read_text(), path.name) == path.stem

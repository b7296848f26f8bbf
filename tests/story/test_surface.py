"""The public surface: about 25 names, the same for readers, type checkers and programs."""

import ast
import inspect
from pathlib import Path

import pytest

import anlage

INIT = Path(anlage.__file__)


def imported_for_types(text: str) -> dict[str, str]:
    """Names imported below ``if TYPE_CHECKING``, and the modules they come from."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for line in node.body:
                if isinstance(line, ast.ImportFrom):
                    found |= {alias.asname or alias.name: line.module or "" for alias in line.names}
    return found


def test_every_public_name_is_there() -> None:
    for name in anlage.__all__:
        assert getattr(anlage, name) is not None


def test_the_surface_is_small_and_without_doubles() -> None:
    assert 25 <= len(anlage.__all__) <= 30
    assert len(set(anlage.__all__)) == len(anlage.__all__)


def test_type_checkers_see_the_same_names_from_the_same_homes() -> None:
    seen = imported_for_types(INIT.read_text())
    assert set(seen) == set(anlage.__all__)
    assert seen == anlage._HOME


def test_this_check_can_fail() -> None:
    text = "if TYPE_CHECKING:\n    from anlage.seed import Seed as Seed\n"
    assert imported_for_types(text) == {"Seed": "anlage.seed"}
    assert set(imported_for_types(text)) != set(anlage.__all__)


@pytest.mark.parametrize("name", anlage.__all__)
def test_every_public_name_explains_itself(name: str) -> None:
    thing = getattr(anlage, name)
    assert undocumented(thing) == []


def undocumented(thing: object) -> list[str]:
    """The thing itself, and its own public methods and properties, where they have no docstring."""
    name = getattr(thing, "__name__", str(thing))
    documented = bool(thing.__doc__) and not str(thing.__doc__).startswith(f"{name}(")  # what a bare dataclass gets
    missing = [] if documented else [name]
    if inspect.isclass(thing):
        for key, value in vars(thing).items():
            inner = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            if (
                not key.startswith("_")
                and (inspect.isfunction(inner) or isinstance(inner, property))
                and not inner.__doc__
            ):
                missing.append(f"{name}.{key}")
    return missing


def test_a_name_without_explanation_is_found() -> None:
    from dataclasses import dataclass

    @dataclass
    class Bare:
        x: int = 0

        def go(self) -> None: ...

    assert undocumented(Bare) == ["Bare", "Bare.go"]


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="'anlage' has no attribute 'gro'"):
        anlage.gro  # noqa: B018
    assert set(anlage.__all__) <= set(dir(anlage))

"""Habit 1: one concept per file, at most 400 lines; functions at most 60; at most 8 parameters."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "anlage"
LINES, FUNCTION_LINES, PARAMETERS = 400, 60, 8


def too_big(text: str) -> Iterator[str]:
    """What in a module is beyond its limit."""
    if (lines := len(text.splitlines())) > LINES:
        yield f"{lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if (lines := node.end_lineno - node.lineno + 1) > FUNCTION_LINES:  # type: ignore[operator]
                yield f"{node.name} has {lines} lines"
            given = node.args
            names = [
                a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs) if a.arg not in ("self", "cls")
            ]
            # The kernels of a GPU take flat addresses.
            compiled = any(ast.unparse(decorator) == "triton.jit" for decorator in node.decorator_list)
            if len(names) > PARAMETERS and not compiled:
                yield f"{node.name} has {len(names)} parameters"


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda path: str(path.relative_to(SRC)))
def test_every_module_fits_on_a_few_screens(path: Path) -> None:
    assert not list(too_big(path.read_text()))


def test_this_check_can_fail() -> None:
    def body(n: int) -> str:
        return "def f():\n" + "    x = 1\n" * n

    assert list(too_big(body(FUNCTION_LINES - 1))) == []
    assert list(too_big(body(FUNCTION_LINES))) == ["f has 61 lines"]
    assert list(too_big("x = 1\n" * (LINES + 1))) == ["401 lines"]
    assert list(too_big("def f(a, b, c, d, e, *, g, h, i): ...")) == []
    assert list(too_big("class C:\n    def f(self, a, b, c, d, e, /, g, *, h, i): ...")) == []
    assert list(too_big("def f(a, b, c, d, e, /, g, *, h, i, j): ...")) == ["f has 9 parameters"]
    assert list(too_big("@triton.jit\ndef f(a, b, c, d, e, g, h, i, j): ...")) == []
    assert list(too_big("@cache\ndef f(a, b, c, d, e, g, h, i, j): ...")) == ["f has 9 parameters"]

import inspect
import re

import pytest

from anlage import errors
from anlage.errors import AnlageError, ControlError, DataMissing, IntegrityError, TopologyError, UnknownName


def tree() -> dict[str, str]:
    """Class -> parent, as drawn in the docstring of the module."""
    drawn, open_ = {}, {}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^( {4}[│ ├└─]*)([A-Z]\w+)", line):
            depth = len(found[1])
            drawn[found[2]] = open_.get(max((d for d in open_ if d < depth), default=-1), "Exception")
            open_ = {d: name for d, name in open_.items() if d < depth} | {depth: found[2]}
    return drawn


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, AnlageError)]
    assert tree() == {cls.__name__: cls.__bases__[0].__name__ for cls in classes}
    assert len(classes) == 13


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("wormmale", "There is no connectome called 'wormmale'; did you mean 'worm-male' or 'worm'?"),
        ("lavra", "There is no connectome called 'lavra'; did you mean 'larva'?"),
        ("qqqq", "There is no connectome called 'qqqq'; known are: worm, larva, worm-male."),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_or_with_all_there_are(given: str, sentence: str) -> None:
    assert str(UnknownName("connectome", given, ["worm", "larva", "worm-male"])) == sentence


def test_no_more_than_three_names_are_suggested() -> None:
    message = str(UnknownName("group", "input", [f"input{i}" for i in range(9)]))
    assert message.count(" or ") == 2


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (UnknownName("a", "b", []), KeyError),
        (TopologyError(""), ValueError),
        (IntegrityError(""), ValueError),
        (DataMissing(""), FileNotFoundError),
        (errors.Diverged(""), ArithmeticError),
    ],
)
def test_every_error_is_also_the_builtin_that_a_stranger_would_catch(
    error: AnlageError, builtin: type[Exception]
) -> None:
    assert isinstance(error, builtin) and isinstance(error, AnlageError)


@pytest.mark.parametrize("error", [UnknownName, DataMissing, ControlError])
def test_messages_are_printed_without_quotes_or_numbers_around_them(error: type[AnlageError]) -> None:
    """``str`` of a KeyError is the repr of its message, and an OSError prints its number."""
    made = UnknownName("thing", "x", ["y"]) if error is UnknownName else error("One sentence.")
    assert str(made) in ("One sentence.", "There is no thing called 'x'; known are: y.")

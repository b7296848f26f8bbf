"""The lines that scripts/mutants.py breaks are still there: a mutant whose line has moved away tests nothing."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def mutants() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "scripts" / "mutants.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MUTANTS = mutants().MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.file}: {mutant.line.strip()[:40]}")
def test_the_line_of_every_mutant_is_there_once_and_the_mutant_changes_it(mutant: object) -> None:
    text = (ROOT / "src" / "anlage" / mutant.file).read_text()  # type: ignore[attr-defined]
    assert text.count(mutant.line) == 1  # type: ignore[attr-defined]
    assert mutant.line != mutant.broken  # type: ignore[attr-defined]
    compile(text.replace(mutant.line, mutant.broken), mutant.file, "exec")  # type: ignore[attr-defined]


def test_the_tests_of_every_mutant_exist() -> None:
    assert not [m.tests for m in MUTANTS if not (ROOT / m.tests).exists()]

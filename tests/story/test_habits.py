"""Habits 3, 4 and the list below them: effects at the edge, no global randomness, no flags that hide what is passed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "anlage"
MODULES = sorted(SRC.rglob("*.py"))

MAY_PRINT = {
    "cli/divide.py",
    "cli/fetch.py",
    "cli/foresee.py",
    "cli/live.py",
    "cli/main.py",
    "cli/meter.py",
    "cli/mind.py",
    "cli/resize.py",
    "cli/run.py",
    "cli/segment.py",
    "cli/show.py",
    "cli/take_in.py",
    "cli/wiring.py",
}
# Files and the environment are touched here and nowhere else.
MAY_TOUCH_FILES = {
    "cli/segment.py",  # the checksum of the synapses, and what to cite
    "cli/take_in.py",  # the mapping that is written and given back, and what to cite
    "connectome/clean.py",
    "connectome/columns.py",
    "connectome/fetch.py",
    "connectome/hemibrain.py",  # unpacks an archive
    "connectome/larva.py",
    "connectome/matrix.py",
    "connectome/shelf.py",
    "connectome/store.py",
    "connectome/supplement.py",
    "connectome/volume.py",  # opens volumes, keeps labels that are larger than memory
    "experience/experience.py",  # reads recorded data
    "experience/picture_set.py",  # decodes pictures
    "experience/video.py",  # reads films
    "learning/checkpoint.py",
    "mind/grow.py",  # deletes nights that are over
    "study/canvas.py",  # draws into a buffer
    "study/forage_report.py",  # reads its template
    "study/foresight_report.py",  # reads its template
    "study/practice_report.py",  # reads its template
    "study/mind_report.py",  # reads its template
    "study/report.py",  # reads its template
    "study/swim_report.py",  # reads its template
    "study/wiring_picture.py",  # draws into a buffer
}
MAY_TAKE_ANY_KEYWORD = {"study/canvas.py", "study/figure.py"}  # hand the style of a text on to matplotlib
MAY_ASSERT = {"testing.py"}

FILE_METHODS = {
    *("open", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "rename", "replace", "touch"),
    *("savefig", "tofile", "fromfile"),
}
FILE_FUNCTIONS = {
    "open",
    "np.load",
    "np.save",
    "np.savez",
    "np.savez_compressed",
    "os.environ",
    "os.getenv",
    "os.remove",
}
GLOBAL_RANDOM = {"torch.manual_seed", "torch.seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all"}
NUMPY_RANDOM_TYPES = {
    "np.random.Generator",
    "np.random.default_rng",
    "np.random.SeedSequence",
    "np.random.BitGenerator",
}


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of an expression made of names; other parts are shown as ``?``."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def prints(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in (
            "print",
            "sys.stdout.write",
            "sys.stderr.write",
            "input",
        ):
            yield f"line {node.lineno}: {dotted(node.func)}"


def touches_files(tree: ast.Module) -> Iterator[str]:
    """Calls that read or write files or the environment. A recording's own ``open`` and text replacement do not count."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node) in FILE_FUNCTIONS:
            yield f"line {node.lineno}: {dotted(node)}"
        if not isinstance(node, ast.Call):
            continue
        if dotted(node.func) == "open":
            yield f"line {node.lineno}: open"
        if isinstance(node.func, ast.Attribute) and node.func.attr in FILE_METHODS:
            # str.replace takes two arguments or more, a recipe's experience is opened without any.
            if node.func.attr == "replace" and len(node.args) != 1:
                continue
            # A task is opened with an rng.
            if (
                node.func.attr == "open"
                and all("rng" in ast.unparse(given) for given in node.args)
                and not node.keywords
            ):
                continue
            yield f"line {node.lineno}: {dotted(node.func)}"


def global_randomness(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        name = dotted(node) if isinstance(node, ast.Attribute) else ""
        name = name.replace("numpy.random.", "np.random.")
        # ``torch.Generator().manual_seed`` reads ``?.manual_seed`` and is a stream of its own.
        if name in GLOBAL_RANDOM or (name.startswith("np.random.") and name not in NUMPY_RANDOM_TYPES):
            yield f"line {node.lineno}: {name}"  # type: ignore[attr-defined]
        if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
            yield f"line {node.lineno}: import random"
        if isinstance(node, ast.Call) and dotted(node.func).endswith("default_rng") and not node.args:
            yield f"line {node.lineno}: default_rng without a seed"
        if (
            isinstance(node, ast.Call)
            and dotted(node.func) in ("torch.rand", "torch.randn", "torch.randint", "torch.randperm")
            and "generator" not in {keyword.arg for keyword in node.keywords}
        ):
            yield f"line {node.lineno}: {dotted(node.func)} without a generator"


def asserts(tree: ast.Module) -> Iterator[str]:
    yield from (f"line {node.lineno}: assert" for node in ast.walk(tree) if isinstance(node, ast.Assert))


def future_annotations(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            yield f"line {node.lineno}: from __future__"


def keyword_bags(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and not node.name.startswith("_")
            and node.args.kwarg
        ):
            yield f"line {node.lineno}: {node.name}(**{node.args.kwarg.arg})"


def mutable_defaults(tree: ast.Module) -> Iterator[str]:
    mutable = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d)):
                made = isinstance(default, ast.Call) and dotted(default.func) in ("list", "dict", "set", "bytearray")
                if isinstance(default, mutable) or made:
                    yield f"line {default.lineno}: a default that can be changed"


def pickles(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if any(name in ("pickle", "shelve", "marshal", "joblib", "dill") for name in names):
            yield f"line {node.lineno}: import of {names}"  # type: ignore[attr-defined]
        if isinstance(node, ast.Attribute) and dotted(node) in ("torch.load", "torch.save"):
            yield f"line {node.lineno}: {dotted(node)}"


HABITS = [
    (prints, MAY_PRINT, "print('x')"),
    (touches_files, MAY_TOUCH_FILES, "from pathlib import Path\nPath('x').write_text('y')"),
    (touches_files, MAY_TOUCH_FILES, "open('x')"),
    (touches_files, MAY_TOUCH_FILES, "import os\nx = os.environ['HOME']"),
    (touches_files, MAY_TOUCH_FILES, "path.open('rb')"),
    (touches_files, MAY_TOUCH_FILES, "part.replace(target)"),
    (touches_files, MAY_TOUCH_FILES, "np.load(path)"),
    (global_randomness, set(), "import torch\ntorch.manual_seed(0)"),
    (global_randomness, set(), "np.random.seed(0)"),
    (global_randomness, set(), "numpy.random.shuffle(x)"),
    (global_randomness, set(), "np.random.default_rng()"),
    (global_randomness, set(), "torch.randn(3)"),
    (global_randomness, set(), "import random"),
    (asserts, MAY_ASSERT, "assert x"),
    (future_annotations, set(), "from __future__ import annotations"),
    (keyword_bags, MAY_TAKE_ANY_KEYWORD, "def f(**options): ..."),
    (mutable_defaults, set(), "def f(x=[]): ..."),
    (mutable_defaults, set(), "def f(*, x=dict()): ..."),
    (pickles, set(), "import pickle"),
    (pickles, set(), "torch.load(path)"),
]


@pytest.mark.parametrize(("check", "excused"), {check: excused for check, excused, _ in HABITS}.items())
def test_every_module_keeps_the_habit(check: object, excused: set[str]) -> None:
    broken = {}
    for path in MODULES:
        name = path.relative_to(SRC).as_posix()
        found = list(check(ast.parse(path.read_text())))  # type: ignore[operator]
        if found and name not in excused:
            broken[name] = found
    assert not broken


@pytest.mark.parametrize(("check", "excused"), {check: excused for check, excused, _ in HABITS}.items())
def test_no_module_is_excused_that_need_not_be(check: object, excused: set[str]) -> None:
    for name in excused:
        path = SRC / name
        if path.exists():  # testing.py is still to come
            assert list(check(ast.parse(path.read_text()))), f"{name} need not be excused"  # type: ignore[operator]


@pytest.mark.parametrize(("check", "snippet"), [(check, snippet) for check, _, snippet in HABITS])
def test_every_check_can_fail(check: object, snippet: str) -> None:
    assert list(check(ast.parse(snippet)))  # type: ignore[operator]


@pytest.mark.parametrize(
    "snippet",
    [
        "recipe.experience.open()",
        "task.open(np.random.default_rng(0))",
        "name.replace('a', 'b')",
        "replace(recipe, seed=1)",
        "torch.Generator().manual_seed(3)",
        "np.random.default_rng(3)",
        "def f(rng: np.random.Generator): ...",
        "torch.randn(3, generator=generator)",
        "def f(*parts, x=(), y=None): ...",
        "def _f(**options): ...",
    ],
)
def test_no_check_takes_the_harmless_for_the_harmful(snippet: str) -> None:
    assert not [found for check, _, _ in HABITS for found in check(ast.parse(snippet))]

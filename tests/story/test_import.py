"""Somebody has a wiring of their own and wants to grow it."""

import re
from pathlib import Path

import pytest

from anlage import Question, build, grow, load, read_recipe
from anlage.cli.main import EXIT_ERROR, main
from anlage.connectome.fetch import DATA_VARIABLE
from anlage.study.sources import bibliography

DOCS = Path(__file__).parents[2] / "docs"
RECIPE = """
name = "mine"
[topology]
connectome = "mine"
[experience]
kind = "digits"
patch = 4
[schedule]
steps = 2
batch = 4
log_every = 1
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    monkeypatch.setattr("anlage.connectome.fetch._cache_folder", lambda: tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    ring = "\n".join(f"n{i},n{(i + k) % 12},{k + 1}" for i in range(12) for k in (1, 2, 5))
    Path("edges.csv").write_text(f"source,target,weight\n{ring}\nn0,n1,0\n")
    roles = ["sensory"] * 4 + ["interneuron"] * 4 + ["motor"] * 4
    Path("neurons.csv").write_text("id,role\n" + "\n".join(f"n{i},{role}" for i, role in enumerate(roles)) + "\n")
    return tmp_path


def test_a_wiring_is_looked_at_refused_taken_in_shown_audited_and_grown(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["import", "edges.csv", "--neurons", "neurons.csv"]
    assert main([*command, "--dry-run", "--write-mapping", "mapping.toml"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"edges +pre +is column 'source'", said)
    assert "n0 -> n1: 2 synapses, chemical" in said
    assert "! Rows without any synapse: 1 of 37, the first is n0 -> n1; choose --zero drop" in said
    assert "12 neurons (4 input, 4 inter, 4 output), 36 edges, 132 synapses" in said
    assert not (home / "data").exists()
    assert main([*command, "--name", "mine"]) == EXIT_ERROR
    assert "anlage: Rows without any synapse: 1 of 37" in capsys.readouterr().err
    assert not (home / "data").exists()
    mapping = Path("mapping.toml").read_text().replace("# zero", "zero")
    Path("mapping.toml").write_text(mapping)
    taken = [*command, "--name", "mine", "--mapping", "mapping.toml", "--title", "A ring", "--licence", "CC0"]
    assert main(taken) == 0
    assert "next: anlage show mine" in capsys.readouterr().out
    assert main(["show", "mine"]) == 0
    said = capsys.readouterr().out
    assert "mine: A ring" in said
    assert re.search(r"licence +CC0", said)
    assert "Rows without any synapse: 1 of 37, the first is n0 -> n1: dropped." in said
    assert re.search(r"edges\.csv \(sha256 [0-9a-f]{64}\); neurons\.csv \(sha256", said)
    assert main(["audit", "mine", "--steps", "3"]) == 0
    assert "of 36 edges" in capsys.readouterr().out
    assert re.fullmatch(r"mine-[0-9a-f]{12}", build(load("mine")).history[0].reference)
    question = Question(read_recipe(RECIPE), None)
    assert [entry["step"] for entry in grow(question.recipe).curve] == [0, 1, 2]
    assert "@misc{mine," in bibliography(question)
    assert main(taken) == EXIT_ERROR
    assert "add --replace" in capsys.readouterr().err
    assert main([*taken, "--replace"]) == 0


def test_the_python_of_the_page_runs(home: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "import.md").read_text(), re.DOTALL)
    Path("edges.csv").write_text("pre,post,weight\nn0,n1,1\nn0,n1,2\n")
    exec(code, {})
    assert load("mine").source.title == "My squid"
    assert load("mine").synapse_count.tolist() == [3]


def test_what_is_cited_is_what_was_given(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("ring.bib").write_text("@article{ring, title = {The ring}}\n")
    assert main(["import", "edges.csv", "--name", "mine", "--zero", "drop", "--cite", "ring.bib"]) == 0
    assert load("mine").source.bibtex == "@article{ring, title = {The ring}}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["edges.csv"], "no name yet; add --name NAME, or --dry-run"),
        (["edges.csv", "--name", "worm"], "comes with anlage"),
        (["edges.csv", "--name", "a b"], "letters, digits"),
        (["nothing.csv", "--name", "mine"], "no file nothing.csv"),
        (["edges.csv", "--name", "mine", "--columns", "pre=sorce"], "no column called 'sorce'"),
        (["edges.csv", "--name", "mine", "--roles", "motor=out"], "no role called 'out'"),
        (["edges.csv", "--name", "mine", "--mapping", "edges.csv"], "edges.csv is not valid TOML"),
        (["edges.csv", "--name", "mine", "--mapping", "no.toml"], "no.toml cannot be used"),
        (["edges.csv", "cave://minnie65_public", "--name", "mine"], "give its address alone"),
        (["neurons.csv", "--name", "mine"], "neurons.csv is a table of neurons; give a table of edges too"),
        (["neurons.csv", "edges.csv", "--neurons", "neurons.csv", "--name", "mine"], "hold the presynaptic neuron"),
    ],
)
def test_a_bad_argument_is_answered_in_one_sentence(
    arguments: list[str], said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", *arguments]) == EXIT_ERROR
    error = capsys.readouterr().err.replace("reading ...\n", "")
    assert re.search(said, error)
    assert error.count("\n") == 1
    assert not (home / "data").exists()

"""What somebody sees who divides a connectome."""

import json
import re
from pathlib import Path

import pytest

from anlage.cli.main import main
from anlage.connectome.library import load


def test_dividing_prints_a_table_and_writes_a_picture_and_the_neurons_of_every_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["divide", "worm", "--by", "class", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^motorneuron +123 ", said, re.MULTILINE)
    assert re.search(r"\d+% of 99 homologous pairs fall into one part", said)
    assert (tmp_path / "out" / "division.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((tmp_path / "out" / "division.json").read_text())
    neurons = [i for part in record["parts"] for i in part["neurons"]]
    assert sorted(neurons) == sorted(load("worm").neurons.id.tolist())


def test_structure_is_held_against_annotations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["divide", "mushroom-body-right", "--by", "structure", "--parts", "4", "--out", str(tmp_path)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert re.search(r"^part 4 ", said, re.MULTILINE)
    assert re.search(
        r"^class: adjusted mutual information 0\.\d\d over 213 neurons; .* like degrees \(p = 0\.001\)",
        said,
        re.MULTILINE,
    )
    assert "side:" not in said  # one hemisphere has one side

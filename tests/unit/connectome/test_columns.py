import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anlage.connectome.columns import read_columns
from anlage.errors import ConnectomeError, DependencyMissing, IntegrityError

pa = pytest.importorskip("pyarrow", reason="reading tables needs anlage[tables]")
from pyarrow import feather, parquet  # noqa: E402

ROOT = 720_575_940_600_000_001  # a FlyWire id; the nearest double is ...000
TEXT = f"root_id,name,weight\n{ROOT},a,1.5\n{ROOT + 1},,\n"
WANTED = {"root_id": "int64", "weight": "float64", "name": "str"}


def table(**changes: object) -> "pa.Table":
    return pa.table({"root_id": [ROOT, ROOT + 1], "name": ["a", None], "weight": [1.5, None], **changes})


WRITERS: dict[str, Callable[[Path], object]] = {
    "t.csv": lambda path: path.write_text("\ufeff" + TEXT),
    "t.csv.gz": lambda path: path.write_bytes(gzip.compress(TEXT.encode())),
    "t.tsv": lambda path: path.write_text(TEXT.replace(",", "\t")),
    "quoted.csv": lambda path: path.write_text(TEXT.replace("root_id,name", '"root_id","name"').replace("a,", '"a",')),
    "lines.csv": lambda path: path.write_text(
        TEXT.replace("weight\n", "weight,note\n").replace("1.5", '1.5,"a\nb"').replace(",,", ",,,")
    ),
    "t.feather": lambda path: feather.write_feather(table(), path),
    "t.parquet": lambda path: parquet.write_table(table(), path),
    "text.feather": lambda path: feather.write_feather(table(root_id=[str(ROOT), f" {ROOT + 1}"]), path),
    "dictionary.feather": lambda path: feather.write_feather(
        table(name=pa.array(["a", None]).dictionary_encode()), path
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_columns_and_keeps_every_digit(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    found = read_columns(tmp_path / name, WANTED)
    assert list(found) == list(WANTED)
    assert found["root_id"].tolist() == [ROOT, ROOT + 1]
    assert found["root_id"].dtype == np.int64
    assert found["name"].tolist() == ["a", ""]
    assert found["weight"][0] == 1.5
    assert np.isnan(found["weight"][1])


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.feather", "t.parquet"])
def test_a_missing_column_is_named_with_those_that_are_there(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    said = rf"{name} has no column 'body', but 'root_id', 'name', 'weight'; it is another table"
    with pytest.raises(IntegrityError, match=said):
        read_columns(tmp_path / name, {"body": "int64", "name": "str"})


def test_ids_that_became_fractions_are_refused_however_exact_they_look(tmp_path: Path) -> None:
    path = tmp_path / "t.feather"
    feather.write_feather(pa.table({"root_id": [float(ROOT)]}), path)
    with pytest.raises(ConnectomeError, match=r"'root_id' holds whole numbers above 2\*\*53 as fractions"):
        read_columns(path, {"root_id": "int64"})
    feather.write_feather(pa.table({"root_id": [12.0]}), path)
    assert read_columns(path, {"root_id": "int64"})["root_id"].tolist() == [12]
    (tmp_path / "t.csv").write_text("root_id\n7.2057594e17\n")
    with pytest.raises(ConnectomeError, match=r"'root_id' should hold int64 but does not"):
        read_columns(tmp_path / "t.csv", {"root_id": "int64"})


@pytest.mark.parametrize("column", [[1, None], ["1", ""], ["1", "NA"]])
def test_a_row_without_an_id_is_counted_and_refused(column: list[object], tmp_path: Path) -> None:
    feather.write_feather(pa.table({"root_id": column}), tmp_path / "t.feather")
    with pytest.raises(ConnectomeError, match=r"'root_id' should hold whole numbers, but 1 of its 2 rows are empty"):
        read_columns(tmp_path / "t.feather", {"root_id": "int64"})


@pytest.mark.parametrize("name", ["t.csv.gz", "t.feather", "t.parquet"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for content in (whole[: len(whole) // 2], b"<html>not found</html>"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(IntegrityError, match=rf"{name} cannot be read as a table"):
            read_columns(tmp_path / name, WANTED)


def test_other_endings_and_types_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").touch()
    with pytest.raises(IntegrityError, match=r"t\.xlsx is no table that can be read; give a csv"):
        read_columns(tmp_path / "t.xlsx", WANTED)
    with pytest.raises(ValueError, match="not int32"):
        read_columns(tmp_path / "t.csv", {"a": "int32"})


def test_without_pyarrow_one_sentence_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(DependencyMissing, match=r"run `pip install 'anlage\[tables\]'`\.$"):
        read_columns(tmp_path / "t.csv", WANTED)

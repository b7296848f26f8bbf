import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from anlage.connectome import columns
from anlage.connectome.column import Column
from anlage.connectome.columns import column_names, read_columns, read_table
from anlage.errors import AnlageError, ConnectomeError, DataMissing, DependencyMissing, IntegrityError, UnknownName

# Ids above 2**53, where a float would no longer tell neighbours apart.
PRE = [720575940600000001, 720575940600000002, 720575940600000003]
TABLE = {"pre": PRE, "post": PRE[::-1], "weight": [1, 2, 30], "p": [0.5, 0.25, 1.0], "name": ["a b", "", "a,b"]}
WANTED = {"name": "str", "weight": "int64", "pre": "int64", "p": "float64"}


def write_csv(path: Path, delimiter: str = ",") -> None:
    pyarrow.csv.write_csv(pa.table(TABLE), path, pyarrow.csv.WriteOptions(delimiter=delimiter))


def write_gz(path: Path) -> None:
    write_csv(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def write_stream(path: Path) -> None:
    table = pa.table(TABLE)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def write_categories(path: Path) -> None:
    table = pa.table({**TABLE, "name": pa.array(TABLE["name"]).dictionary_encode()})
    pyarrow.parquet.write_table(table, path, row_group_size=2)


FORMATS: dict[str, Callable[[Path], object]] = {
    "a.csv": write_csv,
    "a.txt": lambda path: write_csv(path, ";"),
    "a.tsv": lambda path: write_csv(path, "\t"),
    "a.csv.gz": write_gz,
    "a.feather": lambda path: pyarrow.feather.write_feather(pa.table(TABLE), path),
    "stream.arrow": write_stream,
    "a.parquet": lambda path: pyarrow.parquet.write_table(pa.table(TABLE), path),
    "categories.parquet": write_categories,
}


@pytest.fixture(params=[True, False], ids=["with pyarrow", "without pyarrow"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:
        monkeypatch.setattr(columns, "find_spec", lambda name: None)
        monkeypatch.setattr(columns, "CHUNK_ROWS", 2)
    return bool(request.param)


@pytest.mark.parametrize("name", FORMATS)
def test_a_table_that_pyarrow_wrote_is_read_back(name: str, engine: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    FORMATS[name](path)
    if not engine and name.endswith((".feather", ".arrow", ".parquet")):
        with pytest.raises(DependencyMissing, match=r"anlage\[tables\]"):
            read_columns(path, WANTED)
        return
    assert column_names(path) == tuple(TABLE)
    read = read_columns(path, WANTED)
    assert list(read) == list(WANTED)
    for column, dtype in WANTED.items():
        assert read[column].tolist() == TABLE[column]
        assert read[column].dtype == np.array([], dtype=dtype).dtype or dtype == "str"


def test_a_column_has_the_type_of_all_its_rows(engine: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\ufeffwhole, late ,float,gap,text\n1,1,1,1,007\n2,2,2,NA,08\n3,3,3,,9\n4,x,4.5,4,\n")
    read = read_table(path, column_names(path), text=["text"])
    assert {name: column.values.dtype.kind for name, column in read.items()} == {
        **{"whole": "i", "late": "i", "float": "f", "gap": "i", "text": "i"}
    }
    assert [name for name, column in read.items() if column.labels is not None] == ["late", "text"]
    assert read["late"].text() == ["1", "2", "3", "x"]
    assert read["text"].text() == ["007", "08", "9", ""]
    assert read["gap"].missing.tolist() == [False, True, True, False]
    assert read["float"].values.tolist() == [1, 2, 3, 4.5]


def test_a_table_without_a_header_has_numbered_columns(engine: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("5,6\n7,8\n9,10\n")
    assert column_names(path, header=False) == ("1", "2")
    assert read_table(path, ["2"], header=False)["2"].values.tolist() == [6, 8, 10]


def test_a_table_with_a_header_and_no_rows_is_read(engine: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("pre,post\n")
    assert len(read_table(path, ["pre"])["pre"]) == 0


BAD: dict[str, tuple[str, bytes, type[AnlageError], str]] = {
    "no such column": (
        "a.csv",
        b"post,weight,p\n1,2,3\n",
        ConnectomeError,
        r"no column called 'name', 'pre'.*post, weight",
    ),
    "twice": ("a.csv", b"pre,pre,weight,p,name\n1,1,2,3,4\n", ConnectomeError, "more than one column called 'pre'"),
    "missing": (
        "a.csv",
        b"pre,weight,p,name\n1,,1,a\n",
        ConnectomeError,
        "'weight'.*no value in 1 rows, the first being 1",
    ),
    "text": (
        "a.csv",
        b"pre,weight,p,name\n1,2,1,a\nx,2,1,b\n",
        ConnectomeError,
        "'pre'.*should hold numbers, but holds 'x'",
    ),
    "not whole": ("a.csv", b"pre,weight,p,name\n1,2.5,1,a\n", ConnectomeError, "'weight'.*whole numbers.*2.5"),
    "inexact": (
        "a.csv",
        b"pre,weight,p,name\n7.2057594e17,2,1,a\n",
        ConnectomeError,
        "'pre'.*whole numbers that are exact",
    ),
    "ragged": ("a.csv", b"pre,weight,p,name\n1,2,3,a\n1,2\n", IntegrityError, "(?i)expected 4 columns, got 2"),
    "empty": ("a.csv", b"", ConnectomeError, "is empty"),
    "blank": ("a.csv", b"\n\n", ConnectomeError, "is empty"),
    "latin": ("a.csv", "pre,weight,p,näme\n".encode("latin-1"), IntegrityError, "not text in UTF-8"),
    "latin below": ("a.csv", "pre,weight,p,name\n1,1,1,ä\n".encode("latin-1"), IntegrityError, "(?i)utf-?8"),
    "zip": ("a.csv", b"PK\x03\x04....", IntegrityError, "is a zip archive"),
    "encrypted": ("a.parquet", b"PARE....PARE", IntegrityError, "is encrypted parquet"),
    "cut gz": ("a.csv.gz", gzip.compress(b"pre,weight,p,name\n" + b"1,2,3,a\n" * 999)[:-12], IntegrityError, "damaged"),
    "ending": ("a.xls", b"....", ConnectomeError, r"unknown ending; a table ends in one of \.csv"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_answered_in_one_sentence(case: str, engine: bool, tmp_path: Path) -> None:
    name, content, error, said = BAD[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=said) as raised:
        read_columns(tmp_path / name, WANTED)
    assert str(tmp_path / name) in str(raised.value)


@pytest.mark.parametrize("name", ["a.feather", "a.parquet"])
def test_a_truncated_binary_table_is_damaged(name: str, tmp_path: Path) -> None:
    FORMATS[name](tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(IntegrityError, match="it is damaged"):
        read_columns(tmp_path / name, WANTED)


def test_a_file_that_is_not_there_and_a_type_that_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="no file"):
        read_columns(tmp_path / "a.csv", WANTED)
    with pytest.raises(UnknownName, match="'int46'; did you mean 'int64'"):
        read_columns(tmp_path / "a.csv", {"pre": "int46"})


def test_lists_in_a_column_are_refused(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"xyz": [[1, 2, 3]]}), tmp_path / "a.parquet")
    with pytest.raises(ConnectomeError, match=r"'xyz' of .*a.parquet holds lists.*split it into columns"):
        read_table(tmp_path / "a.parquet", ["xyz"])


def test_both_readers_give_the_same_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "a.csv"
    cells = np.array(["0", "-3", "1e3", "2.5", " 7", "", "NA", "nan", "x", "12345678901234567890", "+4", "true", "1_0"])
    rows = [",".join(rng.choice(cells[: 4 + column * 2], 1)[0] for column in range(5)) for _ in range(200)]
    path.write_text("a,b,c,d,e\n" + "\n".join(rows) + "\n")

    def read() -> dict[str, Column]:
        return read_table(path, "abcde")

    fast = read()
    monkeypatch.setattr(columns, "find_spec", lambda name: None)
    slow = read()
    for name in "abcde":
        assert fast[name].missing.tolist() == slow[name].missing.tolist()
        assert fast[name].values.dtype == slow[name].values.dtype
        assert fast[name].text() == slow[name].text()


@pytest.mark.parametrize("encoded", [False, True])
def test_texts_that_are_null_are_missing(encoded: bool, tmp_path: Path) -> None:
    names = pa.array(["a", None, "b", None])
    pyarrow.parquet.write_table(
        pa.table({"n": names.dictionary_encode() if encoded else names}), tmp_path / "a.parquet"
    )
    column = read_table(tmp_path / "a.parquet", ["n"])["n"]
    assert column.values.min() >= 0
    assert column.missing.tolist() == [False, True, False, True]
    assert column.text() == ["a", "", "b", ""]


def test_a_missing_fraction_is_nan_a_missing_text_empty_and_a_missing_whole_number_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y,n\n1.5,a,1\n,,2\n2,b,\n")
    found = read_columns(path, {"x": "float64", "y": "str"})
    np.testing.assert_array_equal(found["x"], [1.5, np.nan, 2])
    assert found["y"].tolist() == ["a", "", "b"]
    with pytest.raises(ConnectomeError, match=r"'n'.*has no value in 1 rows, the first being 3"):
        read_columns(path, {"n": "int64"})

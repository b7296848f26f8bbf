"""One small wiring, written in every format by somebody else's library, is the same connectome each time."""

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
import scipy.io
from scipy import sparse

from anlage.connectome import Connectome
from anlage.connectome.draft import draft
from anlage.connectome.material import gather
from anlage.connectome.plan import Plan
from anlage.connectome.shelf import source_of
from anlage.errors import AnlageError, ConnectomeError, IntegrityError

N = 6
# pre, post, synapses: a loop, a pair in both directions, and a neuron (5) without edges.
EDGES = [(0, 1, 3), (0, 2, 1), (1, 0, 7), (2, 2, 2), (3, 4, 12), (4, 0, 1)]


def take_in(
    *files: Path, neurons: Path | None = None, columns: tuple[str, ...] = (), choices: Mapping[str, str] | None = None
) -> Connectome:
    plan = Plan(choices=choices or {}).with_columns(columns)
    material = gather(files, neurons, plan)
    return draft(material, plan).connectome("mine", source_of(material, "mine"))


def edges_of(connectome: Connectome, name: Callable[[int], int] = int) -> list[tuple[int, int, int]]:
    """Edges by the ids of their ends, in order."""
    ids = connectome.neurons.id
    ends = (ids[connectome.pre].tolist(), ids[connectome.post].tolist(), connectome.synapse_count.tolist())
    return sorted((name(pre), name(post), count) for pre, post, count in zip(*ends, strict=True))


def table(ids: Callable[[int], object] = lambda neuron: 10 + neuron) -> pa.Table:
    pre, post, count = zip(*EDGES, strict=True)
    return pa.table({"pre": [ids(i) for i in pre], "post": [ids(i) for i in post], "synapses": list(count)})


def dense(rows: str) -> np.ndarray:
    matrix = np.zeros((N, N), dtype=np.int64)
    for pre, post, count in EDGES:
        matrix[(pre, post) if rows == "pre" else (post, pre)] = count
    return matrix


def graph(kind: type = nx.DiGraph) -> nx.Graph:
    made = kind()
    made.add_nodes_from((i, {"side": "L" if i < 3 else "R", "soma_x": float(i)}) for i in range(N))
    made.add_weighted_edges_from(EDGES)
    return made


def write_gz(path: Path) -> None:
    plain = path.with_suffix("")
    pyarrow.csv.write_csv(table(), plain)
    path.write_bytes(gzip.compress(plain.read_bytes()))


TABLES: dict[str, Callable[[Path], object]] = {
    "e.csv": lambda path: pyarrow.csv.write_csv(table(), path),
    "e.tsv": lambda path: pyarrow.csv.write_csv(table(), path, pyarrow.csv.WriteOptions(delimiter="\t")),
    "e.csv.gz": write_gz,
    "e.feather": lambda path: pyarrow.feather.write_feather(table(), path),
    "e.arrow": lambda path: pyarrow.feather.write_feather(table(), path, compression="uncompressed"),
    "e.parquet": lambda path: pyarrow.parquet.write_table(table(), path),
}
MATRICES: dict[str, Callable[[Path, np.ndarray], object]] = {
    "m.npy": np.save,
    "m.npz": lambda path, matrix: np.savez(path, weights=matrix),
    "csr.npz": lambda path, matrix: sparse.save_npz(path, sparse.csr_matrix(matrix)),
    "csc.npz": lambda path, matrix: sparse.save_npz(path, sparse.csc_array(matrix)),
    "coo.npz": lambda path, matrix: sparse.save_npz(path, sparse.coo_array(matrix)),
    "m.mtx": lambda path, matrix: scipy.io.mmwrite(path, sparse.coo_array(matrix)),
    "dense.mtx": lambda path, matrix: scipy.io.mmwrite(path, matrix),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_taken_in(name: str, tmp_path: Path) -> None:
    TABLES[name](tmp_path / name)
    connectome = take_in(tmp_path / name)
    assert edges_of(connectome, lambda neuron: neuron - 10) == EDGES
    assert connectome.n_neurons == N - 1  # a table of edges does not know of a neuron without any


@pytest.mark.parametrize("rows", ["pre", "post"])
@pytest.mark.parametrize("name", MATRICES)
def test_a_matrix_is_taken_in_when_its_orientation_is_said(name: str, rows: str, tmp_path: Path) -> None:
    MATRICES[name](tmp_path / name, dense(rows))
    with pytest.raises(ConnectomeError, match="--rows pre or --rows post"):
        take_in(tmp_path / name)
    connectome = take_in(tmp_path / name, choices={"rows": rows})
    assert edges_of(connectome) == EDGES
    assert connectome.n_neurons == N
    assert "Neurons without edges: 1 of 6, the first is 5: kept" in connectome.source.lossy


def test_a_directed_graph_is_taken_in_with_what_its_nodes_say(tmp_path: Path) -> None:
    nx.write_graphml(graph(), tmp_path / "g.graphml")
    connectome = take_in(
        tmp_path / "g.graphml", columns=("x=soma_x", "y=soma_x", "z=soma_x"), choices={"xyz_um": "0.5"}
    )
    assert edges_of(connectome) == EDGES
    assert connectome.neurons.id.tolist() == list(range(N))
    assert [connectome.neurons.side.labels[code] for code in connectome.neurons.side.codes] == 3 * ["left"] + 3 * [
        "right"
    ]
    assert connectome.neurons.xyz_um.tolist() == [[i / 2] * 3 for i in range(N)]


@pytest.mark.parametrize("way", ["gap_junction", "both"])
def test_an_undirected_graph_is_what_somebody_says_it_is(way: str, tmp_path: Path) -> None:
    made = graph(nx.Graph)  # 0 - 1 is one edge here, with the last weight that was given
    nx.write_graphml(made, tmp_path / "g.graphml")
    np.save(tmp_path / "m.npy", nx.to_numpy_array(made, dtype=np.int64))
    once = sorted((min(a, b), max(a, b), w) for a, b, w in made.edges(data="weight"))
    expected = once if way == "gap_junction" else sorted({*once, *((b, a, w) for a, b, w in once)})
    for name in ("g.graphml", "m.npy"):
        with pytest.raises(ConnectomeError, match=r"--undirected gap_junction .* or --undirected both"):
            take_in(tmp_path / name)
        connectome = take_in(tmp_path / name, choices={"undirected": way})
        assert edges_of(connectome) == expected
        assert connectome.kind.counts() == {"gap_junction" if way == "gap_junction" else "chemical": len(expected)}


def test_ids_may_be_texts_and_lie_beyond_what_a_float_holds(tmp_path: Path) -> None:
    pyarrow.csv.write_csv(table(lambda i: "ABCDEF"[i]), tmp_path / "e.csv")
    connectome = take_in(tmp_path / "e.csv")
    assert connectome.neurons.name == tuple("ABCDE")
    assert edges_of(connectome) == EDGES
    large = 2**62
    pyarrow.parquet.write_table(table(lambda i: large + i), tmp_path / "e.parquet")
    assert edges_of(take_in(tmp_path / "e.parquet"), lambda neuron: neuron - large) == EDGES


def test_neurons_come_from_a_table_of_their_own(tmp_path: Path) -> None:
    pyarrow.csv.write_csv(table(), tmp_path / "e.csv")
    (tmp_path / "n.csv").write_text(
        "bodyId,instance,type,superclass,role,hemisphere,pair,x_um,y_um,z_um,nt\n"
        "15,F,T2,k,motor,R,10,1,2,3,gaba\n10,A,T1,s,sensory,L,15,,,,ACH\n"
        "11,B,T1,s,intrinsic,c,99,4,5,6,\n12,C,,,,,,7,8,9,\n13,D,,,input,,,,,,GABA\n14,E,,,output,,,,,,\n"
    )
    given = take_in(tmp_path / "e.csv", neurons=tmp_path / "n.csv")
    found = take_in(tmp_path / "n.csv", tmp_path / "e.csv")  # which is which is told by the columns
    for connectome in (given, found):
        neurons = connectome.neurons
        assert neurons.id.tolist() == [15, 10, 11, 12, 13, 14]
        assert neurons.name == tuple("FABCDE")
        assert neurons.role.counts() == {"unknown": 1, "input": 2, "inter": 1, "output": 2}
        assert neurons.side.counts() == {"": 3, "left": 1, "right": 1, "unpaired": 1}
        assert neurons.cell_type.counts() == {"": 3, "T1": 2, "T2": 1}
        assert neurons.neuron_class.counts() == {"": 3, "k": 1, "s": 2}
        assert neurons.pair_id.tolist() == [1, 0, -1, -1, -1, -1]
        assert np.array_equal(np.isnan(neurons.xyz_um[:, 0]), [False, True, False, False, True, True])
        assert neurons.xyz_um[0].tolist() == [1, 2, 3]
        assert edges_of(connectome, lambda neuron: neuron - 10) == EDGES
        released = [connectome.transmitter.labels[code] for code in connectome.transmitter.codes]
        assert [released[i] for i in np.lexsort((connectome.post, connectome.neurons.id[connectome.pre]))] == [
            *("ACH", "ACH", "", "", "GABA", "")
        ]
        assert "partner on the other side is not among the neurons: 1" in connectome.source.lossy


def test_a_matrix_takes_its_neurons_in_their_order(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", dense("pre"))
    (tmp_path / "n.csv").write_text("id\n" + "\n".join(str(90 - i) for i in range(N)) + "\n")
    connectome = take_in(tmp_path / "m.npy", neurons=tmp_path / "n.csv", choices={"rows": "pre"})
    assert edges_of(connectome, lambda neuron: 90 - neuron) == EDGES
    (tmp_path / "n.csv").write_text("id\n1\n2\n")
    with pytest.raises(ConnectomeError, match="The matrix has 6 rows and the table of neurons 2"):
        take_in(tmp_path / "m.npy", neurons=tmp_path / "n.csv", choices={"rows": "pre"})


def test_a_matrix_with_negative_entries_is_signed(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.where(np.arange(N)[:, None] % 2, -1, 1) * dense("pre") * 0.5)
    choices = {"rows": "pre", "negative": "sign", "sign_source": "measured", "fractional": "keep"}
    connectome = take_in(tmp_path / "m.npy", choices=choices)
    assert edges_of(connectome) == [(pre, post, count / 2) for pre, post, count in EDGES]
    assert connectome.sign.tolist() == [1 - 2 * (pre % 2) for pre in connectome.pre]
    assert connectome.sign_shares()["measured"] == 1


def test_the_export_of_neuprint_is_understood(tmp_path: Path) -> None:
    # There, pre and post of a neuron are numbers of synapses.
    (tmp_path / "traced-neurons.csv").write_text(
        "bodyId,type,instance,pre,post\n101,KC,KC_R,7,1\n102,MBON,MBON_R,1,7\n"
    )
    (tmp_path / "traced-roi-connections.csv").write_text(
        "bodyId_pre,bodyId_post,roi,weight\n101,102,aL(R),3\n101,102,CA(R),4\n102,101,CA(R),1\n"
    )
    connectome = take_in(tmp_path / "traced-neurons.csv", tmp_path / "traced-roi-connections.csv")
    assert edges_of(connectome) == [(101, 102, 7), (102, 101, 1)]
    assert connectome.neurons.name == ("KC_R", "MBON_R")
    assert connectome.neurons.cell_type.labels == ("", "KC", "MBON")
    assert "split by region and were added up: 3 rows are 2 edges" in connectome.source.lossy


def test_the_synapses_of_cave_are_counted_and_those_that_end_nowhere_settled(tmp_path: Path) -> None:
    (tmp_path / "synapses.csv").write_text(
        "id,pre_pt_root_id,post_pt_root_id,ctr_pt_position_x,size\n"
        "1,864691135000000001,864691135000000002,5,1\n2,864691135000000001,864691135000000002,6,1\n"
        "3,864691135000000002,864691135000000001,7,1\n4,864691135000000002,0,7,1\n"
    )
    with pytest.raises(ConnectomeError, match="Rows without an id or a count: 1 of 4"):
        take_in(tmp_path / "synapses.csv")
    connectome = take_in(tmp_path / "synapses.csv", choices={"missing": "drop"})
    assert edges_of(connectome) == [
        (864691135000000001, 864691135000000002, 2),
        (864691135000000002, 864691135000000001, 1),
    ]


def test_many_files_are_one_table_and_their_order_does_not_matter(tmp_path: Path) -> None:
    rows = table().to_pylist()
    for name, part in (("a.csv", rows[:2]), ("b.csv", rows[2:]), ("all.csv", rows[::-1])):
        pyarrow.csv.write_csv(pa.Table.from_pylist(part), tmp_path / name)
    both, turned = take_in(tmp_path / "a.csv", tmp_path / "b.csv"), take_in(tmp_path / "all.csv")
    for column in ("pre", "post", "synapse_count"):
        assert np.array_equal(getattr(both, column), getattr(turned, column))


def test_columns_are_numbered_where_a_table_has_no_header(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("".join(f"{pre},{count},{post}\n" for pre, post, count in EDGES))
    with pytest.raises(ConnectomeError, match=r"no line of column names.*0, 3, 1;.*--header none.*--columns pre=1"):
        take_in(tmp_path / "e.csv")
    columns = ("pre=1", "post=3", "synapse_count=2")
    assert edges_of(take_in(tmp_path / "e.csv", columns=columns, choices={"header": "none"})) == EDGES


def write_symmetric(path: Path) -> None:
    scipy.io.mmwrite(path, sparse.coo_array(dense("pre") + dense("post")), symmetry="symmetric")


def test_a_symmetric_matrix_market_file_has_no_direction(tmp_path: Path) -> None:
    write_symmetric(tmp_path / "m.mtx")
    assert "symmetric" in (tmp_path / "m.mtx").read_text()
    connectome = take_in(tmp_path / "m.mtx", choices={"undirected": "gap_junction"})
    assert edges_of(connectome) == [(0, 1, 10), (0, 2, 1), (0, 4, 1), (2, 2, 4), (3, 4, 12)]


BAD: dict[str, tuple[str, Callable[[Path], object], type[AnlageError], str]] = {
    "not square": ("m.npy", lambda p: np.save(p, np.ones((2, 3))), ConnectomeError, "shape 2x3.*is square"),
    "three axes": ("m.npy", lambda p: np.save(p, np.ones((2, 2, 2))), ConnectomeError, "shape 2x2x2"),
    "complex": ("m.npy", lambda p: np.save(p, np.ones((2, 2)) * 1j), ConnectomeError, "complex128.*real numbers"),
    "pickled": ("m.npy", lambda p: np.save(p, np.array([[{}]]), allow_pickle=True), IntegrityError, "Python objects"),
    "no array": ("m.npy", lambda p: p.write_text("1 2 3"), IntegrityError, "cannot be read as a matrix"),
    "several": ("m.npz", lambda p: np.savez(p, a=np.eye(2), b=np.eye(3)), ConnectomeError, "--array, one of: a, b"),
    "cut": ("m.npz", lambda p: p.write_bytes(b"PK\x03\x04abc"), IntegrityError, "truncated"),
    "mtx": ("m.mtx", lambda p: p.write_text("%%MatrixMarket nonsense\n"), IntegrityError, "cannot be read as a matrix"),
    "xml": ("g.graphml", lambda p: p.write_text("<graphml><graph>"), IntegrityError, "is not GraphML"),
    "no graph": ("g.graphml", lambda p: p.write_text("<graphml/>"), ConnectomeError, "holds 0 graphs"),
    "ending": ("e.xlsx", lambda p: p.write_text("x"), ConnectomeError, r"unknown ending.*\.csv.*\.npy.*\.graphml"),
    "no pre": (
        "e.csv",
        lambda p: p.write_text("a,post\n1,2\n"),
        ConnectomeError,
        "hold the presynaptic.*--columns pre=a",
    ),
    "no post": (
        "e.csv",
        lambda p: p.write_text("pre,b\n1,2\n"),
        ConnectomeError,
        "hold the postsynaptic.*--columns post=",
    ),
    "no rows": ("e.csv", lambda p: p.write_text("pre,post\n"), ConnectomeError, "has no rows"),
    "only neurons": (
        "n.csv",
        lambda p: p.write_text("bodyId,type\n1,2\n"),
        ConnectomeError,
        "give a table of edges too",
    ),
    "bad count": ("e.csv", lambda p: p.write_text("pre,post,n_syn\n1,2,x\n"), ConnectomeError, "counts of .* hold 'x'"),
    "infinite": ("e.csv", lambda p: p.write_text("pre,post,n_syn\n1,2,inf\n"), ConnectomeError, "not finite"),
    "bad sign": (
        "e.csv",
        lambda p: p.write_text("pre,post,sign\n1,2,7\n"),
        ConnectomeError,
        r"The sign .*'7'.*columns sign=\.",
    ),
    "bad kind": (
        "e.csv",
        lambda p: p.write_text("pre,post,kind\n1,2,odd\n"),
        ConnectomeError,
        "The kind .*'odd'.*gap_junction",
    ),
    "fraction": ("e.csv", lambda p: p.write_text("pre,post\n1.5,2\n"), ConnectomeError, "are fractions, the first 1.5"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_mended_is_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    name, write, error, said = BAD[case]
    write(tmp_path / name)
    with pytest.raises(error, match=said):
        take_in(tmp_path / name)


def test_a_whole_wiring_is_given_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", dense("pre"))
    pyarrow.csv.write_csv(table(), tmp_path / "e.csv")
    with pytest.raises(ConnectomeError, match=r"m\.npy is a whole wiring; give it alone"):
        take_in(tmp_path / "e.csv", tmp_path / "m.npy")

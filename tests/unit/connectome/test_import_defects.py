"""Every defect is found, counted, refused until somebody chooses, then done as chosen and written down."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from anlage.connectome import Connectome
from anlage.connectome.draft import Draft, draft
from anlage.connectome.finding import CHOICES, Finding
from anlage.connectome.material import Material, gather
from anlage.connectome.plan import EDGE_COLUMNS, NEURON_COLUMNS, Plan, guess, read_plan
from anlage.connectome.shelf import source_of
from anlage.errors import ConnectomeError, UnknownName


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drafted(
    edges: str, neurons: str = "", choices: Mapping[str, str] | None = None, columns: tuple[str, ...] = ()
) -> Draft:
    """A draft of the table whose lines are separated by spaces."""
    Path("e.csv").write_text(edges.replace(" ", "\n") + "\n")
    if neurons:
        Path("n.csv").write_text(neurons.replace(" ", "\n") + "\n")
    plan = Plan(choices=choices or {}).with_columns(columns)
    return draft(gather([Path("e.csv")], Path("n.csv") if neurons else None, plan), plan)


def made(made_draft: Draft) -> Connectome:
    return made_draft.connectome("mine", source_of(Material((), None, (Path("e.csv"),)), "mine"))


def edges_of(connectome: Connectome) -> list[tuple[int, int, float, int]]:
    ids = connectome.neurons.id
    columns = (ids[connectome.pre], ids[connectome.post], connectome.synapse_count, connectome.sign)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def labels(connectome: Connectome, column: str = "transmitter") -> list[str]:
    categorical = getattr(connectome, column)
    return [categorical.labels[code] for code in categorical.codes]


# defect, choice, edges, neurons, what the sentence says, what is left: pre, post, count, sign
CASES = [
    (
        "missing",
        "drop",
        "pre,post,n_syn 1,2,3 1,,4 ,2,5 2,1,",
        "",
        "3 of 4 in e.csv, the first is row 2",
        [(1, 2, 3, 0)],
    ),
    (
        "zero",
        "drop",
        "pre,post,n_syn 1,2,3 2,1,0",
        "",
        "without any synapse: 1 of 2, the first is 2 -> 1",
        [(1, 2, 3, 0)],
    ),
    (
        *("fractional", "keep", "pre,post,n_syn 1,2,3 2,1,0.5", "", "not whole: 1 of 2, the first is 2 -> 1 with 0.5"),
        [(1, 2, 3, 0), (2, 1, 0.5, 0)],
    ),
    (
        *("duplicates", "sum", "pre,post,n_syn 1,2,3 2,1,1 1,2,4 1,2,1", "", "once more: 2, the first is 1 -> 2"),
        [(1, 2, 8, 0), (2, 1, 1, 0)],
    ),
    ("duplicates", "sum", "pre,post 1,2 1,2 1,2", "", "once more: 2, the first is 1 -> 2", [(1, 2, 3, 0)]),
    (
        *("unknown_ids", "add", "pre,post 1,2 1,9 8,9", "id 1 2", "2, named by 2 of 3 rows, the first is 8"),
        [(1, 2, 1, 0), (1, 9, 1, 0), (8, 9, 1, 0)],
    ),
    (
        "unknown_ids",
        "drop",
        "pre,post 1,2 1,9 8,9",
        "id 1 2",
        "2, named by 2 of 3 rows, the first is 8",
        [(1, 2, 1, 0)],
    ),
    (
        "repeated_neurons",
        "first",
        "pre,post 1,2",
        "id,side 1,L 2,R 1,R",
        "n.csv .* another: 1, the first is 1",
        [(1, 2, 1, 0)],
    ),
    ("missing", "drop", "pre,post 1,2", "id,side 1,L ,R 2,R", "without an id: 1 of 3 in n.csv", [(1, 2, 1, 0)]),
    (
        *("float_ids", "accept", "pre,post 9007199254740994.0,2 2,1", "", r"above 2\*\*53.*1 of .*9007199254740994"),
        [(1, 2, 1, 0), (2, 1, 1, 0), (9007199254740994, 2, 1, 0)][1:],
    ),
]


@pytest.mark.parametrize(("defect", "option", "edges", "neurons", "said", "left"), CASES)
def test_a_defect_is_refused_until_it_is_chosen_what_to_do(
    defect: str, option: str, edges: str, neurons: str, said: str, left: list[tuple[int, int, float, int]], home: Path
) -> None:
    looked_at = drafted(edges, neurons)
    assert [finding.defect for finding in looked_at.findings if finding.open] == [defect]
    with pytest.raises(ConnectomeError, match=said) as refused:
        made(looked_at)
    assert f"--{defect.replace('_', '-')} {option}" in str(refused.value)
    connectome = made(drafted(edges, neurons, {defect: option}))
    assert edges_of(connectome) == left
    assert CHOICES[defect].options[option] in connectome.source.lossy


def test_negative_counts_are_signs_when_somebody_says_so_and_who(home: Path) -> None:
    edges = "pre,post,n_syn 1,2,3 2,1,-4"
    with pytest.raises(
        ConnectomeError, match=r"(?s)Negative counts: 1 of 2, the first is 2 -> 1.*--sign-source measured"
    ):
        made(drafted(edges))
    connectome = made(drafted(edges, choices={"negative": "sign", "sign_source": "predicted"}))
    assert edges_of(connectome) == [(1, 2, 3, 1), (2, 1, 4, -1)]
    assert labels(connectome, "sign_source") == ["predicted", "predicted"]
    with pytest.raises(ConnectomeError, match=r"sign column states: 1 of 2, the first is 2 -> 1; .*--columns sign=\."):
        drafted("pre,post,n_syn,sign 1,2,3,1 2,1,-4,1", choices={"negative": "sign"})


def test_signs_are_told_by_words_and_an_edge_without_one_has_no_source(home: Path) -> None:
    edges = "pre,post,sign 1,2,excitatory 2,1,Inhibitory 1,3, 3,1,unknown"
    connectome = made(drafted(edges, choices={"sign_source": "measured"}))
    assert edges_of(connectome) == [(1, 2, 1, 1), (1, 3, 1, 0), (2, 1, 1, -1), (3, 1, 1, 0)]
    assert connectome.sign_source.counts() == {"none": 2, "measured": 2}


def test_rows_that_disagree_about_the_sign_leave_it_unknown(home: Path) -> None:
    edges = "pre,post,sign,region 1,2,1,a 1,2,-1,b 2,1,-1,a 2,1,,b"
    with pytest.raises(ConnectomeError, match="either sign: 1, the first is 1 -> 2; choose --mixed-signs unknown"):
        made(drafted(edges, choices={"sign_source": "measured"}))
    connectome = made(drafted(edges, choices={"sign_source": "measured", "mixed_signs": "unknown"}))
    assert edges_of(connectome) == [(1, 2, 2, 0), (2, 1, 2, -1)]


@pytest.mark.parametrize(("option", "left"), [("largest", ["GABA", "ACH", "A"]), ("unknown", ["", "ACH", ""])])
def test_rows_that_disagree_about_the_transmitter_are_settled(option: str, left: list[str], home: Path) -> None:
    # 1 -> 2: GABA has 2 + 2 against 3; 2 -> 1: one says nothing; 1 -> 3: a tie goes to the first in order.
    rows = "1,2,2,gaba,a 1,2,3,ACH,b 1,2,2,GABA,c 2,1,5,,a 2,1,1,ACH,b 1,3,1,B,a 1,3,1,A,b"
    edges = "pre,post,n_syn,nt,neuropil " + rows
    with pytest.raises(ConnectomeError, match="several transmitters: 2, the first is"):
        made(drafted(edges))
    connectome = made(drafted(edges, choices={"mixed_transmitters": option}))
    ids = connectome.neurons.id
    found = dict(zip(zip(ids[connectome.pre], ids[connectome.post], strict=True), labels(connectome), strict=True))
    assert [found[1, 2], found[2, 1], found[1, 3]] == left


def test_rows_of_one_edge_in_several_regions_are_parts_of_it_and_only_the_rest_are_doubles(home: Path) -> None:
    edges = "pre,post,n_syn,roi 1,2,3,a 1,2,4,b"
    assert edges_of(made(drafted(edges))) == [(1, 2, 7, 0)]
    with pytest.raises(ConnectomeError, match="once more: 1, the first is 1 -> 2"):
        made(drafted(edges + " 1,2,1,a"))


def test_loops_and_isolated_neurons_are_kept_unless_they_are_to_be_dropped(home: Path) -> None:
    edges, neurons = "pre,post,n_syn 1,1,3 1,2,4", "id,x_um,y_um,z_um 5,5,5,5 2,2,2,2 1,1,1,1"
    kept = made(drafted(edges, neurons))
    assert edges_of(kept) == [(1, 1, 3, 0), (1, 2, 4, 0)]
    assert kept.neurons.id.tolist() == [5, 2, 1]
    assert "from a neuron to itself: 1 of 2, the first is of 1: kept" in kept.source.lossy
    assert "Neurons without edges: 1 of 3, the first is 5: kept" in kept.source.lossy
    dropped = made(drafted(edges, neurons, {"self_loops": "drop", "isolated": "drop"}))
    assert edges_of(dropped) == [(1, 2, 4, 0)]
    assert dropped.neurons.id.tolist() == [2, 1]
    assert dropped.neurons.xyz_um[:, 0].tolist() == [2, 1]
    with pytest.raises(ConnectomeError, match="No edge is left"):
        drafted("pre,post 1,1", choices={"self_loops": "drop"})
    with pytest.raises(ConnectomeError, match="No edge is left"):
        drafted("pre,post,n_syn 1,2,0")


def test_gap_junctions_are_pairs_whichever_end_comes_first(home: Path) -> None:
    edges = "pre,post,n_syn,kind 2,1,3,electrical 1,3,2,gap 1,2,5,chemical"
    connectome = made(drafted(edges))
    assert edges_of(connectome) == [(1, 2, 3, 0), (1, 2, 5, 0), (1, 3, 2, 0)]
    assert connectome.kind.counts() == {"chemical": 1, "gap_junction": 2}


def test_gap_junctions_that_are_listed_from_both_ends_are_settled(home: Path) -> None:
    edges = "pre,post,n_syn,kind 2,1,3,gap 1,2,3,gap 1,3,2,gap 1,1,4,gap 3,1,1,chemical"
    with pytest.raises(
        ConnectomeError, match=r"both ends: 1, the first is 1 -> 2; choose --mirrored once .* --mirrored sum"
    ):
        made(drafted(edges))
    rest = [(1, 1, 4, 0), (1, 3, 2, 0), (3, 1, 1, 0)]
    assert edges_of(made(drafted(edges, choices={"mirrored": "once"}))) == sorted([(1, 2, 3, 0), *rest])
    assert edges_of(made(drafted(edges, choices={"mirrored": "sum"}))) == sorted([(1, 2, 6, 0), *rest])
    with pytest.raises(ConnectomeError, match="than from the other: 1, the first is 1 -> 2"):
        drafted("pre,post,n_syn,kind 2,1,3,gap 1,2,4,gap")


def test_positions_need_a_unit(home: Path) -> None:
    edges, neurons = "pre,post 1,2", "id,x,y,z 1,100,200,300 2,4,5,"
    with pytest.raises(ConnectomeError, match="in which unit; choose --xyz-um micrometres per unit"):
        made(drafted(edges, neurons))
    scaled = made(drafted(edges, neurons, {"xyz_um": "0.004,0.004,0.04"})).neurons.xyz_um
    np.testing.assert_allclose(scaled, [[0.4, 0.8, 12], [0.016, 0.02, np.nan]])
    for wrong in ("nm", "1,2"):
        with pytest.raises(ConnectomeError, match=r"--xyz-um is .* but must be micrometres per unit"):
            drafted(edges, neurons, {"xyz_um": wrong})
    in_nm = made(drafted(edges, "id,x_nm,y_nm,z_nm 1,100,200,300 2,4,5,6")).neurons.xyz_um
    np.testing.assert_allclose(in_nm[0], [0.1, 0.2, 0.3])


def test_a_role_that_is_none_of_ours_is_unknown_and_can_be_translated(home: Path) -> None:
    edges, neurons = "pre,post 1,2 2,3", "id,role 1,afferent 2,Kenyon 3,motor"
    unknown = drafted(edges, neurons)
    assert unknown.neurons.role.counts() == {"unknown": 1, "input": 1, "output": 1}
    assert any("unknown: 1, the first is 'Kenyon'" in finding.sentence for finding in unknown.findings)
    plan = Plan(roles={"kenyon": "inter"})
    told = draft(gather([Path("e.csv")], Path("n.csv"), plan), plan)
    assert told.neurons.role.counts() == {"input": 1, "inter": 1, "output": 1}


def test_ids_that_are_texts_on_one_side_are_matched_as_texts(home: Path) -> None:
    connectome = made(drafted("pre,post 1,2 2,\tx7", "id 1 2 x7\t"))
    assert connectome.neurons.name == ("1", "2", "x7")
    assert connectome.neurons.id.tolist() == [0, 1, 2]
    assert edges_of(made(drafted("pre,post 1,2 2,x7", "id 1 2", {"unknown_ids": "drop"}))) == [(1, 2, 1, 0)]
    assert made(drafted("pre,post 1,2 2,x7", "id 1 2", {"unknown_ids": "add"})).neurons.name == ("1", "2", "x7")


def test_a_table_with_very_many_columns_is_not_listed_in_full(home: Path) -> None:
    with pytest.raises(ConnectomeError, match=r"first line is 0, 1, .*, 19 and 480 more; say --header none"):
        drafted(",".join(map(str, range(500))))


def test_every_choice_can_be_made_and_says_what_it_does() -> None:
    for name, choice in CHOICES.items():
        assert choice.help
        assert not choice.default or choice.default in choice.options
        finding = Finding("Something", name)
        assert f"--{name.replace('_', '-')}" in str(finding)
        assert str(finding).endswith(".")
    assert {name for name, choice in CHOICES.items() if choice.default} == {"header", "self_loops", "isolated"}


def test_a_plan_survives_being_written_and_read() -> None:
    plan = Plan({"pre": 'a "b"\\\n'}, {"id": "ä"}, {"motor neuron": "output"}, {"zero": "drop"})
    assert read_plan(plan.to_toml()) == plan
    assert read_plan(Plan().to_toml()) == Plan()


def test_a_draft_writes_down_how_it_understood_and_what_it_still_needs(home: Path) -> None:
    looked_at = drafted("von,nach,n_syn 1,2,0 1,2,5", columns=("pre=von", "post=nach"))
    plan = read_plan(looked_at.mapping())
    assert plan.edges == {"pre": "von", "post": "nach", "synapse_count": "n_syn"}
    assert '# zero = "drop"' in looked_at.mapping()
    decided = read_plan(looked_at.mapping().replace("# zero", "zero"))
    assert edges_of(made(draft(gather([Path("e.csv")], None, decided), decided))) == [(1, 2, 5, 0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[edges", "mapping is not valid TOML"),
        ("[edgse]\npre = 'a'", "did you mean 'edges'"),
        ("[edges]\nper = 'a'", "did you mean 'pre'"),
        ("[edges]\npre = 1", "must be a table of texts"),
        ("edges = 1", "must be a table of texts"),
        ("[roles]\nmotor = 'ouput'", "did you mean 'output'"),
        ("[choices]\nzeros = 'drop'", "did you mean 'zero'"),
        ("[choices]\nzero = 'keep'", "no option called 'keep'"),
    ],
)
def test_a_bad_mapping_is_answered_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises((ConnectomeError, UnknownName), match=said):
        read_plan(text)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("pre", "write what it is and its name, as pre=source"),
        ("per=a", "did you mean 'pre'"),
        ("edges.per=a", "did you mean 'pre'"),
        ("region=a", r"write edges\.region=\.\.\. or neurons\.region="),
        ("nodes.id=a", "no column called 'nodes.id'"),
    ],
)
def test_a_bad_column_is_answered_in_one_sentence(pair: str, said: str) -> None:
    with pytest.raises((ConnectomeError, UnknownName), match=said):
        Plan().with_columns([pair])


def test_columns_are_guessed_by_the_names_that_are_in_use() -> None:
    codex = ["pre_root_id", "post_root_id", "neuropil", "syn_count", "nt_type"]
    assert guess("edges", codex, {}) == {
        **{"pre": "pre_root_id", "post": "post_root_id", "synapse_count": "syn_count"},
        **{"transmitter": "nt_type", "region": "neuropil"},
    }
    shiu = [
        "Presynaptic_ID",
        "Postsynaptic_ID",
        "Presynaptic_Index",
        "Postsynaptic_Index",
        "Connectivity",
        "Excitatory",
    ]
    assert guess("edges", shiu, {})["pre"] == "Presynaptic_ID"
    assert guess("edges", shiu, {})["synapse_count"] == "Connectivity"
    assert "synapse_count" not in guess("edges", ["pre", "post", "weight"], {"synapse_count": ""})
    with pytest.raises(ConnectomeError, match="no column called 'wieght'; their columns are pre, post, weight"):
        guess("edges", ["pre", "post", "weight"], {"synapse_count": "wieght"})
    for known in (EDGE_COLUMNS, NEURON_COLUMNS):
        aliases = [alias for names in known.values() for alias in names]
        assert len(set(aliases)) == len(aliases), "one name would mean two things"


def test_a_given_column_that_is_in_no_table_is_refused(home: Path) -> None:
    with pytest.raises(ConnectomeError, match="no column called 'sorce'"):
        drafted("pre,post 1,2", columns=("pre=sorce",))

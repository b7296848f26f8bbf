"""neuPrint and CAVE, played by objects with the signatures of neuprint-python 0.6.4 and caveclient 8.2.1."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from anlage.connectome import Connectome, server
from anlage.connectome.draft import draft
from anlage.connectome.material import Material
from anlage.connectome.plan import Plan
from anlage.connectome.shelf import source_of
from anlage.errors import ConnectomeError, DataMissing, DependencyMissing

A, B, C = 864691135000000001, 864691135000000002, 864691135000000003
SYNAPSES = [(A, B), (A, B), (B, A), (A, A), (C, A)] + [(B, C)] * 7
NEUPRINT = "neuprint://neuprint.janelia.org/hemibrain:v1.2.1?type=KC.*&rois=MB(R)&rois=CA(R)&min_pre=2"
CAVE = "cave://minnie65_public?version=1078&table=proofread"


class Frame:
    """As much of a data frame as is used."""

    def __init__(self, data: Mapping[str, Sequence[Any]]) -> None:
        self._data, self.columns = data, list(data)

    def __len__(self) -> int:
        return len(next(iter(self._data.values())))

    def __getitem__(self, name: str) -> Any:
        values = self._data[name]
        array = np.empty(len(values), dtype=object) if name in ("somaLocation", "instance") else np.array(values)
        array[:] = values
        return SimpleNamespace(to_numpy=lambda: array, tolist=lambda: list(values))


class Client:
    made: list["Client"] = []  # noqa: RUF012

    def __init__(self, server, dataset=None, token=None, verify=True, progress=True):  # type: ignore[no-untyped-def]
        self.asked: list[object] = [server, dataset, token]
        self.made.append(self)


class NeuronCriteria:
    def __init__(self, matchvar="n", *, type=None, rois=None, min_pre=0, client=None):  # type: ignore[no-untyped-def]
        client.asked.append({"type": type, "rois": rois, "min_pre": min_pre})


def fetch_neurons(criteria=None, *, omit_rois=False, returned_columns="all", client=None):  # type: ignore[no-untyped-def]
    assert omit_rois, "otherwise two tables are returned"
    somas = [[1, 2, 3], None]
    return Frame({"bodyId": [7, 9], "type": ["KC", "KC"], "instance": ["KC_R", None], "somaLocation": somas})


def fetch_adjacencies(  # type: ignore[no-untyped-def]
    sources=None, targets=None, rois=None, min_roi_weight=1, min_total_weight=1, include_nonprimary=False,
    export_dir=None, batch_size=200, properties=["type", "instance"], *, weight_props="all", omit_rois=False, threads=4,  # noqa: B006
    client=None,
):  # fmt: skip
    assert sources == targets == [7, 9]
    assert omit_rois, "otherwise rows are split by region"
    edges = {"bodyId_pre": [7, 9], "bodyId_post": [9, 7], "weight": [3, 1], "weightHP": [1, 1]}
    return Frame({"bodyId": [7, 9]}), Frame(edges)


PLAYED = SimpleNamespace(
    Client=Client, NeuronCriteria=NeuronCriteria, fetch_neurons=fetch_neurons, fetch_adjacencies=fetch_adjacencies
)


class Materialize:
    def __init__(self) -> None:
        self.queries: list[tuple[int, int]] = []

    def query_table(  # type: ignore[no-untyped-def]
        self, table: str, filter_in_dict=None, filter_out_dict=None, filter_equal_dict=None, filter_greater_dict=None,
        filter_less_dict=None, filter_greater_equal_dict=None, filter_less_equal_dict=None, filter_spatial_dict=None,
        filter_regex_dict=None, select_columns=None, offset=None, limit=None, datastack_name=None, return_df=True,
        split_positions=False, materialization_version=None, timestamp=None, metadata=True, merge_reference=True,
        desired_resolution=None, get_counts=False, random_sample=None, log_warning=True,
    ):  # fmt: skip
        assert (table, split_positions, desired_resolution) == ("proofread", True, [1000] * 3)
        positions = {f"pt_position_{axis}": [1.5, 2.5, 3.5, 4.5] for axis in "xyz"}
        return Frame({"id": [1, 2, 3, 4], "pt_root_id": [A, B, C, 0], "cell_type": ["a", "b", "c", "d"], **positions})

    def synapse_query(  # type: ignore[no-untyped-def]
        self, pre_ids=None, post_ids=None, bounding_box=None, bounding_box_column="post_pt_position", timestamp=None,
        remove_autapses=True, include_zeros=True, limit=None, offset=None, split_positions=False,
        desired_resolution=None, materialization_version=None, synapse_table=None, datastack_name=None, metadata=True,
    ):  # fmt: skip
        self.queries.append((len(pre_ids), len(post_ids)))
        found = [
            (pre, post)
            for pre, post in SYNAPSES
            if pre in pre_ids and post in post_ids and (pre != post or not remove_autapses)
        ][:limit]
        ends = list(zip(*found, strict=True)) or [(), ()]
        return Frame({"pre_pt_root_id": np.array(ends[0], np.int64), "post_pt_root_id": np.array(ends[1], np.int64)})


def connectome_of(material: Material, choices: Mapping[str, str]) -> Connectome:
    return draft(material, Plan(choices=choices)).connectome("mine", source_of(material, "mine"))


def edges_of(connectome: Connectome) -> list[tuple[int, int, int]]:
    ids = connectome.neurons.id
    columns = (ids[connectome.pre], ids[connectome.post], connectome.synapse_count)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_what_neuprint_answers_is_a_connectome() -> None:
    material = server.ask(NEUPRINT, plan=Plan(), client=PLAYED)
    criteria = {"type": "KC.*", "rois": ["MB(R)", "CA(R)"], "min_pre": 2}
    assert Client.made[-1].asked == ["neuprint.janelia.org", "hemibrain:v1.2.1", None, criteria]
    connectome = connectome_of(material, {"xyz_um": "0.008"})
    assert edges_of(connectome) == [(7, 9, 3), (9, 7, 1)]
    assert connectome.neurons.name == ("KC_R", "")
    np.testing.assert_allclose(connectome.neurons.xyz_um, [[0.008, 0.016, 0.024], [np.nan] * 3])
    assert connectome.source.origin == NEUPRINT
    assert len(connectome.source.sha256) == 64


@pytest.mark.parametrize("most", [100_000, 6, 8, 3])
def test_what_cave_answers_is_a_connectome_and_a_full_answer_is_asked_for_again(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_ROWS", most)
    played = Materialize()

    def make(datastack_name: str, version: int) -> object:
        assert (datastack_name, version) == ("minnie65_public", 1078)
        return SimpleNamespace(materialize=played)

    if most <= 7:  # seven synapses lead from B to C, and no answer may hold that many
        with pytest.raises(ConnectomeError, match=f"{B} -> {C} has more synapses than one answer"):
            server.ask(CAVE, plan=Plan(), client=make)
        return
    material = server.ask(CAVE, plan=Plan(), client=make)
    with pytest.raises(ConnectomeError, match="Rows without an id: 1 of 4"):  # the root id 0 is no neuron
        connectome_of(material, {})
    connectome = connectome_of(material, {"missing": "drop"})
    assert edges_of(connectome) == [(A, A, 1), (A, B, 2), (B, A, 1), (B, C, 7), (C, A, 1)]
    assert connectome.neurons.xyz_um[:, 0].tolist() == [1.5, 2.5, 3.5]
    assert connectome.neurons.cell_type.counts() == {"a": 1, "b": 1, "c": 1}
    assert played.queries[0] == (3, 3)
    assert len(played.queries) == (1 if most == 100_000 else 7)


def test_the_neurons_of_cave_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text(f"pt_root_id,cell_type\n{A},a\n{B},b\n")
    make = lambda datastack, version: SimpleNamespace(materialize=Materialize())  # noqa: E731
    material = server.ask("cave://minnie65_public?version=1078", tmp_path / "n.csv", plan=Plan(), client=make)
    assert edges_of(connectome_of(material, {})) == [(A, A, 1), (A, B, 2), (B, A, 1)]
    (tmp_path / "n.csv").write_text("name\nx\n")
    with pytest.raises(ConnectomeError, match="no column of whole numbers that holds ids"):
        server.ask("cave://minnie65_public?version=1078", tmp_path / "n.csv", plan=Plan(), client=make)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("neuprint://neuprint.janelia.org/hemibrain:v1.2.1", "asks for every neuron there; add criteria"),
        ("cave://minnie65_public", "must name a version and the neurons"),
        ("cave://minnie65_public?version=1078", "must name a version and the neurons"),
        ("cave://minnie65_public?version=latest&table=proofread", "must name a version and the neurons"),
    ],
)
def test_an_address_that_asks_for_nothing_is_refused(address: str, said: str) -> None:
    with pytest.raises(ConnectomeError, match=said):
        server.ask(address, plan=Plan(), client=PLAYED)


def test_a_server_that_refuses_is_answered_in_one_sentence() -> None:
    def refuse(*args: object, **more: object) -> None:
        raise RuntimeError("401 Unauthorized\nfor url")

    with pytest.raises(
        DataMissing, match=r"gave no answer \(RuntimeError: 401 Unauthorized for url\); check the address"
    ):
        server.ask(CAVE, plan=Plan(), client=refuse)


def test_a_client_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(server, "import_module", absent)
    with pytest.raises(DependencyMissing, match=r"pip install 'anlage\[neuprint\]'"):
        server.ask(NEUPRINT, plan=Plan())
    with pytest.raises(DependencyMissing, match=r"pip install 'anlage\[cave\]'"):
        server.ask(CAVE, plan=Plan())


def test_the_players_have_the_signatures_of_neuprint() -> None:
    real = pytest.importorskip("neuprint", reason="neuprint-python is not installed", exc_type=ImportError)
    for name in ("fetch_neurons", "fetch_adjacencies"):
        assert str(inspect.signature(getattr(real, name))) == str(inspect.signature(getattr(PLAYED, name)))
    assert str(inspect.signature(real.Client)) == str(inspect.signature(Client))
    assert {"type", "rois", "min_pre", "client"} <= set(inspect.signature(real.NeuronCriteria).parameters)


def test_the_players_have_the_signatures_of_cave() -> None:
    real = pytest.importorskip(
        "caveclient.materializationengine", reason="caveclient is not installed", exc_type=ImportError
    )
    for name in ("query_table", "synapse_query"):
        parameters = inspect.signature(getattr(real.MaterializationClient, name)).parameters
        assert list(parameters) == list(inspect.signature(getattr(Materialize, name)).parameters)

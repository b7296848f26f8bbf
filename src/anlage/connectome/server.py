"""Wirings that neuPrint and CAVE servers hold, asked for by address; their own clients do the talking.

    neuprint://neuprint.janelia.org/hemibrain:v1.2.1?type=KC.*&rois=MB(R)
    cave://minnie65_public?version=1078&table=proofread_neurons

What follows the question mark of a neuPrint address are criteria of ``neuprint.NeuronCriteria``; every connection among the
neurons that meet them is fetched. A CAVE address names the ``version`` (a materialization) and the ``table`` of neurons, unless
another table of neurons is given; every synapse among them is fetched. The clients find their credentials themselves
(``NEUPRINT_APPLICATION_CREDENTIALS``; the token file of caveclient); here they are never read, written or shown.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from jaxtyping import Int, Shaped
from numpy import ndarray

from anlage.connectome.column import Column
from anlage.connectome.columns import column_of
from anlage.connectome.material import Material, Table
from anlage.connectome.plan import Plan, guess
from anlage.errors import AnlageError, ConnectomeError, DataMissing, DependencyMissing

MOST_ROWS = (
    100_000  # synapses per query; servers cut long answers off unsaid, so a full answer is asked for again in halves
)
MOST_NEURONS = 200  # presynaptic neurons per query
NM_PER_UM = 1000  # CAVE gives positions in multiples of a resolution in nanometres
OF_A_NEURON = ("pt_root_id", "cell_type", "classification_system")  # what is taken from a table of neurons
Client = Any


def is_address(text: str) -> bool:
    """Whether ``text`` is the address of a server rather than the path of a file."""
    return text.startswith(("neuprint://", "cave://"))


def ask(address: str, neurons: Path | None = None, *, plan: Plan, client: Client = None) -> Material:
    """The wiring behind an address. ``client`` replaces the module ``neuprint``, or the class ``CAVEclient``.

    Raises ``DependencyMissing`` without the client's package, ``ConnectomeError`` for an address that asks for nothing, and
    ``DataMissing`` when the server does not answer or refuses.
    """
    parts = urlsplit(address)
    asked = {key: values[0] if len(values) == 1 else values for key, values in parse_qs(parts.query).items()}
    table = Table.of_file(neurons) if neurons else None
    try:
        if parts.scheme == "neuprint":
            server, dataset = parts.netloc, parts.path.strip("/")
            edges, found = _neuprint(address, (server, dataset), asked, client or _module("neuprint"))
        else:
            make = client or _module("caveclient").CAVEclient
            edges, found = _cave(address, parts.netloc, asked, _ids(table, plan), make)
    except AnlageError:
        raise
    except Exception as error:  # whatever a client, or the network beneath it, raises
        why = " ".join(str(error).split())[:160].rstrip(".")
        raise DataMissing(
            f"{address} gave no answer ({type(error).__name__}: {why}); check the address, the network and the client's "
            "credentials."
        ) from error
    table = table or Table.of(address, found)
    files = (neurons,) if neurons else ()
    return Material((Table.of(address, edges),), table, files, origin=address)


def _module(name: str) -> Client:
    try:
        return import_module(name)
    except ImportError as error:
        extra = name.removesuffix("client")
        raise DependencyMissing(f"{name} is not installed; install it with `pip install 'anlage[{extra}]'`.") from error


def _ids(table: Table | None, plan: Plan) -> Int[ndarray, " neuron"] | None:
    """Ids of the neurons that a table lists."""
    if table is None:
        return None
    name = guess("neurons", table.names, plan.neurons).get("id")
    column = table.read([name])[name] if name else None
    if column is None or column.values.dtype != np.int64 or column.labels is not None:
        raise ConnectomeError(
            f"{table.where} has no column of whole numbers that holds ids; say which, as --columns id=NAME."
        )
    return np.asarray(column.values[~column.missing])


def _neuprint(
    address: str, place: tuple[str, str], asked: Mapping[str, Any], neuprint: Client
) -> tuple[dict[str, Column], dict[str, Column]]:
    if not asked:
        raise ConnectomeError(
            f"{address} asks for every neuron there; add criteria, as ?type=KC.*, or import the server's bulk download."
        )
    server, dataset = place
    client = neuprint.Client(server, dataset=dataset or None, progress=False)
    criteria = neuprint.NeuronCriteria(**{key: _criterion(key, value) for key, value in asked.items()}, client=client)
    found = neuprint.fetch_neurons(criteria, omit_rois=True, client=client)
    if not len(found):
        raise ConnectomeError(f"{address} matches no neuron; check the criteria.")
    ids = found["bodyId"].tolist()
    _, edges = neuprint.fetch_adjacencies(ids, ids, omit_rois=True, client=client)
    ends = ("bodyId_pre", "bodyId_post", "weight")
    neurons = {name: _column(found[name].to_numpy()) for name in found.columns if name != "somaLocation"}
    if "somaLocation" in found.columns:
        places = [place if isinstance(place, list) else ("", "", "") for place in found["somaLocation"].tolist()]
        neurons |= {f"soma_{axis}": column_of([str(place[i]) for place in places]) for i, axis in enumerate("xyz")}
    return {name: _column(edges[name].to_numpy()) for name in ends}, neurons


def _criterion(key: str, value: Any) -> Any:
    """Criteria that are numbers to neuPrint, as numbers."""
    if key != "bodyId" and not key.startswith("min_"):
        return value
    return [int(each) for each in value] if isinstance(value, list) else int(value)


def _cave(
    address: str,
    datastack: str,
    asked: Mapping[str, Any],
    ids: Int[ndarray, " neuron"] | None,
    make: Client,
) -> tuple[dict[str, Column], dict[str, Column]]:
    version, name = asked.get("version", ""), asked.get("table", "")
    if not str(version).isdigit() or (ids is None) == (not name):
        raise ConnectomeError(
            f"{address} must name a version and the neurons: ?version=1078&table=proofread_neurons, or --neurons FILE in place "
            "of the table."
        )
    materialize, neurons = make(datastack, version=int(version)).materialize, {}
    if ids is None:
        found = materialize.query_table(name, split_positions=True, desired_resolution=[NM_PER_UM] * 3, metadata=False)
        said = {f"pt_position_{axis}": f"{axis}_um" for axis in "xyz"} | {what: what for what in OF_A_NEURON}
        neurons = {said[what]: _column(found[what].to_numpy()) for what in found.columns if what in said}
        ids = neurons["pt_root_id"].values
    ids = np.unique(ids[ids != 0])  # 0: outside of everything segmented
    if not len(ids):
        raise ConnectomeError(f"{address} lists no neuron; check the table.")
    answers: list[Any] = []
    for start in range(0, len(ids), MOST_NEURONS):
        _synapses(materialize.synapse_query, ids[start : start + MOST_NEURONS], ids, answers)
    ends = ("pre_pt_root_id", "post_pt_root_id")
    return {end: _column(np.concatenate([each[end].to_numpy() for each in answers])) for end in ends}, neurons


def _synapses(
    query: Callable[..., Any], pre: Int[ndarray, " pre"], post: Int[ndarray, " post"], answers: list[Any]
) -> None:
    """Collect the synapses from ``pre`` onto ``post``, in queries small enough to be answered in full."""
    answer = query(
        pre_ids=pre, post_ids=post, remove_autapses=False, limit=MOST_ROWS, split_positions=True, metadata=False
    )
    if len(answer) < MOST_ROWS:
        answers.append(answer)
    elif len(pre) > 1:
        for half in np.array_split(pre, 2):
            _synapses(query, half, post, answers)
    elif len(post) > 1:
        for half in np.array_split(post, 2):
            _synapses(query, pre, half, answers)
    else:
        raise ConnectomeError(f"{pre[0]} -> {post[0]} has more synapses than one answer of the server holds.")


def _column(values: Shaped[ndarray, " row"]) -> Column:
    """A column of a data frame."""
    if values.dtype.kind in "iu":
        return Column(values.astype(np.int64), np.zeros(len(values), dtype=bool))
    if values.dtype.kind == "f":
        return Column(values.astype(np.float64), np.isnan(values))
    return column_of(["" if each is None or each != each else str(each) for each in values.tolist()], text=True)

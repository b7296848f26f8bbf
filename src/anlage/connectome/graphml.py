"""Graphs in GraphML, as NetworkX, igraph, Gephi and Cytoscape write them (http://graphml.graphdrawing.org, version 1.0)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from anlage.connectome.column import Column
from anlage.connectome.columns import column_of
from anlage.errors import ConnectomeError, DataMissing, IntegrityError

ENDINGS = (".graphml",)
TRUE = ("true", "1")


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Tables of the nodes (``id`` and their data) and of the edges (``source``, ``target`` and their data)."""

    nodes: Mapping[str, Column]
    edges: Mapping[str, Column]
    directed: bool


def read_graphml(path: Path) -> Graph:
    """The one graph in ``path``.

    Raises ``DataMissing`` without a file, ``IntegrityError`` when it is not GraphML, and ``ConnectomeError`` when it holds no
    graph, more than one, a nested one, hyperedges, or edges of which only some have a direction.
    """
    if not path.is_file():
        raise DataMissing(f"There is no file {path}; check the path.")
    try:
        root = ElementTree.parse(path).getroot()  # expat limits the expansion of entities
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError) as error:
        raise IntegrityError(f"{path} is not GraphML ({error}); it is damaged or another kind of file.") from error
    graphs = [element for element in root.iter() if _tag(element) == "graph"]
    if len(graphs) != 1 or any(_tag(element) == "hyperedge" for element in graphs[0]):
        raise ConnectomeError(f"{path} holds {len(graphs)} graphs or hyperedges; one plain graph is needed.")
    names, defaults = _keys(root)
    nodes = [_data(node, names, defaults["node"]) | {"id": node.get("id", "")} for node in _all(graphs[0], "node")]
    listed = list(_all(graphs[0], "edge"))
    edges = [
        _data(edge, names, defaults["edge"]) | {"source": edge.get("source", ""), "target": edge.get("target", "")}
        for edge in listed
    ]
    default = graphs[0].get("edgedefault", "directed")
    directions = {edge.get("directed", str(default == "directed").lower()) in TRUE for edge in listed}
    if len(directions) > 1:
        raise ConnectomeError(f"{path} has edges with and without a direction; export the two kinds into two files.")
    return Graph(_columns(nodes, ("id",)), _columns(edges, ("source", "target")), directions != {False})


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(graph: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    return (element for element in graph if _tag(element) == tag)


def _keys(root: ElementTree.Element) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Id of a key -> name of what it holds, and for nodes and edges name -> default."""
    names: dict[str, str] = {}
    defaults: dict[str, dict[str, str]] = {"node": {}, "edge": {}}
    for key in _all(root, "key"):
        name = key.get("attr.name") or key.get("id") or ""
        names[key.get("id") or ""] = name
        if (default := next(_all(key, "default"), None)) is not None:
            for part in defaults:
                if key.get("for") in (part, "all"):
                    defaults[part][name] = default.text or ""
    return names, defaults


def _data(element: ElementTree.Element, names: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    own = {names.get(data.get("key", ""), data.get("key", "")): data.text or "" for data in _all(element, "data")}
    return {**defaults, **own}


def _columns(rows: list[dict[str, str]], first: tuple[str, ...]) -> dict[str, Column]:
    present = dict.fromkeys((*first, *(name for row in rows for name in row)))
    return {name: column_of([row.get(name, "") for row in rows], text=name in first) for name in present}

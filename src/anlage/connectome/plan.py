"""How files that hold a wiring are to be understood: which column is what, and what is done about each defect."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from anlage.connectome.column import listed
from anlage.connectome.finding import CHOICES
from anlage.errors import ConnectomeError, UnknownName

# What an edge table can say -> names under which it is known, best first. Lower case, letters and digits only.
# bodyId: neuPrint; pt_root_id: CAVE; root_id: Codex; presynaptic_id: the model of Shiu et al. 2024.
TRANSMITTER = ("transmitter", "neurotransmitter", "nttype", "consensusnt", "predictednt", "topnt", "nt")
EDGE_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pre": (
            *("bodyidpre", "bodypre", "preptrootid", "prerootid", "presynapticid", "preid", "pre", "presynaptic"),
            *("preneuron", "prename", "source", "src", "from", "sourceid", "upstream"),
        ),
        "post": (
            *(
                "bodyidpost",
                "bodypost",
                "postptrootid",
                "postrootid",
                "postsynapticid",
                "postid",
                "post",
                "postsynaptic",
            ),
            *("postneuron", "postname", "target", "tgt", "dst", "to", "targetid", "downstream"),
        ),
        "synapse_count": (
            *("synapsecount", "syncount", "nsyn", "nsynapses", "synapses", "count", "weight", "connectivity"),
            *("numbersynapses", "value"),
        ),
        "sign": ("sign", "excitatory", "effect"),
        "transmitter": TRANSMITTER,
        "kind": ("kind", "synapsetype", "edgetype", "connectiontype"),
        "region": ("region", "roi", "neuropil"),
    }
)
NEURON_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "id": ("bodyid", "ptrootid", "rootid", "neuronid", "skid", "skeletonid", "body", "id", "node"),
        "name": ("name", "instance", "label"),
        "side": ("side", "somaside", "hemisphere", "rootside"),
        "role": ("role", "io", "flow"),
        "class": ("class", "neuronclass", "superclass"),
        "cell_type": ("celltype", "type", "primarytype", "hemibraintype"),
        "modality": ("modality",),
        "region": ("region", "roi", "neuropil"),
        "pair_id": ("pairid", "pair", "pairneuronid"),
        "transmitter": TRANSMITTER,
        "x": ("x", "somax", "posx", "xum", "xnm", "ptpositionx"),
        "y": ("y", "somay", "posy", "yum", "ynm", "ptpositiony"),
        "z": ("z", "somaz", "posz", "zum", "znm", "ptpositionz"),
    }
)
# What a role is called elsewhere. afferent, intrinsic, efferent: FlyWire; the rest is common usage.
ROLE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("input", "sensory", "afferent", "sensory neuron"), "input"),
        **dict.fromkeys(("inter", "interneuron", "intrinsic", "central"), "inter"),
        **dict.fromkeys(("output", "motor", "motor neuron", "efferent", "descending"), "output"),
    }
)
PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"edges": EDGE_COLUMNS, "neurons": NEURON_COLUMNS}
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How files are to be understood.

    ``edges`` and ``neurons`` say which column of a file is what (``{"pre": "source"}``); what they leave out is guessed, and an
    empty name means: none. ``roles`` translates the values of the role column (``{"sensory": "input"}``). ``choices`` holds
    what is done about each defect, and what a file cannot say of itself; ``anlage.connectome.finding.CHOICES`` lists both.
    """

    edges: Mapping[str, str] = field(default_factory=dict)
    neurons: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part, known in PARTS.items():
            for what in getattr(self, part):
                if what not in known:
                    raise UnknownName(f"column of {part}", what, known)
        for role in self.roles.values():
            if role not in ("input", "inter", "output", "unknown"):
                raise UnknownName("role", role, ("input", "inter", "output", "unknown"))
        for defect, option in self.choices.items():
            if defect not in CHOICES:
                raise UnknownName("choice", defect, CHOICES)
            CHOICES[defect].check(option)

    def with_columns(self, pairs: Iterable[str]) -> "Plan":
        """This plan with ``pre=source`` and the like; ``edges.region=roi`` where both tables have such a column."""
        parts = {"edges": dict(self.edges), "neurons": dict(self.neurons)}
        for pair in pairs:
            what, equals, column = pair.partition("=")
            if not equals:
                raise ConnectomeError(f"A column is given as {pair!r}; write what it is and its name, as pre=source.")
            part, dot, inner = what.partition(".")
            homes = [part] if dot else [part for part, known in PARTS.items() if what in known]
            if not homes or homes[0] not in PARTS:
                raise UnknownName("column", what, [*EDGE_COLUMNS, *NEURON_COLUMNS])
            if len(homes) > 1:
                raise ConnectomeError(f"Both tables can have a {what}; write edges.{what}=... or neurons.{what}=...")
            parts[homes[0]][inner if dot else what] = column
        return replace(self, edges=parts["edges"], neurons=parts["neurons"])

    def to_toml(self) -> str:
        """This plan as TOML; ``read_plan`` gives it back."""
        lines = []
        for part in ("edges", "neurons", "roles", "choices"):
            if table := getattr(self, part):
                lines += [f"[{part}]", *(f"{_key(key)} = {_quoted(value)}" for key, value in table.items()), ""]
        return "\n".join(lines)


def read_plan(text: str, where: str = "mapping") -> Plan:
    """A plan from TOML text with the tables ``edges``, ``neurons``, ``roles`` and ``choices``.

    Raises ``ConnectomeError`` for text that is not such a file, ``UnknownName`` for a key or an option that does not exist.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConnectomeError(f"{where} is not valid TOML: {error}.") from error
    for part, values in table.items():
        if part not in Plan.__dataclass_fields__:
            raise UnknownName(f"table of {where}", part, Plan.__dataclass_fields__)
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise ConnectomeError(f'{where}: [{part}] must be a table of texts, as pre = "source".')
    return Plan(**table)


def guess(part: str, names: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """What is which column of a table with columns ``names``; ``part`` is ``edges`` or ``neurons``.

    What is ``given`` comes first, then the names listed above; nothing is two things. Raises ``ConnectomeError`` for a given
    column that is not there.
    """
    if absent := [column for column in given.values() if column and column not in names]:
        raise ConnectomeError(f"The {part} have no column called {absent[0]!r}; their columns are {listed(names)}.")
    found = dict(given)
    for what, known in PARTS[part].items():
        free = {plain(name): name for name in reversed(names) if name not in found.values()}
        if what not in found and (match := next((alias for alias in known if alias in free), None)):
            found[what] = free[match]
    return {what: found[what] for what in PARTS[part] if found.get(what)}


def plain(name: str) -> str:
    """A name of a column as the lists above have it."""
    return re.sub("[^a-z0-9]", "", name.lower())


def _key(text: str) -> str:
    return text if re.fullmatch("[A-Za-z0-9_-]+", text) else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'

"""Neurons as they were given: a table of them, or only the ids that edges name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.connectome.column import Column, listed
from anlage.connectome.connectome import ROLES, Categorical, NeuronTable
from anlage.connectome.finding import Ledger
from anlage.connectome.given_edges import canonical_transmitters, segmented, whole_ids
from anlage.connectome.material import Table
from anlage.connectome.plan import ROLE_NAMES
from anlage.errors import ConnectomeError

SIDE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("l", "left", "lhs"), "left"),
        **dict.fromkeys(("r", "right", "rhs"), "right"),
        **dict.fromkeys(("c", "m", "center", "centre", "middle", "midline", "unpaired"), "unpaired"),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class GivenNeurons:
    """Neurons by id, all whole numbers or all texts, and the columns that are known of them, by what they are."""

    ids: tuple[int | str, ...]
    columns: Mapping[str, Column] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, ids: Column) -> Int[ndarray, " row"]:
        """Number of the neuron that each of ``ids`` names, or -1."""
        if ids.labels is not None or (self.ids and isinstance(self.ids[0], str)):
            texts = ids if ids.labels is not None else ids.coded()
            number = {str(name): row for row, name in enumerate(self.ids)}
            table = np.array([number.get(label, -1) for label in texts.labels or ()] or [-1], dtype=np.int64)
            return np.asarray(np.where(ids.missing, -1, table[texts.values] if len(texts) else -1))
        known = np.array(self.ids, dtype=np.int64)
        if not len(known):
            return np.full(len(ids), -1, dtype=np.int64)
        by_id = np.argsort(known)
        in_order = np.argsort(ids.values)  # looked up in order, neighbours are near in memory: three times faster
        place = np.searchsorted(known[by_id], ids.values[in_order])
        rows = np.empty(len(ids), dtype=np.int64)
        rows[in_order] = by_id[np.minimum(place, len(known) - 1)]
        return np.asarray(np.where((known[rows] == ids.values) & ~ids.missing, rows, -1))

    def with_added(self, ids: Sequence[int | str]) -> "GivenNeurons":
        """These neurons, and more of which nothing is known."""
        together = (*self.ids, *ids)
        if len({type(each) for each in together}) > 1:
            together = tuple(map(str, together))
        grown = {
            what: Column(
                np.append(column.values, np.zeros(len(ids), dtype=column.values.dtype)),
                np.append(column.missing, np.ones(len(ids), dtype=bool)),
                column.labels or (None if column.labels is None else ("",)),
            )
            for what, column in self.columns.items()
        }
        return GivenNeurons(together, grown)

    def only(self, rows: Int[ndarray, " some"]) -> "GivenNeurons":
        """These neurons, by number."""
        columns = {what: column.only(rows) for what, column in self.columns.items()}
        return GivenNeurons(tuple(self.ids[row] for row in rows.tolist()), columns)

    @property
    def shown(self) -> tuple[str, ...]:
        """What to call each neuron in a sentence."""
        return tuple(map(str, self.ids))

    @property
    def transmitter(self) -> Column | None:
        """What each neuron releases, where that is known."""
        return canonical_transmitters(self.columns["transmitter"]) if "transmitter" in self.columns else None


def named_by(*ends: Column) -> GivenNeurons:
    """Every neuron that an edge names, in the order of the ids."""
    if any(end.labels is not None for end in ends):
        used = {label for end in ends for label in np.array(end.coded().labels)[np.unique(end.coded().values)].tolist()}
        return GivenNeurons(tuple(sorted(used - {""})))
    values = [_distinct(end.values[~end.missing]) for end in ends]
    return GivenNeurons(tuple(_distinct(np.concatenate(values)).tolist()))


def _distinct(values: Int[ndarray, " row"]) -> Int[ndarray, " value"]:
    """Like ``np.unique``, which since NumPy 2.3 hashes, many times slower than sorting millions of whole numbers."""
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def read_neurons(table: Table, columns: Mapping[str, str], ledger: Ledger) -> GivenNeurons:
    """The rows of a table of neurons, each id once.

    Raises ``ConnectomeError`` for a table without ids or rows, and what reading a file raises.
    """
    if "id" not in columns:
        raise ConnectomeError(
            f"{table.where} has no column that is known to hold the ids of neurons; its columns are {listed(table.names)}: "
            f"say which, as --columns id={table.names[0]}."
        )
    named = table.read(tuple(columns.values()))
    read = {what: named[name] for what, name in columns.items()}
    ids = whole_ids(segmented(read.pop("id"), columns["id"]), f"the neurons of {table.where}", ledger)
    keep = np.flatnonzero(~ids.missing)
    if lost := len(ids) - len(keep):
        ledger.settle("missing", f"Rows without an id: {lost:,} of {len(ids):,} in {table.where}")
    names = ids.text() if ids.labels is not None else ids.values.tolist()
    first: dict[int | str, int] = {}
    for row in keep.tolist():
        first.setdefault(names[row], row)
    if not first:
        raise ConnectomeError(f"{table.where} has no rows; a table of neurons has one per neuron.")
    if repeated := len(keep) - len(first):
        shown = next(names[row] for row in keep.tolist() if first[names[row]] != row)
        ledger.settle(
            "repeated_neurons",
            f"Rows of {table.where} that repeat the id of another: {repeated:,}, the first is {shown}",
        )
    rows = np.array(list(first.values()), dtype=np.int64)
    return GivenNeurons(tuple(first), {what: column.only(rows) for what, column in read.items()})


def neuron_table(given: GivenNeurons, *, roles: Mapping[str, str], xyz_um: str, ledger: Ledger) -> NeuronTable:
    """The neurons as a connectome has them. Ids that are texts become names, and the ids are then their numbers."""
    n = len(given)
    texts = {what: column.text() for what, column in given.columns.items() if what not in ("x", "y", "z", "pair_id")}
    numeric = all(isinstance(each, int) or _is_whole(each) for each in given.ids)
    if not numeric and "name" in texts:
        ledger.note("The ids are texts and serve as names; the column of names is left out")
    role, unknown = _roles(texts.get("role", [""] * n), roles)
    if unknown:
        ledger.note(
            f"Neurons whose role is neither input, inter nor output, and so unknown: {len(unknown):,}, the first is "
            f"{unknown[0]!r}, which --roles '{unknown[0]}=input' would translate"
        )

    def column(what: str) -> Categorical:
        return _categorical(given.columns.get(what) or Column.blank(n))

    side = [SIDE_NAMES.get(each.strip().lower(), each) for each in texts.get("side", [""] * n)]
    return NeuronTable(
        id=np.array([int(each) for each in given.ids] if numeric else np.arange(n), dtype=np.int64),
        name=tuple(texts.get("name", [""] * n)) if numeric else tuple(map(str, given.ids)),
        role=Categorical.of(role, ROLES),
        side=Categorical.of(side),
        neuron_class=column("class"),
        cell_type=column("cell_type"),
        modality=column("modality"),
        region=column("region"),
        pair_id=_pairs(given, ledger),
        xyz_um=_positions(given, xyz_um, ledger),
    )


def _is_whole(text: str) -> bool:
    return text.isdecimal() and text.isascii() and str(int(text)) == text and len(text) < 19


def _roles(values: Sequence[str], roles: Mapping[str, str]) -> tuple[list[str], list[str]]:
    known = {**ROLE_NAMES, "unknown": "unknown", "": "unknown", **{k.strip().lower(): v for k, v in roles.items()}}
    found = [known.get(value.strip().lower(), "") for value in values]
    unknown = [value for value, role in zip(values, found, strict=True) if not role]
    return [role or "unknown" for role in found], unknown


def _categorical(column: Column) -> Categorical:
    coded = column.coded()
    small = len(coded.labels or ()) < 2**15
    return Categorical(coded.values.astype(np.int16 if small else np.int32), coded.labels or ("",))


def _pairs(given: GivenNeurons, ledger: Ledger) -> Int[ndarray, " neuron"]:
    if "pair_id" not in given.columns:
        return np.full(len(given), -1, dtype=np.int64)
    column = whole_ids(given.columns["pair_id"], "the pairs of neurons", ledger)
    rows = given.rows_of(column)
    if lost := int(((rows < 0) & ~column.missing).sum()):
        ledger.note(f"Neurons whose partner on the other side is not among the neurons: {lost:,}")
    return rows


def _positions(given: GivenNeurons, xyz_um: str, ledger: Ledger) -> Float[ndarray, "neuron 3"]:
    axes = [given.columns.get(axis) for axis in ("x", "y", "z")]
    if any(axis is None for axis in axes):
        return np.full((len(given), 3), np.nan)
    columns = [axis for axis in axes if axis is not None]
    if texts := [name for name, axis in zip("xyz", columns, strict=True) if axis.labels and not axis.missing.all()]:
        raise ConnectomeError(
            f"The column of {texts[0]} holds texts, but a position is a number; leave it out with --columns {texts[0]}=."
        )
    if not xyz_um:
        ledger.settle("xyz_um", "The neurons have positions, and the table does not say in which unit")
    try:
        scale = np.broadcast_to([float(each) for each in (xyz_um or "1").split(",")], 3)
    except ValueError as error:
        raise ConnectomeError(
            f"--xyz-um is {xyz_um!r}, but must be micrometres per unit: one number, or three with commas."
        ) from error
    values = np.stack([np.where(axis.missing, np.nan, axis.values) for axis in columns], axis=1)
    return np.asarray(values * scale, dtype=np.float64)

"""Edges as they were given, one per row of a file: read, and rid of what cannot be an edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Int, Real
from numpy import ndarray

from anlage.connectome.column import Column
from anlage.connectome.connectome import KINDS
from anlage.connectome.finding import Ledger
from anlage.connectome.material import Table
from anlage.errors import ConnectomeError

GAP_JUNCTION = KINDS.index("gap_junction")
# What kinds, signs and transmitters are called elsewhere, in lower case.
KIND_NAMES: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("", "chemical", "chem", "synapse", "s", "sp"), KINDS.index("chemical")),
        **dict.fromkeys(("gap_junction", "gap junction", "gap", "gj", "electrical", "ej"), GAP_JUNCTION),
        **dict.fromkeys(("extrasynaptic", "neuropeptide", "monoamine"), KINDS.index("extrasynaptic")),
    }
)
SIGN_NAMES: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("1", "1.0", "+1", "+", "excitatory", "exc"), 1),
        **dict.fromkeys(("-1", "-1.0", "-", "inhibitory", "inh"), -1),
        **dict.fromkeys(("", "0", "0.0", "unknown"), 0),
    }
)
TRANSMITTER_NAMES: Mapping[str, str] = MappingProxyType({"gaba": "GABA"})  # whose sign `build` knows
LARGEST_EXACT_FLOAT = 2**53  # above it float64 no longer holds every whole number (IEEE 754)


@dataclass(frozen=True, slots=True, eq=False)
class GivenEdges:
    """Edges by the ids of their ends. ``transmitter`` holds codes into ``transmitters``, ``region`` any codes."""

    pre: Column
    post: Column
    count: Real[ndarray, " row"]
    sign: Int[ndarray, " row"]
    kind: Int[ndarray, " row"]
    transmitter: Int[ndarray, " row"]
    region: Int[ndarray, " row"]
    transmitters: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.count)

    def only(self, keep: Bool[ndarray, " row"]) -> "GivenEdges":
        """These edges without the others."""
        columns = {name: getattr(self, name).only(keep) for name in ("pre", "post")}
        arrays = {name: getattr(self, name)[keep] for name in ("count", "sign", "kind", "transmitter", "region")}
        return replace(self, **columns, **arrays)

    def tell(self, rows: Bool[ndarray, " row"]) -> str:
        """How many ``rows`` there are and the ids of the first, as ``3 of 100, the first is 12 -> 7``."""
        row = int(np.argmax(rows))
        first = " -> ".join(end.only(slice(row, row + 1)).text()[0] for end in (self.pre, self.post))
        return f"{np.count_nonzero(rows):,} of {len(rows):,}, the first is {first}"


def read_edges(tables: Sequence[Table], columns: Sequence[Mapping[str, str]], ledger: Ledger) -> GivenEdges:
    """The rows of all ``tables``, whose columns are understood as ``columns`` says, without those that lack an id or a count.

    Raises ``ConnectomeError`` for a count, a sign or a kind that is not one, and what reading a file raises.
    """
    parts = [dict(_named(table, known)) for table, known in zip(tables, columns, strict=True)]
    n = [len(part["pre"]) for part in parts]
    if not sum(n):
        raise ConnectomeError(f"{tables[0].where} has no rows; a table of edges has one per edge or per synapse.")
    for part, known in zip(parts, columns, strict=True):
        for end in ("pre", "post"):
            part[end] = segmented(part[end], known[end])
    whole = {
        what: Column.join([part.get(what) or Column.blank(rows) for part, rows in zip(parts, n, strict=True)])
        for what in ("pre", "post", "sign", "kind", "transmitter", "region")
    }
    counts = Column.join([part.get("synapse_count") or Column.ones(r) for part, r in zip(parts, n, strict=True)])
    where = ", ".join(table.where for table in tables)
    transmitter = canonical_transmitters(whole["transmitter"])
    edges = GivenEdges(
        pre=whole_ids(whole["pre"], f"the presynaptic neurons of {where}", ledger),
        post=whole_ids(whole["post"], f"the postsynaptic neurons of {where}", ledger),
        count=_counts(counts, where),
        sign=_coded(whole["sign"], SIGN_NAMES, f"sign in {where}", "+1, -1, 0, excitatory, inhibitory or unknown"),
        kind=_coded(whole["kind"], KIND_NAMES, f"kind in {where}", "chemical, gap_junction or extrasynaptic"),
        transmitter=transmitter.values,
        region=whole["region"].coded().values,
        transmitters=transmitter.labels or (),
    )
    gone = edges.pre.missing | edges.post.missing | counts.missing
    if gone.any():
        rows = f"{gone.sum():,} of {len(edges):,} in {where}, the first is row {np.argmax(gone) + 1:,}"
        ledger.settle("missing", f"Rows without an id or a count: {rows}")
        edges = edges.only(~gone)
    return edges


def canonical_transmitters(column: Column) -> Column:
    """Transmitters as codes, with the names by which their signs are known."""
    if column.labels is None:
        return column.coded()
    labels = tuple(TRANSMITTER_NAMES.get(label.strip().lower(), label.strip()) for label in column.labels)
    return Column(column.values, column.missing, labels).coded()


def _named(table: Table, known: Mapping[str, str]) -> list[tuple[str, Column]]:
    read = table.read(tuple(known.values()))
    return [(what, read[name]) for what, name in known.items()]


def segmented(column: Column, name: str) -> Column:
    """In CAVE the root id 0 says that a synapse ends outside of everything segmented: there is no such neuron."""
    if "root" not in name.lower() or column.labels is not None:
        return column
    return Column(column.values, column.missing | (column.values == 0))


def whole_ids(column: Column, where: str, ledger: Ledger) -> Column:
    """Ids as whole numbers or texts. Those stored as floats are looked at: above 2**53 several became one.

    Raises ``ConnectomeError`` for an id that is a fraction.
    """
    if column.labels is not None:
        labels = tuple(label.strip() for label in column.labels)
        blank = np.array([not label for label in labels], dtype=bool)
        return Column(column.values, column.missing | blank[column.values], labels)
    if column.values.dtype == np.int64:
        return column
    values = np.where(column.missing, 0, column.values)
    if (fraction := values != np.trunc(values)).any():
        raise ConnectomeError(
            f"{fraction.sum():,} ids of {where} are fractions, the first {values[np.argmax(fraction)]:.17g}; ids are whole "
            "numbers or texts, so check which column holds them."
        )
    if (large := np.abs(values) > LARGEST_EXACT_FLOAT).any():
        first = f"{values[np.argmax(large)]:.0f}"
        ledger.settle(
            "float_ids",
            f"Floats above 2**53 as ids, where neighbouring ids become one: {large.sum():,} of {where}, the first is {first}; "
            "better export them as integers or text",
        )
        values = np.clip(values, -(2.0**62), 2.0**62)
    return Column(values.astype(np.int64), column.missing)


def _counts(column: Column, where: str) -> Real[ndarray, " row"]:
    if column.labels is not None:
        wrong = next((label for label in column.labels if not _is_number(label)), column.labels[0])
        raise ConnectomeError(
            f"The synapse counts of {where} hold {wrong!r}; counts are numbers, so correct it or name another column, as "
            "--columns synapse_count=NAME."
        )
    if not np.isfinite(column.values[~column.missing]).all():
        raise ConnectomeError(f"The synapse counts of {where} hold a number that is not finite; correct it.")
    return column.values


def _is_number(text: str) -> bool:
    try:
        float(text or 0)
    except ValueError:
        return False
    return True


def _coded(column: Column, names: Mapping[str, int], what: str, expected: str) -> Int[ndarray, " row"]:
    texts = column.coded()
    labels = texts.labels or ()
    if unknown := [label for label in labels if label.strip().lower() not in names]:
        key = what.split()[0]
        raise ConnectomeError(
            f"The {what} is {unknown[0]!r} somewhere, but must be {expected}; correct it, or leave the column out with "
            f"--columns {key}=."
        )
    table = np.array([names[label.strip().lower()] for label in labels], dtype=np.int8)
    return np.asarray(table[texts.values])


def sensible_counts(edges: GivenEdges, ledger: Ledger) -> GivenEdges:
    """Edges whose counts are positive; what is done about the others is for the ledger to say.

    Raises ``ConnectomeError`` when a negative count contradicts the sign that its row states.
    """
    negative = edges.count < 0
    if negative.any():
        ledger.settle("negative", f"Negative counts: {edges.tell(negative)}")
        sign = np.sign(edges.count).astype(np.int8)
        contradicted = (edges.sign != 0) & (edges.sign != sign) & (sign != 0)
        if contradicted.any():
            raise ConnectomeError(
                f"Counts whose sign is not the one that their sign column states: {edges.tell(contradicted)}; leave that column "
                "out with --columns sign=."
            )
        edges = replace(edges, sign=sign, count=np.abs(edges.count))
    if (zero := edges.count == 0).any():
        ledger.settle("zero", f"Rows without any synapse: {edges.tell(zero)}")
        edges = edges.only(~zero)
    if edges.count.dtype != np.int64:
        if (fraction := edges.count != np.trunc(edges.count)).any():
            first = f"{edges.count[np.argmax(fraction)]:g}"
            ledger.settle("fractional", f"Counts that are not whole: {edges.tell(fraction)} with {first}")
        else:
            edges = replace(edges, count=edges.count.astype(np.int64))
    if signed := np.count_nonzero(edges.sign):
        ledger.settle(
            "sign_source", f"Rows with a sign, of which the file does not say who says so: {signed:,} of {len(edges):,}"
        )
    if not len(edges):
        raise ConnectomeError("No edge is left; nothing can be grown from a wiring without edges.")
    return edges

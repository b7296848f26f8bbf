"""From what was given to a connectome: understood, looked over, and made only when every choice is taken."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.connectome.connectome import KINDS, SIGN_SOURCES, Categorical, Connectome, NeuronTable
from anlage.connectome.finding import CHOICES, Finding, Ledger
from anlage.connectome.given_edges import GivenEdges, read_edges, sensible_counts
from anlage.connectome.given_neurons import GivenNeurons, named_by, neuron_table, read_neurons
from anlage.connectome.material import Material
from anlage.connectome.placed_edges import PlacedEdges, directed, merged, without_loops
from anlage.connectome.plan import Plan, guess
from anlage.connectome.source import Source
from anlage.errors import ConnectomeError

UNITS_UM: Mapping[str, str] = MappingProxyType({"um": "1", "nm": "0.001"})  # micrometres per unit
N_SHOWN = 5  # rows that a draft shows as it understood them


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A wiring as it was understood. ``plan`` has the guessed columns filled in; ``unused`` are the columns not read.

    ``first_rows`` are some edges as they were given. ``connectome`` refuses while a finding is open.
    """

    plan: Plan
    unused: tuple[str, ...]
    first_rows: tuple[str, ...]
    findings: tuple[Finding, ...]
    neurons: NeuronTable
    edges: PlacedEdges
    transmitters: tuple[str, ...]

    def mapping(self) -> str:
        """How it was understood, as TOML for ``read_plan``, with the choices that are still needed as comments."""
        lines = [
            "# How the files are understood. Edit it and give it back with --mapping; an empty name means: none.",
            "",
        ]
        lines += [self.plan.to_toml(), *([] if self.plan.choices else ["[choices]"])]
        for finding in self.findings:
            if finding.open:
                first, *others = CHOICES[finding.defect].options or ("",)
                rest = f"  # or {', '.join(others)}" if others else ""
                lines += [f"# {finding.sentence}.", f'# {finding.defect} = "{first}"{rest}']
        return "\n".join(lines) + "\n"

    def connectome(self, name: str, source: Source) -> Connectome:
        """The connectome; what was found and done is added to what its ``source`` says is lost.

        Raises ``ConnectomeError`` with every finding that needs a choice.
        """
        ledger = Ledger({})
        ledger.findings.extend(self.findings)
        ledger.demand()
        edges = self.edges
        signed = np.where(edges.sign != 0, SIGN_SOURCES.index(self.plan.choices.get("sign_source", "none")), 0)
        small = np.int16 if len(self.transmitters) < 2**15 else np.int32
        return Connectome(
            name=name,
            neurons=self.neurons,
            pre=edges.pre,
            post=edges.post,
            synapse_count=edges.count,
            kind=Categorical(edges.kind.astype(np.int16), KINDS),
            sign=edges.sign.astype(np.int8),
            sign_source=Categorical(signed.astype(np.int16), SIGN_SOURCES),
            transmitter=Categorical(edges.transmitter.astype(small), self.transmitters),
            source=replace(source, lossy=" ".join(filter(None, [source.lossy, ledger.account()]))),
        )


def draft(material: Material, plan: Plan) -> Draft:
    """Understand ``material`` as ``plan`` says, guessing which column is what where it does not.

    Raises ``ConnectomeError`` for what no choice can mend, ``UnknownName`` for a column that is not there, and what reading
    the files raises.
    """
    ledger = Ledger(plan.choices)
    plan = _with_ends(material, plan, ledger)
    columns = [guess("edges", table.names, plan.edges) for table in material.edges]
    given = read_edges(material.edges, columns, ledger)
    first_rows = _first_rows(given)
    counted = all("synapse_count" in known for known in columns)
    each_is_a_synapse = not counted and all("root" in known["pre"].lower() for known in columns)
    if not counted:
        ledger.note("No column holds synapse counts, so every row counts as one synapse")
    given = sensible_counts(given, ledger)
    known_neurons = guess("neurons", material.neurons.names, plan.neurons) if material.neurons else {}
    plan = _with_unit(plan, known_neurons, ledger)
    neurons, edges = _placed(material, known_neurons, given, ledger)
    transmitters = given.transmitters
    if (released := neurons.transmitter) is not None and not given.transmitter.any():
        edges = replace(edges, transmitter=released.values[edges.pre])
        transmitters = released.labels or ()
    if not material.directed:
        edges = directed(edges, listed_twice=material.listed_twice, ledger=ledger)
    edges = without_loops(edges, ledger)
    if not len(edges):
        raise ConnectomeError("No edge is left; nothing can be grown from a wiring without edges.")
    has_regions = any("region" in known for known in columns)
    edges = merged(edges, each_is_a_synapse=each_is_a_synapse, has_regions=has_regions, ledger=ledger)
    neurons, edges = _without_isolated(neurons, edges, ledger)
    return Draft(
        plan=replace(plan, edges={k: v for known in columns for k, v in known.items()}, neurons=known_neurons),
        unused=_unused(material, [*columns, known_neurons]),
        first_rows=first_rows,
        neurons=neuron_table(neurons, roles=plan.roles, xyz_um=plan.choices.get("xyz_um", ""), ledger=ledger),
        findings=tuple(ledger.findings),
        edges=edges,
        transmitters=transmitters,
    )


def _with_ends(material: Material, plan: Plan, ledger: Ledger) -> Plan:
    """For a matrix, which of its sides is presynaptic, unless it has no sides to tell apart."""
    if material.size is None or {"pre", "post"} <= set(plan.edges):
        return plan
    rows = "pre"
    if material.directed:
        rows = ledger.settle("rows", "A matrix does not say whether its rows are presynaptic or postsynaptic")
    ends = {"pre": "row", "post": "column"} if rows == "pre" else {"pre": "column", "post": "row"}
    return replace(plan, edges={**ends, **plan.edges})


def _with_unit(plan: Plan, columns: Mapping[str, str], ledger: Ledger) -> Plan:
    """The unit of the positions, where the names of their columns end in one."""
    unit = columns.get("x", "").lower().rpartition("_")[2]
    if unit not in UNITS_UM or "xyz_um" in plan.choices:
        return plan
    ledger.note(f"The positions are in {unit}, as their columns are called")
    return replace(plan, choices={**plan.choices, "xyz_um": UNITS_UM[unit]})


def _placed(
    material: Material, columns: Mapping[str, str], given: GivenEdges, ledger: Ledger
) -> tuple[GivenNeurons, PlacedEdges]:
    """The neurons, and the edges between their rows; edges of neurons that nobody knows are settled."""
    neurons = read_neurons(material.neurons, columns, ledger) if material.neurons else None
    if material.size is not None:
        neurons = neurons or GivenNeurons(tuple(range(material.size)))
        if len(neurons) != material.size:
            raise ConnectomeError(
                f"The matrix has {material.size:,} rows and the table of neurons {len(neurons):,}; it must list them in the "
                "order of the matrix."
            )
        return neurons, _edges(given, neurons, given.pre.values, given.post.values)
    if neurons is None:
        neurons = named_by(given.pre, given.post)
    pre, post = neurons.rows_of(given.pre), neurons.rows_of(given.post)
    if (strange := (pre < 0) | (post < 0)).any():
        ends = given.pre.only(pre < 0), given.post.only(post < 0)
        unknown = named_by(*ends)
        sentence = (
            f"Neurons that have edges but are not in the table of neurons: {len(unknown):,}, named by {strange.sum():,} of "
            f"{len(given):,} rows, the first is {unknown.ids[0]}"
        )
        if ledger.settle("unknown_ids", sentence) == "add":
            neurons = neurons.with_added(unknown.ids)
            pre, post = neurons.rows_of(given.pre), neurons.rows_of(given.post)
        else:
            given, pre, post = given.only(~strange), pre[~strange], post[~strange]
    return neurons, _edges(given, neurons, pre, post)


def _edges(
    given: GivenEdges, neurons: GivenNeurons, pre: Int[ndarray, " row"], post: Int[ndarray, " row"]
) -> PlacedEdges:
    shown = neurons.shown
    return PlacedEdges(pre, post, given.count, given.sign, given.kind, given.transmitter, given.region, shown)


def _without_isolated(neurons: GivenNeurons, edges: PlacedEdges, ledger: Ledger) -> tuple[GivenNeurons, PlacedEdges]:
    used = np.zeros(len(neurons), dtype=bool)
    used[edges.pre] = used[edges.post] = True
    if used.all():
        return neurons, edges
    first = neurons.shown[int(np.argmin(used))]
    sentence = f"Neurons without edges: {np.count_nonzero(~used):,} of {len(neurons):,}, the first is {first}"
    if ledger.settle("isolated", sentence) == "keep":
        return neurons, edges
    number = np.cumsum(used) - 1
    neurons = neurons.only(np.flatnonzero(used))
    return neurons, replace(edges, pre=number[edges.pre], post=number[edges.post], shown=neurons.shown)


def _first_rows(given: GivenEdges) -> tuple[str, ...]:
    first = given.only(np.arange(len(given)) < N_SHOWN)
    signs = {1: ", excitatory", -1: ", inhibitory", 0: ""}
    ends = zip(first.pre.text(), first.post.text(), strict=True)
    return tuple(
        f"{pre} -> {post}: {first.count[i]:g} synapses, {KINDS[first.kind[i]]}{signs[int(first.sign[i])]}"
        + (f", {label}" if (label := given.transmitters[first.transmitter[i]]) else "")
        for i, (pre, post) in enumerate(ends)
    )


def _unused(material: Material, columns: list[Mapping[str, str]]) -> tuple[str, ...]:
    used = {name for known in columns for name in known.values()}
    tables = [*material.edges, *([material.neurons] if material.neurons else [])]
    return tuple(dict.fromkeys(name for table in tables for name in table.names if name not in used))

"""Every control on every connectome that comes with the package: what is declared is what is done."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import networkx as nx
import numpy as np
import pytest

from anlage.connectome.library import EMBEDDED, load
from anlage.errors import ControlError
from anlage.study.question import CONTROLS
from anlage.testing import check_control
from anlage.topology import (
    Chain,
    Control,
    DegreePreserving,
    PermuteWeights,
    Step,
    StrengthPreserving,
    Topology,
    build,
    certify,
)
from anlage.topology import quantity as q
from anlage.topology.quantity import Quantity

NAMES = tuple("optic-lobe-1" if name == "optic-lobe" else name for name in EMBEDDED)
EVERY = "chemical gap_junction extrasynaptic"
MEASURED, PLAIN, DALE = ("known", "count", EVERY), ("none", "binary", EVERY), ("transmitter", "log", "chemical")
CASES = [
    *((name, *MEASURED) for name in NAMES),
    *((name, *PLAIN) for name in ("worm", "worm-peptide", "mushroom-body-left", "optic-lobe-1")),
    *((name, *DALE) for name in ("worm", "mushroom-body-left")),
]
CHAINS = {name for name, cls in CONTROLS.items() if isinstance(cls(), Chain)}
# Chains run long enough to forget on two connectomes; elsewhere a short one keeps this file quick, and may remember.
MIXED = {("worm", *DALE), ("worm-witvliet-1", *MEASURED)}
# Slow on dense graphs, and no different there.
SPARSE_ONLY = {"length-preserving", "reciprocity-preserving", "strength-preserving"}
DENSE = {"worm-peptide", "mushroom-body-left", "mushroom-body-right", "optic-lobe-1"}


@cache
def wiring(name: str, signs: str, weights: str, kinds: str) -> Topology:
    return build(load(name), kinds=kinds.split(), signs=signs, weights=weights)


def control_named(name: str, swaps_per_edge: float = 0.5) -> Control:
    if name == "strength-preserving":  # the worm's heavy gap junctions fit nowhere else
        return StrengthPreserving(swaps_per_edge, tolerance=0.15)
    return CONTROLS[name](swaps_per_edge=swaps_per_edge) if name in CHAINS else CONTROLS[name]()


def cannot_apply(name: str, topology: Topology) -> bool:
    """Whether a topology has nothing of the kind that a control destroys, judged without the control's code."""
    weight, n = topology.weight, topology.n_neurons
    signs = [{float(s) for s in np.sign(weight[topology.pre == neuron])} for neuron in range(n)]
    match name:
        case "weight-permuted" | "binary-weights":
            return len({w for w in weight if w > 0}) <= 1 and len({w for w in weight if w < 0}) <= 1
        case "edge-sign-permuted":
            return len({float(s) for s in np.sign(weight)}) == 1
        case "neuron-sign-permuted":
            return len({float(s) for s in np.sign(weight)}) == 1 or any(len(s) == 2 for s in signs)
        case "signed-weight-permuted":
            return len(set(weight)) == 1
        case "length-preserving":
            return bool(np.isnan(load(str(topology.history[0].arguments["connectome"])).neurons.xyz_um).all())
        case "no-recurrence":
            graph = nx.DiGraph(zip(topology.pre, topology.post, strict=True))
            return nx.is_directed_acyclic_graph(graph) or all(
                nx.is_strongly_connected(graph.subgraph(part)) for part in nx.weakly_connected_components(graph)
            )
        case _:
            return False


@pytest.mark.parametrize("name", sorted(CONTROLS))
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_every_control_does_what_it_declares_or_rightly_refuses(name: str, case: tuple[str, ...]) -> None:
    if name in SPARSE_ONLY and case[0] in DENSE:
        return
    topology, control = wiring(*case), control_named(name, 4.0 if case in MIXED else 0.5)
    if cannot_apply(name, topology):
        with pytest.raises(ControlError, match=r"^[^\n]*[.]$"):
            control(topology, np.random.default_rng(0))
    elif name in CHAINS and case not in MIXED:
        certificate = certify(control, topology, control(topology, np.random.default_rng(0)))
        assert [finding.declared for finding in certificate.broken] in ([], ["loses"])
    else:
        check_control(control, topology, np.random.default_rng(0))


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_every_control_applies_to_at_least_one_connectome(name: str) -> None:
    assert not all(cannot_apply(name, wiring(*case)) for case in CASES)


@dataclass(frozen=True)
class Mislabelled:
    """Borrows the declarations of an honest control."""

    name: ClassVar[str]
    honest: ClassVar[type]

    @property
    def keeps(self) -> frozenset[Quantity]:
        return self.honest.keeps

    @property
    def destroys(self) -> frozenset[Quantity]:
        return self.honest.destroys


class PermutedRowsAndColumns(Mislabelled):
    """The published mistake: documented as permuting the non-zero weights, it permutes rows and columns."""

    name = "weight-permutation-as-published"
    honest = PermuteWeights

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        rows, columns = rng.permutation(topology.n_neurons), rng.permutation(topology.n_neurons)
        return topology.rewired(Step(self.name), columns[topology.pre], rows[topology.post], topology.weight)


class MergedDuplicates(Mislabelled):
    """The mistake of three packages: targets are shuffled, and edges that then fall together are merged."""

    name = "degree-preserving-with-merging"
    honest = DegreePreserving

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        pairs = np.stack([rng.permutation(topology.post), topology.pre], axis=1)
        (post, pre), first = (lambda u, i: (u.T, i))(*np.unique(pairs, axis=0, return_index=True))
        return topology.rewired(Step(self.name), pre, post, topology.weight[first])


class ShuffledSignedWeights(Mislabelled):
    """The mistake of two packages: signed weights are shuffled, so that a null for strengths destroys Dale's law too."""

    name = "shuffled-signed-weights"
    honest = PermuteWeights

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        return topology.reweighted(Step(self.name), rng.permutation(topology.weight))


class Lazy(Mislabelled):
    """Does nothing at all."""

    name = "weight-permuted-not"
    honest = PermuteWeights

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        return topology.reweighted(Step(self.name), topology.weight.copy())


@pytest.mark.parametrize(
    ("control", "accused"),
    [
        (PermutedRowsAndColumns(), {q.EDGE_SET, q.IN_DEGREE, q.OUT_DEGREE, q.SIGN_PLACEMENT}),
        (MergedDuplicates(), {q.N_EDGES, q.IN_DEGREE, q.OUT_DEGREE, q.OUTGOING_WEIGHTS}),
        (ShuffledSignedWeights(), {q.SIGN_PLACEMENT, q.NEURON_SIGN}),
        (Lazy(), {q.WEIGHT_PLACEMENT}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_mislabelled_control_is_rejected_by_name_in_one_sentence(control: Control, accused: set[Quantity]) -> None:
    topology = wiring("worm", *MEASURED)
    made = control(topology, np.random.default_rng(0))
    with pytest.raises(ControlError) as caught:
        certify(control, topology, made).demand()
    message = str(caught.value)
    assert message.startswith(f"The control {control.name!r} is mislabelled: it declares that ")
    assert message.count("\n") == 0 and message.count(". ") == 0 and message.endswith(".")
    assert all(quantity.name in message for quantity in accused)
    innocent = (control.keeps | control.destroys) - accused - {q.SELF_LOOPS, q.NEURON_SIGN}
    assert not any(f"the {quantity.name}, but" in message for quantity in innocent)
    with pytest.raises(AssertionError, match="is mislabelled"):
        check_control(control, topology, np.random.default_rng(0))


def test_permuting_rows_and_columns_keeps_the_singular_values_and_changes_the_eigenvalues() -> None:
    """Why the published mistake went unnoticed: its title says eigenvalues, and its code compares singular values."""
    topology = wiring("worm", *MEASURED)
    made = PermutedRowsAndColumns()(topology, np.random.default_rng(0))
    values = [np.linalg.svd(t.dense(), compute_uv=False) for t in (topology, made)]
    np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-9)
    radii = [np.abs(np.linalg.eigvals(t.dense())).max() for t in (topology, made)]
    assert abs(radii[0] - radii[1]) > 0.1 * radii[0]


def test_a_certificate_that_holds_is_returned_and_lists_every_declaration() -> None:
    topology, control = wiring("worm", *MEASURED), PermuteWeights()
    certificate = certify(control, topology, control(topology, np.random.default_rng(0)))
    assert certificate.demand() is certificate
    assert {f.quantity for f in certificate.findings} == {x.name for x in control.keeps | control.destroys}

"""Every rung of the ladder, broken on purpose in the way that is easiest to overlook: its own audit must say so by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from anlage.connectome.library import load
from anlage.errors import ControlError
from anlage.study.question import CONTROLS
from anlage.topology import (
    Control,
    DegreePreserving,
    ErdosRenyi,
    PermuteEdgeSigns,
    PermuteSignedWeights,
    Remover,
    Step,
    Topology,
    build,
    certify,
    control_graph,
)

WORM = build(load("worm"), kinds=["chemical"], signs="transmitter")
# Every edge of the whole worm lies on a cycle, and then no-recurrence refuses; here some do not.
SMALL = build(load("worm-witvliet-1"), signs="known")
Fault = Callable[[Topology, Topology, np.random.Generator], Topology]
"""Given the original, what the honest control made of it, and the random numbers."""


def instead(control: Control) -> Fault:
    """The work of a coarser rung under the name of a finer one."""
    return lambda before, _made, rng: control(before, rng)


def one_target_moved(_before: Topology, made: Topology, rng: np.random.Generator) -> Topology:
    post = made.post.copy()
    row = next(r for r in rng.permutation(made.n_edges) if made.pre[r] != made.post[r])
    taken = set(made.post[made.pre == made.pre[row]].tolist()) | {int(made.pre[row])}
    post[row] = next(v for v in range(made.n_neurons) if v not in taken)
    return made.rewired(made.history[-1], made.pre, post, made.weight)


def one_edge_lost(_before: Topology, made: Topology, _rng: np.random.Generator) -> Topology:
    return made.rewired(made.history[-1], made.pre[1:], made.post[1:], made.weight[1:])


def reweighted(weight: Callable[[Topology, np.random.Generator], np.ndarray]) -> Fault:
    return lambda _before, made, rng: made.reweighted(made.history[-1], weight(made, rng))


def noise_of_the_same_norm(_before: Topology, made: Topology, rng: np.random.Generator) -> Topology:
    weight = rng.standard_normal(made.n_edges)
    return made.reweighted(made.history[-1], weight * np.linalg.norm(made.weight) / np.linalg.norm(weight))


def one_original_edge_stays(before: Topology, made: Topology, _rng: np.random.Generator) -> Topology:
    """The first edge between two interneurons comes back; with its norm, so that nothing else tells."""
    inter = before.groups["inter"]
    row = np.flatnonzero(np.isin(before.pre, inter) & np.isin(before.post, inter) & ~before.self_loops())[:1]
    ends = (np.append(getattr(made, end), getattr(before, end)[row]) for end in ("pre", "post"))
    weight = np.append(made.weight, before.weight[row])
    weight *= np.linalg.norm(made.weight) / np.linalg.norm(weight)
    return made.rewired(made.history[-1], *ends, weight)


def one_cycle_stays(before: Topology, made: Topology, _rng: np.random.Generator) -> Topology:
    mutual = np.isin(before.pre.astype(np.int64) * before.n_neurons + before.post, before.key()) & ~before.self_loops()
    one = np.flatnonzero(mutual)[0]
    pair = [one, np.flatnonzero((before.pre == before.post[one]) & (before.post == before.pre[one]))[0]]
    ends = (np.append(getattr(made, end), getattr(before, end)[pair]) for end in ("pre", "post", "weight"))
    return made.rewired(made.history[-1], *ends)


BROKEN: dict[str, tuple[Fault, str]] = {
    "erdos-renyi": (one_edge_lost, "number of edges"),
    "degree-preserving": (one_target_moved, "in-degree of each neuron"),
    "strength-preserving": (instead(DegreePreserving()), "excitatory and inhibitory in-strength of each neuron"),
    "reciprocity-preserving": (instead(DegreePreserving()), "mutual pairs of each neuron"),
    "modularity-preserving": (instead(DegreePreserving()), "modularity of the communities found"),
    "block-preserving": (instead(DegreePreserving()), "edges between input, inter, output and the rest"),
    "length-preserving": (instead(DegreePreserving()), "edges in each bin of wire length"),
    "weight-permuted": (instead(PermuteSignedWeights()), "sign of each edge"),
    "signed-weight-permuted": (reweighted(lambda t, rng: rng.choice(t.weight, t.n_edges)), "multiset of weights"),
    "binary-weights": (reweighted(lambda t, _: np.sign(t.weight)), "sums of positive and of negative weights"),
    "edge-sign-permuted": (reweighted(lambda t, rng: rng.permutation(t.weight)), "magnitude of each edge"),
    "neuron-sign-permuted": (instead(PermuteEdgeSigns()), "number of neurons of each sign"),
    "ends-permuted": (reweighted(lambda t, rng: rng.permutation(t.weight)), "leading singular values"),
    "spectrum-matched": (noise_of_the_same_norm, "leading singular values"),
    "rank-matched": (noise_of_the_same_norm, "effective rank of the weights"),
    "no-recurrence": (one_cycle_stays, "number of edges on cycles"),
    "random-projection": (one_original_edge_stays, "number of edges that do not run from input to output"),
    "interface-only": (one_original_edge_stays, "number of edges that do not run from input to output"),
}


@dataclass(frozen=True)
class Broken:
    """An honest control's declarations, and a fault in what it makes."""

    honest: Control
    fault: Fault

    name = property(lambda self: self.honest.name)
    keeps = property(lambda self: self.honest.keeps)
    destroys = property(lambda self: self.honest.destroys)

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        made = self.fault(topology, self.honest(topology, rng), rng)
        # The history of an honest chain, so that its overlap is not what gives the fault away.
        return replace(made, history=(*topology.history, made.history[-1]))


class BrokenRemover(Broken):
    removes = property(lambda self: self.honest.removes)  # type: ignore[attr-defined]


def honest(name: str) -> tuple[Control, Topology]:
    return CONTROLS[name](), SMALL if name == "no-recurrence" else WORM


def test_every_rung_is_broken_here() -> None:
    assert set(BROKEN) == set(CONTROLS)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_rung_that_is_broken_on_purpose_is_stopped_by_its_own_audit_which_names_what_it_broke(name: str) -> None:
    control, topology = honest(name)
    fault, what = BROKEN[name]
    broken = (BrokenRemover if isinstance(control, Remover) else Broken)(control, fault)
    if name == "erdos-renyi":  # the others are shown to be honest in test_control
        assert not certify(control, topology, control(topology, np.random.default_rng(0))).broken
    with pytest.raises(ControlError) as caught:
        control_graph(broken, topology, np.random.default_rng(0))
    assert str(caught.value).startswith(f"The control {name!r} is mislabelled: it declares that ")
    assert f"the {what}, but found" in str(caught.value)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_rung_that_does_nothing_is_stopped_by_its_own_audit(name: str) -> None:
    control, topology = honest(name)
    idle = Broken(control, lambda before, _made, _rng: before.reweighted(Step(name), before.weight.copy()))
    with pytest.raises(ControlError, match=f"control '{name}' is mislabelled: .*it destroys the "):
        control_graph(idle, topology, np.random.default_rng(0))


def test_what_is_left_is_counted_in_the_sentence() -> None:
    control, topology = honest("interface-only")
    broken = BrokenRemover(control, one_original_edge_stays)
    with pytest.raises(ControlError, match=r"it removes the number of edges that do not run from .*, but found 1 left"):
        control_graph(broken, topology, np.random.default_rng(0))
    assert "removes" not in str(certify(ErdosRenyi(), topology, topology))

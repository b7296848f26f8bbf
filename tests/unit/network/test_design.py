"""Costs against actual counting, widths against trying them all, and what cannot be matched."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from anlage.connectome.library import load
from anlage.errors import RecipeError, UnknownName
from anlage.learning.table import from_table, to_table
from anlage.network import (
    Budget,
    DenseDesign,
    Design,
    Encoder,
    GatedDesign,
    Leaky,
    LearningNetwork,
    PerceptronDesign,
    Physiology,
    RecurrentNetwork,
    SparseDesign,
    TransformerDesign,
    apart,
    budget,
    scale,
)
from anlage.network.design import Cost, nearest
from anlage.study.question import QUESTION_KINDS
from anlage.topology import build

IN, OUT = 5, 3
DESIGNS = [
    PerceptronDesign(),
    PerceptronDesign(layers=1, window=4),
    PerceptronDesign(layers=3, window=2),
    GatedDesign(),
    TransformerDesign(),
    TransformerDesign(layers=1, heads=4, context=5),
    DenseDesign(),
    DenseDesign(matrix="glorot", ticks=3),
    SparseDesign(n_neurons=150),
    SparseDesign(n_neurons=150, n_input=20, n_output=9, ticks=2),
]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def asked(parameters: int = 9_000, multiply_adds: int = 9_000, state: int = 279) -> Budget:
    return Budget(parameters, 0, multiply_adds, 4 * state)


def counted(network: LearningNetwork) -> tuple[int, int]:
    """Parameters, and half the operations that torch says one step takes."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # of a fused kernel it counts nothing
        network.step(network.start(1), torch.zeros(1, IN))
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2


@pytest.mark.parametrize("match", ["parameters", "multiply_adds"])
@pytest.mark.parametrize("design", DESIGNS, ids=repr)
def test_a_design_costs_what_it_was_asked_to_as_counted_by_torch(design: Design, match: str) -> None:
    made = replace(design, match=match).build(IN, OUT, asked(), generator())
    cost = budget(None, made)
    assert apart(cost, asked(), match) < 0.05
    parameters, multiply_adds = counted(made)
    if isinstance(design, SparseDesign):  # torch counts no sparse product
        ports = made.ports.into.weight.numel() + made.ports.out.weight.numel()
        assert cost.multiply_adds == ports + design.ticks * len(made.weight)
    else:
        assert cost.multiply_adds == multiply_adds
    assert (cost.trained_parameters, cost.frozen_parameters) == (parameters, 0)
    assert made.unroll(torch.zeros(2, 3, IN))[1].shape == (2, 3, OUT)


@pytest.mark.parametrize("design", DESIGNS, ids=repr)
def test_no_neighbouring_budget_is_met_better_by_the_network_than_by_its_own(design: Design) -> None:
    """Asked for exactly what it costs, a design builds that very network: the closed form of its cost has no error."""
    first = design.build(IN, OUT, asked(), generator())
    again = design.build(IN, OUT, replace(budget(None, first), state_bytes=4 * 279), generator())
    assert apart(budget(None, again), budget(None, first), "both") == 0


def test_the_nearest_size_is_the_one_found_by_trying_them_all() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        slopes, wanted = rng.integers(1, 20, 4), Cost(*map(int, rng.integers(1, 290, 2)))

        def cost(size: int, slopes: np.ndarray = slopes) -> Cost:
            return Cost(int(slopes[0] * size + 5 * slopes[1]), int(slopes[2] * size**2 + slopes[3] * size))

        every = [cost(size) for size in range(1, 300)]
        for match in ("parameters", "multiply_adds", "both"):
            best = min(apart(each, wanted, match) for each in every)
            assert apart(cost(nearest(cost, wanted, match)), wanted, match) == pytest.approx(best, abs=1e-12)


def worm(ticks: int) -> RecurrentNetwork:
    wiring = scale(build(load("worm"), weights="log"), 0.9)[0]
    return RecurrentNetwork(wiring, ("input",), ("output",), IN, Physiology(Leaky(), ticks), generator())


def test_with_the_ports_and_ticks_of_the_worm_a_sparse_network_has_its_neurons_and_edges() -> None:
    wired = worm(2)
    ports = len(wired.ports.input), len(wired.ports.output)
    design = SparseDesign("both", n_input=ports[0], n_output=ports[1], ticks=2)
    made = design.build(IN, IN, budget(None, wired), generator())
    assert budget(None, made) == budget(None, wired)
    assert (made.wiring.n_neurons, made.wiring.n_edges) == (wired.wiring.n_neurons, wired.wiring.n_edges)
    assert np.abs(np.linalg.eigvals(made.topology.dense())).max() == pytest.approx(0.9)


def test_a_dense_network_matches_both_costs_of_the_worm_with_its_ticks_and_a_gated_one_cannot() -> None:
    asked = budget(None, worm(2))
    made = DenseDesign("both", ticks=2).build(IN, IN, asked, generator())
    assert apart(budget(None, made), asked, "both") < 0.05
    with pytest.raises(
        RecipeError, match=r"No gru comes within 5% of .* trained parameters and .*; the nearest has"
    ) as e:
        GatedDesign("both").build(IN, IN, asked, generator())
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("design", DESIGNS[:-2], ids=repr)
def test_a_budget_that_no_width_meets_is_refused_in_one_sentence(design: Design) -> None:
    with pytest.raises(
        RecipeError, match=r"comes within 5% of 20 trained parameters; the nearest has [\d,]+ trained"
    ) as e:
        design.build(IN, OUT, asked(parameters=20), generator())
    assert "\n" not in str(e.value)


def test_a_sparse_network_is_refused_more_edges_than_pairs_and_ports_wider_than_itself() -> None:
    with pytest.raises(RecipeError, match=r"No sparse network of 10 neurons comes within 5%"):
        SparseDesign(n_neurons=10).build(IN, OUT, asked(), generator())
    with pytest.raises(RecipeError, match="has 10 neurons, which is too few for ports of 11 and 10"):
        SparseDesign(n_neurons=10, n_input=11).build(IN, OUT, asked(), generator())


def test_an_encoder_is_counted_when_it_is_given() -> None:
    encoder, made = Encoder(7, IN, generator()), GatedDesign().build(IN, IN, asked(), generator())
    alone, both = budget(None, made), budget(encoder, made)
    assert both.trained_parameters - alone.trained_parameters == 7 * IN + IN
    assert both.multiply_adds - alone.multiply_adds == 7 * IN


@pytest.mark.parametrize("design", DESIGNS, ids=repr)
def test_a_design_is_written_into_a_question_and_read_back(design: Design) -> None:
    assert isinstance(design, Design)
    table = to_table(design, QUESTION_KINDS)
    kind = table.pop("kind")
    assert kind == design.name
    assert from_table(QUESTION_KINDS[Design][kind], table, "network", QUESTION_KINDS) == design


def test_designs_that_make_no_sense_are_refused_in_one_sentence() -> None:
    for make, sentence in (
        (lambda: PerceptronDesign(layers=0), "layers of mlp is 0, but must be at least 1"),
        (lambda: PerceptronDesign(window=0), "window of mlp is 0"),
        (lambda: TransformerDesign(heads=0), "heads of transformer is 0"),
        (lambda: DenseDesign(spectral_radius=-1.0), "spectral_radius of dense is -1.0, but must be a positive number"),
        (lambda: DenseDesign(leak=0.0), "leak is 0.0"),
        (lambda: SparseDesign(n_neurons=-1), "must be 0 or more"),
        (lambda: SparseDesign(ticks=0), "ticks of sparse is 0"),
    ):
        with pytest.raises(RecipeError, match=sentence):
            make()


@pytest.mark.parametrize(
    ("design", "field", "given", "near"),
    [(GatedDesign(), "match", "parameter", "'parameters'"), (DenseDesign(), "matrix", "ortogonal", "'orthogonal'")],
)
def test_an_unknown_word_is_answered_with_the_nearest(design: Design, field: str, given: str, near: str) -> None:
    object.__setattr__(design, field, given)  # past the type check that only tests have
    with pytest.raises(UnknownName, match=f"no {field} of .* called '{given}'; did you mean {near}"):
        design.__post_init__()

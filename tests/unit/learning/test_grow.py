from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from anlage.errors import CheckpointError, Diverged, RecipeError, TopologyError, UnknownName
from anlage.experience import Digits
from anlage.learning import Blueprint, Grown, PortChoice, Recipe, Schedule, grow
from anlage.network import Leaky, Physiology
from anlage.objective import SigregPrediction
from anlage.topology import DegreePreserving, Step, Topology, build
from anlage.trace import Loss, Trace

SMALL = Recipe(
    name="small",
    topology=Blueprint(connectome="mushroom-body-left"),
    experience=Digits(patch=4),
    schedule=Schedule(steps=6, batch=8, log_every=2),
)


def numbers(grown: Grown) -> dict[str, torch.Tensor]:
    return {**grown.encoder.state_dict(prefix="encoder."), **grown.network.state_dict(prefix="network.")}


def same(one: Grown, other: Grown) -> bool:
    first, second = numbers(one), numbers(other)
    return one.curve == other.curve and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def whole() -> Grown:
    return grow(SMALL)


def test_the_same_recipe_twice_gives_the_same_numbers(whole: Grown) -> None:
    torch.rand(1234)  # where the global generator stands does not matter
    assert same(grow(SMALL), whole)


def test_another_seed_gives_other_numbers(whole: Grown) -> None:
    other = grow(replace(SMALL, seed=1))
    assert other.curve[0] != whole.curve[0]
    assert other.curve[-1] != whole.curve[-1]


def test_the_curve_begins_untrained_and_ends_at_the_last_step(whole: Grown) -> None:
    assert [entry["step"] for entry in whole.curve] == [0, 2, 4, 6]
    uneven = grow(replace(SMALL, schedule=replace(SMALL.schedule, steps=3)))
    assert [entry["step"] for entry in uneven.curve] == [0, 2, 3]
    assert uneven.curve[:2] == whole.curve[:2], "steps that are not asked for change nothing before them"


def stop_at(step: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        assert total == 6
        if done == step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("step", [1, 2, 3, 5, 6])
def test_an_interrupted_run_ends_with_the_numbers_of_an_uninterrupted_one(
    whole: Grown, tmp_path: Path, step: int
) -> None:
    checkpoint = tmp_path / "grown.safetensors"
    with pytest.raises(KeyboardInterrupt):
        grow(SMALL, checkpoint=checkpoint, progress=stop_at(step))
    steps: list[int] = []
    resumed = grow(SMALL, checkpoint=checkpoint, progress=lambda done, _: steps.append(done))
    assert steps == list(range(step // 2 * 2 + 1, 7)), "what was logged is not done again"
    assert same(resumed, whole)


def test_a_run_interrupted_twice_ends_with_the_numbers_of_an_uninterrupted_one(whole: Grown, tmp_path: Path) -> None:
    for step in (3, 5):
        with pytest.raises(KeyboardInterrupt):
            grow(SMALL, checkpoint=tmp_path / "c", progress=stop_at(step))
    assert same(grow(SMALL, checkpoint=tmp_path / "c"), whole)


def test_a_finished_checkpoint_gives_its_numbers_without_a_step(whole: Grown, tmp_path: Path) -> None:
    grow(SMALL, checkpoint=tmp_path / "c")
    again = grow(SMALL, checkpoint=tmp_path / "c", progress=lambda *_: pytest.fail("a step was done again"))
    assert same(again, whole)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("checkpoint") / "c"
    grow(SMALL, checkpoint=path)
    return path.read_bytes()


@pytest.mark.parametrize("change", [{"seed": 1}, {"latent": 3}, {"objective": SigregPrediction(0.5)}])
def test_a_checkpoint_of_another_recipe_is_refused(
    checkpoint: bytes, tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "grown.safetensors"
    path.write_bytes(checkpoint)
    with pytest.raises(CheckpointError, match=r"grown\.safetensors belongs to another recipe"):
        grow(replace(SMALL, **change), checkpoint=path)
    assert path.read_bytes() == checkpoint


def test_a_checkpoint_of_another_wiring_with_as_many_edges_is_refused(checkpoint: bytes, tmp_path: Path) -> None:
    path = tmp_path / "grown.safetensors"
    path.write_bytes(checkpoint)
    control = DegreePreserving(swaps_per_edge=1.0)(SMALL.topology.topology(), np.random.default_rng(0))
    with pytest.raises(CheckpointError, match="another wiring"):
        grow(SMALL, control, checkpoint=path)


@pytest.mark.parametrize("damage", ["truncated", "random", "foreign"])
def test_a_damaged_or_foreign_checkpoint_is_refused_by_name(checkpoint: bytes, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "grown.safetensors"
    if damage == "foreign":
        save_file({"x": torch.ones(3)}, path)
    else:
        path.write_bytes(checkpoint[:5000] if damage == "truncated" else np.random.default_rng(0).bytes(5000))
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"grown\.safetensors is (damaged|not a checkpoint)") as caught:
        grow(SMALL, checkpoint=path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


@dataclass(frozen=True)
class Broken:
    """An objective whose loss, or only its gradient, stops being a number."""

    where: str

    def __call__(self, trace: Trace) -> Loss:
        if self.where == "loss":
            return Loss(trace.prediction.mean() * float("nan"), {})
        # The square root of 0 is 0, but its slope is not finite.
        return Loss((trace.prediction.mean() * 0).sqrt(), {})


@pytest.mark.parametrize("where", ["loss", "gradient"])
@pytest.mark.parametrize("steps", [1, 4])
def test_a_loss_or_gradient_that_is_no_number_ends_the_run_in_one_sentence(where: str, steps: int) -> None:
    recipe = replace(SMALL, objective=Broken(where), schedule=replace(SMALL.schedule, steps=steps))
    with pytest.raises(Diverged, match=r"became nan at step|is not finite") as caught:
        grow(recipe)
    assert "\n" not in str(caught.value)


def test_an_activity_that_grows_beyond_all_numbers_ends_the_run_in_one_sentence() -> None:
    hot = Physiology(dynamics=Leaky(leak=1.0, activation="relu"), ticks=20)
    with pytest.raises(Diverged, match=r"activity .* is not finite; lower the spectral radius") as caught:
        grow(replace(SMALL, spectral_radius=500.0, physiology=hot))
    assert "\n" not in str(caught.value)


COLLAPSING = Schedule(steps=100, batch=8, learning_rate=0.03, log_every=20)


def test_without_a_regulariser_the_embedding_shrinks_to_a_point_and_the_run_ends() -> None:
    # Every axis shrinks alike, so the rank stays high; the prediction error is scale-free, and ends near 0.1 after 300 steps.
    recipe = replace(SMALL, objective=SigregPrediction(weight=0.0), schedule=COLLAPSING)
    with pytest.raises(Diverged, match=r"embedding of small collapsed: its spread fell from 0\.9\d* to 0\.0") as caught:
        grow(recipe)
    assert "\n" not in str(caught.value)


def test_with_its_regulariser_the_same_run_does_not_collapse() -> None:
    curve = grow(replace(SMALL, schedule=COLLAPSING)).curve
    assert curve[-1]["embedding_spread"] > 0.3
    assert curve[-1]["effective_rank"] > 3


@dataclass(frozen=True)
class OneAxis:
    """An objective that asks for embeddings on one line: it rewards length along the first axis and forbids the others."""

    def __call__(self, trace: Trace) -> Loss:
        first, rest = trace.embedding[..., :1], trace.embedding[..., 1:]
        return Loss((first.square().mean() - 1).square() + 10 * rest.square().mean(), {})


def test_an_embedding_that_falls_onto_a_line_ends_the_run() -> None:
    schedule = replace(COLLAPSING, steps=210, learning_rate=0.01, log_every=70)
    with pytest.raises(Diverged, match=r"collapsed: its effective rank fell from 3\.\d+ to 1\.0"):
        grow(replace(SMALL, objective=OneAxis(), schedule=schedule))


@pytest.mark.parametrize("plasticity", ["frozen", "signed", "free"])
def test_what_may_learn_learns_and_what_is_frozen_stays(plasticity: str) -> None:
    recipe = replace(SMALL, physiology=Physiology(plasticity=plasticity))  # type: ignore[arg-type]
    grown = grow(recipe)
    start = grow(replace(recipe, schedule=replace(SMALL.schedule, steps=1, learning_rate=1e-30)))
    network, before = grown.network, start.network
    assert torch.equal(before.weight.detach(), torch.from_numpy(grown.topology.weight).float())
    assert not torch.equal(grown.encoder.map.weight, start.encoder.map.weight)
    assert not torch.equal(network.ports.into.weight, before.ports.into.weight)
    assert not torch.equal(network.ports.out.weight, before.ports.out.weight)
    frozen = plasticity == "frozen"
    assert torch.equal(network.weight, before.weight) == frozen
    assert torch.equal(network.bias, before.bias) == frozen
    if plasticity == "signed":
        assert torch.equal(network.effective_weight().sign(), before.weight.sign())


def test_learning_beats_the_untrained_network_and_persistence() -> None:
    curve = grow(Recipe(name="x", schedule=Schedule(steps=60, log_every=60))).curve
    assert curve[-1]["prediction_error"] < 0.85 * curve[0]["prediction_error"]
    assert curve[-1]["prediction_error"] < 0.85 * curve[-1]["persistence_error"]
    assert curve[-1]["probe_accuracy"] > curve[0]["probe_accuracy"]


def test_a_control_starts_from_the_same_interface_as_the_connectome() -> None:
    recipe = replace(SMALL, schedule=replace(SMALL.schedule, steps=1, learning_rate=1e-30))
    topology = recipe.topology.topology()
    control = DegreePreserving(swaps_per_edge=1.0)(topology, np.random.default_rng(0))
    one, other = grow(recipe), grow(recipe, control)
    assert torch.equal(one.encoder.map.weight, other.encoder.map.weight)
    assert torch.equal(one.network.ports.into.weight, other.network.ports.into.weight)
    assert torch.equal(one.network.ports.out.weight, other.network.ports.out.weight)
    assert not torch.equal(one.network.wiring.pre, other.network.wiring.pre)
    assert one.curve[0]["probe_accuracy"] != other.curve[0]["probe_accuracy"]


@pytest.mark.parametrize(
    ("ports", "error", "said"),
    [
        (PortChoice(input=()), TopologyError, r"group \(none\) has no neurons here"),
        (PortChoice(output=("inpt",)), UnknownName, "did you mean 'input'"),
    ],
)
def test_a_port_without_neurons_is_answered_in_one_sentence(
    ports: PortChoice, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        grow(replace(SMALL, ports=ports))
    assert "\n" not in str(caught.value)


def test_a_group_that_exists_but_is_empty_is_refused() -> None:
    topology = SMALL.topology.topology()
    empty = replace(topology, groups={**topology.groups, "input": np.zeros(0, np.int64)})
    with pytest.raises(TopologyError, match="group input has no neurons here"):
        grow(SMALL, empty)


def test_an_embedding_wider_than_the_observation_is_refused() -> None:
    with pytest.raises(RecipeError, match="latent is 17, but one observation has only 16 numbers"):
        grow(replace(SMALL, latent=17))
    assert grow(replace(SMALL, latent=16, schedule=Schedule(steps=1, batch=2))).encoder.map.out_features == 16


def test_weights_that_are_no_numbers_are_refused_in_one_sentence() -> None:
    topology = SMALL.topology.topology()
    weight = topology.weight.copy()
    weight[3] = np.nan
    with pytest.raises(TopologyError, match=rf"1 of {topology.n_edges} weights are not finite; .*") as caught:
        topology.reweighted(Step("spoil"), weight)
    assert "\n" not in str(caught.value)


def test_a_wiring_of_the_callers_own_is_grown_as_it_is() -> None:
    rows = np.arange(12)
    ring = Topology.of(
        12, rows, np.roll(rows, 1), np.ones(12), groups={"input": rows[:3].copy(), "output": rows[6:].copy()}
    )
    grown = grow(SMALL, ring)
    assert grown.topology.n_edges == 12
    assert grown.operating_point.before == pytest.approx(1.0), "the eigenvalues of a ring lie on the unit circle"
    assert np.abs(np.linalg.eigvals(grown.topology.dense())).max() == pytest.approx(0.9)


def test_the_blueprint_is_the_topology_that_build_makes() -> None:
    from anlage.connectome.library import load

    made = Blueprint(connectome="worm", kinds=("chemical",), min_synapses=3.0, weights="count").topology()
    by_hand = build(load("worm"), kinds=("chemical",), min_synapses=3.0, weights="count")
    np.testing.assert_array_equal(made.key(), by_hand.key())
    np.testing.assert_array_equal(made.weight, by_hand.weight)


EXPANDED = replace(
    SMALL, topology=replace(SMALL.topology, expand=2.5), schedule=Schedule(steps=1, batch=2, learning_rate=1e-30)
)


def test_a_recipe_can_be_grown_on_an_expanded_connectome() -> None:
    grown, measured = grow(EXPANDED), SMALL.topology.topology()
    assert grown.topology.n_neurons == round(2.5 * 209) == grown.audit.neuron.size
    assert [step.function for step in grown.topology.history][:2] == ["build", "expand"]
    core = (grown.topology.pre < 209) & (grown.topology.post < 209)
    np.testing.assert_array_equal(grown.topology.pre[core], measured.pre)
    assert len(grown.topology.groups["input"]) > 2 * len(measured.groups["input"])


def test_newcomers_depend_on_the_seed_and_are_drawn_after_the_control() -> None:
    control = DegreePreserving(swaps_per_edge=1.0)(EXPANDED.topology.topology(), np.random.default_rng(0))
    one, again, other, rewired = (
        grow(EXPANDED),
        grow(EXPANDED),
        grow(replace(EXPANDED, seed=1)),
        grow(EXPANDED, control),
    )
    assert one.topology.fingerprint == again.topology.fingerprint != other.topology.fingerprint
    assert [step.function for step in rewired.topology.history][:3] == ["build", "degree-preserving", "expand"]
    assert rewired.topology.n_neurons == one.topology.n_neurons
    assert torch.equal(one.encoder.map.weight, rewired.encoder.map.weight)

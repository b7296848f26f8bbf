"""Assays against closed forms: a delay line, a linear system, a core that must not move."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.connectome.fetch import find_data
from anlage.errors import Diverged, RecipeError, TopologyError, UnknownName
from anlage.experience.memory_capacity import MemoryCapacity
from anlage.experience.still_image import StillImages
from anlage.learning.assay import ENOUGH, Assay, Assayed, assay, assay_design, born, input_only, pose
from anlage.learning.readout import Gradient, Ridge
from anlage.learning.recipe import Blueprint, PortChoice
from anlage.network import Budget, Leaky, PerceptronDesign, Physiology
from anlage.network.network import State
from anlage.seed import Seed
from anlage.study.question import read_question
from anlage.topology import Topology

RECIPES = Path(__file__).parents[3] / "recipes"
EVERY = PortChoice(("all",), ("all",))
AT_ONCE = Physiology(Leaky(leak=1.0), ticks=1, plasticity="frozen")
LINEAR = Assay(
    name="linear",
    topology=Blueprint(connectome="mushroom-body-left"),
    ports=PortChoice(("input",), ("all",)),
    physiology=AT_ONCE,
    input_gain=1e-3,
    task=MemoryCapacity(n_delays=12, length=540, n_train=3, n_test=2),
    readout=Ridge(penalty=1e-9),
)
IMAGES = Assay(
    name="images",
    topology=Blueprint(connectome="mushroom-body-left"),
    task=StillImages(moments=2, n_train=96, n_test=60),
    readout=Gradient(epochs=2, batch=32),
)


def topology(matrix: np.ndarray, inputs: int = 1) -> Topology:
    post, pre = np.nonzero(matrix)
    return Topology.of(len(matrix), pre, post, matrix[post, pre], groups={"input": np.arange(inputs)})


def test_a_delay_line_of_n_neurons_remembers_n_inputs() -> None:
    line = topology(np.diag(np.ones(6), -1))
    found = assay(replace(LINEAR, spectral_radius=1.0), line)
    assert found.scores["memory_capacity"] == pytest.approx(6.0, abs=0.03)
    assert found.operating_point is not None and found.operating_point.by == "largest singular value"
    half = assay(replace(LINEAR, spectral_radius=1.0), topology(np.diag(np.ones(2), -1)))
    assert half.scores["memory_capacity"] == pytest.approx(2.0, abs=0.03)


def test_the_memory_of_a_linear_network_is_that_of_its_closed_form() -> None:
    """With white input, delay ``k`` is explained by ``x_k' (X X')^-1 x_k`` of its variance, ``X = [v, W v, W W v, ...]``."""
    rng = np.random.default_rng(2)
    matrix = rng.standard_normal((5, 5))
    matrix *= 0.95 / np.abs(np.linalg.eigvals(matrix)).max()
    recipe = replace(LINEAR, spectral_radius=0.95, task=MemoryCapacity(n_delays=3, length=2000, n_train=8, n_test=8))
    found = assay(recipe, topology(matrix, inputs=2))
    assert found.topology is not None
    network = born(recipe, found.topology, pose(recipe), Seed(recipe.seed))
    impulse = np.zeros(5)
    impulse[:2] = network.ports.into.weight.detach().numpy()[:, 0]
    answers = np.stack([np.linalg.matrix_power(matrix, k) @ impulse for k in range(400)], axis=1)
    kept = answers[:, 1:4]
    expected = np.trace(kept.T @ np.linalg.solve(answers @ answers.T, kept))
    assert 1.0 < expected < 2.9
    assert found.scores["memory_capacity"] == pytest.approx(expected, abs=0.06)


def test_reading_the_input_alone_remembers_nothing() -> None:
    assert input_only(LINEAR)["memory_capacity"] == pytest.approx(0.0, abs=0.05)


def weights(found: Assayed) -> tuple[Tensor, Tensor, Tensor]:
    network = found.network
    return network.weight, network.ports.into.weight, network.ports.out.weight  # type: ignore[attr-defined]


@pytest.mark.parametrize("plasticity", ["frozen", "signed", "free"])
def test_gradients_move_the_core_exactly_where_it_is_plastic(plasticity: str) -> None:
    recipe = replace(IMAGES, physiology=Physiology(plasticity=plasticity))  # type: ignore[arg-type]
    found = assay(recipe)
    assert found.topology is not None
    start = born(recipe, found.topology, pose(recipe), Seed(recipe.seed))
    core, into, out = weights(found)
    assert torch.equal(core, start.weight) == (plasticity == "frozen")
    assert not torch.equal(into, start.ports.into.weight) and not torch.equal(out, start.ports.out.weight)
    if plasticity == "signed":
        effective = found.network.effective_weight()  # type: ignore[attr-defined]
        assert torch.equal(torch.sign(effective), torch.sign(start.weight))
    assert [entry["step"] for entry in found.curve] == [0, 3, 6]
    assert found.curve[-1]["loss"] < found.curve[1]["loss"]


def test_a_ridge_readout_changes_nothing_but_itself_and_the_network_gives_its_answers() -> None:
    recipe = replace(IMAGES, readout=Ridge())
    found, problem = assay(recipe), pose(recipe)
    assert found.topology is not None
    start = born(recipe, found.topology, problem, Seed(recipe.seed))
    core, into, _ = weights(found)
    assert torch.equal(core, start.weight.double()) and torch.equal(into, start.ports.into.weight.double())
    with torch.no_grad():
        answer = found.network.unroll(problem.test.double())[1][:, -1:]
    assert problem.score(answer) == found.scores
    assert found.budget.trained_parameters == len(start.ports.output) * 10 + 10
    assert len(found.sweep) > 5 and found.penalty in dict(found.sweep)


def test_the_same_recipe_gives_the_same_numbers_and_another_seed_others() -> None:
    one, again, other = assay(IMAGES), assay(IMAGES), assay(replace(IMAGES, seed=1))
    assert one.curve == again.curve != other.curve


def test_the_bulk_is_as_active_as_asked() -> None:
    recipe = replace(LINEAR, input_gain=1.0, ports=PortChoice(("input",), ("output",)), bulk_activity=0.05)
    recipe = replace(recipe, task=MemoryCapacity(n_delays=2, length=100, n_train=2, n_test=1))
    found, problem = assay(recipe), pose(recipe)
    assert found.topology is not None and found.operating_point is not None
    assert found.operating_point.after == 0.05
    inner = np.setdiff1d(np.arange(found.topology.n_neurons), found.topology.group(("input", "output")))
    state = born(recipe, found.topology, problem, Seed(0)).unroll(problem.train.float())[0].detach().numpy()
    assert np.sqrt((state[:, 2 : 2 + ENOUGH, inner] ** 2).mean()) == pytest.approx(0.05, rel=1e-3)
    wired = recipe.topology.topology()
    np.testing.assert_allclose(found.topology.weight, wired.weight * found.operating_point.factor)
    with pytest.raises(TopologyError, match="No factor of the weights gives the bulk an activity of 5"):
        assay(replace(recipe, bulk_activity=5.0))


def test_a_gain_multiplies_and_the_point_tells_the_radius() -> None:
    wired = topology(np.array([[0.0, 2.0], [0.5, 0.0]]))
    found = assay(replace(LINEAR, gain=0.5), wired)
    assert found.topology is not None and found.operating_point is not None
    assert found.topology.weight.tolist() == [1.0, 0.25]
    assert found.operating_point.before == pytest.approx(1.0) and found.operating_point.after == pytest.approx(0.5)


def test_the_last_fifth_of_the_training_part_validates() -> None:
    whole, part = pose(IMAGES), pose(IMAGES, validate=True)
    assert torch.equal(part.train, whole.train[:77]) and torch.equal(part.test, whole.train[77:])
    whole, part = pose(LINEAR), pose(LINEAR, validate=True)
    assert torch.equal(part.train, whole.train[:2]) and torch.equal(part.test_answer, whole.train_answer[2:])
    single = replace(LINEAR, task=MemoryCapacity(n_delays=2, length=55, n_train=1))
    whole, part = pose(single), pose(single, validate=True)
    assert part.train.shape == (4, 12, 1) and part.test.shape == (1, 12, 1)
    # Each answer still belongs to the moment after its input, and no answer is asked for twice.
    assert torch.equal(part.train[:, 1:-1, 0], part.train_answer[..., 0])
    assert torch.equal(torch.cat([part.train_answer, part.test_answer]).flatten(0, 1), whole.train_answer[0, :50])


def test_a_pulse_through_neurons_that_forget_counts_exact_walks() -> None:
    task = StillImages(showing="pulse", moments=2, n_train=20, n_test=10)
    for leak, drive in ((1.0, "pulse"), (0.5, "sustained")):
        physiology = Physiology(Leaky(leak=leak), ticks=1, plasticity="frozen")
        found = assay(replace(IMAGES, task=task, physiology=physiology, readout=Ridge(penalty=1.0)))
        assert found.audit is not None and (found.audit.drive, found.audit.steps) == (drive, 2)


class Layer(nn.Module):
    """A linear map that remembers nothing, to stand for a network without a wiring."""

    def __init__(self, n_input: int, n_output: int, generator: torch.Generator) -> None:
        super().__init__()
        self.map = nn.Linear(n_input, n_output)
        with torch.no_grad():
            self.map.weight.normal_(0, n_input**-0.5, generator=generator)
            self.map.bias.zero_()

    @property
    def multiply_adds(self) -> int:
        return self.map.weight.numel()

    def start(self, batch: int) -> State:
        return State(torch.zeros(batch, 1))

    def step(self, state: State, embedding: Tensor) -> tuple[State, Tensor]:
        return state, self.map(embedding)

    def unroll(self, embedding: Float[Tensor, "batch time latent"]) -> tuple[Tensor, Tensor]:
        return embedding[..., :1] * 0, self.map(embedding)


class Design:
    name, match = "layer", "parameters"
    asked: list[tuple[int, int, Budget]]

    def __init__(self) -> None:
        self.asked = []

    def build(self, n_input: int, n_output: int, budget: Budget, generator: torch.Generator) -> Layer:
        self.asked.append((n_input, n_output, budget))
        return Layer(n_input, n_output, generator)


def test_a_network_without_a_wiring_gets_the_same_task_and_is_told_the_budget() -> None:
    recipe, design = replace(IMAGES, readout=Gradient(epochs=16, batch=32)), Design()
    found = assay_design(recipe, design)  # type: ignore[arg-type]
    assert (found.topology, found.operating_point, found.audit) == (None, None, None)
    assert design.asked == [(64, 10, assay(recipe).budget)]
    assert (found.budget.trained_parameters, found.budget.multiply_adds) == (650, 640)
    assert found.scores["accuracy"] > 0.5 > found.curve[0]["accuracy"]
    with pytest.raises(RecipeError, match="'layer' is trained by gradient, but the readout of linear is not"):
        assay_design(LINEAR, design)  # type: ignore[arg-type]


def test_a_network_that_cannot_see_what_it_is_asked_about_is_refused() -> None:
    pulse = replace(
        IMAGES, task=StillImages(showing="pulse", moments=2, n_train=96, n_test=60), readout=Gradient(epochs=30)
    )
    with pytest.raises(RecipeError, match="reaches the answers of 'layer', which looks back too little"):
        assay_design(pulse, Design())  # type: ignore[arg-type]
    whole = assay_design(pulse, PerceptronDesign(window=2))
    assert whole.scores["accuracy"] > 0.3 > whole.curve[0]["accuracy"]


def test_a_loss_that_is_no_number_has_diverged() -> None:
    recipe = replace(IMAGES, physiology=Physiology(Leaky(1.0, "relu"), 6, "free"), gain=1e9)
    with pytest.raises(Diverged, match="lower the"):
        assay(replace(recipe, task=StillImages(moments=6, n_train=30, n_test=10)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gain": -1.0}, "gain is -1.0"),
        ({"gain": 1.0, "bulk_activity": 1.0}, "only one can set the operating point"),
        ({"spectral_radius": 0.0}, "spectral_radius is 0.0"),
        ({"input_gain": float("nan")}, "input_gain is nan"),
        ({"physiology": Physiology()}, "a ridge readout changes nothing in the network"),
        ({"name": "a b"}, "name of a recipe is 'a b'"),
    ],
)
def test_an_assay_that_cannot_be_is_refused_in_one_sentence(change: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        replace(LINEAR, **change)  # type: ignore[arg-type]


def test_a_port_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownName, match="no group of neurons called 'nose'"):
        assay(replace(IMAGES, ports=PortChoice(("nose",))))


@pytest.mark.skipif(
    find_data("mnist/mnist.npz") is None or find_data("larval_drosophila/edges.npz") is None,
    reason="the larva or MNIST is not in the data folder",
)
def test_the_larva_on_mnist_has_the_published_parameters_and_the_edges_that_two_steps_can_use() -> None:
    recipe = read_question((RECIPES / "larva-mnist-readout.toml").read_text()).recipe
    assert isinstance(recipe, Assay) and isinstance(recipe.task, StillImages)
    small = replace(recipe, task=replace(recipe.task, n_train=64, n_test=32), readout=Gradient(epochs=1))
    found = assay(small)
    # Yu et al. 2025: 784 to 430 sensory neurons and 218 output neurons to 10 classes, with biases.
    assert found.budget.trained_parameters == 784 * 430 + 430 + 218 * 10 + 10 == 339_740
    assert found.audit is not None
    assert (found.audit.n_edges, found.audit.n_neurons, found.audit.drive) == (853, 378, "pulse")

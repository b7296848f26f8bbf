"""Reflexes that can learn: born as the reflex is, and changed by practice only where there are synapses."""

import numpy as np
import pytest
import torch

from anlage.connectome.library import load
from anlage.errors import TopologyError
from anlage.network.innate import Innate
from anlage.network.network import LearningNetwork
from anlage.network.reflex import GRID, Assumption, Reflex
from anlage.topology.control import control_graph
from anlage.topology.motor import MotorCircuit, motor
from anlage.topology.project import PermuteProjections

REWIRE = PermuteProjections(("DB", "VB", "DD", "VD"), ("dorsal muscle", "ventral muscle"))


@pytest.fixture(scope="module")
def circuit() -> MotorCircuit:
    return motor(load("worm"))


@pytest.mark.parametrize("n_joints", [5, 11])
@pytest.mark.parametrize("assumed", [*GRID[::5], Assumption(4.0, 7.2, 40, 0.7, 0.5)])
@pytest.mark.parametrize("rewired", [False, True])
def test_it_is_born_doing_what_the_reflex_does(
    circuit: MotorCircuit, n_joints: int, assumed: Assumption, rewired: bool
) -> None:
    rng = np.random.default_rng(3)
    if rewired:
        circuit = circuit.with_topology(control_graph(REWIRE, circuit.topology, rng)[0])
    bodies = 3
    reflex = Reflex([circuit] * bodies, [assumed] * bodies, n_joints)
    network = Innate(circuit, assumed, n_joints, 2 * n_joints + 3)
    state = network.start(bodies)
    for _ in range(70):
        seen = rng.uniform(-1, 1, (bodies, 2 * n_joints + 3))
        state, torque = network.step(state, torch.tensor(seen, dtype=torch.float32))
        np.testing.assert_allclose(torque.detach().numpy(), reflex.step(seen[:, :n_joints]), atol=2e-6)
        np.testing.assert_allclose(state.activity.detach().numpy(), reflex.activity, atol=2e-6)


def test_a_sequence_at_once_is_its_steps(circuit: MotorCircuit) -> None:
    network, seen = Innate(circuit, GRID[4], 5, 13), torch.rand(2, 35, 13) * 2 - 1
    rates, torques = network.unroll(seen)
    state, steps = network.start(2), []
    for moment in seen.unbind(1):
        state, torque = network.step(state, moment)
        steps.append(torque)
    torch.testing.assert_close(torques, torch.stack(steps, 1), rtol=0, atol=0)
    torch.testing.assert_close(rates[:, -1], state.activity, rtol=0, atol=0)
    assert state.time.flatten().tolist() == [35.0, 35.0]
    assert isinstance(network, LearningNetwork)


def test_what_it_learns_adds_no_synapse_and_turns_none(circuit: MotorCircuit) -> None:
    network = Innate(circuit, GRID[1], 5, 13)
    weight = circuit.topology.dense()
    assert network.strength.numel() == np.count_nonzero(weight)
    optimiser = torch.optim.SGD(network.parameters(), lr=5.0)
    seen = torch.rand(8, 4, 13, generator=torch.Generator().manual_seed(0)) * 2 - 1
    before = network.strength.detach().clone()
    for _ in range(5):
        optimiser.zero_grad()
        (network.unroll(seen)[1] - 0.5).square().sum().backward()
        optimiser.step()
    assert not torch.equal(network.strength, before)
    n = network.n_neurons
    learned = torch.zeros(n * n).index_put((network.edge,), network.sign * network.strength.detach().abs()).view(n, n)
    np.testing.assert_array_equal(np.sign(learned.numpy()) * (learned.numpy() != 0), np.sign(weight))


def test_it_begins_to_feel_more_than_bends_only_by_learning(circuit: MotorCircuit) -> None:
    network = Innate(circuit, GRID[1], 5, 13)
    seen, other = torch.rand(4, 13), torch.rand(4, 13)
    other[:, :5] = seen[:, :5]
    torch.testing.assert_close(*(network.step(network.start(4), x)[1] for x in (seen, other)), rtol=0, atol=0)
    (network.step(network.start(4), seen)[1] - 1).square().sum().backward()
    assert network.sense.grad is not None and bool(network.sense.grad[:, 5:].any())


def test_too_few_observations_are_refused(circuit: MotorCircuit) -> None:
    with pytest.raises(TopologyError, match="3 observations cannot tell how 5 joints are bent; give as many or more"):
        Innate(circuit, GRID[0], 5, 3)

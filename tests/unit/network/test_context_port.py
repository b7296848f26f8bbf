"""A context beside the embedding: dense algebra as the oracle."""

import pytest
import torch

from anlage.errors import AnlageError
from anlage.learning import Blueprint
from anlage.network import ContextPort, Physiology, RecurrentNetwork

TOPOLOGY = Blueprint(connectome="worm-witvliet-1").topology()


def network(context: ContextPort | None, *, double: bool = True) -> RecurrentNetwork:
    generator = torch.Generator().manual_seed(0)
    made = RecurrentNetwork(TOPOLOGY, ("input",), ("output",), 3, Physiology(ticks=2), generator, context)
    return made.double() if double else made


def port(weight: bool = True, share: float = 0.3) -> ContextPort:
    generator = torch.Generator().manual_seed(1)
    # Some of these neurons are inputs too, so that both ports may drive one neuron.
    made = ContextPort(torch.from_numpy(TOPOLOGY.group(("inter", "input"))), 5, share, generator)
    if weight:
        with torch.no_grad():
            made.weight.normal_(generator=generator)
    return made


def given() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(2, 4, 3, generator=generator).double(), torch.randn(2, 4, 5, generator=generator).double()


def test_a_context_drives_its_neurons_as_dense_algebra_says() -> None:
    context_port = port()
    made, (embedding, context) = network(context_port), given()
    dense = torch.zeros(TOPOLOGY.n_neurons, TOPOLOGY.n_neurons).double()
    for i, j, w in zip(TOPOLOGY.post.tolist(), TOPOLOGY.pre.tolist(), TOPOLOGY.weight.tolist(), strict=True):
        dense[i, j] += w
    wires, k = torch.zeros(TOPOLOGY.n_neurons, 5).double(), 0
    for row, neuron in enumerate(context_port.neurons.tolist()):
        for number in range(5):
            if context_port.wired[row, number]:
                wires[neuron, number] = float(context_port.weight[k].detach())
                k += 1
    state = torch.zeros(2, TOPOLOGY.n_neurons).double()
    states, predictions = made.unroll(embedding, context=context)
    for t in range(4):
        drive = context[:, t] @ wires.T
        drive[:, made.ports.input] += made.ports.into(embedding[:, t])
        for _ in range(2):
            state = 0.5 * state + 0.5 * torch.tanh(state @ dense.T + drive)
        torch.testing.assert_close(states[:, t], state, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(predictions[:, t], made.ports.out(state[:, made.ports.output]), rtol=1e-5, atol=1e-7)


def test_steps_and_unroll_hear_the_same_context() -> None:
    made, (embedding, context) = network(port()), given()
    states, _ = made.unroll(embedding, context=context)
    state = made.start(2)
    for t in range(4):
        state, _ = made.step(state, embedding[:, t], context[:, t])
        torch.testing.assert_close(state.activity, states[:, t])


def test_the_gradient_of_every_wire_is_the_finite_difference() -> None:
    context_port = port()
    made, (embedding, context) = network(context_port), given()
    made.unroll(embedding, context=context)[1].square().sum().backward()
    found = context_port.weight.grad
    assert found is not None
    for wire in range(0, len(found), 7):
        value = []
        for side in (1, -1):
            with torch.no_grad():
                context_port.weight[wire] += side * 1e-5
                value.append(float(made.unroll(embedding, context=context)[1].square().sum()))
                context_port.weight[wire] -= side * 1e-5
        assert float(found[wire]) == pytest.approx((value[0] - value[1]) / 2e-5, rel=1e-3, abs=1e-8)


def test_wires_that_are_not_there_stay_away_when_learning() -> None:
    context_port = port()
    made, (embedding, context) = network(context_port, double=False), (x.float() for x in given())
    optimiser = torch.optim.AdamW(made.parameters(), lr=0.1)
    for _ in range(3):
        made.unroll(embedding, context=context)[1].square().sum().backward()
        optimiser.step()
    reached = torch.stack([context_port(torch.eye(5)[None, i, None])[0, 0] for i in range(5)], 1)
    assert not reached[~context_port.wired].any() and reached[context_port.wired].all()


def test_a_network_is_born_deaf_and_the_rest_of_it_is_as_without_a_context() -> None:
    (embedding, context), deaf, without = given(), network(port(weight=False)), network(None)
    assert torch.equal(deaf.unroll(embedding, context=context)[1], without.unroll(embedding)[1])


def test_every_number_reaches_at_least_one_neuron() -> None:
    sparse = port(share=0.0)
    assert sparse.wired.sum(0).tolist() == [1] * 5


def test_a_context_without_a_port_is_refused() -> None:
    embedding, context = given()
    with pytest.raises(AnlageError, match="has no port for one"):
        network(None).unroll(embedding, context=context)

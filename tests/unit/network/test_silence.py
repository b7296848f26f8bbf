"""A network with silent neurons is the network without them."""

import numpy as np
import torch

from anlage.network import Physiology, RecurrentNetwork
from anlage.network.silence import silenced
from anlage.topology import Topology


def test_a_network_with_silent_neurons_answers_as_the_one_without_them() -> None:
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(7, 7)) * (rng.random((7, 7)) < 0.6)
    lost, left = np.array([1, 4]), np.array([0, 2, 3, 5, 6])

    def network(matrix: np.ndarray, into: np.ndarray, out: np.ndarray) -> RecurrentNetwork:
        post, pre = np.nonzero(matrix)
        topology = Topology.of(len(matrix), pre, post, matrix[post, pre], groups={"in": into, "out": out})
        made = RecurrentNetwork(topology, ("in",), ("out",), 3, Physiology(ticks=3), torch.Generator().manual_seed(1))
        with torch.no_grad():
            made.bias.copy_(
                torch.linspace(-1, 1, 7)[:, None] if len(matrix) == 7 else torch.linspace(-1, 1, 7)[left, None]
            )
        return made

    whole = network(dense, np.array([0, 1, 2]), np.array([4, 5, 6]))
    before = {name: value.clone() for name, value in whole.state_dict().items()}
    rest = network(dense[np.ix_(left, left)], np.array([0, 1]), np.array([3, 4]))
    with torch.no_grad():
        rest.ports.into.weight.copy_(whole.ports.into.weight[[0, 2]])
        rest.ports.into.bias.copy_(whole.ports.into.bias[[0, 2]])
        rest.ports.out.weight.copy_(whole.ports.out.weight[:, 1:])
        rest.ports.out.bias.copy_(whole.ports.out.bias)
    shown = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(2))
    states, answers = silenced(whole, torch.from_numpy(lost)).unroll(shown)
    wanted_states, wanted_answers = rest.unroll(shown)
    assert not states[..., lost].any()
    torch.testing.assert_close(states[..., left], wanted_states)
    torch.testing.assert_close(answers, wanted_answers)
    assert all(torch.equal(value, before[name]) for name, value in whole.state_dict().items())
    assert not torch.equal(whole.unroll(shown)[1], answers)

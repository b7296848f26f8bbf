"""A stream against the steps of its network."""

import pytest
import torch

from anlage import load
from anlage.network import Leaky, Physiology, RecurrentNetwork, Stream, scale
from anlage.topology import build


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ticks", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_stream_takes_the_steps_of_its_network(batch: int, ticks: int, dtype: torch.dtype) -> None:
    physiology = Physiology(Leaky(0.7, "relu" if ticks == 2 else "tanh"), ticks, "signed")
    network = RecurrentNetwork(scale(build(load("worm")), 0.9)[0], ("input",), ("output",), 4, physiology, generator())
    with torch.no_grad():
        for parameter in network.parameters():  # biases start at zero and would not be missed
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator(1))
    network = network.to(dtype)
    stream, state = Stream(network, batch), network.start(batch)
    for step in range(6):
        embedding = torch.randn(batch, 4, generator=generator(step)).to(dtype)
        with torch.no_grad():
            state, wanted = network.step(state, embedding)
        torch.testing.assert_close(stream.step(embedding), wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(stream.state.activity, state.activity, rtol=1e-5, atol=1e-6)
    stream.state = network.start(batch)
    assert not stream.state.activity.any()


def test_what_a_stream_gave_does_not_change_with_its_next_step() -> None:
    network = RecurrentNetwork(
        scale(build(load("worm")), 0.9)[0], ("input",), ("output",), 4, Physiology(), generator()
    )
    stream = Stream(network)
    first, state = stream.step(torch.ones(1, 4)), stream.state
    kept = first.clone(), state.activity.clone()
    stream.step(-torch.ones(1, 4))
    assert torch.equal(first, kept[0]) and torch.equal(state.activity, kept[1])

"""What acts and learns to: a network that answers what to do, the chance around its answer, and what it expects to earn."""

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TypeVar, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from anlage.errors import BodyError, UnknownName
from anlage.learning.gaussian import Gaussian
from anlage.learning.recipe import PortChoice
from anlage.network import LearningNetwork, Perceptron, Physiology, RecurrentNetwork, State, Stream
from anlage.network.port import linear
from anlage.topology import Topology

CALM = 0.01
"""Share of its usual size at which the last layer of a policy starts: first actions are chance around rest (Andrychowicz et al.
2021, ICLR, section 3.2)."""

S = TypeVar("S", bound=State)


class Layers(Perceptron):
    """A perceptron as reinforcement learning knows it: layers of hyperbolic tangents, weights orthogonal, no memory.

    The last layer starts at ``last`` times an orthogonal matrix, the others at the square root of 2 (Saxe et al. 2014, ICLR).
    """

    def __init__(
        self, n_in: int, n_out: int, widths: tuple[int, ...], generator: torch.Generator, last: float = 1.0
    ) -> None:
        super().__init__(n_in, n_out, widths, 1, generator)
        for layer in self._linear():
            nn.init.orthogonal_(layer.weight, math.sqrt(2), generator=generator)
        with torch.no_grad():
            self._linear()[-1].weight *= last / math.sqrt(2)

    def _read(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        *hidden, last = self.layers
        for layer in hidden:
            seen = torch.tanh(layer(seen))
        return seen, last(seen)


@final
class Policy(nn.Module):
    """A network whose answer is what the motors are meant to do, and how far chance leads away from it.

    ``network``: any network of the house that takes in ``n_input`` numbers and answers one per motor. The spread is learned and
    does not depend on what is observed.
    """

    log_sd: Tensor

    def __init__(self, network: LearningNetwork, n_action: int, law: Gaussian | None = None, sd: float = 1.0) -> None:
        super().__init__()
        self.network, self.law = network, law or Gaussian()
        self.log_sd = nn.Parameter(torch.full((n_action,), math.log(sd)))

    def along(
        self, observation: Float[Tensor, "segment time input"], state: State
    ) -> Float[Tensor, "segment time action"]:
        """What it means to do along pieces of lives, each from the state in which it began."""
        return along(self.network, observation, state)


def along(
    network: LearningNetwork, observation: Float[Tensor, "segment time input"], state: State
) -> Float[Tensor, "segment time output"]:
    """Answers of any network along sequences from a given state: at once where it can, else step by step."""
    if isinstance(network, RecurrentNetwork):
        return network.unroll(observation, state)[1]
    if isinstance(network, Perceptron) and network.window == 1:
        return network.unroll(observation)[1]
    answers = []
    for seen in observation.unbind(1):
        state, answer = network.step(state, seen)
        answers.append(answer)
    return torch.stack(answers, 1)


@final
class Mover:
    """A network that takes steps in bodies side by side, without gradients, each body with a state of its own.

    The weights are those that it has now. ``state``: where to go on from; None: the network's start.
    """

    def __init__(self, network: LearningNetwork, n_bodies: int, state: State | None = None) -> None:
        self._network, self._fresh = network, network.start(n_bodies)
        self._stream = Stream(network, n_bodies) if isinstance(network, RecurrentNetwork) else None
        self._state = self._fresh
        self.state = state or self._fresh

    @property
    def state(self) -> State:
        """The state of every body's network, now."""
        return self._stream.state if self._stream else self._state

    @state.setter
    def state(self, state: State) -> None:
        if self._stream:
            self._stream.state = state
        else:
            self._state = state

    @torch.no_grad()
    def step(self, observation: Float[Tensor, "body input"]) -> Float[Tensor, "body output"]:
        """What is answered to what every body observes."""
        if self._stream:
            return self._stream.step(observation)
        self._state, answer = self._network.step(self._state, observation)
        return answer

    def begin_again(self, which: Bool[Tensor, " body"]) -> None:
        """Forget the lives of these bodies."""

        def mixed(now: Tensor, fresh: Tensor) -> Tensor:
            return torch.where(which.view(-1, *[1] * (now.dim() - 1)), fresh, now)

        now = self.state
        self.state = replace(
            now, **{name: mixed(part, getattr(self._fresh, name)) for name, part in parts(now).items()}
        )


def parts(state: State) -> dict[str, Tensor]:
    """Every tensor of a state by name; the first axis of each is the batch."""
    return {field.name: getattr(state, field.name) for field in fields(state)}


def picked(state: S, rows: Tensor) -> S:
    """Some rows of a state."""
    return replace(state, **{name: part[rows] for name, part in parts(state).items()})


def joined(states: Sequence[S]) -> S:
    """States one below the other."""
    names = parts(states[0])
    return replace(states[0], **{name: torch.cat([getattr(state, name) for state in states]) for name in names})


def calmed(network: Perceptron) -> Perceptron:
    """The same network, its last layer at the size at which a policy starts."""
    with torch.no_grad():
        network.layers.get_parameter(f"{len(network.layers) - 1}.weight").mul_(CALM)
    return network


def motor_network(
    topology: Topology,
    ports: PortChoice,
    size: tuple[int, int],
    physiology: Physiology,
    generator: torch.Generator,
) -> RecurrentNetwork:
    """A wiring that takes in observations at its input port and answers actions from its output port.

    ``size``: numbers observed, and motors. Raises ``BodyError`` when the topology has no neurons to hear or to move anything.
    """
    for what, names in (("hear a body", ports.input), ("move it", ports.output)):
        try:
            topology.group(names)
        except (UnknownName, ValueError) as missing:
            raise BodyError(
                f"This topology has no neurons that could {what} (group {' + '.join(names) or '(none)'}); name groups with "
                "members, or 'all', as its ports."
            ) from missing
    network = RecurrentNetwork(topology, ports.input, ports.output, size[0], physiology, generator)
    network.ports.out = linear(len(network.ports.output), size[1], generator, CALM)
    return network

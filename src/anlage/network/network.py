"""The protocol of everything that runs: the same object is unrolled for training and stepped when embodied."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from anlage.network.port import Encoder
from anlage.trace import Episode, Trace


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The activity of every neuron; of a network without neurons, its hidden vector."""

    activity: Float[Tensor, "batch neuron"]


@runtime_checkable
class Network(Protocol):
    """Something with a state that takes in embeddings and predicts the next one."""

    def start(self, batch: int) -> State:
        """The state before anything was lived."""
        ...

    def step(self, state: Any, embedding: Float[Tensor, "batch latent"]) -> tuple[State, Float[Tensor, "batch output"]]:
        """Take in one embedding; return the new state and the prediction of the next embedding, or an answer.

        ``state`` is what ``start`` or ``step`` of this network gave: a ``State``, some networks' with more in it.
        """
        ...

    def unroll(
        self, embedding: Float[Tensor, "batch time latent"]
    ) -> tuple[Float[Tensor, "batch time neuron"], Float[Tensor, "batch time output"]]:
        """All states and predictions along a sequence, equal to repeated steps from ``start``."""
        ...


@runtime_checkable
class LearningNetwork(Network, Protocol):
    """A network that learns and says what it costs: what ``grow`` can grow. A torch module has all but ``multiply_adds``."""

    @property
    def multiply_adds(self) -> int:
        """Products of two numbers, each added to a sum, that one observation of one sequence takes; forward only."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """What may be learned."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a checkpoint holds, by name."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take back what ``state_dict`` gave."""
        ...


def read(network: Network, state: Float[Tensor, "batch time neuron"]) -> Float[Tensor, "batch time member"]:
    """The part of a state that is read: the output neurons of a network with ports, all of it elsewhere."""
    ports = getattr(network, "ports", None)
    return state if ports is None else state[..., ports.output]


def live(network: Network, encoder: Encoder, episode: Episode, modality: str) -> Trace:
    """Let a network live through an episode of one modality."""
    embedding = encoder(episode.observation[modality])
    state, prediction = network.unroll(embedding)
    return Trace(embedding, prediction, state, episode)

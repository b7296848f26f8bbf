"""The protocol of everything that runs: the same object is unrolled for training and stepped when embodied."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from anlage.network.port import Encoder
from anlage.trace import Episode, Trace


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The activity of every neuron."""

    activity: Float[Tensor, "batch neuron"]


@runtime_checkable
class Network(Protocol):
    """Something with a state that takes in embeddings and predicts the next one."""

    def start(self, batch: int) -> State:
        """The state before anything was lived."""
        ...

    def step(
        self, state: State, embedding: Float[Tensor, "batch latent"]
    ) -> tuple[State, Float[Tensor, "batch output"]]:
        """Take in one embedding; return the new state and the prediction of the next embedding, or an answer."""
        ...

    def unroll(
        self, embedding: Float[Tensor, "batch time latent"]
    ) -> tuple[Float[Tensor, "batch time neuron"], Float[Tensor, "batch time output"]]:
        """All states and predictions along a sequence, equal to repeated steps from ``start``."""
        ...


def live(network: Network, encoder: Encoder, episode: Episode, modality: str) -> Trace:
    """Let a network live through an episode of one modality."""
    embedding = encoder(episode.observation[modality])
    state, prediction = network.unroll(embedding)
    return Trace(embedding, prediction, state, episode)

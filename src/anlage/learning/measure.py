"""The numbers a trial is judged by, all on held-out episodes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from anlage.errors import Diverged
from anlage.experience.experience import Recording
from anlage.learning.probe import observation_columns, probe_accuracy, state_columns
from anlage.network import Encoder, Network, live, read
from anlage.objective import effective_rank, persistence, unexplained
from anlage.trace import Episode, Trace

NUMBERS_AT_ONCE = 1 << 24
"""States of all neurons held at once while measuring; 64 MB in float32."""


@dataclass(frozen=True, slots=True)
class Measures:
    """Held-out measures of one network at one moment.

    ``prediction_error``: share of the variance of the next embedding left unexplained, 0 to 1.
    ``persistence_error``: the same for the prediction that nothing changes.
    ``effective_rank``: of the embedding; ``state_rank``: of what is read, the output neurons' activity or, of a network without
    ports, its whole state.
    ``embedding_spread``: root of the variance of the embedding, mean over its axes; the rank does not see it shrink.
    ``probe_accuracy``: linear probe on what is read, share of held-out labels named right.
    """

    prediction_error: float
    persistence_error: float
    effective_rank: float
    state_rank: float
    embedding_spread: float
    probe_accuracy: float


def measure(network: Network, encoder: Encoder, recording: Recording) -> Measures:
    """Measure a network on the held-out part of a recording; leaves it unchanged.

    Raises ``Diverged`` when its activity is not finite.
    """
    labelled = recording.labelled()
    train = _lived(network, encoder, labelled.train, recording.modality)
    test = _lived(network, encoder, labelled.test, recording.modality)
    columns, test_columns = state_columns(train.state), state_columns(test.state)
    return Measures(
        prediction_error=unexplained(test),
        persistence_error=persistence(test),
        effective_rank=effective_rank(_some(test.embedding)),
        state_rank=effective_rank(_some(test.state)),
        embedding_spread=float(test.embedding.flatten(0, 1).double().var(0).mean().sqrt()),
        probe_accuracy=probe_accuracy(columns, labelled.train_label, test_columns, labelled.test_label),
    )


def raw_accuracy(recording: Recording) -> float:
    """Accuracy of the same probe on the raw observations, no network between."""
    labelled = recording.labelled()
    train, test = (observation_columns(e.observation[recording.modality]) for e in (labelled.train, labelled.test))
    return probe_accuracy(train, labelled.train_label, test, labelled.test_label)


def _lived(network: Network, encoder: Encoder, episode: Episode, modality: str) -> Trace:
    """The trace of an episode with only that of the state which is read, lived a part at a time to bound memory."""
    observation, parts = episode.observation[modality], []
    size = max(1, NUMBERS_AT_ONCE // (observation.shape[1] * network.start(1).activity.shape[1]))
    with torch.no_grad():
        for rows in torch.split(observation, size):
            trace = live(network, encoder, Episode({modality: rows}), modality)
            parts.append((trace.embedding, trace.prediction, read(network, trace.state)))
    embedding, prediction, state = (torch.cat(part) for part in zip(*parts, strict=True))
    if not all(part.isfinite().all() for part in (embedding, prediction, state)):
        raise Diverged(
            "The activity of the network is not finite; lower the spectral radius, the ticks or the learning rate, or choose "
            "the tanh activation, which is bounded."
        )
    return Trace(embedding, prediction, state, episode)


def _some(sequence: Tensor) -> Tensor:
    """Enough samples for a rank: evenly spaced moments, all of them when there are fewer than 8,192, never more."""
    flat = sequence.flatten(0, 1)
    return flat[:: max(1, len(flat) // 4096)]

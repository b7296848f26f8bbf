"""The numbers a trial is judged by, all on held-out episodes."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from anlage.experience.experience import Labelled, Recording
from anlage.learning.probe import probe_accuracy, raw_features, state_features
from anlage.network import Encoder, RecurrentNetwork, live
from anlage.objective import effective_rank, persistence, unexplained
from anlage.trace import Episode, Trace


@dataclass(frozen=True, slots=True)
class Measures:
    """Held-out measures of one network at one moment.

    ``prediction_error``: share of the variance of the next embedding left unexplained, 0 to 1.
    ``persistence_error``: the same for the prediction that nothing changes.
    ``effective_rank``: of the embedding; ``state_rank``: of the output neurons' activity.
    ``probe_accuracy``: linear probe on the output neurons, share of held-out labels named right.
    """

    prediction_error: float
    persistence_error: float
    effective_rank: float
    state_rank: float
    probe_accuracy: float


def measure(network: RecurrentNetwork, encoder: Encoder, recording: Recording) -> Measures:
    """Measure a network on the held-out part of a recording; leaves it unchanged."""
    labelled = recording.labelled()
    with torch.no_grad():
        test = live(network, encoder, labelled.test, recording.modality)
        output = network.ports.output
        train_features = _features(network, encoder, labelled.train, recording.modality)
        test_features = state_features(test.state[..., output])
        return Measures(
            prediction_error=unexplained(test),
            persistence_error=persistence(test),
            effective_rank=effective_rank(_some(test.embedding)),
            state_rank=effective_rank(_some(test.state[..., output])),
            probe_accuracy=probe_accuracy(train_features, labelled.train_label, test_features, labelled.test_label),
        )


def raw_accuracy(recording: Recording) -> float:
    """Accuracy of the same probe on the raw observations, no network between."""
    labelled: Labelled = recording.labelled()
    train, test = (raw_features(e.observation[recording.modality]) for e in (labelled.train, labelled.test))
    return probe_accuracy(train, labelled.train_label, test, labelled.test_label)


def _features(network: RecurrentNetwork, encoder: Encoder, episode: Episode, modality: str) -> ndarray:
    """Probe features, a few hundred sequences at a time, so that memory does not grow with the recording."""
    parts = []
    for rows in torch.split(episode.observation[modality], 512):
        trace: Trace = live(network, encoder, Episode({modality: rows}), modality)
        parts.append(state_features(trace.state[..., network.ports.output]))
    return np.concatenate(parts)


def _some(sequence: Tensor) -> Tensor:
    """Enough samples for a rank: at most 4,096 of all moments, evenly spaced."""
    flat = sequence.flatten(0, 1)
    return flat[:: max(1, len(flat) // 4096)]

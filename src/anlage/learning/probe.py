"""What can be read out linearly: always beside the untrained network and the raw input."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

PENALTIES = np.logspace(-1, 5, 7)
"""Ridge penalties to choose from, by leave-one-out on the training part."""


def probe_accuracy(
    train: Float[ndarray, "sample output"],
    train_label: Int[ndarray, " sample"],
    test: Float[ndarray, "sample2 output"],
    test_label: Int[ndarray, " sample2"],
) -> float:
    """Share of held-out samples whose class a linear ridge classifier names; columns are standardised on the training part."""
    classifier = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=PENALTIES))
    return float(classifier.fit(train, train_label).score(test, test_label))


def state_columns(state: Float[Tensor, "batch time member"]) -> Float[ndarray, "batch output"]:
    """What a probe reads from the output neurons: their mean over time and their last activity, side by side."""
    return np.concatenate([state.mean(1).double().numpy(), state[:, -1].double().numpy()], axis=1)


def observation_columns(observation: Float[Tensor, "batch time input"]) -> Float[ndarray, "batch output"]:
    """The whole observation, flattened: what the probe would have without any network."""
    return observation.flatten(1).double().numpy()

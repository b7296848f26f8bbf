import numpy as np
import pytest
import torch

from anlage.learning.probe import observation_columns, probe_accuracy, state_columns


def blobs(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Four classes at the corners of a square, far apart, beside six axes of noise."""
    label = rng.integers(4, size=n)
    corner = np.array([[0, 0], [0, 9], [9, 0], [9, 9]])[label]
    return np.concatenate([corner + rng.normal(0, 0.5, (n, 2)), rng.normal(0, 1, (n, 6))], axis=1), label


def test_a_separable_problem_is_solved_entirely() -> None:
    rng = np.random.default_rng(0)
    train, test = blobs(400, rng), blobs(200, rng)
    assert probe_accuracy(*train, *test) == 1.0


def test_shuffled_labels_leave_chance() -> None:
    rng = np.random.default_rng(1)
    (train, label), test = blobs(400, rng), blobs(1000, rng)
    accuracy = probe_accuracy(train, rng.permutation(label), *test)
    assert accuracy == pytest.approx(0.25, abs=0.12)


def test_features_that_say_nothing_leave_the_most_frequent_class() -> None:
    label = np.array([0] * 30 + [1] * 70)
    assert probe_accuracy(np.zeros((100, 3)), label, np.zeros((10, 3)), np.array([1] * 7 + [0] * 3)) == 0.7


def test_the_probe_does_not_depend_on_units() -> None:
    rng = np.random.default_rng(2)
    (train, label), (test, test_label) = blobs(200, rng), blobs(200, rng)
    scale = np.logspace(-6, 6, 8)
    noisy, noisy_test = train + rng.normal(0, 4, train.shape), test + rng.normal(0, 4, test.shape)
    plain = probe_accuracy(noisy, label, noisy_test, test_label)
    assert 0.3 < plain < 1.0
    assert probe_accuracy(noisy * scale + 5, label, noisy_test * scale + 5, test_label) == pytest.approx(
        plain, abs=0.01
    )


def test_the_probe_agrees_with_ridge_regression_written_out() -> None:
    from anlage.learning import probe

    rng = np.random.default_rng(3)
    (train, label), (test, test_label) = blobs(120, rng), blobs(300, rng)
    train, test = train + rng.normal(0, 5, train.shape), test + rng.normal(0, 5, test.shape)
    mean, spread = train.mean(0), train.std(0)
    x, z = (train - mean) / spread, (test - mean) / spread
    target = 2.0 * np.eye(4)[label] - 1
    centred = target - target.mean(0)

    def fit(penalty: float) -> np.ndarray:
        return np.linalg.solve(x.T @ x + penalty * np.eye(8), x.T @ centred)

    def left_out_error(penalty: float) -> float:
        hat = x @ np.linalg.solve(x.T @ x + penalty * np.eye(8), x.T) + 1 / len(x)
        return float((((centred - hat @ centred) / (1 - np.diag(hat)[:, None])) ** 2).mean())

    best = min(probe.PENALTIES, key=left_out_error)
    named = (z @ fit(best) + target.mean(0)).argmax(1)
    assert probe_accuracy(train, label, test, test_label) == pytest.approx((named == test_label).mean())


def test_state_columns_are_the_mean_and_the_last_activity() -> None:
    state = torch.tensor([[[1.0, 10.0], [3.0, 20.0]]])
    assert state_columns(state).tolist() == [[2.0, 15.0, 3.0, 20.0]]


def test_observation_columns_are_the_whole_observation() -> None:
    assert observation_columns(torch.arange(6.0).reshape(1, 3, 2)).tolist() == [[0, 1, 2, 3, 4, 5]]

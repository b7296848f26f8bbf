"""Advantages against sums written out by hand, and running statistics against NumPy."""

import numpy as np

from anlage.learning.advantage import advantages
from anlage.learning.running import Running


def brute(reward, value, following, ended, discount, trace):  # type: ignore[no-untyped-def]
    """For every step the weighted mean of all n-step estimates of its own life, from their definition."""
    result = np.zeros_like(reward)
    n_steps, n_bodies = reward.shape
    for b in range(n_bodies):
        for t in range(n_steps):
            end = next((k for k in range(t, n_steps) if ended[k, b]), n_steps - 1)
            longest = end - t + 1
            estimates = []
            for n in range(1, longest + 1):
                earned = sum(discount**k * reward[t + k, b] for k in range(n))
                estimates.append(earned + discount**n * following[t + n - 1, b] - value[t, b])
            weight = [(1 - trace) * trace ** (n - 1) for n in range(1, longest)] + [trace ** (longest - 1)]
            result[t, b] = np.dot(weight, estimates)
    return result


def test_advantages_are_the_weighted_mean_of_all_n_step_estimates_within_a_life() -> None:
    rng = np.random.default_rng(0)
    reward, value, after = rng.standard_normal((3, 12, 4))
    terminated, truncated = rng.random((2, 12, 4)) < 0.15
    truncated &= ~terminated
    assert terminated.any() and truncated.any()
    following = np.vstack([value[1:], after[-1:]])  # the value of the next observation
    following = np.where(truncated, after, np.where(terminated, 0.0, following))
    for discount, trace in ((0.99, 0.95), (0.9, 0.0), (0.9, 1.0), (1.0, 0.5)):
        given = (reward, value, following, terminated | truncated, discount, trace)
        np.testing.assert_allclose(advantages(*given), brute(*given), rtol=1e-10, atol=1e-12)


def test_a_life_cut_off_counts_on_what_it_would_have_earned_and_one_that_ended_does_not() -> None:
    """One reward per step for ever, discount 1/2: worth 2. With values right, no step is a surprise, unless it was the last."""
    reward, value = np.ones((3, 1)), np.full((3, 1), 2.0)
    ended = np.array([[False], [True], [False]])
    cut_off = advantages(reward, value, np.full((3, 1), 2.0), ended, 0.5, 0.9)
    np.testing.assert_allclose(cut_off, 0.0, atol=1e-12)
    gone = advantages(reward, value, np.array([[2.0], [0.0], [2.0]]), ended, 0.5, 0.9)
    np.testing.assert_allclose(gone[:, 0], [-0.45, -1.0, 0.0], atol=1e-12)


def test_running_statistics_are_those_of_all_numbers_at_once() -> None:
    rng, running = np.random.default_rng(0), Running(3)
    batches = [rng.normal(1e3, 2.0, (n, 3)) * [1, 10, 0] for n in (1, 7, 2, 30)]
    for batch in batches:
        running.see(batch)
    everything = np.concatenate(batches)
    np.testing.assert_allclose(running.mean, everything.mean(0), rtol=1e-12)
    np.testing.assert_allclose(running.variance, everything.var(0), rtol=1e-9)
    shown = running.normal(everything)
    np.testing.assert_allclose(shown[:, :2].std(0), 1.0, rtol=1e-6)
    assert not shown[:, 2].any()  # what never varies says nothing
    again = Running(3)
    again.restore(running.kept())
    for one in (running, again):
        one.see(batches[1])
    assert np.array_equal(running.variance, again.variance) and running.count == again.count == 47


def test_what_is_far_out_is_cut_off() -> None:
    assert Running(2).normal(np.array([[25.0, -3.0]])).tolist() == [[10.0, -3.0 / np.sqrt(1 + 1e-8)]]

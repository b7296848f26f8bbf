"""Scores against scikit-learn, tasks against their definitions."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, r2_score

from anlage.errors import RecipeError, UnknownName
from anlage.experience.memory import MemoryCapacity
from anlage.experience.problem import SCORES, Problem, Task
from anlage.experience.still_image import StillImages
from anlage.study.question import read_question


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(*shape: int) -> torch.Tensor:
    return torch.from_numpy(rng().standard_normal(shape))


def test_accuracy_is_that_of_scikit_learn() -> None:
    given, wanted = drawn(50, 1, 4), torch.eye(4, dtype=torch.float64)[rng(1).integers(4, size=50)].unsqueeze(1)
    expected = accuracy_score(wanted.argmax(-1).flatten(), given.argmax(-1).flatten())
    assert SCORES["accuracy"].function(given, wanted) == pytest.approx(expected)


def test_r2_is_that_of_scikit_learn_and_nrmse_its_other_face() -> None:
    wanted = drawn(3, 40, 2)
    given = wanted + 0.3 * torch.from_numpy(rng(1).standard_normal((3, 40, 2)))
    flat = (part.flatten(0, 1).numpy() for part in (wanted, given))
    expected = r2_score(*flat, multioutput="variance_weighted")
    assert SCORES["r2"].function(given, wanted) == pytest.approx(expected)
    assert SCORES["nrmse"].function(given, wanted) == pytest.approx(np.sqrt(1 - expected))
    mean = wanted.mean((0, 1)).expand_as(wanted)
    assert SCORES["nrmse"].function(mean, wanted) == pytest.approx(1.0)


def test_memory_capacity_is_one_for_each_answer_kept_and_zero_on_average_for_each_forgotten() -> None:
    wanted = drawn(1, 500, 3)
    assert SCORES["memory_capacity"].function(2 - 3 * wanted, wanted) == pytest.approx(3.0)
    assert SCORES["memory_capacity"].function(torch.zeros_like(wanted), wanted) == pytest.approx(0.0, abs=0.01)
    forgotten = [
        SCORES["memory_capacity"].function(torch.from_numpy(rng(i).standard_normal((1, 500, 3))), wanted)
        for i in range(1, 201)
    ]
    # Uncorrected, three answers of 500 moments would add 3 / 499 = 0.006; the standard error here is 0.0004.
    assert np.mean(forgotten) == pytest.approx(0.0, abs=0.002)


def test_memory_asks_for_the_inputs_of_the_moments_before() -> None:
    problem = MemoryCapacity(delays=3, moments=20, n_train=2, n_test=1, washout=5).open(rng())
    assert problem.train.shape == (2, 25, 1) and problem.test_answer.shape == (1, 20, 4)
    for moment in range(20):
        for delay in range(4):
            assert problem.train_answer[1, moment, delay] == problem.train[1, 5 + moment - delay, 0]
    assert not torch.equal(problem.train[0], problem.train[1]) and not torch.equal(problem.train[0], problem.test[0])


def test_images_are_shown_as_they_are_held_or_once() -> None:
    held, pulse = (StillImages(moments=3, showing=way).open(rng()) for way in ("held", "pulse"))
    assert held.train.shape == (1437, 3, 64) and held.test_answer.shape == (360, 1, 10)
    assert torch.equal(held.train[:, 0], held.train[:, 2]) and torch.equal(held.train[:, 0], pulse.train[:, 0])
    assert not pulse.train[:, 1:].any()
    images, label = load_digits(return_X_y=True)
    counts = torch.cat([held.train_answer, held.test_answer]).sum((0, 1)).tolist()
    assert counts == np.bincount(label).tolist()
    # The pixels of an image in another order, shifted and scaled: sums of pixels agree up to one linear map.
    sums = torch.cat([held.train, held.test])[:, 0].double().sum(1).sort().values.numpy()
    assert np.corrcoef(sums, np.sort(images.sum(1)))[0, 1] == pytest.approx(1.0)
    assert held.chance == pytest.approx(np.bincount(held.test_answer.argmax(-1).flatten()).max() / 360)


def test_fewer_images_are_drawn_by_the_generator_alone() -> None:
    some = StillImages(n_train=30, n_test=20)
    one, again, other = some.open(rng()), some.open(rng()), some.open(rng(1))
    assert one.train.shape[0] == 30 and one.test.shape[0] == 20
    assert torch.equal(one.train, again.train) and not torch.equal(one.train, other.train)
    assert not (one.train[:, 0].unsqueeze(1) == one.test[:, 0].unsqueeze(0)).all(-1).any()


@pytest.mark.parametrize("task", [MemoryCapacity(), StillImages()])
def test_what_comes_with_the_package_is_a_task(task: Task) -> None:
    assert isinstance(task, Task) and task.source.bibtex.startswith("@")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MemoryCapacity(delays=5, washout=4), "washout at least as long as the longest delay"),
        (lambda: StillImages(moments=0), "moments is 0"),
        (lambda: StillImages(n_train=2000).open(rng()), "only 1,437 such images"),
    ],
)
def test_a_task_that_cannot_be_is_refused_in_one_sentence(make: object, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("line", "said"), [("pictures = 'mnits'", "did you mean 'mnist'"), ("showing = 'flash'", "'flash'")]
)
def test_an_unknown_word_in_a_task_is_answered_with_the_known_ones(line: str, said: str) -> None:
    with pytest.raises(UnknownName, match=said):
        read_question(f"name = 'x'\n[task]\nkind = 'images'\n{line}")


def test_answers_that_fit_no_sequence_are_refused() -> None:
    part = torch.zeros(2, 10, 1)
    with pytest.raises(RecipeError, match="with a washout of 3 each sequence needs 1 or 7 answers"):
        Problem("x", part, part, part, part, 3, "regression", 1.0, 0.0, ("r2",))

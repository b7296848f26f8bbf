"""Lessons one after another: how they are cut, what each learner does about the past, and the Fisher information."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from anlage.errors import Diverged, RecipeError, UnknownName
from anlage.experience.memory_capacity import MemoryCapacity
from anlage.experience.problem import Problem, one_hot, pose
from anlage.experience.still_image import StillImages
from anlage.learning import Assay, Blueprint, InTurn, assay
from anlage.learning.assay import assay_design, input_only
from anlage.learning.in_turn import Anchor, Past, fisher, learn_in_turn
from anlage.learning.lesson import in_lessons, together
from anlage.network import PerceptronDesign
from anlage.network.perceptron import Perceptron
from anlage.network.recurrent import Physiology
from anlage.seed import Seed
from anlage.study.question import read_question

IMAGES = Assay(
    name="in-turn",
    topology=Blueprint(connectome="worm-witvliet-1"),
    physiology=Physiology(plasticity="signed", ticks=1),
    task=StillImages(moments=2, n_train=200, n_test=100),
    readout=InTurn(epochs=2, batch=20, learning_rate=0.01),
)


def problem(n: int = 120, n_classes: int = 6, seed: int = 0) -> Problem:
    """Classes that lie apart in as many numbers and two of noise."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % n_classes
    shown = np.concatenate([3 * np.eye(n_classes)[label], np.zeros((n, 2))], 1) + rng.normal(size=(n, n_classes + 2))
    part = shown[:, None], one_hot(label, n_classes)
    return pose("made", part, part, ("accuracy",), 1.0)


def linear(n_in: int, n_out: int, seed: int = 1) -> Perceptron:
    return Perceptron(n_in, n_out, (), 1, torch.Generator().manual_seed(seed))


def test_lessons_share_out_the_classes_and_every_sequence_once() -> None:
    whole = problem()
    for scenario, width in (("class", 6), ("domain", 2)):
        lessons = in_lessons(whole, 3, scenario, np.random.default_rng(4))  # type: ignore[arg-type]
        assert [lesson.train_answer.shape[-1] for lesson in lessons] == [width] * 3
        rows = torch.cat([lesson.train for lesson in lessons]).flatten(1)
        assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, whole.train.flatten(1).tolist()))
        seen = [{tuple(row) for row in lesson.train_answer[:, 0].tolist()} for lesson in lessons]
        assert all(len(answers) == 2 for answers in seen)
        if scenario == "class":
            assert len(set.union(*seen)) == 6
            assert {c.chance for c in lessons} == {whole.chance}
        else:
            assert {c.chance for c in lessons} == {0.5}
    order = [in_lessons(whole, 3, "class", np.random.default_rng(s))[0].train_answer.sum(0).tolist() for s in range(4)]
    assert len({str(one) for one in order}) > 1


def test_a_domain_asks_for_the_place_of_a_class_in_its_lesson() -> None:
    whole = problem()
    rng = np.random.default_rng(4)
    dealt = np.random.default_rng(4).permutation(6).reshape(3, 2)
    for classes, lesson in zip(dealt, in_lessons(whole, 3, "domain", rng), strict=True):
        label = whole.train_answer[:, 0].argmax(-1).numpy()
        wanted = np.array([list(classes).index(one) for one in label if one in classes])
        np.testing.assert_array_equal(lesson.train_answer[:, 0].argmax(-1).numpy(), wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lessons": 4}, "readout.lessons is 4, but the 10 classes"),
        ({"lessons": 10}, "at least two"),
        ({"lessons": 1}, "readout.lessons is 1, but must be at least 2"),
        ({"memory": 3}, "readout.memory is 3, but must be at least 5"),
        ({"strength": -1.0}, "strength -1.0, but the rate"),
    ],
)
def test_impossible_lessons_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        assay(replace(IMAGES, readout=replace(IMAGES.readout, **change)))  # type: ignore[type-var]


def test_tasks_without_classes_and_unknown_words_are_refused() -> None:
    with pytest.raises(RecipeError, match="scored by memory_capacity"):
        assay(replace(IMAGES, task=MemoryCapacity(length=60, n_train=2, n_test=2)))
    with pytest.raises(UnknownName, match=r"value of recipe\.readout\.learner called 'reply'; did you mean 'replay'"):
        read_question(IMAGES.to_toml().replace('learner = "naive"', 'learner = "reply"'))
    few = problem(12)
    with pytest.raises(RecipeError, match="A lesson has no sequence"):
        in_lessons(replace(few, test=few.test[:1], test_answer=few.test_answer[:1]), 3, "class", Seed(0).rng())


def test_the_fisher_information_of_a_softmax_regression_is_its_closed_form() -> None:
    """For ``p = softmax(W x + b)``: ``mean_x p_k (1 - p_k) x_d^2`` for a weight, the same without ``x`` for a bias."""
    network = linear(5, 3).double()
    x = torch.randn(40, 1, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    lesson = problem(12, 3)
    torch.set_default_dtype(torch.float64)
    try:
        weight, bias = fisher(network, lesson, x)
    finally:
        torch.set_default_dtype(torch.float32)
    p = torch.softmax(network.unroll(x)[1][:, 0], -1).detach().numpy()
    variance, flat = p * (1 - p), x[:, 0].numpy()
    np.testing.assert_allclose(weight.numpy(), np.einsum("nk,nd->kd", variance, flat**2) / 40, rtol=1e-10)
    np.testing.assert_allclose(bias.numpy(), variance.mean(0), rtol=1e-10)


def test_an_anchor_pulls_with_half_the_weighted_square() -> None:
    now = [torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([[3.0]], requires_grad=True)]
    anchor = Anchor(
        (torch.tensor([0.0, 2.5]), torch.tensor([[1.0]])), (torch.tensor([4.0, 8.0]), torch.tensor([[0.5]]))
    )
    pulled = anchor.pull(now)
    assert pulled.item() == pytest.approx((4 * 1 + 8 * 0.25 + 0.5 * 4) / 2)
    pulled.backward()
    assert now[0].grad is not None and now[0].grad.tolist() == [4.0, -4.0]


def pairs(shown: torch.Tensor, answer: torch.Tensor) -> set[tuple[float, ...]]:
    return set(map(tuple, torch.cat([shown.flatten(1), answer.flatten(1)], 1).tolist()))


def test_a_memory_is_shared_equally_and_holds_what_was_shown() -> None:
    past, readout = Past(), InTurn(learner="replay", memory=12)
    lessons = in_lessons(problem(), 3, "class", Seed(0).rng())
    for number, lesson in enumerate(lessons):
        past.keep(linear(8, 6), lesson, readout, Seed(number).rng())
        assert [len(shown) for shown, _ in past.sequences] == [12 // (number + 1)] * (number + 1)
    for lesson, (shown, answer) in zip(lessons, past.sequences, strict=True):
        assert pairs(shown, answer) <= pairs(lesson.train, lesson.train_answer)
        assert len(shown.flatten(1).unique(dim=0)) == len(shown)


def run(learner: str, scenario: str = "class", **change: float) -> list[dict[str, int | float]]:
    readout = InTurn(
        learner=learner,  # type: ignore[arg-type]
        scenario=scenario,  # type: ignore[arg-type]
        **{"lessons": 3, "epochs": 4, "batch": 10, "learning_rate": 0.05, "memory": 30, **change},  # type: ignore[arg-type]
    )
    whole = problem(180)
    lessons = in_lessons(whole, 3, readout.scenario, Seed(3).rng())
    return learn_in_turn(linear(8, lessons[0].train_answer.shape[-1]), lessons, readout, Seed(1))


def test_replay_keeps_what_the_naive_learner_loses_and_the_joint_one_never_had_to_lose() -> None:
    naive, replay, joint = (run(learner) for learner in ("naive", "replay", "joint"))
    assert [len(curve) for curve in (naive, replay, joint)] == [4, 4, 2]
    assert naive[-1]["accuracy"] < 0.6 < 0.8 < replay[-1]["accuracy"] < joint[-1]["accuracy"] + 0.05
    assert naive[-1]["forgetting"] > 2 * replay[-1]["forgetting"]
    assert joint[-1]["forgetting"] == joint[-1]["backward_transfer"] == 0
    assert naive[-1]["step"] == joint[-1]["step"] == 4 * 18
    assert naive[1] == replay[1]  # there is nothing to recall in the first lesson
    assert "forward_transfer" not in naive[-1] and "forward_transfer" in run("naive", "domain")[-1]


def test_the_measures_of_a_curve_are_those_of_its_accuracies() -> None:
    curve = run("naive", "domain")
    lessons = [f"lesson_{j}" for j in (1, 2, 3)]
    untrained, *rows = ([entry[name] for name in lessons] for entry in curve)
    matrix = np.array(rows)
    assert curve[-1]["accuracy"] == pytest.approx(matrix[2].mean())
    assert curve[-1]["forgetting"] == pytest.approx((matrix[:2, :2].max(0) - matrix[2, :2]).mean())
    assert curve[-1]["backward_transfer"] == pytest.approx((matrix[2, :2] - matrix.diagonal()[:2]).mean())
    assert curve[-1]["forward_transfer"] == pytest.approx(
        np.mean([matrix[0, 1] - untrained[1], matrix[1, 2] - untrained[2]])
    )
    assert curve[2]["forgetting"] == pytest.approx(matrix[0, 0] - matrix[1, 0])


def test_an_anchor_of_no_strength_is_the_naive_learner_and_a_strong_one_holds_the_first_lesson() -> None:
    naive = run("naive", "domain")
    assert run("ewc", "domain", strength=0.0) == naive
    strong = run("ewc", "domain", strength=1e4)
    assert strong[-1]["lesson_1"] > naive[-1]["lesson_1"] + 0.1
    assert strong[-1]["lesson_3"] < naive[-1]["lesson_3"]


def test_a_loss_that_is_not_finite_ends_the_lessons() -> None:
    whole = problem()
    lessons = in_lessons(replace(whole, train=whole.train * torch.inf), 3, "class", Seed(3).rng())
    with pytest.raises(Diverged, match=r"lower the learning rate or readout\.strength"):
        learn_in_turn(linear(8, 6), lessons, InTurn(lessons=3), Seed(1))


def test_an_assay_in_turn_is_compared_like_any_other_and_gives_the_same_numbers_twice() -> None:
    found = assay(IMAGES)
    assert found.scores["accuracy"] == assay(IMAGES).scores["accuracy"]
    assert len(found.curve) == 6 and {"forgetting", "lesson_5"} < set(found.scores)
    domain = replace(IMAGES, readout=InTurn(scenario="domain", epochs=1))
    assert domain.to_toml().count('kind = "in-turn"') == 1
    engineered = assay_design(domain, PerceptronDesign(layers=1))
    assert engineered.network.unroll(torch.zeros(1, 2, 64))[1].shape[-1] == 2
    assert input_only(domain)["accuracy"] > 0.7
    text = (
        IMAGES.to_toml() + '\n[comparison]\ncontrols = ["degree-preserving"]\noutcomes = ["accuracy", "forgetting"]\n'
    )
    assert read_question(text).recipe == IMAGES


def test_all_lessons_together_are_the_whole_again() -> None:
    whole = problem()
    joined = together(in_lessons(whole, 3, "class", Seed(2).rng()))
    assert joined.train.sum() == pytest.approx(float(whole.train.sum()), rel=1e-5)
    assert len(joined.test) == len(whole.test)

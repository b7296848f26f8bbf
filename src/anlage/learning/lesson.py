"""A problem of many classes, cut into lessons of a few classes each."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from anlage.errors import RecipeError
from anlage.experience.measure import MEASURES
from anlage.experience.problem import Problem
from anlage.learning.readout import Scenario


def in_lessons(problem: Problem, n_lessons: int, scenario: Scenario, rng: np.random.Generator) -> tuple[Problem, ...]:
    """The problem as ``n_lessons`` problems with as many classes each; which ones, and in which order, is drawn.

    ``class``: every lesson asks for one of all classes, those of other lessons included (class-incremental learning). ``domain``:
    it asks which of its own classes is seen, by their place in the lesson, so that all lessons give the same few answers
    (domain-incremental; van de Ven, Tuytelaars & Tolias 2022, Nat Mach Intell 4:1185). The oracle stays that of the whole: who
    names the class knows its place too. Raises ``RecipeError`` for a problem that has no such classes.
    """
    if problem.primary != "accuracy" or problem.train_answer.shape[1] != 1:
        raise RecipeError(
            f"Lessons are made of classes, but this problem is scored by {problem.primary} at {problem.train_answer.shape[1]} "
            "moments; take a task that asks for one class at the end of each sequence."
        )
    n_classes = problem.train_answer.shape[-1]
    if n_classes % n_lessons or n_classes < 2 * n_lessons:
        raise RecipeError(
            f"readout.lessons is {n_lessons}, but the {n_classes} classes of the task must fall into lessons of as many classes "
            "each, at least two."
        )
    dealt = torch.from_numpy(rng.permutation(n_classes)).view(n_lessons, -1)
    lessons = tuple(_of(problem, classes, scenario) for classes in dealt)
    if any(not len(part) for lesson in lessons for part in (lesson.train, lesson.test)):
        raise RecipeError("A lesson has no sequence to learn or to test; raise task.n_train or task.n_test.")
    whole = together(lessons)
    trivial = whole.train_answer.double().mean((0, 1)).expand_as(whole.test_answer)
    chance = MEASURES["accuracy"].of(trivial.numpy(), whole.test_answer.double().numpy())
    return tuple(replace(lesson, chance=chance) for lesson in lessons)


def together(lessons: tuple[Problem, ...]) -> Problem:
    """All lessons as one problem."""
    first, *others = lessons
    if not others:
        return first
    parts = ("train", "train_answer", "test", "test_answer")
    train, train_answer, test, test_answer = (torch.cat([getattr(one, name) for one in lessons]) for name in parts)
    return replace(first, train=train, train_answer=train_answer, test=test, test_answer=test_answer)


def _of(problem: Problem, classes: Tensor, scenario: Scenario) -> Problem:
    def part(shown: Tensor, answer: Tensor) -> tuple[Tensor, Tensor]:
        rows = torch.isin(answer.argmax(-1)[:, 0], classes)
        return shown[rows], answer[rows] if scenario == "class" else answer[rows][..., classes]

    train, train_answer = part(problem.train, problem.train_answer)
    test, test_answer = part(problem.test, problem.test_answer)
    return replace(problem, train=train, train_answer=train_answer, test=test, test_answer=test_answer)

"""Every task that anlage ships passes the check, and the check can fail: one deliberate defect for every sentence it can say."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anlage.errors import RecipeError, UnknownName
from anlage.experience import TASKS, Problem, Task
from anlage.experience.item_recall import ItemRecall
from anlage.experience.problem import pose
from anlage.learning.table import from_table, to_table, toml
from anlage.testing import check_task

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"

# Small versions, so that all are opened three times in a few seconds; what needs data names its folder.
SMALL: dict[str, tuple[dict[str, object], str]] = {
    "memory-capacity": ({"n_delays": 5, "length": 200}, ""),
    "narma-10": ({"length": 200}, ""),
    "mackey-glass": ({"length": 150, "washout": 20}, ""),
    "three-body": ({"length": 70, "washout": 20, "n_train": 3, "n_test": 2}, ""),
    "item-recall": ({"n_train": 100, "n_test": 50}, ""),
    "path-integration": ({"n_train": 10, "n_test": 10}, ""),
    "still-images": ({"n_train": 100, "n_test": 50}, ""),
    "image-rows": ({"n_train": 100, "n_test": 50}, ""),
    "few-shot": ({"n_train": 20, "n_test": 200}, "omniglot_small"),
    "spoken-digit-naming": ({"frames": 20, "n_train": 300, "n_test": 50}, "fsdd"),
    "odours": ({"ask": "mixture", "n_train": 200, "n_test": 100}, "odor"),
    "next-byte": ({"n_train": 40, "n_test": 10, "length": 40, "n_gram": 2}, ""),
    "chess-value": ({"moments": 1}, "chess"),
    "chess-moves": ({"moments": 1}, "chess"),
}


def test_every_task_of_the_catalogue_is_checked() -> None:
    assert list(SMALL) == list(TASKS)


@pytest.mark.parametrize(
    "word", [word for word in TASKS if word not in ("few-shot", "spoken-digit-naming", "chess-value", "chess-moves")]
)
def test_every_task_passes(word: str) -> None:
    given, folder = SMALL[word]
    if folder and not (REAL_DATA / folder).is_dir():
        pytest.skip(f"{folder} is not in the data folder")
    task = TASKS[word](**given)
    assert isinstance(task, Task)
    check_task(task)


@pytest.mark.parametrize("word", TASKS)
def test_every_task_goes_into_a_recipe_and_comes_back_the_same(word: str) -> None:
    task = TASKS[word](**SMALL[word][0])
    table = tomllib.loads(toml({"task": to_table(task, {Task: TASKS})}))["task"]
    assert table["kind"] == word
    del table["kind"]
    again = from_table(TASKS[word], table, "task", {Task: TASKS})
    assert again == task
    assert hash(again) == hash(task)
    assert task.source.bibtex.startswith("@")
    assert task.source.licence


def test_a_table_with_a_word_out_of_range_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"value of task.images called 'mnits'; did you mean 'mnist'"):
        from_table(TASKS["still-images"], {"images": "mnits"}, "task", {Task: TASKS})
    with pytest.raises(RecipeError, match="n_items is 0, but must be 1 to 100"):
        from_table(TASKS["item-recall"], {"n_items": 0}, "task", {Task: TASKS})


@dataclass(frozen=True)
class Defective:
    """A sound task with one defect put in."""

    defect: Callable[[Problem, np.random.Generator], Problem]
    source = ItemRecall.source

    def open(self, rng: np.random.Generator) -> Problem:
        rows = rng.normal(size=(12, 6, 2))
        answers = np.eye(3)[rng.permutation(np.arange(12) % 3)][:, None]
        sound = pose("noise", (rows[:6], answers[:6]), (rows[6:], answers[6:]), ("accuracy",), 0.9)
        return self.defect(sound, rng)


def other(problem: Problem, rng: np.random.Generator) -> Problem:
    return replace(problem, train=problem.train + torch.from_numpy(np.random.default_rng().normal(size=2)))


def unchecked(problem: Problem, **changes: object) -> Problem:
    """A problem with shapes that only somebody without shape checks could have made."""
    made = object.__new__(Problem)
    for field in fields(Problem):
        object.__setattr__(made, field.name, changes.get(field.name, getattr(problem, field.name)))
    return made


DEFECTS: dict[str, Callable[[Problem, np.random.Generator], Problem]] = {
    "gave two problems": other,
    "are not finite": lambda p, rng: replace(p, test=p.test / 0),
    "for 1 moment or all 6 after the washout": lambda p, rng: unchecked(p, test_answer=p.test_answer.expand(-1, 3, -1)),
    "do not add up to one": lambda p, rng: replace(p, train_answer=2 * p.train_answer),
    "must be able to take both": lambda p, rng: unchecked(p, train=p.train[..., :1]),
    "test sequences are also learned from": lambda p, rng: replace(p, train=p.test, train_answer=p.test_answer),
    "nothing can be better than right": lambda p, rng: replace(p, oracle=1.1),
    "chance is what knowing nothing reaches": lambda p, rng: replace(p, chance=p.chance - 0.1),
    "nothing is to be learned from this": lambda p, rng: replace(p, oracle=p.chance),
    "would not be independent": lambda p, rng: Defective(lambda q, _: q).open(np.random.default_rng(9)),
}


@pytest.mark.parametrize("sentence", DEFECTS)
def test_a_task_with_one_defect_is_told_so_in_one_sentence(sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence) as caught:
        check_task(Defective(DEFECTS[sentence]))
    message = str(caught.value)
    assert message.endswith(".")
    assert ". " not in message
    assert "\n" not in message


def test_a_task_without_a_citation_is_told_so() -> None:
    class Uncited(Defective):
        source = replace(ItemRecall.source, bibtex="")

    with pytest.raises(AssertionError, match="must be citable"):
        check_task(Uncited(lambda p, rng: p))


def test_the_sound_task_passes() -> None:
    check_task(Defective(lambda p, rng: p))

"""Day and night: by day the mind lives as one and learns nothing; by night every area learns by itself from its own day.

So no gradient has a way from one area to another, nights can be spent in any order and in separate processes, and what is
kept after each is enough to go on.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from anlage.errors import AnlageError, CheckpointError, RecipeError
from anlage.experience import SharedWorld
from anlage.learning.checkpoint import read_json, read_text, write_json, write_text
from anlage.learning.grow import demand_alive
from anlage.mind.measure import measure
from anlage.mind.mind import Life, Mind
from anlage.mind.night import Night, keep, recall
from anlage.mind.recipe import MindRecipe, Nights, read_mind
from anlage.mind.sleep import sleepers
from anlage.seed import Seed

FORMAT = "anlage-mind-1"
Progress = Callable[[str, int, int], None]
"""Called with what is being counted, how many are done, and how many there are: the steps of every area."""
Entry = dict[str, Any]
"""What was measured after so many nights; see ``measure``."""


@dataclass(frozen=True, slots=True, eq=False)
class GrownMind:
    """A grown mind and its curve; ``curve[n]`` is after ``n`` nights, and ``curve[0]`` the untrained control.

    ``old``: areas that were taken from another mind and did not learn here.
    """

    recipe: MindRecipe
    mind: Mind
    curve: list[Entry]
    old: tuple[str, ...]


def grow_mind(
    recipe: MindRecipe,
    folder: Path,
    *,
    resume: bool = False,
    workers: int = 1,
    onto: Path | None = None,
    progress: Progress | None = None,
) -> GrownMind:
    """Grow a mind in a folder: ``mind.toml``, a checkpoint per area and night, what was measured after each night.

    ``workers``: processes that spend nights; the numbers do not depend on it.
    ``onto``: the folder of a finished mind whose areas this one has too; they are taken over and stay exactly as they are, and
    only the areas that are new learn.

    Raises ``RecipeError`` when the folder holds another mind, or this one and ``resume`` is not set, ``Diverged`` when an area
    diverges or collapses, ``CheckpointError`` for a damaged file.
    """
    if workers < 1:
        raise AnlageError(f"workers is {workers}, but must be at least 1.")
    old, report = _old(recipe, onto), progress or (lambda _what, _done, _total: None)
    _claim(recipe, folder, resume, old)
    world = recipe.experience.open()
    with one_thread(), sleepers(workers) as spend:
        mind = Mind(recipe, world.n_input)
        for name in old:
            recall(mind.parts[name], _recipe(onto), _night(onto, _recipe(onto).schedule.days, name))
            keep(mind.parts[name], recipe, _night(folder, recipe.schedule.days, name), 0)
        learners = [name for name in mind.parts if name not in old]
        nights = _nights_done(folder, recipe, learners)
        if nights:
            _wake(mind, folder, nights, learners)
            _forget(folder, nights - 1, learners)
        curve = [_read_entry(folder, night) for night in range(nights)]
        for night in range(nights, recipe.schedule.days):
            curve.append(_evening(mind, world, folder, night, curve, old))
            life = mind.live(world.draw(recipe.schedule.sequences, _stream(recipe, night))[0])
            wanted = _sleep(mind, life, folder, night, learners)
            spend(wanted, _telling(report, recipe.schedule, night, learners, wanted))
            _wake(mind, folder, night + 1, learners)
            _forget(folder, night, learners)
        curve.append(_evening(mind, world, folder, recipe.schedule.days, curve, old))
    return GrownMind(recipe, mind, curve, old)


def read_grown(folder: Path) -> GrownMind:
    """A finished mind from its folder; raises ``AnlageError`` when there is none or it is not finished."""
    recipe = _recipe(folder)
    with one_thread():
        mind = Mind(recipe, recipe.experience.open().n_input)
        curve = [_read_entry(folder, night) for night in range(recipe.schedule.days + 1)]
        _wake(mind, folder, recipe.schedule.days, list(mind.parts))
    return GrownMind(recipe, mind, curve, tuple(curve[0]["old"]))


def _recipe(folder: Path | None) -> MindRecipe:
    if folder is None or not (folder / "mind.toml").is_file():
        raise AnlageError(
            f"{folder} holds no mind (it has no mind.toml); name a folder that `anlage grow` has written."
        )
    return read_mind(read_text(folder / "mind.toml"), str(folder / "mind.toml"))


def _old(recipe: MindRecipe, onto: Path | None) -> tuple[str, ...]:
    """Names of the areas, and of the workspace, that are taken over; each must be wanted as it was."""
    if onto is None:
        return ()
    before = _recipe(onto)
    width = recipe.workspace.width
    if before.workspace != recipe.workspace or before.seed != recipe.seed or before.experience != recipe.experience:
        raise RecipeError(
            f"The mind in {onto} has another workspace, seed or experience; what is grown onto it must keep these three."
        )
    names = {area.name: area for area in recipe.areas}
    for area in before.areas:
        if names.get(area.name) != area:
            raise RecipeError(
                f"The area {area.name} of the mind in {onto} is missing or different in this recipe; keep it as it was."
            )
    return tuple(area.name for area in before.areas) + (("workspace",) if width else ())


def _claim(recipe: MindRecipe, folder: Path, resume: bool, old: tuple[str, ...]) -> None:
    asked = folder / "mind.toml"
    if asked.exists() and any(folder.glob("days/*.json")):
        other = _recipe(folder)
        if other.identity != recipe.identity:
            raise RecipeError(
                f"{folder} holds another mind ({other.name}, identity {other.identity}; this one is {recipe.name}, "
                f"{recipe.identity}); choose another folder with --out."
            )
        if not resume:
            raise RecipeError(
                f"{folder} already holds this mind; add --resume to go on with it, or choose another --out."
            )
        if tuple(_read_entry(folder, 0)["old"]) != old:
            raise RecipeError(
                f"The mind in {folder} was begun with other areas taken over; give the same --onto as then."
            )
    elif any((folder / name).exists() for name in ("question.toml", "result.json")):
        raise RecipeError(f"{folder} holds a run of a single network; choose another folder with --out.")
    write_text(asked, recipe.to_toml())


def _night(folder: Path | None, nights: int, name: str) -> Path:
    """File of one area after so many nights."""
    return (folder or Path()) / "nights" / f"{name}-{nights:03d}.safetensors"


def _nights_done(folder: Path, recipe: MindRecipe, learners: Sequence[str]) -> int:
    """The last night that every area has finished."""
    for nights in range(recipe.schedule.days, 0, -1):
        if learners and all(_night(folder, nights, name).exists() for name in learners):
            return nights
    return 0


def _stream(recipe: MindRecipe, day: int) -> np.random.Generator:
    """What decides a day: the seed and its number, so that it can be lived again."""
    return Seed(recipe.seed).child("day").child(day).rng()


def _wake(mind: Mind, folder: Path, nights: int, learners: Sequence[str]) -> None:
    for name in learners:
        recall(mind.parts[name], mind.recipe, _night(folder, nights, name))


def _evening(
    mind: Mind, world: SharedWorld, folder: Path, night: int, curve: list[Entry], old: tuple[str, ...]
) -> Entry:
    """What is measured after so many nights: read where it was measured before."""
    path = folder / "days" / f"{night:03d}.json"
    entry = read_json(path, lambda entry: entry.get("identity") == mind.recipe.identity)
    if entry is None:
        entry = {
            "format": FORMAT,
            "identity": mind.recipe.identity,
            "step": night,
            "old": list(old),
            **measure(mind, world),
        }
        write_json(path, entry)
    for name in mind.parts:
        both: list[Any] = [{"step": e["step"], **e["areas"][name]} for e in (*curve[:1], entry)]
        demand_alive(f"the area {name}", both)
    return entry


def _read_entry(folder: Path, night: int) -> Entry:
    path = folder / "days" / f"{night:03d}.json"
    entry = read_json(path, lambda entry: entry.get("format") == FORMAT)
    if entry is None:
        raise CheckpointError(
            f"{path} is missing or damaged; finish the run with --resume, or delete {folder} to start again."
        )
    return entry


def _sleep(mind: Mind, life: Life, folder: Path, night: int, learners: Sequence[str]) -> list[Night]:
    """The nights after a day that have not been spent yet."""
    wanted = []
    for name in learners:
        before, after = (_night(folder, nights, name) for nights in (night, night + 1))
        if not after.exists():
            received = life.received[name]
            wanted.append(Night.of(mind.recipe, name, night, received, before if night else None, after))
    return wanted


def _telling(
    report: Progress, schedule: Nights, night: int, learners: Sequence[str], wanted: Sequence[Night]
) -> Callable[[str, int], None]:
    """What tells of a night's steps as of those of all nights, after saying where every area stands."""

    def told(name: str, done: int) -> None:
        report(f"steps of {name}", night * schedule.steps + done, schedule.days * schedule.steps)

    spent = set(learners) - {one.name for one in wanted}
    for name in learners:
        told(name, schedule.steps if name in spent else 0)
    return told


def _forget(folder: Path, night: int, learners: Sequence[str]) -> None:
    """The night before last is no longer needed once all have woken from the last."""
    for name in learners:
        _night(folder, night, name).unlink(missing_ok=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread, so that numbers do not depend on the machine's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def cores() -> int:
    """Processor cores that this process may use, at most 8."""
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)

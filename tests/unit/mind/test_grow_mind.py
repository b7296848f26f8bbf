"""Nights: kills, processes, new areas, folders."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from anlage.errors import AnlageError, CheckpointError, Diverged, RecipeError
from anlage.learning import Blueprint
from anlage.mind import Area, AreaPlan, GrownMind, MindRecipe, Nights, WorkspacePlan, grow_mind, read_grown
from anlage.objective import SigregPrediction
from anlage.study.mind_report import write_mind_report

SMALLEST = Blueprint(connectome="worm-witvliet-1")
RECIPE = MindRecipe(
    name="tiny",
    areas=(AreaPlan("visual", ("image",), SMALLEST), AreaPlan("language", ("word",), SMALLEST)),
    workspace=WorkspacePlan(width=4, latent=3, topology=SMALLEST),
    schedule=Nights(days=2, sequences=6, steps=2, batch=4, learning_rate=0.01),
)


def numbers(grown: GrownMind) -> dict[str, torch.Tensor]:
    return {f"{name}.{k}": v for name, part in grown.mind.parts.items() for k, v in part.memory().items()}


def same(one: GrownMind, other: GrownMind) -> bool:
    first, second = numbers(one), numbers(other)
    return (
        one.curve == other.curve
        and first.keys() == second.keys()
        and all(torch.equal(first[k], second[k]) for k in first)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mind")


@pytest.fixture(scope="module")
def whole(folder: Path) -> GrownMind:
    return grow_mind(RECIPE, folder)


def test_nights_in_separate_processes_give_the_same_mind(tmp_path: Path) -> None:
    short = replace(RECIPE, schedule=replace(RECIPE.schedule, days=1))
    assert same(grow_mind(short, tmp_path / "two", workers=2), grow_mind(short, tmp_path / "one"))


def killed_in(name: str, night: int, when: str) -> Callable[..., None]:
    """``Area.learn`` that is killed in one night of one area: before it learned, or before anything is written."""
    learn = Area.learn

    def deadly(area: Area, received: object, number: int, progress: object = None) -> None:
        here = (area.plan.name, number) == (name, night)
        if here and when == "before":
            raise KeyboardInterrupt
        learn(area, received, number, progress)  # type: ignore[arg-type]
        if here:
            raise KeyboardInterrupt

    return deadly


def test_kills_in_nights_drawn_at_random_change_nothing(
    whole: GrownMind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    deaths = sorted((int(rng.integers(2)), str(rng.choice(list(whole.mind.parts)))) for _ in range(3))
    for night, name in deaths:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Area, "learn", killed_in(name, night, str(rng.choice(["before", "after"]))))
            grow_mind(RECIPE, tmp_path, resume=True)
    assert same(grow_mind(RECIPE, tmp_path, resume=True), whole)


def test_what_was_finished_in_a_night_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Area, "learn", killed_in("language", 0, "before"))
        grow_mind(RECIPE, tmp_path)
    kept = (tmp_path / "nights" / "visual-001.safetensors").stat().st_mtime_ns
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Area, "learn", killed_in("workspace", 0, "before"))
        grow_mind(RECIPE, tmp_path, resume=True)
    assert (tmp_path / "nights" / "visual-001.safetensors").stat().st_mtime_ns == kept


def test_a_finished_mind_is_read_as_it_was_and_reported_twice_in_the_same_bytes(whole: GrownMind, folder: Path) -> None:
    again = read_grown(folder)
    assert same(again, whole)
    first = write_mind_report(whole, folder).read_bytes()
    assert write_mind_report(again, folder).read_bytes() == first
    html = first.decode()
    assert "<script" not in html and "src=" not in html and 'href="http' not in html
    for name in whole.mind.areas:
        assert html.count(name) > 5
    assert "The pairing is constructed" in html


def test_only_the_last_night_is_kept(whole: GrownMind, folder: Path) -> None:
    assert {p.name for p in (folder / "nights").iterdir()} == {f"{n}-002.safetensors" for n in whole.mind.parts}
    assert sorted(p.name for p in (folder / "days").iterdir()) == ["000.json", "001.json", "002.json"]


def test_a_kill_while_old_nights_are_thrown_away_leaves_none_of_them(
    whole: GrownMind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(_folder: Path, night: int, _learners: object) -> None:
        if night == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("anlage.mind.grow._forget", deadly)
        grow_mind(RECIPE, tmp_path)
    assert same(grow_mind(RECIPE, tmp_path, resume=True), whole)
    assert {p.name for p in (tmp_path / "nights").iterdir()} == {f"{n}-002.safetensors" for n in whole.mind.parts}


def test_an_area_that_is_grown_onto_a_mind_leaves_the_old_ones_bit_for_bit(
    whole: GrownMind, folder: Path, tmp_path: Path
) -> None:
    newcomer = AreaPlan("smell", ("odour",), SMALLEST)
    larger = replace(RECIPE, name="larger", areas=(*RECIPE.areas, newcomer))
    grown = grow_mind(larger, tmp_path, onto=folder)
    old = load_file(folder / "nights" / "visual-002.safetensors")
    now = grown.mind.areas["visual"].memory()
    assert old.keys() == now.keys() and all(torch.equal(old[k], now[k]) for k in old)
    before, after = whole.mind.workspace, grown.mind.workspace
    assert before is not None and after is not None
    assert all(torch.equal(v, after.state_dict()[k]) for k, v in before.state_dict().items())
    assert grown.old == ("visual", "language", "workspace")
    assert (tmp_path / "nights" / "smell-002.safetensors").exists()
    assert same(read_grown(tmp_path), grown)
    untrained = grow_mind(replace(larger, schedule=replace(larger.schedule, days=1)), tmp_path / "once", onto=folder)
    weight = "area.encoder.map.weight"
    assert not torch.equal(untrained.mind.areas["smell"].memory()[weight], grown.mind.areas["smell"].memory()[weight])
    assert grown.curve[0]["areas"]["smell"] != grown.curve[-1]["areas"]["smell"]


def test_an_old_area_that_is_wanted_otherwise_is_refused(folder: Path, whole: GrownMind, tmp_path: Path) -> None:
    other = replace(RECIPE, areas=(replace(RECIPE.areas[0], latent=3), *RECIPE.areas[1:]))
    with pytest.raises(RecipeError, match=r"visual of the mind in .* is missing or different"):
        grow_mind(other, tmp_path, onto=folder)
    with pytest.raises(RecipeError, match="another workspace, seed or experience"):
        grow_mind(replace(RECIPE, seed=5), tmp_path, onto=folder)
    with pytest.raises(AnlageError, match="holds no mind"):
        grow_mind(RECIPE, tmp_path, onto=tmp_path / "nowhere")
    with pytest.raises(RecipeError, match="give the same --onto as then"):
        grow_mind(RECIPE, folder, resume=True, onto=folder)


def test_a_folder_with_another_mind_or_without_resume_is_refused(folder: Path, whole: GrownMind) -> None:
    with pytest.raises(RecipeError, match="already holds this mind; add --resume"):
        grow_mind(RECIPE, folder)
    with pytest.raises(RecipeError, match="holds another mind"):
        grow_mind(replace(RECIPE, seed=1), folder, resume=True)


def test_a_damaged_night_is_refused_by_name(folder: Path, whole: GrownMind, tmp_path: Path) -> None:
    for path in folder.rglob("*.*"):
        target = tmp_path / path.relative_to(folder)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    night = tmp_path / "nights" / "language-002.safetensors"
    night.write_bytes(night.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match=r"language-002\.safetensors is damaged"):
        grow_mind(RECIPE, tmp_path, resume=True)
    (tmp_path / "days" / "001.json").write_text("{")
    with pytest.raises(AnlageError, match="damaged"):
        read_grown(tmp_path)


def test_an_area_that_collapses_stops_the_mind_and_is_named(tmp_path: Path) -> None:
    collapsing = replace(RECIPE.areas[1], objective=SigregPrediction(0.0))
    schedule = Nights(days=2, sequences=16, steps=40, batch=8, learning_rate=0.05)
    recipe = replace(RECIPE, areas=(collapsing,), workspace=WorkspacePlan(width=0), schedule=schedule)
    with pytest.raises(Diverged, match="The embedding of the area language collapsed"):
        grow_mind(recipe, tmp_path)


def test_what_was_measured_is_what_can_be_read_in_the_folder(folder: Path, whole: GrownMind) -> None:
    entry = json.loads((folder / "days" / "002.json").read_text())
    assert entry == whole.curve[-1]
    for gate, holder in zip(entry["gate"], entry["holder"], strict=True):
        assert sum(gate) == pytest.approx(1) and sum(holder) == pytest.approx(1)

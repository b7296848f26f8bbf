"""Run the question: python evidence/mind-of-areas/run.py; finished records are kept, so it can be interrupted."""

import shutil
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import RidgeCV

from anlage.experience.paired import MODALITIES, PairedWorld
from anlage.learning.checkpoint import read_json, write_json
from anlage.learning.probe import PENALTIES, probe_accuracy
from anlage.learning.recipe import Blueprint
from anlage.mind import Life, Mind, MindRecipe, grow_mind, read_mind
from anlage.mind.area import Area, Received
from anlage.mind.grow import one_thread
from anlage.mind.recipe import AreaPlan
from anlage.network import budget
from anlage.objective import unexplained
from anlage.seed import Seed
from anlage.trace import Episode

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def recipe_of(question: dict, arm: dict, seed: int) -> MindRecipe:
    """The recipe of one arm and seed."""
    asked = question["mind"]
    recipe = read_mind((ROOT / asked["recipe"]).read_text("utf-8"))
    schedule = replace(recipe.schedule, **{k: v for k, v in asked.items() if k != "recipe"})
    return replace(recipe, schedule=schedule, workspace=replace(recipe.workspace, **arm), seed=seed)


def onset_error(life: Life, moment: int) -> float:
    """Error about the word's first letter over the variance of the embedding at that moment."""
    trace = life.trace["language"]
    wrong = (trace.prediction[:, moment - 1] - trace.embedding[:, moment]).double().square().sum()
    spread = (trace.embedding[:, moment] - trace.embedding[:, moment].mean(0)).double().square().sum()
    return float(wrong / spread)


def retrieval(
    states: tuple[np.ndarray, np.ndarray], target: np.ndarray, labels: tuple[np.ndarray, np.ndarray]
) -> float:
    """Ridge regression from states onto the target of each label; share of held-out states nearest to their own."""
    mean, spread = states[0].mean(0), states[0].std(0) + 1e-9
    train, test = ((part - mean) / spread for part in states)
    guess = RidgeCV(alphas=PENALTIES).fit(train, target[labels[0]]).predict(test)
    nearest = np.linalg.norm(guess[:, None] - target, axis=2).argmin(1)
    return float((nearest == labels[1]).mean())


def by_label(embedding: torch.Tensor, label: np.ndarray) -> np.ndarray:
    """Mean embedding of each label."""
    numbers = embedding.double().numpy()
    return np.stack([numbers[label == digit].mean(0) for digit in range(10)])


def mind_outcomes(mind: Mind, world: PairedWorld, seed: Seed) -> dict[str, object]:
    """All outcomes of one grown mind."""
    moment = world.paired.word_at
    episode, label = world.draw(1437, seed.child("probe").rng())
    blind = world.held_out(seed.child("held out").rng(), without=("odour", "word"))
    silent = world.silent(episode, ("odour", "word"), seed.child("silence").rng())
    train, test, image, image_test = (
        mind.live(e) for e in (episode, world.held_out(seed.child("held out").rng()), silent, blind)
    )
    labels = (label, world.test_label)
    before = tuple(life.trace["language"].state[:, moment - 1].double().numpy() for life in (train, test))
    found: dict[str, object] = {
        "onset_error": onset_error(test, moment),
        "anticipation": probe_accuracy(before[0], label, before[1], world.test_label),
    }
    states = tuple(life.trace["workspace"].state[:, -1].double().numpy() for life in (image, image_test))
    for what, area, when in (
        ("word", "language", slice(moment, moment + 5)),
        ("odour", "olfactory-memory", slice(-1, None)),
    ):
        target = by_label(train.trace[area].embedding[:, when].flatten(1), label)
        found[f"{what}_from_image"] = retrieval(states, target, labels)
    dropped = {"nothing": test}
    for modality in MODALITIES:
        dropped[modality] = mind.live(world.held_out(seed.child("held out").rng(), without=(modality,)))
    found["dropped"] = {what: {n: unexplained(t) for n, t in life.trace.items()} for what, life in dropped.items()}
    found["dropped_onset"] = {what: onset_error(life, moment) for what, life in dropped.items() if what != "word"}
    found["parameters"] = sum(budget(a.encoder, a.network).trained_parameters for a in mind.parts.values())
    return found


def end_to_end(question: dict, recipe: MindRecipe, world: PairedWorld, least: int) -> dict[str, object]:
    """One network on everything, as large as the mind."""
    asked, seed = question["end_to_end"], Seed(recipe.seed)
    n_input, factor = sum(world.n_input.values()), 1.0
    while True:
        plan = AreaPlan(
            "everything", ("image",), Blueprint(connectome=asked["connectome"], expand=factor), latent=asked["latent"]
        )
        area = Area(plan, n_input, 0, recipe.schedule, seed)
        parameters = budget(area.encoder, area.network).trained_parameters
        if parameters >= least:
            break
        factor += 0.5

    def sensed(episode: Episode) -> torch.Tensor:
        return torch.cat([episode.observation[name] for name in MODALITIES], -1)

    for day in range(recipe.schedule.days):
        episode, _ = world.draw(recipe.schedule.sequences, seed.child("day").child(day).rng())
        area.learn(Received(sensed(episode), None, {}), day)
    probe, label = world.draw(1437, seed.child("probe").rng())
    before = []
    with torch.no_grad():
        for episode in (probe, world.held_out(seed.child("held out").rng())):
            trace = area.trace(sensed(episode), None)
            before.append(trace.state[:, world.paired.word_at - 1, area.network.ports.output].double().numpy())
    accuracy = probe_accuracy(before[0], label, before[1], world.test_label)
    return {
        "anticipation": accuracy,
        "prediction_error": unexplained(trace),
        "parameters": parameters,
        "expand": factor,
    }


def kept(path: Path, recipe: MindRecipe) -> bool:
    """Whether a record of this recipe is there already."""
    return read_json(path, lambda record: record.get("identity") == recipe.identity) is not None


def run_mind(name: str, seed: int, recipe: MindRecipe) -> None:
    """Grow one mind, measure it, keep the record."""
    path = HERE / "results" / f"{name}-{seed}.json"
    if kept(path, recipe):
        return
    folder = Path(tempfile.mkdtemp())
    grown = grow_mind(recipe, folder)
    with one_thread():
        outcomes = mind_outcomes(grown.mind, recipe.experience.open(), Seed(seed))
    write_json(
        path, {"identity": recipe.identity, "arm": name, "seed": seed, **outcomes, "areas": grown.curve[-1]["areas"]}
    )
    shutil.rmtree(folder)
    print(name, seed, {k: v for k, v in outcomes.items() if isinstance(v, float)}, flush=True)


def run_end_to_end(question: dict, seed: int, recipe: MindRecipe) -> None:
    """Train one network on everything, with the seed and at least the parameters of the mind that has the broadcast on."""
    path = HERE / "results" / f"end-to-end-{seed}.json"
    if kept(path, recipe):
        return
    mind = read_json(HERE / "results" / f"on-{seed}.json", bool) or {}
    with one_thread():
        outcomes = end_to_end(question, recipe, recipe.experience.open(), int(str(mind["parameters"])))
    write_json(path, {"identity": recipe.identity, "arm": "end-to-end", "seed": seed, **outcomes})
    print("end-to-end", seed, outcomes, flush=True)


def run_unimodal(question: dict, name: str, times: int, seed: int) -> None:
    """Grow a mind of one area with ``times`` the steps, and keep how well it predicts."""
    recipe = recipe_of(question, {"width": 0}, seed)
    longer = replace(recipe.schedule, steps=times * recipe.schedule.steps)
    recipe = replace(recipe, areas=(recipe.area(name),), schedule=longer)
    path = HERE / "results" / f"unimodal-{name}-{seed}.json"
    if kept(path, recipe):
        return
    folder = Path(tempfile.mkdtemp())
    grown = grow_mind(recipe, folder)
    world, areas = recipe.experience.open(), grown.curve[-1]["areas"]
    outcomes = {"prediction_error": areas[name]["prediction_error"]}
    if name == "language":
        with one_thread():
            life = grown.mind.live(world.held_out(Seed(seed).child("held out").rng()))
        outcomes["onset_error"] = onset_error(life, world.paired.word_at)
    write_json(path, {"identity": recipe.identity, "arm": f"unimodal-{name}", "seed": seed, **outcomes, "areas": areas})
    shutil.rmtree(folder)
    print("unimodal", name, seed, outcomes, flush=True)


def main() -> None:
    """All arms and seeds, seed by seed, so that whatever is finished is paired."""
    question = tomllib.loads((HERE / "question.toml").read_text("utf-8"))
    seeds = range(question["seeds"]["first"], question["seeds"]["first"] + question["seeds"]["n"])
    for seed in seeds:
        for name, arm in question["arms"].items():
            run_mind(name, seed, recipe_of(question, arm, seed))
        run_end_to_end(question, seed, recipe_of(question, question["arms"]["on"], seed))
    for seed in seeds:
        for name, arm in question["widths"].items():
            run_mind(name, seed, recipe_of(question, arm, seed))
    alone = tomllib.loads((HERE / "unimodal.toml").read_text("utf-8"))["unimodal"]
    for seed in seeds:
        for name in alone["areas"]:
            run_unimodal(question, name, alone["times"], seed)


if __name__ == "__main__":
    main()

"""Assays in a comparison: levels, tuning, networks without a wiring; and what was asked before stays what it was."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from anlage.errors import AnlageError, RecipeError
from anlage.experience.memory_capacity import MemoryCapacity
from anlage.experience.still_image import StillImages
from anlage.learning import Assay, Blueprint, Gradient, PortChoice, Recipe, Ridge, Schedule, assay
from anlage.learning.checkpoint import write_json
from anlage.network import Budget, Leaky, Physiology
from anlage.network.network import State
from anlage.study.factor import Factor, grid
from anlage.study.judge import judge
from anlage.study.question import Comparison, Question, read_question
from anlage.study.report import write_report
from anlage.study.run import Run, carry_out, read_run
from anlage.study.statistics import holm
from anlage.study.trial import Record, Trial, trials
from anlage.topology import DegreePreserving, PermuteWeights

ROOT = Path(__file__).parents[3]
MEMORY = Assay(
    name="memory",
    topology=Blueprint(connectome="mushroom-body-left"),
    physiology=Physiology(Leaky(1.0), ticks=1, plasticity="frozen"),
    input_gain=0.1,
    task=MemoryCapacity(n_delays=5, length=46, n_train=2, n_test=1),
    readout=Ridge(penalty=1e-6),
)
FACTORS = (Factor("spectral_radius", (0.3, 0.9)), Factor("physiology.ticks", (1, 2)))
CONTROLS = (DegreePreserving(swaps_per_edge=4.0), PermuteWeights())
QUESTION = Question(MEMORY, Comparison(CONTROLS, graphs=2, outcomes=("memory_capacity",), factors=FACTORS))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have trials run here; the file names of those that were."""
    done: list[str] = []

    def here(missing: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, Record]]:
        for trial in missing:
            done.append(trial.file_name)
            yield trial, trial.run()

    monkeypatch.setattr("anlage.study.compare.in_processes", here)
    return done


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("levels")
    for trial in trials(QUESTION):
        write_json(folder / "results" / trial.file_name, trial.run())
    return carry_out(QUESTION, folder, workers=0)


def test_the_grid_holds_every_combination_of_levels_once() -> None:
    cells = grid((*FACTORS, Factor("ports", ("biological", "all"))))
    expected = set(itertools.product((0.3, 0.9), (1, 2), ("biological", "all")))
    assert [cell.number for cell in cells] == list(range(8))
    assert {tuple(level for _, level in cell.chosen) for cell in cells} == expected
    assert [cell.chosen for cell in grid(())] == [()]


def test_every_arm_gets_every_level_with_the_same_seed_and_the_same_graph(finished: Run) -> None:
    records: list[Any] = list(finished.records)
    asked = [(r["arm"], r["index"], r["level"]["spectral_radius"], r["level"]["physiology.ticks"]) for r in records]
    arms = ("connectome", "degree-preserving", "weight-permuted")
    assert sorted(asked) == sorted(itertools.product(arms, (0, 1), (0.3, 0.9), (1, 2)))
    for index in (0, 1):
        assert len({r["seed"] for r in records if r["index"] == index}) == 1
    for arm, index in itertools.product(arms[1:], (0, 1)):
        same = [r for r in records if (r["arm"], r["index"]) == (arm, index)]
        assert len({str(r["history"][:-1]) for r in same}) == 1
    for r in records:
        assert r["operating_point"]["after"] == r["level"]["spectral_radius"]
        assert r["audit"]["steps"] == 46 * r["level"]["physiology.ticks"]


def test_a_trial_at_a_level_is_the_trial_of_the_recipe_with_that_level(finished: Run) -> None:
    recipe = replace(MEMORY, spectral_radius=0.9, physiology=replace(MEMORY.physiology, ticks=2))
    trial = Trial(Question(recipe, replace(QUESTION.comparison, factors=())), "weight-permuted", 1)
    alone: Any = json.loads(json.dumps(trial.run()))
    level = {"spectral_radius": 0.9, "physiology.ticks": 2}
    (record,) = (r for r in finished.records if (r["arm"], r["index"], r["level"]) == ("weight-permuted", 1, level))
    assert {**record, "question": ""} == {**alone, "question": "", "level": level}


def test_claims_are_made_per_level_and_corrected_over_all_of_them(finished: Run) -> None:
    assert [(c.level, c.control) for c in finished.contrasts] == [
        (f"spectral_radius = {radius}, physiology.ticks = {ticks}", control.name)
        for radius in (0.3, 0.9)
        for ticks in (1, 2)
        for control in CONTROLS
    ]
    raw = np.array([c.p for c in finished.contrasts])
    np.testing.assert_allclose([c.p_holm for c in finished.contrasts], holm(raw))
    for contrast in finished.contrasts:
        scores: dict[str, list[float]] = {"connectome": [], contrast.control: []}
        for r in finished.records:
            at = ", ".join(f"{path} = {value}" for path, value in r["level"].items())  # type: ignore[attr-defined]
            if at == contrast.level and r["arm"] in scores:
                scores[str(r["arm"])].append(r["curve"][-1]["memory_capacity"])  # type: ignore[index]
        gap = np.mean(scores["connectome"]) - np.mean(scores[contrast.control])
        assert contrast.difference == pytest.approx(gap)


def test_a_stopped_study_of_levels_goes_on_where_it_stopped(finished: Run, tmp_path: Path, ran: list[str]) -> None:
    def progress(what: str, done: int, total: int) -> None:
        if what == "trials" and done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(QUESTION, tmp_path, progress=progress)
    resumed = carry_out(QUESTION, tmp_path, resume=True)
    assert len(ran) == len(set(ran)) == 23  # the first was run by itself
    assert json.loads(json.dumps(list(resumed.records))) == json.loads(json.dumps(list(finished.records)))
    assert read_run(tmp_path).input_only == finished.input_only


def test_the_report_shows_every_level_and_draws_them(finished: Run) -> None:
    page = write_report(finished).read_text("utf-8")
    for contrast in finished.contrasts:
        assert contrast.sentence in page
    # One panel of the first factor for each level of the second.
    assert page.count('aria-label="memory capacity (higher is better), physiology.ticks = ') == 2
    assert "input, no network" in page and "best possible" in page
    assert page.count("<summary>At spectral_radius = ") == 4


def test_growing_recipes_have_levels_too() -> None:
    recipe = Recipe(
        name="grown",
        topology=Blueprint(connectome="mushroom-body-left"),
        schedule=Schedule(steps=1, batch=2, log_every=1),
    )
    factors = (Factor("ports", ("biological", "all")),)
    question = Question(recipe, Comparison(CONTROLS[:1], graphs=2, factors=factors))
    assert len(trials(question)) == 8
    record: Any = Trial(question, "degree-preserving", 1, question.cells[1]).run()
    assert record["audit"]["input"] == record["audit"]["neurons_in_all"] and record["level"] == {"ports": "all"}
    assert question.at(question.cells[0]) == recipe


def test_a_tuned_trial_takes_the_level_that_validates_best_and_tells_what_it_tried(tmp_path: Path) -> None:
    comparison = replace(QUESTION.comparison, tuned=True)
    question = Question(MEMORY, comparison)
    assert len(trials(question)) == 6
    trial = Trial(question, "weight-permuted", 1)
    record: Any = trial.run()
    wired, _ = trial.wired()
    by_hand = {}
    for radius, ticks in itertools.product((0.3, 0.9), (1, 2)):
        physiology = replace(MEMORY.physiology, ticks=ticks)
        recipe = replace(MEMORY, spectral_radius=radius, physiology=physiology, seed=trial.seed)
        by_hand[radius, ticks] = (assay(recipe, wired, validate=True).scores["memory_capacity"], recipe)
    radius, ticks = max(by_hand, key=lambda level: by_hand[level][0])
    assert record["tuned"]["level"] == {"spectral_radius": radius, "physiology.ticks": ticks}
    assert [one["validation"] for one in record["tuned"]["sweep"]] == [score for score, _ in by_hand.values()]
    assert record["curve"][-1]["memory_capacity"] == assay(by_hand[radius, ticks][1], wired).scores["memory_capacity"]
    for each in trials(question):
        write_json(tmp_path / "results" / each.file_name, each.run())
    page = write_report(carry_out(question, tmp_path, workers=0)).read_text("utf-8")
    assert "The level that each trial chose" in page


class Layer(nn.Module):
    """A linear map that remembers nothing."""

    def __init__(self, n_input: int, n_output: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_output, n_input, generator=generator) * n_input**-0.5)

    @property
    def multiply_adds(self) -> int:
        return self.weight.numel()

    def start(self, batch: int) -> State:
        return State(torch.zeros(batch, 1))

    def step(self, state: State, embedding: Tensor) -> tuple[State, Tensor]:
        return state, embedding @ self.weight.T

    def unroll(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        return embedding[..., :1] * 0, embedding @ self.weight.T


@dataclass(frozen=True)
class Linear:
    """A design, as small as one can be."""

    name: ClassVar[str] = "linear"
    match: str = "parameters"

    def build(self, n_input: int, n_output: int, budget: Budget, generator: torch.Generator) -> Layer:
        return Layer(n_input, n_output, generator)


NAMING = replace(
    MEMORY, name="naming", task=StillImages(moments=2, n_train=60, n_test=40), readout=Gradient(epochs=2, batch=20)
)
BESIDE = Question(NAMING, Comparison(CONTROLS[:1], graphs=2, outcomes=("accuracy",), networks=(Linear(),)))


def test_networks_without_a_wiring_are_arms_with_their_own_budget_and_neither_graph_nor_audit(tmp_path: Path) -> None:
    for trial in trials(BESIDE):
        write_json(tmp_path / "results" / trial.file_name, trial.run())
    run = carry_out(BESIDE, tmp_path, workers=0)
    own: list[Any] = [r for r in run.records if r["arm"] == "linear"]
    assert len(own) == 2 and own[0]["curve"] != own[1]["curve"]
    assert (
        own[0]["budget"]["trained_parameters"] == own[0]["budget"]["multiply_adds"] == 640
        and not {"audit", "operating_point"} & own[0].keys()
    )
    assert [(c.control, c.test) for c in run.contrasts] == [("degree-preserving", "single case"), ("linear", "Welch")]
    page = write_report(run).read_text("utf-8")
    assert "2 networks, mean" in page and "@article{welch1947generalization" in page


def test_a_network_without_a_wiring_is_judged_by_welch_and_holm_goes_over_both() -> None:
    rng, comparison = np.random.default_rng(5), replace(BESIDE.comparison, graphs=20)
    scores = {"connectome": (0.6, 0.01), "degree-preserving": (0.6, 0.01), "linear": (0.55, 0.05)}
    drawn = {arm: rng.normal(mean, spread, 20) for arm, (mean, spread) in scores.items()}
    records: list[Record] = [
        {
            **{"arm": arm, "index": i, "seed": i, "graph": "" if arm == "linear" else str(i), "versions": {}},
            **{"chance": 0.1, "oracle": 1.0, "curve": [{"accuracy": 0.1}, {"accuracy": float(value)}]},
        }
        for arm, values in drawn.items()
        for i, value in enumerate(values)
    ]
    control, network = judge(Question(NAMING, comparison), [{**r, "audit": {"neurons": 1}} for r in records])
    expected = stats.ttest_ind(drawn["connectome"], drawn["linear"], equal_var=False)
    assert network.p == pytest.approx(expected.pvalue) and network.n_graphs == 20
    assert network.p_holm == pytest.approx(holm(np.array([control.p, network.p]))[1])
    assert network.p_rank == pytest.approx(stats.mannwhitneyu(drawn["connectome"], drawn["linear"]).pvalue)
    shifted = stats.ttest_ind(
        drawn["connectome"] - network.difference, drawn["linear"] - network.detectable, equal_var=False
    )
    assert shifted.pvalue == pytest.approx(0.05, abs=1e-6)
    assert (control.verdict, network.verdict) == ("no difference found", "better")


def test_scores_at_chance_or_at_the_oracle_decide_nothing() -> None:
    comparison = replace(BESIDE.comparison, graphs=20, networks=())
    for score, reason in ((0.11, "floor"), (0.99, "ceiling")):
        records: list[Record] = [
            {
                **{"arm": arm, "index": i, "seed": i, "graph": str(i), "versions": {}, "audit": {"neurons": 1}},
                **{"chance": 0.1, "oracle": 1.0, "curve": [{"accuracy": 0.1}, {"accuracy": score + 1e-5 * i * j}]},
            }
            for j, arm in enumerate(("connectome", "degree-preserving"))
            for i in range(20)
        ]
        (contrast,) = judge(Question(NAMING, comparison), records)
        assert (contrast.verdict, contrast.reason) == ("undecided", reason)


def test_what_was_asked_before_there_were_assays_has_the_identity_it_had() -> None:
    folder = ROOT / "evidence" / "worm-digits"
    result = json.loads((folder / "results" / "connectome-000.json").read_text())
    question = read_question((folder / "question.toml").read_text())
    assert question.identity == result["question"]
    assert "factors" not in question.to_toml() and "networks" not in question.to_toml()


TEXT = "name = 'x'\n[task]\nkind = 'memory-capacity'\n[comparison]\noutcomes = ['memory_capacity']\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT.replace("'memory_capacity'", "'probe_accuracy'"), "is an assay, judged by .*accuracy or parts_named"),
        ("name = 'x'\n[comparison]\noutcomes = ['nrmse']", "is grown, judged by prediction_error or probe_accuracy"),
        (TEXT + "factors = 3", "factors is 3, but must be a table of keys"),
        (TEXT + "[comparison.factors]\nspectral_radius = 0.3", "spectral_radius is 0.3, but must be a list of levels"),
        (TEXT + "[comparison.factors]\nspectral_radius = [0.3]", "needs two or more that differ"),
        (
            TEXT + "[comparison.factors]\nspectral_radius = [0.3, 'x']",
            "spectral_radius is 'x', but must be of type float",
        ),
        (TEXT + "[comparison.factors]\nspectral_radius = [0.3, -1]", "spectral_radius is -1.0, but must be a positive"),
        (TEXT + "[comparison.factors]\nspectral_radus = [0.3, 1.0]", "did you mean 'spectral_radius'"),
        (TEXT + "[comparison.factors]\n'physiology.tick' = [1, 2]", "did you mean 'ticks'"),
        (TEXT + "[comparison.factors]\nphysiology.tick = [1, 2]", "did you mean 'ticks'"),
        (TEXT + "[comparison.factors]\n'gain.x' = [1, 2]", "gain is no table of the recipe"),
        (TEXT + "[comparison.factors]\nports = ['all', 'none']", "the levels of ports are 'biological'"),
        (TEXT + "[comparison.factors]\nseed = [1, 2]", "the seed of a recipe is no factor"),
        (
            TEXT + "[comparison.factors]\nspectral_radius = [[1.0], [2.0]]",
            "a level is a number, a word, or a list of words",
        ),
        (TEXT + "tuned = true", "comparison.tuned is set, but comparison.factors names no levels"),
        (TEXT + f"[comparison.factors]\nseeds = {list(range(101))}", "more than 100 cells"),
        ("name='x'\n[comparison]\ntuned=true\n[comparison.factors]\nlatent=[2,3]", "this recipe grows by prediction"),
        (TEXT + "networks = ['mlp']", "this recipe fits a ridge readout"),
        (TEXT + "networks = ['mpl']", "did you mean 'mlp'"),
    ],
)
def test_a_comparison_of_levels_that_cannot_be_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(AnlageError, match=said) as caught:
        read_question(text)
    assert "\n" not in str(caught.value)


def test_networks_need_a_readout_that_learns_and_outcomes_a_task_that_gives_them() -> None:
    with pytest.raises(RecipeError, match="trained by gradient, but this recipe fits a ridge"):
        replace(QUESTION, comparison=replace(QUESTION.comparison, networks=(Linear(),)))
    asked = replace(QUESTION, comparison=replace(QUESTION.comparison, outcomes=("nrmse",)))
    with pytest.raises(RecipeError, match="names 'nrmse', but the task of memory gives memory_capacity; name these"):
        Trial(asked, "connectome", 0, asked.cells[0]).run()


def test_other_ports_are_levels_by_their_path() -> None:
    factors = (Factor("ports.input", (("input",), ("all",))),)
    question = Question(MEMORY, replace(QUESTION.comparison, factors=factors))
    assert question.at(question.cells[1]).ports == PortChoice(("all",), ("output",))
    assert read_question(question.to_toml()) == question

"""The evidence on images: the published perceptron against NumPy and He's rule, the page against its results."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from anlage.study.statistics import Outcome, contrasts
from anlage.study.trial import CONNECTOME, Trial
from anlage.topology import Topology

FOLDER = Path(__file__).parents[3] / "evidence" / "bpu-images"
TRAINED = 339_740


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The scripts import one another as scripts do, from their own folder.
    before = list(sys.path)
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path[:] = before
    for name in ("bpu_images", "bpu_curves"):
        sys.modules.pop(name, None)


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bpu_images_{name}", FOLDER / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def parts(siblings: None) -> ModuleType:
    return load("bpu_images")


@pytest.fixture(scope="module")
def page(siblings: None) -> ModuleType:
    return load("page")


@pytest.fixture(scope="module")
def curves(siblings: None) -> ModuleType:
    return load("bpu_curves")


def weights(parts: ModuleType, *, he: bool) -> list[np.ndarray]:
    network = parts.frozen_middle(784, 10, TRAINED, he=he, generator=torch.Generator().manual_seed(1))
    return [layer.weight.detach().numpy().astype(float) for layer in network.layers]


def test_the_two_published_perceptrons_differ_by_one_number_and_their_middle_is_not_trained(parts: ModuleType) -> None:
    (first, middle, last), (first_he, middle_he, last_he) = (weights(parts, he=he) for he in (False, True))
    width = len(first)
    np.testing.assert_array_equal(first, first_he)
    np.testing.assert_array_equal(last, last_he)
    np.testing.assert_allclose(middle_he, middle * np.sqrt(2 / width), rtol=1e-6)
    assert middle.std() == pytest.approx(1, abs=0.01)
    network = parts.frozen_middle(784, 10, TRAINED, he=True, generator=torch.Generator().manual_seed(1))
    assert [p.requires_grad for p in network.parameters()] == [True, True, False, False, True, True]
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert trained == width * 784 + width + width * 10 + 10 == pytest.approx(TRAINED, rel=0.01)


def test_by_he_the_middle_keeps_the_mean_square_and_as_published_multiplies_it_by_half_the_width(
    parts: ModuleType,
) -> None:
    shown = np.random.default_rng(0).normal(size=(200, 784))
    for he in (False, True):
        first, middle, last = weights(parts, he=he)
        one = np.maximum(shown @ first.T, 0)
        two = np.maximum(one @ middle.T, 0)
        wanted = 1 if he else len(first) / 2
        assert (two**2).mean() / (one**2).mean() == pytest.approx(wanted, rel=0.15)
        network = parts.frozen_middle(784, 10, TRAINED, he=he, generator=torch.Generator().manual_seed(1)).double()
        answer = network.unroll(torch.from_numpy(shown[:, None]))[1][:, 0].detach().numpy()
        np.testing.assert_allclose(answer, two @ last.T, rtol=1e-4, atol=1e-4)


def test_a_trial_is_the_same_whichever_other_controls_a_question_has(parts: ModuleType) -> None:
    few, many = parts.question("two-steps"), parts.question("two-steps", ["degree-preserving", "erdos-renyi"])
    for index in (0, 3):
        one, other = (Trial(asked, CONNECTOME, index) for asked in (few, many))
        assert (one.seed, one.recipe) == (other.seed, other.recipe)
    assert few.comparison.margin == many.comparison.margin == (0.005,)


def test_steps_and_expansion_are_levels_of_the_same_recipe(parts: ModuleType) -> None:
    steps, larger = parts.question("more-steps"), parts.question("expansion")
    assert [steps.at(cell).task.moments for cell in steps.cells] == [3, 5]
    assert [larger.at(cell).topology.expand for cell in larger.cells] == [2.0, 3.0]
    assert steps.comparison.arms == ("degree-preserving", "weight-permuted", "erdos-renyi")
    later, still = parts.question("later-steps"), parts.question("larger-still")
    assert [later.at(cell).task.moments for cell in later.cells] == [4, 8]
    assert [still.at(cell).topology.expand for cell in still.cells] == [4.0, 5.0]
    for asked in (steps, larger, later, still):
        assert Trial(asked, CONNECTOME, 2).seed == Trial(parts.question("two-steps"), CONNECTOME, 2).seed


def test_every_point_of_a_curve_over_steps_has_the_graph_and_the_images_of_the_point_before(page: ModuleType) -> None:
    results = page.read_results()
    made: dict[tuple[str, int], set[tuple[str, int, float]]] = {}
    levels: dict[tuple[str, int], list[int]] = {}
    for part in ("two-steps", "further-arms", "more-steps", "later-steps"):
        for record in results[part]["records"]:
            if record["index"] < 3 and record["arm"] != "interface-only":
                key = record["arm"], record["index"]
                made.setdefault(key, set()).add((record["graph"], record["seed"], record["oracle"]))
                levels.setdefault(key, []).append(record.get("level", {}).get("task.moments", 2))
    assert len(made) == 12
    assert all(len(one) == 1 for one in made.values())
    assert all(sorted(one) == [2, 3, 4, 5, 8] for one in levels.values())


def test_the_trained_maps_grow_as_the_pools_of_430_and_218_neurons_do(curves: ModuleType, page: ModuleType) -> None:
    wanted = {f: (784 + 1) * 430 * f + (218 * f + 1) * 10 for f in (1, 2, 3, 4, 5)}
    assert curves.trained(page.read_results()) == wanted


def test_directions_are_patterns_that_arrive_at_a_hundredth_of_the_strongest_or_more(curves: ModuleType) -> None:
    groups = {"in": np.arange(3), "out": np.arange(3, 6)}

    def wired(weight: np.ndarray) -> Topology:
        post, pre = np.nonzero(weight)
        return Topology(6, pre, post, weight[post, pre], groups)

    straight, alike = np.zeros((6, 6)), np.zeros((6, 6))
    straight[[3, 4, 5], [0, 1, 2]] = 100, 50, 0.5
    alike[3:, :3] = np.outer([1, 2, 3], [3, 1, 2])  # of rank 1: outputs differ in strength only
    for weight, wanted in ((straight, [2, 0]), (alike, [1, 0])):
        assert [curves.directions(wired(weight), ["in"], ["out"], steps) for steps in (2, 3)] == wanted
    straight[4, 4] = 0.5
    assert curves.directions(wired(straight), ["in"], ["out"], 3) == 1


def test_a_curve_is_compared_at_the_runs_that_both_ends_have(curves: ModuleType) -> None:
    found = {
        "connectome": {1: np.array([90.0, 91, 92]), 5: np.array([93.0, 95])},
        "degree-preserving": {1: np.array([90.5, 90, 90]), 5: np.array([94.0])},
    }
    np.testing.assert_allclose(curves.change(found, "connectome", 1, 5), [3, 4])
    np.testing.assert_allclose(curves.ahead(found, "degree-preserving", 1), [-0.5, 1, 2])
    np.testing.assert_allclose(curves.ahead(found, "degree-preserving", 5), [-1])


@pytest.mark.parametrize(
    ("part", "arm", "level", "said"),
    [
        ("more-steps", "connectome", 3, "in every arm less is named at every further T"),
        ("later-steps", "connectome", 8, "at T = 8 all graphs are behind"),
        ("more-steps", "connectome", 5, "at T = 5 the degree-preserving graphs are behind"),
        ("larger-still", "connectome", 5, "from F = 1 to 5 every run gains"),
    ],
)
def test_a_page_whose_curves_no_longer_say_what_its_prose_says_is_not_written(
    curves: ModuleType, page: ModuleType, part: str, arm: str, level: int, said: str
) -> None:
    results = page.read_results()
    assert curves.said_of_curves(results)["pairs"] == 5
    for record in results[part]["records"]:
        if record["arm"] == arm and level in record["level"].values():
            record["curve"][-1]["accuracy"] = 0.1
    with pytest.raises(SystemExit, match=said):
        curves.said_of_curves(results)


@pytest.mark.parametrize(
    ("ahead_of_rewires", "ahead_of_permuted", "wanted"),
    [(9, 9, "supported"), (0, 0, "no difference"), (9, 0, "not supported"), (-9, 0, "not supported")],
)
def test_the_verdict_asks_for_all_kinds_of_graph(
    page: ModuleType, ahead_of_rewires: float, ahead_of_permuted: float, wanted: str
) -> None:
    rng = np.random.default_rng(0)
    here = np.full(20, 50.0)
    controls = {
        "degree-preserving": here - ahead_of_rewires + rng.normal(size=20),
        "weight-permuted": here - ahead_of_permuted + rng.normal(size=20),
    }
    found = contrasts(Outcome("accuracy", True, 0.0, 100.0), here, controls, 0.0, rng)
    assert page.verdict(found) == wanted


def test_the_page_its_contrasts_and_its_picture_are_what_the_results_say(page: ModuleType) -> None:
    assert page.stale() == []


def test_the_audit_has_the_published_pools_and_nothing_between_the_ports_matters_in_two_steps(page: ModuleType) -> None:
    whole = page.read_results()["audit"]
    assert (whole["pools"], whole["neurons"]) == ({"input": 430, "output": 218}, 2952)  # Yu et al. 2025
    assert [whole["steps"][steps]["edges"] for steps in ("1", "2")] == [0, 853]


def test_what_was_not_run_is_named(page: ModuleType) -> None:
    results = page.read_results()
    results["more-steps"] = {"records": []}
    results["two-steps"]["records"] = [r for r in results["two-steps"]["records"] if r["index"] < 19]
    said = page.missing(results)
    assert "two-steps, of 20 runs each: `connectome` 19, `degree-preserving` 19" in said
    assert "more-steps: `connectome`, `degree-preserving`" in said
    results["larger-still"]["records"] = results["larger-still"]["records"][:2]
    said = page.missing(results)
    assert "larger-still: `degree-preserving`" in said
    assert "larger-still, of 10 runs each: `connectome` 2" in said

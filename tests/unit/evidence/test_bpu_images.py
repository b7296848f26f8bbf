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

FOLDER = Path(__file__).parents[3] / "evidence" / "bpu-images"
TRAINED = 339_740


@pytest.fixture(scope="module", autouse=True)
def siblings() -> Iterator[None]:
    # The scripts import one another as scripts do, from their own folder.
    before = list(sys.path)
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path[:] = before
    sys.modules.pop("bpu_images", None)


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

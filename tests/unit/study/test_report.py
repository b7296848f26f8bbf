import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anlage.experience import Digits
from anlage.learning.checkpoint import write_json
from anlage.learning.recipe import Blueprint, Recipe, Schedule
from anlage.study.account import contrast_table, span
from anlage.study.answer import PHRASES, answer, probe_words
from anlage.study.arm import Arm, arms
from anlage.study.canvas import ARM, DARK, ROLE
from anlage.study.figure import swarm
from anlage.study.question import Comparison, Question
from anlage.study.report import write_report
from anlage.study.run import Run, carry_out, read_run
from anlage.study.trial import trials
from anlage.study.wiring_figure import crowd
from anlage.topology import DegreePreserving, NoRecurrence, Topology
from anlage.topology.audit import hops

CONTROLS = (DegreePreserving(swaps_per_edge=4.0), NoRecurrence())


class Page(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.ids: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def tiny(connectome: str = "mushroom-body-left") -> Recipe:
    return Recipe(
        name="tiny",
        topology=Blueprint(connectome=connectome),
        experience=Digits(patch=4),
        schedule=Schedule(steps=3, batch=8, log_every=1),
    )


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    question, folder = Question(tiny(), Comparison(controls=CONTROLS, graphs=2)), tmp_path_factory.mktemp("tiny")
    # Run here, so that no process has to start; a run takes the records that it finds.
    for trial in trials(question):
        write_json(folder / "results" / trial.file_name, trial.run())
    return carry_out(question, folder, workers=0)


@pytest.fixture(scope="session")
def html(run: Run) -> str:
    return write_report(run).read_text("utf-8")


@pytest.fixture(scope="session")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return carry_out(Question(tiny("worm"), None), tmp_path_factory.mktemp("alone"), workers=0)


def result(run: Run) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads((run.folder / "result.json").read_text())
    return content


def test_the_report_asks_nothing_of_the_network(page: Page, html: str) -> None:
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "srcset", "action", "poster", "xlink:href", "data"):
                assert value is not None and value.startswith(("#", "data:image/png;base64,"))
    assert "@import" not in html and not re.search(r"url\((?!#)", html)


def test_the_report_is_small_and_has_no_id_twice(page: Page, html: str) -> None:
    assert len(html.encode()) < 2_000_000
    assert len(page.ids) == len(set(page.ids))


def test_every_reference_within_the_page_has_a_target(page: Page, html: str) -> None:
    wanted = {value[1:] for _, a in page.tags for name, value in a.items() if name == "href" and value}
    wanted |= set(re.findall(r"url\(#([^)]*)\)", html))
    assert {name for name in wanted if not name.startswith("ata:")} <= set(page.ids)


def test_every_contrast_of_the_result_is_told_in_full(run: Run, page: Page) -> None:
    contrasts = result(run)["contrasts"]
    assert len(contrasts) == 4
    for contrast in contrasts:
        assert contrast["sentence"] in page.text
        for number in (contrast["connectome_mean"], contrast["control_mean"], contrast["detectable"]):
            assert f"{number:.4f}" in page.text
        assert f"{contrast['difference']:+.4f}".replace("-", "−") in page.text


def test_the_verdict_comes_before_everything_else(run: Run, page: Page) -> None:
    text = page.text[page.text.index("what was the wiring worth?", 60) :]
    assert (
        text.index("undecided")
        < text.index("only 2 different control graphs, 20 are needed")
        < text.index("Every contrast")
    )


def test_every_control_is_named_with_what_it_keeps_and_destroys(run: Run, page: Page) -> None:
    for control in CONTROLS:
        assert control.name in page.text
        for quantity in control.keeps | control.destroys:
            assert quantity.name in page.text
    record = json.loads((run.folder / "results" / "degree-preserving-000.json").read_text())
    other = json.loads((run.folder / "results" / "degree-preserving-001.json").read_text())
    least = min(f["changed"] for r in (record, other) for f in r["certificate"] if f["declared"] == "destroys")
    assert f"at least {least:.1%} changed" in page.text
    assert "There is only one such graph" in page.text


def test_the_sources_are_cited(page: Page) -> None:
    for key in (
        "eichler2017complete",
        "alpaydin1998digits",
        "rao1996markov",
        "crawford1998comparing",
        "holm1979simple",
    ):
        assert re.search(r"@\w+\{" + key[:9], page.text), key


def test_the_recipe_and_its_identity_can_be_taken_from_the_page(run: Run, page: Page) -> None:
    assert " ".join(run.question.to_toml().split()) in page.text
    assert run.question.identity in page.text


def test_ten_answers_come_right_after_the_verdict_and_follow_the_recipe(run: Run, page: Page) -> None:
    text = page.text
    assert text.index("in ten answers") < text.index("The connectome among its controls")
    for question in ("Which connectome?", "How many neurons", "Which edges?", "Which dynamics?", "What enters?"):
        assert text.count(question) == 1
    for question in (
        "What is read?",
        "Is the loop closed?",
        "What is trained?",
        "With which parameters?",
        "reproduced?",
    ):
        assert text.count(question) == 1
    share = run.records[0]["history"][0]["arguments"]["assumed_sign_share"]  # type: ignore[index]
    assert f"The sign of {share:.1%} of the edges is an assumption" in text


def test_versions_that_differ_are_said(run: Run, page: Page, tmp_path: Path) -> None:
    assert "Not every trial was run with the same versions" not in page.text
    records = [{**run.records[0], "versions": {"torch": "0"}}, *run.records[1:]]
    other = Page(write_report(replace(run, folder=tmp_path, records=records)).read_text("utf-8"))
    assert "torch 0 and " in other.text and "Not every trial was run with the same versions" in other.text


def test_the_same_run_gives_the_same_bytes(run: Run, html: str) -> None:
    assert write_report(run).read_text("utf-8") == html


def test_a_run_read_from_disk_gives_the_same_bytes_in_another_folder(run: Run, html: str, tmp_path: Path) -> None:
    shutil.copytree(run.folder, tmp_path / "moved")
    assert write_report(read_run(tmp_path / "moved")).read_text("utf-8") == html


def test_hostile_text_stays_text(run: Run, tmp_path: Path) -> None:
    evil = "<script>alert('1')</script><img src=x onerror=alert(2)>\"&"
    contrasts = [replace(contrast, sentence=evil + contrast.sentence) for contrast in run.contrasts]
    records = []
    for record in run.records:
        findings = [{**f, "quantity": evil} for f in record["certificate"]]  # type: ignore[attr-defined]
        records.append({**record, "certificate": findings, "versions": {evil: evil}})
    path = write_report(replace(run, folder=tmp_path, contrasts=contrasts, records=records))
    page = Page(path.read_text("utf-8"))
    assert not [tag for tag, _ in page.tags if tag in ("script", "img")]
    assert page.text.count("<script>alert('1')</script>") >= 6


def test_a_single_network_is_reported_without_a_verdict(alone: Run) -> None:
    page = Page(write_report(alone).read_text("utf-8"))
    assert "nothing compared" in page.text
    assert "Every contrast" not in page.text and "No difference found" not in page.text
    assert f"{alone.records[0]['curve'][-1]['prediction_error']:.3f}" in page.text  # type: ignore[index]


def test_neurons_with_positions_are_shown_where_they_are(alone: Run) -> None:
    page = Page(write_report(alone).read_text("utf-8"))
    assert "← head" in page.text and "tail →" in page.text and "100 µm" in page.text


@pytest.mark.parametrize("verdict", PHRASES)
def test_each_verdict_has_its_word_and_sentence(run: Run, verdict: str) -> None:
    contrasts = [replace(contrast, verdict=verdict) for contrast in run.contrasts]
    found = answer(replace(run, contrasts=contrasts), "a brain")
    assert found.word == verdict
    assert "a brain" in found.sentence and PHRASES[verdict] in found.sentence


def test_an_interval_without_zero_and_no_claim_is_explained(run: Run) -> None:
    odd = replace(run.contrasts[0], verdict="no difference found", interval=(0.001, 0.002))
    remarks = answer(replace(run, contrasts=[odd, *run.contrasts[1:]]), "a brain").remarks
    assert any("leaves out zero" in remark for remark in remarks)
    assert any("not the same as no difference" in remark for remark in remarks)


@pytest.mark.parametrize(
    ("trained", "said"), [(0.95, "is not shown"), (0.99, "the network is better"), (0.7, "the raw input is better")]
)
def test_the_probe_is_held_against_the_raw_input(trained: float, said: str) -> None:
    # With 400 items and an accuracy of 0.9, 1.96 standard errors are 1.96 * sqrt(0.9 * 0.1 / 400) = 0.0294; 0.95 - 0.94 is less.
    curve = {"probe_accuracy": np.array([[0.5, trained], [0.5, trained]])}
    words = probe_words(Arm("connectome", 0, None, np.array([0, 1]), np.array([0.0, 1.0]), curve, ()), 0.94, 400)
    assert said in words[0]
    assert "raised it in 2 of 2 trials" in words[1]
    assert "worse than the raw input" in words[2]


def test_arms_hold_the_curves_of_their_records(run: Run) -> None:
    for arm in arms(run):
        assert arm.curve["prediction_error"].shape == (2, 4)
        last = [record["curve"][-1]["prediction_error"] for record in arm.records]
        assert arm.final["prediction_error"].tolist() == last
    assert contrast_table(run).numeric[:3] == (False, False, False)
    assert all(contrast_table(run).numeric[3:])


def test_dots_of_a_swarm_do_not_cover_each_other() -> None:
    value = np.random.default_rng(0).normal(100, 15, 30)
    offset = swarm(value, 3.0, 200.0)
    gap = np.hypot(value[:, None] - value, offset[:, None] - offset)[~np.eye(30, dtype=bool)]
    assert gap.min() >= 6 - 1e-6
    assert np.abs(swarm(np.zeros(50), 3.0, 20.0)).max() <= 20


def test_hops_are_shortest_paths() -> None:
    # 0 -> 1 -> 2 -> 3, 0 -> 2, and 4 apart.
    pre, post = np.array([0, 1, 2, 0]), np.array([1, 2, 3, 2])
    topology = Topology.of(5, pre, post, np.ones(4))
    assert hops(topology, np.array([0])).tolist() == [0, 1, 1, 2, -1]


def test_a_crowd_is_found_where_it_is() -> None:
    spread, crowded = np.linspace(0, 100, 40), np.linspace(20, 25, 60)
    found = crowd(np.concatenate([spread, crowded]))
    assert found is not None and 19 < found[0] < found[1] < 26
    assert crowd(np.linspace(0, 100, 50)) is None


def test_colours_of_arms_and_roles_all_differ_and_have_a_dark_twin() -> None:
    colours = [*ARM, *ROLE.values()]
    assert len(set(colours)) == len(colours)
    assert set(colours) <= set(DARK)


def test_one_number_is_written_once() -> None:
    assert span([3, 3, 3]) == "3"
    assert span([5, 3]) == "3 to 5"

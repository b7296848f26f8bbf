"""A wiring that forages: its ports by name, a brain small enough to reckon by hand, and the report."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anlage.cli.main import EXIT_ERROR, main
from anlage.connectome.library import load
from anlage.errors import AnlageError, BodyError
from anlage.experience.arena import Arena, assay
from anlage.experience.arena_body import Larva, Worm
from anlage.experience.arena_field import Drop, Scene
from anlage.experience.arena_sense import GENERAL, LarvaNose
from anlage.experience.arena_wired import LEAK, WORM_MOTOR, BrainPorts, Setting, Wired, brain_ports
from anlage.study.forage import CONNECTOME, Plan, body_of, carry_out, sentences
from anlage.study.forage_report import write_forage_report
from anlage.topology import Topology


def test_the_worms_ports_are_the_neurons_that_are_named() -> None:
    worm = load("worm")
    senses = Arena(assay("worm"), Worm()).senses
    ports = brain_ports(worm, senses)
    told = {(worm.neurons.name[n], senses[c]) for n, c in zip(ports.neuron, ports.channel, strict=True)}
    assert {
        ("AWAL", "AWAL"),
        ("AWCR", "AWCR"),
        ("ASER", "ASER"),
        ("AFDL", "warm left"),
        ("ASHR", "touch right"),
    } <= told
    assert {worm.neurons.name[i] for i in ports.left} == set(WORM_MOTOR[0])
    assert {worm.neurons.name[i] for i in ports.right} == set(WORM_MOTOR[1])


def test_the_larvas_ports_are_its_42_olfactory_neurons_and_its_descending_neurons_by_side() -> None:
    try:
        larva = load("larva")
    except AnlageError:
        pytest.skip("the larva's connectome is not here")
    nose = LarvaNose((), {"a": np.zeros(21)})
    senses = (*nose.names, *GENERAL)
    ports = brain_ports(larva, senses)
    smelling = [larva.neurons.name[n] for n, c in zip(ports.neuron, ports.channel, strict=True) if c < 42]
    assert sorted(smelling) == sorted(nose.names) and len(smelling) == 42
    for rows, side in ((ports.left, "left"), (ports.right, "right")):
        assert larva.neurons.side.is_(side)[rows].all() and larva.neurons.neuron_class.is_("DN-VNC")[rows].all()
    assert len(ports.left) + len(ports.right) == 182


def test_a_brain_of_three_neurons_does_what_its_equation_says_and_leans_to_the_side_that_is_driven() -> None:
    # A sensory neuron drives the left motor neuron with 0.8 and the right one with 0.2.
    wiring = Topology.of(3, np.array([0, 0]), np.array([1, 2]), np.array([0.8, 0.2]))
    arena = Arena(Scene(drops=(Drop(30.0, 0.0, "a"),)), Larva(), 1, 400, LarvaNose(("a",), {"a": np.array([0.5])}))
    ports = BrainPorts(np.array([0]), np.array([0]), np.array([1]), np.array([2]))
    lefts = {}
    for steering in (1, -1):
        brain = Wired(wiring, ports, (Setting(1, steering),))
        sense = torch.zeros_like(arena.start([np.random.default_rng(0)]))
        brain.restart(arena, torch.Generator().manual_seed(0))
        brain.step(sense)
        sense[..., 0] = 0.7
        x, turned = np.zeros(3), []
        for _ in range(4):
            x = x + LEAK * (np.tanh(np.array([0.7, 0.8 * x[0], 0.2 * x[0]])) - x)
            turned.append(brain.step(sense)[0, :, 1])
            assert brain.activity[:, 0] == pytest.approx(x, rel=1e-5)
        lefts[steering] = float(torch.stack(turned[1:]).mean())
    assert lefts[1] > 0.15 and lefts[-1] < -0.15


def test_a_run_of_the_worm_is_told_and_reported_and_is_the_same_with_fewer_arms(tmp_path: Path) -> None:
    plan = Plan(animals=4, seconds=1.0, graphs=1)
    run = carry_out(load("worm"), plan)
    names = [lives.name for lives in run.arms]
    assert names == ["still", "random walk", "run and turn", "true gradient", CONNECTOME, "degree-preserving 1"]
    page = write_forage_report(run, tmp_path / "report.html").read_text("utf-8")
    assert all(sentence.split(",")[0] in page for sentence in sentences(run))
    again = carry_out(load("worm"), replace(plan, graphs=0))
    assert all(np.array_equal(a.track.place, b.track.place) for a, b in zip(run.arms, again.arms, strict=False))
    assert "https://" not in page.split("<details>")[0] and "Larvae of the third instar" not in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["fly-column"], "There is no connectome called 'fly-column'"),
        (["worm", "--animals", "2"], "2 animals and 3 rewired graphs were asked for; give at least 4 and 0."),
        (["worm", "--seconds", "0"], "A life of 0 s was asked for; give between 1 and 100,000."),
        (["worm", "--graphs", "-1"], "give at least 4 and 0."),
        (["mushroom-body-left"], "has no body in the arena; use larva or worm."),
    ],
)
def test_a_mistake_gets_one_sentence(typed: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", *typed, "--body", "arena"]) == EXIT_ERROR
    message = capsys.readouterr().err
    assert message.startswith("anlage: ") and message.count("\n") == 1 and said in message


def test_a_connectome_without_named_neurons_has_no_ports() -> None:
    with pytest.raises(BodyError, match="does not have the sensory and motor neurons"):
        brain_ports(load("mushroom-body-left"), Arena(assay("worm"), Worm()).senses)
    assert body_of(load("worm")) == Worm()

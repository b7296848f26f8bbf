"""Growing networks without a wiring: the same loop, the same encoder, the same measures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anlage.errors import CheckpointError, RecipeError
from anlage.experience import Digits
from anlage.learning import Blueprint, Recipe, Schedule, grow
from anlage.learning.measure import measure
from anlage.learning.probe import probe_accuracy, state_columns
from anlage.network import (
    DenseDesign,
    Design,
    GatedDesign,
    PerceptronDesign,
    SparseDesign,
    TransformerDesign,
    apart,
    live,
)

SMALL = Recipe(
    name="small",
    topology=Blueprint(connectome="mushroom-body-left"),
    experience=Digits(patch=4),
    schedule=Schedule(steps=3, batch=4, log_every=2),
)
DESIGNS = [PerceptronDesign(), GatedDesign(), TransformerDesign(), DenseDesign(), SparseDesign()]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_every_design_grows_as_dear_as_the_wiring_and_its_audit_says_what_it_is(design: Design) -> None:
    wired, grown = grow(replace(SMALL, schedule=replace(SMALL.schedule, steps=1))), grow(SMALL, design=design)
    assert [entry["step"] for entry in grown.curve] == [0, 2, 3]
    assert apart(grown.budget, wired.budget, "parameters") < 0.05
    # One encoder for every arm, so one embedding to begin with.
    assert grown.curve[0]["effective_rank"] == wired.curve[0]["effective_rank"]
    assert grown.curve[0]["persistence_error"] == wired.curve[0]["persistence_error"]
    assert grown.operating_point is None and wired.operating_point is not None
    if isinstance(design, SparseDesign):
        assert len(grown.audit.edge) == grown.network.wiring.n_edges and grown.audit.n_edges > 0
    else:
        width = grown.network.start(1).activity.shape[1]
        told = f"no wiring to audit: 4 numbers enter per observation, and the whole state of {width} numbers is read"
        assert told in str(grown.audit) and told in str(grown.audit_at_once)
        assert grown.audit.n_edges == grown.audit.n_neurons == 0


def test_the_whole_state_is_probed_where_there_is_no_port() -> None:
    grown, recording = grow(SMALL, design=GatedDesign()), SMALL.open_experience()
    labelled = recording.labelled()
    with torch.no_grad():
        columns = [
            state_columns(live(grown.network, grown.encoder, part, recording.modality).state)
            for part in (labelled.train, labelled.test)
        ]
    expected = probe_accuracy(columns[0], labelled.train_label, columns[1], labelled.test_label)
    assert measure(grown.network, grown.encoder, recording).probe_accuracy == expected
    assert columns[0].shape[1] == 2 * grown.network.start(1).activity.shape[1]


def stop(done: int, _: int) -> None:
    if done == 2:
        raise KeyboardInterrupt


@pytest.mark.parametrize("design", [GatedDesign(), TransformerDesign()], ids=lambda design: design.name)
def test_a_design_goes_on_from_its_own_checkpoint_and_refuses_the_wirings(design: Design, tmp_path: Path) -> None:
    whole = grow(SMALL, design=design)
    with pytest.raises(KeyboardInterrupt):
        grow(SMALL, design=design, checkpoint=tmp_path / "c", progress=stop)
    resumed = grow(SMALL, design=design, checkpoint=tmp_path / "c")
    assert resumed.curve == whole.curve
    pairs = zip(resumed.network.state_dict().values(), whole.network.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    for other in (None, replace(design, match="multiply_adds")):
        with pytest.raises(CheckpointError, match="belongs to another recipe"):
            grow(SMALL, design=other, checkpoint=tmp_path / "c")


def test_another_seed_builds_another_network_and_a_control_of_the_wiring_the_same_one() -> None:
    short = replace(SMALL, schedule=replace(SMALL.schedule, steps=1))
    one = grow(short, design=GatedDesign())
    reweighted = SMALL.topology.topology()
    reweighted = replace(reweighted, weight=np.ascontiguousarray(reweighted.weight[::-1]))
    assert grow(short, reweighted, design=GatedDesign()).curve == one.curve
    assert grow(replace(short, seed=1), design=GatedDesign()).curve[0] != one.curve[0]


def test_a_design_that_cannot_cost_as_much_is_refused_before_anything_is_learned(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="No gru comes within 5%"):
        grow(SMALL, design=GatedDesign("both"), checkpoint=tmp_path / "c", progress=lambda *_: pytest.fail("learned"))
    assert not list(tmp_path.iterdir())

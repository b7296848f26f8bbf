"""The larval mushroom body against the published counts and against a copy kept outside the repository."""

import os
from pathlib import Path

import numpy as np
import pytest

from anlage.connectome.mushroom_body import mushroom_body
from anlage.errors import UnknownName

DATA = Path(os.environ.get("ANLAGE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))

# Eichler et al. 2017 as released with graspologic: neurons, edges, synapses; K, P, O, I cells.
PUBLISHED = {"left": (209, 7_425, 25_322, (101, 58, 29, 21)), "right": (213, 7_536, 26_371, (100, 63, 29, 21))}


@pytest.mark.parametrize("side", ["left", "right"])
def test_each_side_has_the_published_number_of_neurons_edges_and_synapses(side: str) -> None:
    brain = mushroom_body(side)
    neurons, edges, synapses, classes = PUBLISHED[side]
    assert (brain.n_neurons, len(brain.pre), brain.synapse_count.sum()) == (neurons, edges, synapses)
    counts = brain.neurons.neuron_class.counts()
    assert tuple(counts[c] for c in ("kenyon", "projection", "output", "input")) == classes


@pytest.mark.parametrize("side", ["left", "right"])
def test_edges_run_from_projection_neurons_to_kenyon_cells_and_never_back(side: str) -> None:
    brain = mushroom_body(side)
    kenyon, projection = brain.neurons.neuron_class.is_("kenyon"), brain.neurons.neuron_class.is_("projection")
    assert (projection[brain.pre] & kenyon[brain.post]).sum() > 400
    assert not projection[brain.post].any()


def test_projection_neurons_are_inputs_and_output_neurons_outputs() -> None:
    assert mushroom_body("left").neurons.role.counts() == {"input": 58, "inter": 122, "output": 29}
    assert mushroom_body("right").neurons.role.counts() == {"input": 63, "inter": 121, "output": 29}


@pytest.mark.parametrize("side", ["left", "right"])
def test_no_sign_is_claimed_and_the_source_says_so(side: str) -> None:
    brain = mushroom_body(side)
    assert brain.sign_shares()["none"] == 1.0
    assert not brain.sign.any()
    assert "signs" in brain.source.lossy and "eichler2017" in brain.source.bibtex and len(brain.source.sha256) == 64


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_edges_equal_the_copy_kept_outside_the_repository(side: str) -> None:
    path = DATA / "larval_mushroom_body" / "adjacency.npz"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    brain = mushroom_body(side)
    matrix = np.zeros((brain.n_neurons, brain.n_neurons), int)
    matrix[brain.pre, brain.post] = brain.synapse_count
    with np.load(path, allow_pickle=False) as kept:
        np.testing.assert_array_equal(matrix, kept[side])
        assert [name[0] for name in brain.neurons.name] == kept[f"{side}_label"].tolist()


def test_another_side_is_answered_with_the_two_there_are() -> None:
    with pytest.raises(UnknownName, match="left"):
        mushroom_body("lefd")

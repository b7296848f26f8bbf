"""The conformance kit must be able to fail: one deliberate defect for every sentence it can say."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.experience import Digits, Experience, Labelled, Recording
from anlage.network import Physiology, RecurrentNetwork, State
from anlage.objective import CosinePrediction, Objective, SigregPrediction, VicregPrediction
from anlage.testing import check_control, check_experience, check_network, check_objective
from anlage.topology import PermuteWeights, Step, Topology
from anlage.trace import Episode, Loss, Trace

RING = Topology.of(
    4,
    np.array([0, 1, 2, 3, 0]),
    np.array([1, 2, 3, 0, 2]),
    np.array([1.0, -2.0, 3.0, 4.0, 5.0]),
    groups={"input": np.array([0, 1]), "output": np.array([2, 3])},
)


def one_sentence(caught: pytest.ExceptionInfo[AssertionError]) -> bool:
    message = str(caught.value)
    return message.endswith(".") and ". " not in message and "\n" not in message


@dataclass(frozen=True)
class Defective:
    """Weight permutation with one defect put in."""

    defect: Callable[[Topology, Topology, np.random.Generator], Topology]
    name: str = "defective"
    keeps = PermuteWeights.keeps
    destroys = PermuteWeights.destroys

    def __call__(self, topology: Topology, rng: np.random.Generator) -> Topology:
        return self.defect(topology, PermuteWeights()(topology, rng), rng)


def damage_input(before: Topology, made: Topology, rng: np.random.Generator) -> Topology:
    before.weight[0] = 9.0
    return made


def own_randomness(before: Topology, made: Topology, rng: np.random.Generator) -> Topology:
    weight = before.weight.copy()
    up = np.flatnonzero(weight > 0)
    while np.array_equal(weight, before.weight):
        weight[up] = before.weight[np.random.default_rng().permutation(up)]
    return replace(made, weight=weight * (1 + 1e-15 * np.random.default_rng().integers(1, 9999)))


CONTROL_DEFECTS = {
    "changed its input": damage_input,
    "is mislabelled": lambda before, made, rng: replace(before, history=made.history),
    "from the same random numbers": lambda before, made, rng: replace(
        made, groups={**made.groups, "extra": np.random.default_rng().integers(4, size=20)}
    ),
    "changed the groups": lambda before, made, rng: replace(made, groups={"input": np.array([1])}),
    "added 0 steps to the history": lambda before, made, rng: replace(made, history=before.history),
    "added 2 steps to the history": lambda before, made, rng: replace(made, history=(*made.history, Step("more"))),
}


@pytest.mark.parametrize("sentence", CONTROL_DEFECTS)
def test_a_control_with_one_defect_is_told_so_in_one_sentence(sentence: str) -> None:
    control = Defective(CONTROL_DEFECTS[sentence])
    topology = replace(RING, weight=RING.weight.copy())
    with pytest.raises(AssertionError, match=sentence) as caught:
        check_control(control, topology, np.random.default_rng(0))
    assert one_sentence(caught) and "'defective'" in str(caught.value)


def test_a_sound_control_passes() -> None:
    check_control(PermuteWeights(), RING, np.random.default_rng(0))


def network() -> RecurrentNetwork:
    return RecurrentNetwork(RING, ("input",), ("output",), 4, Physiology(), torch.Generator().manual_seed(0))


class Leaks(RecurrentNetwork):
    """Predicts with a look at the next embedding when unrolled; steps are the same, so it must be caught by its gradient."""

    def unroll(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        state, prediction = super().unroll(embedding)
        ahead = torch.cat([embedding[:, 1:], embedding[:, -1:]], dim=1)
        return state, prediction + ahead - ahead.detach()


class Mixes(RecurrentNetwork):
    def unroll(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        state, prediction = super().unroll(embedding)
        first = embedding[1:2].expand_as(prediction)
        return state, prediction + first - first.detach()


class Differs(RecurrentNetwork):
    def step(self, state: State, embedding: Tensor) -> tuple[State, Tensor]:
        state, prediction = super().step(state, embedding)
        return state, prediction * 1.01


class Forgets(RecurrentNetwork):
    def unroll(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        state, prediction = super().unroll(embedding.detach())
        return state, prediction + 0 * embedding


class Remembers(RecurrentNetwork):
    calls = 0

    def unroll(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        state, prediction = super().unroll(embedding)
        return state, prediction + (1e-6 if self.calls > 1 else 0)


class Narrow(RecurrentNetwork):
    def unroll(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        state, prediction = super().unroll(embedding)
        return state, prediction[..., :2]


@pytest.mark.parametrize(
    ("cls", "sentence"),
    [
        (Leaks, "depends on embeddings after it"),
        (Mixes, "depends on another sequence"),
        (Differs, "step and unroll disagree on the prediction at time 0"),
        (Forgets, "depends on no embedding"),
        (Remembers, "must keep nothing between calls"),
        (Narrow, "unroll gave predictions of shape"),
    ],
)
def test_a_network_with_one_defect_is_told_so_in_one_sentence(cls: type[RecurrentNetwork], sentence: str) -> None:
    made = network()
    made.__class__ = cls
    with pytest.raises(AssertionError, match=sentence) as caught:
        check_network(made, 4)
    assert one_sentence(caught)


@pytest.mark.parametrize("plasticity", ["frozen", "signed", "free"])
@pytest.mark.parametrize("ticks", [1, 3])
def test_the_recurrent_network_passes(plasticity: str, ticks: int) -> None:
    physiology = Physiology(ticks=ticks, plasticity=plasticity)
    check_network(RecurrentNetwork(RING, ("input",), ("output",), 4, physiology, torch.Generator().manual_seed(0)), 4)


@pytest.mark.parametrize("objective", [CosinePrediction(), SigregPrediction(), VicregPrediction()])
def test_every_objective_passes(objective: Objective) -> None:
    check_objective(objective)


def mse(trace: Trace) -> Tensor:
    return (trace.prediction[:, :-1] - trace.embedding[:, 1:]).square().mean()


def spoil(trace: Trace) -> Loss:
    loss = mse(trace)
    trace.embedding.mul_(1.0).add_(1.0)
    return Loss(loss * 0 + 1, {})


class Counting:
    calls = 0

    def __call__(self, trace: Trace) -> Loss:
        self.calls += 1
        return Loss(mse(trace) + self.calls, {})


OBJECTIVE_DEFECTS: dict[str, Objective] = {
    "must be one finite number": lambda trace: Loss(mse(trace) / 0, {}),
    "every part must be a finite number": lambda trace: Loss(mse(trace), {"x": float("nan")}),
    "keeps no state": Counting(),
    "changed the trace": spoil,
    "does not depend on the prediction": lambda trace: Loss(trace.embedding.mean(), {}),
    "No finite gradient reaches the prediction": lambda trace: Loss(mse(trace) * 0, {}),
    "must have the smaller loss": lambda trace: Loss(-mse(trace), {}),
}


@pytest.mark.parametrize("sentence", OBJECTIVE_DEFECTS)
def test_an_objective_with_one_defect_is_told_so_in_one_sentence(sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence) as caught:
        check_objective(OBJECTIVE_DEFECTS[sentence])
    assert one_sentence(caught)


def recording() -> Recording:
    rows = np.random.default_rng(0).integers(256, size=(30, 3, 5), dtype=np.uint8)
    label = np.arange(30) % 3
    return Recording.of("noise", rows[:20], label[:20], rows[20:], label[20:])


class Spoiled:
    """A sound recording with one method replaced."""

    modality, n_input = "noise", 5

    def __init__(self, **methods: Callable[..., object]) -> None:
        sound = recording()
        self.draw, self.held_out, self.labelled = sound.draw, sound.held_out, sound.labelled
        for name, method in methods.items():
            setattr(self, name, method)


def episode(rows: Tensor) -> Episode:
    return Episode({"noise": rows})


NOISE = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
SOUND = recording().labelled()
REPEATED = recording()
EXPERIENCE_DEFECTS: dict[str, Experience] = {
    "but the modality is": Spoiled(draw=lambda batch, rng: Episode({"image": NOISE[:batch]})),
    "must be \\(batch, time, input\\)": Spoiled(draw=lambda batch, rng: episode(NOISE[:1])),
    "are not finite": Spoiled(draw=lambda batch, rng: episode(NOISE[:batch] / 0)),
    "must depend on the rng alone": Spoiled(
        draw=lambda batch, rng: episode(torch.from_numpy(np.random.default_rng().normal(size=(batch, 3, 5))))
    ),
    "held_out gave other episodes": Spoiled(
        held_out=lambda: episode(torch.from_numpy(np.random.default_rng().normal(size=(4, 3, 5))))
    ),
    "is not the held-out one": Spoiled(labelled=lambda: replace(SOUND, test=SOUND.train)),
    "20 sequences and 19 labels": Spoiled(labelled=lambda: replace(SOUND, train_label=SOUND.train_label[1:])),
    "labels that the train part lacks": Spoiled(labelled=lambda: replace(SOUND, test_label=SOUND.test_label + 9)),
    "held-out sequences are also learned from": Spoiled(
        labelled=lambda: Labelled(SOUND.test, SOUND.test_label, SOUND.test, SOUND.test_label)
    ),
}


@pytest.mark.parametrize("sentence", EXPERIENCE_DEFECTS)
def test_an_experience_with_one_defect_is_told_so_in_one_sentence(sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence) as caught:
        check_experience(EXPERIENCE_DEFECTS[sentence])
    assert one_sentence(caught)


@pytest.mark.parametrize("experience", [recording(), Digits().open()], ids=["noise", "digits"])
def test_a_recording_passes(experience: Experience) -> None:
    check_experience(experience)

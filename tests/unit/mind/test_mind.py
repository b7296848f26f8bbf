"""Days: what reaches whom, and that no gradient does."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from anlage.errors import RecipeError
from anlage.experience import Paired
from anlage.learning import Blueprint
from anlage.mind import AreaPlan, Life, Mind, MindRecipe, Nights, WorkspacePlan
from anlage.trace import Episode

SMALLEST = Blueprint(connectome="worm-witvliet-1")
RECIPE = MindRecipe(
    name="tiny",
    areas=(
        AreaPlan("visual", ("image",), SMALLEST),
        AreaPlan("language", ("word",), SMALLEST),
        AreaPlan("association", ("visual", "language"), SMALLEST),
    ),
    workspace=WorkspacePlan(width=4, latent=3, topology=SMALLEST),
    schedule=Nights(days=2, sequences=8, steps=2, batch=4, learning_rate=0.01),
)
USUAL = {"visual": 0.5, "language": 2.0, "association": 1.5}
N_OBSERVED = {"image": 16, "odour": 20, "word": 28}


@pytest.fixture(scope="module")
def episode() -> Episode:
    return Paired().open().draw(6, np.random.default_rng(0))[0]


def listening(recipe: MindRecipe = RECIPE) -> Mind:
    """A mind whose areas are not deaf to the broadcast, as they are at birth."""
    mind = Mind(recipe, N_OBSERVED)
    generator = torch.Generator().manual_seed(5)
    for area in mind.areas.values():
        assert area.network.context is not None
        with torch.no_grad():
            area.network.context.weight.normal_(generator=generator)
    assert mind.workspace is not None
    for name, usual in USUAL.items():
        mind.workspace.get_buffer(f"usual_{name}").fill_(usual)
    return mind


@pytest.fixture(scope="module")
def mind() -> Mind:
    return listening()


@pytest.fixture(scope="module")
def life(mind: Mind, episode: Episode) -> Life:
    return mind.live(episode)


def test_a_day_lived_moment_by_moment_is_what_each_area_would_live_at_once_on_what_it_received(
    mind: Mind, life: Life
) -> None:
    for name, area in mind.parts.items():
        received = life.received[name]
        alone = area.trace(received.observation, received.context)
        for what in ("embedding", "prediction"):
            torch.testing.assert_close(getattr(life.trace[name], what), getattr(alone, what), rtol=1e-4, atol=1e-5)


def test_an_association_area_receives_what_arrived_and_what_was_expected_in_the_areas_it_senses(life: Life) -> None:
    messages = [torch.cat([life.trace[n].embedding, life.trace[n].prediction], -1) for n in ("visual", "language")]
    assert torch.equal(life.received["association"].observation, torch.cat(messages, -1))


def test_what_the_workspace_says_is_heard_by_every_area_at_the_next_moment(mind: Mind, life: Life) -> None:
    assert life.broadcast.abs().max() > 0
    for name in mind.areas:
        context = life.received[name].context
        assert context is not None
        assert torch.equal(context[:, 1:], life.broadcast[:, :-1]) and not context[:, 0].any()


def test_surprise_and_gate_are_those_worked_out_by_hand(mind: Mind, life: Life) -> None:
    for b, t in ((0, 0), (2, 1), (5, 7)):
        surprise = []
        for name in mind.areas:
            trace = life.trace[name]
            miss = [float(trace.embedding[b, t, i] - trace.prediction[b, t - 1, i]) for i in range(4)]
            surprise.append(sum(m * m for m in miss) / 4 / USUAL[name] if t else 0.0)
        share = np.exp(np.array(surprise) / 0.5)
        np.testing.assert_allclose(life.surprise[b, t], surprise, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(life.gate[b, t], share / share.sum(), rtol=1e-4)


def test_what_enters_the_workspace_is_the_gated_sum_over_its_wires(mind: Mind, life: Life) -> None:
    frontal, b, t = mind.workspace, 3, 4
    assert frontal is not None
    for channel in range(4):
        total = 0.0
        for i, name in enumerate(mind.areas):
            wire, trace = frontal.get_buffer(f"wire_{name}")[channel], life.trace[name]
            message = [*trace.embedding[b, t].tolist(), *trace.prediction[b, t].tolist()]
            total += float(life.gate[b, t, i]) * sum(float(w) * m for w, m in zip(wire, message, strict=True))
        assert float(life.received["workspace"].observation[b, t, channel]) == pytest.approx(total, rel=1e-4, abs=1e-6)


def test_the_share_of_wires_is_the_sparsity() -> None:
    plan = replace(RECIPE.workspace, width=32, sparsity=0.25)
    frontal = Mind(replace(RECIPE, workspace=plan), N_OBSERVED).workspace
    assert frontal is not None
    wires = torch.cat([frontal.get_buffer(f"wire_{name}") for name in frontal.names], 1)
    assert wires.shape == (32, 24)
    assert abs(float((wires != 0).double().mean()) - 0.25) < 4 * np.sqrt(0.25 * 0.75 / wires.numel())


def test_a_small_temperature_lets_the_most_surprised_take_all(episode: Episode) -> None:
    sharp = replace(RECIPE, workspace=replace(RECIPE.workspace, temperature=1e-4))
    life = Mind(sharp, N_OBSERVED).live(episode)
    # Where the second is nearly as surprised, it gets a share.
    first, second = life.surprise.topk(2, dim=-1).values.unbind(-1)
    clear = first - second > 0.01
    assert clear.any() and (life.gate.max(-1).values[clear] > 0.99).all()


def test_nothing_is_heard_with_the_broadcast_off_and_the_neighbour_when_shuffled(mind: Mind, episode: Episode) -> None:
    off, shuffled = mind.live(episode, "off"), mind.live(episode, "shuffled")
    assert all(not off.received[n].context.any() for n in mind.areas)  # type: ignore[union-attr]
    heard = shuffled.received["visual"].context
    assert heard is not None
    for b in range(6):
        assert torch.equal(heard[b, 1:], shuffled.broadcast[(b - 1) % 6, :-1])


def test_a_mind_without_a_workspace_is_one_whose_broadcast_is_off(episode: Episode) -> None:
    off = Mind(replace(RECIPE, workspace=replace(RECIPE.workspace, broadcast="off")), N_OBSERVED)
    none = Mind(replace(RECIPE, workspace=replace(RECIPE.workspace, width=0)), N_OBSERVED)
    for night in range(2):
        lives = off.live(episode), none.live(episode)
        for name in none.parts:
            for one, life in zip((off, none), lives, strict=True):
                one.parts[name].learn(life.received[name], night)
    assert list(none.parts) == ["visual", "language", "association"]
    with torch.no_grad():
        one, other = off.live(episode), none.live(episode)
    for name in none.parts:
        torch.testing.assert_close(one.trace[name].prediction, other.trace[name].prediction)


def test_no_gradient_crosses_from_one_area_to_another(episode: Episode) -> None:
    mind = listening()
    life = mind.live(episode)
    before = {name: {k: v.clone() for k, v in area.memory().items()} for name, area in mind.parts.items()}
    for name, area in mind.parts.items():
        received = life.received[name]
        assert not received.observation.requires_grad and (
            received.context is None or not received.context.requires_grad
        )
        area.plan.objective(area.trace(received.observation, received.context)).total.backward()
        assert any(p.grad is not None and p.grad.any() for p in area.parameters())
        for other, bystander in mind.parts.items():
            if other != name:
                assert all(p.grad is None for p in bystander.parameters()), f"{name} reaches {other}"
        area.zero_grad(set_to_none=True)
    mind.areas["language"].learn(life.received["language"], 0)
    changed = {
        n
        for n, a in mind.parts.items()
        if any(not torch.equal(v, before[n][k]) for k, v in a.memory().items() if k in before[n])
    }
    assert changed == {"language"}


def test_poison_in_every_other_area_changes_nothing_in_the_night_of_one(episode: Episode) -> None:
    clean, poisoned = listening(), listening()
    received = clean.live(episode).received["association"]
    for name, area in poisoned.parts.items():
        if name != "association":
            with torch.no_grad():
                for parameter in area.parameters():
                    parameter.fill_(float("nan"))
    for mind in (clean, poisoned):
        mind.areas["association"].learn(received, 0)
    first, second = (mind.areas["association"].memory() for mind in (clean, poisoned))
    assert first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_nights_in_any_order_give_the_same_mind(episode: Episode) -> None:
    forwards, backwards = listening(), listening()
    for mind, names in ((forwards, list(forwards.parts)), (backwards, list(backwards.parts)[::-1])):
        received = mind.live(episode).received
        for name in names:
            mind.parts[name].learn(received[name], 0)
    for name in forwards.parts:
        one, other = forwards.parts[name].memory(), backwards.parts[name].memory()
        assert all(torch.equal(one[k], other[k]) for k in one)


def test_the_usual_error_of_an_area_is_an_average_over_days(episode: Episode) -> None:
    mind = Mind(RECIPE, N_OBSERVED)
    life = mind.live(episode)
    assert mind.workspace is not None
    mind.workspace.learn(life.received["workspace"], 0)
    trace = life.trace["visual"]
    miss = (trace.embedding[:, 1:] - trace.prediction[:, :-1]).square().mean()
    assert float(mind.workspace.get_buffer("usual_visual")) == pytest.approx(0.5 + 0.5 * float(miss), rel=1e-5)


def test_every_area_is_drawn_from_its_own_stream() -> None:
    fewer = replace(RECIPE, areas=RECIPE.areas[:1])
    one, other = Mind(RECIPE, N_OBSERVED), Mind(fewer, N_OBSERVED)
    first, second = one.areas["visual"].state_dict(), other.areas["visual"].state_dict()
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert one.workspace is not None and other.workspace is not None
    assert torch.equal(one.workspace.get_buffer("wire_visual"), other.workspace.get_buffer("wire_visual"))


def test_more_channels_than_output_neurons_are_refused() -> None:
    wide = replace(RECIPE, workspace=replace(RECIPE.workspace, width=999))
    with pytest.raises(RecipeError, match=r"width is 999, but its output port has \d+ neurons"):
        Mind(wide, N_OBSERVED)


def test_an_embedding_wider_than_what_is_sensed_is_refused() -> None:
    with pytest.raises(RecipeError, match="senses only 16 numbers"):
        Mind(replace(RECIPE, areas=(AreaPlan("visual", ("image",), SMALLEST, latent=17),)), N_OBSERVED)


def test_another_seed_is_another_mind() -> None:
    one, other = Mind(RECIPE, N_OBSERVED), Mind(replace(RECIPE, seed=1), N_OBSERVED)
    assert not torch.equal(one.areas["visual"].encoder.map.weight, other.areas["visual"].encoder.map.weight)


def test_another_night_draws_other_parts_of_the_same_day(episode: Episode) -> None:
    first, second = listening(), listening()
    received = first.live(episode).received["visual"]
    for night, mind in enumerate((first, second)):
        mind.areas["visual"].learn(received, night)
    assert not torch.equal(first.areas["visual"].encoder.map.weight, second.areas["visual"].encoder.map.weight)

"""Acting so that what is foreseen is preferred: the planner against known optima, the world model against a known world."""

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.errors import RecipeError
from anlage.mind.active import HELD, Agent, Upbringing, by_chance, explained, live, shuffled
from anlage.mind.imagination import FAINT, Imagination, Lived, Rehearsal
from anlage.mind.planner import Confused, Deliberation, Goal, Planner
from anlage.mind.policy import AmortisedPolicy
from anlage.seed import Seed


class Known:
    """A world that is known exactly: a point moves by what is done; each predictor is off by its own bias."""

    def __init__(self, *bias: float) -> None:
        self.n_action, self.noise, self.bias = 2, torch.full((2,), 0.1), torch.tensor(bias)

    def imagine(self, latent: Tensor, action: Tensor) -> Tensor:
        course = latent + action.cumsum(1)
        return course + self.bias.reshape(-1, 1, 1, 1) * action.abs()


class Pushed:
    """A point on a line, pushed by what is done, with a pull back to the middle; its reward is that of a fool."""

    name, n_observed, n_action, limit = "pushed", 2, 1, 40

    def __init__(self, reward: float = float("nan")) -> None:
        self.reward = reward

    def begin(self, seed: int) -> np.ndarray:
        self.x = np.random.default_rng(seed).uniform(-0.5, 0.5)
        return self._seen()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        self.x = 0.7 * self.x + 0.3 * float(np.clip(action[0], -1, 1))
        return self._seen(), self.reward, False

    def _seen(self) -> np.ndarray:
        return np.array([self.x, self.x**2])


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def babbled(seed: int) -> Lived:
    generator = draws(seed)
    return live(Pushed(), Seed(seed), lambda _: torch.rand(1, generator=generator) * 2 - 1)[0]


def test_a_planner_in_a_known_world_takes_the_shortest_way_and_stays() -> None:
    planner = Planner(horizon=4, candidates=300, elites=20, iterations=12, curiosity=0.0)
    plan = planner.plan(Known(0.0), torch.zeros(2), Goal(torch.tensor([1.5, -0.5])), draws())
    np.testing.assert_allclose(plan.action.cumsum(0), [[1.0, -0.5], [1.5, -0.5], [1.5, -0.5], [1.5, -0.5]], atol=0.1)
    assert plan.epistemic == 0.0 and plan.pragmatic == pytest.approx(-0.5 * 0.5**2, abs=0.1)
    assert plan.imagined == 12 * 300 * 4


def test_the_two_parts_of_a_plans_worth_are_those_of_their_formulas() -> None:
    course, goal = torch.rand(5, 3, 2, generator=draws()) - 0.5, torch.tensor([0.3, 0.1])
    pragmatic, epistemic = Planner().worth(Known(0.2, -0.4), torch.zeros(2), Goal(goal), course)
    seen = np.stack([course.cumsum(1).numpy() + bias * course.abs().numpy() for bias in (0.2, -0.4)])
    np.testing.assert_allclose(pragmatic, -((seen.mean(0) - goal.numpy()) ** 2).sum((1, 2)) / 2, rtol=1e-5)
    np.testing.assert_allclose(epistemic, np.log1p(seen.var(0) / 0.1).sum((1, 2)) / 2, rtol=1e-5)


def test_of_a_reading_only_what_it_reads_is_preferred_in_its_standard_deviation() -> None:
    course, reading = torch.rand(5, 3, 2, generator=draws()) - 0.5, torch.tensor([[2.0], [1.0]])
    goal = Goal(torch.tensor([0.4]), reading, sd=0.5)
    pragmatic, _ = Planner().worth(Known(0.2, -0.4), torch.zeros(2), goal, course)
    mean = course.cumsum(1).numpy() - 0.1 * course.abs().numpy()
    read = 2 * mean[..., 0] + mean[..., 1]
    np.testing.assert_allclose(pragmatic, -(((read - 0.4) / 0.5) ** 2).sum(1) / 2, rtol=1e-5)


def test_only_the_curious_go_where_predictors_disagree() -> None:
    goal = torch.zeros(2)
    moved = {
        curiosity: Planner(horizon=3, iterations=6, curiosity=curiosity)
        .plan(Known(1.0, -1.0), goal, Goal(goal), draws())
        .action.abs()
        .mean()
        for curiosity in (0.0, 5.0)
    }
    assert moved[0.0] < 0.15 and moved[5.0] > 0.6


def test_a_plan_goes_on_from_the_one_before_it() -> None:
    planner = Planner(horizon=4, candidates=40, elites=8, iterations=1, curiosity=0.0)
    far = torch.tensor([4.0, 4.0])
    once = planner.plan(Known(0.0), torch.zeros(2), Goal(far), draws())
    again = [planner.plan(Known(0.0), torch.zeros(2), Goal(far), draws(1), before).pragmatic for before in (None, once)]
    assert again[1] > again[0]


def test_acting_by_plans_goes_all_the_way_and_keeps_every_plan() -> None:
    goal, at = torch.tensor([1.5, -0.5]), torch.zeros(2)
    acting = Deliberation(Planner(4, 200, 16, 6, 0.0), Known(0.0), lambda seen: seen / 2, Goal(goal), draws())
    for _ in range(4):
        at = at + acting(2 * at)
    np.testing.assert_allclose(at, goal, atol=0.2)
    assert len(acting.plans) == 4 and acting.plans[0].action[:2].sum(0).tolist() == pytest.approx([1.5, -0.5], abs=0.2)


def test_plans_that_are_not_kept_are_made_anew() -> None:
    goal = torch.tensor([4.0, 4.0])

    def twice(keeps: bool) -> float:
        generator = draws()
        acting = Deliberation(
            Planner(4, 40, 8, 1, 0.0), Known(0.0), lambda seen: seen, Goal(goal), generator, keeps=keeps
        )
        acting(torch.zeros(2))
        generator.manual_seed(1)
        acting(torch.zeros(2))
        return acting.plans[1].pragmatic

    alone = Planner(4, 40, 8, 1, 0.0).plan(Known(0.0), torch.zeros(2), Goal(goal), draws(1)).pragmatic
    assert twice(keeps=False) == alone < twice(keeps=True)


def test_the_confused_see_the_same_futures_of_other_courses_and_plan_nothing() -> None:
    course = torch.rand(50, 3, 2, generator=draws()) - 0.5
    seen, true = (
        Confused(Known(0.0), draws(1)).imagine(torch.zeros(2), course),
        Known(0.0).imagine(torch.zeros(2), course),
    )
    order = seen[0, :, -1, 0].argsort(), true[0, :, -1, 0].argsort()
    assert torch.equal(seen[:, order[0]], true[:, order[1]])
    assert int((seen == true).all(-1).all(-1).sum()) < 10
    goal = torch.tensor([1.5, -0.5])
    planned = [
        Planner(4, 200, 16, 6, 0.0).plan(m, torch.zeros(2), Goal(goal), draws())
        for m in (Known(0.0), Confused(Known(0.0), draws(2)))
    ]
    ends = [float((plan.action.sum(0) - goal).norm()) for plan in planned]
    assert ends[0] < 0.2 and ends[1] > 0.6


def test_a_random_action_is_kept_for_a_while() -> None:
    act = by_chance(2, draws())
    done = torch.stack([act(torch.zeros(3)) for _ in range(3 * HELD)]).reshape(3, HELD, 2)
    assert torch.equal(done, done[:, :1].expand_as(done)) and len(done[:, 0].unique(dim=0)) == 3
    assert float(done.abs().max()) <= 1


def test_the_world_model_learns_a_world_and_shuffled_actions_teach_it_nothing() -> None:
    left = []
    lives = [babbled(i) for i in range(6)]
    for each in (lives, [shuffled(life, draws()) for life in lives]):
        model = Imagination(2, 1, draws(), n_latent=4)
        model.learn(each, Rehearsal(150, batch=32), draws())
        with torch.no_grad():
            spread = torch.cat([model.embed(life.observation) for life in lives]).var(0).sum()
        left.append(float(model.surprise(lives).square().sum(1).mean() / spread))
        assert torch.equal(model.noise, model.surprise(each).square().mean(0).clamp_min(FAINT))
    assert left[0] < 0.02 and left[1] > 5 * left[0]


def test_a_frozen_encoder_stays_and_its_predictors_learn_on() -> None:
    lives = [babbled(0)]
    model = Imagination(2, 1, draws(), n_latent=4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.learn(lives, Rehearsal(5), draws(), perception=False)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and not any(name.startswith("encoder") for name in changed)
    model.learn(lives, Rehearsal(5), draws())
    assert not torch.equal(model.state_dict()["encoder.0.weight"], before["encoder.0.weight"])


@pytest.fixture(scope="module")
def grown() -> tuple[Agent, list]:
    rules = Upbringing(3, 2, Rehearsal(150, batch=32), Rehearsal(20, batch=32))
    agent = Agent(Pushed(), np.array([0.6, 0.36]), rules, Planner(4, 40, 6, 2, curiosity=0.0), Seed(1))
    return agent, agent.grow()


def test_an_agent_brings_about_what_it_prefers_and_never_reads_a_reward(grown: tuple[Agent, list]) -> None:
    agent, told = grown
    assert [one.kind for one in told] == ["explores"] * 3 + ["acts"] * 2
    assert agent.model.n_latent == Pushed.n_observed + 1
    assert all(np.isnan(one.score) for one in told)
    last = agent._lives[-1].observation[10:, 0]
    assert float((last - 0.6).abs().mean()) < 0.1
    assert told[-1].imagined == 40 * 2 * 40 * 4
    rewarded = Agent(Pushed(5.0), np.array([0.6, 0.36]), agent.upbringing, agent.planner, Seed(1))
    first = [rewarded._life(life) for life in range(4)][-1]
    assert torch.equal(rewarded._lives[-1].action, agent._lives[3].action) and first.score == 200.0


@pytest.fixture(scope="module")
def choosy() -> Agent:
    rules = Upbringing(3, 2, Rehearsal(150, batch=32), Rehearsal(20, batch=32))
    agent = Agent(
        Pushed(), np.array([0.6, np.nan]), rules, Planner(4, 40, 6, 2, curiosity=0.0), Seed(1), sd=0.5, kept=3
    )
    agent.grow()
    return agent


def test_what_may_be_anything_is_not_preferred_and_the_rest_is_read_from_embeddings(choosy: Agent) -> None:
    goal = choosy.preferred()
    seen = torch.cat([life.observation for life in choosy._lives])
    with torch.no_grad():
        read = choosy.model.embed(seen) @ goal.reading + (choosy.goal[0] - goal.value)
    assert read.shape[1] == 1 and goal.sd == 0.5
    assert float((read[:, 0] - seen[:, 0]).square().mean()) < 0.01 * float(seen[:, 0].var())
    assert float((choosy._lives[-1].observation[10:, 0] - 0.6).abs().mean()) < 0.1


def test_an_action_by_chance_is_kept_as_long_as_the_agent_was_told(choosy: Agent) -> None:
    done = choosy._lives[0].action[:39].reshape(13, 3)
    assert bool((done == done[:, :1]).all()) and len(done[:, 0].unique()) == 13


def test_who_wanders_learns_nothing_and_can_then_read() -> None:
    agent = Agent(Pushed(), np.array([0.6, np.nan]), Upbringing(2, 1), Planner(4, 40, 6, 2), Seed(1))
    before = {name: value.clone() for name, value in agent.model.state_dict().items()}
    with pytest.raises(RecipeError, match=r"Nothing was lived so far.*let the agent wander first"):
        agent.preferred()
    agent.wander()
    assert all(torch.equal(value, before[name]) for name, value in agent.model.state_dict().items())
    assert len(agent._lives) == 2 and agent.preferred().reading.shape == (3, 1)


def test_an_encoder_beside_what_is_observed_adds_to_it() -> None:
    plain, beside = (Imagination(2, 1, draws(), n_latent=4, beside=each) for each in (False, True))
    seen = torch.randn(7, 2, generator=draws(1))
    with torch.no_grad():
        added = beside.embed(seen) - plain.embed(seen)
    torch.testing.assert_close(added, torch.cat([seen, torch.zeros(7, 2)], 1))
    with pytest.raises(RecipeError, match="1 axes have no room for the 2 numbers"):
        Imagination(2, 1, draws(), n_latent=1, beside=True)


def test_what_was_never_seen_surprises(grown: tuple[Agent, list]) -> None:
    agent, _ = grown
    life = agent._lives[-1]
    moved = life.observation.clone()
    moved[20:] = torch.tensor([-0.8, 0.64])
    usual = agent.model.surprise([life]).square().sum(1)
    jump = agent.model.surprise([Lived(moved, life.action)]).square().sum(1)[19]
    assert jump > usual.mean() + 5 * usual.std()


def test_an_amortised_policy_repeats_what_was_done() -> None:
    latent = torch.randn(400, 3, generator=draws())
    action = torch.tanh(latent @ torch.tensor([[1.0], [-0.5], [0.2]]))
    policy = AmortisedPolicy(3, 1, draws())
    with torch.no_grad():
        before = float((policy(latent) - action).square().mean())
    left = policy.imitate(latent, action, draws(), updates=300)
    assert left < 0.02 < before


def test_the_probe_is_the_share_that_is_linear() -> None:
    x = torch.randn(500, 3, generator=draws())
    assert explained(x @ torch.randn(3, 2, generator=draws(1)) + 1, x) == pytest.approx(1, abs=1e-6)
    assert explained(torch.randn(500, 2, generator=draws(2)), x) < 0.05


def test_wrong_input_is_refused_in_a_sentence() -> None:
    with pytest.raises(RecipeError, match="shape \\(3,\\), but 'pushed' shows 2"):
        Agent(Pushed(), np.zeros(3), Upbringing(), Planner(), Seed(0))
    with pytest.raises(RecipeError, match="elites at most"):
        Planner(candidates=5, elites=6)
    with pytest.raises(RecipeError, match="0 lives of exploring"):
        Upbringing(explore=0)
    with pytest.raises(RecipeError, match="No life has 3 actions"):
        Imagination(2, 1, draws()).learn([Lived(torch.zeros(3, 2), torch.zeros(2, 1))], Rehearsal(1), draws())
    with pytest.raises(RecipeError, match="ahead is 0"):
        Rehearsal(1, ahead=0)
    with pytest.raises(RecipeError, match="nothing to imitate; let the agent grow first"):
        Agent(Pushed(), np.zeros(2), Upbringing(), Planner(), Seed(0)).imitate(draws())

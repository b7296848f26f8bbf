"""Practising: pieces of lives, gradients through their memory, what is learned, and going on after an interruption."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.errors import BodyError, CheckpointError, Diverged, RecipeError
from anlage.experience.world import Lives
from anlage.learning.checkpoint import write_checkpoint
from anlage.learning.gaussian import Gaussian
from anlage.learning.policy import Layers, Mover, Policy, along, motor_network, picked
from anlage.learning.ppo import Practice, Practised, _Learner, perform, practise, surrogate
from anlage.learning.recipe import PortChoice
from anlage.learning.rollout import Gatherer, Log, judged, noise_of
from anlage.learning.running import Running
from anlage.network import DenseRecurrent, Leaky, LearningNetwork, Perceptron, Physiology, RecurrentNetwork
from anlage.seed import Seed
from anlage.topology import Topology


class Aim:
    """Each observation is two numbers, and the best action their difference, halved. Falls now and then, as chance has it."""

    name, n_observed, n_action, limit = "aim", 2, 1, 9

    def begin(self, seed: int) -> np.ndarray:
        self.rng = np.random.default_rng(seed)
        return self._next()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        reward = -float((action[0] - (self.seen[0] - self.seen[1]) / 2) ** 2)
        return self._next(), reward, bool(self.rng.random() < 0.1)

    def _next(self) -> np.ndarray:
        self.seen = self.rng.uniform(-1, 1, 2)
        return self.seen


class Recall:
    """A sign is shown once, at the beginning; three steps later it is to be done. Nothing else is worth anything."""

    name, n_observed, n_action, limit = "recall", 2, 1, 4

    def begin(self, seed: int) -> np.ndarray:
        self.sign, self.time = 2 * (seed % 2) - 1, 0
        return np.array([self.sign, 0.0])

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        self.time += 1
        reward = float(np.clip(action[0], -1, 1) * self.sign) if self.time == 4 else 0.0
        return np.array([0.0, self.time == 3]), reward, self.time == 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def six_neurons(seed: int = 0, n_in: int = 2, n_out: int = 1, physiology: Physiology | None = None) -> RecurrentNetwork:
    rng = np.random.default_rng(seed)
    pre, post = np.nonzero(rng.random((6, 6)) < 0.6)
    groups = {"input": np.array([0, 1, 2]), "output": np.array([3, 4, 5])}
    topology = Topology.of(6, pre, post, rng.normal(0, 0.5, len(pre)), groups=groups)
    ports = PortChoice(("input",), ("output",))
    network = motor_network(
        topology, ports, (n_in, n_out), physiology or Physiology(Leaky(0.6), 2, "free"), generator(seed)
    )
    with torch.no_grad():
        network.ports.out.weight *= 50  # so that a wrong state would be seen
    return network


def networks() -> dict[str, LearningNetwork]:
    matrix = 0.4 * torch.randn(5, 5, generator=generator(3))
    return {
        "wiring": six_neurons(),
        "layers": Layers(2, 1, (8,), generator(1)),
        "perceptron-of-3": Perceptron(2, 1, (8,), 3, generator(1)),
        "dense": DenseRecurrent(2, 1, matrix, Leaky(0.5), 1, generator(2)),
    }


def gathered(network: LearningNetwork, practice: Practice, world: type = Aim) -> tuple[_Learner, Log, object]:
    policy = Policy(network, 1, sd=0.5)
    learner = _Learner(policy, Lives([world() for _ in range(practice.bodies)], Seed(4)), practice, Seed(5))
    for iteration in range(2):  # the second begins in the middle of lives
        log, cuts, _ = learner.gatherer.gather(
            policy, practice.stretch, noise_of(Seed(6), iteration, (practice.stretch, practice.bodies, 1))
        )
    return learner, log, cuts


@pytest.mark.parametrize("name", networks())
@pytest.mark.parametrize("segment", [1, 3, 40])
def test_every_step_is_in_one_piece_and_going_through_it_again_gives_what_was_answered(name: str, segment: int) -> None:
    practice = Practice(bodies=3, stretch=21, segment=segment)
    learner, log, cuts = gathered(networks()[name], practice)
    segments, _ = judged(log, cuts, learner.policy, learner.critic, 0.9, 0.8)  # type: ignore[arg-type]
    ended = log.terminated | log.truncated
    assert int(segments.real.sum()) == 21 * 3 and log.terminated.any() and log.truncated.any()
    assert segments.real.shape[1] == min(segment, 21)
    with torch.no_grad():
        mean = learner.policy.along(segments.observation, segments.state)
        again = learner.policy.law.log_density(mean, learner.policy.log_sd, segments.intent)
    torch.testing.assert_close(again[segments.real], segments.log_density[segments.real], rtol=1e-4, atol=1e-4)
    # Each piece lies in one life: observations and intents tell which step it was.
    steps = {tuple(log.intent[t, b].tolist()): (t, b) for t in range(21) for b in range(3)}
    found = []
    for i in range(len(segments)):
        place = [steps[tuple(segments.intent[i, k].tolist())] for k in range(int(segments.real[i].sum()))]
        found += place
        assert all((t + 1, b) == other for (t, b), other in pairwise(place))
        assert not any(ended[t, b] for t, b in place[:-1])
    assert sorted(found) == sorted(steps.values())


def test_gradients_through_a_piece_are_those_of_steps_taken_one_by_one() -> None:
    """The loss of Schulman et al. 2017 written out step by step, on six neurons, each piece from the state it began in."""
    practice = Practice(bodies=2, stretch=14, segment=5, entropy_weight=0.01)
    learner, log, cuts = gathered(six_neurons(), practice)
    segments, _ = judged(log, cuts, learner.policy, learner.critic, 0.9, 0.8)  # type: ignore[arg-type]
    policy, network = learner.policy, learner.policy.network
    with torch.no_grad():  # as if some updates had been made already
        for parameter in policy.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator(7))
    loss, measures = surrogate(policy, learner.critic, segments, practice)
    loss.backward()
    found = [parameter.grad.clone() for parameter in policy.parameters()]  # type: ignore[union-attr]
    policy.zero_grad()
    taken = segments.advantage[segments.real]
    middle, spread = taken.mean(), taken.std(correction=0)
    total, clipped, n = torch.zeros(()), 0, int(segments.real.sum())
    for i in range(len(segments)):
        state = picked(segments.state, torch.tensor([i]))
        for k in range(int(segments.real[i].sum())):
            state, mean = network.step(state, segments.observation[i : i + 1, k])
            law = torch.distributions.Normal(mean, policy.log_sd.exp())
            ratio = (law.log_prob(segments.intent[i, k]).sum() - segments.log_density[i, k]).exp()
            advantage = (segments.advantage[i, k] - middle) / spread
            total = total - torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage) / n
            total = total - 0.01 * law.entropy().sum() / n
            clipped += int(abs(float(ratio.detach()) - 1) > 0.2)
    total.backward()
    assert 0 < clipped < n and float(measures[5]) == pytest.approx(clipped / n)
    for mine, parameter in zip(found, policy.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad, rtol=1e-3, atol=1e-5)


def test_the_end_of_a_life_is_worth_nothing_and_its_cutting_off_what_would_have_come() -> None:
    practice = Practice(bodies=3, stretch=21, segment=1)
    learner, log, cuts = gathered(networks()["layers"], practice)
    segments, _ = judged(log, cuts, learner.policy, learner.critic, 0.9, 0.0)  # type: ignore[arg-type]

    def value(shown: np.ndarray) -> float:
        with torch.no_grad():
            return float(learner.critic.step(learner.critic.start(1), torch.from_numpy(shown)[None])[1])

    goal = {tuple(i.tolist()): float(g) for i, g in zip(segments.intent[:, 0], segments.goal[:, 0], strict=True)}
    for t, b in np.ndindex(21, 3):
        after = (
            0.0 if log.terminated[t, b] else value(log.last[t, b] if log.truncated[t, b] else log.observation[t + 1, b])
        )
        wanted = log.reward[t, b] + 0.9 * after  # with trace 0, the goal is that of one step
        assert goal[tuple(log.intent[t, b].tolist())] == pytest.approx(wanted, abs=1e-5)
        if log.truncated[t, b]:
            assert not np.array_equal(log.last[t, b], log.observation[t + 1, b])


def learned(
    network: LearningNetwork, world: type, practice: Practice, bound: str = "clipped", seed: int = 0
) -> Practised:
    policy = Policy(network, 1, Gaussian(bound), sd=0.5)  # type: ignore[arg-type]
    return practise(policy, [world() for _ in range(practice.bodies)], practice, Seed(seed))


@pytest.mark.parametrize("bound", ["clipped", "squashed"])
def test_a_policy_learns_the_best_action(bound: str) -> None:
    practice = Practice(2_500, stretch=32, segment=1, epochs=5, batch=64, learning_rate=3e-2, last_rate=0.1)
    done = learned(Layers(2, 1, (16,), generator(), 0.01), Aim, practice, bound)
    shown = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    with torch.no_grad():
        answer = done.policy.along(
            torch.from_numpy(done.seen.normal(shown)).float()[:, None], done.policy.network.start(200)
        )
    action = done.policy.law.action(answer)[:, 0, 0]
    best = (shown[:, 0] - shown[:, 1]) / 2
    assert np.mean((action.numpy() - best) ** 2) < 0.15 * np.mean(best**2)
    assert done.curve[-1]["return"] > done.curve[0]["return"] + 1
    assert float(done.policy.log_sd.detach().exp()) < 0.4  # chance, 0.5 at the start, is of no use here


def test_only_what_has_a_memory_learns_to_recall() -> None:
    practice = Practice(1_536, stretch=32, segment=4, epochs=5, batch=128, learning_rate=3e-2, discount=1.0)
    wiring, layers = (
        learned(network, Recall, practice) for network in (six_neurons(2), Layers(2, 1, (16,), generator()))
    )
    worlds = [Recall() for _ in range(40)]
    with_memory, without = (perform(done.policy, done.seen, worlds, Seed(9)) for done in (wiring, layers))
    assert with_memory.mean() > 0.9 and abs(without.mean()) < 0.4


def test_memory_is_learned_through_time_and_not_from_one_step() -> None:
    """With pieces of one step no gradient reaches the moment at which the sign was seen."""
    for segment, moved in ((4, True), (1, False)):
        learner, log, cuts = gathered(
            six_neurons(2, physiology=Physiology(Leaky(1.0), 1, "free")),
            Practice(bodies=4, stretch=16, segment=segment),
            Recall,
        )
        segments, _ = judged(log, cuts, learner.policy, learner.critic, 1.0, 1.0)  # type: ignore[arg-type]
        blind = segments.observation.clone()
        blind[..., 1] = 0
        network = learner.policy.network
        last = segments.observation[..., 1] > 0.5  # the moment that asks for the sign
        mean = along(network, blind, segments.state)
        (mean[..., 0] * last).sum().backward()
        weight = network.ports.into.weight.grad[:, 0]  # type: ignore[union-attr]
        shown = (segments.observation[..., 0] * last).abs().max()
        assert bool(weight.abs().max() > 1e-4 + shown) is moved


def same(one: Practised, other: Practised) -> bool:
    numbers = [(d.policy.state_dict() | {f"c.{k}": v for k, v in d.critic.state_dict().items()}) for d in (one, other)]
    return (
        one.curve == other.curve
        and one.lives == other.lives
        and all(torch.equal(a, b) for a, b in zip(numbers[0].values(), numbers[1].values(), strict=True))
    )


class Killed(Exception):
    pass


@pytest.mark.parametrize(("kind", "settle"), [("wiring", 0), ("wiring", 3), ("perceptron-of-3", 0)])
def test_a_practice_killed_anywhere_goes_on_to_the_same_end_bit_for_bit(kind: str, settle: int, tmp_path: Path) -> None:
    practice = Practice(5 * 2 * 12, bodies=2, stretch=12, segment=5, epochs=2, batch=15, last_rate=0.2, save_every=2)
    practice = replace(practice, settle=settle, critic_rate=1e-2 if settle else None)

    def run(checkpoint: Path | None, kill_after: int | None = None) -> Practised:
        moments = 0

        class Fragile(Aim):
            def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
                nonlocal moments
                moments += 1
                if moments == kill_after:
                    raise Killed
                return super().step(action)

        return practise(
            Policy(networks()[kind], 1), [Fragile() for _ in range(2)], practice, Seed(1), checkpoint=checkpoint
        )

    whole = run(None)
    assert len(whole.curve) == 5 and len(whole.lives) > 8
    path = tmp_path / "kept.safetensors"
    for moment in (20, 60, 58):  # of what is still to be lived or to be lived again
        with pytest.raises(Killed):
            run(path, moment)
    assert path.exists() and same(run(path), whole)
    assert same(run(path), whole)  # nothing is left to do


def test_a_checkpoint_of_another_practice_policy_or_seed_is_refused(tmp_path: Path) -> None:
    practice, path = Practice(80, bodies=2, stretch=20), tmp_path / "kept.safetensors"

    def run(practice: Practice = practice, network: LearningNetwork | None = None, seed: int = 0) -> None:
        worlds = [Aim() for _ in range(2)]
        practise(Policy(network or six_neurons(), 1), worlds, practice, Seed(seed), checkpoint=path)

    run()
    for other in ({"practice": replace(practice, clip=0.1)}, {"network": six_neurons(1)}, {"seed": 1}):
        with pytest.raises(CheckpointError, match="belongs to another recipe or another wiring"):
            run(**other)  # type: ignore[arg-type]
    known = Running(2)
    known.see(np.eye(2))
    with pytest.raises(CheckpointError, match="belongs to another recipe or another wiring"):
        worlds = [Aim() for _ in range(2)]
        practise(Policy(six_neurons(), 1), worlds, practice, Seed(0), seen=known, checkpoint=path)
    write_checkpoint(path, "x", {"a": torch.zeros(1)}, {})
    with pytest.raises(CheckpointError):
        run()


@pytest.mark.parametrize("settled", [True, False])
def test_who_learned_to_see_before_goes_on_seeing_so_and_adapts_unless_it_is_settled(settled: bool) -> None:
    known = Running(2)
    known.see(np.array([[3.0, 0.0], [5.0, 0.0], [4.0, 6.0]]))
    mean = known.mean.copy()
    seen = known.settled() if settled else known
    practice = Practice(40, bodies=2, stretch=20)
    done = practise(Policy(six_neurons(), 1), [Aim(), Aim()], practice, Seed(0), seen=seen)
    assert done.seen is seen and np.array_equal(seen.mean, mean) == settled
    assert seen.count == (3 if settled else 3 + 2 + 40)
    if not settled:  # nearly all that was seen lies around 0
        np.testing.assert_allclose(seen.mean, 3 * mean / 45, atol=0.25)


def test_a_wiring_without_neurons_for_a_body_is_refused_in_one_sentence() -> None:
    topology = Topology.of(
        3, np.array([0]), np.array([1]), np.ones(1), groups={"input": np.array([0]), "none": np.array([], int)}
    )
    for ports, said in (
        (PortChoice(("input",), ("motor",)), "no neurons that could move it (group motor)"),
        (PortChoice(("none",), ("all",)), "no neurons that could hear a body (group none)"),
    ):
        with pytest.raises(BodyError) as error:
            motor_network(topology, ports, (2, 1), Physiology(), generator())
        assert said in str(error.value) and str(error.value).endswith("as its ports.")


def test_what_is_not_a_number_ends_a_practice_in_one_sentence() -> None:
    class Endless(Aim):
        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
            observation, _, over = super().step(action)
            return observation, float("nan"), over

    with pytest.raises(Diverged, match="The loss became nan in iteration 0; lower the learning rate"):
        learned(six_neurons(), Endless, Practice(100, bodies=2, stretch=10))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"steps": 0}, "steps of a practice is 0, but must be at least 1"),
        ({"discount": 1.1}, "discount of a practice is 1.1, but must lie between 0 and 1"),
        ({"clip": 0.0}, "clip of a practice is 0.0, but must be a positive number"),
        ({"entropy_weight": -1.0}, "entropy_weight of a practice is -1.0, but must be 0 or more"),
        ({"critic_rate": 0.0}, "critic_rate of a practice is 0.0, but must be a positive number"),
        ({"settle": -1}, "settle of a practice is -1, but must lie between 0 and its 49 iterations of 8 x 256 steps"),
        ({"settle": 50}, "settle of a practice is 50, but must lie between 0 and its 49 iterations"),
    ],
)
def test_an_impossible_practice_is_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        Practice(**wrong)  # type: ignore[arg-type]


def test_as_many_worlds_as_bodies_are_asked_for() -> None:
    with pytest.raises(RecipeError, match="1 worlds were given to a practice of 8 bodies"):
        practise(Policy(six_neurons(), 1), [Aim()], Practice(), Seed(0))


def test_bodies_side_by_side_do_not_feel_each_other() -> None:
    """A mover of three bodies, one of which begins again, against three movers of one."""
    network, shown = six_neurons(), torch.randn(5, 3, 2, generator=generator(1))
    together, alone = Mover(network, 3), [Mover(network, 1) for _ in range(3)]
    for t in range(5):
        answers = together.step(shown[t])
        apart: list[Tensor] = [mover.step(shown[t, b : b + 1]) for b, mover in enumerate(alone)]
        torch.testing.assert_close(answers, torch.cat(apart), rtol=1e-5, atol=1e-6)
        if t == 2:
            together.begin_again(torch.tensor([False, True, False]))
            alone[1] = Mover(network, 1)


def test_observations_and_rewards_are_scaled_as_they_come() -> None:
    gatherer = Gatherer(Lives([Aim(), Aim()], Seed(0)), 4, 0.9)
    log, _, ended = gatherer.gather(Policy(six_neurons(), 1), 30, torch.zeros(30, 2, 1))
    assert gatherer.seen.count == 2 * 31 and gatherer.steps == 60
    assert abs(log.observation[-1]).max() < 3 and np.isfinite(log.reward).all()
    assert sum(life.length for life in ended) <= 60 and all(life.total < 0 for life in ended)


def test_a_reward_is_divided_by_the_deviation_of_discounted_sums_within_lives() -> None:
    class Told(Aim):
        limit = 3

        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
            self.told = getattr(self, "told", 0) + 1
            return super().step(action)[0], float(self.told % 5 - 1), False

    log, *_ = Gatherer(Lives([Told()], Seed(0)), 4, 0.5).gather(Policy(six_neurons(), 1), 8, torch.zeros(8, 1, 1))
    sums: list[float] = []
    for step in range(1, 9):
        reward = float(step % 5 - 1)
        sums.append(reward + (0.5 * sums[-1] if step % 3 != 1 else 0.0))
        wanted = np.clip(reward / np.sqrt(np.var(sums) + 1e-8), -10, 10)
        assert log.reward[step - 1, 0] == pytest.approx(wanted, rel=1e-6)

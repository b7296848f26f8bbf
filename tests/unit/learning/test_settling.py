"""Going on from what a policy can do already: a critic that settles first, at a rate of its own, and checkpoints from before."""

from dataclasses import asdict
from hashlib import sha256

import numpy as np
import pytest
import torch
from torch import Tensor

from anlage.experience.world import Lives
from anlage.learning.policy import Layers, Policy, motor_network
from anlage.learning.ppo import Practice, Practised, _Learner, practise
from anlage.learning.recipe import PortChoice
from anlage.network import Leaky, LearningNetwork, Physiology
from anlage.seed import Seed
from anlage.topology import Topology

FIRST = (
    "steps",
    "bodies",
    "stretch",
    "segment",
    "epochs",
    "batch",
    "learning_rate",
    "last_rate",
    "discount",
    "trace",
    "clip",
)
FIRST += ("value_weight", "entropy_weight", "gradient_norm", "critic", "normalised", "save_every")
"""The words of a practice when checkpoints were first written, in their order."""


class Clock:
    """Shows the time since a life began, of four steps, and pays 1 for each, whatever is done."""

    name, n_observed, n_action, limit = "clock", 1, 1, 4

    def begin(self, seed: int) -> np.ndarray:
        self.time = 0
        return np.array([-1.0])

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        self.time += 1
        return np.array([self.time / 2 - 1]), 1.0, self.time == 4


def wiring() -> LearningNetwork:
    rng = np.random.default_rng(0)
    pre, post = np.nonzero(rng.random((6, 6)) < 0.6)
    groups = {"input": np.array([0, 1, 2]), "output": np.array([3, 4, 5])}
    topology = Topology.of(6, pre, post, rng.normal(0, 0.5, len(pre)), groups=groups)
    physiology = Physiology(Leaky(0.6), 2, "free")
    return motor_network(
        topology, PortChoice(("input",), ("output",)), (1, 1), physiology, torch.Generator().manual_seed(0)
    )


def layers() -> LearningNetwork:
    return Layers(1, 1, (8,), torch.Generator().manual_seed(0))


def learner(practice: Practice, network: LearningNetwork | None = None) -> _Learner:
    worlds = [Clock() for _ in range(practice.bodies)]
    return _Learner(Policy(network or wiring(), 1), Lives(worlds, Seed(1)), practice, Seed(2))


def numbers(of: _Learner | Practised) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    policy, critic = ({name: p.clone() for name, p in part.state_dict().items()} for part in (of.policy, of.critic))
    return policy, critic


@pytest.mark.parametrize("network", [wiring, layers])
def test_while_the_critic_settles_the_policy_is_the_same_to_the_bit_and_then_it_learns(network: object) -> None:
    practice = Practice(4 * 24, bodies=2, stretch=12, segment=5, epochs=2, batch=15, settle=3, entropy_weight=0.1)
    at_work = learner(practice, network())  # type: ignore[operator]
    policy, critic = numbers(at_work)
    for iteration in range(4):
        at_work.iterate(iteration)
        now, then = numbers(at_work), (policy, critic)
        still, learned = (all(torch.equal(a[name], b[name]) for name in a) for a, b in zip(now, then, strict=True))
        assert still is (iteration < 3) and not learned
        assert (abs(at_work.curve[-1]["divergence"]) < 1e-7) is (iteration < 3)
        critic = now[1]
    assert not torch.equal(now[0]["log_sd"], policy["log_sd"])


def test_a_critic_that_settled_expects_what_will_be_earned() -> None:
    """1 a step until a life of four is over: 1 + g + g^2 + g^3 at its beginning, in the unit in which rewards were shown."""
    practice = Practice(15 * 32, bodies=8, stretch=4, segment=1, epochs=8, batch=8, discount=0.8, normalised=False)
    settling = {"settle": practice.iterations, "learning_rate": 1e-8, "critic_rate": 1e-2, "last_rate": 0.1}
    at_work = learner(Practice(**{**asdict(practice), **settling}), layers())
    for iteration in range(practice.iterations):
        at_work.iterate(iteration)
    unit = np.sqrt(at_work.gatherer.worth.variance[0])
    with torch.no_grad():
        found = at_work.critic.unroll(torch.tensor([[[-1.0], [-0.5], [0.0], [0.5]]]))[1][0, :, 0].numpy()
    expected = [sum(0.8**k for k in range(4 - time)) for time in range(4)]
    np.testing.assert_allclose(found * unit, expected, rtol=0.03)
    assert at_work.curve[-1]["value_explained"] > 0.98


@pytest.mark.parametrize(("critic_rate", "step"), [(None, 1e-3), (4e-2, 4e-2)])
def test_policy_and_critic_each_take_first_steps_of_their_own_rate(critic_rate: float | None, step: float) -> None:
    """The first step of Adam is the rate in every number that has a gradient (Kingma & Ba 2015, section 2.1)."""
    practice = Practice(
        2 * 24,
        bodies=2,
        stretch=12,
        segment=5,
        epochs=1,
        batch=100,
        learning_rate=1e-3,
        critic_rate=critic_rate,
        last_rate=0.0,
    )
    at_work = learner(practice)
    before = numbers(at_work)
    at_work.iterate(0)
    after = numbers(at_work)
    moved = [max(float((b[name] - a[name]).abs().max()) for name in a) for a, b in zip(before, after, strict=True)]
    np.testing.assert_allclose(moved, [1e-3, step], rtol=0.02)
    at_work.iterate(1)  # the last rate of both is none
    for a, b in zip(after, numbers(at_work), strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_checkpoint_from_before_there_was_settling_is_known_again_and_one_with_it_is_another() -> None:
    practice = Practice(96, bodies=2, stretch=12)
    at_work = learner(practice)
    known = {name: 1 if name == "save_every" else asdict(practice)[name] for name in FIRST}
    total = sha256(repr(("clock", 1, 1, 4, known, Seed(2), at_work.policy.law)).encode())
    for part in (at_work.policy, at_work.critic):
        for name, tensor in (*part.named_parameters(), *part.named_buffers()):
            total.update(name.encode() + tensor.detach().numpy().tobytes())
    assert at_work.identity == total.hexdigest()[:16]
    others = (Practice(96, bodies=2, stretch=12, settle=1), Practice(96, bodies=2, stretch=12, critic_rate=3e-4))
    assert len({at_work.identity, *(learner(other).identity for other in others)}) == 3


def test_a_practice_may_be_nothing_but_settling() -> None:
    policy = Policy(layers(), 1)
    born = {name: p.clone() for name, p in policy.state_dict().items()}
    done = practise(policy, [Clock()], Practice(16, bodies=1, stretch=8, settle=2), Seed(0))
    assert len(done.curve) == 2 and all(torch.equal(p, born[name]) for name, p in done.policy.state_dict().items())

"""The same practice here and in Stable-Baselines3: same first weights, same lives, same chance, same order of learning.

    python benchmarks/ppo_parity.py

Nothing is left then that could differ but the algorithm and the rounding. Lives of the swimmer are cut to 37 steps, so that many
end within a stretch. Every weight of policy and critic is compared after more and more updates, into results/ppo_parity.json.
"""

import json
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import torch
from numpy import ndarray
from stable_baselines3 import PPO
from stable_baselines3.common.distributions import DiagGaussianDistribution
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import Tensor

from anlage.experience.bodies import open_world
from anlage.experience.world import SEED_BITS, World
from anlage.learning.policy import Layers, Policy
from anlage.learning.ppo import Practice, Practised, practise
from anlage.learning.rollout import noise_of
from anlage.seed import Seed
from machine import RESULTS, describe
from ppo import Surroundings

BODY, LIMIT, BODIES, STRETCH = "swimmer", 37, 8, 64
ITERATIONS = (1, 2, 4, 8)
SEED = Seed(0)


def short() -> World:
    """The body with a short life."""
    world = open_world(BODY)
    world.limit = LIMIT
    return world


class SameLives(Surroundings):
    """The lives that ``Lives`` gives to one of its bodies."""

    def __init__(self, body: int) -> None:
        super().__init__(short())
        self._lives, self._life = SEED.child("lives").child(body), 0

    def reset(self, **_: object):  # type: ignore[no-untyped-def]
        """The next one."""
        self._age, self._life = 0, self._life + 1
        return self._world.begin(self._lives.child(self._life - 1).integer % (1 << SEED_BITS)), {}


class SameChance:
    """The numbers that ``practise`` draws, in the order in which Stable-Baselines3 asks for them."""

    def __init__(self, n_action: int) -> None:
        self._n_action, self._steps = n_action, 0

    def sample(self, law: DiagGaussianDistribution) -> Tensor:
        """What is done in the next step of every body."""
        iteration, step = divmod(self._steps, STRETCH)
        self._steps += 1
        if step == 0:
            self._noise = noise_of(SEED, iteration, (STRETCH, BODIES, self._n_action))
            self._order = torch.Generator().manual_seed(SEED.child("order").child(iteration).integer)
        return torch.addcmul(law.distribution.mean, law.distribution.stddev, self._noise[step])

    def permutation(self, n: int) -> ndarray:
        """The next order: there body by body, here step by step."""
        order = torch.randperm(n, generator=self._order).numpy()
        return order % BODIES * STRETCH + order // BODIES


def born() -> tuple[Policy, Layers]:
    """Policy and critic as they are before any practice."""
    world = short()
    of_policy, of_critic = (torch.Generator().manual_seed(SEED.child(name).integer) for name in ("policy", "critic"))
    network = Layers(world.n_observed, world.n_action, (64, 64), of_policy, 0.01)
    return Policy(network, world.n_action), Layers(world.n_observed, 1, Practice().critic, of_critic)


def here(practice: Practice) -> Practised:
    """Practised with the house's own."""
    return practise(born()[0], [short() for _ in range(BODIES)], practice, SEED)


def there(practice: Practice) -> PPO:
    """Practised with Stable-Baselines3, from the same weights."""
    side = VecNormalize(DummyVecEnv([lambda body=body: SameLives(body) for body in range(BODIES)]))
    side.obs_rms.count = side.ret_rms.count = 0.0  # else it pretends to have seen a ten-thousandth of a moment
    words = {"n_steps": STRETCH, "batch_size": practice.batch, "n_epochs": practice.epochs, "device": "cpu"}
    learner = PPO("MlpPolicy", side, learning_rate=practice.learning_rate, **words)
    with torch.no_grad():
        for mine, theirs in zip(weights(*born()), of_baselines(learner), strict=True):
            theirs.copy_(mine)
    chance = SameChance(side.action_space.shape[0])
    with (
        patch.object(DiagGaussianDistribution, "sample", lambda law: chance.sample(law)),
        patch.object(np.random, "permutation", chance.permutation),
    ):
        learner.learn(practice.steps)
    return learner


def weights(policy: Policy, critic: Layers) -> Iterator[Tensor]:
    """All that is learned here."""
    yield from (*policy.network.parameters(), *critic.parameters(), policy.log_sd)


def of_baselines(learner: PPO) -> Iterator[Tensor]:
    """All that is learned there, in the same order."""
    parts = learner.policy.mlp_extractor
    yield from (*parts.policy_net.parameters(), *learner.policy.action_net.parameters())
    yield from (*parts.value_net.parameters(), *learner.policy.value_net.parameters(), learner.policy.log_std)


def flat(parts: Iterator[Tensor]) -> Tensor:
    """All in one row."""
    return torch.cat([part.detach().flatten() for part in parts])


def main() -> None:
    """Compare them."""
    torch.set_num_threads(1)
    first, found = flat(weights(*born())), {}
    for iterations in ITERATIONS:
        practice = Practice(iterations * BODIES * STRETCH, BODIES, STRETCH, segment=1, epochs=10)
        done = here(practice)
        mine, theirs = flat(weights(done.policy, done.critic)), flat(of_baselines(there(practice)))
        updates = iterations * practice.epochs * BODIES * STRETCH // practice.batch
        moved, apart = (float((mine - other).abs().max()) for other in (first, theirs))
        found[updates] = {"moved": moved, "apart": apart, "lives": len(done.lives)}
        print(updates, found[updates], flush=True)
    content = {"machine": describe(), "n_weights": len(first), "after_updates": found}
    (RESULTS / "ppo_parity.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()

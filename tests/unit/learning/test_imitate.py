"""Imitation, of an expert whose actions are a known function of what it observes."""

import numpy as np
import pytest
import torch

from anlage.errors import BodyError, RecipeError
from anlage.learning.imitate import Apprenticeship, Demonstrations, dagger, demonstrate, imitate
from anlage.learning.policy import Layers, Policy, motor_network
from anlage.learning.ppo import perform
from anlage.learning.recipe import PortChoice
from anlage.learning.running import LEAST
from anlage.network import Leaky, Physiology
from anlage.seed import Seed
from anlage.topology import Topology

DRIFT = np.array([[1.0, 0.1], [-0.05, 0.98]])
PUSH = np.array([[0.0], [0.1]])
GAIN, REST = np.array([[-0.5, -0.8]]), np.array([0.07])


class Linear:
    """``x' = A x + B u + chance``; every step costs ``|x|^2``."""

    name, n_observed, n_action, limit = "linear", 2, 1, 15

    def begin(self, seed: int) -> np.ndarray:
        self.rng = np.random.default_rng(seed)
        self.x = self.rng.uniform(-1, 1, 2)
        return self.x

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        self.x = DRIFT @ self.x + PUSH @ action + self.rng.normal(0, 0.02, 2)
        return self.x, -float(self.x @ self.x), False


def expert(observation: np.ndarray) -> np.ndarray:
    return np.asarray(observation @ GAIN.T + REST)


def worlds(n: int = 6) -> list[Linear]:
    return [Linear() for _ in range(n)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_linear_expert_of_a_linear_system_is_recovered_to_rounding() -> None:
    shown = demonstrate(expert, worlds(12), Seed(0))
    policy = Policy(Layers(2, 1, (), generator()), 1).double()
    seen, errors = imitate(policy, shown, Apprenticeship(400, 12, 0.1), Seed(1))
    layer = policy.network.layers[0]  # type: ignore[union-attr]
    weight = layer.weight.detach().numpy() / np.sqrt(seen.variance + LEAST)  # type: ignore[union-attr]
    np.testing.assert_allclose(weight, GAIN, atol=1e-7)
    np.testing.assert_allclose(layer.bias.detach().numpy() - weight @ seen.mean, REST, atol=1e-7)  # type: ignore[union-attr]
    assert errors[-1] < 1e-13 < errors[0]


def test_demonstrations_are_what_was_lived_and_what_the_expert_did() -> None:
    shown = demonstrate(expert, worlds(3), Seed(0), steps=10)
    assert shown.observation.shape == (3, 10, 2) and shown.real.all()
    np.testing.assert_allclose(shown.action, shown.observation @ GAIN.T + REST)
    ahead = shown.observation[:, :-1] @ DRIFT.T + shown.action[:, :-1] @ PUSH.T
    left = shown.observation[:, 1:] - ahead
    assert 0.005 < left.std() < 0.05  # the system's own chance, and no more


def test_an_expert_led_astray_is_told_of_as_if_it_had_not_been() -> None:
    done: list[np.ndarray] = []

    class Watched(Linear):
        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
            done.append(action)
            return super().step(action)

    shown = demonstrate(expert, [Watched() for _ in range(40)], Seed(0), stray=0.2)
    np.testing.assert_allclose(shown.action, shown.observation @ GAIN.T + REST)
    moved = np.array(done).reshape(15, 40, 1).transpose(1, 0, 2)
    inside = np.abs(moved) < 1
    strayed = (moved - shown.action)[inside]
    assert abs(strayed.mean()) < 0.03 and strayed.std() == pytest.approx(0.2, rel=0.1) and inside.mean() > 0.9
    assert not np.array_equal(moved[0], moved[1])
    again = demonstrate(expert, worlds(40), Seed(0), stray=0.2)
    assert np.array_equal(shown.observation, again.observation)


def test_of_a_life_that_ends_early_only_what_was_lived_counts() -> None:
    class Short(Linear):
        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
            observation, reward, _ = super().step(action)
            self.age = getattr(self, "age", 0) + 1
            return observation, reward, self.age == 4

    shown = demonstrate(expert, [Short(), Linear()], Seed(0), steps=9)
    assert shown.real.sum(1).tolist() == [4, 9]
    # What comes after the end is another life's, or nothing: it must not be learned from.
    lies = Demonstrations(shown.observation, np.where(shown.real[..., None], shown.action, 99.0), shown.real)
    policies = [Policy(Layers(2, 1, (), generator()), 1) for _ in range(2)]
    found = [imitate(p, s, Apprenticeship(20, 2), Seed(1))[1] for p, s in zip(policies, (shown, lies), strict=True)]
    assert found[0] == found[1]


def test_the_pupil_lives_where_its_own_mistakes_lead_it_and_the_expert_says_what_to_do_there() -> None:
    stubborn = Policy(Layers(2, 1, (), generator()), 1)
    with torch.no_grad():
        stubborn.network.layers[0].weight.zero_()  # type: ignore[union-attr]
        stubborn.network.layers[0].bias.fill_(1.0)  # type: ignore[union-attr]
    seen, _ = imitate(
        Policy(Layers(2, 1, (), generator()), 1), demonstrate(expert, worlds(), Seed(0)), Apprenticeship(1), Seed(0)
    )
    shown = demonstrate(expert, worlds(2), Seed(0), pupil=(stubborn, seen), share=0.5)
    led, own = shown.observation
    assert own[-1, 1] > led[-1, 1] + 0.3  # always pushed up
    np.testing.assert_allclose(shown.action, shown.observation @ GAIN.T + REST)


def test_dagger_teaches_a_wiring_with_a_memory_to_do_as_well_as_its_expert() -> None:
    rng = np.random.default_rng(0)
    pre, post = np.nonzero(rng.random((12, 12)) < 0.4)
    groups = {"input": np.arange(6), "output": np.arange(6, 12)}
    topology = Topology.of(12, pre, post, rng.normal(0, 0.4, len(pre)), groups=groups)
    ports, physiology = PortChoice(("input",), ("output",)), Physiology(Leaky(0.8), 2, "free")
    policy = Policy(motor_network(topology, ports, (2, 1), physiology, generator()), 1)
    seen, errors = dagger(policy, expert, worlds(8), Apprenticeship(40, 8, 0.05), Seed(2), rounds=2)
    assert len(errors) == 2 and errors[-1] < 0.01
    pupil = perform(policy, seen, worlds(8), Seed(5)).mean()
    lived = demonstrate(expert, worlds(8), Seed(5)).observation[:, 1:]
    idle = demonstrate(lambda seen: np.zeros((len(seen), 1)), worlds(8), Seed(5)).observation[:, 1:]
    best, worst = (-np.square(each).sum((1, 2)).mean() for each in (lived, idle))
    assert pupil > best - 0.3 * (best - worst)


def test_impossible_apprenticeships_and_experts_are_refused() -> None:
    with pytest.raises(RecipeError, match="updates of an apprenticeship is 0"):
        Apprenticeship(0)
    with pytest.raises(RecipeError, match="rounds is 0"):
        dagger(Policy(Layers(2, 1, (), generator()), 1), expert, worlds(), Apprenticeship(1), Seed(0), rounds=0)
    with pytest.raises(BodyError, match="actions are not finite numbers"):
        demonstrate(lambda seen: seen[:, :1] * np.nan, worlds(), Seed(0))
    one, other = (demonstrate(expert, worlds(2), Seed(0), steps=n) for n in (4, 5))
    with pytest.raises(RecipeError, match="cannot be put together"):
        one.beside(other)


@pytest.mark.parametrize("length", [1, 4, 9, 20])
def test_pieces_of_lives_are_the_same_moments_in_the_same_order(length: int) -> None:
    shown = demonstrate(expert, worlds(3), Seed(0), steps=9)
    cut = shown.pieces(length)
    assert cut.observation.shape == (3 * -(-9 // length), length, 2)
    assert cut.real.sum(1).max() == min(length, 9)
    for whole, part in ((shown.observation, cut.observation), (shown.action, cut.action)):
        np.testing.assert_array_equal(part[cut.real], whole[shown.real])


def test_pieces_after_the_end_of_a_life_are_left_out() -> None:
    shown = demonstrate(expert, worlds(2), Seed(0), steps=9)
    ended = Demonstrations(shown.observation, shown.action, np.arange(9) < np.array([[4], [9]]))
    assert ended.pieces(3).real.sum(1).tolist() == [3, 1, 3, 3, 3]
    assert ended.pieces(4).real.tolist() == [[True] * 4] * 3 + [[True, False, False, False]]


def test_without_memory_a_pupil_learns_the_same_from_pieces() -> None:
    shown = demonstrate(expert, worlds(4), Seed(0), steps=9)
    policies = [Policy(Layers(2, 1, (), generator()), 1).double() for _ in range(2)]
    how = (Apprenticeship(30, 4, 0.1), Apprenticeship(30, 12, 0.1))
    given = zip(policies, (shown, shown.pieces(3)), how, strict=True)
    found = [imitate(policy, lives, plan, Seed(1))[1] for policy, lives, plan in given]
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_a_piece_without_length_is_refused() -> None:
    with pytest.raises(RecipeError, match="length of a piece is 0"):
        demonstrate(expert, worlds(1), Seed(0), steps=3).pieces(0)
